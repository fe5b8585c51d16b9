#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace cowslip {
namespace {

char ascii_upper(char c) {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same(char a, char b, bool ignore_case) {
  return ignore_case ? ascii_lower(a) == ascii_lower(b) : a == b;
}

// Ranges compare bytes as signed, as Redis does where char is signed: [a-\xff] is the range \xff..a.
bool in_range(char first, char last, char c, bool ignore_case) {
  int low = static_cast<signed char>(first);
  int high = static_cast<signed char>(last);
  int byte = static_cast<signed char>(c);
  if (low > high) std::swap(low, high);
  if (ignore_case) {  // after the swap, so [Z-a] holds nothing when case is ignored
    const auto lower = [](int b) {
      return static_cast<int>(static_cast<signed char>(ascii_lower(static_cast<char>(b))));
    };
    low = lower(low), high = lower(high), byte = lower(byte);
  }
  return low <= byte && byte <= high;
}

// What one pattern element made of one byte of text.
struct Step {
  bool matched;
  size_t consumed;  // bytes of pattern
};

// The class that `pattern`, which starts after its '[', begins with. An unterminated class ends with the pattern.
Step match_class(std::string_view pattern, char c, bool ignore_case) {
  size_t at = 0;
  const bool negated = pattern.starts_with('^');
  if (negated) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    const std::string_view rest = pattern.substr(at);
    if (rest[0] == '\\' && rest.size() >= 2) {
      found |= rest[1] == c;  // an escaped byte stands for itself, its case included
      at += 2;
    } else if (rest.size() >= 3 && rest[1] == '-') {
      found |= in_range(rest[0], rest[2], c, ignore_case);
      at += 3;
    } else {
      found |= same(rest[0], c, ignore_case);
      at += 1;
    }
  }
  if (at < pattern.size()) ++at;  // the ']'
  return {found != negated, at};
}

// Matches the element that `pattern` begins with, which is not '*', with `c`. REQUIRES: !pattern.empty().
Step match_one(std::string_view pattern, char c, bool ignore_case) {
  if (pattern[0] == '?') return {true, 1};
  if (pattern[0] == '[') {
    const Step inside = match_class(pattern.substr(1), c, ignore_case);
    return {inside.matched, inside.consumed + 1};
  }
  if (pattern[0] == '\\' && pattern.size() >= 2) return {same(pattern[1], c, ignore_case), 2};
  return {same(pattern[0], c, ignore_case), 1};
}

// The escape for a byte with a short one, otherwise 0.
char short_escape(char c) {
  switch (c) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '"':
    case '\\':
      return c;
    default:
      return 0;
  }
}

std::string mapped(std::string_view text, char (*map)(char)) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), map);
  return result;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'a':
      return '\a';
    default:
      return c;
  }
}

}  // namespace

char ascii_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string to_lower(std::string_view text) {
  return mapped(text, ascii_lower);
}

std::string to_upper(std::string_view text) {
  return mapped(text, ascii_upper);
}

bool equals_ignore_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case) {
  // Redis looks at the pattern only while there is text, so nothing but the empty pattern matches the empty text;
  // its commands that take "*" for everything test for that themselves.
  if (text.empty()) return pattern.empty();
  // Every element but '*' takes exactly one byte, so when a later '*' has been reached, giving an earlier one more text
  // cannot help: remembering the last one is enough, and the work is at most pattern times text.
  struct Star {
    size_t after;  // in the pattern
    size_t start;  // in the text: where the rest of the pattern is tried
  };
  std::optional<Star> star;
  size_t p = 0;
  size_t t = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = {++p, t};
      if (p == pattern.size()) return true;
      continue;
    }
    if (p < pattern.size()) {
      const Step step = match_one(pattern.substr(p), text[t], ignore_case);
      if (step.matched) {
        p += step.consumed;
        ++t;
        continue;
      }
    }
    if (!star) return false;
    p = star->after;
    t = ++star->start;
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (const char escape = short_escape(c)) {
      result += {'\\', escape};
    } else if (c >= ' ' && c <= '~') {
      result += c;
    } else {
      fmt::format_to(std::back_inserter(result), "\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  return result += '"';
}

char read_escape(std::string_view line, size_t& position, char quote) {
  const std::string_view rest = line.substr(position + 1);
  if (rest.empty() || (quote == '\'' && rest[0] != '\'')) return '\\';
  if (quote == '"' && rest[0] == 'x' && rest.size() >= 3) {
    const int high = hex_digit(rest[1]);
    const int low = hex_digit(rest[2]);
    if (high >= 0 && low >= 0) {
      position += 3;
      return static_cast<char>(high * 16 + low);
    }
  }
  ++position;
  return quote == '"' ? unescaped(rest[0]) : rest[0];
}

}  // namespace cowslip
