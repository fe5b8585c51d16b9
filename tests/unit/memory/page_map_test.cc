#include "memory/page_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "tests/unit/base/seed.h"

namespace cowslip::memory {
namespace {

TEST(PageMap, TakesTheLowestRunThatIsLargeEnough) {
  PageMap map;
  map.reset(0);
  EXPECT_EQ(map.largest_free_run(), kPagesPerChunk);
  EXPECT_EQ(map.allocate(5), 0u);
  EXPECT_EQ(map.allocate(10), 5u);
  EXPECT_EQ(map.allocate(7), 15u);
  EXPECT_EQ(map.release(5), 10u);
  EXPECT_EQ(map.allocate(11), 22u);
  EXPECT_EQ(map.allocate(8), 5u);
  EXPECT_EQ(map.pages_of(0), 5u);
  EXPECT_EQ(map.pages_of(5), 8u);
  EXPECT_EQ(map.blocks(), 4u);
}

TEST(PageMap, KnowsTheTailOfALargerBlock) {
  PageMap map;
  map.reset(100);
  EXPECT_EQ(map.tail(), 100u);
  EXPECT_EQ(map.blocks(), 0u);
  EXPECT_EQ(map.next_start(0), kPagesPerChunk);
  EXPECT_EQ(map.allocate(412), 100u);
  EXPECT_EQ(map.largest_free_run(), 0u);
  EXPECT_EQ(map.tail(), 100u);
  map.release_tail();
  EXPECT_EQ(map.tail(), 0u);
  EXPECT_EQ(map.largest_free_run(), 100u);
  EXPECT_EQ(map.allocate(1), 0u);
  EXPECT_EQ(map.tail(), 0u);
}

TEST(PageMap, RunClassesAscendAndGuaranteeTheirSize) {
  for (size_t pages = 2; pages <= kPagesPerChunk; pages++) {
    ASSERT_GE(run_class(pages), run_class(pages - 1));
    ASSERT_LE(run_class(pages), run_class(pages - 1) + 1);
  }
  EXPECT_EQ(run_class(1), 0u);
  EXPECT_EQ(run_class(kPagesPerChunk), kRunClasses - 1);
}

TEST(PageMap, AgreesWithAModel) {
  Random random(test_seed());
  PageMap map;
  map.reset(0);
  std::map<size_t, size_t> blocks;  // first page -> pages
  for (int step = 0; step < 20'000; step++) {
    size_t largest = 0, at = 0;
    for (const auto& [first, pages] : blocks) {
      largest = std::max(largest, first - at);
      at = first + pages;
      ASSERT_EQ(map.pages_of(first), pages);
    }
    largest = std::max(largest, kPagesPerChunk - at);
    ASSERT_EQ(map.largest_free_run(), largest);
    ASSERT_EQ(map.blocks(), blocks.size());
    ASSERT_EQ(map.empty(), blocks.empty());
    const size_t pages = 1 + random.below(random.below(4) == 0 ? 300 : 20);
    if (pages <= largest && random.below(2) == 0) {
      const size_t first = map.allocate(pages);
      const auto next = blocks.lower_bound(first);
      ASSERT_TRUE(next == blocks.end() || first + pages <= next->first);
      ASSERT_TRUE(next == blocks.begin() || std::prev(next)->first + std::prev(next)->second <= first);
      blocks[first] = pages;
    } else if (!blocks.empty()) {
      auto some = blocks.lower_bound(random.below(kPagesPerChunk));
      if (some == blocks.end()) some = blocks.begin();
      ASSERT_EQ(map.release(some->first), some->second);
      blocks.erase(some);
    }
  }
}

}  // namespace
}  // namespace cowslip::memory
