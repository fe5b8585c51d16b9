#include "memory/process_memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <string>
#include <string_view>

#include "base/file.h"

namespace cowslip::memory {
namespace {

// Plain system calls into a fixed buffer: a forked child may call this whatever its parent's threads held.
Result<std::string> read_proc_file(pid_t pid, const char* name) {
  char path[64];
  *fmt::format_to_n(path, sizeof path - 1, "/proc/{}/{}", pid == 0 ? getpid() : pid, name).out = '\0';
  UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(ErrorCode::kNotFound, fmt::format("{}: no such process", path));
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ESRCH) return fail(ErrorCode::kNotFound, fmt::format("{}: no such process", path));
    if (n < 0) return fail_errno(path);
    if (n == 0) return text;
    text.append(buffer, static_cast<size_t>(n));
  }
}

// The number of KiB on the line that starts with `name` and a colon, in bytes; 0 when there is no such line.
uint64_t kib_field(std::string_view text, std::string_view name) {
  for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if ((at != 0 && text[at - 1] != '\n') || text.substr(at + name.size(), 1) != ":") continue;
    const size_t digits = text.find_first_not_of(" \t", at + name.size() + 1);
    if (digits == std::string_view::npos) return 0;
    uint64_t kib = 0;
    std::from_chars(text.data() + digits, text.data() + text.size(), kib);
    return kib * 1024;
  }
  return 0;
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

Result<MemoryRollup> read_memory_rollup(pid_t pid) {
  const auto text = read_proc_file(pid, "smaps_rollup");
  if (!text) return std::unexpected(text.error());
  if (text->empty()) return fail(ErrorCode::kNotFound, "smaps_rollup: the process has no memory any more");
  return MemoryRollup{.resident = kib_field(*text, "Rss"),
                      .proportional = kib_field(*text, "Pss"),
                      .shared_clean = kib_field(*text, "Shared_Clean"),
                      .shared_dirty = kib_field(*text, "Shared_Dirty"),
                      .private_clean = kib_field(*text, "Private_Clean"),
                      .private_dirty = kib_field(*text, "Private_Dirty"),
                      .anonymous = kib_field(*text, "Anonymous"),
                      .anon_huge_pages = kib_field(*text, "AnonHugePages"),
                      .swap = kib_field(*text, "Swap")};
}

Result<ProcessCounters> read_process_counters(pid_t pid) {
  const auto status = read_proc_file(pid, "status");
  if (!status) return std::unexpected(status.error());
  const auto stat = read_proc_file(pid, "stat");
  if (!stat) return std::unexpected(stat.error());
  return ProcessCounters{.resident = kib_field(*status, "VmRSS"),
                         .resident_anon = kib_field(*status, "RssAnon"),
                         .page_tables = kib_field(*status, "VmPTE"),
                         .swap = kib_field(*status, "VmSwap"),
                         .minor_faults = stat_field(*stat, 10),
                         .major_faults = stat_field(*stat, 12)};
}

uint64_t total_system_memory() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace cowslip::memory
