// maxmemory on a real server: every policy keeps to it, in a save as well, and says so.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using ::testing::HasSubstr;

constexpr const char* kOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'.";
constexpr int64_t kMegabyte = 1 << 20;

int64_t info(const ServerProcess& server, std::string_view field) {
  return info_number(server.info(), field);
}

// Sets maxmemory to what is in use and so much more.
int64_t limit_to(const ServerProcess& server, int64_t more) {
  const int64_t limit = info(server, "used_memory") + more;
  EXPECT_TRUE(server.client()("CONFIG", "SET", "maxmemory", std::to_string(limit)).is_ok());
  return limit;
}

// SETs keys of 1000 bytes, pipelined; every other one expires, some day. Returns how many were refused.
int write_keys(const ServerProcess& server, int from, int count, bool expiring) {
  Client client = server.client();
  int refused = 0;
  for (int i = from; i < from + count; i++) {
    const std::string key = "key:" + std::to_string(i);
    const std::string value(1000, 'x');
    const Reply reply =
        expiring ? client("SET", key, value, "EX", std::to_string(10'000 + i % 100)) : client("SET", key, value);
    refused += reply == Reply::error(kOutOfMemory);
  }
  return refused;
}

class EveryPolicy : public ::testing::TestWithParam<const char*> {};

TEST_P(EveryPolicy, KeepsToMaxMemory) {
  const std::string policy = GetParam();
  const bool volatile_only = policy.starts_with("volatile");
  const ServerProcess server({.directives = {"--maxmemory-policy", policy}});
  Client client = server.client();
  for (int i = 0; i < 10; i++) client("SET", "stays:" + std::to_string(i), "v");
  const int64_t limit = limit_to(server, 2 * kMegabyte);
  EXPECT_EQ(write_keys(server, 0, 6000, true), 0);
  EXPECT_LE(info(server, "used_memory"), limit + kMegabyte / 4);
  EXPECT_GT(info(server, "evicted_keys"), 3000);
  EXPECT_GT(client("DBSIZE").integer, 1000) << "no more goes than has to";
  // Both questions in one transaction: between them, a client that comes may cost a key.
  client("MULTI");
  client("DBSIZE");
  client("INFO", "stats");
  const Reply both = client("EXEC");
  ASSERT_EQ(both.elements.size(), 2u);
  EXPECT_EQ(both.elements[0].integer + info_number(both.elements[1].text, "evicted_keys"), 6010);
  if (volatile_only) {
    EXPECT_EQ(client("EXISTS", "stays:0", "stays:1", "stays:2", "stays:3", "stays:4").integer, 5);
    // Once nothing is left that may go, what needs memory is refused, and the rest is served.
    EXPECT_GT(write_keys(server, 6000, 6000, false), 0);
    EXPECT_EQ(client("SET", "k", "v"), Reply::error(kOutOfMemory));
    EXPECT_TRUE(client("GET", "stays:0").text == "v");
    EXPECT_GT(info(server, "current_eviction_exceeded_time"), -1);
    EXPECT_EQ(client("DEL", "stays:0").integer, 1);
  }
  EXPECT_THAT(server.info("memory"), HasSubstr("maxmemory_policy:" + policy));
}
INSTANTIATE_TEST_SUITE_P(Policies, EveryPolicy,
                         ::testing::Values("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
                                           "volatile-lfu", "volatile-random", "volatile-ttl"));

TEST(Eviction, WhatIsUsedStays) {
  for (const char* policy : {"allkeys-lru", "allkeys-lfu"}) {
    const ServerProcess server({.directives = {"--maxmemory-policy", policy, "--maxmemory-samples", "10"}});
    Client client = server.client();
    EXPECT_EQ(write_keys(server, 0, 500, false), 0);
    limit_to(server, 2 * kMegabyte);
    for (int round = 0; round < 12; round++) {
      for (int i = 0; i < 100; i++) client("GET", "key:" + std::to_string(i));
      EXPECT_EQ(write_keys(server, 1000 + round * 300, 300, false), 0);
      sleep_ms(300);  // LRU's clock has seconds: what is written in one of them is equally old
    }
    int kept = 0;
    for (int i = 0; i < 100; i++) kept += static_cast<int>(client("EXISTS", "key:" + std::to_string(i)).integer);
    EXPECT_GT(kept, 90) << policy;
  }
}

TEST(Eviction, ASmallerLimitIsReachedWithoutACommand) {
  const ServerProcess server(
      {.directives = {"--maxmemory-policy", "allkeys-random", "--maxmemory-eviction-tenacity", "0"}});
  populate(server, 20'000, 1000);
  const int64_t used = info(server, "used_memory");
  ASSERT_TRUE(server.client()("CONFIG", "SET", "maxmemory", std::to_string(used / 2)).is_ok());
  EXPECT_TRUE(server.log_has("The new maxmemory of"));
  // A command evicts sixteen keys with this tenacity: these have gone between commands.
  sleep_ms(patience(std::chrono::milliseconds(1500)).count());
  EXPECT_GT(info(server, "evicted_keys"), 5000);
  EXPECT_TRUE(eventually([&] { return info(server, "used_memory") <= used / 2; }));
  EXPECT_EQ(info(server, "current_eviction_exceeded_time"), 0);
}

TEST(Eviction, TimeAboveTheLimitIsCounted) {
  const ServerProcess server({.directives = {"--maxmemory", "1"}});
  Client client = server.client();
  EXPECT_EQ(client("SET", "k", "v"), Reply::error(kOutOfMemory));
  sleep_ms(50);
  EXPECT_GE(info(server, "current_eviction_exceeded_time"), 50);
  EXPECT_GE(info(server, "total_eviction_exceeded_time"), 50);
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory", "0").is_ok());
  EXPECT_TRUE(client("SET", "k", "v").is_ok());
  EXPECT_EQ(info(server, "current_eviction_exceeded_time"), 0);
  EXPECT_GE(info(server, "total_eviction_exceeded_time"), 50);
  ASSERT_TRUE(client("CONFIG", "RESETSTAT").is_ok());
  EXPECT_EQ(info(server, "total_eviction_exceeded_time"), 0);
}

// A big aggregate is freed piece by piece: what is on its way counts as room, and takes no other key along.
TEST(Eviction, OneBigAggregateGoesAndNoOther) {
  for (const char* lazy : {"no", "yes"}) {
    const ServerProcess server({.directives = {"--maxmemory-policy", "allkeys-random", "--lazyfree-lazy-eviction", lazy,
                                               "--maxmemory-eviction-tenacity", "0"}});
    Client client = server.client();
    for (int list = 0; list < 8; list++) {
      for (int i = 0; i < 400; i++) {
        Arguments push = {"RPUSH", "list:" + std::to_string(list)};
        for (int element = 0; element < 50; element++) push.push_back(std::string(200, 'e'));
        ASSERT_TRUE(client.command(push).is_integer());
      }
    }
    const int64_t list_bytes = client("MEMORY", "USAGE", "list:0").integer;
    ASSERT_GT(list_bytes, 3 * kMegabyte);
    const int64_t limit = limit_to(server, -list_bytes / 2);
    EXPECT_TRUE(eventually([&] { return info(server, "used_memory") <= limit; }));
    EXPECT_EQ(info(server, "evicted_keys"), 1) << "lazyfree-lazy-eviction " << lazy;
    EXPECT_EQ(client("DBSIZE").integer, 7);
    EXPECT_TRUE(client("SET", "k", "v").is_ok());
  }
}

// What a child still has of evicted keys must not count, or everything would go while a save runs.
TEST(Eviction, DoesNotRunAmokInASave) {
  const ServerProcess server({.directives = {"--maxmemory-policy", "allkeys-lru", "--snapshot-guard", "no"}});
  Client client = server.client();
  populate(server, 5000, 1000);
  limit_to(server, 0);
  ASSERT_TRUE(client("CONFIG", "SET", "rdb-key-save-delay", "1000000").is_ok());
  ASSERT_FALSE(client("BGSAVE").is_error());
  EXPECT_EQ(write_keys(server, 100'000, 10'000, false), 0);
  ASSERT_NE(server.child(), 0) << "the save is still at work";
  EXPECT_GT(client("DBSIZE").integer, 4500) << "one goes for each that comes";
  EXPECT_GE(info(server, "evicted_keys"), 9900);
  const Reply causes = client("SNAPSHOT", "CAUSES");
  bool evicting = false;
  for (const Reply& row : causes.find("causes")->elements) evicting |= row.find("reason")->text == "evict";
  EXPECT_TRUE(evicting) << causes;
}

// Each key that goes is an event, and a key that had an expiry besides is evicted nevertheless, and not expired.
TEST(Eviction, EvictedKeysAreEvents) {
  const ServerProcess server(
      {.directives = {"--maxmemory-policy", "volatile-ttl", "--notify-keyspace-events", "Exeg"}});
  EXPECT_EQ(write_keys(server, 0, 100, true), 0);
  Connection listener = server.connection();
  listener("PSUBSCRIBE", "__keyevent@0__:evicted");
  listener("PSUBSCRIBE", "__keyevent@0__:expired");
  listener("PSUBSCRIBE", "__keyevent@0__:del");
  ASSERT_TRUE(server.client()("CONFIG", "SET", "maxmemory", "1").is_ok());
  EXPECT_EQ(server.client()("GET", "key:0").kind, Reply::Kind::kNull);
  for (int i = 0; i < 100; i++) ASSERT_EQ(listener.read().elements.at(2).text, "__keyevent@0__:evicted") << i;
  EXPECT_TRUE(listener.silent_for(std::chrono::milliseconds(50)));
  EXPECT_EQ(info(server, "evicted_keys"), 100);
  EXPECT_EQ(info(server, "expired_keys"), 0);
}

TEST(Eviction, PausedClientsFindTheirKeys) {
  const ServerProcess server({.directives = {"--maxmemory-policy", "allkeys-random"}});
  Client client = server.client();
  populate(server, 1000, 1000);
  ASSERT_TRUE(client("CLIENT", "PAUSE", "100000", "WRITE").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory", "1").is_ok());
  EXPECT_EQ(client("DBSIZE").integer, 1000);
  ASSERT_TRUE(client("CLIENT", "UNPAUSE").is_ok());
  EXPECT_TRUE(eventually([&] { return client("DBSIZE").integer == 0; }));
}

TEST(Eviction, PoliciesSwitchAtRuntime) {
  const ServerProcess server;
  Client client = server.client();
  client("SET", "k", "v");
  EXPECT_TRUE(client("OBJECT", "FREQ", "k").text.starts_with("ERR An LFU maxmemory policy is not selected"));
  EXPECT_EQ(client("OBJECT", "IDLETIME", "k"), Reply::of_integer(0));
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu", "lfu-log-factor", "0").is_ok());
  EXPECT_TRUE(client("OBJECT", "IDLETIME", "k").text.starts_with("ERR An LFU maxmemory policy is selected"));
  client("DEL", "k");
  client("SET", "k", "v");
  EXPECT_EQ(client("OBJECT", "FREQ", "k"), Reply::of_integer(5));
  for (int i = 0; i < 3; i++) client("GET", "k");
  EXPECT_EQ(client("OBJECT", "FREQ", "k"), Reply::of_integer(8)) << "factor 0: each use counts";
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory-policy", "volatile-lru").is_ok());
  EXPECT_EQ(client("OBJECT", "IDLETIME", "k").kind, Reply::Kind::kInteger);
}

TEST(Eviction, LongCyclesAreEvents) {
  const ServerProcess server({.directives = {"--maxmemory-policy", "allkeys-random", "--maxmemory-eviction-tenacity",
                                             "100", "--latency-monitor-threshold", "1"}});
  populate(server, 20'000, 100);
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory", "1").is_ok());
  EXPECT_EQ(client("SET", "k", "v"), Reply::error(kOutOfMemory));
  EXPECT_EQ(client("DBSIZE").integer, 0);
  EXPECT_FALSE(client("LATENCY", "HISTORY", "eviction-cycle").elements.empty());
}

}  // namespace
}  // namespace cowslip::testing
