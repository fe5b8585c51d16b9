#include "store/expiry_queue.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace cowslip::store
