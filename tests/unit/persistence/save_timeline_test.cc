// However long a save takes, its timeline stays small, and what happened between two points is in one of them.
#include "persistence/save_timeline.h"

#include <gtest/gtest.h>

namespace cowslip::persistence {
namespace {

TEST(SaveTimeline, DueOnceAnInterval) {
  SaveTimeline timeline;
  std::vector<TimelinePoint> points;
  timeline.begin(100);
  timeline.add(points, {.at_ms = 0});
  EXPECT_FALSE(timeline.due(99));
  EXPECT_TRUE(timeline.due(100));
  timeline.add(points, {.at_ms = 130});
  EXPECT_FALSE(timeline.due(199));  // late ones do not move those after them
  EXPECT_TRUE(timeline.due(200));
  timeline.add(points, {.at_ms = 950});  // the loop was busy
  EXPECT_FALSE(timeline.due(999));
  EXPECT_TRUE(timeline.due(1000));
}

TEST(SaveTimeline, WithoutAnIntervalNothingIsDue) {
  SaveTimeline timeline;
  std::vector<TimelinePoint> points;
  timeline.begin(0);
  timeline.add(points, {.at_ms = 0});
  EXPECT_FALSE(timeline.due(1'000'000));
  timeline.add(points, {.at_ms = 5000});
  EXPECT_EQ(points.size(), 2u);
}

TEST(SaveTimeline, ThinnedOutAgainAndAgain) {
  SaveTimeline timeline;
  std::vector<TimelinePoint> points;
  timeline.begin(100);
  int64_t last = 0;
  double changes = 0;
  for (int64_t at = 0; at < 2'000'000; at += 100) {
    if (at != 0 && !timeline.due(at)) continue;
    changes += static_cast<double>(at - last) / 1000 * 7;
    timeline.add(points,
                 {.at_ms = last = at, .writes_per_second = at == 0 ? 0.0 : 7, .latency_p999_us = at == 5200 ? 99 : 3});
    ASSERT_LE(points.size(), SaveTimeline::kMostPoints);
  }
  EXPECT_GT(points.size(), SaveTimeline::kMostPoints / 2 - 1);
  EXPECT_GT(timeline.interval_ms(), 100);
  EXPECT_EQ(points.front().at_ms, 0);
  EXPECT_EQ(points.back().at_ms, last);
  double seen = 0;
  int64_t worst = 0;
  for (size_t i = 1; i < points.size(); i++) {
    ASSERT_LT(points[i - 1].at_ms, points[i].at_ms);
    seen += points[i].writes_per_second * static_cast<double>(points[i].at_ms - points[i - 1].at_ms) / 1000;
    worst = std::max(worst, points[i].latency_p999_us);
  }
  EXPECT_NEAR(seen, changes, 1e-6 * changes);
  EXPECT_EQ(worst, 99);
}

TEST(SaveTimeline, ThinningOutKeepsTheEnds) {
  for (const size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 1024u}) {
    std::vector<TimelinePoint> points(count);
    for (size_t i = 0; i < count; i++) points[i].at_ms = static_cast<int64_t>(i);
    thin_out(points);
    EXPECT_EQ(points.size(), count < 3 ? count : count / 2 + 1) << count;
    if (count == 0) continue;
    EXPECT_EQ(points.front().at_ms, 0);
    EXPECT_EQ(points.back().at_ms, static_cast<int64_t>(count - 1)) << count;
  }
}

}  // namespace
}  // namespace cowslip::persistence
