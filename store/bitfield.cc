#include "store/bitfield.h"

#include <algorithm>
#include <limits>

namespace cowslip::store {
namespace {

__extension__ using Wide = __int128;  // holds any sum of two 64-bit numbers

constexpr int64_t kHighest = std::numeric_limits<int64_t>::max();

// REQUIRES: 1 <= width <= 64.
constexpr uint64_t low_bits(unsigned width) {
  return ~uint64_t{0} >> (64 - width);
}

int64_t largest(FieldType type) {
  return static_cast<int64_t>(low_bits(type.is_signed ? type.width : type.width + 1) >> 1);
}
int64_t smallest(FieldType type) {
  return type.is_signed ? -largest(type) - 1 : 0;
}

// The low bits as the field's value.
int64_t cut(FieldType type, uint64_t bits) {
  const unsigned unused = 64 - type.width;
  return type.is_signed ? static_cast<int64_t>(bits << unused) >> unused
                        : static_cast<int64_t>(bits & low_bits(type.width));
}

std::optional<int64_t> fitted_wide(FieldType type, FieldOverflow overflow, Wide value, bool too_high) {
  if (!too_high && value >= smallest(type)) return static_cast<int64_t>(value);
  switch (overflow) {
    case FieldOverflow::kWrap:
      return cut(type, static_cast<uint64_t>(value));
    case FieldOverflow::kSaturate:
      return too_high ? largest(type) : smallest(type);
    case FieldOverflow::kFail:
      break;
  }
  return std::nullopt;
}

}  // namespace

int64_t read_field(std::string_view bytes, FieldType type, uint64_t offset) {
  const FieldBytes place = bytes_of_field(type, offset);
  unsigned missing = static_cast<unsigned>(offset % 8) + type.width;  // bits from the first byte's highest on
  uint64_t bits = 0;
  for (size_t i = place.first; i < place.first + place.count; i++) {
    const uint64_t byte = i < bytes.size() ? static_cast<uint8_t>(bytes[i]) : 0;
    bits = missing >= 8 ? bits << 8 | byte : bits << missing | byte >> (8 - missing);
    missing -= std::min(missing, 8u);
  }
  return cut(type, bits);
}

void write_field(std::span<char> bytes, FieldType type, uint64_t offset, int64_t value) {
  auto bits = static_cast<uint64_t>(value) & low_bits(type.width);
  uint64_t mask = low_bits(type.width);
  // From the last byte to the first; in the last one the field's lowest bit is this far up.
  unsigned up = static_cast<unsigned>(8 * bytes.size() - offset % 8 - type.width);
  for (size_t i = bytes.size(); i-- > 0;) {
    const auto ones = static_cast<uint8_t>(mask << up);
    bytes[i] = static_cast<char>((static_cast<uint8_t>(bytes[i]) & ~ones) | static_cast<uint8_t>(bits << up));
    bits >>= 8 - up;
    mask >>= 8 - up;
    up = 0;
  }
}

std::optional<int64_t> fitted(FieldType type, FieldOverflow overflow, int64_t value) {
  if (!type.is_signed) {
    const auto bits = static_cast<uint64_t>(value);
    return fitted_wide(type, overflow, bits, bits > static_cast<uint64_t>(largest(type)));
  }
  // So far below that the way to the largest is no 64-bit number counts as too high: Redis's saturation, exactly.
  const bool far_below = Wide{largest(type)} - value > kHighest && type.width < 64;
  return fitted_wide(type, overflow, value, value > largest(type) || far_below);
}

std::optional<int64_t> fitted_sum(FieldType type, FieldOverflow overflow, int64_t value, int64_t increment) {
  const Wide sum = Wide{value} + increment;
  return fitted_wide(type, overflow, sum, sum > largest(type));
}

}  // namespace cowslip::store
