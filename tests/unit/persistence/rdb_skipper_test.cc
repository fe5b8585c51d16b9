#include "persistence/rdb_skipper.h"

#include <gtest/gtest.h>

#include <string>

#include "persistence/rdb_loader.h"
#include "tests/unit/persistence/keyspace_fixture.h"
#include "tests/unit/persistence/old_blobs.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

// A stream of one node with two items, a group with two pending ones, and a consumer that has one of them.
std::string stream(RdbType type) {
  const bool second = type != RdbType::kStreamListpacks, third = type == RdbType::kStreamListpacks3;
  const std::string id(16, 'i'), time(8, 't');
  std::string bytes = bytes_of({1}) + plain(id) + plain("the listpack is not looked at");
  bytes += bytes_of({2, 5, 1});                    // items, last ID
  if (second) bytes += bytes_of({4, 1, 0, 0, 2});  // first ID, greatest deleted ID, items ever added
  bytes += bytes_of({1}) + plain("group") + bytes_of({5, 0});
  if (second) bytes += bytes_of({0x40, 200});  // items read
  bytes += bytes_of({2}) + id + time + bytes_of({1}) + id + time + bytes_of({0x40, 99});
  bytes += bytes_of({1}) + plain("consumer") + time;
  if (third) bytes += time;
  return bytes + bytes_of({1}) + id;
}

constexpr RdbType kStreams[] = {RdbType::kStreamListpacks, RdbType::kStreamListpacks2, RdbType::kStreamListpacks3};

// "ReJSON-RL", version 3.
std::string module_id() {
  constexpr std::string_view kCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint64_t id = 0;
  for (const char c : std::string_view("ReJSON-RL")) id = id << 6 | kCharacters.find(c);
  id = id << 10 | 3;
  std::string bytes = "\x81";
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(id >> shift);
  return bytes;
}

std::string module_value() {
  return module_id() + bytes_of({1, 6, 2, 6, 3}) + "ffff" + bytes_of({4}) + "dddddddd" + bytes_of({5}) + plain("text") +
         bytes_of({5, 0xc1, 1, 2, 5, 0xc3, 3, 14}) + "lzf" + bytes_of({0});
}

struct Skipped {
  Result<std::string> what;
  uint64_t offset;
};

Skipped skip(RdbType type, std::string_view bytes) {
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.buffer_bytes = 64, .bytes_total = bytes.size()});
  auto what = skip_value(decoder, static_cast<uint8_t>(type));
  return {std::move(what), decoder.offset()};
}

TEST(RdbSkipper, StreamsOfAllForms) {
  for (const RdbType type : kStreams) {
    const std::string bytes = stream(type);
    const Skipped skipped = skip(type, bytes + "behind");
    ASSERT_TRUE(skipped.what.has_value()) << skipped.what.error().message;
    EXPECT_EQ(*skipped.what, rdb_type_name(static_cast<uint8_t>(type)));
    EXPECT_EQ(skipped.offset, bytes.size());
  }
}

TEST(RdbSkipper, ModulesByName) {
  const std::string bytes = module_value();
  const Skipped skipped = skip(RdbType::kModule2, bytes + "behind");
  ASSERT_TRUE(skipped.what.has_value()) << skipped.what.error().message;
  EXPECT_EQ(*skipped.what, "value of module 'ReJSON-RL'");
  EXPECT_EQ(skipped.offset, bytes.size());
}

TEST(RdbSkipper, EveryTruncationIsAnError) {
  for (const RdbType type : {kStreams[0], kStreams[1], kStreams[2], RdbType::kModule2}) {
    const std::string bytes = type == RdbType::kModule2 ? module_value() : stream(type);
    for (size_t length = 0; length < bytes.size(); length++) {
      const Skipped skipped = skip(type, std::string_view(bytes).substr(0, length));
      ASSERT_FALSE(skipped.what.has_value()) << length;
      EXPECT_EQ(skipped.what.error().code, ErrorCode::kCorrupt);
    }
  }
}

