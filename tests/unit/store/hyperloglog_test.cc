#include "store/hyperloglog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "store/hyperloglog_runs.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

constexpr size_t kSparseMaxBytes = 3000;

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[static_cast<uint8_t>(byte) >> 4];
    text += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

std::string runs(std::string_view hll) {
  return hex(hll.substr(kHllHeaderBytes));
}

// A sparse one with these bytes as runs.
std::string with_runs(std::string_view bytes) {
  return empty_hyperloglog().substr(0, kHllHeaderBytes).append(bytes);
}

HllRegisters registers_of(std::string_view hll) {
  HllRegisters registers = {};
  EXPECT_TRUE(hll_merge(registers, hll));
  return registers;
}

HllElement random_element(Random& random) {
  return hll_element(std::to_string(random.next()));
}

TEST(HyperLogLog, Empty) {
  const std::string hll = empty_hyperloglog();
  EXPECT_EQ(hex(hll),
            "48594c4c010000000000000000000000"
            "7fff");
  EXPECT_TRUE(is_hyperloglog(hll));
  EXPECT_FALSE(hll_is_dense(hll));
  EXPECT_EQ(hll_kept_cardinality(hll), 0u);
  EXPECT_EQ(hll_estimate(hll), 0u);
}

// What redis-server 7.0.15 has after PFADD hll a b c.
TEST(HyperLogLog, BytesOfAnotherServer) {
  std::string hll = empty_hyperloglog();
  for (const char* text : {"a", "b", "c"}) EXPECT_EQ(hll_raise(hll, hll_element(text), 3000), HllChange::kRaised);
  EXPECT_EQ(hex(hll),
            "48594c4c010000000000000000000080"
            "60f3"
            "80"
            "50b1"
            "84"
            "4bfb"
            "80"
            "425a");
  EXPECT_EQ(hll_kept_cardinality(hll), std::nullopt);
  EXPECT_EQ(hll_estimate(hll), 3u);
}

TEST(HyperLogLog, RunsAreSplitAndJoined) {
  std::string hll = empty_hyperloglog();
  const auto raise = [&](size_t index, uint8_t rank) { return hll_raise(hll, {index, rank}, kSparseMaxBytes); };
  EXPECT_EQ(raise(0, 1), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "80"
            "7ffe")
      << "one register, then 16383 zeros";
  EXPECT_EQ(raise(0, 1), HllChange::kNone);
  EXPECT_EQ(raise(16383, 32), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "80"
            "7ffd"
            "fc");
  EXPECT_EQ(raise(3, 1), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "80"
            "01"
            "80"
            "7ffa"
            "fc");
  EXPECT_EQ(raise(1, 1), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "81"
            "00"
            "80"
            "7ffa"
            "fc");
  EXPECT_EQ(raise(2, 1), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "83"
            "7ffa"
            "fc")
      << "four neighbours in one run";
  EXPECT_EQ(raise(4, 1), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "83"
            "80"
            "7ff9"
            "fc")
      << "which is full";
  EXPECT_EQ(raise(1, 2), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "80"
            "84"
            "82"
            "7ff9"
            "fc")
      << "what is left of it is joined with the next";
  EXPECT_EQ(raise(70, 3), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "80"
            "84"
            "82"
            "4040"
            "88"
            "7fb7"
            "fc")
      << "65 zeros take two bytes";
  EXPECT_EQ(raise(6, 3), HllChange::kRaised);
  EXPECT_EQ(runs(hll),
            "80"
            "84"
            "82"
            "00"
            "88"
            "3e"
            "88"
            "7fb7"
            "fc")
      << "63 zeros take one";
}

TEST(HyperLogLog, SparseBecomesDense) {
  std::string hll = empty_hyperloglog();
  EXPECT_EQ(hll_raise(hll, {7, 33}, kSparseMaxBytes), HllChange::kRaised);
  EXPECT_TRUE(hll_is_dense(hll)) << "runs have values of at most 32";
  EXPECT_EQ(hll.size(), kHllDenseBytes);
  EXPECT_EQ(hll_dense_register(hll, 7), 33);
  EXPECT_EQ(hll_raise(hll, {7, 33}, kSparseMaxBytes), HllChange::kNone);

  hll = empty_hyperloglog();
  for (size_t i = 0; i < 5; i++) hll_raise(hll, {i * 1000, static_cast<uint8_t>(i + 1)}, 31);
  EXPECT_FALSE(hll_is_dense(hll));
  EXPECT_EQ(hll.size(), 16u + 3 + 4 * 3) << "the first is at the start, the others split a run";
  hll_raise(hll, {9000, 1}, 31);
  EXPECT_TRUE(hll_is_dense(hll));
  for (size_t i = 0; i < 5; i++) EXPECT_EQ(hll_dense_register(hll, i * 1000), i + 1);
  EXPECT_EQ(hll_dense_register(hll, 9000), 1);

  hll = empty_hyperloglog();
  hll_raise(hll, {0, 1}, 0);
  EXPECT_TRUE(hll_is_dense(hll)) << "hll-sparse-max-bytes 0";
}

