#include "base/text.h"

#include <gtest/gtest.h>

#include <bitset>
#include <chrono>

#include "tests/unit/base/seed.h"

namespace cowslip {
namespace {

TEST(AsciiCase, LeavesOtherBytesAlone) {
  EXPECT_EQ(to_lower("GeT\xc3\x84@[`{"), "get\xc3\x84@[`{");
  EXPECT_EQ(to_upper("GeT\xc3\xa4@[`{"), "GET\xc3\xa4@[`{");
  EXPECT_TRUE(equals_ignore_case("MaxMemory", "mAXmEMORY"));
  EXPECT_FALSE(equals_ignore_case("abc", "abcd"));
  EXPECT_FALSE(equals_ignore_case("@", "`"));
  EXPECT_TRUE(equals_ignore_case("", ""));
}

struct GlobCase {
  std::string_view pattern;
  std::string_view text;
  bool matches;
};

// Settled with a Redis server where the outcome is not obvious.
constexpr GlobCase kGlobCases[] = {
    {"", "", true},           {"", "a", false},         {"*", "a", true},       {"*", "", false},
    {"**", "", false},        {"a*", "a", true},        {"a**", "a", true},     {"*a", "a", true},
    {"?", "a", true},         {"?", "ab", false},       {"a?c", "abc", true},   {"*b*d", "abcd", true},
    {"*b*d", "abcde", false}, {"*aab", "aaaaab", true}, {"[abc]", "b", true},   {"[abc]", "d", false},
    {"[^abc]", "d", true},    {"[^abc]", "a", false},   {"[a-c]x", "bx", true}, {"[c-a]x", "bx", true},
    {"[a-]", "-", false},     {"[a-]", "^", true},      {"[-a]", "-", true},    {"[a-]-c]", "b", false},
    {"[a-]x", "^", true},     {"[]", "]", false},       {"[]a]", "a]", false},  {"[^]", "a", true},
    {"[abc", "c", true},      {"[abc", "d", false},     {"[a-c", "b", true},    {"[^", "a", true},
    {"[", "[", false},        {"[\\]]", "]", true},     {"[\\", "\\", true},    {"[\\-a]", "-", true},
    {"[a\\-c]", "b", false},  {"\\*", "*", true},       {"\\*", "a", false},    {"\\", "\\", true},
    {"a\\", "a\\", true},     {"\\\\", "\\", true},     {"\\a", "a", true},     {"[\x80-a]", "\x01", true},
    {"[a-\xff]", "b", false}, {"[a-\xff]", "A", true},
};

TEST(GlobMatch, AnswersKnownCases) {
  for (const GlobCase& c : kGlobCases) {
    EXPECT_EQ(glob_match(c.pattern, c.text), c.matches) << quoted(c.pattern) << " on " << quoted(c.text);
  }
}

TEST(GlobMatch, IgnoresCaseWhenAsked) {
  EXPECT_TRUE(glob_match("MAX*", "maxmemory", true));
  EXPECT_FALSE(glob_match("MAX*", "maxmemory"));
  EXPECT_TRUE(glob_match("[A-C]", "b", true));
  EXPECT_TRUE(glob_match("[abc]", "B", true));
  EXPECT_TRUE(glob_match("\\A", "a", true));
  EXPECT_FALSE(glob_match("[\\A]", "a", true));
  EXPECT_FALSE(glob_match("[Z-a]", "q", true));
}

// The textbook meaning of a pattern, element by element and with every way a '*' can be taken.
class Reference {
 public:
  explicit Reference(bool ignore_case) : ignore_case_(ignore_case) {}

  bool matches(std::string_view pattern, std::string_view text) const {
    return text.empty() ? pattern.empty() : rest_matches(pattern, text);
  }

 private:
  struct Element {
    std::bitset<256> bytes;  // that it takes
    std::string_view rest;   // of the pattern
  };

