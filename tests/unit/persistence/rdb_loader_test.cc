#include "persistence/rdb_loader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "persistence/rdb_encoder.h"
#include "persistence/rdb_saver.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/keyspace_fixture.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

Result<LoadReport> load(store::Keyspace& keyspace, const std::string& bytes, LoadOptions options = {}) {
  if (options.now_ms == 0) options.now_ms = kTestNowMs;
  MemorySource source(bytes);
  return load_rdb(keyspace, source, bytes.size(), options);
}

std::string saved(const store::Keyspace& keyspace, SaveOptions options = {}) {
  StringSink sink;
  options.now_ms = kTestNowMs;
  EXPECT_TRUE(save_rdb(keyspace, sink, options).has_value());
  return sink.bytes;
}

std::string entry_bytes(std::string_view key, std::string_view value) {
  return bytes_of({0}) + plain(key) + plain(value);
}

TEST(SaveAndLoad, RandomKeyspacesComeBackWhole) {
  Random random(testing::announced_seed("SaveAndLoad.RandomKeyspacesComeBackWhole"));
  for (int round = 0; round < 8; round++) {
    auto before = make_keyspace(), after = make_keyspace();
    fill_at_random(*before, random, 500);
    const std::string bytes = saved(*before, {.compression = random.below(2) == 0, .checksum = random.below(4) != 0});
    auto report = load(*after, bytes);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_EQ(report->keys_loaded, before->total_keys());
    EXPECT_EQ(report->bytes, bytes.size());
    expect_equal(facts_of(*after), facts_of(*before));
  }
}

TEST(SaveAndLoad, AuxiliaryFields) {
  auto before = make_keyspace(), after = make_keyspace();
  auto report = load(*after, saved(*before, {.used_memory_bytes = 12345, .aof_base = true}));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->rdb_version, 10);
  EXPECT_EQ(report->redis_version, kRedisVersion);
  EXPECT_EQ(report->created_unix_seconds, kTestNowMs / 1000);
  EXPECT_EQ(report->used_memory_bytes, 12345u);
  EXPECT_TRUE(report->aof_base);
  EXPECT_TRUE(report->checksum_verified);
}

// A file with one key, "k", and what Redis says of its last use under an LRU or LFU policy.
std::string file_with(const KeyAttributes& attributes) {
  StringSink sink;
  RdbEncoder encoder(sink);
  (void)encoder.begin();
  (void)encoder.string_entry("k", store::StringView("v"), attributes);
  EXPECT_TRUE(encoder.finish().has_value());
  return sink.bytes;
}

// RESIZEDB (0xfb): how many keys are to come, and how many of them have an expiry.
std::string resize_bytes(uint32_t keys, uint32_t expires) {
  const auto number = [](uint32_t n) {
    return bytes_of(
        {0x80, static_cast<int>(n >> 24), static_cast<int>(n >> 16), static_cast<int>(n >> 8), static_cast<int>(n)});
  };
  return bytes_of({0xfb}) + number(keys) + number(expires);
}

TEST(RdbLoader, ClientsAreAnsweredWhileMemoryForManyKeysIsMadeReady) {
  auto keyspace = make_keyspace();
  const std::string bytes = rdb_file(resize_bytes(5'000'000, 0) + entry_bytes("k", "v"));
  MemorySource source(bytes);
  int calls_before_keys = 0;
  const auto report = load_rdb(*keyspace, source, 15'000'000, {.now_ms = kTestNowMs}, [&](uint64_t, uint64_t) {
    if (keyspace->database(0).memory_overhead_bytes() > 0 && keyspace->total_keys() == 0) calls_before_keys++;
  });
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(calls_before_keys, 3) << "two million keys at a time";
  EXPECT_EQ(report->keys_loaded, 1u);
}

