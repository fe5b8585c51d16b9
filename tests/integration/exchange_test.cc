// Snapshot files go both ways between Cowslip and redis-server, with every key, value and expiry.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

// Lists, sets, hashes and sorted sets in each of their forms.
void fill_aggregates(Client& client) {
  for (const int size : {1, 100, 130, 600, 3000}) {
    const std::string suffix = std::to_string(size);
    Arguments list = {"RPUSH", "list:" + suffix}, set = {"SADD", "set:" + suffix}, hash = {"HSET", "hash:" + suffix};
    Arguments integers = {"SADD", "integers:" + suffix}, sorted = {"ZADD", "sorted:" + suffix};
    for (int i = 0; i < size; i++) {
      const std::string number = std::to_string(i), element = i % 4 == 0 ? number : "element " + number;
      list.push_back(element);
      set.push_back(element);
      hash.insert(hash.end(), {element, i % 3 == 0 ? number : std::string(static_cast<size_t>(i % 60), 'v')});
      integers.push_back(std::to_string(i * int64_t{1'000'003} - 50'000'000));
      sorted.insert(sorted.end(), {i % 3 == 0 ? number + ".25" : "-" + number, element});
    }
    for (const Arguments& command : {list, set, hash, integers, sorted}) {
      ASSERT_FALSE(client.command(command).is_error()) << command[0];
    }
  }
  const std::string long_one(100'000, 'l');
  client("RPUSH", "long:list", long_one, "", long_one);
  client("SADD", "long:set", long_one, "", std::string("\0\r\n\xff", 4));
  client("HSET", "long:hash", long_one, long_one, "", "");
  client("ZADD", "long:sorted", "inf", long_one, "-inf", "", "-0", "zero", "1e-300", "small", "1e17", "large");
  for (const char* key : {"list:3000", "set:1", "hash:600", "sorted:100"}) client("PEXPIREAT", key, "4102444800123");
}

// One string of every kind that the format treats differently, and aggregates.
void fill(const ServerProcess& server) {
  Client client = server.client();
  Random random(7);
  for (const int64_t number : {0L, 1L, -1L, 127L, 128L, -128L, -129L, 32767L, 32768L, -32768L, -32769L, 2147483647L,
                               2147483648L, -2147483648L, -2147483649L, INT64_MAX, INT64_MIN}) {
    client("SET", "integer:" + std::to_string(number), std::to_string(number));
  }
  // Lengths around the limits of 6, 14 and 32 bits' forms, compressible and not.
  for (const size_t length : {0, 1, 19, 20, 21, 44, 45, 63, 64, 65, 16383, 16384, 16385, 100'000, 1'500'000}) {
    const std::string suffix = std::to_string(length);
    client("SET", "same:" + suffix, std::string(length, 'a'));
    std::string noise(length, '\0');
    for (char& c : noise) c = static_cast<char>(random.below(256));
    client("SET", "noise:" + suffix, noise);
    std::string mixed;
    while (mixed.size() < length) mixed += "phrase " + std::to_string(random.below(100)) + ", ";
    client("SET", "mixed:" + suffix, mixed);
  }
  for (const char* odd : {"007", "+1", "-0", " 1", "1 ", "1.5", "9223372036854775808"}) {
    client("SET", std::string("odd:") + odd, odd);
  }
  client("SET", std::string("binary\0key\r\n\xff", 13), std::string("\0\1\2", 3));
  client("SET", "", "the empty key");
  client("SET", std::string(70'000, 'k'), "a long key");
  client("SET", "12345", "a key that looks like a number");
  fill_aggregates(client);
  client("SET", "mortal:ms", "v", "PXAT", "4102444800123");
  client("SET", "mortal:s", "v", "EXAT", "4102444800");
  client("SET", "mortal:integer", "42", "PXAT", "9999999999999");
  for (const char* database : {"1", "7", "15"}) {
    client("SELECT", database);
    client("SET", "here", database);
    client("SET", "mortal", database, "PXAT", "4102444800000");
  }
}

void expect_same_data(const ServerProcess& loaded, const ServerProcess& original) {
  EXPECT_EQ(describe_difference(read_dataset(loaded), read_dataset(original), {.expiry_ms = 0, .encoding = true}), "");
  EXPECT_EQ(loaded.client()("DEBUG", "DIGEST"), original.client()("DEBUG", "DIGEST"));
}

class Exchange : public ::testing::TestWithParam<std::vector<std::string>> {};

TEST_P(Exchange, RedisLoadsOurs) {
  const ServerProcess ours({.directives = GetParam()});
  fill(ours);
  ASSERT_EQ(background_save(ours), "ok");
  EXPECT_EQ(check_rdb(ours.snapshot_path()), "");
  const ServerProcess redis({.binary = kRedisBinary, .snapshot = read_file(ours.snapshot_path())});
  expect_same_data(redis, ours);
}

TEST_P(Exchange, WeLoadRedis) {
  const ServerProcess redis({.directives = GetParam(), .binary = kRedisBinary});
  fill(redis);
  ASSERT_TRUE(redis.client()("SAVE").is_ok());
  const ServerProcess ours({.snapshot = read_file(redis.snapshot_path())});
  expect_same_data(ours, redis);
}

INSTANTIATE_TEST_SUITE_P(Settings, Exchange,
                         ::testing::Values(std::vector<std::string>{},
                                           std::vector<std::string>{"--rdbcompression", "no"},
                                           std::vector<std::string>{"--rdbchecksum", "no"}));

// Redis then writes how long each key has been idle, or how often it was used.
TEST(Exchange, WeLoadFilesWithEvictionHints) {
  for (const char* policy : {"allkeys-lru", "allkeys-lfu"}) {
    const ServerProcess redis({.directives = {"--maxmemory-policy", policy}, .binary = kRedisBinary});
    fill(redis);
    ASSERT_TRUE(redis.client()("SAVE").is_ok());
    const ServerProcess ours({.snapshot = read_file(redis.snapshot_path())});
    expect_same_data(ours, redis);
  }
}

// Smaller nodes would cost Redis memory, and greater ones time.
TEST(Exchange, RedisGetsListsInNodesLikeItsOwn) {
  const ServerProcess ours;
  Client client = ours.client();
  for (int i = 0; i < 400; i++) {
    Arguments push = {"RPUSH", "short"};
    for (int j = 0; j < 50; j++) push.push_back("element " + std::to_string(50 * i + j));
    client.command(push);
  }
  for (int i = 0; i < 40; i++) client("LPUSH", "long", std::string(5000, 'x'));
  ASSERT_EQ(background_save(ours), "ok");
  const ServerProcess redis({.binary = kRedisBinary, .snapshot = read_file(ours.snapshot_path())});
  expect_same_data(redis, ours);
  const auto nodes = [&](const std::string& key) {
    const std::string object = redis.client()("DEBUG", "OBJECT", key).text;
    return std::stoi(object.substr(object.find("ql_nodes:") + 9));
  };
  EXPECT_THAT(nodes("short"), AllOf(Ge(32), Le(40)));  // 275 kB
  EXPECT_THAT(nodes("long"), AllOf(Ge(20), Le(40)));
}

TEST(Exchange, OurOwnFilesComeBack) {
  ServerProcess server;
  fill(server);
  const Dataset before = read_dataset(server);
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  server.kill_hard();
  server.start_again();
  EXPECT_EQ(describe_difference(read_dataset(server), before, {.expiry_ms = 0, .encoding = true}), "");
}

TEST(Exchange, CompressionSavesSpace) {
  const ServerProcess server;
  server.client()("SET", "k", std::string(1'000'000, 'x'));
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  const size_t compressed = read_file(server.snapshot_path()).size();
  ASSERT_TRUE(server.client()("CONFIG", "SET", "rdbcompression", "no").is_ok());
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  EXPECT_LT(compressed, 50'000u);
  EXPECT_GT(read_file(server.snapshot_path()).size(), 1'000'000u);
}

TEST(Exchange, FileSaysVersionTenAndWhoWroteIt) {
  const ServerProcess server;
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  const std::string bytes = read_file(server.snapshot_path());
  EXPECT_TRUE(bytes.starts_with("REDIS0010"));
  for (const char* field : {"redis-ver", "redis-bits", "ctime", "used-mem"}) {
    EXPECT_NE(bytes.find(field), std::string::npos) << field;
  }
}

}  // namespace
}  // namespace cowslip::testing
