#include "memory/process_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/file.h"

namespace cowslip::memory {
namespace {

// A file of /proc/PID, in a buffer on the stack. Larger than any file read here ever is.
class ProcFile {
 public:
  ProcFile(pid_t pid, std::string_view name) {
    char path[64] = "/proc/";
    char* end = std::to_chars(path + 6, path + sizeof path, pid == 0 ? ::getpid() : pid).ptr;
    *end++ = '/';
    name.copy(end, name.size());
    end[name.size()] = '\0';
    const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
    if (fd) read_all(fd.get());
  }
  bool ok() const { return ok_; }
  std::string_view text() const { return {buffer_, length_}; }

 private:
  // smaps_rollup of a process that is gone is empty or fails with ESRCH, depending on how far gone it is.
  void read_all(int fd) {
    while (length_ < sizeof buffer_) {
      const ssize_t n = ::read(fd, buffer_ + length_, sizeof buffer_ - length_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return;
      if (n == 0) break;
      length_ += static_cast<size_t>(n);
    }
    ok_ = length_ > 0;
  }

  char buffer_[8192];
  size_t length_ = 0;
  bool ok_ = false;
};

// What follows `name` and a colon at the start of a line; empty when there is no such line.
std::string_view field(std::string_view text, std::string_view name) {
  for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if ((at != 0 && text[at - 1] != '\n') || text.substr(at + name.size(), 1) != ":") continue;
    return text.substr(at + name.size() + 1);
  }
  return {};
}

bool has_field(std::string_view text, std::string_view name) {
  return !field(text, name).empty();
}

// The number of KiB there, in bytes; 0 when there is no such line.
uint64_t kib_field(std::string_view text, std::string_view name) {
  std::string_view value = field(text, name);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  uint64_t kib = 0;
  std::from_chars(value.data(), value.data() + value.size(), kib);
  return kib * 1024;
}

// Field `number` (from 1, as proc(5) counts them) of /proc/PID/stat. The command name may hold spaces and brackets.
uint64_t stat_field(std::string_view text, int number) {
  size_t at = text.rfind(')');
  for (int field = 2; field < number && at != std::string_view::npos; field++) at = text.find(' ', at + 1);
  if (at == std::string_view::npos) return 0;
  uint64_t value = 0;
  std::from_chars(text.data() + at + 1, text.data() + text.size(), value);
  return value;
}

}  // namespace

bool read_memory_rollup_signal_safe(pid_t pid, MemoryRollup& into) {
  const ProcFile file(pid, "smaps_rollup");
  if (!file.ok()) return false;
  const std::string_view text = file.text();
  into = {.resident = kib_field(text, "Rss"),
          .proportional = kib_field(text, "Pss"),
          .shared_clean = kib_field(text, "Shared_Clean"),
          .shared_dirty = kib_field(text, "Shared_Dirty"),
          .private_clean = kib_field(text, "Private_Clean"),
          .private_dirty = kib_field(text, "Private_Dirty"),
          .anonymous = kib_field(text, "Anonymous"),
          .anon_huge_pages = kib_field(text, "AnonHugePages"),
          .swap = kib_field(text, "Swap")};
  return true;
}

bool read_process_counters_signal_safe(pid_t pid, ProcessCounters& into) {
  const ProcFile status(pid, "status");
  const ProcFile stat(pid, "stat");
  // A process that has ended but was not reaped has a status without memory.
  if (!status.ok() || !stat.ok() || !has_field(status.text(), "VmRSS")) return false;
  into = {.resident = kib_field(status.text(), "VmRSS"),
          .resident_anon = kib_field(status.text(), "RssAnon"),
          .page_tables = kib_field(status.text(), "VmPTE"),
          .swap = kib_field(status.text(), "VmSwap"),
          .minor_faults = stat_field(stat.text(), 10),
          .major_faults = stat_field(stat.text(), 12)};
  return true;
}

namespace {

std::unexpected<Error> no_such_process(pid_t pid) {
  return fail(ErrorCode::kNotFound, fmt::format("process {} is gone, or may not be looked at", pid));
}

}  // namespace

Result<MemoryRollup> read_memory_rollup(pid_t pid) {
  MemoryRollup rollup;
  if (!read_memory_rollup_signal_safe(pid, rollup)) return no_such_process(pid);
  return rollup;
}

Result<ProcessCounters> read_process_counters(pid_t pid) {
  ProcessCounters counters;
  if (!read_process_counters_signal_safe(pid, counters)) return no_such_process(pid);
  return counters;
}

uint64_t total_system_memory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace cowslip::memory
