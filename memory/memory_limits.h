// What limits this process's memory on this machine: control groups, the machine's free memory, the commit limit,
// resource limits. `maxmemory` is the server's own affair and not here.
//
//     MemoryLimitReader reader;              // looks at everything
//     headroom(reader.limits()).bytes        // what can still be taken, and headroom(...).limit says before which
//                                            // limit
//     reader.update();                       // the figures that move, every 10 to 100 ms if need be
//     reader.follow();                       // the same, and everything if the process is in another group: before a
//                                            // fork, for which clients wait
//     reader.refresh();                      // everything again, limits too: once a second
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "memory/cgroup_memory.h"

namespace cowslip::memory {

// vm.overcommit_memory: whether the kernel hands out more memory than it has.
enum class Overcommit : uint8_t {
  kHeuristic = 0,  // refuses what can obviously never fit
  kAlways = 1,
  kNever = 2,  // counts all that processes might write to; beyond CommitLimit, allocations and forks fail
};

// Bytes. What could not be read is 0, kUnlimited for limits.
struct MemoryLimits {
  uint64_t machine_total = 0;      // MemTotal
  uint64_t machine_available = 0;  // MemAvailable: free, or free once page cache is given up
  uint64_t swap_total = 0;
  uint64_t swap_free = 0;
  Overcommit overcommit = Overcommit::kHeuristic;
  uint64_t commit_limit = 0;  // CommitLimit; it holds with Overcommit::kNever only
  uint64_t committed = 0;     // Committed_AS
  CgroupReading cgroup;
  uint64_t address_space_limit = kUnlimited;  // RLIMIT_AS, soft
  uint64_t data_limit = kUnlimited;           // RLIMIT_DATA, soft
  // VmData: what counts against it, and what a fork has to commit. Read when it is set, and with Overcommit::kNever.
  uint64_t data_used = 0;
};

// What can still be taken before the first limit that applies, and which that is.
struct Headroom {
  uint64_t bytes = kUnlimited;
  uint64_t total = kUnlimited;  // that limit: the group's limit, the machine's memory, CommitLimit, RLIMIT_DATA
  // "cgroup v1 limit", "cgroup v2 limit", "free memory of the machine", "commit limit (vm.overcommit_memory=2)",
  // "data limit (RLIMIT_DATA)"; "no limit" when nothing is known.
  std::string_view limit = "no limit";
  bool of_machine = false;  // all processes take from it
};

// The least of:
// - the group's limit, less what it uses, its reclaimable page cache not counted;
// - MemAvailable. Swap is not counted: a dataset that is swapped out is no longer in memory;
// - CommitLimit less Committed_AS, with Overcommit::kNever;
// - RLIMIT_DATA less VmData, when it is set.
// RLIMIT_AS is left out: it counts addresses, and most of ours are reserved at the start, used or not. Pure.
Headroom headroom(const MemoryLimits& limits);

// One thread at a time per object.
class MemoryLimitReader {
 public:
  // `root` stands for "/": tests put a folder there. Reads everything.
  explicit MemoryLimitReader(std::string root = "/");

  // As of the last look.
  const MemoryLimits& limits() const { return limits_; }
  // Reads everything again, groups and limits too.
  const MemoryLimits& refresh();
  // Reads what moves by itself: the group's usage, the machine's free memory, what is committed. Microseconds to tens.
  const MemoryLimits& update();
  // update(), or refresh() if this process was moved to another group. A limit that was changed is not seen.
  const MemoryLimits& follow() { return cgroup_.moved() ? refresh() : update(); }
  // The cheapest: the group's usage, all that is charged. 0 without a group.
  uint64_t cgroup_usage() const { return cgroup_.usage(); }

 private:
  void read_meminfo();

  const std::string root_;
  CgroupMemory cgroup_;
  MemoryLimits limits_;
  UniqueFd meminfo_;
};

// One look at everything, for who needs no second one.
MemoryLimits read_memory_limits(const std::string& root = "/");

}  // namespace cowslip::memory
