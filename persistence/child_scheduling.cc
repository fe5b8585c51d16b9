#include "persistence/child_scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <time.h>

#include <system_error>
#include <thread>

namespace cowslip::persistence {
namespace {

// Of the calling thread, unless another process is named.
bool set_policy(int policy, pid_t pid = 0) {
  const sched_param no_priority{};
  return ::sched_setscheduler(pid, policy, &no_priority) == 0;
}

bool try_to_leave_idle() {
  bool left = false;
  try {
    std::thread([&] { left = set_policy(SCHED_IDLE) && set_policy(SCHED_OTHER); }).join();
  } catch (const std::system_error&) {
    // No thread to be had: then it is not known, and niceness has to do.
  }
  return left;
}

int64_t process_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

}  // namespace

bool may_leave_idle_scheduling() {
  static const bool may = try_to_leave_idle();
  return may;
}

void end_idle_scheduling(pid_t child) {
  if (may_leave_idle_scheduling()) (void)set_policy(SCHED_OTHER, child);
}

void ChildScheduling::yield(bool idle) {
  (void)::setpriority(PRIO_PROCESS, 0, kNiceness);
  idle_ = idle && set_policy(SCHED_IDLE);
}

void ChildScheduling::check(int64_t now_us) {
  if (!idle_ || now_us < window_began_us_ + kWindowUs) return;
  const int64_t cpu_us = process_cpu_us();
  const bool measured = window_began_us_ != 0;
  if (measured && (cpu_us - cpu_at_begin_us_) * kLeastShare < now_us - window_began_us_) {
    end();
  }
  window_began_us_ = now_us;
  cpu_at_begin_us_ = cpu_us;
}

void ChildScheduling::end() {
  if (idle_) idle_ = !set_policy(SCHED_OTHER);
}

}  // namespace cowslip::persistence
