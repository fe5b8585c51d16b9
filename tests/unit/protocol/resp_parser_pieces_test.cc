// The same bytes in any pieces give the same commands, and cost what they cost in one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <utility>

#include "tests/unit/protocol/parsed_stream.h"

namespace cowslip::protocol {
namespace {

using std::string_literals::operator""s;
using testing::ElementsAre;
using Outcome = RespParser::Outcome;

const std::vector<std::string>& streams() {
  static const std::vector<std::string> kStreams = {
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$12\r\nhello\r\nworld\r\n",
      "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*0\r\n*-1\r\nPING\r\n",
      "PING\r\nSET k \"a b\\x41\" 'c\\'d' e\"f\"\r\n\r\n\n  \nGET k\n*1\r\n$0\r\n\r\n",
      "*11\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n$1\r\nd\r\n$1\r\ne\r\n$1\r\nf\r\n$1\r\ng\r\n$1\r\nh\r\n$1\r\ni\r\n$"
      "1\r\n",
      "*2\r\n$3\r\nGET\r\n$100\r\nshort",
      "PING\r\n*x\r\nPING\r\n",
      "PING\r\n*1\r\n:4\r\nPING\r\n",
      "*2\r\n$1\r\na\r\n$-1\r\nPING\r\n",
      "*1\r\n$536870913\r\n",
      "*12345678901234567890\r\n",
      "ECHO \"a\r\nPING\r\n",
      "*1\rX$4\rYPINGab\n*1\r\n$1\r\nb\r\n",
      "\0\r\n*1\r\n$1\0\r\n"s,
  };
  return kStreams;
}

TEST(RespParserPieces, ByteByByteEqualsAllAtOnce) {
  for (const std::string& stream : streams()) {
    EXPECT_EQ(parse_in_pieces(stream, {}, [] { return 1; }), parse_whole(stream)) << stream;
  }
}

TEST(RespParserPieces, EverySplitInTwoEqualsAllAtOnce) {
  for (const std::string& stream : streams()) {
    const ParsedStream whole = parse_whole(stream);
    for (size_t split = 1; split < stream.size(); ++split) {
      size_t next = split;
      const auto parsed = parse_in_pieces(stream, {}, [&] { return std::exchange(next, stream.size()); });
      EXPECT_EQ(parsed, whole) << stream << " split at " << split;
    }
  }
}

TEST(RespParserPieces, EverySplitInThreeEqualsAllAtOnce) {
  const std::string& stream = streams()[2];
  const ParsedStream whole = parse_whole(stream);
  for (size_t first = 1; first < stream.size(); ++first) {
    for (size_t second = 1; first + second < stream.size(); ++second) {
      size_t pieces[] = {stream.size(), second, first};
      size_t left = 3;
      EXPECT_EQ(parse_in_pieces(stream, {}, [&] { return pieces[--left]; }), whole) << first << " " << second;
    }
  }
}

TEST(RespParserPieces, TooLongLinesAreRefusedWhereverTheyAreSplit) {
  ParserLimits limits;
  limits.max_inline_bytes = 40;
  for (const std::string start : {"", "*", "*1\r\n", "*1\r\n$"}) {
    for (size_t length = 38; length < 44; ++length) {
      const std::string stream = start + std::string(length, 'a') + "\r\n";
      EXPECT_EQ(parse_in_pieces(stream, limits, [] { return 1; }), parse_whole(stream, limits)) << stream;
    }
  }
}

// Bytes already understood are changed behind the parser's back: it would notice if it looked again. (Which kind of
// request it is, it may ask the first byte each time.)
TEST(RespParserPieces, HeadersAndArgumentsAreNotReadAgain) {
  std::string buffer = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6\r\nab";
  RespParser parser;
  ASSERT_EQ(parser.parse(buffer, {}), Outcome::kIncomplete);
  std::fill(buffer.begin() + 1, buffer.end(), 'X');
  ASSERT_EQ(parser.parse(buffer += "cd", {}), Outcome::kIncomplete);
  ASSERT_EQ(parser.parse(buffer += "ef\r\n", {}), Outcome::kCommand);
  EXPECT_THAT(parser.arguments(), ElementsAre("XXX", "X", "XXcdef"));
}

TEST(RespParserPieces, LinesAreNotSearchedAgain) {
  for (const char* start : {"", "*", "*1\r\n$"}) {
    std::string buffer = start + "abcdefghijklmnopqrstuvwxyz"s;
    RespParser parser;
    ASSERT_EQ(parser.parse(buffer, {}), Outcome::kIncomplete);
    buffer[buffer.size() - 3] = '\r';
    buffer[buffer.size() - 2] = '\n';
    EXPECT_EQ(parser.parse(buffer, {}), Outcome::kIncomplete) << start;
    EXPECT_NE(parser.parse(buffer += "\r\n", {}), Outcome::kIncomplete) << start;
  }
}

TEST(RespParserPieces, BytesWantedStandsUntilTheyCame) {
  const std::string stream = "*1\r\n$1000\r\n" + std::string(1000, 'x') + "\r\n";
  RespParser parser;
  for (size_t arrived = 11; arrived < stream.size(); ++arrived) {
    ASSERT_EQ(parser.parse(std::string_view(stream).substr(0, arrived), {}), Outcome::kIncomplete);
    ASSERT_EQ(parser.bytes_wanted(), stream.size());
  }
  ASSERT_EQ(parser.parse(stream, {}), Outcome::kCommand);
  EXPECT_EQ(parser.bytes_wanted(), 0u);
}

// Random streams in random pieces against what was put into them.
class RandomStreams : public testing::Test {
 protected:
  RandomStreams() : random_(seed()) {}

