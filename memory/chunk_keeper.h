// The thread that does what takes the kernel long, so that the event loop never waits for it.
//
// It asks its owner for work, piece by piece, and sleeps when there is none until wake(). It blocks all signals (they
// are the event loop's), and starts with the first wake(): a server that holds nothing has no such thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace cowslip::memory {

class ChunkKeeper {
 public:
  // Does one piece of work and returns how long to rest before the next; nothing: until wake(). Called without a lock.
  using Work = std::function<std::optional<int64_t>()>;  // microseconds

  explicit ChunkKeeper(Work work) : work_(std::move(work)) {}
  ~ChunkKeeper() { stop(); }
  ChunkKeeper(const ChunkKeeper&) = delete;
  ChunkKeeper& operator=(const ChunkKeeper&) = delete;

  // Any thread.
  void wake();
  // Waits for the piece under way; there will be no other.
  void stop();

 private:
  void start();
  void run();

  const Work work_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cowslip::memory
