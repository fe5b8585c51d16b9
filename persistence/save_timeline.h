// The looks that are taken at a running save, never too many of them.
#pragma once

#include <cstdint>
#include <vector>

#include "persistence/save_record.h"

namespace cowslip::persistence {

class SaveTimeline {
 public:
  static constexpr size_t kMostPoints = 1024;

  // Milliseconds between two points; 0: only those that are added anyway (the fork, the end).
  void begin(int64_t interval_ms);
  // Whether the time since the last point is up, `at_ms` after the fork.
  bool due(int64_t at_ms) const { return interval_ms_ > 0 && at_ms >= next_ms_; }
  // Appends the point. When there are kMostPoints, every second one goes (the first and the newest stay), and the
  // interval is twice as long from then on: a save of any length has between a half and all of them. The point after
  // one that went takes its place: its write rate becomes that of both, its latencies the larger of both.
  void add(std::vector<TimelinePoint>& points, const TimelinePoint& point);
  int64_t interval_ms() const { return interval_ms_; }

 private:
  int64_t interval_ms_ = 0;
  int64_t next_ms_ = 0;
};

// Every second point goes; of an even number the last two are both kept.
void thin_out(std::vector<TimelinePoint>& points);

}  // namespace cowslip::persistence