TEST(HyperLogLog, RegistersAreWhatWasAdded) {
  const uint64_t seed = test_seed();
  Random random(seed);
  for (const size_t sparse_max_bytes : {size_t{3000}, size_t{100'000}, size_t{0}}) {
    std::string hll = empty_hyperloglog();
    HllRegisters expected = {};
    for (int added = 0; added < 6000; added++) {
      HllElement element = random_element(random);
      // Few registers, so that neighbours meet; small ranks, so that they are equal.
      if (added % 2 == 0) element = {element.index % 100, static_cast<uint8_t>(std::min<int>(element.rank, 3))};
      const bool raises = element.rank > expected[element.index];
      ASSERT_EQ(hll_raise(hll, element, sparse_max_bytes), raises ? HllChange::kRaised : HllChange::kNone);
      expected[element.index] = std::max(expected[element.index], element.rank);
      if (added % 500 == 0) {
        ASSERT_EQ(registers_of(hll), expected) << added;
        ASSERT_EQ(hll_estimate(hll), hll_estimate(expected)) << added;
      }
    }
    EXPECT_EQ(registers_of(hll), expected);
    ASSERT_TRUE(hll_make_dense(hll));
    EXPECT_EQ(registers_of(hll), expected);
    EXPECT_EQ(hll_estimate(hll), hll_estimate(expected));
  }
}

TEST(HyperLogLog, DenseRegistersDoNotDisturbEachOther) {
  Random random(test_seed());
  std::string hll = empty_hyperloglog();
  ASSERT_TRUE(hll_make_dense(hll));
  HllRegisters expected = {};
  for (int round = 0; round < 100'000; round++) {
    const size_t index = random.below(10) == 0 ? kHllRegisters - 1 - random.below(9) : random.below(kHllRegisters);
    const auto rank = static_cast<uint8_t>(random.below(64));
    const HllPlace place = hll_dense_place(index);
    ASSERT_LE(place.first + place.count, hll.size());
    hll_set_dense_register(std::span(hll).subspan(place.first, place.count), index, rank);
    expected[index] = rank;
    ASSERT_EQ(hll_dense_register(hll, index), rank);
  }
  EXPECT_EQ(registers_of(hll), expected);
}

// The standard error is 1.04 / sqrt(16384) = 0.81 %: five of them are next to impossible.
TEST(HyperLogLog, EstimatesAreClose) {
  Random random(test_seed());
  std::string hll = empty_hyperloglog();
  uint64_t added = 0;
  for (const uint64_t until : {10ull, 100ull, 1000ull, 10'000ull, 50'000ull, 100'000ull, 1'000'000ull}) {
    for (; added < until; added++) hll_raise(hll, random_element(random), kSparseMaxBytes);
    const auto estimate = static_cast<double>(*hll_estimate(hll));
    const auto truth = static_cast<double>(until);
    EXPECT_NEAR(estimate, truth, std::max(1.0, 0.0406 * truth)) << until;
  }
}

TEST(HyperLogLog, KeptCardinality) {
  std::string hll = empty_hyperloglog();
  const auto bytes = hll_cardinality_bytes(0x0123456789abcdefull);
  std::ranges::copy(bytes, hll.begin() + kHllCardinalityAt);
  EXPECT_EQ(hll_kept_cardinality(hll), 0x0123456789abcdefull);
  hll_mark_stale(hll);
  EXPECT_EQ(hll_kept_cardinality(hll), std::nullopt);
  EXPECT_EQ(hex(hll.substr(8, 8)), "efcdab8967452381") << "what it was stays";
}

// ---- what is none, or broken ----

TEST(HyperLogLog, OtherStringsAreNone) {
  EXPECT_FALSE(is_hyperloglog(""));
  EXPECT_FALSE(is_hyperloglog("HYLL"));
  std::string hll = empty_hyperloglog();
  EXPECT_TRUE(is_hyperloglog(hll.substr(0, kHllHeaderBytes))) << "a sparse one may have any length";
  EXPECT_FALSE(is_hyperloglog(hll.substr(0, kHllHeaderBytes - 1)));
  std::string other = hll;
  other[0] = 'h';
  EXPECT_FALSE(is_hyperloglog(other));
  for (const char encoding : {'\0', '\2', '\xff'}) {
    other = hll;
    other[4] = encoding;
    EXPECT_FALSE(is_hyperloglog(other)) << int{encoding};
  }
  ASSERT_TRUE(hll_make_dense(hll));
  EXPECT_TRUE(is_hyperloglog(hll));
  EXPECT_FALSE(is_hyperloglog(hll + "x"));
  EXPECT_FALSE(is_hyperloglog(hll.substr(1)));
  EXPECT_FALSE(is_hyperloglog(hll.substr(0, hll.size() - 1)));
}

TEST(HyperLogLog, CorruptedRuns) {
  const std::string all_zeros("\x7f\xff");
  for (const std::string& bytes : {std::string(), std::string("\x7f"), std::string("\x7f\xfe"), all_zeros + '\0',
                                   all_zeros + "\x80", all_zeros + all_zeros, std::string("\x80") + all_zeros}) {
    std::string hll = with_runs(bytes);
    ASSERT_TRUE(is_hyperloglog(hll));
    EXPECT_EQ(hll_estimate(hll), std::nullopt) << hex(bytes);
    HllRegisters registers = {};
    EXPECT_FALSE(hll_merge(registers, hll)) << hex(bytes);
    const std::string before = hll;
    EXPECT_FALSE(hll_make_dense(hll)) << hex(bytes);
    EXPECT_EQ(hll, before);
    EXPECT_EQ(hll_raise(hll, {5, 40}, kSparseMaxBytes), HllChange::kCorrupted) << "which needs a dense one";
    EXPECT_EQ(hll, before);
  }
  std::string hll = with_runs("\x09");
  EXPECT_EQ(hll_raise(hll, {10, 1}, kSparseMaxBytes), HllChange::kCorrupted) << "a register that is not there";
}

// Any bytes with a good header: an answer from each function, and from those that change it something that is still a
// HyperLogLog. Under the sanitizers this is what finds a byte too far.
TEST(HyperLogLog, NoiseIsHandled) {
  Random random(test_seed());
  size_t sound = 0;
  for (int round = 0; round < 20'000; round++) {
    std::string hll = empty_hyperloglog();
    if (random.below(2) == 0) {
      for (uint64_t n = random.below(60); n > 0; n--) hll_raise(hll, random_element(random), kSparseMaxBytes);
      for (uint64_t n = random.below(3); n > 0; n--) {
        hll[kHllHeaderBytes + random.below(hll.size() - kHllHeaderBytes)] = static_cast<char>(random.below(256));
      }
      if (random.below(4) == 0) hll.resize(kHllHeaderBytes + random.below(hll.size() - kHllHeaderBytes));
    } else {
      hll.resize(kHllHeaderBytes);
      for (uint64_t n = random.below(80); n > 0; n--) hll += static_cast<char>(random.below(256));
    }
    hll.shrink_to_fit();
    const bool good = hll_estimate(hll).has_value();
    sound += good;
    HllRegisters registers = {};
    ASSERT_EQ(hll_merge(registers, hll), good) << hex(hll);
    for (int n = 0; n < 5; n++) {
      const HllElement element = {random.below(kHllRegisters), static_cast<uint8_t>(1 + random.below(51))};
      const HllChange change = hll_raise(hll, element, random.below(100));
      ASSERT_TRUE(is_hyperloglog(hll)) << hex(hll);
      if (good) {
        ASSERT_NE(change, HllChange::kCorrupted) << hex(hll);
        registers[element.index] = std::max(registers[element.index], element.rank);
        ASSERT_EQ(registers_of(hll), registers) << hex(hll);
      }
    }
  }
  EXPECT_GT(sound, 2000u) << "of both kinds there should be many";
  EXPECT_LT(sound, 18'000u);
}

}  // namespace
}  // namespace cowslip::store
