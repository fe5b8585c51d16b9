#include "memory/chunk_keeper.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <system_error>

namespace cowslip::memory {

void ChunkKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ChunkKeeper::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    if (!thread_.joinable() && !stopping_) start();
  }
  changed_.notify_all();
}

// Where the system has no thread to give, the next wake() tries again; until then free chunks stay resident and none
// is ready. A thread begins with the signal mask of the one that starts it.
void ChunkKeeper::start() {
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(thread_.native_handle(), "cowslip-keeper");
  } catch (const std::system_error&) {
    // No thread to be had: as said above.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void ChunkKeeper::run() {
  std::unique_lock lock(mutex_);
  const auto awake = [this] { return woken_ || stopping_; };
  while (!stopping_) {
    woken_ = false;
    lock.unlock();
    const auto rest_us = work_();
    lock.lock();
    if (rest_us) {
      changed_.wait_for(lock, std::chrono::microseconds(*rest_us), awake);
    } else {
      changed_.wait(lock, awake);
    }
  }
}

}  // namespace cowslip::memory
