// What the kernel says about a process's memory: the instruments of every experiment of the lab.
//
// smaps_rollup walks the page tables and is exact; statm and the counters of status may lag by some pages per core on
// newer kernels. All sizes are bytes. The readers work for any process of the same user.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace cowslip::bench {

struct ProcessMemory {
  uint64_t resident = 0;       // Rss: every page that is mapped, shared ones in full
  uint64_t proportional = 0;   // Pss: a page that two processes map counts half
  uint64_t shared = 0;         // pages that another process, or another mapping, has too
  uint64_t private_clean = 0;  // pages nobody else maps, unchanged since they came from a file
  uint64_t private_dirty = 0;  // pages nobody else maps, written to
  uint64_t anonymous = 0;      // pages without a file behind them: heap, stack, and every private copy
  uint64_t huge = 0;           // the part of `anonymous` that is mapped as 2 MiB pages
  uint64_t page_tables = 0;    // VmPTE: what the kernel needs to know where all this is
  uint64_t minor_faults = 0;   // since the process began: a page was mapped or copied, no disk involved
  uint64_t major_faults = 0;   // since the process began: a page came from disk
};

// Ends the program when the process has no memory any more: what it had would pass for nothing.
ProcessMemory observe(pid_t pid);
ProcessMemory observe_self();

// Nanoseconds of CLOCK_MONOTONIC.
int64_t now_ns();

// The memory control group in which the lab runs, if there is one: counts each page once, whoever maps it. Constant
// after construction.
class Group {
 public:
  // `usage_file` holds one number; of `stat_file` the line that begins with `anonymous_field` counts. Any may be empty.
  Group(std::string usage_file, std::string stat_file, std::string anonymous_field);
  bool known() const { return !usage_file_.empty(); }
  // Everything that is charged: anonymous memory, cached files, page tables.
  uint64_t usage() const;
  // Anonymous memory of all processes in the group.
  uint64_t anonymous() const;

 private:
  const std::string usage_file_, stat_file_, anonymous_field_;
};

}  // namespace cowslip::bench
