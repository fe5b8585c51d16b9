// Strings as sequences of bits: bit 0 is the highest bit of the first byte.
//
// Pure functions over bytes, a word of 64 bits at a time where that is possible.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace cowslip::store {

// The bits from `first` to `last`, both included.
struct BitRange {
  uint64_t first;
  uint64_t last;
};

// The bits that are 1, in all of `bytes` or in a range. REQUIRES: first <= last < 8 * bytes.size().
uint64_t count_ones(std::string_view bytes);
uint64_t count_ones(std::string_view bytes, BitRange range);

// The first bit of the range that has this value. REQUIRES: first <= last < 8 * bytes.size().
std::optional<uint64_t> find_bit(std::string_view bytes, bool value, BitRange range);

enum class BitOperation { kAnd, kOr, kXor, kNot };

// Fills `result` with what the operation makes of the sources, bit by bit, as if zero bytes followed each of them.
// REQUIRES: sources is not empty, and has one element for kNot; `result` overlaps none of them.
void combine_bits(BitOperation operation, std::span<const std::string_view> sources, std::span<char> result);

}  // namespace cowslip::store
