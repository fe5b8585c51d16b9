// Two ways to the same remainder.
//
// Everything here is bit-reflected: the lowest bit of a word is its highest power of x, and a word loaded from memory
// (little-endian) has the earlier, higher bytes in its lower bits.
//
// Tables: Kounavis and Berry, "A Systematic Approach to Building High Performance Software-Based CRC Generators"
// ("slicing by 8").
// Folding: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel, 2009.
#include "base/crc64.h"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace cowslip {
namespace {

// 0xad93d23594c935a9 with its bits in reverse; the x^64 is understood.
constexpr uint64_t kPolynomial = 0x95ac9329ac4bc9b5;

constexpr uint64_t times_x(uint64_t remainder) {
  return (remainder >> 1) ^ ((remainder & 1) != 0 ? kPolynomial : 0);
}

// x^n mod P.
constexpr uint64_t x_to_the(unsigned n) {
  uint64_t remainder = uint64_t{1} << 63;  // x^0
  while (n-- > 0) remainder = times_x(remainder);
  return remainder;
}
static_assert(x_to_the(64) == kPolynomial, "what is left of x^64 is the polynomial's lower part, by definition");

constexpr size_t kSlices = 8;
using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[n][byte] is the checksum of `byte` followed by n zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = times_x(crc);
    tables[0][byte] = crc;
  }
  for (size_t slice = 1; slice < kSlices; ++slice) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint64_t shorter = tables[slice - 1][byte];
      tables[slice][byte] = (shorter >> 8) ^ tables[0][shorter & 0xff];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

uint64_t load_little_endian(const std::byte* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

}  // namespace

namespace internal {

uint64_t crc64_tables(uint64_t crc, std::span<const std::byte> data) {
  while (data.size() >= kSlices) {
    crc ^= load_little_endian(data.data());
    uint64_t folded = 0;
    for (size_t i = 0; i < kSlices; ++i) folded ^= kTables[kSlices - 1 - i][(crc >> (8 * i)) & 0xff];
    crc = folded;
    data = data.subspan(kSlices);
  }
  for (const std::byte byte : data) crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<uint64_t>(byte)) & 0xff];
  return crc;
}

#if defined(__x86_64__)

namespace {

#define COWSLIP_CLMUL __attribute__((target("pclmul,sse4.1")))

constexpr size_t kBlock = 16;  // bytes in one register
constexpr size_t kLanes = 8;   // registers folded side by side: enough to hide the multiplier's latency
constexpr size_t kStride = kLanes * kBlock;

// The factors that move a block `bytes` further from the end of the message, by x^(8 * bytes). The block is two words,
// and each is multiplied alone: its first word stands 64 powers higher than its second. The product of two reflected
// words of 64 bits comes out one bit too low in 128, which is one x too much, hence the -1.
struct FoldBy {
  uint64_t first_word;
  uint64_t second_word;
};

constexpr FoldBy fold_by(unsigned bytes) {
  return {x_to_the(8 * bytes + 64 - 1), x_to_the(8 * bytes - 1)};
}

COWSLIP_CLMUL inline __m128i load_block(const std::byte* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

COWSLIP_CLMUL inline __m128i factors(FoldBy by) {
  return _mm_set_epi64x(static_cast<int64_t>(by.second_word), static_cast<int64_t>(by.first_word));
}

COWSLIP_CLMUL inline __m128i fold(__m128i block, __m128i by, __m128i onto) {
  const __m128i first = _mm_clmulepi64_si128(block, by, 0x00);
  const __m128i second = _mm_clmulepi64_si128(block, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, second), onto);
}

// Folds whole strides of `data` into one block with the same remainder and takes them off `data`.
// REQUIRES: data.size() >= kStride.
COWSLIP_CLMUL __m128i fold_strides(uint64_t crc, std::span<const std::byte>& data) {
  __m128i lanes[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = load_block(data.data() + i * kBlock);
  lanes[0] = _mm_xor_si128(lanes[0], _mm_set_epi64x(0, static_cast<int64_t>(crc)));
  data = data.subspan(kStride);
  constexpr FoldBy kByStride = fold_by(kStride);
  const __m128i by_stride = factors(kByStride);
  for (; data.size() >= kStride; data = data.subspan(kStride)) {
    for (size_t i = 0; i < kLanes; ++i) lanes[i] = fold(lanes[i], by_stride, load_block(data.data() + i * kBlock));
  }
  constexpr FoldBy kByBlock = fold_by(kBlock);
  const __m128i by_block = factors(kByBlock);
  __m128i all = lanes[0];
  for (size_t i = 1; i < kLanes; ++i) all = fold(all, by_block, lanes[i]);
  return all;
}

}  // namespace

bool crc64_has_clmul() {
  static const bool has = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  return has;
}

uint64_t crc64_clmul(uint64_t crc, std::span<const std::byte> data) {
  if (data.size() < kStride) return crc64_tables(crc, data);
  // The paper ends with a Barrett reduction; for the one block that is left the tables are as good.
  const auto block = std::bit_cast<std::array<std::byte, kBlock>>(fold_strides(crc, data));
  return crc64_tables(crc64_tables(0, block), data);
}

#else

bool crc64_has_clmul() {
  return false;
}
uint64_t crc64_clmul(uint64_t crc, std::span<const std::byte> data) {
  return crc64_tables(crc, data);
}

#endif

}  // namespace internal

uint64_t crc64(uint64_t crc, std::span<const std::byte> data) {
  return internal::crc64_has_clmul() ? internal::crc64_clmul(crc, data) : internal::crc64_tables(crc, data);
}

}  // namespace cowslip
