// What clients waited, from the turns of a loop that is played here: time and turns are given by hand.
#include "server/command_latency.h"

#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

constexpr bool kSlept = true;
constexpr bool kAtOnce = false;
constexpr bool kInLastTurn = true;
constexpr bool kNotInLastTurn = false;

class CommandLatencyTest : public testing::Test {
 protected:
  // Figures have the histogram's two digits.
  static void expect_near(int64_t us, int64_t expected_us) {
    EXPECT_NEAR(static_cast<double>(us), static_cast<double>(expected_us), static_cast<double>(expected_us) * 0.01 + 1);
  }

  CommandLatency latency_;
};

TEST_F(CommandLatencyTest, NothingIsZero) {
  latency_.on_wake(100, kSlept);
  latency_.on_turn_end(200);
  const LatencySummary none = latency_.take_interval();
  EXPECT_EQ(none.count, 0);
  EXPECT_EQ(none.p50_us, 0);
  EXPECT_EQ(none.max_us, 0);
  EXPECT_EQ(latency_.outside().count, 0);
}

TEST_F(CommandLatencyTest, AfterASleepARequestBeginsWithTheWake) {
  latency_.on_wake(1'000, kSlept);
  latency_.on_turn_end(9'000);
  latency_.on_wake(50'000, kSlept);
  latency_.count(3, kNotInLastTurn);
  latency_.on_turn_end(50'040);
  const LatencySummary summary = latency_.take_interval();
  EXPECT_EQ(summary.count, 3);
  EXPECT_EQ(summary.max_us, 40);
  EXPECT_EQ(summary.p50_us, 40);
}

TEST_F(CommandLatencyTest, WhoMayHaveWaitedThroughTheLastTurnCountsAllOfIt) {
  latency_.on_wake(10'000, kSlept);
  latency_.count(1, kNotInLastTurn);  // forks for 30 ms
  latency_.on_turn_end(40'000);
  latency_.on_wake(40'005, kAtOnce);
  latency_.count(2, kNotInLastTurn);
  latency_.count(1, kInLastTurn);  // got its reply at 40'000, so it cannot have asked before
  latency_.on_turn_end(40'105);
  const LatencySummary summary = latency_.take_interval();
  EXPECT_EQ(summary.count, 4);
  EXPECT_EQ(summary.max_us, 30'105);
  expect_near(summary.p50_us, 30'000);  // of 100, 30'000, 30'105, 30'105
  EXPECT_EQ(latency_.outside().max_us, 30'105);
}

TEST_F(CommandLatencyTest, TheFirstTurnHasNoneBefore) {
  latency_.on_wake(5'000'000, kAtOnce);
  latency_.count(1, kNotInLastTurn);
  latency_.on_turn_end(5'000'010);
  EXPECT_EQ(latency_.take_interval().max_us, 10);
}

TEST_F(CommandLatencyTest, TakingForgetsTheIntervalAlone) {
  latency_.on_wake(0, kSlept);
  latency_.count(10, kNotInLastTurn);
  latency_.on_turn_end(100);
  EXPECT_EQ(latency_.take_interval().count, 10);
  EXPECT_EQ(latency_.take_interval().count, 0);
  EXPECT_EQ(latency_.take_interval().max_us, 0);
  EXPECT_EQ(latency_.outside().count, 10);
  latency_.reset();
  EXPECT_EQ(latency_.outside().count, 0);
  EXPECT_EQ(latency_.outside().max_us, 0);
}

TEST_F(CommandLatencyTest, TheTurnsOfForkAndEndAreInside) {
  int64_t now_us = 0;
  const auto turn = [&](int64_t took_us, auto during) {
    latency_.on_wake(now_us += 1000, kSlept);
    latency_.count(1, kNotInLastTurn);
    during();
    latency_.on_turn_end(now_us += took_us);
  };
  turn(10, [] {});
  turn(20, [this] { latency_.set_child_alive(true); });
  turn(30, [] {});
  turn(40, [this] { latency_.set_child_alive(false); });
  turn(50, [] {});
  EXPECT_EQ(latency_.inside().count, 3);
  EXPECT_EQ(latency_.inside().max_us, 40);
  EXPECT_EQ(latency_.inside().p50_us, 30);
  EXPECT_EQ(latency_.outside().count, 2);
  EXPECT_EQ(latency_.outside().max_us, 50);
  EXPECT_EQ(latency_.take_interval().count, 5);
}

TEST_F(CommandLatencyTest, AChildThatCameAndWentInOneTurnCountsAsInside) {
  latency_.on_wake(0, kSlept);
  latency_.count(1, kNotInLastTurn);
  latency_.set_child_alive(true);
  latency_.set_child_alive(false);
  latency_.on_turn_end(10);
  EXPECT_EQ(latency_.inside().count, 1);
}

TEST_F(CommandLatencyTest, PercentilesTellRareWaitsFromOrdinaryOnes) {
  latency_.on_wake(0, kSlept);
  latency_.count(9'980, kNotInLastTurn);
  latency_.on_turn_end(200);
  latency_.on_wake(1'000, kSlept);
  latency_.count(15, kNotInLastTurn);
  latency_.on_turn_end(6'000);
  latency_.on_wake(10'000, kSlept);
  latency_.count(5, kNotInLastTurn);
  latency_.on_turn_end(40'000);
  const LatencySummary summary = latency_.take_interval();
  expect_near(summary.p50_us, 200);
  expect_near(summary.p99_us, 200);
  expect_near(summary.p999_us, 5'000);
  EXPECT_EQ(summary.max_us, 30'000);
}

TEST_F(CommandLatencyTest, LongerThanTheHistogramsEndIsTheMaximum) {
  latency_.on_wake(0, kSlept);
  latency_.count(1, kNotInLastTurn);
  latency_.on_turn_end(3'000'000);
  const LatencySummary summary = latency_.take_interval();
  EXPECT_EQ(summary.p50_us, 3'000'000);
  EXPECT_EQ(summary.max_us, 3'000'000);
}

}  // namespace
}  // namespace cowslip::server
