#include "memory/cgroup_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "memory/kernel_text.h"

namespace cowslip::memory {
namespace {

// What the two versions call the same things.
struct Names {
  std::string_view usage, limit, second_limit, events;
  std::string_view inactive_file, active_file, anonymous;
};
constexpr Names kNamesV1 = {.usage = "memory.usage_in_bytes",
                            .limit = "memory.limit_in_bytes",
                            .second_limit = "",
                            .events = "memory.oom_control",
                            .inactive_file = "total_inactive_file",
                            .active_file = "total_active_file",
                            .anonymous = "total_rss"};
// memory.high is no limit that kills, but a process beyond it is held up until it stays below, which for a server is
// the end of service.
constexpr Names kNamesV2 = {.usage = "memory.current",
                            .limit = "memory.max",
                            .second_limit = "memory.high",
                            .events = "memory.events",
                            .inactive_file = "inactive_file",
                            .active_file = "active_file",
                            .anonymous = "anon"};

const Names& names_of(CgroupVersion version) {
  return version == CgroupVersion::kV1 ? kNamesV1 : kNamesV2;
}

// Version 1 says "no limit" with the largest number of whole pages that an int64 holds, whatever the size of a page.
constexpr uint64_t kNoLimitV1 = uint64_t{1} << 62;

UniqueFd open_in(const std::string& folder, std::string_view name) {
  return UniqueFd(::open((folder + "/" + std::string(name)).c_str(), O_RDONLY | O_CLOEXEC));
}

bool has_file(const std::string& folder, std::string_view name) {
  return ::access((folder + "/" + std::string(name)).c_str(), R_OK) == 0;
}

// The number in a file; kUnlimited for "max", for what means no limit, and for no such file.
uint64_t limit_in(const std::string& folder, std::string_view name) {
  if (name.empty()) return kUnlimited;
  const auto text = read_kernel_file(folder + "/" + std::string(name));
  const uint64_t limit = text ? leading_number(*text).value_or(kUnlimited) : kUnlimited;
  return limit >= kNoLimitV1 ? kUnlimited : limit;
}

// Before Linux 5.11 a group of version 1 did not count what its children took, unless told so.
bool counts_children(const std::string& folder) {
  const auto text = read_kernel_file(folder + "/memory.use_hierarchy");
  return !text || leading_number(*text).value_or(1) != 0;
}

std::string membership(const std::string& root) {
  return read_kernel_file(root + "/proc/self/cgroup").value_or("");
}

// An open file from its start, in a buffer on the stack. No file read here is larger.
class Reread {
 public:
  explicit Reread(const UniqueFd& file) {
    const ssize_t n = file ? ::pread(file.get(), buffer_, sizeof buffer_, 0) : 0;
    length_ = n > 0 ? static_cast<size_t>(n) : 0;
  }
  std::string_view text() const { return {buffer_, length_}; }

