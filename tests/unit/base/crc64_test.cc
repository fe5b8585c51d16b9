#include "base/crc64.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/base/seed.h"

namespace cowslip {
namespace {

// The definition, a bit at a time, straight from the polynomial as the catalogues write it.
uint64_t crc64_by_definition(uint64_t crc, std::span<const std::byte> data) {
  constexpr uint64_t kPolynomial = 0xad93d23594c935a9;
  uint64_t reflected = 0;
  for (int bit = 0; bit < 64; ++bit) reflected |= ((kPolynomial >> bit) & 1) << (63 - bit);
  for (const std::byte byte : data) {
    crc ^= std::to_integer<uint64_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? reflected : 0);
  }
  return crc;
}

std::vector<std::byte> random_bytes(Random& random, size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
  return bytes;
}

TEST(Crc64, GivesTheCheckValue) {
  EXPECT_EQ(crc64(0, "123456789"), 0xe9c6d914c4b8d9cau);
}

TEST(Crc64, OfNothingIsUnchanged) {
  EXPECT_EQ(crc64(0x123456789abcdef0, ""), 0x123456789abcdef0u);
}

TEST(Crc64, TablesFollowTheDefinition) {
  Random random(test_seed());
  for (size_t size = 0; size < 600; ++size) {
    const auto data = random_bytes(random, size);
    const uint64_t start = random.next();
    ASSERT_EQ(internal::crc64_tables(start, data), crc64_by_definition(start, data)) << size;
  }
}

TEST(Crc64, FoldingFollowsTheDefinition) {
  if (!internal::crc64_has_clmul()) GTEST_SKIP() << "this CPU has no PCLMULQDQ";
  Random random(test_seed());
  // Every length over several strides, and every alignment.
  for (size_t size = 0; size < 1200; ++size) {
    const size_t skipped = size % 16;
    const auto buffer = random_bytes(random, size + skipped);
    const auto data = std::span(buffer).subspan(skipped);
    const uint64_t start = random.next();
    ASSERT_EQ(internal::crc64_clmul(start, data), crc64_by_definition(start, data)) << size;
  }
}

TEST(Crc64, ContinuesWhereItStopped) {
  Random random(test_seed());
  const auto data = random_bytes(random, 5000);
  const std::span<const std::byte> all(data);
  const uint64_t whole = crc64(0, all);
  for (int i = 0; i < 200; ++i) {
    const size_t cut = random.below(all.size() + 1);
    ASSERT_EQ(crc64(crc64(0, all.first(cut)), all.subspan(cut)), whole) << cut;
  }
}

}  // namespace
}  // namespace cowslip
