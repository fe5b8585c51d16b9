#include "persistence/save_points.h"

#include <fmt/format.h>

#include "base/numbers.h"

namespace cowslip::persistence {
namespace {

constexpr std::string_view kSpaces = " \t";

// The next word, cut off the front of `text`; empty at the end.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
  const std::string_view word = text.substr(0, text.find_first_of(kSpaces));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

Result<SavePoints> SavePoints::parse(std::string_view text) {
  std::vector<SavePoint> points;
  for (std::string_view word = next_word(text); !word.empty(); word = next_word(text)) {
    const auto seconds = parse_int64(word);
    const auto changes = parse_int64(next_word(text));
    if (!seconds || !changes || *seconds < 1 || *changes < 0) {
      return fail(ErrorCode::kInvalidArgument, "Invalid save parameters");
    }
    points.push_back({*seconds, static_cast<uint64_t>(*changes)});
  }
  return SavePoints(std::move(points));
}

std::string SavePoints::text() const {
  std::string text;
  for (const SavePoint& point : points_) {
    text += fmt::format("{}{} {}", text.empty() ? "" : " ", point.seconds, point.changes);
  }
  return text;
}

std::optional<SavePoint> SavePoints::due(const Situation& now) const {
  if (!now.last_attempt_ok && now.now_ms - now.last_attempt_ms <= kSaveRetryDelayMs) return {};
  for (const SavePoint& point : points_) {
    if (now.changes >= point.changes && now.now_ms - now.last_save_ms > point.seconds * 1000) return point;
  }
  return {};
}

}  // namespace cowslip::persistence