  static uint64_t seed() {
    const char* given = std::getenv("COWSLIP_SEED");
    static const uint64_t kSeed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
    return kSeed;
  }

  size_t below(size_t bound) { return std::uniform_int_distribution<size_t>(0, bound - 1)(random_); }

  std::string bytes(size_t max_length, std::string_view alphabet) {
    std::string text(below(max_length + 1), ' ');
    for (char& c : text) c = alphabet.empty() ? static_cast<char>(below(256)) : alphabet[below(alphabet.size())];
    return text;
  }

  void add_multibulk(std::string& stream, std::vector<Command>& expected) {
    Command command(below(6));
    stream += "*" + std::to_string(command.size()) + "\r\n";
    for (std::string& argument : command) {
      argument = bytes(below(20) == 0 ? 5000 : 20, below(2) == 0 ? "" : "\r\n$*1 ");
      stream += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
    }
    expected.push_back(std::move(command));
  }

  void add_inline(std::string& stream, std::vector<Command>& expected) {
    Command command(below(5));
    for (std::string& argument : command) {
      argument = bytes(20, below(2) == 0 ? "" : "abc'\"\\ ");
      stream += bytes(3, " \t\r") + quoted_randomly(argument) + ' ';
    }
    if (stream.ends_with('\n') || stream.empty() || command.empty()) stream += ' ';  // a '*' would not be inline
    stream += below(2) == 0 ? "\n" : "\r\n";
    expected.push_back(std::move(command));
  }

  // In double quotes, since those can express every byte; escaped where needed, and sometimes where not.
  std::string quoted_randomly(std::string_view argument) {
    std::string text = "\"";
    for (const char c : argument) {
      char hex[8];
      std::snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned char>(c));
      const bool must = c == '\n' || c == '"' || c == '\\';
      text += must || below(4) == 0 ? std::string(hex) : std::string(1, c);
    }
    return text + '"';
  }

  std::mt19937_64 random_;
};

TEST_F(RandomStreams, GiveBackTheirCommandsInAnyPieces) {
  std::printf("COWSLIP_SEED=%llu repeats this run\n", static_cast<unsigned long long>(seed()));
  for (int round = 0; round < 2000; ++round) {
    std::string stream;
    std::vector<Command> expected;
    for (size_t i = below(8) + 1; i > 0; --i) {
      below(3) == 0 ? add_inline(stream, expected) : add_multibulk(stream, expected);
    }
    const size_t max_piece = below(3) == 0 ? 4 : 200;
    const ParsedStream parsed = parse_in_pieces(stream, {}, [&] { return below(max_piece) + 1; });
    ASSERT_EQ(parsed.error, "") << "round " << round << " COWSLIP_SEED=" << seed();
    ASSERT_EQ(parsed.unconsumed, 0u) << "round " << round << " COWSLIP_SEED=" << seed();
    ASSERT_EQ(parsed.commands, expected) << "round " << round << " COWSLIP_SEED=" << seed();
  }
}

TEST_F(RandomStreams, DamagedStreamsEndTheSameWayInAnyPieces) {
  for (int round = 0; round < 2000; ++round) {
    std::string stream;
    std::vector<Command> ignored;
    for (int i = 0; i < 3; ++i) below(3) == 0 ? add_inline(stream, ignored) : add_multibulk(stream, ignored);
    for (size_t i = below(4) + 1; i > 0; --i) stream[below(stream.size())] = "*$\r\n-0159\"' \0"[below(13)];
    const ParsedStream parsed = parse_in_pieces(stream, {}, [&] { return below(40) + 1; });
    ASSERT_EQ(parsed, parse_whole(stream)) << "round " << round << " COWSLIP_SEED=" << seed();
  }
}

}  // namespace
}  // namespace cowslip::protocol
