// The index against a std::set, under growth, shrinking and scans.
#include "store/index.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "memory/chunk_pool.h"
#include "store/entry_factory.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

class IndexTest : public testing::Test {
 protected:
  bool add(const std::string& key, uint32_t access = 7) {
    const uint64_t hash = index_.hash(key);
    if (index_.find(key, hash)) return false;
    const Index::Slot slot = index_.insert(hash, entries_.make_integer(key, 1, kNoExpiry), access);
    EXPECT_EQ(slot.entry()->key(), key);
    return true;
  }
  bool remove(const std::string& key) {
    const uint64_t hash = index_.hash(key);
    const Index::Slot slot = index_.find(key, hash);
    if (!slot) return false;
    EXPECT_EQ(index_.erase(slot, hash)->key(), key);
    return true;
  }
  bool has(const std::string& key) { return static_cast<bool>(index_.find(key, index_.hash(key))); }
  std::set<std::string> keys() {
    std::set<std::string> seen;
    index_.for_each([&](Index::Slot slot) { EXPECT_TRUE(seen.insert(std::string(slot.entry()->key())).second); });
    return seen;
  }
  // A whole scan with nothing changing meanwhile, so nothing may come twice.
  std::set<std::string> scanned_keys() {
    std::set<std::string> seen;
    uint64_t cursor = 0;
    do {
      cursor = index_.scan(
          cursor, [&](Index::Slot slot) { EXPECT_TRUE(seen.insert(std::string(slot.entry()->key())).second); });
    } while (cursor != 0);
    return seen;
  }
  void expect_keys(const std::set<std::string>& model) {
    ASSERT_EQ(index_.size(), model.size());
    ASSERT_EQ(keys(), model);
    ASSERT_EQ(scanned_keys(), model);
    for (const auto& key : model) ASSERT_TRUE(has(key)) << key;
    ASSERT_FALSE(has("never there"));
    const Index::Slot any = index_.random(random_);
    ASSERT_EQ(static_cast<bool>(any), !model.empty());
    if (any) {
      ASSERT_TRUE(model.contains(std::string(any.entry()->key())));
    }
  }
  void upkeep() {
    while (index_.step(1000)) {
    }
  }

  uint64_t seed_ = test_seed();
  Random random_{seed_};
  // What is taken out of the index stays in the arena, which goes as a whole.
  memory::ChunkPool pool_{{.keeper = false}};
  memory::Arena arena_{pool_};
  EntryFactory entries_{arena_};
  memory::UnsharedHeap heap_;
  Index index_{seed_, pool_.base(), heap_};
};

TEST_F(IndexTest, EmptyIndexFindsNothing) {
  EXPECT_FALSE(has("a"));
  EXPECT_EQ(index_.scan(0, [](Index::Slot) { FAIL(); }), 0u);
  EXPECT_FALSE(index_.random(random_));
  EXPECT_FALSE(index_.step(1000));
  index_.prefetch(1);
  index_.prefetch_entry(1);
  EXPECT_EQ(index_.memory_bytes(), 0u);
}

TEST_F(IndexTest, KeepsAccessStampsWhileItGrows) {
  for (uint32_t i = 0; i < 5000; i++) add("key:" + std::to_string(i), i * 3000 & 0xffffff);
  for (uint32_t i = 0; i < 5000; i++) {
    const std::string key = "key:" + std::to_string(i);
    ASSERT_EQ(index_.find(key, index_.hash(key)).access(), (i * 3000 & 0xffffff)) << key;
  }
}

TEST_F(IndexTest, SlotsAreWrittenInPlace) {
  add("before");
  add("k");
  add("after");
  Index::Slot slot = index_.find("k", index_.hash("k"));
  slot.set_access(0xabcdef);
  Entry* const moved = entries_.copy(*slot.entry(), "k", kNoExpiry);
  slot.set_entry(moved);
  EXPECT_EQ(index_.find("k", index_.hash("k")).entry(), moved);
  EXPECT_EQ(index_.find("k", index_.hash("k")).access(), 0xabcdefu);
  for (const char* other : {"before", "after"}) {
    EXPECT_EQ(index_.find(other, index_.hash(other)).entry()->key(), other);
    EXPECT_EQ(index_.find(other, index_.hash(other)).access(), 7u);
  }
}

