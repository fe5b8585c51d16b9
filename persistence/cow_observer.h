// What a snapshot costs in memory while it is being written, seen from outside the child.
//
// Problem: copy-on-write happens in the kernel, page by page, and the exact figure (the child's Private_Dirty in
// smaps_rollup) takes the kernel a walk over all page tables, tens of milliseconds per gigabytes of small pages. A
// child that measures itself does so between keys, and one huge key blinds it.
//
// Solution: a thread of the parent reads the exact figure from outside, as often as two thirds of a percent of the time
// allow, and in between adds what the cheap counters say was copied since: every minor fault of the parent gave it a
// page, and those that did not make it grow were copies, unless the child had given that page back before.
// docs/decisions/0002-copy-on-write-report.md defines every figure.
//
// Thread: the event loop calls in; the observer's own thread samples. It holds its lock for copies of a few
// words only, so no call waits for the kernel. The thread starts with the first watch() and is joined by the
// destructor. A forked child must not call in here.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "memory/chunk_pool.h"
#include "memory/process_memory.h"
#include "memory/process_pages.h"

namespace cowslip::persistence {

// One look at parent and child. Bytes, unless the name says otherwise.
struct CowFigures {
  int64_t measured_at_us = 0;  // monotonic; 0: nothing was measured yet
  int64_t exact_at_us = 0;     // when copied_bytes was last read from the kernel and not computed
  uint64_t copied_bytes = 0;   // what the kernel copied: the pages that are the child's alone
  int64_t growth_bytes = 0;    // parent's resident now + copied_bytes - parent's resident at the fork
  uint64_t parent_resident = 0;
  uint64_t child_resident = 0;
  uint64_t parent_minor_faults = 0;  // since the fork
  uint64_t parent_page_tables = 0;
  uint64_t child_page_tables = 0;
};

// What the kernel said after a walk over the child's page tables. Bytes.
struct ExactReading {
  int64_t at_us = 0;                // monotonic: the middle of the walk
  uint64_t copied = 0;              // the child's Private_Dirty
  uint64_t child_proportional = 0;  // Pss
  uint64_t child_resident = 0;
  uint64_t parent_anonymous = 0;  // RssAnon
  // Beside the engine's memory (memory/process_pages.h): pages that are the child's alone, and by how much the parent
  // has grown since the fork. Empty: could not be read.
  std::optional<uint64_t> copied_outside = {};
  std::optional<int64_t> parent_growth_outside = {};
};

// What is known of a whole save, so far or at its end.
struct CowSummary {
  CowFigures last;
  uint64_t peak_bytes = 0;     // of copied_bytes
  uint64_t average_bytes = 0;  // of the exact readings
  int64_t growth_peak = 0;     // of growth_bytes
  // What minor faults add up to as copies since the fork, never set right by an exact reading, and what was given back
  // never taken off. New huge pages hide copies of the same moment.
  uint64_t copied_by_faults = 0;
  std::optional<ExactReading> exact;  // the last one
  uint64_t exact_readings = 0;
  uint64_t cheap_readings = 0;
  int64_t sampling_us = 0;  // time spent reading, all together
  int64_t watched_us = 0;   // since the fork
};

// What the child said of itself with its last breath.
struct ChildMemoryReport {
  uint64_t private_dirty = 0;
  uint64_t resident = 0;
  uint64_t page_tables = 0;
  std::optional<uint64_t> private_outside = {};  // beside the engine's memory
};

class CowObserver {
 public:
  // `chunks` are the dataset's: they tell what was written in place although a child still reads it.
  explicit CowObserver(const memory::ChunkPool& chunks) : chunks_(chunks) {}
  ~CowObserver();
  CowObserver(const CowObserver&) = delete;
  CowObserver& operator=(const CowObserver&) = delete;

