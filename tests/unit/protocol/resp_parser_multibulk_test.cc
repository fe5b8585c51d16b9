// Requests that are RESP arrays: what is accepted, and each refusal in Redis's words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <climits>

#include "tests/unit/protocol/parsed_stream.h"

namespace cowslip::protocol {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kLineLimit = 64u << 10;

std::string error_of(std::string_view stream, const ParserLimits& limits = {}) {
  return parse_whole(stream, limits).error;
}

// Nothing wrong so far, nothing complete either.
void expect_waiting(std::string_view stream, const ParserLimits& limits = {}) {
  const ParsedStream parsed = parse_whole(stream, limits);
  EXPECT_EQ(parsed.error, "");
  EXPECT_THAT(parsed.commands, IsEmpty());
  EXPECT_EQ(parsed.unconsumed, stream.size());
}

TEST(RespParserMultibulk, ReadsACommand) {
  const ParsedStream parsed = parse_whole("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nab\r\n");
  EXPECT_THAT(parsed.commands, ElementsAre(Command{"SET", "k", "ab"}));
  EXPECT_EQ(parsed.unconsumed, 0u);
}

TEST(RespParserMultibulk, ArgumentsMayBeEmptyOrHoldAnyByte) {
  EXPECT_THAT(parse_whole("*2\r\n$0\r\n\r\n$6\r\n\0\r\n*$\xff\r\n"s).commands,
              ElementsAre(Command{"", "\0\r\n*$\xff"s}));
}

TEST(RespParserMultibulk, ArgumentsAreViewsIntoTheBuffer) {
  RespParser parser;
  const std::string buffer = "*1\r\n$4\r\nPING\r\n";
  ASSERT_EQ(parser.parse(buffer, {}), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.arguments()[0].data(), buffer.data() + 8);
  EXPECT_EQ(parser.consumed(), buffer.size());
}

TEST(RespParserMultibulk, CommandsFollowEachOther) {
  EXPECT_THAT(parse_whole("*1\r\n$1\r\na\r\n*2\r\n$1\r\nb\r\n$1\r\nc\r\nPING\r\n*1\r\n$1\r\nd\r\n").commands,
              ElementsAre(Command{"a"}, Command{"b", "c"}, Command{"PING"}, Command{"d"}));
}

TEST(RespParserMultibulk, ConsumesOneCommandAtATime) {
  RespParser parser;
  ASSERT_EQ(parser.parse("*1\r\n$1\r\na\r\n*1\r\n$1\r\nb\r\n", {}), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.consumed(), 11u);
  EXPECT_THAT(parser.arguments(), ElementsAre("a"));
}

TEST(RespParserMultibulk, EmptyAndNullArraysAreCommandsWithoutArguments) {
  for (const char* header : {"*0\r\n", "*-1\r\n", "*-5\r\n", "*-9223372036854775808\r\n"}) {
    const ParsedStream parsed = parse_whole(header + "*1\r\n$4\r\nPING\r\n"s);
    EXPECT_THAT(parsed.commands, ElementsAre(Command{}, Command{"PING"})) << header;
  }
}

TEST(RespParserMultibulk, BytesAfterLengthAndContentAreSkippedUnseen) {
  EXPECT_THAT(parse_whole("*1\rX$4\rYPINGab*1\r\n$1\r\nb\r\n").commands, ElementsAre(Command{"PING"}, Command{"b"}));
}

TEST(RespParserMultibulk, NewlineAloneDoesNotEndAHeader) {
  expect_waiting("*1\n$4\nPING\n");
}

TEST(RespParserMultibulk, HeaderIsJudgedOnlyWithTheByteAfterItsEnd) {
  expect_waiting("*abc\r");
  EXPECT_EQ(error_of("*abc\rx"), "ERR Protocol error: invalid multibulk length");
  expect_waiting("*1\r\n:1\r");
}

TEST(RespParserMultibulk, InvalidMultibulkLength) {
  for (const char* count : {"", "abc", "+1", "01", "-0", "00", " 1", "1 ", "1.0", "9223372036854775808"}) {
    EXPECT_EQ(error_of("*"s + count + "\r\n"), "ERR Protocol error: invalid multibulk length") << count;
  }
}

TEST(RespParserMultibulk, InvalidMultibulkLengthBeyondIntMax) {
  expect_waiting("*" + std::to_string(INT_MAX) + "\r\n");
  EXPECT_EQ(error_of("*2147483648\r\n"), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*9223372036854775807\r\n"), "ERR Protocol error: invalid multibulk length");
}

TEST(RespParserMultibulk, NulDoesNotHideTheEndOfAHeader) {
  EXPECT_EQ(error_of("*1\0\r\n"s), "ERR Protocol error: invalid multibulk length");
}

TEST(RespParserMultibulk, TooBigMultibulkCountString) {
  expect_waiting("*" + std::string(kLineLimit - 1, '1'));
  EXPECT_EQ(error_of("*" + std::string(kLineLimit, '1')), "ERR Protocol error: too big mbulk count string");
}

TEST(RespParserMultibulk, TooBigMultibulkCountStringWhoseEndIsThere) {
  EXPECT_EQ(error_of("*" + std::string(kLineLimit - 1, '1') + "\r\n"), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*" + std::string(kLineLimit, '1') + "\r\n"), "ERR Protocol error: too big mbulk count string");
}

TEST(RespParserMultibulk, ExpectedDollar) {
  EXPECT_EQ(error_of("*1\r\n:1\r\n"), "ERR Protocol error: expected '$', got ':'");
  EXPECT_EQ(error_of("*1\r\nPING\r\n"), "ERR Protocol error: expected '$', got 'P'");
  EXPECT_EQ(error_of("*2\r\n$1\r\na\r\n*1\r\n"), "ERR Protocol error: expected '$', got '*'");
}

TEST(RespParserMultibulk, ExpectedDollarQuotesAnyByte) {
  EXPECT_EQ(error_of("*1\r\n\r\n"), "ERR Protocol error: expected '$', got '\r'");
  EXPECT_EQ(error_of("*1\r\n\n1\r\n"), "ERR Protocol error: expected '$', got '\n'");
  EXPECT_EQ(error_of("*1\r\n\xff\r\n"), "ERR Protocol error: expected '$', got '\xff'");
}

TEST(RespParserMultibulk, InvalidBulkLength) {
  for (const char* length : {"", "abc", "-1", "+1", "01", "-0", "1x", "9223372036854775808"}) {
    EXPECT_EQ(error_of("*1\r\n$"s + length + "\r\n"), "ERR Protocol error: invalid bulk length") << length;
  }
}

TEST(RespParserMultibulk, InvalidBulkLengthBeyondTheLimit) {
  expect_waiting("*1\r\n$536870912\r\n");
  EXPECT_EQ(error_of("*1\r\n$536870913\r\n"), "ERR Protocol error: invalid bulk length");
  EXPECT_EQ(error_of("*1\r\n$9223372036854775807\r\n"), "ERR Protocol error: invalid bulk length");
}

TEST(RespParserMultibulk, BulkLimitIsTheCallers) {
  ParserLimits limits;
  limits.max_bulk_bytes = 3;
  EXPECT_THAT(parse_whole("*1\r\n$3\r\nabc\r\n", limits).commands, ElementsAre(Command{"abc"}));
  EXPECT_EQ(error_of("*1\r\n$4\r\n", limits), "ERR Protocol error: invalid bulk length");
  limits.max_bulk_bytes = SIZE_MAX;
  expect_waiting("*1\r\n$9223372036854775807\r\n", limits);
}

TEST(RespParserMultibulk, TooBigBulkCountString) {
  expect_waiting("*1\r\n$" + std::string(kLineLimit - 1, '1'));
  EXPECT_EQ(error_of("*1\r\n$" + std::string(kLineLimit, '1')), "ERR Protocol error: too big bulk count string");
}

TEST(RespParserMultibulk, UnauthenticatedMultibulkLength) {
  const auto limits = ParserLimits::unauthenticated();
  expect_waiting("*10\r\n", limits);
  EXPECT_EQ(error_of("*11\r\n", limits), "ERR Protocol error: unauthenticated multibulk length");
}

TEST(RespParserMultibulk, UnauthenticatedBulkLength) {
  const auto limits = ParserLimits::unauthenticated();
  expect_waiting("*1\r\n$16384\r\n", limits);
  EXPECT_EQ(error_of("*1\r\n$16385\r\n", limits), "ERR Protocol error: unauthenticated bulk length");
}

TEST(RespParserMultibulk, GeneralLimitsAreNamedBeforeTheUnauthenticatedOnes) {
  const auto limits = ParserLimits::unauthenticated();
  EXPECT_EQ(error_of("*2147483648\r\n", limits), "ERR Protocol error: invalid multibulk length");
  EXPECT_EQ(error_of("*1\r\n$536870913\r\n", limits), "ERR Protocol error: invalid bulk length");
}

TEST(RespParserMultibulk, LimitsMayChangeBetweenCommands) {
  RespParser parser;
  ASSERT_EQ(parser.parse("*1\r\n$1\r\na\r\n", ParserLimits::unauthenticated()), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.parse("*11\r\n", {}), RespParser::Outcome::kIncomplete);
}

TEST(RespParserMultibulk, CommandsBeforeAnErrorAreDelivered) {
  const ParsedStream parsed = parse_whole("*1\r\n$1\r\na\r\n*x\r\n");
  EXPECT_THAT(parsed.commands, ElementsAre(Command{"a"}));
  EXPECT_EQ(parsed.error, "ERR Protocol error: invalid multibulk length");
}

TEST(RespParserMultibulk, BytesWantedReachToTheEndOfTheBulkUnderWay) {
  EXPECT_EQ(parse_whole("*2\r\n$3\r\nGET\r\n$1000\r\nab").bytes_wanted, 20u + 1000 + 2);
  EXPECT_EQ(parse_whole("*2\r\n$3\r\nGET\r\n$1000\r").bytes_wanted, 0u);
  EXPECT_EQ(parse_whole("*2\r\n$3\r\nGET\r\n").bytes_wanted, 0u);
  EXPECT_EQ(parse_whole("*2\r\n$1\r\na\r\n$1\r\na\r\n").bytes_wanted, 0u);
}

TEST(RespParserMultibulk, ResetForgetsAPartlyParsedRequest) {
  RespParser parser;
  ASSERT_EQ(parser.parse("*2\r\n$1\r\na\r\n$5\r\nab", {}), RespParser::Outcome::kIncomplete);
  parser.reset();
  EXPECT_EQ(parser.bytes_wanted(), 0u);
  ASSERT_EQ(parser.parse("*1\r\n$4\r\nPING\r\n", {}), RespParser::Outcome::kCommand);
  EXPECT_THAT(parser.arguments(), ElementsAre("PING"));
}

TEST(RespParserMultibulk, ResetAfterAnError) {
  RespParser parser;
  ASSERT_EQ(parser.parse("*2\r\n$1\r\na\r\n$-5\r\n", {}), RespParser::Outcome::kError);
  parser.reset();
  ASSERT_EQ(parser.parse("*1\r\n$4\r\nPING\r\n", {}), RespParser::Outcome::kCommand);
  EXPECT_THAT(parser.arguments(), ElementsAre("PING"));
}

TEST(RespParserMultibulk, NothingArrived) {
  RespParser parser;
  EXPECT_EQ(parser.parse("", {}), RespParser::Outcome::kIncomplete);
  EXPECT_EQ(parser.bytes_wanted(), 0u);
}

TEST(RespParserMultibulk, ManyArguments) {
  std::string stream = "*5000\r\n";
  Command expected;
  for (int i = 0; i < 5000; ++i) {
    expected.push_back(std::to_string(i));
    stream += "$" + std::to_string(expected.back().size()) + "\r\n" + expected.back() + "\r\n";
  }
  EXPECT_THAT(parse_whole(stream + "*1\r\n$1\r\na\r\n").commands, ElementsAre(expected, Command{"a"}));
}

}  // namespace
}  // namespace cowslip::protocol
