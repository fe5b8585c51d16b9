#include "base/numbers.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/unit/base/seed.h"

namespace cowslip {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ParseInt64, TakesCanonicalForms) {
  EXPECT_EQ(parse_int64("0"), 0);
  EXPECT_EQ(parse_int64("7"), 7);
  EXPECT_EQ(parse_int64("-1"), -1);
  EXPECT_EQ(parse_int64("9223372036854775807"), INT64_MAX);
  EXPECT_EQ(parse_int64("-9223372036854775808"), INT64_MIN);
}

TEST(ParseInt64, RefusesWhatWouldNotBeGivenBackUnchanged) {
  for (const char* text : {"", "-", "+", "+1", "-0", "00", "01", "-01", " 1", "1 ", "1.0", "1e3", "0x1", "--1", "1a"}) {
    EXPECT_EQ(parse_int64(text), std::nullopt) << '"' << text << '"';
  }
  EXPECT_EQ(parse_int64(std::string_view("1\0", 2)), std::nullopt);
  EXPECT_EQ(parse_int64("9223372036854775808"), std::nullopt);
  EXPECT_EQ(parse_int64("-9223372036854775809"), std::nullopt);
  EXPECT_EQ(parse_int64(std::string(100, '1')), std::nullopt);
}

TEST(ParseUint64, TakesTheWholeRange) {
  EXPECT_EQ(parse_uint64("0"), 0u);
  EXPECT_EQ(parse_uint64("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(parse_uint64("18446744073709551616"), std::nullopt);
  EXPECT_EQ(parse_uint64("-1"), std::nullopt);
  EXPECT_EQ(parse_uint64("-0"), std::nullopt);
  EXPECT_EQ(parse_uint64("007"), std::nullopt);
}

TEST(FormatInt64, FitsItsBufferAndReadsBack) {
  char buffer[kInt64Digits];
  for (const int64_t value : {INT64_MIN, INT64_C(-1), INT64_C(0), INT64_C(10), INT64_MAX}) {
    const std::string_view text(buffer, format_int64(value, buffer));
    EXPECT_EQ(text, std::to_string(value));
    EXPECT_EQ(parse_int64(text), value);
  }
}

TEST(ParseDouble, TakesWhatStrtodTakes) {
  EXPECT_EQ(parse_double("3.5"), 3.5);
  EXPECT_EQ(parse_double("+.5"), 0.5);
  EXPECT_EQ(parse_double("1."), 1.0);
  EXPECT_EQ(parse_double("-1e3"), -1000.0);
  EXPECT_EQ(parse_double("0x1p3"), 8.0);
  EXPECT_EQ(parse_double("inf"), kInfinity);
  EXPECT_EQ(parse_double("+INF"), kInfinity);
  EXPECT_EQ(parse_double("-infinity"), -kInfinity);
  EXPECT_EQ(parse_double("5e-324"), std::numeric_limits<double>::denorm_min());
  EXPECT_TRUE(std::signbit(parse_double("-0").value()));
}

TEST(ParseDouble, RefusesTheRest) {
  for (const char* text : {"", " 1", "\t1", "1 ", "-", ".", "1e", "1d", "nan", "-nan", "nan(1)", "one", "1e400",
                           "-1e400", "1e-400", "0x", "1,5"}) {
    EXPECT_EQ(parse_double(text), std::nullopt) << '"' << text << '"';
    if (std::string_view(text).find("400") == std::string_view::npos) {
      EXPECT_EQ(parse_long_double(text), std::nullopt) << '"' << text << '"';
    }
  }
  EXPECT_EQ(parse_double(std::string_view("1\0", 2)), std::nullopt);
}

TEST(ParseDouble, ReadsNoFurtherThanTheView) {
  EXPECT_EQ(parse_double(std::string_view("12345").substr(0, 2)), 12.0);
  EXPECT_EQ(parse_double(std::string_view("+12345").substr(0, 3)), 12.0);
}

TEST(ParseLongDouble, HasTheWiderRangeAndALimitedLength) {
  EXPECT_EQ(parse_long_double("3.25"), 3.25L);
  EXPECT_EQ(parse_long_double("1e5000"), std::nullopt);
  EXPECT_EQ(parse_long_double(std::string(6000, '1')), std::nullopt);
  EXPECT_TRUE(std::isinf(parse_long_double("inf").value()));
  if constexpr (std::numeric_limits<long double>::max_exponent > std::numeric_limits<double>::max_exponent) {
    EXPECT_TRUE(std::isfinite(parse_long_double("1e400").value()));
    EXPECT_EQ(parse_long_double("9007199254740993"), 9007199254740993.0L);  // no double
  }
}

TEST(FormatDouble, WritesIntegersPlainlyWhereTheyAreSafe) {
  EXPECT_EQ(format_double(3), "3");
  EXPECT_EQ(format_double(-17), "-17");
  EXPECT_EQ(format_double(0.0), "0");
  EXPECT_EQ(format_double(-0.0), "-0");
  EXPECT_EQ(format_double(9007199254740992), "9007199254740992");
  EXPECT_EQ(format_double(4e18), "4000000000000000000");
  EXPECT_EQ(format_double(1e19), "1e+19");
  EXPECT_EQ(format_double(-1e20), "-1e+20");
  EXPECT_EQ(format_double(12345678901234567e3), "12345678901234567000");
}

TEST(FormatDouble, SwitchesNotationWhereRedisDoes) {
  EXPECT_EQ(format_double(3.5), "3.5");
  EXPECT_EQ(format_double(0.1), "0.1");
  EXPECT_EQ(format_double(-100.25), "-100.25");
  EXPECT_EQ(format_double(0.000001), "0.000001");
  EXPECT_EQ(format_double(0.0000001), "1e-7");
  EXPECT_EQ(format_double(0.0000015), "1.5e-6");
  EXPECT_EQ(format_double(0.00012345678), "1.2345678e-4");
  EXPECT_EQ(format_double(0.0012345678), "0.0012345678");
  EXPECT_EQ(format_double(1234.5678901234), "1234.5678901234");
  EXPECT_EQ(format_double(12345.678901), "12345.678901");
  EXPECT_EQ(format_double(12345.6789012), "1.23456789012e+4");
  EXPECT_EQ(format_double(1e100), "1e+100");
  EXPECT_EQ(format_double(1e-105), "1e-105");
}

TEST(FormatDouble, WritesTheExtremes) {
  EXPECT_EQ(format_double(kInfinity), "inf");
  EXPECT_EQ(format_double(-kInfinity), "-inf");
  EXPECT_EQ(format_double(std::nan("")), "nan");
  EXPECT_EQ(format_double(-std::nan("")), "nan");
  EXPECT_EQ(format_double(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(format_double(std::numeric_limits<double>::denorm_min()), "5e-324");
}

TEST(FormatDouble, ReadsBackAsTheSameDouble) {
  Random random(test_seed());
  for (int i = 0; i < 200'000; ++i) {
    // Half of them any bits at all, half of them in the range that people use.
    const double value = i % 2 == 0 ? std::bit_cast<double>(random.next()) : (random.unit() - 0.5) * 1e6;
    if (!std::isfinite(value)) continue;
    const std::string text = format_double(value);
    const auto back = parse_double(text);
    ASSERT_TRUE(back.has_value()) << text;
    ASSERT_EQ(std::bit_cast<uint64_t>(*back), std::bit_cast<uint64_t>(value)) << text;
    ASSERT_LE(text.size(), 25u) << text;  // the longest is a sign, 17 digits and 7 zeros
  }
}

TEST(FormatLongDouble, WritesFixedNotationWithoutTrailingZeros) {
  EXPECT_EQ(format_long_double(3.0L), "3");
  EXPECT_EQ(format_long_double(100.0L), "100");
  EXPECT_EQ(format_long_double(10.5L), "10.5");
  EXPECT_EQ(format_long_double(-0.0L), "0");
  EXPECT_EQ(format_long_double(-1e-30L), "0");
  EXPECT_EQ(format_long_double(1e21L), "1000000000000000000000");
  EXPECT_EQ(format_long_double(0.1L + 0.2L), "0.3");
  EXPECT_EQ(format_long_double(std::numeric_limits<long double>::infinity()), "inf");
  EXPECT_EQ(format_long_double(-std::numeric_limits<long double>::infinity()), "-inf");
}

TEST(FormatLongDouble, HasRoomForTheLargest) {
  const std::string text = format_long_double(-std::numeric_limits<long double>::max());
  EXPECT_EQ(text.size(), 1u + std::numeric_limits<long double>::max_exponent10 + 1u);
}

TEST(ParseMemory, KnowsTheUnitsOfTheConfigurationFile) {
  EXPECT_EQ(parse_memory("100"), 100u);
  EXPECT_EQ(parse_memory("100b"), 100u);
  EXPECT_EQ(parse_memory("1k"), 1000u);
  EXPECT_EQ(parse_memory("1KB"), 1024u);
  EXPECT_EQ(parse_memory("2m"), 2'000'000u);
  EXPECT_EQ(parse_memory("2Mb"), 2u << 20);
  EXPECT_EQ(parse_memory("5g"), 5'000'000'000u);
  EXPECT_EQ(parse_memory("5gB"), uint64_t{5} << 30);
  EXPECT_EQ(parse_memory(""), 0u);
  EXPECT_EQ(parse_memory("18446744073709551615"), UINT64_MAX);
}

TEST(ParseMemory, RefusesTheRest) {
  for (const char* text : {"-1", "+1", " 1", "1 k", "1.5k", "1t", "1kbb", "k1", "18446744073709551616",
                           "18446744073709551615k", "99999999999gb"}) {
    EXPECT_EQ(parse_memory(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(FormatMemoryHuman, ScalesByPowersOf1024) {
  EXPECT_EQ(format_memory_human(0), "0B");
  EXPECT_EQ(format_memory_human(1023), "1023B");
  EXPECT_EQ(format_memory_human(1024), "1.00K");
  EXPECT_EQ(format_memory_human(1536), "1.50K");
  EXPECT_EQ(format_memory_human((1 << 20) - 1), "1024.00K");
  EXPECT_EQ(format_memory_human(1 << 20), "1.00M");
  EXPECT_EQ(format_memory_human(uint64_t{5} << 30), "5.00G");
  EXPECT_EQ(format_memory_human(uint64_t{3} << 40), "3.00T");
  EXPECT_EQ(format_memory_human(uint64_t{7} << 50), "7.00P");
}

TEST(FormatSize, ForSentences) {
  EXPECT_EQ(format_size(INT64_C(0)), "0 B");
  EXPECT_EQ(format_size(INT64_C(1536)), "1.5 KB");
  EXPECT_EQ(format_size(INT64_C(-1536)), "-1.5 KB");
  EXPECT_EQ(format_size(UINT64_C(300) << 10), "300 KB");
  EXPECT_EQ(format_size(UINT64_C(3) << 19), "1.5 MB");
  EXPECT_EQ(format_size(UINT64_C(150) << 20), "150 MB");
  EXPECT_EQ(format_size((UINT64_C(10) << 30) - (1 << 20)), "10239 MB");
  EXPECT_EQ(format_size(UINT64_C(10) << 30), "10.0 GB");
  EXPECT_EQ(format_size(UINT64_C(43) << 29), "21.5 GB");
  EXPECT_EQ(format_size(INT64_MIN), "-8589934592.0 GB");
}

TEST(RoundUp, GivesTheNextMultiple) {
  static_assert(round_up(0, 4096) == 0);
  EXPECT_EQ(round_up(1, 4096), 4096u);
  EXPECT_EQ(round_up(4096, 4096), 4096u);
  EXPECT_EQ(round_up(4097, 4096), 8192u);
  EXPECT_EQ(round_up((size_t{1} << 40) + 1, size_t{2} << 20), (size_t{1} << 40) + (2u << 20));
}

}  // namespace
}  // namespace cowslip
