// The memory control group this process is in: its limit, and how much of it is taken.
//
// Problem: a limit may stand at any level of the hierarchy above the process, a level may be out of sight (a container
// sees the hierarchy from its own group on, or a part of it), the files have other names in versions 1 and 2, and both
// may be mounted while only one of them controls memory. And who watches a limit reads it many times a second.
//
// Solution: find() looks once for the groups from the process's own up to the mount's root and keeps the files of those
// that matter open; read() rereads the figures only. What counts is the group with the least room, for that is where
// the kernel kills first.
//
// One thread at a time per object. The files are closed on exec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "memory/cgroup_mounts.h"

namespace cowslip::memory {

inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

enum class CgroupVersion : uint8_t { kNone, kV1, kV2 };

// Bytes.
struct CgroupReading {
  CgroupVersion version = CgroupVersion::kNone;  // kNone: no group counts this process's memory
  std::string path;             // the folder of the group with the least room; of the process's own if none is limited
  uint64_t limit = kUnlimited;  // the least of that group's limits: v1 limit_in_bytes; v2 memory.max, memory.high
  uint64_t usage = 0;           // all that is charged to that group, page cache and kernel memory too
  uint64_t reclaimable_cache = 0;     // of it, pages of files: they go before anybody is killed
  uint64_t anonymous = 0;             // of it, memory of processes: stays, as long as there is no swap
  std::optional<uint64_t> oom_kills;  // in the process's own group, since it was made

  // Version 2's memory.oom.group: at the limit, the kernel ends all processes of the group instead of one.
  bool kills_together = false;

  bool limited() const { return limit != kUnlimited; }
  // What can still be taken before the limit; kUnlimited without one.
  uint64_t room() const;
};

class CgroupMemory {
 public:
  // `root` stands for "/": tests put a folder there.
  explicit CgroupMemory(std::string root = "/");

  // Looks up anew which groups there are and what their limits are: somebody may have moved the process, or changed a
  // limit. A dozen or two of small files, some tenths of a millisecond; once a second is enough.
  void find();
  // Whether this process is in other groups than at the last find(). One small file.
  bool moved() const;
  // Usage, cache and kills as of now, limits as of the last find(). Two small files for each group with a limit, or
  // for the process's own.
  CgroupReading read() const;
  // Only the usage, of the group that had the least room at the last find(): one small file. 0 when there is no group.
  uint64_t usage() const;

  CgroupVersion version() const { return version_; }

 private:
  struct Group {
    std::string path;
    uint64_t limit = kUnlimited;
    UniqueFd usage;
    UniqueFd statistics;
  };

  bool find_groups(const std::vector<CgroupPlace>& places);
  void climb(const CgroupPlace& place);
  void look_at(const std::string& folder, std::optional<Group>& own);
  void add_hidden_limit(const Group& own, const std::string& highest);
  Group open_group(const std::string& folder, uint64_t limit) const;
  CgroupReading read_group(const Group& group) const;
  size_t tightest() const;

  const std::string root_;
  std::string membership_;  // as /proc/self/cgroup had it at the last find()
  CgroupVersion version_ = CgroupVersion::kNone;
  std::vector<Group> groups_;  // with limits, from the own one upwards; or the own one alone
  size_t tightest_ = 0;        // among them, as of the last find()
  bool kills_together_ = false;
  UniqueFd events_;  // of the own group, where kills are counted
};

}  // namespace cowslip::memory
