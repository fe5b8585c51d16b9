// Sorted sets: what the differential tester cannot see, since its redis-server is older, or seldom meets.
#include <fmt/format.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class SortedSetCommands : public CommandTest {};

TEST_F(SortedSetCommands, RanksWithScores) {
  run("ZADD z 1 a 2.5 b inf c");
  EXPECT_EQ(run("ZRANK z b"), ":1");
  EXPECT_EQ(run("ZRANK z b WITHSCORE"), "[:1, \"2.5\"]");
  EXPECT_EQ(run("ZREVRANK z c withscore"), "[:0, \"inf\"]");
  EXPECT_EQ(run("ZRANK z d WITHSCORE"), "nil-array");
  EXPECT_EQ(run("ZRANK z d"), "nil");
  EXPECT_EQ(run("ZRANK nothing d WITHSCORE"), "nil-array");
  EXPECT_EQ(run("ZRANK z b WITHSCORES"), "-ERR syntax error");
  EXPECT_EQ(run("ZRANK z b WITHSCORE 1"), "-ERR wrong number of arguments for 'zrank' command");
  use_resp3();
  EXPECT_EQ(run("ZRANK z b WITHSCORE"), "[:1, ,2.5]");
  EXPECT_EQ(run("ZREVRANK z d WITHSCORE"), "null");
}

TEST_F(SortedSetCommands, WritesScoresAsRedis72) {
  run("ZADD z 0.1 a 1e20 b -1e-7 c 12345.678901 d 100000000000 e");
  EXPECT_EQ(run("ZMSCORE z a b c d e f"), "[\"0.1\", \"1e+20\", \"-1e-7\", \"12345.678901\", \"100000000000\", nil]");
  use_resp3();
  EXPECT_EQ(run("ZRANGE z 0 0 WITHSCORES"), "[[\"c\", ,-1e-7]]");
  EXPECT_EQ(run("ZPOPMIN z"), "[\"c\", ,-1e-7]");
  EXPECT_EQ(run("ZPOPMIN z 1"), "[[\"a\", ,0.1]]");
}

// A request with more members than a small set may have makes a big one at once, since 7.2: even if they are the same.
TEST_F(SortedSetCommands, ManyMembersAtOnceMakeABigSet) {
  std::vector<std::string> words = {"ZADD", "z"};
  for (int i = 0; i < 129; i++) words.insert(words.end(), {"-0", i < 2 ? "a" : "b"});
  const std::vector<std::string_view> args(words.begin(), words.end());
  EXPECT_EQ(readable(run_raw(args)), ":2");
  EXPECT_EQ(run("OBJECT ENCODING z"), "\"skiplist\"");
  EXPECT_EQ(run("ZSCORE z a"), "\"-0\"");
  EXPECT_EQ(run("ZADD small -0 a"), ":1");
  EXPECT_EQ(run("ZSCORE small a"), "\"0\"");
}

TEST_F(SortedSetCommands, CountsChanges) {
  EXPECT_EQ(dirty_of("ZADD z 1 a 2 b 3 c"), 3u);
  EXPECT_EQ(dirty_of("ZADD z 1 a 5 b"), 1u);
  EXPECT_EQ(dirty_of("ZADD z NX 9 a 4 d"), 1u);
  EXPECT_EQ(dirty_of("ZINCRBY z 0 a"), 0u);
  EXPECT_EQ(dirty_of("ZREM z a nobody"), 1u);
  EXPECT_EQ(dirty_of("ZPOPMAX z 2"), 2u);
  EXPECT_EQ(dirty_of("ZPOPMAX z 0"), 0u);
  EXPECT_EQ(dirty_of("ZRANGESTORE y z 0 -1"), 1u);
  EXPECT_EQ(dirty_of("ZRANGESTORE y nothing 0 -1"), 1u);
  EXPECT_EQ(dirty_of("ZRANGESTORE y nothing 0 -1"), 0u);
  EXPECT_EQ(dirty_of("ZREMRANGEBYSCORE z -inf +inf"), 1u);
  EXPECT_EQ(run("EXISTS z"), ":0");
}

