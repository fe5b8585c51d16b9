#include "store/bitmap.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cowslip::store {
namespace {

constexpr size_t kWordBytes = sizeof(uint64_t);
// A block of the result stays in the nearest cache while one source after the other is added to it.
constexpr size_t kBlockBytes = 4096;

uint64_t load_word(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

uint64_t swap_bytes(uint64_t word) {
  return std::endian::native == std::endian::little ? __builtin_bswap64(word) : word;
}

// The word at bit 64 * `index`, bit 0 highest, with zeros for what is beyond the end.
uint64_t word_at(std::string_view bytes, uint64_t index) {
  const size_t at = index * kWordBytes;
  if (at + kWordBytes <= bytes.size()) return swap_bytes(load_word(bytes.data() + at));
  uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, bytes.size() - at);
  return swap_bytes(word);
}

// The loop of count_ones(), compiled once for processors that can count bits and once for all.
__attribute__((always_inline)) inline uint64_t count_in_words(const char* bytes, size_t size) {
  uint64_t counts[4] = {};  // four sums, so that none waits for the one before
  size_t at = 0;
  for (; at + 4 * kWordBytes <= size; at += 4 * kWordBytes) {
    for (size_t i = 0; i < 4; i++) counts[i] += std::popcount(load_word(bytes + at + i * kWordBytes));
  }
  for (; at + kWordBytes <= size; at += kWordBytes) counts[0] += std::popcount(load_word(bytes + at));
  uint64_t rest = 0;
  if (at < size) std::memcpy(&rest, bytes + at, size - at);
  return counts[0] + counts[1] + counts[2] + counts[3] + std::popcount(rest);
}

uint64_t count_portably(const char* bytes, size_t size) {
  return count_in_words(bytes, size);
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) uint64_t count_with_popcnt(const char* bytes, size_t size) {
  return count_in_words(bytes, size);
}
#endif

using CountFunction = uint64_t (*)(const char*, size_t);

CountFunction fastest_count() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("popcnt")) return count_with_popcnt;
#endif
  return count_portably;
}

// target[i] = operation(target[i], source[i]), four words at a time, then byte by byte.
template <typename Operation>
void apply(char* target, const char* source, size_t size, Operation operation) {
  constexpr size_t kStep = 4 * kWordBytes;
  size_t at = 0;
  for (; at + kStep <= size; at += kStep) {
    uint64_t to[4];
    uint64_t from[4];
    std::memcpy(to, target + at, kStep);
    std::memcpy(from, source + at, kStep);
    for (size_t i = 0; i < 4; i++) to[i] = operation(to[i], from[i]);
    std::memcpy(target + at, to, kStep);
  }
  for (; at < size; at++) {
    target[at] = static_cast<char>(operation(static_cast<uint8_t>(target[at]), static_cast<uint8_t>(source[at])));
  }
}

// The bytes of `source` that fall into a block at `at`; fewer than `size` where it ends.
std::string_view part(std::string_view source, size_t at, size_t size) {
  return source.substr(std::min(at, source.size()), size);
}

void combine_block(BitOperation operation, std::string_view source, std::span<char> block) {
  char* const to = block.data();
  switch (operation) {
    case BitOperation::kAnd:
      apply(to, source.data(), source.size(), [](auto a, auto b) { return a & b; });
      std::memset(to + source.size(), 0, block.size() - source.size());
      return;
    case BitOperation::kOr:
      return apply(to, source.data(), source.size(), [](auto a, auto b) { return a | b; });
    case BitOperation::kXor:
      return apply(to, source.data(), source.size(), [](auto a, auto b) { return a ^ b; });
    case BitOperation::kNot:
      return apply(to, to, block.size(), [](auto a, auto) { return ~a; });
  }
}

}  // namespace

uint64_t count_ones(std::string_view bytes) {
  static const CountFunction count = fastest_count();
  return count(bytes.data(), bytes.size());
}

uint64_t count_ones(std::string_view bytes, BitRange range) {
  const size_t from = range.first / 8;
  const size_t to = range.last / 8;
  const auto before = static_cast<uint8_t>(static_cast<uint8_t>(bytes[from]) & ~(0xff >> range.first % 8));
  const auto after = static_cast<uint8_t>(static_cast<uint8_t>(bytes[to]) & (0x7f >> range.last % 8));
  return count_ones(bytes.substr(from, to - from + 1)) - std::popcount(before) - std::popcount(after);
}

std::optional<uint64_t> find_bit(std::string_view bytes, bool value, BitRange range) {
  const uint64_t other = value ? 0 : ~uint64_t{0};  // a word without the bit
  uint64_t index = range.first / 64;
  uint64_t word = (word_at(bytes, index) ^ other) & (~uint64_t{0} >> range.first % 64);
  while (word == 0) {
    if (++index * 64 > range.last) return std::nullopt;
    word = word_at(bytes, index) ^ other;
  }
  const uint64_t at = index * 64 + static_cast<uint64_t>(std::countl_zero(word));
  return at <= range.last ? std::optional(at) : std::nullopt;
}

void combine_bits(BitOperation operation, std::span<const std::string_view> sources, std::span<char> result) {
  for (size_t at = 0; at < result.size(); at += kBlockBytes) {
    const std::span<char> block = result.subspan(at, std::min(kBlockBytes, result.size() - at));
    const std::string_view first = part(sources[0], at, block.size());
    first.copy(block.data(), first.size());
    std::memset(block.data() + first.size(), 0, block.size() - first.size());
    if (operation == BitOperation::kNot) combine_block(operation, first, block);
    for (const std::string_view source : sources.subspan(1)) {
      combine_block(operation, part(source, at, block.size()), block);
    }
  }
}

}  // namespace cowslip::store
