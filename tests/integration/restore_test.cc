// DUMP and RESTORE of every type, to and from redis-server, and of payloads that are damaged.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/crc64.h"
#include "base/random.h"
#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

constexpr size_t kTrailerBytes = 2 + 8;  // version and checksum

// Every type in every form, in redis-server.
void fill(Client& redis) {
  for (const size_t size : {1, 100, 130, 600, 3000}) {
    const std::string suffix = std::to_string(size);
    redis("SET", "string:" + suffix, std::string(size, 's'));
    redis("SET", "number:" + suffix, suffix);
    for (size_t i = 0; i < size; i++) {
      const std::string number = std::to_string(i), element = "element " + number;
      redis.append({"RPUSH", "list:" + suffix, i % 3 == 0 ? number : element});
      redis.append({"SADD", "integers:" + suffix, std::to_string(i * i * i * 1'000'003)});
      redis.append({"SADD", "set:" + suffix, i % 3 == 0 ? number : element});
      redis.append({"HSET", "hash:" + suffix, element, number});
      redis.append(
          {"ZADD", "zset:" + suffix, i % 5 == 0 ? fmt::format("{}", static_cast<double>(i) / 7) : number, element});
    }
    for (size_t i = 0; i < 5 * size; i++) ASSERT_NE(redis.read().kind, Reply::Kind::kError);
  }
  redis("RPUSH", "long:list", std::string(20'000, 'l'), "", std::string(300, 'm'));
  redis("HSET", "long:hash", std::string(20'000, 'f'), std::string(30'000, 'v'), "f", "");
  redis("SADD", "long:set", std::string(20'000, 'f'), "");
  redis("ZADD", "long:zset", "inf", std::string(20'000, 'f'), "-inf", "", "-0", "zero", "1e-300", "small");
}

std::vector<std::string> keys_of(Client& redis) {
  std::vector<std::string> keys;
  for (const Reply& key : redis("KEYS", "*").elements) keys.push_back(key.text);
  return keys;
}

std::string digest_of(Client& client, const std::string& key) {
  return client("DEBUG", "DIGEST-VALUE", key).elements.at(0).text;
}

std::string with_right_checksum(std::string body) {
  body += std::string("\x0a\0", 2);
  const uint64_t checksum = crc64(0, body);
  return body.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
}

class RestoreTest : public ::testing::Test {
 protected:
  RestoreTest() { fill(redis_client_); }

  // Whatever it holds, the data is sound: redis-server loads the same from its file.
  void expect_redis_loads_the_same() {
    ASSERT_TRUE(client_("SAVE").is_ok());
    EXPECT_EQ(check_rdb(server_.snapshot_path()), "");
    const ServerProcess loaded({.binary = kRedisBinary, .snapshot = read_file(server_.snapshot_path())});
    EXPECT_EQ(loaded.client()("DEBUG", "DIGEST"), client_("DEBUG", "DIGEST"));
  }

  const ServerProcess redis_{{.binary = kRedisBinary}};
  const ServerProcess server_;
  Client redis_client_ = redis_.client();
  Client client_ = server_.client();
};

TEST_F(RestoreTest, EveryTypeBothWays) {
  for (const std::string& key : keys_of(redis_client_)) {
    const std::string expected = digest_of(redis_client_, key);
    ASSERT_TRUE(client_("RESTORE", key, "0", redis_client_("DUMP", key).text).is_ok()) << key;
    EXPECT_EQ(digest_of(client_, key), expected) << key;
    EXPECT_EQ(client_("TYPE", key), redis_client_("TYPE", key)) << key;
    ASSERT_TRUE(redis_client_("RESTORE", key, "0", client_("DUMP", key).text, "REPLACE").is_ok()) << key;
    EXPECT_EQ(digest_of(redis_client_, key), expected) << key;
    // Redis 7.2 has listpacks for sets and small lists, which 7.0 had not.
    const bool newer = key.starts_with("set:") || key.find("list:") != std::string::npos || key == "long:set";
    if (!newer) {
      EXPECT_EQ(client_("OBJECT", "ENCODING", key), redis_client_("OBJECT", "ENCODING", key)) << key;
    }
  }
  expect_redis_loads_the_same();
  const Reply before = client_("DEBUG", "DIGEST");
  ASSERT_TRUE(client_("DEBUG", "RELOAD").is_ok());
  EXPECT_EQ(client_("DEBUG", "DIGEST"), before);
}

TEST_F(RestoreTest, WholeKeysGoBetweenDatabases) {
  for (const char* key :
       {"list:3000", "set:3000", "integers:3000", "hash:3000", "zset:3000", "zset:100", "long:hash"}) {
    ASSERT_TRUE(client_("RESTORE", key, "100000", redis_client_("DUMP", key).text).is_ok());
    client_("PERSIST", key);
    const std::string expected = digest_of(redis_client_, key);
    EXPECT_EQ(client_("COPY", key, "copy", "REPLACE"), Reply::of_integer(1));
    EXPECT_EQ(client_("COPY", key, "copy", "DB", "3", "REPLACE"), Reply::of_integer(1));
    EXPECT_EQ(client_("MOVE", key, "5"), Reply::of_integer(1));
    EXPECT_EQ(client_("EXISTS", key), Reply::of_integer(0));
    EXPECT_TRUE(client_("RENAME", "copy", "renamed").is_ok());
    EXPECT_EQ(digest_of(client_, "renamed"), expected) << key;
    EXPECT_GT(client_("MEMORY", "USAGE", "renamed", "SAMPLES", "0").integer, 100) << key;
    for (const auto& [database, name] : {std::pair("3", "copy"), std::pair("5", key)}) {
      client_("SELECT", database);
      EXPECT_EQ(digest_of(client_, name), expected) << key;
    }
    client_("SELECT", "0");
  }
  client_("SWAPDB", "3", "0");
  EXPECT_EQ(digest_of(client_, "copy"), digest_of(redis_client_, "long:hash"));
}

TEST_F(RestoreTest, WhatIsWrongIsSaidAsRedisSaysIt) {
  const std::string payload = redis_client_("DUMP", "hash:600").text;
  const auto body = payload.substr(0, payload.size() - kTrailerBytes);
  std::string wrong = payload;
  wrong[5] ^= 1;
  const std::vector<Arguments> commands = {
      {"RESTORE", "k", "0", wrong},
      {"RESTORE", "k", "0", ""},
      {"RESTORE", "k", "0", with_right_checksum("")},
      {"RESTORE", "k", "0", with_right_checksum(body.substr(0, body.size() / 2))},
      {"RESTORE", "k", "0", with_right_checksum(std::string("\x04\0", 2))},
      {"RESTORE", "k", "0", with_right_checksum(std::string("\x02\2\1a\1a", 6))},
      {"RESTORE", "k", "-1", payload},
      {"RESTORE", "k", "x", payload},
      {"RESTORE", "k", "0", payload, "IDLETIME", "-1"},
      {"RESTORE", "k", "0", payload, "FREQ", "256"},
      {"RESTORE", "k", "0", payload, "IDLETIME", "1", "FREQ", "1"},
      {"RESTORE", "k", "0", payload, "OTHER"},
      {"EXISTS", "k"},
      {"RESTORE", "k", "1", payload, "ABSTTL"},
      {"EXISTS", "k"},
      {"RESTORE", "k", "0", payload, "IDLETIME", "10"},
      {"RESTORE", "k", "0", payload},
      {"RESTORE", "k", "0", wrong, "REPLACE"},
      {"EXISTS", "k"},
      {"RESTORE", "k", "1", payload, "ABSTTL", "REPLACE"},
      {"EXISTS", "k"},
  };
  for (const Arguments& command : commands) {
    EXPECT_EQ(client_.command(command), redis_client_.command(command))
        << command[0] << " " << command[2] << " " << (command.size() > 4 ? command[4] : "");
  }
}

// Bytes are changed, taken out, and doubled, under a checksum that is right: an error, or a value that is sound.
TEST_F(RestoreTest, DamageIsRefusedOrHarmless) {
  Random random(announced_seed("RestoreTest.DamageIsRefusedOrHarmless"));
  int taken = 0, refused = 0;
  for (const std::string& key : keys_of(redis_client_)) {
    const std::string payload = redis_client_("DUMP", key).text;
    const std::string body = payload.substr(0, payload.size() - kTrailerBytes);
    for (int round = 0; round < 60; round++) {
      std::string damaged = body;
      for (uint64_t times = 1 + random.below(3); times > 0 && !damaged.empty(); times--) {
        const size_t at = random.below(std::min<size_t>(damaged.size(), random.below(2) == 0 ? 40 : damaged.size()));
        switch (random.below(5)) {
          case 0:
            damaged[at] = static_cast<char>(random.below(256));
            break;
          case 1:
            damaged.erase(at, 1 + random.below(4));
            break;
          case 2:
            damaged.insert(at, damaged.substr(at, 1 + random.below(20)));
            break;
          case 3:
            damaged.resize(at);
            break;
          default:
            damaged[at] = static_cast<char>(damaged[at] ^ 1 << random.below(8));
        }
      }
      const std::string name = fmt::format("{}:{}", key, round);
      const Reply reply = client_("RESTORE", name, "0", with_right_checksum(damaged));
      ASSERT_TRUE(reply.is_ok() || reply == Reply::error("ERR Bad data format")) << describe(reply);
      ++(reply.is_ok() ? taken : refused);
    }
  }
  EXPECT_GT(taken, 20);
  EXPECT_GT(refused, 200);
  expect_redis_loads_the_same();
}

// They are gone at once, and their memory soon after.
TEST_F(RestoreTest, WhatABigValueTookIsFreedLater) {
  Arguments list = {"RPUSH", "list"}, hash = {"HSET", "hash"}, zset = {"ZADD", "zset"}, set = {"SADD", "set"};
  for (int i = 0; i < 30'000; i++) {
    const std::string number = std::to_string(i), element = "element " + number;
    list.push_back(element);
    hash.insert(hash.end(), {element, "v"});
    zset.insert(zset.end(), {number, element});
    set.push_back(element);
  }
  for (const Arguments& command : {list, hash, zset, set}) {
    redis_client_.command(command);
    ASSERT_TRUE(client_("RESTORE", command[1], "0", redis_client_("DUMP", command[1]).text).is_ok());
  }
  EXPECT_EQ(client_("UNLINK", "list", "hash"), Reply::of_integer(2));
  EXPECT_TRUE(client_("CONFIG", "SET", "lazyfree-lazy-user-del", "yes").is_ok());
  EXPECT_EQ(client_("DEL", "zset"), Reply::of_integer(1));
  EXPECT_TRUE(client_("CONFIG", "SET", "lazyfree-lazy-server-del", "yes").is_ok());
  EXPECT_TRUE(client_("SET", "set", "v").is_ok());
  EXPECT_TRUE(eventually([&] {
    const std::string info = server_.info("memory");
    return info_number(info, "lazyfree_pending_objects") == 0 && info_number(info, "lazyfreed_objects") == 4;
  })) << server_.info("memory");
  const Reply stats = client_("MEMORY", "STATS");
  for (size_t i = 0; i + 1 < stats.elements.size(); i += 2) {
    if (stats.elements[i].text == "engine.nodes.count") {
      EXPECT_EQ(stats.elements[i + 1].integer, 0);
    }
  }
}

}  // namespace
}  // namespace cowslip::testing
