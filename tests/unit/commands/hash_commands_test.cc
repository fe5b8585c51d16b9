#include <fmt/format.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class HashCommandsTest : public CommandTest {
 protected:
  void fill(const std::string& key, int fields) {
    for (int i = 0; i < fields; i++) run(fmt::format("hset {} f{} {}", key, i, i));
  }
};

TEST_F(HashCommandsTest, FieldsKeepTheOrderInWhichTheyCame) {
  run("hset h b 1 a 2 c 3");
  run("hset h a 20 d 4");
  run("hdel h b");
  EXPECT_EQ(run("hgetall h"), "[\"a\", \"20\", \"c\", \"3\", \"d\", \"4\"]");
  EXPECT_EQ(run("hkeys h"), "[\"a\", \"c\", \"d\"]");
  EXPECT_EQ(run("hvals h"), "[\"20\", \"3\", \"4\"]");
}

TEST_F(HashCommandsTest, ANewHashTakesTheLastOfRepeatedFields) {
  EXPECT_EQ(run("hset h a 1 b 2 a 3"), ":2");
  EXPECT_EQ(run("hgetall h"), "[\"a\", \"3\", \"b\", \"2\"]");
}

TEST_F(HashCommandsTest, SomeRepliesAreMapsOrNestedInResp3) {
  run("hset h a 1");
  use_resp3();
  EXPECT_EQ(run("hgetall h"), "{\"a\": \"1\"}");
  EXPECT_EQ(run("hgetall none"), "{}");
  EXPECT_EQ(run("hkeys none"), "[]");
  EXPECT_EQ(run("hrandfield h 1 withvalues"), "[[\"a\", \"1\"]]");
  EXPECT_EQ(run("hrandfield h -2 WITHVALUES"), "[[\"a\", \"1\"], [\"a\", \"1\"]]");
  EXPECT_EQ(run("hrandfield h"), "\"a\"");
  EXPECT_EQ(run("hrandfield none"), "null");
  EXPECT_EQ(run("hget h x"), "null");
}

TEST_F(HashCommandsTest, EncodingsFollowTheSettings) {
  EXPECT_EQ(run({"hset", "h", "f", std::string(64, 'v')}), ":1");
  EXPECT_EQ(run("object encoding h"), "\"listpack\"");
  EXPECT_EQ(run({"hset", "h", std::string(65, 'f'), "v"}), ":1");
  EXPECT_EQ(run("object encoding h"), "\"hashtable\"");
  // So long a field that HINCRBY creates counts as well.
  EXPECT_EQ(run({"hincrby", "n", std::string(65, 'f'), "1"}), ":1");
  EXPECT_EQ(run("object encoding n"), "\"hashtable\"");

  std::string many = "hset many";
  for (int i = 0; i < 512; i++) many += fmt::format(" f{} v", i);
  EXPECT_EQ(run(many), ":512");
  EXPECT_EQ(run("object encoding many"), "\"listpack\"");
  EXPECT_EQ(run(many + " f0 w"), ":0") << "513 fields, though the last is there already";
  EXPECT_EQ(run("object encoding many"), "\"hashtable\"");
  EXPECT_EQ(run("hget many f0"), "\"w\"");
  EXPECT_EQ(run("hlen many"), ":512");

  auto limits = keyspace_.encoding_limits();
  limits.hash_max_listpack_entries = 0;
  keyspace_.set_encoding_limits(limits);
  run("hset none a 1");
  EXPECT_EQ(run("object encoding none"), "\"hashtable\"");
  EXPECT_EQ(run("hgetall none"), "[\"a\", \"1\"]");
}

