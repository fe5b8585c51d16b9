// Inline requests: lines, white space, quotes and escapes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/protocol/parsed_stream.h"

namespace cowslip::protocol {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kLineLimit = 64u << 10;
constexpr std::string_view kUnbalanced = "ERR Protocol error: unbalanced quotes in request";
constexpr std::string_view kTooBig = "ERR Protocol error: too big inline request";

// The arguments of the one inline request `line`.
Command split(const std::string& line) {
  const ParsedStream parsed = parse_whole(line + "\n");
  EXPECT_EQ(parsed.error, "") << line;
  EXPECT_EQ(parsed.commands.size(), 1u) << line;
  return parsed.commands.empty() ? Command{} : parsed.commands[0];
}

std::string error_of(const std::string& line) {
  return parse_whole(line + "\n").error;
}

TEST(RespParserInline, LinesEndWithNewlineOrCarriageReturnNewline) {
  EXPECT_THAT(parse_whole("PING\nPING a\r\nPING b\r\r\n").commands,
              ElementsAre(Command{"PING"}, Command{"PING", "a"}, Command{"PING", "b"}));
}

TEST(RespParserInline, CarriageReturnAloneSeparatesArguments) {
  EXPECT_THAT(split("ECHO a\rb"), ElementsAre("ECHO", "a", "b"));
  EXPECT_THAT(parse_whole("ECHO a\r").commands, IsEmpty());
}

TEST(RespParserInline, EmptyLinesAreCommandsWithoutArguments) {
  EXPECT_THAT(parse_whole("\r\n\n \t \r\nPING\n").commands,
              ElementsAre(Command{}, Command{}, Command{}, Command{"PING"}));
}

TEST(RespParserInline, WhiteSpaceAroundArgumentsIsSkipped) {
  EXPECT_THAT(split("  SET \t k   v  "), ElementsAre("SET", "k", "v"));
}

TEST(RespParserInline, VerticalTabAndFormFeedAreSkippedButDoNotEndAnArgument) {
  EXPECT_THAT(split("\v\fECHO a\vb\f c"), ElementsAre("ECHO", "a\vb\f", "c"));
}

TEST(RespParserInline, UnquotedArgumentsAreViewsIntoTheBuffer) {
  RespParser parser;
  const std::string buffer = "GET key\r\n";
  ASSERT_EQ(parser.parse(buffer, {}), RespParser::Outcome::kCommand);
  EXPECT_EQ(parser.arguments()[1].data(), buffer.data() + 4);
  EXPECT_EQ(parser.consumed(), buffer.size());
}

TEST(RespParserInline, AnyOtherByteIsPartOfAnArgument) {
  EXPECT_THAT(split("ECHO \xff\x01\0$*\\n"s), ElementsAre("ECHO", "\xff\x01\0$*\\n"s));
}

TEST(RespParserInline, DoubleQuotes) {
  EXPECT_THAT(split("ECHO \"a b\""), ElementsAre("ECHO", "a b"));
  EXPECT_THAT(split("ECHO \"\" \"it's\" x"), ElementsAre("ECHO", "", "it's", "x"));
}

TEST(RespParserInline, DoubleQuotesEscapes) {
  EXPECT_THAT(split("\"\\n\\r\\t\\b\\a\""), ElementsAre("\n\r\t\b\a"));
  EXPECT_THAT(split("\"\\\\ \\\" \\q\""), ElementsAre("\\ \" q"));
}

TEST(RespParserInline, DoubleQuotesHexadecimalEscapes) {
  EXPECT_THAT(split("\"\\x41\\x0a\\xfF\\x00\""), ElementsAre("A\n\xff\0"s));
}

TEST(RespParserInline, BrokenHexadecimalEscapesAreEscapedLetters) {
  EXPECT_THAT(split("\"\\x4\" \"\\xzz\" \"\\x4g\" \"\\x\""), ElementsAre("x4", "xzz", "x4g", "x"));
}

TEST(RespParserInline, SingleQuotesKnowOneEscape) {
  EXPECT_THAT(split("ECHO 'a b' 'it\\'s' '\\n\\x41\\\\ ' ''"), ElementsAre("ECHO", "a b", "it's", "\\n\\x41\\\\ ", ""));
}

TEST(RespParserInline, QuotesMayOpenInsideAnArgument) {
  EXPECT_THAT(split("ECHO a\"b c\" d'e f'"), ElementsAre("ECHO", "ab c", "de f"));
}

TEST(RespParserInline, ClosingQuoteMayBeFollowedByAnyWhiteSpace) {
  for (const char* space : {" ", "\t", "\v", "\f", "\r"}) {
    EXPECT_THAT(split("\"a\""s + space + "b"), ElementsAre("a", "b"));
    EXPECT_THAT(split("'a'"s + space + "b"), ElementsAre("a", "b"));
  }
}

TEST(RespParserInline, CarriageReturnInsideQuotesIsKept) {
  EXPECT_THAT(split("ECHO \"a\r\" 'b\r'"), ElementsAre("ECHO", "a\r", "b\r"));
}

TEST(RespParserInline, UnbalancedDoubleQuotes) {
  EXPECT_EQ(error_of("ECHO \"a"), kUnbalanced);
  EXPECT_EQ(error_of("ECHO \""), kUnbalanced);
  EXPECT_EQ(error_of("ECHO \"a\\\""), kUnbalanced);
  EXPECT_EQ(error_of("ECHO \"\\"), kUnbalanced);
  EXPECT_EQ(error_of("ECHO \"a\r"), kUnbalanced);
}

TEST(RespParserInline, UnbalancedSingleQuotes) {
  EXPECT_EQ(error_of("ECHO 'a"), kUnbalanced);
  EXPECT_EQ(error_of("ECHO '\\'"), kUnbalanced);
  EXPECT_EQ(error_of("ECHO '\\"), kUnbalanced);
  EXPECT_EQ(error_of("it's"), kUnbalanced);
}

TEST(RespParserInline, UnbalancedWhenTheClosingQuoteIsNotFollowedBySpace) {
  EXPECT_EQ(error_of("ECHO \"a\"b"), kUnbalanced);
  EXPECT_EQ(error_of("ECHO 'a'b"), kUnbalanced);
  EXPECT_EQ(error_of("ECHO 'a'\"b\""), kUnbalanced);
  EXPECT_EQ(error_of("ECHO \"a\"\"b\""), kUnbalanced);
}

TEST(RespParserInline, TooBigInlineRequest) {
  EXPECT_EQ(parse_whole(std::string(kLineLimit, 'a')).error, "");
  EXPECT_EQ(parse_whole(std::string(kLineLimit + 1, 'a')).error, kTooBig);
}

TEST(RespParserInline, TooBigInlineRequestWhoseEndIsThere) {
  EXPECT_THAT(split(std::string(kLineLimit, 'a')), ElementsAre(std::string(kLineLimit, 'a')));
  EXPECT_EQ(error_of(std::string(kLineLimit + 1, 'a')), kTooBig);
}

TEST(RespParserInline, LimitCountsOneLineNotThePipeline) {
  std::string stream;
  for (size_t i = 0; i < kLineLimit; ++i) stream += "a\n";
  const ParsedStream parsed = parse_whole(stream.substr(0, 400) + std::string(kLineLimit, 'b') + "\nPING\n");
  EXPECT_EQ(parsed.error, "");
  EXPECT_EQ(parsed.commands.size(), 202u);
}

TEST(RespParserInline, UnauthenticatedClientsMaySendManyArguments) {
  EXPECT_EQ(parse_whole("a b c d e f g h i j k l m\n", ParserLimits::unauthenticated()).commands[0].size(), 13u);
}

TEST(RespParserInline, ManyQuotedArgumentsStayValidTogether) {
  std::string line;
  Command expected;
  for (int i = 0; i < 2000; ++i) {
    line += "\"argument\\x20" + std::to_string(i) + "\" ";
    expected.push_back("argument " + std::to_string(i));
  }
  EXPECT_EQ(split(line), expected);
}

TEST(RespParserInline, MixesWithMultibulk) {
  EXPECT_THAT(
      parse_whole("PING\r\n*1\r\n$1\r\na\r\nSET k 'v w'\n*0\r\n\r\n*1\r\n$1\r\nb\r\n").commands,
      ElementsAre(Command{"PING"}, Command{"a"}, Command{"SET", "k", "v w"}, Command{}, Command{}, Command{"b"}));
}

}  // namespace
}  // namespace cowslip::protocol
