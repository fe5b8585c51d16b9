#include "store/lazy_free.h"

#include <system_error>
#include <utility>

namespace cowslip::store {

LazyFree::~LazyFree() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LazyFree::submit(size_t objects, std::move_only_function<void()> destroy) {
  pending_.fetch_add(objects, std::memory_order_relaxed);
  {
    std::lock_guard lock(mutex_);
    jobs_.push_back({objects, std::move(destroy)});
  }
  if (!thread_.joinable() && !start()) return run_here();
  changed_.notify_all();
}

bool LazyFree::start() {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    // No thread to be had: the caller does the work.
  }
  return thread_.joinable();
}

// Where the system has no thread to give: clients wait, as they would without the asking for another thread.
void LazyFree::run_here() {
  std::unique_lock lock(mutex_);
  while (!jobs_.empty()) run_next(lock);
}

void LazyFree::drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return pending_.load(std::memory_order_relaxed) == 0; });
}

void LazyFree::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    run_next(lock);
  }
}

void LazyFree::run_next(std::unique_lock<std::mutex>& lock) {
  Job job = std::move(jobs_.front());
  jobs_.pop_front();
  lock.unlock();
  job.destroy();
  job.destroy = nullptr;  // what the job owns goes here too, not under the lock
  lock.lock();
  pending_.fetch_sub(job.objects, std::memory_order_relaxed);
  freed_.fetch_add(job.objects, std::memory_order_relaxed);
  changed_.notify_all();
}

}  // namespace cowslip::store
