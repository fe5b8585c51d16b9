// Rows of bits in 64-bit words: bit n is bit n % 64 of word n / 64.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace cowslip::memory {

inline bool bit_at(std::span<const uint64_t> words, size_t n) {
  return (words[n / 64] >> (n % 64) & 1) != 0;
}
inline void set_bit(std::span<uint64_t> words, size_t n) {
  words[n / 64] |= uint64_t{1} << (n % 64);
}
inline void clear_bit(std::span<uint64_t> words, size_t n) {
  words[n / 64] &= ~(uint64_t{1} << (n % 64));
}

// The first bit at or after `from` that is `wanted`; the number of bits when there is none.
inline size_t find_bit(std::span<const uint64_t> words, size_t from, bool wanted) {
  const uint64_t flip = wanted ? 0 : ~uint64_t{0};
  uint64_t passed = ~uint64_t{0} << (from % 64);  // bits before `from` do not count
  for (size_t i = from / 64; i < words.size(); i++, passed = ~uint64_t{0}) {
    if (const uint64_t word = (words[i] ^ flip) & passed; word != 0) return i * 64 + std::countr_zero(word);
  }
  return words.size() * 64;
}

// Makes bits [from, to) `value`.
inline void fill_bits(std::span<uint64_t> words, size_t from, size_t to, bool value) {
  while (from < to) {
    const size_t begin = from % 64;
    const size_t count = std::min<size_t>(64 - begin, to - from);
    const uint64_t mask = (~uint64_t{0} >> (64 - count)) << begin;
    words[from / 64] = value ? words[from / 64] | mask : words[from / 64] & ~mask;
    from += count;
  }
}

}  // namespace cowslip::memory
