// SORT: what chance seldom finds. The differential tester has the rest.
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class SortCommandsTest : public CommandTest {
 protected:
  static constexpr std::string_view kNoNumbers = "-ERR One or more scores can't be converted into double";
  static constexpr std::string_view kSyntax = "-ERR syntax error";
};

TEST_F(SortCommandsTest, NumbersAreWhatStrtodReads) {
  for (const std::string_view element : {" 3", "0x10", "", "-1.5", "2"}) run({"rpush", "k", element});
  EXPECT_EQ(run("sort k"), "[\"-1.5\", \"\", \"2\", \" 3\", \"0x10\"]");
  EXPECT_EQ(run("sort k desc limit 1 2"), "[\" 3\", \"2\"]");
  run("rpush k 3x");
  EXPECT_EQ(run("sort k"), kNoNumbers);
  EXPECT_EQ(run("sort k by nothing limit 4 10"), "[\"2\", \"3x\"]") << "what is not sorted need be no number";
  EXPECT_EQ(run("sort k alpha limit 0 2"), "[\"\", \" 3\"]");
}

TEST_F(SortCommandsTest, WeightsComeFromKeysAndFieldsOfHashes) {
  run("rpush k a b c d");
  run("mset w_a 3 w_b 1 w_c 2");
  EXPECT_EQ(run("sort k by w_*"), "[\"d\", \"b\", \"c\", \"a\"]") << "no weight counts as 0";
  for (const std::string_view line : {"hset h_a f 1", "hset h_b f 3", "hset h_c g 9", "set h_d string"}) run(line);
  EXPECT_EQ(run("sort k by h_*->f get # get h_*->f get w_*"),
            "[\"c\", nil, \"2\", \"d\", nil, nil, \"a\", \"1\", \"3\", \"b\", \"3\", \"1\"]");
  EXPECT_EQ(run("sort k by h_*->f alpha desc"), "[\"b\", \"a\", \"c\", \"d\"]") << "those without one stay in order";
  EXPECT_EQ(run("sort k get fixed limit 0 1"), kNoNumbers);
  EXPECT_EQ(run("sort k alpha get fixed limit 0 1"), "[nil]");
}

TEST_F(SortCommandsTest, SortedSetsThatAreNotToBeSortedKeepTheirOrder) {
  run("zadd z 1 one 2 two 3 three 4 four");
  EXPECT_EQ(run("sort z by x limit 1 2"), "[\"two\", \"three\"]");
  EXPECT_EQ(run("sort z by x desc limit 1 2"), "[\"three\", \"two\"]");
  EXPECT_EQ(run("sort z by x desc limit 3 10"), "[\"one\"]");
  EXPECT_EQ(run("sort z by x limit 4 10"), "[]");
  EXPECT_EQ(run("sort z alpha"), "[\"four\", \"one\", \"three\", \"two\"]");
}

TEST_F(SortCommandsTest, SetsAreStoredInAnOrderThatAllSee) {
  run("sadd s c a b");
  EXPECT_EQ(run("sort s by nosort store l"), ":3");
  EXPECT_EQ(run("lrange l 0 -1"), "[\"a\", \"b\", \"c\"]");
}

TEST_F(SortCommandsTest, TheResultMayTakeThePlaceOfWhatWasSorted) {
  run("rpush k 3 1 2");
  run("expire k 100");
  EXPECT_EQ(dirty_of("sort k get # get none_* store k"), 6u);
  EXPECT_EQ(run("lrange k 0 -1"), "[\"1\", \"\", \"2\", \"\", \"3\", \"\"]");
  EXPECT_EQ(run("ttl k"), ":-1");
  EXPECT_EQ(dirty_of("sort none store k"), 1u);
  EXPECT_EQ(run("exists k"), ":0");
  EXPECT_EQ(dirty_of("sort none store k"), 0u);
  run("set target string");
  run("rpush k 2 1");
  EXPECT_EQ(run("sort k store target"), ":2");
  EXPECT_EQ(run("type target"), "+list");
}

TEST_F(SortCommandsTest, RefusesWhatItDoesNotKnow) {
  run("set string 1");
  EXPECT_EQ(run("sort string"), "-WRONGTYPE Operation against a key holding the wrong kind of value");
  EXPECT_EQ(run("sort string huh"), kSyntax);
  EXPECT_EQ(run("sort_ro k store l"), kSyntax);
  EXPECT_EQ(run("sort k limit 1"), kSyntax);
  EXPECT_EQ(run("sort k limit a 1"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("sort none"), "[]");
}

TEST_F(SortCommandsTest, TheKeyOfStoreIsFoundAmongTheOptions) {
  EXPECT_EQ(run("command getkeys sort k by store get store limit 0 1 store a store b"), "[\"k\", \"b\"]");
  EXPECT_EQ(run("command getkeys sort k get store x"), "[\"k\"]");
  EXPECT_EQ(run("command getkeys sort_ro k store x"), "[\"k\"]");
}

}  // namespace
}  // namespace cowslip::commands
