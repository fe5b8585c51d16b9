#include "commands/random_picks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

namespace cowslip::commands {
namespace {

// What store/ has for a set of the numbers below `size`.
struct Numbers {
  uint64_t size() const { return size_; }
  uint64_t at(uint64_t rank) const { return rank; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (uint64_t i = 0; i < size_; i++) visit(i);
  }
  uint64_t size_;
};

// The same as pairs, as hashes have them.
struct Pairs {
  uint64_t size() const { return size_; }
  std::pair<uint64_t, uint64_t> at(uint64_t rank) const { return {rank, 2 * rank}; }
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (uint64_t i = 0; i < size_; i++) visit(i, 2 * i);
  }
  uint64_t size_;
};

std::vector<uint64_t> distinct(Random& random, uint64_t size, uint64_t count) {
  std::vector<uint64_t> picked;
  for_random_distinct(Numbers{size}, random, count, [&](uint64_t number) { picked.push_back(number); });
  return picked;
}

TEST(RandomPicks, DistinctOnesAreSoManyAndInOrder) {
  Random random(7);
  for (const uint64_t size : {1, 5, 511, 513, 10'000}) {
    for (const uint64_t count : {uint64_t{0}, uint64_t{1}, size / 100, size / 9, size / 2, size - 1, size, size + 5}) {
      const auto picked = distinct(random, size, count);
      EXPECT_EQ(picked.size(), std::min(size, count)) << size << " " << count;
      EXPECT_TRUE(std::ranges::is_sorted(picked));
      EXPECT_EQ(std::set<uint64_t>(picked.begin(), picked.end()).size(), picked.size());
      EXPECT_TRUE(picked.empty() || picked.back() < size);
    }
  }
}

// Each element is in a choice with the same probability, whichever way it is made: within five standard deviations.
TEST(RandomPicks, AllAreEquallyLikely) {
  Random random(11);
  for (const auto& [size, count] : {std::pair<uint64_t, uint64_t>{20, 7}, {600, 50}, {600, 300}}) {
    const uint64_t rounds = 20'000;
    std::map<uint64_t, uint64_t> seen;
    for (uint64_t i = 0; i < rounds; i++) {
      for (const uint64_t number : distinct(random, size, count)) seen[number]++;
    }
    const double share = static_cast<double>(count) / static_cast<double>(size);
    const double mean = share * static_cast<double>(rounds), deviation = std::sqrt(mean * (1 - share));
    for (uint64_t number = 0; number < size; number++) {
      EXPECT_NEAR(static_cast<double>(seen[number]), mean, 5 * deviation) << number << " of " << size;
    }
  }
}

TEST(RandomPicks, RepeatedOnesAreAsManyAsWanted) {
  Random random(3);
  for (const uint64_t size : {1, 10, 10'000}) {
    std::set<uint64_t> different;
    uint64_t picked = 0;
    for_random_repeated(Numbers{size}, random, 1000, [&](uint64_t number) {
      EXPECT_LT(number, size);
      different.insert(number);
      picked++;
    });
    EXPECT_EQ(picked, 1000u);
    EXPECT_GT(different.size(), std::min<uint64_t>(size, 900) - 1);
  }
}

TEST(RandomPicks, PairsComeInHalves) {
  Random random(5);
  uint64_t picked = 0;
  const auto check = [&](uint64_t number, uint64_t twice) {
    EXPECT_EQ(twice, 2 * number);
    picked++;
  };
  for (const uint64_t size : {10, 10'000}) {
    for_random_distinct(Pairs{size}, random, 5, check);
    for_random_repeated(Pairs{size}, random, 5, check);
  }
  EXPECT_EQ(picked, 20u);
}

}  // namespace
}  // namespace cowslip::commands
