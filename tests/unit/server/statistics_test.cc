#include "server/statistics.h"

#include <gtest/gtest.h>

#include <string>

namespace cowslip::server {
namespace {

TEST(InstantaneousRate, IsTheMeanOfItsSixteenSamples) {
  InstantaneousRate rate;
  uint64_t total = 0;
  for (int64_t now_us = 1; now_us <= 1'700'001; now_us += 100'000, total += 50) rate.sample(total, now_us);
  EXPECT_EQ(rate.mean(), 500u);  // per second
}

TEST(InstantaneousRate, CountsFromItsFirstSample) {
  InstantaneousRate rate;
  rate.sample(1'000'000, 1);
  EXPECT_EQ(rate.mean(), 0u);
}

TEST(InstantaneousRate, PassesOverACounterThatWasReset) {
  InstantaneousRate rate;
  rate.sample(1000, 1);
  rate.sample(10, 100'001);
  EXPECT_EQ(rate.mean(), 0u);
}

TEST(ServerStatistics, KeepsACountForEachErrorCode) {
  ServerStatistics statistics;
  statistics.count_error("ERR");
  statistics.count_error("ERR");
  statistics.count_error("WRONGTYPE");
  EXPECT_EQ(statistics.errors["ERR"], 2u);
  EXPECT_EQ(statistics.errors["WRONGTYPE"], 1u);
  EXPECT_EQ(statistics.error_replies, 3u);
}

TEST(ServerStatistics, DoesNotGrowWithMadeUpErrorCodes) {
  ServerStatistics statistics;
  for (int i = 0; i < 1000; i++) statistics.count_error("E" + std::to_string(i));
  EXPECT_EQ(statistics.errors.size(), ServerStatistics::kMaxErrorCodes);
  EXPECT_EQ(statistics.error_replies, 1000u);
}

}  // namespace
}  // namespace cowslip::server
