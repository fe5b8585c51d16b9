// What only shows with many keys: expiry that keeps up, and SCAN's promise while the dataset changes.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "base/random.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

constexpr int kShortLived = 200'000;

void add_short_lived(Client& client) {
  Random random(1);
  for (int i = 0; i < kShortLived; ++i) {
    client.append({"SET", "mortal:" + std::to_string(i), "v", "PX", std::to_string(1 + random.below(3000))});
    if (i % 1000 == 999) {
      for (int left = 0; left < 1000; ++left) client.read();
    }
  }
}

TEST(Expiry, UntouchedKeysVanishInTime) {
  const ServerProcess server;
  Client client = server.client();
  populate(server, 100, 10, "immortal:");
  add_short_lived(client);
  // Nobody looks at the keys; the server has to find them itself, soon after the last one's three seconds.
  EXPECT_TRUE(eventually([&] { return client("DBSIZE").integer == 100; }, std::chrono::seconds(15)))
      << client("DBSIZE").integer;
  EXPECT_EQ(info_number(client("INFO", "stats").text, "expired_keys"), kShortLived);
  EXPECT_EQ(info_field(client("INFO", "keyspace").text, "db0"), "keys=100,expires=0,avg_ttl=0");
}

TEST(Expiry, ServerAnswersWhileManyKeysExpireAtOnce) {
  const ServerProcess server;
  Client client = server.client();
  const std::string moment = std::to_string((std::time(nullptr) + 3) * 1000);
  for (int i = 0; i < 100'000; ++i) {
    client.append({"SET", std::to_string(i), "v", "PXAT", moment});
    if (i % 1000 == 999) {
      for (int left = 0; left < 1000; ++left) client.read();
    }
  }
  auto slowest = std::chrono::steady_clock::duration::zero();
  const bool gone = eventually([&] {
    const auto start = std::chrono::steady_clock::now();
    const int64_t size = client("DBSIZE").integer;
    slowest = std::max(slowest, std::chrono::steady_clock::now() - start);
    return size == 0;
  });
  EXPECT_TRUE(gone);
  EXPECT_LT(slowest, patience(std::chrono::seconds(2)));
}

TEST(Expiry, ExpiredKeysAreGoneForEveryReaderAtOnce) {
  const ServerProcess server;
  Client client = server.client();
  client("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  client("SET", "k", "v", "PX", "20");
  EXPECT_EQ(client("GET", "k"), Reply::bulk("v"));
  sleep_ms(60);
  EXPECT_TRUE(client("KEYS", "*").elements.empty());
  EXPECT_TRUE(client("SCAN", "0", "COUNT", "1000").elements.at(1).elements.empty());
  EXPECT_TRUE(client("RANDOMKEY").is_null());
  EXPECT_TRUE(client("GET", "k").is_null());
}

TEST(Scan, KeysThatStayAreSeenWhileTheTableGrows) {
  const ServerProcess server;
  populate(server, 3000, 8, "stays:");
  Client client = server.client();
  std::set<std::string> seen;
  std::string cursor = "0";
  int added = 0;
  do {
    const Reply page = client("SCAN", cursor, "COUNT", "20");
    ASSERT_EQ(page.elements.size(), 2u);
    cursor = page.elements[0].text;
    for (const auto& key : page.elements[1].elements) seen.insert(key.text);
    // About 60 000 keys arrive during the walk, so the table doubles several times under it.
    for (int i = 0; i < 400 && added < 60'000; ++i) client.append({"SET", "new:" + std::to_string(added++), "v"});
    for (int i = 0; i < 400 && added <= 60'000; ++i) client.read();
    if (added == 60'000) ++added;
  } while (cursor != "0");
  for (int i = 0; i < 3000; ++i) ASSERT_TRUE(seen.contains("stays:" + std::to_string(i))) << i;
}

TEST(Scan, KeysThatStayAreSeenWhileOthersGo) {
  const ServerProcess server;
  populate(server, 1000, 8, "stays:");
  populate(server, 50'000, 8, "goes:");
  Client client = server.client();
  std::set<std::string> seen;
  std::string cursor = "0";
  int removed = 0;
  do {
    const Reply page = client("SCAN", cursor, "COUNT", "100");
    cursor = page.elements.at(0).text;
    for (const auto& key : page.elements.at(1).elements) seen.insert(key.text);
    for (int i = 0; i < 200; ++i) client("DEL", "goes:" + std::to_string(removed++));
  } while (cursor != "0");
  for (int i = 0; i < 1000; ++i) ASSERT_TRUE(seen.contains("stays:" + std::to_string(i))) << i;
}

TEST(Databases, AsManyAsConfigured) {
  const ServerProcess server({.directives = {"--databases", "4"}});
  Client client = server.client();
  EXPECT_TRUE(client("SELECT", "3").is_ok());
  EXPECT_EQ(client("SELECT", "4"), Reply::error("ERR DB index is out of range"));
}

TEST(Databases, FlushAllAsyncEmptiesAtOnce) {
  const ServerProcess server;
  populate(server, 50'000, 100);
  Client client = server.client();
  EXPECT_TRUE(client("FLUSHALL", "ASYNC").is_ok());
  EXPECT_EQ(client("DBSIZE").integer, 0);
  EXPECT_TRUE(eventually([&] { return info_number(client("INFO", "memory").text, "lazyfree_pending_objects") == 0; }));
  EXPECT_GE(info_number(client("INFO", "memory").text, "lazyfreed_objects"), 50'000);
}

TEST(MaxMemory, WritesAreRefusedAndReadsServed) {
  const ServerProcess server;
  Client client = server.client();
  ASSERT_TRUE(client("SET", "k", "v").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory", "1").is_ok());
  EXPECT_EQ(client("SET", "k", "w"), Reply::error("OOM command not allowed when used memory > 'maxmemory'."));
  EXPECT_EQ(client("GET", "k"), Reply::bulk("v"));
  EXPECT_EQ(client("DEL", "k"), Reply::of_integer(1));
  ASSERT_TRUE(client("CONFIG", "SET", "maxmemory", "0").is_ok());
  EXPECT_TRUE(client("SET", "k", "w").is_ok());
}

}  // namespace
}  // namespace cowslip::testing
