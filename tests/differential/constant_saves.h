// Keeps a background save running on a server, one right after the other, from a thread and a connection of its own.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "tests/support/server_process.h"

namespace cowslip::testing {

struct OverlapFigures {
  int64_t saves = 0;  // that steps were surely taken during
  int64_t steps = 0;  // that were surely taken during a save
  std::string error;  // what ended the thread early; empty when nothing did
};

class ConstantSaves {
 public:
  // `steps_done` counts what the test does besides. Server and counter outlive the object.
  ConstantSaves(const ServerProcess& server, const std::atomic<int64_t>& steps_done);
  ~ConstantSaves() { stop(); }
  ConstantSaves(const ConstantSaves&) = delete;
  ConstantSaves& operator=(const ConstantSaves&) = delete;

  // No save of the thread's runs from the return of pause() to resume().
  void pause();
  void resume();
  // Saves so far that steps were surely taken during.
  int64_t overlapped() const { return overlapped_; }
  // Ends the thread, with its last save.
  OverlapFigures stop();

 private:
  void run();
  bool may_start_next();
  void save_once(Connection& connection);

  const ServerProcess& server_;
  const std::atomic<int64_t>& steps_done_;
  std::mutex mutex_;
  std::condition_variable changed_;
  enum class Wish { kSave, kPause, kStop } wish_ = Wish::kSave;
  bool idle_ = false;
  std::atomic<int64_t> overlapped_ = 0;
  OverlapFigures figures_;  // the thread's own until it has ended
  std::thread thread_;
};

}  // namespace cowslip::testing