TEST_F(IndexTest, AgreesWithAModelUnderRandomOperations) {
  std::set<std::string> model;
  // The share of additions swings, so the index grows and shrinks several times.
  for (int step = 0; step < 300'000; step++) {
    const bool growing = (step / 40'000) % 2 == 0;
    const std::string key = std::to_string(random_.below(30'000));
    if (random_.below(10) < (growing ? 8u : 2u)) {
      ASSERT_EQ(add(key), model.insert(key).second) << "step " << step;
    } else {
      ASSERT_EQ(remove(key), model.erase(key) == 1) << "step " << step;
    }
    if (random_.below(5000) == 0) index_.step(50);
    ASSERT_EQ(index_.size(), model.size());
  }
  expect_keys(model);
}

// After every single split and merge all ways to the keys are compared.
TEST_F(IndexTest, AgreesWithAModelAfterEveryChangeOfTheTable) {
  std::set<std::string> model;
  const auto change = [&](bool add_one) {
    std::string key = std::to_string(random_.below(1'000'000));
    if (add_one) {
      ASSERT_EQ(add(key), model.insert(key).second);
    } else if (!model.empty()) {
      auto found = model.lower_bound(key);
      if (found == model.end()) found = model.begin();
      key = *found;
      ASSERT_TRUE(remove(key));
      model.erase(key);
    }
  };
  int changes = 0;
  for (int round = 0; round < 6; round++) {
    const bool growing = round % 2 == 0;
    while (growing ? model.size() < 700 : !model.empty()) {
      const size_t buckets = index_.bucket_count();
      change(random_.below(8) == 0 ? !growing : growing);
      if (index_.bucket_count() == buckets) continue;
      changes++;
      ASSERT_NO_FATAL_FAILURE(expect_keys(model));
    }
  }
  EXPECT_GT(changes, 500);
}

// What is there from the first call of a scan to its last is visited, whatever comes, goes and is moved meanwhile.
TEST_F(IndexTest, ScanVisitsWhatStaysWhileTheTableGrowsAndShrinks) {
  for (int round = 0; round < 100; round++) {
    std::set<std::string> staying, seen;
    const uint64_t stay = 1 + random_.below(500);
    for (uint64_t i = 0; i < stay; i++) {
      staying.insert("stay:" + std::to_string(i));
      add("stay:" + std::to_string(i));
    }
    // Bounded: a table that grows with every step of the scan would keep the scan going for ever.
    uint64_t changes_left = random_.below(20'000);
    const uint64_t most_between_two_steps = 1 + random_.below(400);
    uint64_t additions_of_ten = random_.below(11), cursor = 0;
    do {
      cursor = index_.scan(cursor, [&](Index::Slot slot) { seen.insert(std::string(slot.entry()->key())); });
      if (random_.below(30) == 0) additions_of_ten = random_.below(11);
      for (uint64_t i = random_.below(most_between_two_steps); i > 0 && changes_left > 0; i--, changes_left--) {
        const std::string key = "go:" + std::to_string(random_.below(3000));
        random_.below(10) < additions_of_ten ? add(key) : remove(key);
      }
      if (random_.below(20) == 0) index_.step(static_cast<int64_t>(random_.below(20)));
    } while (cursor != 0);
    for (const auto& key : staying) ASSERT_TRUE(seen.contains(key)) << key << " in round " << round;
    for (const auto& key : staying) remove(key);
  }
}

// As above, with the table forced through chosen sizes between any two steps.
TEST_F(IndexTest, ScanVisitsWhatStaysWhateverTheTableSizes) {
  for (int i = 0; i < 40; i++) add("stay:" + std::to_string(i));
  for (int round = 0; round < 300; round++) {
    std::set<std::string> seen;
    uint64_t cursor = 0;
    int disturbances = 0;
    do {
      cursor = index_.scan(cursor, [&](Index::Slot slot) {
        if (slot.entry()->key().starts_with("stay:")) seen.insert(std::string(slot.entry()->key()));
      });
      if (disturbances++ > 60) continue;
      const auto fillers = static_cast<int>(random_.below(random_.below(2) == 0 ? 20 : 400));
      for (int i = 0; i < 400; i++) i < fillers ? add("f" + std::to_string(i)) : remove("f" + std::to_string(i));
      upkeep();
    } while (cursor != 0);
    ASSERT_EQ(seen.size(), 40u) << "round " << round;
  }
}

TEST_F(IndexTest, ScanTakesAnyCursor) {
  for (int i = 0; i < 1000; i++) add(std::to_string(i));
  for (int i = 0; i < 1000; i++) index_.scan(random_.next(), [](Index::Slot slot) { EXPECT_TRUE(slot.entry()); });
}

TEST_F(IndexTest, NoStepSplitsMoreThanOneBucket) {
  size_t buckets = 0;
  for (int i = 0; i < 20'000; i++) {
    add(std::to_string(i));
    ASSERT_LE(index_.bucket_count(), buckets + 1);
    buckets = index_.bucket_count();
  }
  for (int i = 0; i < 20'000; i++) {
    remove(std::to_string(i));
    ASSERT_GE(index_.bucket_count() + 1, buckets);
    buckets = index_.bucket_count();
  }
}

// Poisson's distribution puts 23 keys under one bucket less than once in 10^5 buckets even where they are fullest.
TEST_F(IndexTest, ChainsStayShort) {
  for (int i = 0; i < 100'000; i++) {
    add(std::to_string(i));
    if (i % 10'000 != 0) continue;
    size_t longest = 0;
    for (uint64_t cursor = 0, keys = 0;; keys = 0) {
      cursor = index_.scan(cursor, [&](Index::Slot) { keys++; });
      longest = std::max(longest, keys);
      if (cursor == 0) break;
    }
    ASSERT_LE(longest, 40u) << "seed " << seed_;
  }
}

TEST_F(IndexTest, KeysOfOneHashAreAChain) {
  constexpr uint64_t kHash = 0x1234567800000042;
  std::set<Entry*> inside;
  std::vector<Entry*> all;
  for (int i = 0; i < 500; i++) {
    const std::string key = "same:" + std::to_string(i);
    // A split would part them by what they really hash to.
    if (i == 0) index_.reserve(10'000);
    all.push_back(entries_.make_integer(key, 1, i));
    index_.insert(kHash, all.back(), static_cast<uint32_t>(i));
    inside.insert(all.back());
  }
  EXPECT_GT(index_.overflow_bucket_count(), 80u);
  while (!inside.empty()) {
    Entry* const victim = all[random_.below(all.size())];
    const Index::Slot slot = index_.find_entry(kHash, victim);
    ASSERT_EQ(static_cast<bool>(slot), inside.contains(victim));
    if (!slot) continue;
    ASSERT_EQ(slot.entry(), victim);
    ASSERT_EQ(slot.access(), static_cast<uint32_t>(victim->expire_at_ms()));
    ASSERT_EQ(index_.erase(slot, kHash), victim);
    inside.erase(victim);
    for (Entry* entry : inside) ASSERT_TRUE(index_.find(entry->key(), kHash));
  }
  EXPECT_EQ(index_.overflow_bucket_count(), 0u);
  EXPECT_EQ(heap_.used_bytes(), 0u);
}

TEST_F(IndexTest, ShrinksToNothingAndGrowsAgain) {
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 300'000; i++) add(std::to_string(i));
    const size_t full_bytes = index_.memory_bytes();
    EXPECT_GT(full_bytes, 300'000u * 13);
    EXPECT_LT(full_bytes, 300'000u * 17 + (2u << 20));
    for (int i = 0; i < 300'000; i++) ASSERT_TRUE(remove(std::to_string(i)));
    upkeep();
    EXPECT_EQ(index_.size(), 0u);
    EXPECT_EQ(index_.bucket_count(), 1u);
    EXPECT_EQ(index_.overflow_bucket_count(), 0u);
    EXPECT_LE(index_.memory_bytes(), 256u << 10);
  }
}

TEST_F(IndexTest, ReserveSizesTheTableOnce) {
  index_.reserve(100'000);
  const size_t buckets = index_.bucket_count();
  const size_t home_bytes = index_.memory_bytes();
  EXPECT_GE(buckets * Bucket::kPlaces, 100'000u);
  for (int i = 0; i < 100'000; i++) add(std::to_string(i));
  EXPECT_EQ(index_.bucket_count(), buckets);
  EXPECT_EQ(index_.memory_bytes() - index_.overflow_bucket_count() * sizeof(Bucket), home_bytes);
}

TEST_F(IndexTest, ReservingWhatIsNotUsedGoesBackWithUpkeep) {
  for (int i = 0; i < 1000; i++) add(std::to_string(i));
  for (int i = 0; i < 1000; i++) remove(std::to_string(i));
  index_.reserve(3'000'000);  // over what was used before, too
  add("only");
  EXPECT_EQ(keys(), std::set<std::string>{"only"});
  index_.reserve(30'000'000);  // not empty any more
  EXPECT_LT(index_.memory_bytes(), 60u << 20);
  upkeep();
  EXPECT_LE(index_.bucket_count(), 2u);
  EXPECT_LE(index_.memory_bytes(), 256u << 10);
  EXPECT_EQ(keys(), std::set<std::string>{"only"});
}

TEST_F(IndexTest, RandomDrawsEveryKeyEquallyOften) {
  constexpr int kKeys = 200, kDraws = 200'000;
  for (int i = 0; i < kKeys; i++) add(std::to_string(i));
  std::map<std::string, int> drawn;
  for (int i = 0; i < kDraws; i++) drawn[std::string(index_.random(random_).entry()->key())]++;
  ASSERT_EQ(drawn.size(), static_cast<size_t>(kKeys));
  // 1000 expected each; eight standard deviations either way.
  for (const auto& [key, times] : drawn) {
    EXPECT_GT(times, 750) << key;
    EXPECT_LT(times, 1250) << key;
  }
}

TEST_F(IndexTest, SamplesEveryKeyAlike) {
  constexpr int kKeys = 2000;
  for (int i = 0; i < kKeys; i++) add(std::to_string(i));
  std::map<std::string, int> drawn;
  size_t total = 0;
  for (int i = 0; i < 100'000; i++) {
    size_t seen = 0;
    index_.sample(random_, 5, [&](Index::Slot slot) {
      seen++;
      drawn[std::string(slot.entry()->key())]++;
    });
    EXPECT_GE(seen, 5u);
    total += seen;
  }
  const double mean = static_cast<double>(total) / kKeys;
  ASSERT_EQ(drawn.size(), static_cast<size_t>(kKeys));
  for (const auto& [key, times] : drawn) {
    EXPECT_GT(times, mean * 0.6) << key;
    EXPECT_LT(times, mean * 1.4) << key;
  }
}

TEST_F(IndexTest, SamplesWhereKeysAreFarApart) {
  index_.sample(random_, 5, [](Index::Slot) { ADD_FAILURE() << "there is no key"; });
  index_.reserve(100'000);
  add("alone");
  size_t seen = 0;
  index_.sample(random_, 5, [&](Index::Slot) { seen++; });
  EXPECT_EQ(seen, 1u);
  for (int i = 0; i < 9; i++) add(std::to_string(i));
  seen = 0;
  index_.sample(random_, 1, [&](Index::Slot) { seen++; });
  EXPECT_GE(seen, 1u);
}

TEST_F(IndexTest, FindsByHashAndExpiry) {
  const uint64_t hash = index_.hash("k");
  index_.insert(hash, entries_.make_integer("k", 1, 12345), 0);
  EXPECT_TRUE(index_.find_due(hash, 12345));
  EXPECT_FALSE(index_.find_due(hash, 12346));
}

TEST_F(IndexTest, FindsTheVeryEntry) {
  for (int i = 0; i < 1000; i++) add(std::to_string(i));
  const uint64_t hash = index_.hash("7");
  Entry* const entry = index_.find("7", hash).entry();
  Entry* const copy = entries_.copy(*entry, "7", kNoExpiry);
  EXPECT_FALSE(index_.find_entry(hash, copy));
  index_.find_entry(hash, entry).set_entry(copy);
  EXPECT_EQ(index_.find("7", hash).entry(), copy);
  EXPECT_FALSE(index_.find_entry(hash, entry));
}

TEST(ReversedCursor, CountsThroughEveryBucketOnce) {
  for (uint64_t mask : {0u, 1u, 7u, 1023u}) {
    std::set<uint64_t> visited;
    uint64_t cursor = 0;
    do {
      EXPECT_TRUE(visited.insert(cursor & mask).second);
      cursor = internal::next_reversed(cursor, mask);
    } while (cursor != 0);
    EXPECT_EQ(visited.size(), mask + 1);
  }
}

}  // namespace
}  // namespace cowslip::store
