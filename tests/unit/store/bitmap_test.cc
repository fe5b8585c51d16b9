#include "store/bitmap.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

bool bit_of(std::string_view bytes, uint64_t at) {
  return at / 8 < bytes.size() && (static_cast<uint8_t>(bytes[at / 8]) >> (7 - at % 8) & 1) != 0;
}

uint64_t naive_count(std::string_view bytes, BitRange range) {
  uint64_t count = 0;
  for (uint64_t at = range.first; at <= range.last; at++) count += bit_of(bytes, at);
  return count;
}

std::optional<uint64_t> naive_find(std::string_view bytes, bool value, BitRange range) {
  for (uint64_t at = range.first; at <= range.last; at++) {
    if (bit_of(bytes, at) == value) return at;
  }
  return std::nullopt;
}

bool naive_combination(BitOperation operation, const std::vector<std::string_view>& sources, uint64_t at) {
  bool bit = bit_of(sources[0], at);
  if (operation == BitOperation::kNot) return !bit;
  for (size_t i = 1; i < sources.size(); i++) {
    const bool other = bit_of(sources[i], at);
    bit = operation == BitOperation::kAnd ? bit && other : operation == BitOperation::kOr ? bit || other : bit != other;
  }
  return bit;
}

// Mostly runs of one byte, as real bitmaps have them, so that whole words are skipped.
std::string random_bytes(Random& random, size_t size) {
  std::string bytes;
  while (bytes.size() < size) {
    const uint64_t kind = random.below(4);
    const char byte = kind == 0 ? '\0' : kind == 1 ? '\xff' : static_cast<char>(random.below(256));
    bytes.append(1 + random.below(kind < 2 ? 40 : 2), byte);
  }
  bytes.resize(size);
  return bytes;
}

BitRange random_range(Random& random, size_t bytes) {
  const uint64_t a = random.below(bytes * 8);
  const uint64_t b = random.below(bytes * 8);
  return {std::min(a, b), std::max(a, b)};
}

TEST(Bitmap, CountsAndFindsAsBitByBit) {
  Random random(test_seed());
  for (int round = 0; round < 20'000; round++) {
    // At all alignments, and at the end of a block of its own, where one byte too many is noticed.
    const std::string whole = random_bytes(random, 1 + random.below(120));
    const size_t skipped = random.below(whole.size());
    const std::string_view bytes = std::string_view(whole).substr(skipped);
    const BitRange range = random_range(random, bytes.size());
    ASSERT_EQ(count_ones(bytes), naive_count(bytes, {0, bytes.size() * 8 - 1}));
    ASSERT_EQ(count_ones(bytes, range), naive_count(bytes, range)) << range.first << " " << range.last;
    for (const bool value : {false, true}) {
      ASSERT_EQ(find_bit(bytes, value, range), naive_find(bytes, value, range)) << range.first << " " << range.last;
    }
  }
}

TEST(Bitmap, CountsManyBytes) {
  Random random(test_seed());
  std::string bytes(1'000'003, '\0');
  uint64_t expected = 0;
  for (char& byte : bytes) {
    byte = static_cast<char>(random.below(256));
    expected += static_cast<uint64_t>(__builtin_popcount(static_cast<uint8_t>(byte)));
  }
  EXPECT_EQ(count_ones(bytes), expected);
  EXPECT_EQ(count_ones(""), 0u);
}

TEST(Bitmap, CombinesAsBitByBit) {
  Random random(test_seed());
  constexpr BitOperation kOperations[] = {BitOperation::kAnd, BitOperation::kOr, BitOperation::kXor,
                                          BitOperation::kNot};
  for (int round = 0; round < 1000; round++) {
    const BitOperation operation = kOperations[random.below(4)];
    const size_t count = operation == BitOperation::kNot ? 1 : 1 + random.below(4);
    std::vector<std::string> strings;
    std::vector<std::string_view> sources;
    // Now and then longer than one block, with lengths that end in different ones.
    const size_t longest = random.below(20) == 0 ? 10'000 : 80;
    for (size_t i = 0; i < count; i++) strings.push_back(random_bytes(random, random.below(longest)));
    sources.assign(strings.begin(), strings.end());
    size_t length = 0;
    for (const auto& source : sources) length = std::max(length, source.size());
    std::string result(length, 'x');  // whatever was there
    combine_bits(operation, sources, result);
    for (uint64_t at = 0; at < length * 8; at++) {
      ASSERT_EQ(bit_of(result, at), naive_combination(operation, sources, at)) << "bit " << at << " of " << length * 8;
    }
  }
}

}  // namespace
}  // namespace cowslip::store
