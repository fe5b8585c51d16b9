#include "server/oom_score.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/file.h"
#include "persistence/background_save.h"

namespace cowslip::server {

namespace {

constexpr int kLowest = -1000;
constexpr int kHighest = 1000;

int read_score(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  char text[16];
  const ssize_t length = fd ? ::read(fd.get(), text, sizeof text) : -1;
  int score = 0;
  if (length > 0) std::from_chars(text, text + length, score);
  return score;
}

}  // namespace

OomScore::OomScore(std::string path) : path_(std::move(path)), at_start_(read_score(path_)) {}

int OomScore::score(OomScoreMode mode, int value) const {
  if (mode == OomScoreMode::kNo) return at_start_;
  return std::clamp(mode == OomScoreMode::kRelative ? at_start_ + value : value, kLowest, kHighest);
}

int OomScore::of_child(const ServerConfig& config) const {
  if (config.oom_score_adj == OomScoreMode::kNo) return persistence::SaveRequest().oom_score_adj;
  return score(config.oom_score_adj, config.oom_score_adj_values[kChildOomScore]);
}

Status OomScore::apply(OomScoreMode mode, int value) {
  if (mode == OomScoreMode::kNo && !changed_) return {};
  const UniqueFd fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(score(mode, value));
  if (!fd || ::write(fd.get(), text.data(), text.size()) < 0) return fail_errno("Unable to write oom_score_adj");
  changed_ = mode != OomScoreMode::kNo;
  return {};
}

}  // namespace cowslip::server
