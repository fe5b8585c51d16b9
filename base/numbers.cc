#include "base/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/text.h"

namespace cowslip {
namespace {

template <typename Integer>
std::optional<Integer> parse_canonical(std::string_view text) {
  Integer value{};
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  // from_chars took care of spaces and the plus sign; what is left are forms that would not be given back unchanged.
  const std::string_view digits = text.front() == '-' ? text.substr(1) : text;
  if (digits.front() == '0' && text != "0") return std::nullopt;
  return value;
}

bool is_c_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Redis parses long doubles in a buffer of this size; longer texts are not numbers to it. Far more than any double
// needs, so both kinds share the limit: it keeps a hostile value of megabytes from being copied.
constexpr size_t kMaxFloatText = 5 * 1024;

// strtod and strtold need a terminated string, which a view does not promise.
template <typename Float, typename Parse>
std::optional<Float> parse_with_libc(std::string_view text, Parse parse) {
  if (text.empty() || text.size() >= kMaxFloatText || is_c_space(text.front())) return std::nullopt;
  std::array<char, kMaxFloatText> terminated;
  std::memcpy(terminated.data(), text.data(), text.size());
  terminated[text.size()] = '\0';
  char* stop = nullptr;
  errno = 0;
  const Float value = parse(terminated.data(), &stop);
  if (stop != terminated.data() + text.size() || std::isnan(value)) return std::nullopt;
  // "inf" says infinity and gets it; a finite text that leaves the range does not. Subnormal results are fine.
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

// The shortest digits that identify a double, and the power of ten of the last of them: value = digits * 10^exponent.
struct Decimal {
  std::array<char, 32> text;
  size_t digits;
  int exponent;

  std::string_view view() const { return {text.data(), digits}; }
};

// REQUIRES: value is finite and positive.
Decimal shortest_decimal(double value) {
  std::array<char, 32> scientific;  // d[.ddd]e[+-]dd[d]
  const auto end =
      std::to_chars(scientific.data(), scientific.data() + scientific.size(), value, std::chars_format::scientific).ptr;
  Decimal decimal{};
  const char* p = scientific.data();
  for (; *p != 'e'; ++p) {
    if (*p != '.') decimal.text[decimal.digits++] = *p;
  }
  p += p[1] == '+' ? 2 : 1;  // from_chars knows no plus sign
  int leading = 0;
  std::from_chars(p, end, leading);
  decimal.exponent = leading - static_cast<int>(decimal.digits) + 1;
  return decimal;
}

// Where Redis 7.2 switches between notations, odd as it is: few decimals stay plain whatever their size, while many
// decimals of a number above 9999.99 do not (12345.6789012 becomes 1.23456789012e+4). Clients compare these texts.
std::string lay_out(const Decimal& decimal, bool negative) {
  const std::string_view digits = decimal.view();
  const int exponent = decimal.exponent;
  const int leading = exponent + static_cast<int>(digits.size()) - 1;
  std::string text(negative ? "-" : "");
  if (exponent >= 0 && exponent < 8) return text.append(digits).append(static_cast<size_t>(exponent), '0');
  if (exponent < 0 && (exponent > -7 || std::abs(leading) < 4)) {
    if (leading < 0) return text.append("0.").append(static_cast<size_t>(-leading - 1), '0').append(digits);
    const size_t whole = static_cast<size_t>(leading) + 1;
    return text.append(digits.substr(0, whole)).append(".").append(digits.substr(whole));
  }
  text.append(digits.substr(0, 1)).append(digits.size() > 1 ? "." : "").append(digits.substr(1));
  return text.append(leading < 0 ? "e-" : "e+").append(std::to_string(std::abs(leading)));
}

}  // namespace

std::optional<int64_t> parse_int64(std::string_view text) {
  return parse_canonical<int64_t>(text);
}

std::optional<uint64_t> parse_uint64(std::string_view text) {
  return parse_canonical<uint64_t>(text);
}

std::optional<double> parse_double(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc() && stop == end && std::isfinite(value)) return value;
  // Rare forms (plus sign, hexadecimal, infinity, out of range) are left to the slower authority.
  return parse_with_libc<double>(text, [](const char* s, char** e) { return std::strtod(s, e); });
}

std::optional<long double> parse_long_double(std::string_view text) {
  return parse_with_libc<long double>(text, [](const char* s, char** e) { return std::strtold(s, e); });
}

std::string format_double(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0" : "0";
  constexpr double kPlainIntegers = static_cast<double>(std::numeric_limits<int64_t>::max() / 2);
  if (std::abs(value) <= kPlainIntegers && std::trunc(value) == value) {
    char digits[kInt64Digits];
    return {digits, format_int64(static_cast<int64_t>(value), digits)};
  }
  return lay_out(shortest_decimal(std::abs(value)), value < 0);
}

std::string format_long_double(long double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, kMaxFloatText> buffer;  // the largest 80-bit number has 4933 digits
  const int length = std::snprintf(buffer.data(), buffer.size(), "%.17Lf", value);
  assert(length > 0 && static_cast<size_t>(length) < buffer.size());
  std::string_view text(buffer.data(), static_cast<size_t>(length));
  text = text.substr(0, text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.remove_suffix(1);
  return text == "-0" ? "0" : std::string(text);
}

size_t format_int64(int64_t value, char* out) {
  return static_cast<size_t>(std::to_chars(out, out + kInt64Digits, value).ptr - out);
}

std::optional<uint64_t> parse_memory(std::string_view text) {
  struct Unit {
    std::string_view name;
    uint64_t bytes;
  };
  static constexpr std::array<Unit, 8> kUnits{{{"", 1},
                                               {"b", 1},
                                               {"k", 1000},
                                               {"kb", 1024},
                                               {"m", 1000 * 1000},
                                               {"mb", 1024 * 1024},
                                               {"g", 1000 * 1000 * 1000},
                                               {"gb", 1024 * 1024 * 1024}}};
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  uint64_t count = 0;  // no digits at all mean 0, as in redis.conf
  if (std::from_chars(text.data(), text.data() + digits, count).ec == std::errc::result_out_of_range) {
    return std::nullopt;
  }
  for (const Unit& unit : kUnits) {
    if (!equals_ignore_case(unit.name, text.substr(digits))) continue;
    uint64_t bytes = 0;
    return __builtin_mul_overflow(count, unit.bytes, &bytes) ? std::nullopt : std::optional(bytes);
  }
  return std::nullopt;
}

std::string format_memory_human(uint64_t bytes) {
  if (bytes < 1024) return fmt::format("{}B", bytes);
  double scaled = static_cast<double>(bytes) / 1024;
  for (const char unit : {'K', 'M', 'G', 'T', 'P'}) {
    if (bytes >> 20 == 0) return fmt::format("{:.2f}{}", scaled, unit);
    bytes >>= 10;
    scaled /= 1024;
  }
  return fmt::format("{:.2f}E", scaled);
}

std::string format_size(uint64_t bytes) {
  constexpr uint64_t kKilobyte = 1 << 10, kMegabyte = 1 << 20, kGigabyte = 1 << 30;
  const auto figure = static_cast<double>(bytes);
  if (bytes < kKilobyte) return fmt::format("{} B", bytes);
  if (bytes < 100 * kKilobyte) return fmt::format("{:.1f} KB", figure / kKilobyte);
  if (bytes < kMegabyte) return fmt::format("{:.0f} KB", figure / kKilobyte);
  if (bytes < 100 * kMegabyte) return fmt::format("{:.1f} MB", figure / kMegabyte);
  if (bytes < 10 * kGigabyte) return fmt::format("{:.0f} MB", figure / kMegabyte);
  return fmt::format("{:.1f} GB", figure / kGigabyte);
}

std::string format_size(int64_t bytes) {
  if (bytes >= 0) return format_size(static_cast<uint64_t>(bytes));
  return "-" + format_size(~static_cast<uint64_t>(bytes) + 1);
}

}  // namespace cowslip
