#include "server/pause_control.h"

#include <algorithm>

namespace cowslip::server {

void PauseControl::pause(Mode mode, int64_t until_ms) {
  mode_ = std::max(mode_, mode);
  until_ms_ = std::max(until_ms_, until_ms);
}

bool PauseControl::expire(int64_t now_ms) {
  if (mode_ == Mode::kNone || now_ms < until_ms_) return false;
  end();
  return true;
}

}  // namespace cowslip::server
