// CLIENT PAUSE: clients' commands, or only those that write, wait until a time. Event loop only.
#pragma once

#include <cstdint>

namespace cowslip::server {

class PauseControl {
 public:
  enum class Mode { kNone, kWrites, kAll };

  Mode mode() const { return mode_; }
  int64_t until_ms() const { return until_ms_; }
  // Times are the monotonic clock's. A pause while one is under way keeps the stricter mode and the later end.
  void pause(Mode mode, int64_t until_ms);
  void end() { mode_ = Mode::kNone, until_ms_ = 0; }
  // True when a pause ended by this: the caller lets the waiting clients go on.
  bool expire(int64_t now_ms);

 private:
  Mode mode_ = Mode::kNone;
  int64_t until_ms_ = 0;
};

}  // namespace cowslip::server
