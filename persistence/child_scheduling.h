// How the saving child shares the processors with its parent: it takes what nobody else wants, but is not starved.
//
// Problem: where there are not enough processors, niceness is not enough. It divides one processor between those who
// wait for it; but a child that always runs looks to Linux like a processor in use, and then the parent and a client on
// the same machine, who wake each other, are put together on the other one. Both got half.
//
// Solution: SCHED_IDLE. A processor that runs nothing else counts as free when somebody wakes. Under full load it is
// next to no time at all, so a child that gets less than an eighth of a processor goes on at nice 15 instead: a save
// that does not end costs more than one that disturbs. Only a privileged process may leave SCHED_IDLE, so only one that
// may enters it. Measured in docs/decisions/0007-child-scheduling.md.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace cowslip::persistence {

// Whether the kernel would let this process leave SCHED_IDLE again. Asked of the kernel by trying it, once, in a thread
// of its own: early, because on a full machine the answer takes its time. Thread-safe; false where no thread is to be
// had.
bool may_leave_idle_scheduling();

// By the parent: from now on somebody waits for `child`.
void end_idle_scheduling(pid_t child);

// The child's own. Signal handlers and other threads keep out.
class ChildScheduling {
 public:
  static constexpr int kNiceness = 15;  // a thirtieth of what the parent gets, where they share a processor
  static constexpr int64_t kWindowUs = 500'000;
  static constexpr int64_t kLeastShare = 8;  // of a processor: one of so many

  // From now on: this process yields. `idle`: what may_leave_idle_scheduling() said before the fork.
  void yield(bool idle);
  // To be called often with CLOCK_MONOTONIC: ends SCHED_IDLE where the last half second brought too little.
  void check(int64_t now_us);
  // Ends SCHED_IDLE for good: what is left to do is short, and check() is called no more.
  void end();

 private:
  bool idle_ = false;
  int64_t window_began_us_ = 0;  // 0: none yet
  int64_t cpu_at_begin_us_ = 0;
};

}  // namespace cowslip::persistence
