// Databases against a std::map with deadlines, and the promises of each operation.
#include "store/database.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>

#include "store/keyspace.h"

namespace cowslip::store {
namespace {

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() { keyspace_.set_now_ms(1'000'000); }

  std::string get(std::string_view key, int number = 0) {
    const Entry* entry = keyspace_.database(number).find(key, Lookup::kPeek);
    if (entry == nullptr) return "(none)";
    StringView::Scratch scratch;
    return std::string(entry->string().text(scratch));
  }
  int64_t expiry(std::string_view key) {
    const Entry* entry = db_.find(key, Lookup::kPeek);
    return entry != nullptr ? entry->expire_at_ms() : -2;
  }
  void advance(int64_t ms) { keyspace_.set_now_ms(keyspace_.now_ms() + ms); }

  Keyspace keyspace_{16, 42};
  Database& db_ = keyspace_.database(0);
};

TEST_F(DatabaseTest, SetReplacesAndDropsTheExpiry) {
  db_.set_string("k", "v", ExpiryChange::set(1'000'500));
  db_.set_string("k", "w");
  EXPECT_EQ(get("k"), "w");
  EXPECT_EQ(expiry("k"), kNoExpiry);
  EXPECT_EQ(db_.expires(), 0u);
}

TEST_F(DatabaseTest, SetMayKeepTheExpiry) {
  db_.set_string("k", "v", ExpiryChange::set(1'000'500));
  db_.set_string("k", "w", ExpiryChange::keep());
  EXPECT_EQ(expiry("k"), 1'000'500);
  EXPECT_EQ(db_.expires(), 1u);
}

TEST_F(DatabaseTest, KeysExpireAfterTheirMillisecond) {
  db_.set_string("k", "v", ExpiryChange::set(keyspace_.now_ms() + 10));
  advance(10);
  EXPECT_EQ(get("k"), "v");
  advance(1);
  EXPECT_EQ(get("k"), "(none)");
  EXPECT_EQ(db_.size(), 0u) << "the lookup deleted it";
  EXPECT_EQ(db_.expires(), 0u);
  EXPECT_EQ(keyspace_.statistics().expired_keys, 1u);
}

TEST_F(DatabaseTest, ExpiredKeysStayHiddenWhileDeletingIsOff) {
  db_.set_string("k", "v", ExpiryChange::set(keyspace_.now_ms() + 10));
  advance(11);
  keyspace_.set_deletes_expired(false);
  EXPECT_EQ(get("k"), "(none)");
  EXPECT_EQ(db_.size(), 1u);
  EXPECT_EQ(db_.delete_expired(100), 0u);
  keyspace_.set_deletes_expired(true);
  EXPECT_EQ(db_.delete_expired(100), 1u);
}

TEST_F(DatabaseTest, WritingOverAHiddenExpiredKeyReplacesIt) {
  db_.set_string("k", "v", ExpiryChange::set(keyspace_.now_ms() + 10));
  advance(11);
  keyspace_.set_deletes_expired(false);
  db_.set_string("k", "w");
  EXPECT_EQ(get("k"), "w");
  EXPECT_EQ(db_.size(), 1u);
  EXPECT_EQ(db_.expires(), 0u);
}

TEST_F(DatabaseTest, DueKeysAreFoundWithoutLookingAtOthers) {
  for (int i = 0; i < 1000; i++) {
    db_.set_string("k" + std::to_string(i), "v", ExpiryChange::set(keyspace_.now_ms() + 1 + i));
  }
  advance(500);
  EXPECT_EQ(db_.delete_expired(100), 100u);
  EXPECT_EQ(db_.delete_expired(1000), 399u);
  EXPECT_EQ(db_.size(), 501u);
}

TEST_F(DatabaseTest, LookupsCountHitsAndMisses) {
  db_.set_string("k", "v");
  db_.find("k");
  db_.find("absent");
  db_.find("k", Lookup::kPeek);
  db_.find("k", Lookup::kWrite);
  EXPECT_EQ(keyspace_.statistics().hits, 1u);
  EXPECT_EQ(keyspace_.statistics().misses, 1u);
}

TEST_F(DatabaseTest, ReadsResetTheIdleTimeAndPeeksDoNot) {
  db_.set_string("k", "v");
  advance(100'000);
  db_.find("k", Lookup::kPeek);
  db_.find("k", Lookup::kReadNoTouch);
  EXPECT_EQ(db_.idle_seconds("k"), 100u);
  db_.find("k");
  EXPECT_EQ(db_.idle_seconds("k"), 0u);
}

TEST_F(DatabaseTest, RenameReplacesTheTargetAndTakesTheExpiryAlong) {
  db_.set_string("a", "1", ExpiryChange::set(2'000'000));
  db_.set_string("b", "2", ExpiryChange::set(3'000'000));
  EXPECT_TRUE(db_.rename("a", "b"));
  EXPECT_FALSE(db_.rename("a", "c"));
  EXPECT_EQ(get("b"), "1");
  EXPECT_EQ(expiry("b"), 2'000'000);
  EXPECT_EQ(db_.size(), 1u);
  EXPECT_EQ(db_.expires(), 1u);
}

TEST_F(DatabaseTest, RenameToItselfKeepsTheKey) {
  db_.set_string("a", "1");
  EXPECT_TRUE(db_.rename("a", "a"));
  EXPECT_EQ(get("a"), "1");
}

TEST_F(DatabaseTest, MoveAndCopyBetweenDatabases) {
  db_.set_string("a", "1", ExpiryChange::set(2'000'000));
  Database& other = keyspace_.database(5);
  other.set_string("b", "old");
  EXPECT_TRUE(db_.copy_to(other, "a", "b"));
  EXPECT_EQ(get("b", 5), "1");
  EXPECT_EQ(other.expires(), 1u);
  EXPECT_TRUE(db_.move_to(other, "a"));
  EXPECT_FALSE(db_.move_to(other, "a"));
  EXPECT_EQ(get("a"), "(none)");
  EXPECT_EQ(get("a", 5), "1");
  db_.set_string("a", "2");
  EXPECT_FALSE(db_.move_to(other, "a")) << "the target has one";
}

TEST_F(DatabaseTest, SwapExchangesWholeDatabases) {
  db_.set_string("a", "1", ExpiryChange::set(2'000'000));
  keyspace_.swap(0, 1);
  EXPECT_EQ(get("a", 1), "1");
  EXPECT_EQ(db_.size(), 0u);
  EXPECT_EQ(keyspace_.database(1).expires(), 1u);
}

TEST_F(DatabaseTest, FlushGivesEveryBlockBack) {
  for (const bool async : {false, true}) {
    for (int i = 0; i < 10'000; i++) db_.set_string(std::to_string(i), std::string(2000, 'v'));
    EXPECT_GT(keyspace_.chunks().used_bytes(), 20'000'000u);
    EXPECT_EQ(keyspace_.flush_all(async), 10'000u);
    keyspace_.lazy_free().drain();
    EXPECT_EQ(keyspace_.chunks().used_bytes(), 0u);
  }
  EXPECT_EQ(keyspace_.lazy_free().freed(), 10'000u);
}

TEST_F(DatabaseTest, ErasingGivesTheBlocksOfAnyValueBack) {
  db_.set_string("large", std::string(1 << 20, 'v'));
  db_.set_string("small", "v");
  EXPECT_TRUE(db_.erase("large"));
  EXPECT_TRUE(db_.erase("small"));
  EXPECT_FALSE(db_.erase("small"));
  EXPECT_EQ(keyspace_.chunks().used_bytes(), 0u);
}

TEST_F(DatabaseTest, MovingAndCopyingTakeMemoryOfTheTarget) {
  db_.set_string("large", std::string(1 << 20, 'v'));
  EXPECT_TRUE(db_.copy_to(keyspace_.database(1), "large", "large"));
  EXPECT_TRUE(db_.move_to(keyspace_.database(2), "large"));
  EXPECT_EQ(db_.arena().used_bytes(), 0u);
  EXPECT_EQ(keyspace_.database(1).arena().used_bytes(), keyspace_.database(2).arena().used_bytes());
  keyspace_.flush(1, false);
  EXPECT_EQ(get("large", 2), std::string(1 << 20, 'v'));
}

TEST_F(DatabaseTest, LoadTakesIdleTimesAndFrequencies) {
  db_.load({.key = "a", .value = StringView("v"), .expire_at_ms = kNoExpiry, .idle_seconds = 500, .frequency = {}});
  EXPECT_EQ(db_.idle_seconds("a"), 500u);
  keyspace_.access_clock().set_lfu(true);
  db_.load({.key = "b", .value = StringView(7), .expire_at_ms = 5'000'000, .idle_seconds = {}, .frequency = 200});
  EXPECT_EQ(db_.frequency("b"), 200);
  EXPECT_EQ(get("b"), "7");
  EXPECT_EQ(expiry("b"), 5'000'000);
}

TEST_F(DatabaseTest, LoadsBatchesOfAnyLength) {
  for (const size_t count : {0u, 1u, 15u, 16u, 17u, 1000u}) {
    std::vector<std::string> names;
    for (size_t i = 0; i < count; i++) names.push_back("key " + std::to_string(i));
    std::vector<LoadedKey> batch;
    for (const std::string& name : names) batch.push_back({.key = name, .value = StringView(name)});
    keyspace_.flush_all(false);
    EXPECT_FALSE(db_.load(batch));
    EXPECT_EQ(db_.size(), count);
    for (const std::string& name : names) EXPECT_EQ(get(name), name);
    EXPECT_EQ(db_.load(batch).has_value(), count > 0) << "all of them replace what was there";
    EXPECT_EQ(db_.size(), count);
  }
}

TEST_F(DatabaseTest, ABatchMayNameAKeyTwice) {
  const LoadedKey batch[] = {{.key = "k", .value = StringView("1"), .expire_at_ms = 9'000'000},
                             {.key = "k", .value = StringView("2")}};
  EXPECT_EQ(db_.load(batch), 1u);
  EXPECT_EQ(get("k"), "2");
  EXPECT_EQ(db_.expires(), 0u);
}

TEST_F(DatabaseTest, RandomEntryIsNoExpiredOne) {
  for (int i = 0; i < 50; i++) db_.set_string("e" + std::to_string(i), "v", ExpiryChange::set(keyspace_.now_ms() + 1));
  db_.set_string("live", "v");
  advance(10);
  for (int i = 0; i < 20; i++) EXPECT_EQ(db_.random_entry()->key(), "live");
}

TEST_F(DatabaseTest, LfuCountersRiseAndDecay) {
  keyspace_.access_clock().set_lfu(true);
  db_.set_string("k", "v");
  EXPECT_EQ(db_.frequency("k"), AccessClock::kInitialFrequency);
  for (int i = 0; i < 10'000; i++) db_.find("k");
  const int busy = db_.frequency("k");
  EXPECT_GT(busy, 20);
  advance(10 * 60'000);
  EXPECT_EQ(db_.frequency("k"), busy - 10);
}

// Random operations against a map from key to (value, deadline), time included.
TEST_F(DatabaseTest, AgreesWithAModelUnderRandomOperations) {
  const char* given = std::getenv("COWSLIP_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : os_random_u64();
  SCOPED_TRACE("COWSLIP_SEED=" + std::to_string(seed));
  Random random(seed);
  struct Value {
    std::string text;
    int64_t expire_at_ms;
  };
  std::map<std::string, Value> model;
  const auto some_key = [&] { return "key" + std::to_string(random.below(300)); };
  const auto live = [&](const std::string& key) {
    const auto it = model.find(key);
    if (it != model.end() && it->second.expire_at_ms != kNoExpiry && keyspace_.now_ms() > it->second.expire_at_ms) {
      model.erase(it);
      return model.end();
    }
    return it;
  };
  for (int step = 0; step < 100'000; step++) {
    const std::string key = some_key();
    const auto it = live(key);
    switch (random.below(9)) {
      case 0: {
        const std::string value(random.below(3) * 700, 'x');
        db_.set_string(key, value);
        model[key] = {value, kNoExpiry};
        break;
      }
      case 1: {
        const int64_t at_ms = keyspace_.now_ms() + static_cast<int64_t>(random.below(50));
        db_.set_string(key, "short", ExpiryChange::set(at_ms));
        model[key] = {"short", at_ms};
        break;
      }
      case 2:
        ASSERT_EQ(db_.erase(key), it != model.end());
        model.erase(key);
        break;
      case 3: {
        const int64_t at_ms = keyspace_.now_ms() + static_cast<int64_t>(random.below(50));
        ASSERT_EQ(db_.set_expiry(key, at_ms), it != model.end());
        if (it != model.end()) it->second.expire_at_ms = at_ms;
        break;
      }
      case 4: {
        ASSERT_EQ(db_.persist(key), it != model.end() && it->second.expire_at_ms != kNoExpiry);
        if (it != model.end()) it->second.expire_at_ms = kNoExpiry;
        break;
      }
      case 5: {
        const std::string to = some_key();
        live(to);
        const auto from = live(key);
        ASSERT_EQ(db_.rename(key, to), from != model.end());
        if (from != model.end() && key != to) {
          model[to] = from->second;
          model.erase(key);
        }
        break;
      }
      case 6: {
        const size_t offset = random.below(2500), count = random.below(200);
        const auto bytes = db_.writable_range(key, offset, count);
        ASSERT_EQ(bytes.size(), count);
        std::ranges::fill(bytes, 'w');
        if (it == model.end()) model[key] = {"", kNoExpiry};
        std::string& text = model[key].text;
        text.resize(std::max(text.size(), offset + count));
        text.replace(offset, count, count, 'w');
        break;
      }
      case 7:
        keyspace_.set_now_ms(keyspace_.now_ms() + static_cast<int64_t>(random.below(3)));
        break;
      case 8:
        db_.delete_expired(random.below(20));
        break;
    }
    const auto now = live(key);
    ASSERT_EQ(get(key), now == model.end() ? "(none)" : now->second.text) << "step " << step;
    ASSERT_EQ(expiry(key), now == model.end() ? -2 : now->second.expire_at_ms) << "step " << step;
  }
  db_.delete_expired(SIZE_MAX);
  for (auto it = model.begin(); it != model.end();)
    it = live(std::string(it->first)) == model.end() ? model.begin() : ++it;
  EXPECT_EQ(db_.size(), model.size());
  size_t walked = 0;
  db_.for_each([&](const Entry& entry) { walked += model.contains(std::string(entry.key())); });
  EXPECT_EQ(walked, model.size());
}

}  // namespace
}  // namespace cowslip::store
