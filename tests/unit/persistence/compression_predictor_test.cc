#include "persistence/compression_predictor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "persistence/rdb_encoder.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/keyspace_fixture.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

// How many of `count` strings are tried, when attempts give what `compressed(plain bytes)` says.
template <typename Make, typename Compressed>
int tries(CompressionPredictor& predictor, int count, Make make, Compressed compressed) {
  int tries = 0;
  for (int i = 0; i < count; i++) {
    const std::string text = make();
    if (!predictor.worth_trying(text)) continue;
    tries++;
    predictor.tried(text.size(), compressed(text.size()));
  }
  return tries;
}

size_t never(size_t) {
  return 0;
}
size_t to_half(size_t plain) {
  return plain / 2;
}

TEST(CompressionPredictor, WhatNeverShrinksIsTriedRarely) {
  Random random(1);
  for (const size_t length : {21u, 64u, 100u, 5000u, 1'000'000u}) {
    CompressionPredictor predictor;
    const auto make = [&] { return random_text(random, length, false); };
    const int count = length > 10'000 ? 300 : 20'000;
    tries(predictor, count, make, never);
    EXPECT_LE(tries(predictor, count, make, never), count / 10) << length;
  }
}

TEST(CompressionPredictor, WhatShrinksIsAlwaysTried) {
  Random random(1);
  CompressionPredictor predictor;
  EXPECT_EQ(tries(predictor, 5000, [&] { return random_text(random, 300, true); }, to_half), 5000);
}

TEST(CompressionPredictor, NeighboursOfOtherLooksAreNoHindrance) {
  Random random(1);
  CompressionPredictor predictor;
  int number = 0, compressible_tried = 0;
  for (; number < 20'000; number++) {
    const bool compressible = number % 2 == 0;
    const std::string text = random_text(random, 100, compressible);
    if (!predictor.worth_trying(text)) continue;
    compressible_tried += compressible;
    predictor.tried(text.size(), compressible ? 50 : 0);
  }
  EXPECT_EQ(compressible_tried, 10'000);
}

TEST(CompressionPredictor, ASuccessBringsAClassBack) {
  Random random(1);
  CompressionPredictor predictor;
  const auto make = [&] { return random_text(random, 100, false); };
  tries(predictor, 50'000, make, never);
  // The longest wait for an attempt in each of the few classes that such strings fall into, and then every one.
  EXPECT_GE(tries(predictor, 5000, make, to_half), 5000 - 4 * static_cast<int>(CompressionPredictor::kLongestInterval));
}

TEST(CompressionPredictor, AFewThatShrinkMuchAreWorthIt) {
  Random random(1);
  CompressionPredictor predictor;
  const auto one_of_ten = [&](size_t plain) { return random.below(10) == 0 ? plain / 3 : 0; };
  EXPECT_GT(tries(predictor, 20'000, [&] { return random_text(random, 100, false); }, one_of_ten), 19'000);
}

TEST(CompressionPredictor, AnyStringHasAnAnswer) {
  CompressionPredictor predictor;
  for (size_t length = 0; length < 300; length++) {
    if (predictor.worth_trying(std::string(length, 'x'))) predictor.tried(std::max<size_t>(length, 1), 0);
  }
}

// The encoder's answer, value by value: what it writes is what was given, and nothing that shrinks a lot is missed.
TEST(CompressionWherePays, EverythingComesBackAsItWas) {
  Random random(testing::announced_seed("CompressionWherePays.EverythingComesBackAsItWas"));
  std::vector<std::string> values;
  for (int i = 0; i < 20'000; i++) {
    std::string value = random_value(random);
    if (value.size() < 10'000) values.push_back(std::move(value));
  }
  const auto encoded = [&](bool compression) {
    StringSink sink;
    RdbEncoder encoder(sink, {.compression = compression, .buffer_bytes = 1000});
    EXPECT_TRUE(encoder.begin().has_value());
    for (const std::string& value : values)
      EXPECT_TRUE(encoder.string_entry("k", store::StringView(value)).has_value());
    EXPECT_TRUE(encoder.finish().has_value());
    return sink.bytes;
  };
  const std::string bytes = encoded(true);
  EXPECT_LT(bytes.size(), encoded(false).size() * 3 / 4);
  const Decoded decoded = decode_all(bytes, 4096);
  ASSERT_FALSE(decoded.error.has_value()) << decoded.error->message;
  ASSERT_EQ(decoded.items.size(), values.size());
  for (size_t i = 0; i < values.size(); i++) EXPECT_TRUE(decoded.items[i].value == values[i]) << i;
}

}  // namespace
}  // namespace cowslip::persistence