 private:
  char buffer_[8192];
  size_t length_;
};

}  // namespace

uint64_t CgroupReading::room() const {
  if (!limited()) return kUnlimited;
  const uint64_t taken = usage - std::min(usage, reclaimable_cache);
  return limit - std::min(limit, taken);
}

CgroupMemory::CgroupMemory(std::string root) : root_(std::move(root)) {
  find();
}

// ---- which groups there are ----

void CgroupMemory::find() {
  groups_.clear();
  events_.reset();
  kills_together_ = false;
  membership_ = membership(root_);
  const CgroupMounts mounts(root_);
  version_ = CgroupVersion::kV1;
  if (find_groups(mounts.memory_v1())) return;
  version_ = CgroupVersion::kV2;
  if (find_groups(mounts.unified())) return;
  version_ = mounts.unified_counts_memory() ? CgroupVersion::kV2 : CgroupVersion::kNone;
}

bool CgroupMemory::moved() const {
  return membership(root_) != membership_;
}

bool CgroupMemory::find_groups(const std::vector<CgroupPlace>& places) {
  for (const CgroupPlace& place : places) {
    climb(place);
    if (!groups_.empty()) return true;
  }
  return false;
}

void CgroupMemory::climb(const CgroupPlace& place) {
  std::string folder = place.mount + place.below;
  if (::access(folder.c_str(), X_OK) != 0) return;
  std::optional<Group> own;
  std::string highest;
  for (;;) {
    look_at(folder, own);
    if (own) highest = folder;
    if (folder.size() <= place.mount.size()) break;
    folder.erase(folder.rfind('/'));
    if (version_ == CgroupVersion::kV1 && !counts_children(folder)) break;
  }
  if (!own) return;
  add_hidden_limit(*own, highest);
  if (groups_.empty()) groups_.push_back(std::move(*own));
  tightest_ = tightest();
}

// The first folder that counts memory is the process's own group; it and those above it that have a limit are kept.
void CgroupMemory::look_at(const std::string& folder, std::optional<Group>& own) {
  const Names& names = names_of(version_);
  if (!has_file(folder, names.usage)) return;
  const auto together = read_kernel_file(folder + "/memory.oom.group");
  if (together && leading_number(*together) == 1) kills_together_ = true;
  const uint64_t limit = std::min(limit_in(folder, names.limit), limit_in(folder, names.second_limit));
  if (!own) {
    own = open_group(folder, limit);
    events_ = open_in(folder, names.events);
  }
  if (limit != kUnlimited) groups_.push_back(open_group(folder, limit));
}

CgroupMemory::Group CgroupMemory::open_group(const std::string& folder, uint64_t limit) const {
  return {.path = folder,
          .limit = limit,
          .usage = open_in(folder, names_of(version_).usage),
          .statistics = open_in(folder, "memory.stat")};
}

// Version 1 tells of limits above what a container sees. Whom else they hold is unknown; at least what is seen.
void CgroupMemory::add_hidden_limit(const Group& own, const std::string& highest) {
  const uint64_t hidden =
      number_in_line(Reread(own.statistics).text(), "hierarchical_memory_limit").value_or(kUnlimited);
  const auto least = std::ranges::min_element(groups_, {}, &Group::limit);
  const uint64_t seen = least == groups_.end() ? kNoLimitV1 : least->limit;
  if (hidden < seen) groups_.push_back(open_group(highest, hidden));
}

// ---- what they say ----

CgroupReading CgroupMemory::read_group(const Group& group) const {
  const Names& names = names_of(version_);
  const Reread usage(group.usage);
  const Reread statistics(group.statistics);
  const auto statistic = [&](std::string_view name) { return number_in_line(statistics.text(), name).value_or(0); };
  return {.version = version_,
          .path = group.path,
          .limit = group.limit,
          .usage = leading_number(usage.text()).value_or(0),
          .reclaimable_cache = statistic(names.inactive_file) + statistic(names.active_file),
          .anonymous = statistic(names.anonymous),
          .oom_kills = std::nullopt,
          .kills_together = kills_together_};
}

size_t CgroupMemory::tightest() const {
  size_t best = 0;
  uint64_t least_room = kUnlimited;
  for (size_t i = 0; i < groups_.size() && groups_.size() > 1; i++) {
    const uint64_t room = read_group(groups_[i]).room();
    if (room < least_room) best = i;
    least_room = std::min(least_room, room);
  }
  return best;
}

CgroupReading CgroupMemory::read() const {
  CgroupReading least;
  least.version = version_;
  for (const Group& group : groups_) {
    CgroupReading reading = read_group(group);
    if (least.path.empty() || reading.room() < least.room()) least = std::move(reading);
  }
  if (events_) least.oom_kills = number_in_line(Reread(events_).text(), "oom_kill");
  return least;
}

uint64_t CgroupMemory::usage() const {
  if (groups_.empty()) return 0;
  return leading_number(Reread(groups_[tightest_].usage).text()).value_or(0);
}

}  // namespace cowslip::memory
