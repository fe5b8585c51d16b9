// A thread that frees what is too large to free while clients wait.
//
// Problem: dropping a database of hundreds of millions of keys gives back thousands of chunks and the pages of an
// index, one call of the kernel after the other. Solution: its owner hands it over and forgets it. The thread starts
// with the first hand-over; the destructor frees what is left and joins it. A forked child has no such thread and must
// not call in here.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace cowslip::store {

class LazyFree {
 public:
  LazyFree() = default;
  ~LazyFree();

  // Runs `destroy` on the thread. `objects` is what it counts as in pending() and freed(); 0 for other work that waits
  // for the kernel. Event loop only.
  void submit(size_t objects, std::move_only_function<void()> destroy);

  uint64_t pending() const { return pending_.load(std::memory_order_relaxed); }  // lazyfree_pending_objects
  uint64_t freed() const { return freed_.load(std::memory_order_relaxed); }      // lazyfreed_objects
  // What was freed in another way, but asked for as such.
  void add_freed(uint64_t objects) { freed_.fetch_add(objects, std::memory_order_relaxed); }
  void reset_freed() { freed_.store(0, std::memory_order_relaxed); }
  // Waits until nothing is pending (tests, DEBUG RELOAD, shutdown).
  void drain();

 private:
  struct Job {
    size_t objects;
    std::move_only_function<void()> destroy;
  };
  bool start();
  void run();
  void run_here();
  // REQUIRES: `lock` holds the mutex, and there is a job.
  void run_next(std::unique_lock<std::mutex>& lock);

  std::atomic<uint64_t> pending_ = 0;
  std::atomic<uint64_t> freed_ = 0;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cowslip::store
