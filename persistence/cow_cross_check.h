// The ledger held against the kernel: is the account of what a save cost complete?
//
// The ledger (memory/cow_ledger.h) counts on the event loop, the kernel's figures are read by the observer's thread,
// and both move while one looks. So the ledger is looked at several times a second, and what it said when the kernel
// was read is interpolated between the two looks around that moment.
//
// What is compared:
// - *rollup*: Private_Dirty of the child, against the pages that are the child's alone by the ledger and, of the memory
//   that the ledger does not know (heap, stacks, libraries), the pages that pagemap says are the child's alone.
// - *faults*: what all minor faults since the fork add up to as copies, against all copies of the ledger.
//   Of readings of nearly the same size the one counts that the ledger stood most still at.
// - *process*: growth of the parent's anonymous memory and the child's Private_Dirty, against the ledger's growth and,
//   for the memory that the ledger does not know, that of pagemap.
// - *cgroup*: growth of the group's anonymous memory, against the same.
//
// Plain arithmetic, no thread of its own.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "persistence/cow_observer.h"
#include "persistence/save_record.h"

namespace cowslip::persistence {

// Less than this is not compared. The child's stack and buffers move by a few pages between the walk for the rollup and
// the one over pagemap, and counters of several processors are summed up by the kernel a few dozen pages late.
inline constexpr int64_t kLeastCopies = 256 << 10;
inline constexpr int64_t kLeastGrowth = 4 << 20;

// (ledger - measure) / measure; empty when the measure is less than `least`.
std::optional<double> difference(int64_t ledger, int64_t measure, int64_t least);

// What the ledger says at one moment. Bytes.
struct LedgerLook {
  int64_t at_us = 0;         // monotonic
  uint64_t child_alone = 0;  // pages that are the child's alone
  int64_t growth = 0;        // of both processes since the fork, the engine's memory only
  uint64_t moved = 0;        // how far child_alone went between the looks around, where this is between two
};

class CowCrossCheck {
 public:
  // A child was forked at `at_us`, by a process with so much anonymous memory.
  void begin(int64_t at_us, uint64_t parent_anonymous);
  // Looks come in the order of time, readings of the kernel in theirs. A reading waits for the look after it.
  void add(const LedgerLook& look);
  void add(const ExactReading& reading);
  // The group's anonymous memory has grown by so much since the fork, when the last look was taken.
  void add_cgroup_growth(int64_t bytes);
  // By all minor faults so far, against all copies of the ledger so far. With small pages it is told but not compared:
  // there each page that the child has given back costs a fault, too, and no counter tells that from a copy.
  void set_faults(uint64_t by_faults, uint64_t ledger_total, bool huge_pages);

  // The largest figure read outside the engine so far.
  uint64_t outside_peak() const { return outside_peak_; }
  const CrossCheck& result() const { return result_; }

 private:
  void compare(const ExactReading& reading);
  bool tells_more(const ExactReading& reading, uint64_t moved) const;
  std::optional<LedgerLook> at(int64_t at_us) const;

  uint64_t parent_anonymous_at_fork_ = 0;
  uint64_t outside_peak_ = 0;
  uint64_t moved_ = 0;            // at the reading that counts for the rollup
  int64_t growth_outside_ = 0;    // of both processes, as of the last reading
  std::deque<LedgerLook> looks_;  // the last few
  std::deque<ExactReading> waiting_;
  CrossCheck result_;
};

}  // namespace cowslip::persistence
