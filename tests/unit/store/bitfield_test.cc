#include "store/bitfield.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

bool bit_of(std::string_view bytes, uint64_t at) {
  return at / 8 < bytes.size() && (static_cast<uint8_t>(bytes[at / 8]) >> (7 - at % 8) & 1) != 0;
}

int64_t naive_read(std::string_view bytes, FieldType type, uint64_t offset) {
  uint64_t bits = type.is_signed && bit_of(bytes, offset) ? ~uint64_t{0} : 0;
  for (unsigned i = 0; i < type.width; i++) bits = bits << 1 | bit_of(bytes, offset + i);
  return static_cast<int64_t>(bits);
}

FieldType random_type(Random& random) {
  const bool is_signed = random.below(2) == 0;
  return {is_signed, static_cast<unsigned>(1 + random.below(is_signed ? 64 : 63))};
}

// Of any size: as many values of few bits as of many.
int64_t random_value(Random& random) {
  const auto value = static_cast<int64_t>(random.next()) >> random.below(64);
  return random.below(2) == 0 ? value : static_cast<int64_t>(~static_cast<uint64_t>(value));
}

TEST(Bitfield, ReadsWhatBitByBitIsThere) {
  Random random(test_seed());
  for (int round = 0; round < 50'000; round++) {
    std::string bytes;
    for (size_t size = random.below(20); bytes.size() < size;) bytes += static_cast<char>(random.below(256));
    const FieldType type = random_type(random);
    const uint64_t offset = random.below(200);  // beyond the end as well
    ASSERT_EQ(read_field(bytes, type, offset), naive_read(bytes, type, offset)) << type.width << " at " << offset;
  }
}

TEST(Bitfield, WritesItsOwnBitsAndNoOthers) {
  Random random(test_seed());
  for (int round = 0; round < 50'000; round++) {
    std::string bytes(30, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(256));
    const std::string before = bytes;
    const FieldType type = random_type(random);
    const uint64_t offset = random.below(30 * 8 - type.width + 1);
    const auto wanted = fitted(type, FieldOverflow::kWrap, random_value(random));
    const auto [first, count] = bytes_of_field(type, offset);
    ASSERT_LE(first + count, bytes.size());
    write_field(std::span(bytes).subspan(first, count), type, offset, *wanted);
    ASSERT_EQ(read_field(bytes, type, offset), *wanted) << type.width << " at " << offset;
    for (uint64_t at = 0; at < 8 * bytes.size(); at++) {
      const bool inside = at >= offset && at < offset + type.width;
      ASSERT_TRUE(inside || bit_of(bytes, at) == bit_of(before, at)) << at;
    }
  }
}

TEST(Bitfield, LimitsOfEachType) {
  using enum FieldOverflow;
  struct Case {
    FieldType type;
    int64_t lowest;
    int64_t highest;
  };
  for (const auto& [type, lowest, highest] :
       {Case{{true, 1}, -1, 0}, Case{{true, 8}, -128, 127}, Case{{true, 64}, kMin, kMax}, Case{{false, 1}, 0, 1},
        Case{{false, 8}, 0, 255}, Case{{false, 63}, 0, kMax}}) {
    EXPECT_EQ(fitted(type, kFail, lowest), lowest);
    EXPECT_EQ(fitted(type, kFail, highest), highest);
    EXPECT_EQ(fitted_sum(type, kFail, highest, 1), std::nullopt);
    EXPECT_EQ(fitted_sum(type, kFail, lowest, -1), std::nullopt);
    EXPECT_EQ(fitted_sum(type, kSaturate, highest, 1), highest);
    EXPECT_EQ(fitted_sum(type, kSaturate, highest, kMax), highest);
    EXPECT_EQ(fitted_sum(type, kSaturate, lowest, -1), lowest);
    EXPECT_EQ(fitted_sum(type, kSaturate, lowest, kMin), lowest);
    EXPECT_EQ(fitted_sum(type, kWrap, highest, 1), lowest);
    EXPECT_EQ(fitted_sum(type, kWrap, lowest, -1), highest);
  }
}

TEST(Bitfield, ValuesThatDoNotFit) {
  using enum FieldOverflow;
  EXPECT_EQ(fitted({false, 8}, kFail, -1), std::nullopt);
  EXPECT_EQ(fitted({false, 8}, kSaturate, -1), 255) << "the bits of -1 as an unsigned number are far too large";
  EXPECT_EQ(fitted({false, 8}, kWrap, -1), 255);
  EXPECT_EQ(fitted({false, 8}, kWrap, 257), 1);
  EXPECT_EQ(fitted({true, 8}, kWrap, 255), -1);
  EXPECT_EQ(fitted({true, 8}, kSaturate, 1000), 127);
  EXPECT_EQ(fitted({true, 8}, kSaturate, -1000), -128);
  EXPECT_EQ(fitted({true, 8}, kSaturate, kMin + 127), 127) << "as Redis has it";
  EXPECT_EQ(fitted({true, 8}, kSaturate, kMin + 128), -128);
  EXPECT_EQ(fitted({true, 64}, kSaturate, kMin), kMin);
}

// Against sums that cannot overflow: fields of up to 32 bits, increments of up to 33.
TEST(Bitfield, SumsWrapAndSaturate) {
  Random random(test_seed());
  for (int round = 0; round < 50'000; round++) {
    FieldType type = random_type(random);
    type.width = (type.width - 1) % 32 + 1;
    const int64_t values = int64_t{1} << type.width;
    const int64_t lowest = type.is_signed ? -values / 2 : 0;
    const int64_t highest = lowest + values - 1;
    const int64_t value = lowest + static_cast<int64_t>(random.below(static_cast<uint64_t>(values)));
    const int64_t increment = random_value(random) >> 31;
    const int64_t sum = value + increment;
    const bool fits = sum >= lowest && sum <= highest;
    ASSERT_EQ(fitted_sum(type, FieldOverflow::kFail, value, increment), fits ? std::optional(sum) : std::nullopt);
    ASSERT_EQ(fitted_sum(type, FieldOverflow::kSaturate, value, increment), std::clamp(sum, lowest, highest));
    ASSERT_EQ(fitted_sum(type, FieldOverflow::kWrap, value, increment),
              ((sum - lowest) % values + values) % values + lowest);
  }
}

}  // namespace
}  // namespace cowslip::store
