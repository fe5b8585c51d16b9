// What matters of the machine to a server that forks, as plain facts: read once, judged by system_check.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "memory/kernel_memory.h"
#include "memory/memory_limits.h"

namespace cowslip::server {

// From /proc/sys/kernel/osrelease. Distributions take single changes back to older versions, so what can be tried is
// not judged by this.
struct KernelVersion {
  int major = 0;  // 0: unknown
  int minor = 0;
  bool known() const { return major != 0; }
  bool older_than(int other_major, int other_minor) const {
    return known() && (major < other_major || (major == other_major && minor < other_minor));
  }
};

// Sizes in bytes.
struct SystemFacts {
  std::string kernel_release;
  KernelVersion kernel;

  // /sys/kernel/mm/transparent_hugepage: the word in brackets; empty when there is no such file.
  std::string huge_pages;             // enabled: always, madvise, never
  std::string huge_pages_2m;          // hugepages-2048kB/enabled (Linux 6.8): inherit, or one of those
  std::string huge_page_defrag;       // defrag: always, defer, defer+madvise, madvise, never
  bool huge_pages_forbidden = false;  // by that, or for this process (PR_SET_THP_DISABLE)
  bool huge_pages_accepted = false;   // the kernel takes MADV_HUGEPAGE
  bool collapse_works = false;        // it knows MADV_COLLAPSE

  memory::MemoryLimits limits;
  uint64_t swapped = 0;   // VmSwap: of this process, not in memory
  int oom_score_adj = 0;  // /proc/self/oom_score_adj
};

// `root` stands for "/": tests put a folder there. `kernel` is tried out: whether it takes advice on huge pages.
SystemFacts gather_system_facts(const std::string& root = "/",
                                memory::KernelMemory& kernel = memory::real_kernel_memory());

}  // namespace cowslip::server
