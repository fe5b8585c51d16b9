// Lists: what chance seldom finds. The differential tester has the rest.
#include <fmt/format.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class ListCommandsTest : public CommandTest {
 protected:
  // So many elements at the tail of `key`.
  void fill(std::string_view key, int elements, std::string_view element) {
    for (int i = 0; i < elements; i++) run({"rpush", key, element});
  }
  std::string encoding(std::string_view key) { return run({"object", "encoding", key}); }
  static constexpr std::string_view kSmall = "\"listpack\"", kBig = "\"quicklist\"";
};

// ---- encodings ----

TEST_F(ListCommandsTest, AListGrowsOutOfItsListpackAtTheLimitOfBytes) {
  const std::string element(100, 'x');
  // The header and the end are 7 bytes, an element 103; Redis counts a new one as its text.
  fill("k", 79, element);
  EXPECT_EQ(encoding("k"), kSmall);
  fill("k", 1, element);
  EXPECT_EQ(encoding("k"), kBig) << "7 + 79 * 103 + 100 is more than 8192";
  EXPECT_EQ(run("llen k"), ":80");
}

TEST_F(ListCommandsTest, ACommandWithManyElementsIsJudgedAsAWhole) {
  const std::string element(100, 'x');
  std::vector<std::string_view> push = {"rpush", "k"};
  push.resize(2 + 81, element);
  EXPECT_EQ(run_raw(push), ":81\r\n");
  EXPECT_EQ(encoding("k"), kSmall) << "7 + 81 * 100 is not more than 8192, though what it becomes is";
  push.resize(2 + 82, element);
  push[1] = "l";
  EXPECT_EQ(run_raw(push), ":82\r\n");
  EXPECT_EQ(encoding("l"), kBig);
}

TEST_F(ListCommandsTest, AListShrinksIntoAListpackAtHalfTheLimit) {
  keyspace_.set_encoding_limits({.list_max_listpack_size = 8});
  fill("k", 9, "v");
  EXPECT_EQ(encoding("k"), kBig);
  run("lpop k 4");
  EXPECT_EQ(encoding("k"), kBig);
  run("lset k 0 w");
  EXPECT_EQ(encoding("k"), kBig);
  run("ltrim k 0 3");
  EXPECT_EQ(encoding("k"), kSmall);
  fill("k", 5, "v");
  EXPECT_EQ(encoding("k"), kBig);
  EXPECT_EQ(run("lrem k 5 v"), ":5");
  EXPECT_EQ(encoding("k"), kSmall);
  EXPECT_EQ(run("lrange k 0 -1"), "[\"w\", \"v\", \"v\", \"v\"]");
}

TEST_F(ListCommandsTest, LsetCountsTheNewElementAsOneMore) {
  keyspace_.set_encoding_limits({.list_max_listpack_size = 4});
  fill("k", 4, "v");
  run("lset k 1 w");
  EXPECT_EQ(encoding("k"), kBig) << "as Redis does it";
}

TEST_F(ListCommandsTest, NoListIsEmptyWhateverTheLimitSays) {
  keyspace_.set_encoding_limits({.list_max_listpack_size = 0});
  fill("k", 1, "v");
  EXPECT_EQ(encoding("k"), kSmall) << "one element is always allowed";
  fill("k", 1, "v");
  EXPECT_EQ(encoding("k"), kBig);
  run("lpop k");
  EXPECT_EQ(encoding("k"), kBig) << "half of one is none";
  EXPECT_EQ(run("lpop k"), "\"v\"");
  EXPECT_EQ(run("exists k"), ":0");
}

// ---- moving ----

TEST_F(ListCommandsTest, MovingWithinOneListRotatesIt) {
  run("rpush k a b c");
  EXPECT_EQ(run("lmove k k left right"), "\"a\"");
  EXPECT_EQ(run("lrange k 0 -1"), "[\"b\", \"c\", \"a\"]");
  EXPECT_EQ(run("lmove k k right right"), "\"a\"");
  EXPECT_EQ(run("rpoplpush k k"), "\"a\"");
  EXPECT_EQ(run("lrange k 0 -1"), "[\"a\", \"b\", \"c\"]");
  run("rpush one x");
  EXPECT_EQ(dirty_of("rpoplpush one one"), 1u) << "though nothing changes";
  EXPECT_EQ(run("lrange one 0 -1"), "[\"x\"]");
}

TEST_F(ListCommandsTest, ASourceThatIsNotThereHidesATargetOfAnotherType) {
  run("set s string");
  EXPECT_EQ(run("lmove none s left left"), "nil");
  run("rpush k a");
  EXPECT_EQ(run("lmove k s left left"), "-WRONGTYPE Operation against a key holding the wrong kind of value");
  EXPECT_EQ(run("llen k"), ":1");
}

TEST_F(ListCommandsTest, TheLastElementTakesTheKeyAlong) {
  run("rpush k a");
  EXPECT_EQ(run("lmove k l left left"), "\"a\"");
  EXPECT_EQ(run("exists k l"), ":1");
  EXPECT_EQ(run("lmpop 3 none k l right count 10"), "[\"l\", [\"a\"]]");
  EXPECT_EQ(run("lmpop 3 none k l right"), "nil-array");
  EXPECT_EQ(run("dbsize"), ":0");
}

// ---- big lists ----

TEST_F(ListCommandsTest, ABigListIsTrimmedAndSearched) {
  std::vector<std::string> elements;
  std::vector<std::string_view> push = {"rpush", "k"};
  for (int i = 0; i < 20'000; i++) elements.push_back(std::to_string(i % 5000));
  push.insert(push.end(), elements.begin(), elements.end());
  EXPECT_EQ(run_raw(push), ":20000\r\n");
  EXPECT_EQ(run("lpos k 4999 count 0"), "[:4999, :9999, :14999, :19999]");
  EXPECT_EQ(run("lpos k 4999 rank -2"), ":14999");
  EXPECT_EQ(run("lpos k 0 rank 2 maxlen 5000"), "nil");
  EXPECT_EQ(run("lpos k 0 rank 2 maxlen 5001"), ":5000");
  EXPECT_EQ(dirty_of("lrem k -2 7"), 2u);
  EXPECT_EQ(run("lpos k 7 count 0"), "[:7, :5007]");
  EXPECT_EQ(dirty_of("ltrim k 4990 5009"), 19'978u);
  EXPECT_EQ(run("lrange k 7 12"), "[\"4997\", \"4998\", \"4999\", \"0\", \"1\", \"2\"]");
  EXPECT_EQ(encoding("k"), kSmall);
  EXPECT_EQ(run("lrange k 20 30"), "[]");
}

// ---- arguments ----

TEST_F(ListCommandsTest, LimitsOfNumbers) {
  run("rpush k a");
  constexpr std::string_view kNoMinimum =
      "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";
  EXPECT_EQ(run("lpos k a rank -9223372036854775808"), kNoMinimum);
  EXPECT_EQ(run("lrange k -9223372036854775808 9223372036854775807"), "[\"a\"]");
  EXPECT_EQ(run("lindex k -9223372036854775808"), "nil");
  EXPECT_EQ(run("lpop k 9223372036854775807"), "[\"a\"]");
  run("rpush k a b a");
  EXPECT_EQ(run("lrem k -9223372036854775808 a"), ":2");
}

}  // namespace
}  // namespace cowslip::commands
