#include "persistence/save_timeline.h"

#include <algorithm>

namespace cowslip::persistence {
namespace {

// `point`, with what happened since the point before `gone` instead of since `gone`.
TimelinePoint merged(const TimelinePoint& before, const TimelinePoint& gone, TimelinePoint point) {
  const auto first = static_cast<double>(gone.at_ms - before.at_ms);
  const auto second = static_cast<double>(point.at_ms - gone.at_ms);
  if (first + second > 0) {
    point.writes_per_second = (gone.writes_per_second * first + point.writes_per_second * second) / (first + second);
  }
  point.latency_p50_us = std::max(point.latency_p50_us, gone.latency_p50_us);
  point.latency_p99_us = std::max(point.latency_p99_us, gone.latency_p99_us);
  point.latency_p999_us = std::max(point.latency_p999_us, gone.latency_p999_us);
  return point;
}

}  // namespace

void thin_out(std::vector<TimelinePoint>& points) {
  size_t kept = 1;
  for (size_t i = 1; i < points.size(); i += 2) {
    const bool last = i + 1 == points.size();
    points[kept] = last ? points[i] : merged(points[i - 1], points[i], points[i + 1]);
    kept++;
  }
  if (points.size() > 2) points.resize(kept);
}

void SaveTimeline::begin(int64_t interval_ms) {
  interval_ms_ = next_ms_ = interval_ms;
}

void SaveTimeline::add(std::vector<TimelinePoint>& points, const TimelinePoint& point) {
  if (points.size() >= kMostPoints) {
    thin_out(points);
    interval_ms_ *= 2;
  }
  points.push_back(point);
  // A loop that was busy for longer than an interval leaves points out; it does not catch up.
  next_ms_ = interval_ms_ > 0 ? (point.at_ms / interval_ms_ + 1) * interval_ms_ : 0;
}

}  // namespace cowslip::persistence
