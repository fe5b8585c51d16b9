#include "persistence/cow_observer.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <system_error>
#include <utility>

#include "base/clock.h"

namespace cowslip::persistence {
namespace {

// A reading that took t is followed by so many t without one of its kind: 0.67 percent of the time for the exact ones,
// a quarter of a percent for the cheap ones, less than one percent together.
constexpr int64_t kExactPauseFactor = 150;
constexpr int64_t kCheapPauseFactor = 400;
constexpr int64_t kFirstExactUs = 50'000;
// After a fork the event loop has clients waiting, and perhaps one processor for itself and us.
constexpr std::chrono::milliseconds kBreath(5);
constexpr int64_t kShortestExactPauseUs = 100'000;
constexpr int64_t kShortestCheapPauseUs = 10'000;
constexpr size_t kMostExactReadings = 256;
constexpr int64_t kMostFaultDebt = 256 << 10;

int64_t now_us() {
  return SystemClock().monotonic_us();
}

int64_t thread_cpu_us() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

int64_t page_bytes() {
  static const int64_t bytes = ::sysconf(_SC_PAGESIZE);
  return bytes;
}

// A thread that wakes up does not take the processor from the event loop.
void give_way() {
  const sched_param none{};
  (void)::pthread_setschedparam(::pthread_self(), SCHED_BATCH, &none);
}

// The process's signals are handled by the event loop's thread.
void block_signals() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

CowObserver::~CowObserver() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void CowObserver::watch(pid_t child, const memory::ProcessCounters& at_fork, int64_t fork_us) {
  const std::lock_guard lock(mutex_);
  child_ = child;
  generation_++;
  at_fork_ = at_fork;
  fork_us_ = fork_us;
  forked_at_us_ = now_us();
  exact_peak_ = exact_sum_ = 0;
  summary_ = {};
  exact_readings_.clear();
  to_leave_out_ = {chunks_.inherited_memory(), chunks_.all_memory(), {}};
  // At the fork nothing is copied, and a child starts to count its faults at zero. This is as exact as any reading.
  // How much of our memory it inherited, only a look at it tells (MADV_DONTFORK).
  given_back_ = announced_ = fault_debt_ = 0;
  start_estimate(0, {.faults = static_cast<int64_t>(at_fork.minor_faults),
                     .parent_anonymous = static_cast<int64_t>(at_fork.resident_anon),
                     .frozen_bytes_written = static_cast<int64_t>(chunks_.frozen_bytes_written()),
                     .fresh_bytes_returned = static_cast<int64_t>(chunks_.fresh_bytes_returned())});
  summary_.last.measured_at_us = summary_.last.exact_at_us = forked_at_us_;
  summary_.last.parent_resident = at_fork.resident;
  summary_.last.child_resident = at_fork.resident;
  changed_.notify_all();
  if (thread_.joinable()) return;
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // No thread to be had: then the child's own report at its end has to do.
  }
}

void CowObserver::add_final_report(const ChildMemoryReport& report) {
  Reading reading;
  reading.at_us = now_us();
  if (!memory::read_process_counters_signal_safe(0, reading.parent)) return;
  reading.child.resident = report.resident;
  reading.child.page_tables = report.page_tables;
  const std::lock_guard lock(mutex_);
  if (child_ == 0) return;
  reading.exact = ExactReading{
      .at_us = reading.at_us,
      .copied = report.private_dirty,
      .child_resident = report.resident,
      .parent_anonymous = reading.parent.resident_anon,
      .copied_outside = report.private_outside,
      .parent_growth_outside = summary_.exact ? summary_.exact->parent_growth_outside : std::optional<int64_t>()};
  record(reading);
  child_ = 0;
  generation_++;
  changed_.notify_all();
}

CowSummary CowObserver::finish() {
  const std::lock_guard lock(mutex_);
  child_ = 0;
  generation_++;
  changed_.notify_all();
  if (forked_at_us_ != 0) summary_.watched_us = now_us() - forked_at_us_;
  return summary_;
}

CowSummary CowObserver::summary() const {
  const std::lock_guard lock(mutex_);
  CowSummary summary = summary_;
  if (child_ != 0) summary.watched_us = now_us() - forked_at_us_;
  return summary;
}

std::vector<ExactReading> CowObserver::take_exact_readings() {
  const std::lock_guard lock(mutex_);
  return std::exchange(exact_readings_, {});
}

// ---- the observer's thread ----

void CowObserver::run() {
  block_signals();
  give_way();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || child_ != 0; });
    if (stopping_) return;
    watch_one(lock);
  }
}

