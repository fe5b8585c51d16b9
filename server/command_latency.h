// How long clients waited for their replies, inside and outside of saves.
//
// Problem: the execution time of a command (LatencyMonitor, LATENCY HISTOGRAM) does not show the stall of a fork: only
// BGSAVE looks slow, while every other client waited as long. When a request became readable the kernel does not tell,
// and a reading of the clock for each request would cost more than it is worth.
//
// Solution: the latency of a request is taken from the turns of the event loop (one wait and the work after it), once
// per turn, for all commands of the turn together:
//
//        turn k                        turn k + 1
//     ──┬──────────────────────┬─wait─┬───────────────────────┬─wait─
//       W' reads and executes, │      W                       E
//          timers, sends       E'
//
// - Its end is E, when all replies of the turn have been handed to the kernel.
// - Its start is W, the end of the wait that reported it, if the loop slept in that wait (then nobody had been waiting)
//   or if the client was served in the turn before, too (a client that waits for its replies cannot have sent more
//   before the sends of that turn, which end at E').
// - Otherwise the request came while the loop was at work in turn k, and its start is W', the end of the wait before:
//   the earliest moment at which it can have become readable. Whoever waited through a fork counts the whole fork.
//
// So a figure is an upper bound of what the client waited for this process, at most one turn too high, with these
// exceptions. A client that sends without waiting for its replies, and was served in the turn before, may have waited
// up to that turn longer. What arrives in one piece but takes several turns (RequestPump::kReadBytes) counts from the
// turn that runs it. A turn shorter than 1 ms whose following wait took longer than 20 us counts as slept after,
// though the wait may have been the kernel's delay. The time in socket buffers and on the network is in no figure, nor
// is CLIENT PAUSE.
//
// Inside of a save: a child was alive at some moment of the turn, so that the turn of the fork and the one that
// takes note of the child's end belong to the save. SAVE, which has no child, counts as outside.
//
// Event loop only.
#pragma once

#include <cstdint>

#include "server/latency_histogram.h"

namespace cowslip::server {

// Percentiles have the histogram's precision (at most 0.8 % too high), the maximum is exact.
struct LatencySummary {
  uint64_t count = 0;  // commands
  int64_t p50_us = 0;
  int64_t p99_us = 0;
  int64_t p999_us = 0;
  int64_t max_us = 0;
};

class CommandLatency {
 public:
  // ---- figures ----
  // The commands since the last call, inside and outside of saves together; they are forgotten. A turn's commands count
  // at its end, so those of the turn that calls this come with the next one: a call right after the fork begins a
  // series whose first figures hold the fork's stall.
  LatencySummary take_interval();
  // Since the start, or CONFIG RESETSTAT.
  LatencySummary inside() const { return inside_.summary(); }
  LatencySummary outside() const { return outside_.summary(); }
  const LatencyHistogram& inside_histogram() const { return inside_.histogram; }
  const LatencyHistogram& outside_histogram() const { return outside_.histogram; }
  void reset();  // CONFIG RESETSTAT; the interval as well

  // ---- from the loop, the pump and the saves ----
  // A wait has ended. `slept`: nothing had been ready when it began.
  void on_wake(int64_t now_us, bool slept);
  // The number of this turn, for knowing a client that was served in the turn before. From 1.
  uint64_t turn() const { return turn_; }
  // So many commands of one client, the replies of which go out in this turn. `in_last_turn`: the client was served in
  // the turn before this one, too.
  void count(uint64_t commands, bool in_last_turn) { (in_last_turn ? prompt_ : waiting_) += commands; }
  // All replies of the turn have been handed over.
  void on_turn_end(int64_t now_us);
  void set_child_alive(bool alive) {
    child_alive_ = alive;
    child_in_turn_ |= alive;
  }

 private:
  struct Recorded {
    LatencyHistogram histogram;
    int64_t max_us = 0;

    void record(int64_t duration_us, uint64_t times);
    LatencySummary summary() const;
    void clear();
  };

  void record(int64_t duration_us, uint64_t commands, bool inside);

  Recorded inside_;
  Recorded outside_;
  Recorded interval_;

  uint64_t turn_ = 0;
  int64_t woke_us_ = 0;           // W
  int64_t waiting_since_us_ = 0;  // W', or W when the loop slept
  uint64_t prompt_ = 0;           // commands of this turn that count from W
  uint64_t waiting_ = 0;          // commands of this turn that count from waiting_since_us_
  bool child_alive_ = false;
  bool child_in_turn_ = false;  // at any moment since the end of the turn before
};

}  // namespace cowslip::server
