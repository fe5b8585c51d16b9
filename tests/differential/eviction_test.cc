// Short of memory, both servers refuse the same commands with the same words, whatever the policy; and what OBJECT says
// of a key's use depends on the policy alike.
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

constexpr const char* kPolicies[] = {"noeviction",   "allkeys-lru",  "allkeys-lfu",     "allkeys-random",
                                     "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"};

class Pair {
 public:
  // Both are asked the same and must say the same.
  Reply ask(const std::vector<std::string>& words) {
    const Reply ours = run(ours_, words);
    const Reply theirs = run(theirs_, words);
    EXPECT_EQ(ours, theirs) << words[0] << ' ' << (words.size() > 1 ? words[1] : "");
    return ours;
  }

 private:
  static Reply run(Client& client, const std::vector<std::string>& words) { return client.command(words); }

  ServerProcess cowslip_;
  ServerProcess redis_{{.binary = kRedisBinary}};
  Client ours_ = cowslip_.client();
  Client theirs_ = redis_.client();
};

TEST(DifferentialEviction, TheSameCommandsAreRefused) {
  Pair pair;
  pair.ask({"SET", "text", "v"});
  pair.ask({"SET", "number", "1"});
  ASSERT_TRUE(pair.ask({"CONFIG", "SET", "maxmemory", "1"}).is_ok());
  const std::vector<std::vector<std::string>> requests = {
      {"SET", "k", "v"},
      {"SETNX", "k", "v"},
      {"SETEX", "k", "10", "v"},
      {"PSETEX", "k", "10", "v"},
      {"GETSET", "text", "v"},
      {"MSET", "a", "1"},
      {"MSETNX", "a", "1"},
      {"APPEND", "text", "x"},
      {"INCR", "number"},
      {"DECR", "number"},
      {"INCRBY", "number", "2"},
      {"DECRBY", "number", "2"},
      {"INCRBYFLOAT", "number", "1.5"},
      {"SETRANGE", "text", "0", "x"},
      {"SETBIT", "text", "0", "1"},
      {"BITFIELD", "text", "GET", "u8", "0"},
      {"BITFIELD_RO", "text", "GET", "u8", "0"},
      {"BITOP", "NOT", "text", "text"},
      {"GETBIT", "text", "0"},
      {"PFADD", "log", "a"},
      {"PFMERGE", "log", "log"},
      {"PFCOUNT", "log"},

      {"COPY", "text", "other"},
      {"GETEX", "text"},
      {"GETDEL", "nosuch"},
      {"RENAME", "text", "moved"},
      {"MOVE", "moved", "1"},
      {"EXPIRE", "number", "100"},
      {"PERSIST", "number"},
      {"GET", "number"},
      {"DEL", "nosuch"},
      {"UNLINK", "nosuch"},
      {"TOUCH", "number"},
      {"TYPE", "number"},
      {"RESTORE", "k", "0", "x"},
      {"SET", "k"},
      {"NOSUCH"},
      {"PING"},
      {"GETRANGE", "number", "0", "-1"},
      {"STRLEN", "number"},
      {"OBJECT", "ENCODING", "number"},
  };
  for (const auto& request : requests) pair.ask(request);
  for (const char* policy : {"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"}) {
    pair.ask({"PERSIST", "number"});
    ASSERT_TRUE(pair.ask({"CONFIG", "SET", "maxmemory-policy", policy}).is_ok());
    for (const auto& request : requests) pair.ask(request);
    EXPECT_EQ(pair.ask({"EXISTS", "number"}), Reply::of_integer(0)) << "EXPIRE was among the requests: it may go";
    ASSERT_TRUE(pair.ask({"CONFIG", "SET", "maxmemory", "0"}).is_ok());
    pair.ask({"SET", "number", "1"});
    ASSERT_TRUE(pair.ask({"CONFIG", "SET", "maxmemory", "1"}).is_ok());
  }
  ASSERT_TRUE(pair.ask({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"}).is_ok());
  pair.ask({"GET", "number"});  // has every key evicted, and there is too much in use still
  EXPECT_EQ(pair.ask({"DBSIZE"}), Reply::of_integer(0));
  EXPECT_TRUE(pair.ask({"SET", "k", "v"}).is_error());
}

TEST(DifferentialEviction, HowAKeyIsUsedIsToldByPolicy) {
  Pair pair;
  for (const char* policy : kPolicies) {
    ASSERT_TRUE(pair.ask({"CONFIG", "SET", "maxmemory-policy", policy, "lfu-log-factor", "0"}).is_ok());
    EXPECT_EQ(pair.ask({"CONFIG", "GET", "maxmemory-policy"}).elements.size(), 2u);
    pair.ask({"DEL", "k", "restored"});
    pair.ask({"SET", "k", "v"});  // not a small integer: Redis shares those, and counts nobody's use
    for (const char* word : {"FREQ", "IDLETIME", "REFCOUNT", "ENCODING"}) {
      pair.ask({"OBJECT", word, "nosuch"});
      pair.ask({"OBJECT", word, "k"});
      pair.ask({"OBJECT", word});
    }
    pair.ask({"GET", "k"});
    pair.ask({"GET", "k"});
    pair.ask({"OBJECT", "FREQ", "k"});  // 7 where it is counted
    pair.ask({"SET", "k", "w"});
    pair.ask({"OBJECT", "FREQ", "k"});
    pair.ask({"RENAME", "k", "renamed"});
    pair.ask({"OBJECT", "FREQ", "renamed"});
    const std::string payload("\0\xc0\x0c\x0a\0\x03\x5c\xf0\x05\x8e\x4f\x82\x8f", 13);  // not valid: refused alike
    pair.ask({"RESTORE", "restored", "0", payload, "FREQ", "77"});
    pair.ask({"RESTORE", "restored", "0", payload, "FREQ", "256"});
    pair.ask({"RESTORE", "restored", "0", payload, "IDLETIME", "-1"});
  }
}

// How often a key was used, after commands that look at it and then write it: each is one use, as in Redis.
TEST(DifferentialEviction, ACommandIsOneUseOfAKey) {
  Pair pair;
  // With a maxmemory Redis gives each key a number of its own, so that uses of it are counted.
  const std::vector<std::string> settings = {"CONFIG", "SET", "maxmemory", "1gb", "maxmemory-policy", "allkeys-lfu"};
  ASSERT_TRUE(pair.ask(settings).is_ok());
  ASSERT_TRUE(pair.ask({"CONFIG", "SET", "lfu-log-factor", "0", "lfu-decay-time", "0"}).is_ok());
  const std::vector<std::vector<std::string>> requests = {
      {"SET", "k", "7"},
      {"INCR", "k"},
      {"INCRBY", "k", "5"},
      {"DECR", "k"},
      {"INCRBY", "k", "1000000"},
      {"INCR", "k"},
      {"INCRBYFLOAT", "k", "1"},
      {"SET", "k", "x", "XX"},
      {"SET", "k", "x", "NX"},
      {"SET", "k", "x", "EX", "100"},
      {"SET", "k", "x", "GET"},
      {"SETNX", "k", "x"},
      {"SETEX", "k", "100", "text"},
      {"GETSET", "k", "text"},
      {"MSET", "k", "text"},
      {"APPEND", "k", "more"},
      {"APPEND", "k", ""},
      {"SETRANGE", "k", "2", "xyz"},
      {"SETRANGE", "k", "2", ""},
      {"SETBIT", "k", "3", "1"},
      {"SETBIT", "k", "3", "1"},
      {"SETBIT", "k", "3000", "1"},
      {"BITFIELD", "k", "SET", "u8", "0", "200", "INCRBY", "u8", "8", "1"},
      {"BITOP", "NOT", "k", "other"},
      {"SET", "other", "text"},
      {"SET", "k", "text"},
      {"BITOP", "NOT", "k", "other"},
      {"BITOP", "OR", "k", "k", "other"},
      {"EXPIRE", "k", "100"},
      {"PERSIST", "k"},
      {"GETEX", "k", "EX", "100"},
      {"TOUCH", "k"},
      {"STRLEN", "k"},
      {"DEL", "k"},
      {"PFADD", "k", "a", "b", "c"},
      {"PFADD", "k", "a"},
      {"PFADD", "k", "d"},
      {"PFCOUNT", "k"},
      {"PFCOUNT", "k"},
      {"PFMERGE", "k", "k"},
      {"PFMERGE", "k"},
      {"DEL", "k"},
      {"RPUSH", "k", "a", "b", "c", "d"},
      {"LPUSH", "k", "e"},
      {"RPUSHX", "k", "f"},
      {"LSET", "k", "0", "g"},
      {"LINSERT", "k", "BEFORE", "a", "h"},
      {"LINSERT", "k", "BEFORE", "none", "h"},
      {"LREM", "k", "0", "h"},
      {"LREM", "k", "0", "none"},
      {"LPOP", "k"},
      {"LTRIM", "k", "0", "2"},
      {"LMOVE", "k", "k", "LEFT", "RIGHT"},
      {"LRANGE", "k", "0", "-1"},
      {"LLEN", "k"},
      {"DEL", "k"},
      {"ZADD", "k", "1", "a", "2", "b", "3", "c"},
      {"ZADD", "k", "XX", "1", "none"},
      {"ZADD", "k", "1", "a"},
      {"ZINCRBY", "k", "5", "a"},
      {"ZREM", "k", "a"},
      {"ZREM", "k", "none"},
      {"ZPOPMIN", "k"},
      {"ZSCORE", "k", "c"},
      {"ZREMRANGEBYRANK", "k", "5", "6"},
      {"ZADD", "k", "1", "a"},
      {"ZREMRANGEBYSCORE", "k", "1", "1"},
      {"ZRANGESTORE", "k", "k", "0", "-1"},
  };
  for (const auto& request : requests) {
    SCOPED_TRACE(::testing::PrintToString(request));
    pair.ask(request);
    pair.ask({"OBJECT", "FREQ", "k"});
  }
}

TEST(DifferentialEviction, SettingsTakeTheSameValues) {
  Pair pair;
  const std::vector<std::pair<const char*, const char*>> values = {{"maxmemory", "100mb"},
                                                                   {"maxmemory", "-1"},
                                                                   {"maxmemory", "1x"},
                                                                   {"maxmemory", "0"},
                                                                   {"maxmemory-policy", "huh"},
                                                                   {"maxmemory-policy", "VOLATILE-TTL"},
                                                                   {"maxmemory-samples", "0"},
                                                                   {"maxmemory-samples", "64"},
                                                                   {"maxmemory-eviction-tenacity", "101"},
                                                                   {"maxmemory-eviction-tenacity", "-1"},
                                                                   {"maxmemory-eviction-tenacity", "100"},
                                                                   {"lfu-log-factor", "-1"},
                                                                   {"lfu-log-factor", "100"},
                                                                   {"lfu-decay-time", "0"},
                                                                   {"lfu-decay-time", "x"},
                                                                   {"lazyfree-lazy-eviction", "yes"},
                                                                   {"lazyfree-lazy-eviction", "2"}};
  for (const auto& [name, value] : values) {
    pair.ask({"CONFIG", "SET", name, value});
    pair.ask({"CONFIG", "GET", name});
  }
}

}  // namespace
}  // namespace cowslip::testing
