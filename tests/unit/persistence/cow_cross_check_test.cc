// The ledger against the kernel: the arithmetic of the comparison.
#include "persistence/cow_cross_check.h"

#include <gtest/gtest.h>

namespace cowslip::persistence {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;

ExactReading reading(int64_t at_us, uint64_t copied, uint64_t outside, uint64_t parent_anonymous) {
  return {.at_us = at_us,
          .copied = copied,
          .parent_anonymous = parent_anonymous,
          .copied_outside = outside,
          .parent_growth_outside = 0};
}
LedgerLook look(int64_t at_us, uint64_t child_alone, int64_t growth) {
  return {.at_us = at_us, .child_alone = child_alone, .growth = growth};
}

TEST(CowCrossCheck, DifferenceIsOfTheMeasure) {
  EXPECT_DOUBLE_EQ(difference(90 << 20, 100 << 20, 1).value(), -0.1);
  EXPECT_DOUBLE_EQ(difference(110 << 20, 100 << 20, 100 << 20).value(), 0.1);
  EXPECT_FALSE(difference(5, 0, 1).has_value());
  EXPECT_FALSE(difference(0, 99, 100).has_value());
  EXPECT_FALSE(difference(1, -(100 << 20), 1).has_value());
}

TEST(CowCrossCheck, TheLedgerIsInterpolatedToTheReading) {
  CowCrossCheck check;
  check.begin(1000, 50 * kMegabyte);
  check.add(reading(1500, 12 * kMegabyte, 2 * kMegabyte, 160 * kMegabyte));
  EXPECT_FALSE(check.result().rollup_copied.has_value()) << "no look came after it yet";
  check.add(look(2000, 20 * kMegabyte, 236 * kMegabyte));
  EXPECT_EQ(check.result().rollup_copied, 12 * kMegabyte);
  EXPECT_EQ(check.result().outside_copied, 2 * kMegabyte);
  EXPECT_EQ(check.result().ledger_copied, 12 * kMegabyte);
  EXPECT_DOUBLE_EQ(check.result().rollup_difference.value(), 0);
  EXPECT_EQ(check.result().process_growth, 122 * kMegabyte);
  EXPECT_EQ(check.result().ledger_growth, 120 * kMegabyte);
  EXPECT_NEAR(check.result().process_difference.value(), -2.0 / 122, 1e-9);
}

TEST(CowCrossCheck, TheLargestReadingStands) {
  CowCrossCheck check;
  check.begin(0, 0);
  check.add(look(100, 10 * kMegabyte, 0));
  check.add(reading(100, 10 * kMegabyte, 0, 0));
  check.add(look(200, 0, 0));
  check.add(reading(200, kMegabyte, 3 * kMegabyte, 0));
  EXPECT_EQ(check.result().rollup_copied, 10 * kMegabyte);
  EXPECT_EQ(check.result().ledger_copied, 10 * kMegabyte);
  EXPECT_EQ(check.outside_peak(), 3 * kMegabyte);
}

TEST(CowCrossCheck, AReadingWithoutTheOutsideIsNotCompared) {
  CowCrossCheck check;
  check.begin(0, 0);
  check.add(look(100, kMegabyte, 0));
  ExactReading blind = reading(50, 10 * kMegabyte, 0, 0);
  blind.copied_outside.reset();
  check.add(blind);
  EXPECT_FALSE(check.result().rollup_copied.has_value());
  EXPECT_FALSE(check.result().process_growth.has_value());
}

TEST(CowCrossCheck, OfReadingsOfOneSizeTheOneCountsThatTheLedgerStoodStillAt) {
  CowCrossCheck check;
  check.begin(0, 0);
  check.add(look(100, 20 * kMegabyte, 0));
  check.add(look(200, 20 * kMegabyte, 0));
  check.add(reading(150, 20 * kMegabyte, 0, 0));
  check.add(look(300, 0, 0));
  check.add(reading(250, 20 * kMegabyte + 4096, 0, 0));
  EXPECT_EQ(check.result().ledger_copied, 20 * kMegabyte);
  EXPECT_DOUBLE_EQ(check.result().rollup_difference.value(), 0);
}

TEST(CowCrossCheck, WhatGrewOutsideOfTheEngineIsTheKernelsFigure) {
  CowCrossCheck check;
  check.begin(0, 50 * kMegabyte);
  check.add(look(100, 0, 10 * kMegabyte));
  ExactReading grown = reading(100, 3 * kMegabyte, 2 * kMegabyte, 64 * kMegabyte);
  grown.parent_growth_outside = 5 * kMegabyte;
  check.add(grown);
  EXPECT_EQ(check.result().process_growth, 17 * kMegabyte);
  EXPECT_EQ(check.result().ledger_growth, 17 * kMegabyte);
  EXPECT_DOUBLE_EQ(check.result().process_difference.value(), 0);
}

TEST(CowCrossCheck, FaultsAndGroup) {
  CowCrossCheck check;
  check.begin(0, 0);
  check.set_faults(80 * kMegabyte, 81 * kMegabyte, false);
  EXPECT_EQ(check.result().faults_copied, 80 * kMegabyte);
  EXPECT_FALSE(check.result().faults_difference.has_value()) << "pages taken over look like copies";
  check.set_faults(80 * kMegabyte, 81 * kMegabyte, true);
  EXPECT_DOUBLE_EQ(check.result().faults_difference.value(), 1.0 / 80);
  check.add(look(100, 0, 130 * kMegabyte));
  check.add_cgroup_growth(132 * kMegabyte);
  EXPECT_EQ(check.result().cgroup_growth, 132 * kMegabyte);
  EXPECT_DOUBLE_EQ(check.result().cgroup_difference.value(), -2.0 / 132);
  check.add(look(200, 0, 10 * kMegabyte));
  check.add_cgroup_growth(10 * kMegabyte);
  EXPECT_EQ(check.result().cgroup_growth, 132 * kMegabyte) << "the peak is what counts";
}

TEST(CowCrossCheck, AnotherSaveStartsAnew) {
  CowCrossCheck check;
  check.begin(0, 0);
  check.add(look(100, 10 * kMegabyte, 0));
  check.add(reading(100, 10 * kMegabyte, kMegabyte, 0));
  check.begin(1000, 0);
  EXPECT_FALSE(check.result().rollup_copied.has_value());
  EXPECT_EQ(check.outside_peak(), 0u);
}

}  // namespace
}  // namespace cowslip::persistence