TEST_F(SortedSetCommands, AResultMayReplaceItsSource) {
  run("ZADD z 1 a 2 b 3 c");
  run("EXPIRE z 100");
  EXPECT_EQ(run("ZRANGESTORE z z 1 2"), ":2");
  EXPECT_EQ(run("ZRANGE z 0 -1"), "[\"b\", \"c\"]");
  EXPECT_EQ(run("TTL z"), ":-1");
  EXPECT_EQ(run("ZUNIONSTORE z 2 z z WEIGHTS 2 3"), ":2");
  EXPECT_EQ(run("ZRANGE z 0 -1 WITHSCORES"), "[\"b\", \"10\", \"c\", \"15\"]");
  EXPECT_EQ(run("ZDIFFSTORE z 2 z z"), ":0");
  EXPECT_EQ(run("EXISTS z"), ":0");
}

// inf * 0 counts as 0 in a union and in the first set of an intersection; behind that, the sum with it does.
TEST_F(SortedSetCommands, InfinityTimesNothing) {
  run("ZADD one inf a");
  run("ZADD two 5 a");
  EXPECT_EQ(run("ZUNION 2 two one WEIGHTS 1 0 WITHSCORES"), "[\"a\", \"5\"]");
  EXPECT_EQ(run("ZINTER 2 two one WEIGHTS 1 0 WITHSCORES"), "[\"a\", \"0\"]");
  EXPECT_EQ(run("ZINTER 2 one two WEIGHTS 0 1 WITHSCORES"), "[\"a\", \"5\"]");
  EXPECT_EQ(run("ZINTER 2 two one WEIGHTS 1 0 AGGREGATE MIN WITHSCORES"), "[\"a\", \"5\"]");
}

TEST_F(SortedSetCommands, ExpiredKeysAreNotThere) {
  run("ZADD z 1 a");
  run("PEXPIRE z 10");
  advance_ms(20);
  EXPECT_EQ(run("ZADD z XX 2 a"), ":0");
  EXPECT_EQ(run("ZINCRBY z 1 a"), "\"1\"");
  EXPECT_EQ(run("TTL z"), ":-1");
}

TEST_F(SortedSetCommands, RandomMembers) {
  for (int i = 0; i < 300; i++) run(fmt::format("ZADD z {} m{}", i, i));
  EXPECT_EQ(occurrences(run("ZRANDMEMBER z 10"), "\"m"), 10u);
  EXPECT_EQ(occurrences(run("ZRANDMEMBER z 290"), "\"m"), 290u);
  EXPECT_EQ(occurrences(run("ZRANDMEMBER z 1000"), "\"m"), 300u);
  EXPECT_EQ(occurrences(run("ZRANDMEMBER z -1000"), "\"m"), 1000u);
  EXPECT_EQ(occurrences(run("ZRANDMEMBER z -3 WITHSCORES"), ", "), 5u);
  use_resp3();
  EXPECT_EQ(occurrences(run("ZRANDMEMBER z 3 WITHSCORES"), "[\"m"), 3u);
}

TEST_F(SortedSetCommands, AScanSeesEveryMemberOnce) {
  for (int i = 0; i < 300; i++) run(fmt::format("ZADD z {}.5 m{}", i, i));
  std::string cursor = "0", all;
  do {
    const std::string reply = run("ZSCAN z " + cursor + " COUNT 20");
    cursor = reply.substr(2, reply.find('"', 2) - 2);
    all += reply.substr(reply.find('[', 1));
  } while (cursor != "0");
  for (int i = 0; i < 300; i++) EXPECT_EQ(occurrences(all, fmt::format("\"m{}\", \"{}.5\"", i, i)), 1u) << i;
}

TEST_F(SortedSetCommands, SmallOnesComeWholeWhateverTheCursor) {
  run("ZADD z 1 a 2 b");
  EXPECT_EQ(run("ZSCAN z 5 COUNT 1"), run("ZSCAN z 0"));
}

}  // namespace
}  // namespace cowslip::commands
