#include "store/expiry_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

constexpr int64_t kNowMs = 1'700'000'000'000;

TEST(ExpiryQueue, AverageOfFewDeadlinesIsTheirMean) {
  memory::UnsharedHeap heap;
  ExpiryQueue queue(heap);
  EXPECT_EQ(queue.average_ttl_ms(kNowMs), 0);
  queue.add(kNowMs + 1000, 1);
  queue.add(kNowMs + 3000, 2);
  EXPECT_EQ(queue.average_ttl_ms(kNowMs), 2000);
}

TEST(ExpiryQueue, AverageOfDeadlinesAtTheEndOfTimeDoesNotOverflow) {
  memory::UnsharedHeap heap;
  ExpiryQueue queue(heap);
  for (uint64_t hash = 0; hash < 100; hash++) queue.add(INT64_MAX - 1, hash);
  EXPECT_GT(queue.average_ttl_ms(kNowMs), INT64_MAX / 2);
}

TEST(ExpiryQueue, ChanceReachesEveryItemAboutAlike) {
  Random random(test_seed());
  for (const uint64_t items : {1, 2, 7, 21, 100, 257, 5000, 5001}) {
    memory::UnsharedHeap heap;
    ExpiryQueue queue(heap);
    // As they come from SETEX with one time to live, which makes the tree thin at its end; or in no order.
    std::vector<uint64_t> numbers(items);
    std::ranges::generate(numbers, [n = uint64_t{0}] mutable { return n++; });
    if (items % 2 == 0) std::shuffle(numbers.begin(), numbers.end(), random);
    // Far apart at one end: a choice by deadline would see little else.
    for (const uint64_t i : numbers) queue.add(kNowMs + static_cast<int64_t>(i < 10 ? i : 1'000'000'000 + i), i);
    constexpr size_t kDrawsEach = 200;
    std::vector<size_t> drawn(items);
    for (size_t i = 0; i < items * kDrawsEach; i++) drawn[queue.random(random).hash]++;
    const auto [least, most] = std::ranges::minmax(drawn);
    EXPECT_GT(least, kDrawsEach / 5) << items;
    EXPECT_LT(most, kDrawsEach * 5 / 2) << items;
  }
}

}  // namespace
}  // namespace cowslip::store
