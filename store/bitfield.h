// Integers of 1 to 64 bits at any bit of a string, highest bit first, and what becomes of those that do not fit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace cowslip::store {

struct FieldType {
  bool is_signed;
  unsigned width;  // in bits: 1 to 64 signed, 1 to 63 unsigned
};

enum class FieldOverflow { kWrap, kSaturate, kFail };

// The bytes in which a field lies.
struct FieldBytes {
  size_t first;
  size_t count;
};
constexpr FieldBytes bytes_of_field(FieldType type, uint64_t offset) {
  return {offset / 8, (offset % 8 + type.width + 7) / 8};
}

// The field at bit `offset` of `bytes`, after whose end there are zeros.
int64_t read_field(std::string_view bytes, FieldType type, uint64_t offset);

// Puts the low bits of `value` into the field at bit `offset` % 8 of `bytes`, which are those of bytes_of_field().
void write_field(std::span<char> bytes, FieldType type, uint64_t offset, int64_t value);

// `value` as the field takes it; of an unsigned one its 64 bits count as unsigned. Nothing if it fails to fit.
std::optional<int64_t> fitted(FieldType type, FieldOverflow overflow, int64_t value);
// The same for the sum. REQUIRES: the field can hold `value`.
std::optional<int64_t> fitted_sum(FieldType type, FieldOverflow overflow, int64_t value, int64_t increment);

}  // namespace cowslip::store
