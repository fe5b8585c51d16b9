#include "server/eviction_control.h"

#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

TEST(EvictionSlice, GrowsWithTenacity) {
  EXPECT_EQ(eviction_slice_us(0), 0);
  EXPECT_EQ(eviction_slice_us(1), 50);
  EXPECT_EQ(eviction_slice_us(10), 500);
  EXPECT_EQ(eviction_slice_us(11), 575);
  for (int64_t tenacity = 1; tenacity <= 100; tenacity++) {
    EXPECT_GT(eviction_slice_us(tenacity), eviction_slice_us(tenacity - 1)) << tenacity;
  }
  EXPECT_NEAR(static_cast<double>(eviction_slice_us(99)) / 1e6, 126, 2) << "two minutes";
  EXPECT_EQ(eviction_slice_us(100), kEndlessSliceUs);
}

}  // namespace
}  // namespace cowslip::server
