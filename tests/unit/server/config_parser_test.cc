// Lines, quotes and command lines, before anything is made of them.
#include "server/config_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

TEST(SplitWords, SpacesOfAllKindsSeparate) {
  EXPECT_THAT(split_words("  save\t900   1 "), Optional(ElementsAre("save", "900", "1")));
  EXPECT_THAT(split_words(""), Optional(IsEmpty()));
}

TEST(SplitWords, DoubleQuotesKnowEscapes) {
  EXPECT_THAT(split_words(R"(a "b c" "" "\x41\n\"\\\q" "\xZZ")"),
              Optional(ElementsAre("a", "b c", "", "A\n\"\\q", "xZZ")));
}

TEST(SplitWords, SingleQuotesKnowOnlyTheirOwn) {
  EXPECT_THAT(split_words(R"('it\'s' 'a\n')"), Optional(ElementsAre("it's", "a\\n")));
}

TEST(SplitWords, QuotesMustEndAndStandAlone) {
  EXPECT_EQ(split_words("port \"a"), std::nullopt);
  EXPECT_EQ(split_words("port 'a"), std::nullopt);
  EXPECT_EQ(split_words("port \"18\"0"), std::nullopt);
}

TEST(QuotedIfNeeded, ReadsBackAsOneWord) {
  for (const std::string text : {"", "plain", "two words", "a\"b\\c'd", "\n\x01\xff", "#x", "*", "-::*"}) {
    EXPECT_THAT(split_words(quoted_if_needed(text)), Optional(ElementsAre(text))) << text;
  }
  EXPECT_EQ(quoted_if_needed("-::*"), "-::*");
}

CommandLine parsed(std::vector<std::string> arguments) {
  return parse_command_line(arguments);
}

TEST(ParseCommandLine, FileThenOptions) {
  const CommandLine line = parsed({"my.conf", "--port", "7000", "--save", "900", "1", "300", "10", "-"});
  EXPECT_EQ(line.file, "my.conf");
  EXPECT_TRUE(line.standard_input);
  EXPECT_THAT(line.lines, ElementsAre("port \"7000\"", R"(save "900" "1" "300" "10")"));
}

TEST(ParseCommandLine, SaveMayBeEmptyOrBare) {
  EXPECT_THAT(parsed({"--save", "", "--port", "1"}).lines, ElementsAre("save \"\"", "port \"1\""));
  EXPECT_THAT(parsed({"--save", "--port", "1"}).lines, ElementsAre("save \"\"", "port \"1\""));
  EXPECT_THAT(parsed({"--port", "1", "--save"}).lines, ElementsAre("port \"1\"", "save \"\""));
}

TEST(ParseCommandLine, OneArgumentOfSeveralWords) {
  EXPECT_THAT(parsed({"--save", "900 1 300 10"}).lines, ElementsAre("save 900 1 300 10"));
  EXPECT_THAT(parsed({"--port 7000", "--proc-title-template", "a b"}).lines,
              ElementsAre("port 7000", "proc-title-template \"a b\""));
}

TEST(ParseCommandLine, AValueMayBeginWithDashes) {
  EXPECT_THAT(parsed({"--requirepass", "--secret", "--port", "1"}).lines,
              ElementsAre("requirepass \"--secret\"", "port \"1\""));
}

}  // namespace
}  // namespace cowslip::server
