// Files and payloads both ways between us and Debian's redis-server and redis-check-rdb.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "persistence/dump_payload.h"
#include "persistence/rdb_loader.h"
#include "persistence/rdb_saver.h"
#include "tests/support/harness.h"
#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"
#include "tests/unit/persistence/keyspace_fixture.h"

namespace cowslip::persistence {
namespace {

using testing::ServerProcess;

// redis-server writes and loads with this clock, so the keyspace has to live by it.
std::unique_ptr<store::Keyspace> keyspace_of_today() {
  auto keyspace = make_keyspace();
  keyspace->set_now_ms(SystemClock().unix_ms());
  return keyspace;
}

void fill_for_today(store::Keyspace& keyspace, Random& random, int keys) {
  for (int i = 0; i < keys; i++) {
    const int64_t at_ms = keyspace.now_ms() + 100'000'000 + static_cast<int64_t>(random.below(1'000'000'000));
    set(keyspace, static_cast<int>(random.below(16)), "key:" + std::to_string(i), random_value(random),
        random.below(3) == 0 ? at_ms : store::kNoExpiry);
  }
}

testing::Dataset as_dataset(const store::Keyspace& keyspace) {
  testing::Dataset dataset;
  for (const auto& [place, facts] : facts_of(keyspace)) {
    dataset[place] = {"string", facts.value, std::string(store::encoding_name(facts.encoding)), facts.expire_at_ms};
  }
  return dataset;
}

TEST(RedisInterop, RedisAcceptsWhatWeSave) {
  Random random(testing::announced_seed("RedisInterop.RedisAcceptsWhatWeSave"));
  for (const bool compression : {true, false}) {
    auto keyspace = keyspace_of_today();
    fill_for_today(*keyspace, random, 1000);
    ServerProcess redis({.binary = testing::kRedisBinary});
    redis.kill_hard();
    auto saved = save_rdb_file(*keyspace, real_file_system(), redis.snapshot_path(),
                               {.compression = compression, .now_ms = keyspace->now_ms()});
    ASSERT_TRUE(saved.has_value()) << saved.error().message;
    EXPECT_EQ(testing::check_rdb(redis.snapshot_path()), "");
    redis.start_again();
    EXPECT_EQ(testing::describe_difference(as_dataset(*keyspace), testing::read_dataset(redis)), "");
  }
}

TEST(RedisInterop, WeLoadWhatRedisSaves) {
  Random random(testing::announced_seed("RedisInterop.WeLoadWhatRedisSaves"));
  for (const char* compression : {"yes", "no"}) {
    for (const char* policy : {"noeviction", "allkeys-lru", "allkeys-lfu"}) {
      ServerProcess redis({.directives = {"--rdbcompression", compression, "--maxmemory-policy", policy},
                           .binary = testing::kRedisBinary});
      auto client = redis.client();
      for (int i = 0; i < 300; i++) {
        if (random.below(8) == 0) (void)client("SELECT", std::to_string(random.below(16)));
        const std::string key = "key:" + std::to_string(i);
        (void)client("SET", key, random_value(random));
        if (random.below(3) == 0) (void)client("PEXPIRE", key, std::to_string(100'000'000 + random.below(1'000'000)));
      }
      ASSERT_TRUE(client("SAVE").is_ok());
      auto keyspace = keyspace_of_today();
      auto report = load_rdb(*keyspace, real_file_system(), redis.snapshot_path(), {.now_ms = keyspace->now_ms()});
      ASSERT_TRUE(report.has_value()) << report.error().message;
      EXPECT_TRUE(report->checksum_verified);
      EXPECT_EQ(testing::describe_difference(as_dataset(*keyspace), testing::read_dataset(redis)), "");
    }
  }
}

// A stream with everything that a stream can have, a function library, and a string behind them.
TEST(RedisInterop, StreamsAndFunctionsAreRefusedByNameOrSkippedWithAWarning) {
  ServerProcess redis({.binary = testing::kRedisBinary});
  auto client = redis.client();
  (void)client("FUNCTION", "LOAD", "#!lua name=mylib\nredis.register_function('f', function() return 1 end)");
  for (int i = 0; i < 300; i++) (void)client("XADD", "my stream", "*", "field", std::string(i % 50, 'x'));
  (void)client("XDEL", "my stream", client("XADD", "my stream", "*", "a", "b").text);
  (void)client("XGROUP", "CREATE", "my stream", "group", "0");
  (void)client("XGROUP", "CREATE", "my stream", "idle", "$");
  (void)client("XREADGROUP", "GROUP", "group", "one", "COUNT", "70", "STREAMS", "my stream", ">");
  (void)client("XREADGROUP", "GROUP", "group", "two", "COUNT", "5", "STREAMS", "my stream", ">");
  (void)client("XGROUP", "CREATE", "empty stream", "group", "$", "MKSTREAM");
  (void)client("SET", "behind", "v", "EX", "1000");
  (void)client("SET", "behind too", "v");
  ASSERT_TRUE(client("SAVE").is_ok());

  const auto load = [&](bool skip) {
    auto keyspace = keyspace_of_today();
    auto report = load_rdb(*keyspace, real_file_system(), redis.snapshot_path(),
                           {.now_ms = keyspace->now_ms(), .skip_unknown_types = skip});
    if (skip) {
      EXPECT_EQ(keyspace->total_keys(), 2u);
    }
    return report;
  };
  const auto skipped = load(true);
  ASSERT_TRUE(skipped.has_value()) << skipped.error().message;
  EXPECT_EQ(skipped->keys_loaded, 2u);
  EXPECT_EQ(skipped->keys_skipped, 2u);
  const std::string warnings = fmt::format("{}", fmt::join(skipped->warnings, "; "));
  for (const char* expected : {"name=mylib", "\"my stream\"", "\"empty stream\"", "missing now: 2 (2 of type stream"}) {
    EXPECT_NE(warnings.find(expected), std::string::npos) << expected << " in " << warnings;
  }

  auto refused = load(false);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("name=mylib"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("rdb-skip-unknown-types"), std::string::npos) << refused.error().message;

  (void)client("FUNCTION", "FLUSH");
  (void)client("DEL", "empty stream");
  ASSERT_TRUE(client("SAVE").is_ok());
  refused = load(false);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(refused.error().message.find("RDB type 19, stream"), std::string::npos) << refused.error().message;
  EXPECT_NE(refused.error().message.find("\"my stream\""), std::string::npos) << refused.error().message;
}

TEST(RedisInterop, DumpPayloadsBothWays) {
  Random random(testing::announced_seed("RedisInterop.DumpPayloadsBothWays"));
  ServerProcess redis({.binary = testing::kRedisBinary});
  auto client = redis.client();
  auto keyspace = keyspace_of_today();
  for (int i = 0; i < 200; i++) {
    const std::string value = random_value(random);
    set(*keyspace, 0, "k", value);
    const std::string payload = encode_dump(*keyspace->database(0).find("k"));
    ASSERT_TRUE(client("RESTORE", "k", "0", payload, "REPLACE").is_ok());
    EXPECT_TRUE(client("GET", "k").text == value);
    auto decoded = decode_dump(client("DUMP", "k").text, *keyspace, keyspace->database(0), "other", store::kNoExpiry);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    store::StringView::Scratch scratch;
    EXPECT_TRUE(decoded->entry().string().text(scratch) == value);
  }
}

}  // namespace
}  // namespace cowslip::persistence