TEST_F(HashCommandsTest, NumbersAreCountedStrictly) {
  EXPECT_EQ(run("hincrby h n 5"), ":5");
  EXPECT_EQ(run("hincrby h n -7"), ":-2");
  EXPECT_EQ(run("hincrbyfloat h n 0.5"), "\"-1.5\"");
  EXPECT_EQ(run("hincrby h n 1"), "-ERR hash value is not an integer");
  EXPECT_EQ(run("hincrby h n x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("hincrbyfloat h n x"), "-ERR value is not a valid float");
  EXPECT_EQ(run("hincrbyfloat h n inf"), "-ERR value is NaN or Infinity");
  run("hset h t text m 9223372036854775807");
  EXPECT_EQ(run("hincrby h m 1"), "-ERR increment or decrement would overflow");
  EXPECT_EQ(run("hincrbyfloat h t 1"), "-ERR hash value is not a float");
  EXPECT_EQ(dirty_of("hincrby h m 1"), 0u);
  EXPECT_EQ(dirty_of("hset h a 1 b 2"), 2u);
  EXPECT_EQ(run("hincrby none n 1x"), "-ERR value is not an integer or out of range");
  EXPECT_EQ(run("exists none"), ":0");
}

TEST_F(HashCommandsTest, AnythingElseIsOfTheWrongType) {
  run("set s v");
  const std::string wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
  for (const char* line : {"hset s a 1", "hsetnx s a 1", "hmset s a 1", "hget s a", "hmget s a", "hgetall s", "hkeys s",
                           "hvals s", "hdel s a", "hlen s", "hstrlen s a", "hexists s a", "hincrby s a 1",
                           "hincrbyfloat s a 1", "hrandfield s", "hrandfield s 1", "hscan s 0", "hscan s 0 nonsense"}) {
    EXPECT_EQ(run(line), wrong) << line;
  }
  run("hset h a 1");
  EXPECT_EQ(run("get h"), wrong);
  EXPECT_EQ(run("incr h"), wrong);
  EXPECT_EQ(run("hset h a 1 b"), "-ERR wrong number of arguments for 'hset' command");
  EXPECT_EQ(run("hmset h a 1 b"), "-ERR wrong number of arguments for 'hmset' command");
}

TEST_F(HashCommandsTest, RandomFieldsAreAsManyAsWanted) {
  for (const int fields : {5, 2000}) {
    run("del h");
    fill("h", fields);
    EXPECT_EQ(occurrences(run("hrandfield h 3"), "\"f"), 3u);
    EXPECT_EQ(occurrences(run("hrandfield h 1999"), "\"f"), static_cast<size_t>(std::min(fields, 1999)));
    EXPECT_EQ(occurrences(run("hrandfield h 5000"), "\"f"), static_cast<size_t>(fields));
    EXPECT_EQ(occurrences(run("hrandfield h -5000"), "\"f"), 5000u);
    EXPECT_EQ(occurrences(run("hrandfield h -3 withvalues"), "\""), 12u);
    EXPECT_EQ(run("hrandfield h 0"), "[]");
  }
  EXPECT_EQ(run("hrandfield h 1 withscores"), "-ERR syntax error");
  EXPECT_EQ(run("hrandfield h 9223372036854775807 withvalues"), "-ERR value is out of range");
  EXPECT_EQ(run("hrandfield h -9223372036854775808"),
            "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
}

// A cursor may be older than the form that the hash has now.
TEST_F(HashCommandsTest, AScanOfASmallHashIsWholeWhateverTheCursor) {
  run("hset h a 1 b 2");
  const std::string whole = "[\"0\", [\"a\", \"1\", \"b\", \"2\"]]";
  EXPECT_EQ(run("hscan h 0"), whole);
  EXPECT_EQ(run("hscan h 0 count 1"), whole);
  EXPECT_EQ(run("hscan h 12345"), whole);
  EXPECT_EQ(run("hscan h 0 match b*"), "[\"0\", [\"b\", \"2\"]]");
  EXPECT_EQ(run("hscan none 0 nonsense"), "[\"0\", []]");
  EXPECT_EQ(run("hscan h x"), "-ERR invalid cursor");
  EXPECT_EQ(run("hscan h 0 count 0"), "-ERR syntax error");
  EXPECT_EQ(run("hscan h 0 type hash"), "-ERR syntax error");
}

}  // namespace
}  // namespace cowslip::commands
