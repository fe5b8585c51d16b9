// The files of tests/golden/: every encoding, made by redis-server or by hand, against what they are said to hold.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/random.h"
#include "persistence/rdb_loader.h"
#include "persistence/rdb_skipper.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/entry_model.h"
#include "tests/unit/persistence/keyspace_fixture.h"

namespace cowslip::persistence {
namespace {

using nlohmann::json;

const std::string kFolder = std::string(COWSLIP_SOURCE_DIR) + "/tests/golden/";

struct GoldenKey {
  int rdb_type = 0;
  int64_t expire_at_ms = 0;
  CollectionModel model;  // of a string: its only element
};
using GoldenKeys = std::map<std::pair<uint64_t, std::string>, GoldenKey>;

// Bytes are written as the characters of Latin-1 with the same numbers, which UTF-8 makes two bytes from 128 on.
std::string bytes_of_json(const json& value) {
  if (value.is_object()) {
    const std::string text = bytes_of_json(value["repeat"][0]);
    return std::string(value["repeat"][1].get<size_t>(), text[0]);
  }
  std::string bytes;
  const auto text = value.get<std::string>();
  for (size_t i = 0; i < text.size(); i++) {
    const auto first = static_cast<uint8_t>(text[i]);
    bytes += first < 0x80 ? text[i] : static_cast<char>((first & 3) << 6 | (static_cast<uint8_t>(text[++i]) & 0x3f));
  }
  return bytes;
}

GoldenKeys described_by(const std::string& name) {
  GoldenKeys keys;
  for (const json& key : json::parse(testing::read_file(kFolder + name + ".json"))) {
    GoldenKey golden{key["rdb_type"].get<int>(), key["expire_at_ms"].get<int64_t>(), {key["type"], {}, {}}};
    const json& value = key["value"];
    if (golden.model.type == "string") {
      golden.model.elements.push_back(bytes_of_json(value));
    } else {
      for (const json& element : value) {
        if (element.is_array()) {
          golden.model.pairs.emplace_back(bytes_of_json(element[0]), bytes_of_json(element[1]));
        } else {
          golden.model.elements.push_back(bytes_of_json(element));
        }
      }
    }
    keys[{key["db"].get<uint64_t>(), bytes_of_json(key["key"])}] = std::move(golden);
  }
  return keys;
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (entry.path().extension() == ".rdb") names.push_back(entry.path().stem());
  }
  return names;
}

// All keys of a file, read with a buffer of this size.
Result<GoldenKeys> keys_in(std::string_view bytes, size_t buffer_bytes) {
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.buffer_bytes = buffer_bytes, .bytes_total = bytes.size()});
  CollectionReader reader(decoder);
  GoldenKeys keys;
  uint64_t db = 0;
  if (auto begun = decoder.begin(); !begun) return std::unexpected(begun.error());
  for (;;) {
    auto item = decoder.next();
    if (!item) return std::unexpected(item.error());
    if (item->kind == RdbItem::Kind::kEnd) return keys;
    if (item->kind == RdbItem::Kind::kSelectDatabase) db = item->number;
    GoldenKey key{item->type, item->expire_at_ms, {}};
    if (item->kind == RdbItem::Kind::kEntry) {
      key.model = {"string", {text_of(item->value)}, {}};
    } else if (item->kind == RdbItem::Kind::kUnread) {
      ModelSink sink;
      auto elements = reader.read(item->type, sink);
      if (!elements) return std::unexpected(elements.error());
      EXPECT_EQ(*elements, sink.model.elements.size() + sink.model.pairs.size());
      EXPECT_EQ(sink.ended, *elements > 0);
      key.model = std::move(sink.model);
    } else {
      continue;
    }
    EXPECT_TRUE(keys.try_emplace({db, std::string(item->key)}, std::move(key)).second);
  }
}

void expect_equal(const GoldenKeys& read, const GoldenKeys& expected) {
  EXPECT_EQ(read.size(), expected.size());
  for (const auto& [place, key] : expected) {
    const auto found = read.find(place);
    ASSERT_NE(found, read.end()) << place.second;
    EXPECT_EQ(found->second.rdb_type, key.rdb_type) << place.second;
    EXPECT_EQ(found->second.expire_at_ms, key.expire_at_ms) << place.second;
    EXPECT_EQ(found->second.model.type, key.model.type) << place.second;
    EXPECT_TRUE(found->second.model == key.model)
        << place.second << " read as " << ::testing::PrintToString(found->second.model.elements)
        << ::testing::PrintToString(found->second.model.pairs);
  }
}

TEST(Golden, EveryFileHoldsWhatItsDescriptionSays) {
  const auto names = golden_names();
  EXPECT_GE(names.size(), 13u);
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const std::string bytes = testing::read_file(kFolder + name + ".rdb");
    for (const size_t buffer_bytes : {64u, 1000u, 1u << 20}) {
      const auto keys = keys_in(bytes, buffer_bytes);
      ASSERT_TRUE(keys.has_value()) << keys.error().message;
      expect_equal(*keys, described_by(name));
    }
  }
}