TEST(RdbSkipper, WhatIsDamaged) {
  const Skipped short_id = skip(RdbType::kStreamListpacks, bytes_of({1}) + plain("short") + plain("listpack"));
  ASSERT_FALSE(short_id.what.has_value());
  EXPECT_NE(short_id.what.error().message.find("not 16 bytes long"), std::string::npos);
  const Skipped field = skip(RdbType::kModule2, module_id() + bytes_of({9}));
  ASSERT_FALSE(field.what.has_value());
  EXPECT_NE(field.what.error().message.find("Unknown field 9"), std::string::npos);
  const Skipped endless =
      skip(RdbType::kStreamListpacks, bytes_of({0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
  ASSERT_FALSE(endless.what.has_value());
  EXPECT_EQ(endless.what.error().code, ErrorCode::kCorrupt);
}

TEST(RdbSkipper, NoWayPast) {
  const Skipped skipped = skip(RdbType::kModulePreGa, "anything");
  ASSERT_FALSE(skipped.what.has_value());
  EXPECT_EQ(skipped.what.error().code, ErrorCode::kUnsupported);
}

// ---- in a load ----

Result<LoadReport> load(store::Keyspace& keyspace, const std::string& body, bool skip_unknown_types) {
  const std::string bytes = rdb_file(body);
  MemorySource source(bytes);
  return load_rdb(keyspace, source, bytes.size(), {.now_ms = kTestNowMs, .skip_unknown_types = skip_unknown_types});
}

std::string entry(RdbType type, std::string_view key, const std::string& value) {
  return bytes_of({static_cast<int>(type)}) + plain(key) + value;
}

TEST(RdbSkipper, ALoadLeavesThemOutAndSaysSo) {
  std::string body = entry(RdbType::kString, "first", plain("v"));
  for (const RdbType type : kStreams) body += entry(type, "my stream", stream(type));
  body += entry(RdbType::kModule2, "my document", module_value()) + entry(RdbType::kString, "last", plain("v"));
  auto keyspace = make_keyspace();
  const auto report = load(*keyspace, body, true);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->keys_loaded, 2u);
  EXPECT_EQ(report->keys_skipped, 4u);
  ASSERT_EQ(report->warnings.size(), 5u);
  EXPECT_EQ(report->warnings[0], "Skipped key \"my stream\" in database 0: a stream cannot be held yet");
  EXPECT_EQ(report->warnings[3],
            "Skipped key \"my document\" in database 0: a value of module 'ReJSON-RL' cannot be held yet");
  EXPECT_EQ(report->warnings[4],
            "Keys that were skipped and are missing now: 4 (1 of type module, 1 of type stream, 1 of type stream "
            "(second form), 1 of type stream (third form))");
}

TEST(RdbSkipper, ALoadRefusesThemByName) {
  for (const RdbType type : kStreams) {
    auto keyspace = make_keyspace();
    const auto report = load(*keyspace, entry(type, "my stream", stream(type)), false);
    ASSERT_FALSE(report.has_value());
    EXPECT_EQ(report.error().code, ErrorCode::kUnsupported);
    for (const char* part : {"stream", "\"my stream\"", "at offset", "rdb-skip-unknown-types"}) {
      EXPECT_NE(report.error().message.find(part), std::string::npos) << report.error().message;
    }
  }
  auto keyspace = make_keyspace();
  const auto report = load(*keyspace, entry(RdbType::kModule2, "my document", module_value()), false);
  ASSERT_FALSE(report.has_value());
  EXPECT_NE(report.error().message.find("module 'ReJSON-RL'"), std::string::npos) << report.error().message;
}

// Damage is damage, with the setting too.
TEST(RdbSkipper, ALoadSkipsNoDamage) {
  auto keyspace = make_keyspace();
  const auto report = load(*keyspace, entry(RdbType::kHashListpack, "k", plain("no listpack")), true);
  ASSERT_FALSE(report.has_value());
  EXPECT_EQ(report.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(report.error().message.find("Damaged listpack"), std::string::npos) << report.error().message;
}

TEST(RdbSkipper, EmptyCollectionsAreLeftOut) {
  auto keyspace = make_keyspace();
  const auto report =
      load(*keyspace, entry(RdbType::kList, "empty", bytes_of({0})) + entry(RdbType::kString, "k", plain("v")), true);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_EQ(report->keys_empty, 1u);
  EXPECT_EQ(report->keys_loaded, 1u);
  ASSERT_EQ(report->warnings.size(), 1u);
  EXPECT_EQ(report->warnings[0], "Skipped key \"empty\" in database 0: its value has no elements");
}

// A million of them are not a million lines.
TEST(RdbSkipper, TheMessagesOfVeryManyAreBounded) {
  std::string body;
  for (int i = 0; i < 5000; i++) {
    body += entry(RdbType::kStreamListpacks, "s" + std::to_string(i), stream(RdbType::kStreamListpacks));
  }
  auto keyspace = make_keyspace();
  const auto report = load(*keyspace, body, true);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  EXPECT_LE(report->warnings.size(), 101u);
  EXPECT_EQ(report->warnings.back(), "Keys that were skipped and are missing now: 5000 (5000 of type stream)");
}

// What comes behind the last message is counted.
TEST(RdbSkipper, OfVeryManyEveryKindIsSummedUp) {
  std::string body;
  for (int i = 0; i < 200; i++) body += bytes_of({0xf5}) + plain("#!lua name=l" + std::to_string(i));
  body += bytes_of({0xf7, 1, 2, 1, 0});  // a module's data
  auto keyspace = make_keyspace();
  const auto report = load(*keyspace, body, true);
  ASSERT_TRUE(report.has_value()) << report.error().message;
  ASSERT_EQ(report->warnings.size(), 102u);
  EXPECT_EQ(report->warnings[100], "Function libraries that were skipped and are missing now: 200");
  EXPECT_EQ(report->warnings[101], "Pieces of modules' data that were skipped and are missing now: 1");
}

}  // namespace
}  // namespace cowslip::persistence
