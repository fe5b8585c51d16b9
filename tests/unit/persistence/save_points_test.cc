#include "persistence/save_points.h"

#include <gtest/gtest.h>

namespace cowslip::persistence {
namespace {

SavePoints parsed(std::string_view text) {
  auto points = SavePoints::parse(text);
  EXPECT_TRUE(points.has_value()) << text;
  return points.value_or(SavePoints());
}

TEST(SavePoints, ParseAndPrint) {
  EXPECT_EQ(parsed("900 1 300 10").text(), "900 1 300 10");
  EXPECT_EQ(parsed("  900   1 ").text(), "900 1");
  EXPECT_EQ(parsed("").text(), "");
  EXPECT_TRUE(parsed("").empty());
  EXPECT_EQ(parsed("1 0").points(), (std::vector<SavePoint>{{1, 0}}));
}

TEST(SavePoints, RefusesWhatIsNoPair) {
  for (const char* text : {"900", "900 1 300", "x 1", "900 y", "0 1", "-1 1", "900 -1", "9 1.5"}) {
    EXPECT_FALSE(SavePoints::parse(text).has_value()) << text;
  }
}

SavePoints::Situation situation(int64_t seconds_since_save, uint64_t changes) {
  return {.now_ms = 1'000'000'000 + seconds_since_save * 1000,
          .last_save_ms = 1'000'000'000,
          .changes = changes,
          .last_attempt_ms = 0,
          .last_attempt_ok = true};
}

TEST(SavePoints, DueAfterTimeAndChanges) {
  const SavePoints points = parsed("900 1 300 10");
  EXPECT_FALSE(points.due(situation(899, 5)));
  EXPECT_FALSE(points.due(situation(900, 5))) << "more than 900 seconds, as Redis counts";
  EXPECT_EQ(points.due(situation(901, 1)), (SavePoint{900, 1}));
  EXPECT_EQ(points.due(situation(301, 10)), (SavePoint{300, 10}));
  EXPECT_FALSE(points.due(situation(301, 9)));
  EXPECT_FALSE(points.due(situation(100'000, 0)));
}

TEST(SavePoints, NoneIsNeverDue) {
  EXPECT_FALSE(SavePoints().due(situation(1'000'000, 1'000'000)));
}

TEST(SavePoints, AFailedAttemptIsRepeatedAfterFiveSeconds) {
  const SavePoints points = parsed("10 1");
  auto failed = situation(100, 1);
  failed.last_attempt_ok = false;
  failed.last_attempt_ms = failed.now_ms - 5000;
  EXPECT_FALSE(points.due(failed));
  failed.last_attempt_ms = failed.now_ms - 5001;
  EXPECT_TRUE(points.due(failed));
}

}  // namespace
}  // namespace cowslip::persistence
