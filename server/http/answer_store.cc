#include "server/http/answer_store.h"

#include <utility>

namespace cowslip::server {

std::optional<std::string> AnswerStore::get(std::string_view question, const std::function<std::string()>& make) {
  tidy();
  std::string name(question);
  if (spent_us_ >= kFreshUs) {
    if (const auto found = answers_.find(name); found != answers_.end()) return found->second;
    if (spent_us_ >= kMostUs) return {};
  }
  const int64_t began_us = clock_.monotonic_us();
  std::string answer = make();
  spent_us_ += clock_.monotonic_us() - began_us;
  return answers_.insert_or_assign(std::move(name), std::move(answer)).first->second;
}

void AnswerStore::tidy() {
  const int64_t now_us = clock_.monotonic_us();
  if (now_us - window_began_us_ < kWindowUs) return;
  window_began_us_ = now_us;
  spent_us_ = 0;
  answers_.clear();
}

}  // namespace cowslip::server
