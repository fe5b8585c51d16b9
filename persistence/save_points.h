// Save points: "after 900 seconds if at least 1 key changed". Pure functions of time; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cowslip::persistence {

struct SavePoint {
  int64_t seconds;
  uint64_t changes;
  friend bool operator==(const SavePoint&, const SavePoint&) = default;
};

// After an automatic save failed, the next one is tried this much later, not at once.
inline constexpr int64_t kSaveRetryDelayMs = 5000;

class SavePoints {
 public:
  SavePoints() = default;  // none: never due
  explicit SavePoints(std::vector<SavePoint> points) : points_(std::move(points)) {}

  // "900 1 300 10": pairs of seconds (from 1) and changes (from 0). Empty text: no save points.
  static Result<SavePoints> parse(std::string_view text);
  // The text that parse() takes, as CONFIG GET save prints it.
  std::string text() const;

  bool empty() const { return points_.empty(); }
  const std::vector<SavePoint>& points() const { return points_; }

  struct Situation {
    int64_t now_ms;
    int64_t last_save_ms;     // end of the last successful save (or the start of the server)
    uint64_t changes;         // since then
    int64_t last_attempt_ms;  // start of the last background save, successful or not
    bool last_attempt_ok;
  };
  // The first point that asks for a save now.
  std::optional<SavePoint> due(const Situation& situation) const;

 private:
  std::vector<SavePoint> points_;
};

}  // namespace cowslip::persistence
