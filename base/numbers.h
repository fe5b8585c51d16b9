// Text to numbers and back, as strictly as Redis does it; and rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cowslip {

// The integer that `text` is the canonical decimal form of: no spaces, no plus sign, no leading zeros, no "-0".
// Exactly these strings may be stored as integers and given back unchanged.
std::optional<int64_t> parse_int64(std::string_view text);
std::optional<uint64_t> parse_uint64(std::string_view text);

// A floating-point number as strtod and strtold take it, the whole text and nothing else; not NaN, no leading space,
// not empty, not out of range (1e400 and 1e-400 for a double). Accepts inf, +inf, -inf, infinity, hexadecimal floats.
std::optional<double> parse_double(std::string_view text);
std::optional<long double> parse_long_double(std::string_view text);

// Shortest digits that read back as the same double, in the notation of Redis 7.2 (7.0 wrote "%.17g"): integers below
// 2^62 plainly, then 1e+20, 1.5e-6, 12345.678901 but 1.23456789012e+4; -0, inf, -inf, nan.
std::string format_double(double value);
// Fixed notation with up to 17 decimals, trailing zeros removed: what INCRBYFLOAT stores and replies.
std::string format_long_double(long double value);

// Longest decimal form of an int64: sign and 19 digits.
inline constexpr size_t kInt64Digits = 20;
// Writes the decimal form of `value` at `out` (room for kInt64Digits) and returns its length.
size_t format_int64(int64_t value, char* out);

// "100", "1k" (1000), "1kb" (1024), "1gb" ... case-insensitive, as redis.conf writes sizes; "" is 0 there, too. Bytes.
std::optional<uint64_t> parse_memory(std::string_view text);
// 1536 -> "1.50K", as INFO's *_human fields write sizes.
std::string format_memory_human(uint64_t bytes);
// For sentences: 850 -> "850 B", 1'536 -> "1.5 KB", -1'536 -> "-1.5 KB", 150 << 20 -> "150 MB", 5 << 30 -> "5120 MB";
// from 10 GB on "21.5 GB".
std::string format_size(int64_t bytes);
std::string format_size(uint64_t bytes);

// The least multiple of `to` that is not below `value`. REQUIRES: `to` is a power of two.
constexpr size_t round_up(size_t value, size_t to) {
  return (value + to - 1) & ~(to - 1);
}

}  // namespace cowslip