  bool rest_matches(std::string_view pattern, std::string_view text) const {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*') {
      for (size_t taken = 0; taken <= text.size(); ++taken) {
        if (rest_matches(pattern.substr(1), text.substr(taken))) return true;
      }
      return false;
    }
    const Element element = first_element(pattern);
    return !text.empty() && element.bytes[static_cast<unsigned char>(text[0])] &&
           rest_matches(element.rest, text.substr(1));
  }

  char fold(char c) const { return ignore_case_ ? ascii_lower(c) : c; }

  template <typename Predicate>
  static std::bitset<256> where(Predicate predicate) {
    std::bitset<256> bytes;
    for (size_t byte = 0; byte < 256; ++byte) bytes[byte] = predicate(static_cast<char>(byte));
    return bytes;
  }

  std::bitset<256> one(char wanted) const {
    return where([&](char c) { return fold(c) == fold(wanted); });
  }

  std::bitset<256> range(char from, char to) const {
    const auto [low, high] = std::minmax({static_cast<signed char>(from), static_cast<signed char>(to)});
    const int first = static_cast<signed char>(fold(static_cast<char>(low)));
    const int last = static_cast<signed char>(fold(static_cast<char>(high)));
    return where([&](char c) {
      const int folded = static_cast<signed char>(fold(c));
      return first <= folded && folded <= last;
    });
  }

  Element first_element(std::string_view p) const {
    if (p[0] == '?') return {std::bitset<256>().set(), p.substr(1)};
    if (p[0] == '[') return bracket(p.substr(1));
    if (p[0] == '\\' && p.size() > 1) return {one(p[1]), p.substr(2)};
    return {one(p[0]), p.substr(1)};
  }

  Element bracket(std::string_view p) const {
    const bool negated = !p.empty() && p[0] == '^';
    if (negated) p.remove_prefix(1);
    std::bitset<256> bytes;
    while (!p.empty() && p[0] != ']') {
      if (p[0] == '\\' && p.size() > 1) {
        bytes.set(static_cast<unsigned char>(p[1]));
        p.remove_prefix(2);
      } else if (p.size() > 2 && p[1] == '-') {
        bytes |= range(p[0], p[2]);
        p.remove_prefix(3);
      } else {
        bytes |= one(p[0]);
        p.remove_prefix(1);
      }
    }
    if (!p.empty()) p.remove_prefix(1);
    return {negated ? ~bytes : bytes, p};
  }

  const bool ignore_case_;
};

std::string random_text(Random& random, std::string_view alphabet, size_t longest) {
  std::string text(random.below(longest + 1), '\0');
  for (char& c : text) c = alphabet[random.below(alphabet.size())];
  return text;
}

TEST(GlobMatch, AgreesWithTheTextbook) {
  Random random(test_seed());
  int matched = 0;
  for (int i = 0; i < 300'000; ++i) {
    const std::string pattern = random_text(random, "*?[]^-\\abcB\xf0**[a", 10);
    const std::string text = random_text(random, "abcaB]-^\\*\xf0", 6);
    const bool ignore_case = random.below(2) == 0;
    const bool expected = Reference(ignore_case).matches(pattern, text);
    ASSERT_EQ(glob_match(pattern, text, ignore_case), expected) << quoted(pattern) << " on " << quoted(text);
    matched += expected ? 1 : 0;
  }
  EXPECT_GT(matched, 10'000);  // otherwise the texts are too random to prove anything
}

TEST(GlobMatch, EndsSoonOnHostilePatterns) {
  std::string pattern;
  for (int i = 0; i < 2000; ++i) pattern += "a*";
  pattern += "b";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(glob_match(pattern, std::string(10'000, 'a')));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Quoted, EscapesWhatCannotBePrinted) {
  EXPECT_EQ(quoted(""), R"("")");
  EXPECT_EQ(quoted("plain text ~"), R"("plain text ~")");
  EXPECT_EQ(quoted("\n\r\t\a\b"), R"("\n\r\t\a\b")");
  EXPECT_EQ(quoted("say \"\\\""), R"("say \"\\\"")");
  EXPECT_EQ(quoted(std::string_view("\0\x1f\x7f\xff\v", 5)), R"("\x00\x1f\x7f\xff\x0b")");
}

}  // namespace
}  // namespace cowslip