// By a lookup for each, so that what was loaded is found, too.
void expect_findable(const store::Entry& entry, const CollectionModel& model, uint64_t seed) {
  for (const std::string& member : model.elements) {
    if (entry.type() == store::ObjectType::kSet) {
      EXPECT_TRUE(store::SetView(entry, seed).contains(member));
    }
  }
  for (const auto& [first, second] : model.pairs) {
    if (entry.type() == store::ObjectType::kHash) {
      const auto value = store::HashView(entry, seed).get(first);
      EXPECT_TRUE(value && text_of(*value) == second) << first;
    } else {
      const auto score = store::SortedSetView(entry, seed).score(first);
      EXPECT_TRUE(score && fmt::format("{:.17g}", *score) == second) << first;
    }
  }
}

// As Redis, a listpack does not know -0 from 0.
CollectionModel as_loaded(const store::Entry& entry, CollectionModel model) {
  if (entry.type() != store::ObjectType::kSortedSet || entry.encoding() != store::Encoding::kListpack) return model;
  for (auto& [member, score] : model.pairs) {
    if (score == "-0") score = "0";
  }
  return model;
}

TEST(Golden, EveryFileLoadsElementForElement) {
  for (const std::string& name : golden_names()) {
    SCOPED_TRACE(name);
    const std::string bytes = testing::read_file(kFolder + name + ".rdb");
    auto keyspace = make_keyspace();
    MemorySource source(bytes);
    const auto report = load_rdb(*keyspace, source, bytes.size(), {.skip_expired = false});
    ASSERT_TRUE(report.has_value()) << report.error().message;
    const GoldenKeys expected = described_by(name);
    size_t empty = 0;
    for (const auto& [place, key] : expected) {
      const store::Entry* const entry = keyspace->database(static_cast<int>(place.first)).peek(place.second);
      if (key.model == CollectionModel{key.model.type, {}, {}}) {
        EXPECT_EQ(entry, nullptr) << place.second;
        empty++;
        continue;
      }
      ASSERT_NE(entry, nullptr) << place.second;
      EXPECT_EQ(entry->expire_at_ms(), key.expire_at_ms) << place.second;
      const CollectionModel model = as_loaded(*entry, key.model);
      EXPECT_TRUE(model_of(*entry) == model) << place.second;
      expect_findable(*entry, model, keyspace->hash_seed());
    }
    EXPECT_EQ(keyspace->total_keys(), expected.size() - empty);
    EXPECT_EQ(report->keys_empty, empty);
  }
}

TEST(Golden, EveryFormOfACollectionIsThere) {
  std::map<int, int> forms;
  for (const std::string& name : golden_names()) {
    for (const auto& [place, key] : described_by(name)) forms[key.rdb_type]++;
  }
  for (int type = 0; type < 256; type++) {
    if (!CollectionReader::reads(static_cast<uint8_t>(type))) continue;
    EXPECT_GT(forms[type], 0) << "type " << type;
  }
}

// Fewer places for large files: near both ends, and some between.
TEST(Golden, EveryTruncationIsAnError) {
  for (const std::string& name : golden_names()) {
    const std::string bytes = testing::read_file(kFolder + name + ".rdb");
    const size_t step = bytes.size() / 1500 + 1;
    for (size_t length = 0; length < bytes.size(); length += length < 400 ? 1 : step) {
      const auto keys = keys_in(std::string_view(bytes).substr(0, length), 256);
      ASSERT_FALSE(keys.has_value()) << name << " cut off at " << length;
      ASSERT_EQ(keys.error().code, ErrorCode::kCorrupt) << keys.error().message;
    }
  }
}

// What is loaded is whole: a walk finds as many elements as are said to be there.
void load_damaged(const std::string& bytes) {
  auto keyspace = make_keyspace();
  MemorySource source(bytes);
  (void)load_rdb(*keyspace, source, bytes.size(), {.verify_checksum = false, .replace_existing = true});
  for (int number = 0; number < keyspace->count(); number++) {
    keyspace->database(number).for_each([](const store::Entry& entry) {
      const CollectionModel model = model_of(entry);
      ASSERT_GT(model.elements.size() + model.pairs.size(), 0u);
    });
  }
}

// Whatever is in a damaged file, the answer is keys or an error; a sanitizer watches.
TEST(Golden, RandomDamageIsAnErrorOrOtherKeys) {
  Random random(testing::announced_seed("Golden.RandomDamageIsAnErrorOrOtherKeys"));
  int errors = 0;
  for (const std::string& name : golden_names()) {
    const std::string bytes = testing::read_file(kFolder + name + ".rdb");
    for (int round = 0; round < 300; round++) {
      std::string damaged = bytes;
      for (uint64_t n = random.below(3) + 1; n > 0; n--) {
        damaged[9 + random.below(damaged.size() - 9)] = static_cast<char>(random.below(256));
      }
      load_damaged(damaged);
      MemorySource source(damaged);
      RdbDecoder decoder(source, {.verify_checksum = false, .bytes_total = damaged.size()});
      CollectionReader reader(decoder);
      if (!decoder.begin()) continue;
      for (;;) {
        const auto item = decoder.next();
        if (!item) errors++;
        if (!item || item->kind == RdbItem::Kind::kEnd) break;
        if (item->kind != RdbItem::Kind::kUnread) continue;
        ModelSink sink;
        const bool read = CollectionReader::reads(item->type) ? reader.read(item->type, sink).has_value()
                                                              : skip_value(decoder, item->type).has_value();
        if (read) continue;
        errors++;
        break;
      }
    }
  }
  EXPECT_GT(errors, 1000);
}

}  // namespace
}  // namespace cowslip::persistence