std::optional<uint64_t> CowObserver::Outside::parent_now(std::vector<memory::AddressSpan> made) const {
  made.insert(made.end(), engine_in_parent.begin(), engine_in_parent.end());
  const auto pages = memory::anonymous_pages_outside(0, made);
  return pages ? std::optional(pages->present) : std::nullopt;
}

std::optional<int64_t> CowObserver::Outside::parent_growth(std::vector<memory::AddressSpan> made) const {
  const auto now = parent_at_fork ? parent_now(std::move(made)) : std::nullopt;
  if (!now) return {};
  return static_cast<int64_t>(*now - *parent_at_fork);
}

void CowObserver::watch_one(std::unique_lock<std::mutex>& lock) {
  const pid_t child = child_;
  const uint64_t generation = generation_;
  const auto over = [&] { return stopping_ || generation_ != generation; };
  // A moment after the fork is nearly as good as the fork, and nobody waits for it.
  if (changed_.wait_for(lock, kBreath, over)) return;
  Outside outside = to_leave_out_;
  lock.unlock();
  outside.parent_at_fork = outside.parent_now(chunks_.memory_made());
  lock.lock();
  if (over()) return;
  // The first exact reading waits until it, too, is no larger share of the time.
  Schedule due{.exact_due_us = forked_at_us_ + std::max(kFirstExactUs, fork_us_ * kExactPauseFactor),
               .cheap_due_us = forked_at_us_ + kShortestCheapPauseUs};
  for (;;) {
    const int64_t pause_us = std::min(due.exact_due_us, due.cheap_due_us) - now_us();
    if (changed_.wait_for(lock, std::chrono::microseconds(std::max<int64_t>(pause_us, 0)), over)) return;
    const bool exact = now_us() >= due.exact_due_us;
    lock.unlock();
    const auto reading = read(child, exact, outside);
    lock.lock();
    if (over()) return;
    if (reading) record(*reading);
    const int64_t after_us = now_us();
    const int64_t took_us = reading ? reading->took_us : kShortestCheapPauseUs;
    if (exact) {
      due.exact_due_us = after_us + std::max(kShortestExactPauseUs, took_us * kExactPauseFactor);
      due.cheap_due_us = after_us + kShortestCheapPauseUs;  // it brought the cheap figures along
    } else {
      due.cheap_due_us = after_us + std::max(kShortestCheapPauseUs, took_us * kCheapPauseFactor);
    }
  }
}

bool CowObserver::read_counters(pid_t child, Reading& reading) const {
  if (!memory::read_process_counters_signal_safe(0, reading.parent)) return false;
  if (!memory::read_process_counters_signal_safe(child, reading.child)) return false;
  reading.counts = {.faults = static_cast<int64_t>(reading.parent.minor_faults + reading.child.minor_faults),
                    .parent_anonymous = static_cast<int64_t>(reading.parent.resident_anon),
                    .child_anonymous = static_cast<int64_t>(reading.child.resident_anon),
                    .frozen_bytes_written = static_cast<int64_t>(chunks_.frozen_bytes_written()),
                    .fresh_bytes_returned = static_cast<int64_t>(chunks_.fresh_bytes_returned())};
  return true;
}

bool CowObserver::read_exactly(pid_t child, const Outside& outside, Reading& reading) const {
  memory::MemoryRollup rollup;
  if (!read_counters(child, reading)) return false;
  const int64_t start_us = now_us();
  if (!memory::read_memory_rollup_signal_safe(child, rollup)) return false;
  ExactReading& exact = reading.exact.emplace();
  exact.at_us = std::midpoint(start_us, now_us());
  exact.copied = rollup.private_dirty;
  exact.child_proportional = rollup.proportional;
  exact.child_resident = rollup.resident;
  if (const auto pages = memory::anonymous_pages_outside(child, outside.engine))
    exact.copied_outside = pages->exclusive;
  exact.parent_growth_outside = outside.parent_growth(chunks_.memory_made());
  return true;
}

std::optional<CowObserver::Reading> CowObserver::read(pid_t child, bool exact, const Outside& outside) const {
  Reading reading;
  const int64_t start_us = now_us(), cpu_start_us = thread_cpu_us();
  if (exact && !read_exactly(child, outside, reading)) return {};
  const Counts before = reading.counts;
  if (!read_counters(child, reading)) return {};
  if (exact) {
    reading.counts.faults = std::midpoint(before.faults, reading.counts.faults);
    reading.counts.parent_anonymous = std::midpoint(before.parent_anonymous, reading.counts.parent_anonymous);
    reading.counts.child_anonymous = std::midpoint(before.child_anonymous, reading.counts.child_anonymous);
    reading.counts.fresh_bytes_returned =
        std::midpoint(before.fresh_bytes_returned, reading.counts.fresh_bytes_returned);
    reading.exact->parent_anonymous = static_cast<uint64_t>(reading.counts.parent_anonymous);
  }
  reading.at_us = now_us();
  // While the kernel walks the child's page tables the child may have to wait, so what counts is the time on the clock.
  // The counters are handed out without making anybody wait: there it is our own processor time.
  reading.took_us = exact ? reading.at_us - start_us : thread_cpu_us() - cpu_start_us;
  return reading;
}

