// What the kernel says of a process's memory, read from /proc. All sizes in bytes. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/error.h"

namespace cowslip::memory {

// The sums over all mappings (/proc/PID/smaps_rollup). Exact, but the kernel walks every page table of the process to
// make them: tens of milliseconds per few gigabytes of 4 KiB pages, during which the process cannot map or unmap.
struct MemoryRollup {
  uint64_t resident = 0;      // Rss
  uint64_t proportional = 0;  // Pss: each shared page divided by the number of processes that map it
  uint64_t shared_clean = 0;
  uint64_t shared_dirty = 0;
  uint64_t private_clean = 0;
  uint64_t private_dirty =
      0;  // of a forked child: pages that only it still has, hence copied (or let go) by the parent
  uint64_t anonymous = 0;
  uint64_t anon_huge_pages = 0;
  uint64_t swap = 0;
};

// Counters the kernel keeps at hand anyway (/proc/PID/status and stat): cheap, microseconds.
struct ProcessCounters {
  uint64_t resident = 0;       // VmRSS
  uint64_t resident_anon = 0;  // RssAnon
  uint64_t page_tables = 0;    // VmPTE
  uint64_t swap = 0;           // VmSwap
  uint64_t minor_faults = 0;   // page faults served without the disk, the copies of copy-on-write among them
  uint64_t major_faults = 0;
};

// pid 0 is the calling process. Fails with kNotFound once the process is gone, also when it still waits to be reaped.
Result<MemoryRollup> read_memory_rollup(pid_t pid = 0);
Result<ProcessCounters> read_process_counters(pid_t pid = 0);

// The same for a signal handler and for a forked child: system calls and the stack, nothing else. False when there is
// nothing to read; `into` is then as it was.
bool read_memory_rollup_signal_safe(pid_t pid, MemoryRollup& into);
bool read_process_counters_signal_safe(pid_t pid, ProcessCounters& into);

// Physical memory of the machine.
uint64_t total_system_memory();

}  // namespace cowslip::memory
