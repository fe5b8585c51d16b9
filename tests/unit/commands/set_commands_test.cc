#include <fmt/format.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class SetCommandsTest : public CommandTest {
 protected:
  // Adds `prefix`0 and so on, in one command.
  std::string add(const std::string& key, const std::string& prefix, int members) {
    std::string line = "sadd " + key;
    for (int i = 0; i < members; i++) line += fmt::format(" {}{}", prefix, i);
    return run(line);
  }
  std::string encoding(const std::string& key) { return run("object encoding " + key); }
  int64_t size(const std::string& key) { return std::stoll(run("scard " + key).substr(1)); }
};

TEST_F(SetCommandsTest, EncodingsAreThoseOfRedis72) {
  add("s", "", 512);
  EXPECT_EQ(encoding("s"), "\"intset\"");
  run("sadd s 512");
  EXPECT_EQ(encoding("s"), "\"hashtable\"");
  add("t", "m", 128);
  EXPECT_EQ(encoding("t"), "\"listpack\"");
  run("sadd t more");
  EXPECT_EQ(encoding("t"), "\"hashtable\"");
  run("sadd u 1 2 3");
  EXPECT_EQ(run("sadd u text 4"), ":2");
  EXPECT_EQ(encoding("u"), "\"listpack\"");
  EXPECT_EQ(run("smembers u"), "[\"1\", \"2\", \"3\", \"text\", \"4\"]");
}

TEST_F(SetCommandsTest, WhatIsStoredHasTheEncodingOfRedis72) {
  add("integers", "", 300);
  add("big", "m", 200);
  run("sadd big 1 2 3");
  run("sadd mixed 3 2 x");
  // An intersection is as small as it can be, whatever the sets are.
  EXPECT_EQ(run("sinterstore d integers big"), ":3");
  EXPECT_EQ(encoding("d"), "\"intset\"");
  EXPECT_EQ(run("sinterstore d mixed integers"), ":2");
  EXPECT_EQ(encoding("d"), "\"intset\"");
  EXPECT_EQ(run("sinterstore d big big"), ":203");
  EXPECT_EQ(encoding("d"), "\"hashtable\"");
  // Unions and differences are what adding one by one makes of them.
  EXPECT_EQ(run("sunionstore d mixed"), ":3");
  EXPECT_EQ(encoding("d"), "\"listpack\"");
  EXPECT_EQ(run("sunionstore d integers mixed"), ":301");
  EXPECT_EQ(encoding("d"), "\"hashtable\"");
  EXPECT_EQ(run("sdiffstore d integers big"), ":297");
  EXPECT_EQ(encoding("d"), "\"intset\"");
  EXPECT_EQ(run("sdiffstore d mixed integers"), ":1");
  EXPECT_EQ(run("smembers d"), "[\"x\"]");
}

TEST_F(SetCommandsTest, WhatIsStoredTakesThePlaceOfAnything) {
  run("sadd s a b");
  run("set d string ex 100");
  EXPECT_EQ(run("sunionstore d s"), ":2");
  EXPECT_EQ(run("ttl d"), ":-1");
  EXPECT_EQ(run("sinterstore s s"), ":2") << "its own source";
  EXPECT_EQ(run("sdiffstore d s s"), ":0");
  EXPECT_EQ(run("exists d"), ":0");
  run("set d string");
  const std::string wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value";
  EXPECT_EQ(run("sunionstore s s d"), wrong);
  EXPECT_EQ(run("sinterstore s none d"), wrong) << "though the intersection is empty already";
  EXPECT_EQ(run("sinter none d"), wrong);
  EXPECT_EQ(run("sdiff none d"), wrong);
  EXPECT_EQ(size("s"), 2);
}

// A source that has expired is found out in the middle, and goes.
TEST_F(SetCommandsTest, ExpiredSourcesAreEmpty) {
  run("sadd a 1 2 3");
  run("sadd b 2 3");
  run("pexpire b 10");
  advance_ms(20);
  EXPECT_EQ(run("sunion a b a"), "[\"1\", \"2\", \"3\"]");
  run("sadd b 2 3");
  run("pexpire b 10");
  advance_ms(20);
  EXPECT_EQ(run("sinter a b"), "[]");
  EXPECT_EQ(run("sdiffstore d a b"), ":3");
}

