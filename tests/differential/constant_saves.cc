#include "tests/differential/constant_saves.h"

#include <algorithm>

namespace cowslip::testing {

ConstantSaves::ConstantSaves(const ServerProcess& server, const std::atomic<int64_t>& steps_done)
    : server_(server), steps_done_(steps_done), thread_([this] { run(); }) {}

void ConstantSaves::pause() {
  std::unique_lock lock(mutex_);
  wish_ = Wish::kPause;
  changed_.wait(lock, [this] { return idle_; });
}

void ConstantSaves::resume() {
  const std::scoped_lock lock(mutex_);
  wish_ = Wish::kSave;
  changed_.notify_all();
}

OverlapFigures ConstantSaves::stop() {
  {
    const std::scoped_lock lock(mutex_);
    wish_ = Wish::kStop;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  return figures_;
}

void ConstantSaves::run() {
  try {
    Connection connection = server_.connection();
    while (may_start_next()) save_once(connection);
  } catch (const HarnessFailure& failure) {
    figures_.error = failure.what();
  }
  const std::scoped_lock lock(mutex_);
  idle_ = true;
  changed_.notify_all();
}

bool ConstantSaves::may_start_next() {
  std::unique_lock lock(mutex_);
  idle_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return wish_ != Wish::kPause; });
  idle_ = false;
  return wish_ == Wish::kSave;
}

void ConstantSaves::save_once(Connection& connection) {
  const Reply started = connection("BGSAVE");
  // A save that the test itself has started is as good as one of ours.
  if (started.is_error() && started.text != "ERR Background save already in progress") {
    throw HarnessFailure("BGSAVE gave " + describe(started));
  }
  // The step under way may have come before the fork.
  const int64_t first = steps_done_ + 1;
  int64_t overlapping = 0;
  for (;;) {
    const int64_t last = steps_done_;
    const Reply info = connection("INFO", "persistence");
    if (info.kind != Reply::Kind::kBulk) throw HarnessFailure("INFO gave " + describe(info));
    if (info_number(info.text, "rdb_bgsave_in_progress") != 1) break;
    overlapping = std::max<int64_t>(overlapping, last - first);
    sleep_ms(1);
  }
  figures_.saves += overlapping > 0 ? 1 : 0;
  figures_.steps += overlapping;
  overlapped_ = figures_.saves;
}

}  // namespace cowslip::testing
