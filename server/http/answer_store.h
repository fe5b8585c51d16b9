// Answers that were made a moment ago, so that who asks over and over costs the server little.
//
// Problem: an answer with all figures costs a few tenths of a millisecond of the event loop, and a client may ask for
// it on many connections at a time. Solution: time is cut into windows of kWindowUs. Within one, answers are made anew
// until that has taken kFreshUs, so that who asks now and then sees what is. Then the last one to the same question is
// given again, and once kMostUs were spent there is nothing for new questions until the window ends.
//
// Event loop only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace cowslip::server {

class AnswerStore {
 public:
  static constexpr int64_t kWindowUs = 100'000;
  static constexpr int64_t kFreshUs = 2'000;
  static constexpr int64_t kMostUs = 20'000;

  explicit AnswerStore(const Clock& clock) : clock_(clock) {}

  // The answer to `question`: made by `make`, or one that is at most kWindowUs old. Empty: too much was asked lately.
  std::optional<std::string> get(std::string_view question, const std::function<std::string()>& make);

  // Something was done that the answers tell of: they are made anew.
  void forget() { answers_.clear(); }
  // Frees what a window that is over has left.
  void tidy();

 private:
  const Clock& clock_;
  int64_t window_began_us_ = 0;
  int64_t spent_us_ = 0;  // in this window
  std::unordered_map<std::string, std::string> answers_;
};

}  // namespace cowslip::server
