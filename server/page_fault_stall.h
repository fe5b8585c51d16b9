// Turns of the event loop during a save that the kernel held up: the latency-monitor event "page-fault-stall".
//
// Problem: while a child is alive, a write may have to wait for the kernel: to copy a page, to split a huge one, for
// memory to be found under a tight limit, for the lock of the address space that a reader of /proc/PID/smaps holds. The
// command that met it looks slow for no reason of its own.
//
// Solution: the kernel's accounts of the loop's thread (getrusage(RUSAGE_THREAD)) are read at the wake of each turn,
// and once more at the end of one that took as long as latency-monitor-threshold. Nothing is read outside of saves, or
// while the threshold is 0. With
//
//     blocked = the turn's time - processor time, if the thread gave up the processor by itself (it waited for
//               something; who is only pushed aside by others does not), else 0
//     stall   = system time + blocked
//
// a turn in which the thread took at least one page fault counts as a stall of that length, if that reaches the
// threshold.
//
// What it says: for so long the server's own code did not run, because the kernel worked for it or let it wait, and
// there were page faults, of which the next save may be spared some. What it cannot say: that the faults alone took
// that time. The system calls that read and send are in it, and so is a thread that sleeps on purpose (DEBUG SLEEP).
// Kernels that split processor time by the timer tick tell system time only to a tick (1 to 10 ms), so near such a
// threshold it errs both ways. The turns in which a child is forked or reaped are not judged: the fork is an event of
// its own. Event loop only.
//
// Seen on a virtual machine with Linux 6.18, threshold 1 ms: 33 ms while small values were changed in a control group
// whose limit was full of dirty page cache that another process wrote (the same writes with room to spare: none, or
// 2 ms); 53 ms of an APPEND of 103 ms that moved a value of 64 MB to new pages. SETRANGE over such a value, which
// copies its pages, is one in tests/integration/latency_test.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace cowslip::server {

// The kernel's accounts of a thread, since it began.
struct ThreadUsage {
  int64_t user_us = 0;
  int64_t system_us = 0;
  uint64_t page_faults = 0;         // minor and major
  uint64_t voluntary_switches = 0;  // times it gave up the processor because it had to wait
};

// Of the calling thread. 0.2 to 0.3 us.
ThreadUsage read_thread_usage();

// The stall of a turn that took `took_us` between two readings, as defined above; 0 when there were no faults.
int64_t stall_us(const ThreadUsage& before, const ThreadUsage& after, int64_t took_us);

class PageFaultStall {
 public:
  // `read`: the seam for tests.
  explicit PageFaultStall(std::function<ThreadUsage()> read = read_thread_usage) : read_(std::move(read)) {}

  // A wait has ended. `watch`: a child is alive, and somebody wants to know.
  void on_wake(bool watch) {
    if (watch) [[unlikely]] {
      before_ = read_();
    } else if (before_) {
      before_.reset();
    }
  }
  // The turn is not to be judged.
  void pass_over() { before_.reset(); }
  // The turn has ended, after so long. Returns the stall, 0 when there was none that reaches `threshold_us`.
  int64_t on_turn_end(int64_t took_us, int64_t threshold_us) {
    if (!before_ || threshold_us <= 0 || took_us < threshold_us) return 0;
    const int64_t stall = stall_us(*before_, read_(), took_us);
    return stall >= threshold_us ? stall : 0;
  }

 private:
  std::function<ThreadUsage()> read_;
  std::optional<ThreadUsage> before_;
};

}  // namespace cowslip::server