  // Starts sampling `child`. `at_fork` is what read_process_counters() said of this process just before the fork, which
  // took `fork_us`: it walked the same page tables as an exact reading has to, so this is what one will take.
  void watch(pid_t child, const memory::ProcessCounters& at_fork, int64_t fork_us);
  // The child's own last report has arrived. It is exact, and the child is about to go: it is measured no more, and the
  // parent once, now.
  void add_final_report(const ChildMemoryReport& report);
  // The child has ended. The figures are final: its own if it left some, otherwise the last that found it alive.
  CowSummary finish();

  CowSummary summary() const;
  // Those since the last call, a few hundred at most: the oldest are dropped.
  std::vector<ExactReading> take_exact_readings();

 private:
  // When each kind of reading is due, and what it costs.
  struct Schedule {
    int64_t exact_due_us;
    int64_t cheap_due_us;
  };
  // What the estimate is reckoned from: minor faults of both processes, their anonymous memory in bytes, and what
  // ChunkPool says was written although it was frozen. They keep moving while the kernel walks the page tables, so an
  // exact reading is held to belong to the middle of its walk.
  struct Counts {
    int64_t faults = 0;
    int64_t parent_anonymous = 0;
    int64_t child_anonymous = 0;
    int64_t frozen_bytes_written = 0;
    int64_t fresh_bytes_returned = 0;
  };
  // What has to be left out to see the memory that the ledger does not account for, in each of the two processes.
  struct Outside {
    std::vector<memory::AddressSpan> engine;            // that the child has
    std::vector<memory::AddressSpan> engine_in_parent;  // all of it
    std::optional<uint64_t> parent_at_fork;             // bytes outside

    // Bytes outside now; `made`: what has come to the engine's memory since the fork.
    std::optional<uint64_t> parent_now(std::vector<memory::AddressSpan> made) const;
    std::optional<int64_t> parent_growth(std::vector<memory::AddressSpan> made) const;
  };
  // Parent and child, read together.
  struct Reading {
    memory::ProcessCounters parent = {};
    memory::ProcessCounters child = {};
    std::optional<ExactReading> exact;  // read from the kernel, not estimated
    Counts counts;
    int64_t at_us = 0;
    int64_t took_us = 0;  // of the event loop's, the child's or a processor's time
  };

  void run();
  void watch_one(std::unique_lock<std::mutex>& lock);
  std::optional<Reading> read(pid_t child, bool exact, const Outside& outside) const;
  bool read_exactly(pid_t child, const Outside& outside, Reading& reading) const;
  bool read_counters(pid_t child, Reading& reading) const;
  // The following need mutex_.
  void record(const Reading& reading);
  void start_estimate(uint64_t copied, const Counts& counts);
  uint64_t estimate_copied(const Counts& now);
  void add_to_total(int64_t copied);

  const memory::ChunkPool& chunks_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool stopping_ = false;
  pid_t child_ = 0;          // 0: nobody to measure
  uint64_t generation_ = 0;  // raised whenever child_ changes, so that a reading of an older child is dropped
  memory::ProcessCounters at_fork_;
  Counts last_counts_;
  int64_t last_exact_ = 0;  // copied bytes
  int64_t copied_ = 0;      // the same and what was added since; less than it where new memory comes in huge pages
  int64_t hidden_ = 0;      // by how much new huge pages made the estimate smaller since the last exact reading
  int64_t given_back_ = 0;  // by the child, and not written to by the parent since, as far as we know
  int64_t fault_debt_ = 0;  // of copied_by_faults: counters that did not move at the same time
  int64_t announced_ = 0;   // bytes the server was about to write in place, their faults still to be seen
  int64_t forked_at_us_ = 0;
  uint64_t exact_peak_ = 0;
  uint64_t exact_sum_ = 0;
  int64_t fork_us_ = 0;
  CowSummary summary_;
  Outside to_leave_out_;  // not yet looked at
  std::vector<ExactReading> exact_readings_;
  std::thread thread_;
};

}  // namespace cowslip::persistence