TEST_F(SetCommandsTest, IntersectionsAreCountedUpToALimit) {
  add("a", "", 100);
  add("b", "", 50);
  EXPECT_EQ(run("sintercard 2 a b"), ":50");
  EXPECT_EQ(run("sintercard 2 a b limit 10"), ":10");
  EXPECT_EQ(run("sintercard 2 a b limit 0"), ":50");
  EXPECT_EQ(run("sintercard 2 a b limit 60"), ":50");
  EXPECT_EQ(run("sintercard 2 a none"), ":0");
  EXPECT_EQ(run("sintercard 0 a b"), "-ERR numkeys should be greater than 0");
  EXPECT_EQ(run("sintercard 3 a b"), "-ERR Number of keys can't be greater than number of args");
  EXPECT_EQ(run("sintercard 2 a b limit -1"), "-ERR LIMIT can't be negative");
  EXPECT_EQ(run("sintercard 2 a b limit"), "-ERR syntax error");
  EXPECT_EQ(run("sintercard 1 a b"), "-ERR syntax error");
}

TEST_F(SetCommandsTest, PopsAreTakenOutWhateverTheirShare) {
  for (const char* prefix : {"", "m"}) {
    for (const int members : {20, 100, 1000}) {
      for (const int percent : {0, 1, 30, 60, 90, 99, 100, 200}) {
        add("s", prefix, members);
        run("expire s 100");
        const int count = members * percent / 100;
        const std::string popped = run(fmt::format("spop s {}", count));
        const int expected = std::min(count, members);
        EXPECT_EQ(occurrences(popped, "\""), 2u * static_cast<size_t>(expected));
        EXPECT_EQ(size("s"), members - expected);
        EXPECT_EQ(run("ttl s"), expected < members ? ":100" : ":-2");
        for (int i = 0; i < members; i++) {
          const std::string member = fmt::format("{}{}", prefix, i);
          const bool gone = popped.find("\"" + member + "\"") != std::string::npos;
          ASSERT_EQ(run("sismember s " + member), gone ? ":0" : ":1") << member;
        }
        run("del s");
      }
    }
  }
}

TEST_F(SetCommandsTest, PopsOfLittleWorthAreRepliedToAsWell) {
  EXPECT_EQ(run("spop none"), "nil");
  EXPECT_EQ(run("spop none 5"), "[]");
  run("sadd s a");
  EXPECT_EQ(run("spop s 0"), "[]");
  EXPECT_EQ(run("spop s -1"), "-ERR value is out of range, must be positive");
  EXPECT_EQ(run("spop s x"), "-ERR value is out of range, must be positive");
  EXPECT_EQ(run("spop s 1 2"), "-ERR syntax error");
  EXPECT_EQ(dirty_of("spop s 7"), 1u);
  use_resp3();
  run("sadd s a");
  EXPECT_EQ(run("spop none 5"), "~[]");
  EXPECT_EQ(run("srandmember s 5"), "[\"a\"]");
  EXPECT_EQ(run("smembers s"), "~[\"a\"]");
  EXPECT_EQ(run("spop s 5"), "~[\"a\"]");
}

TEST_F(SetCommandsTest, MovesTakeAndGive) {
  run("sadd a 1 2");
  EXPECT_EQ(run("smove a b 1"), ":1");
  EXPECT_EQ(run("smove a b 1"), ":0");
  EXPECT_EQ(run("smove a a 2"), ":1");
  EXPECT_EQ(run("smove none b 2"), ":0");
  EXPECT_EQ(run("smembers b"), "[\"1\"]");
  run("set s v");
  EXPECT_EQ(run("smove a s 2"), "-WRONGTYPE Operation against a key holding the wrong kind of value");
  EXPECT_EQ(run("smove none s 2"), ":0") << "nothing to move: Redis looks no further";
  EXPECT_EQ(dirty_of("smove a b 2"), 2u);
  EXPECT_EQ(run("exists a"), ":0");
  EXPECT_EQ(run("smismember b 1 x 2"), "[:1, :0, :1]");
}

TEST_F(SetCommandsTest, AnythingElseIsOfTheWrongType) {
  run("set s v");
  for (const char* line :
       {"sadd s a", "srem s a", "sismember s a", "smismember s a", "scard s", "smembers s", "spop s", "spop s 1",
        "srandmember s", "srandmember s 1", "sinter s", "sunion s", "sdiff s", "sintercard 1 s", "sscan s 0"}) {
    EXPECT_EQ(run(line), "-WRONGTYPE Operation against a key holding the wrong kind of value") << line;
  }
}

}  // namespace
}  // namespace cowslip::commands