// A database of which nearly all had expired, and one that a RESIZEDB lied about.
TEST(RdbLoader, AnIndexThatIsFarTooLargeShrinksAtTheEnd) {
  auto keyspace = make_keyspace();
  std::string body = resize_bytes(300'000, 0) + entry_bytes("k", "v");
  body += bytes_of({0xfe, 3}) + resize_bytes(300'000, 0);  // SELECTDB
  for (int i = 0; i < 20'000; i++) {
    const int64_t expired_ms = i < 10 ? kTestNowMs + 1'000'000 : kTestNowMs - 1;
    body += bytes_of({0xfc}) + std::string(reinterpret_cast<const char*>(&expired_ms), sizeof expired_ms);
    body += entry_bytes(std::to_string(i), "v");
  }
  const std::string bytes = rdb_file(body);
  MemorySource source(bytes);
  const auto report = load_rdb(*keyspace, source, 900'000, {.now_ms = kTestNowMs});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->keys_loaded, 11u);
  for (const int number : {0, 3}) {
    const store::Database& database = keyspace->database(number);
    EXPECT_LE(database.memory_overhead_bytes(), 512u << 10) << number;
    uint64_t cursor = 0;
    int steps = 0;
    do {
      cursor = database.scan(cursor, [](const store::Entry&) {});
      steps++;
    } while (cursor != 0);
    EXPECT_LE(steps, 10) << number;
  }
}

TEST(RdbLoader, IdleTimesAreTaken) {
  auto keyspace = make_keyspace();
  ASSERT_TRUE(load(*keyspace, file_with({.idle_seconds = 500})).has_value());
  EXPECT_NEAR(static_cast<double>(keyspace->database(0).idle_seconds("k")), 500, 1);
}

TEST(RdbLoader, FrequenciesAreTaken) {
  auto keyspace = make_keyspace();
  keyspace->access_clock().set_lfu(true);
  ASSERT_TRUE(load(*keyspace, file_with({.frequency = 77})).has_value());
  EXPECT_EQ(keyspace->database(0).frequency("k"), 77);
}

TEST(SaveAndLoad, ProgressIsTold) {
  auto keyspace = make_keyspace();
  for (int i = 0; i < 1000; i++) set(*keyspace, 0, "k" + std::to_string(i), "v");
  StringSink sink;
  std::vector<uint64_t> keys;
  auto progress = save_rdb(*keyspace, sink, {}, [&](const SaveProgress& p) { keys.push_back(p.keys); });
  ASSERT_TRUE(progress.has_value());
  EXPECT_EQ(progress->keys, 1000u);
  EXPECT_EQ(progress->keys_total, 1000u);
  EXPECT_EQ(progress->bytes, sink.bytes.size());
  EXPECT_GE(keys.size(), 10u);
  EXPECT_EQ(keys.back(), 1000u);
}

TEST(SaveAndLoad, ProgressIsToldAfterEveryKeyThatMayHaveTakenItsTime) {
  auto keyspace = make_keyspace();
  const auto reports = [&](SaveOptions options) {
    StringSink sink;
    int calls = 0;
    EXPECT_TRUE(save_rdb(*keyspace, sink, options, [&](const SaveProgress&) { calls++; }).has_value());
    return calls;
  };
  for (int i = 0; i < 30; i++) set(*keyspace, 0, "small" + std::to_string(i), "v");
  EXPECT_LT(reports({}), 30);
  EXPECT_GE(reports({.key_save_delay_us = -1000}), 30) << "a delayed save is watched key by key";
  for (int i = 0; i < 30; i++) set(*keyspace, 0, "large" + std::to_string(i), std::string(1'000'000, '0'));
  EXPECT_GE(reports({}), 30) << "few bytes come of a long value that compresses well";
}

TEST(SaveAndLoad, AFullDiskEndsTheSave) {
  testing::TempDir folder;
  testing::FaultyFileSystem files;
  files.faults.write_limit_bytes = 300'000;
  auto keyspace = make_keyspace();
  Random random(1);
  for (int i = 0; i < 1000; i++) set(*keyspace, 0, std::to_string(i), random_text(random, 1000, false));
  auto result = save_rdb_file(*keyspace, files, folder.file("dump.rdb"), {});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().os_errno, ENOSPC);
  EXPECT_TRUE(testing::list_directory(folder.path()).empty());
}

TEST(SaveAndLoad, ThroughAFile) {
  testing::TempDir folder;
  auto before = make_keyspace(), after = make_keyspace();
  Random random(2);
  fill_at_random(*before, random, 3000);
  ASSERT_TRUE(save_rdb_file(*before, real_file_system(), folder.file("dump.rdb"), {}).has_value());
  uint64_t last = 0, total = 0, calls = 0;
  auto report = load_rdb(*after, real_file_system(), folder.file("dump.rdb"), {.now_ms = kTestNowMs},
                         [&](uint64_t read, uint64_t of) { last = read, total = of, calls++; });
  ASSERT_TRUE(report.has_value()) << report.error().message;
  expect_equal(facts_of(*after), facts_of(*before));
  EXPECT_EQ(last, total);
  EXPECT_EQ(total, report->bytes);
  EXPECT_GE(calls, total / (1024 * 1024));
}

TEST(RdbLoader, ExpiredKeysAreLeftOutAndCounted) {
  auto before = make_keyspace(), after = make_keyspace();
  before->set_deletes_expired(false);
  set(*before, 0, "dead", "v", kTestNowMs - 1);
  set(*before, 0, "just alive", "v", kTestNowMs);
  set(*before, 0, "alive", "v", kTestNowMs + 1);
  set(*before, 0, "for ever", "v");
  const std::string bytes = saved(*before);
  auto report = load(*after, bytes);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->keys_expired, 1u);
  EXPECT_EQ(report->keys_loaded, 3u);
  auto replica = make_keyspace();
  EXPECT_EQ(load(*replica, bytes, {.skip_expired = false})->keys_loaded, 4u);
}

TEST(RdbLoader, DatabaseBeyondTheCountIsAnError) {
  auto keyspace = make_keyspace(4);
  auto report = load(*keyspace, rdb_file(bytes_of({0xfe, 4}) + entry_bytes("k", "v")));
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().message.find("keys in database 4"), std::string::npos) << report.error().message;
}