void CowObserver::start_estimate(uint64_t copied, const Counts& counts) {
  copied_ = last_exact_ = static_cast<int64_t>(copied);
  hidden_ = 0;
  last_counts_ = counts;
}

uint64_t CowObserver::estimate_copied(const Counts& now) {
  const Counts before = std::exchange(last_counts_, now);
  if (before.child_anonymous != 0) {
    given_back_ = std::max<int64_t>(given_back_ + before.child_anonymous - now.child_anonymous, 0);
  }
  // Each minor fault gave the parent a page: a new one, by which it grew, or one that it had shared. A page it gave
  // back made it smaller and is the child's alone from then on, so both directions add up. The child's own faults are
  // copies or new pages; either way they are its alone.
  int64_t unshared = (now.faults - before.faults) * page_bytes() - (now.parent_anonymous - before.parent_anonymous);
  // Chunks born since the fork that were given back are no child's, though. If they were huge pages and came after the
  // last exact reading, the estimate is too low by them, and so put right.
  const int64_t returned = now.fresh_bytes_returned - before.fresh_bytes_returned;
  hidden_ += std::max<int64_t>(returned - unshared, 0);
  unshared += std::min(returned, hidden_) - returned;
  hidden_ -= std::min(returned, hidden_);
  // What had been shared is copied, unless the child has given it back: then the parent takes it over, once. No counter
  // of the kernel tells which of the two it was. But the server says which entries it wrote although the child had yet
  // to read them; the others it wrote to chunks that the child was done with, and so gave back.
  const int64_t written = now.frozen_bytes_written - before.frozen_bytes_written;
  const int64_t announced = std::clamp<int64_t>(unshared, 0, written + announced_);
  announced_ = std::min(written + announced_ - announced, written);
  const int64_t taken_over = given_back_ > 0 ? std::min(unshared - announced, given_back_) : 0;
  given_back_ -= taken_over;
  copied_ += unshared - taken_over;
  // The child's last words come without counters.
  if (now.faults != 0) {
    add_to_total(std::min(unshared - taken_over, (now.faults - before.faults) * page_bytes()));
  }
  return static_cast<uint64_t>(std::min(std::max(copied_, last_exact_), now.child_anonymous));
}

// What is negative now and then is put right by the next reading; what stays so is growth by huge pages.
void CowObserver::add_to_total(int64_t copied) {
  const int64_t sum = copied + fault_debt_;
  summary_.copied_by_faults += static_cast<uint64_t>(std::max<int64_t>(sum, 0));
  fault_debt_ = std::clamp<int64_t>(sum, -kMostFaultDebt, 0);
}

void CowObserver::record(const Reading& reading) {
  CowFigures& last = summary_.last;
  if (reading.exact) {
    last.exact_at_us = reading.at_us;
    exact_peak_ = std::max(exact_peak_, reading.exact->copied);
    exact_sum_ += reading.exact->copied;
    summary_.exact = reading.exact;
    if (exact_readings_.size() >= kMostExactReadings) exact_readings_.erase(exact_readings_.begin());
    exact_readings_.push_back(*reading.exact);
    summary_.exact_readings++;
    summary_.average_bytes = exact_sum_ / summary_.exact_readings;
  } else {
    summary_.cheap_readings++;
  }
  summary_.sampling_us += reading.took_us;
  last.measured_at_us = reading.at_us;
  last.copied_bytes = estimate_copied(reading.counts);
  if (reading.exact) start_estimate(last.copied_bytes = reading.exact->copied, reading.counts);
  last.parent_resident = reading.parent.resident;
  last.child_resident = reading.child.resident;
  last.growth_bytes = static_cast<int64_t>(reading.parent.resident + last.copied_bytes - at_fork_.resident);
  summary_.growth_peak = std::max(summary_.growth_peak, last.growth_bytes);
  last.parent_minor_faults = reading.parent.minor_faults - at_fork_.minor_faults;
  last.parent_page_tables = reading.parent.page_tables;
  last.child_page_tables = reading.child.page_tables;
  summary_.peak_bytes = std::max(exact_peak_, last.copied_bytes);
}

}  // namespace cowslip::persistence