TEST(RdbLoader, AKeyTwiceIsAnError) {
  auto keyspace = make_keyspace();
  const std::string bytes = rdb_file(entry_bytes("k", "1") + entry_bytes("k", "2"));
  auto report = load(*keyspace, bytes);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(report.error().message.find("\"k\" twice"), std::string::npos) << report.error().message;
  EXPECT_TRUE(load(*keyspace, bytes, {.replace_existing = true}).has_value());
}

TEST(RdbLoader, AHugeResizeTakesNoMemory) {
  auto keyspace = make_keyspace();
  const std::string claim = bytes_of({0xfb, 0x81, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0});
  ASSERT_TRUE(load(*keyspace, rdb_file(claim + entry_bytes("k", "v"))).has_value());
  EXPECT_LT(keyspace->database(0).memory_overhead_bytes(), 1'000'000u);
}

TEST(RdbLoader, FunctionsAreRefusedOrSkippedWithAWarning) {
  const std::string bytes = rdb_file(bytes_of({0xf5}) + plain("#!lua name=mylib\ncode") + entry_bytes("k", "v"));
  auto keyspace = make_keyspace();
  auto report = load(*keyspace, bytes);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(report.error().message.find("begins with \"#!lua name=mylib\" cannot"), std::string::npos)
      << report.error().message;
  report = load(*keyspace, bytes, {.skip_unknown_types = true});
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->keys_loaded, 1u);
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_EQ(report->warnings[0], "Skipped: The function library that begins with \"#!lua name=mylib\"");
}

// Redis Stack writes some into every file; without its modules they mean nothing.
TEST(RdbLoader, ModuleDataOutsideOfKeysIsAWarning) {
  auto keyspace = make_keyspace();
  auto report = load(*keyspace, rdb_file(bytes_of({0xf7, 1, 2, 1, 0})));
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->warnings.size(), 1u);
}

TEST(RdbLoader, AMissingFileIsNotFound) {
  testing::TempDir folder;
  auto keyspace = make_keyspace();
  auto report = load_rdb(*keyspace, real_file_system(), folder.file("dump.rdb"), {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kNotFound);
}

TEST(RdbLoader, ErrorsNameTheFile) {
  testing::TempDir folder;
  testing::write_file(folder.file("dump.rdb"), "REDIS0099");
  auto keyspace = make_keyspace();
  auto report = load_rdb(*keyspace, real_file_system(), folder.file("dump.rdb"), {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
  EXPECT_TRUE(report.error().message.starts_with(folder.file("dump.rdb"))) << report.error().message;
}

TEST(RdbLoader, AReadErrorIsPassedOn) {
  testing::TempDir folder;
  auto keyspace = make_keyspace();
  for (int i = 0; i < 1000; i++) set(*keyspace, 0, std::to_string(i), "some value");
  testing::FaultyFileSystem files;
  ASSERT_TRUE(save_rdb_file(*keyspace, files, folder.file("dump.rdb"), {}).has_value());
  files.faults.read_limit_bytes = 5000;
  auto other = make_keyspace();
  auto report = load_rdb(*other, files, folder.file("dump.rdb"), {});
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().os_errno, EIO);
}

}  // namespace
}  // namespace cowslip::persistence
