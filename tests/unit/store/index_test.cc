// The index against a std::unordered_map, under growth, shrinking and scans.
#include "store/index.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "memory/chunk_pool.h"
#include "store/entry_factory.h"

namespace cowslip::store {
namespace {

uint64_t test_seed() {
  const char* given = std::getenv("COWSLIP_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : os_random_u64();
  std::printf("COWSLIP_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

class IndexTest : public testing::Test {
 protected:
  ~IndexTest() override {
    index_.for_each([&](Index::Slot slot) { factory_.free(slot.entry()); });
  }

  bool add(const std::string& key, uint32_t access = 7) {
    const uint64_t hash = index_.hash(key);
    if (index_.find(key, hash)) return false;
    index_.insert(hash, factory_.make_integer(key, 1, kNoExpiry), access);
    return true;
  }
  bool remove(const std::string& key) {
    const uint64_t hash = index_.hash(key);
    const Index::Slot slot = index_.find(key, hash);
    if (!slot) return false;
    factory_.free(index_.erase(slot, hash));
    return true;
  }
  bool has(const std::string& key) { return static_cast<bool>(index_.find(key, index_.hash(key))); }

  uint64_t seed_ = test_seed();
  Random random_{seed_};
  memory::ChunkPool pool_{{.keeper = false}};
  memory::Arena arena_{pool_};
  EntryFactory factory_{arena_};
  Index index_{seed_};
};

TEST_F(IndexTest, EmptyIndexFindsNothing) {
  EXPECT_FALSE(has("a"));
  EXPECT_EQ(index_.scan(0, [](Index::Slot) { FAIL(); }), 0u);
  EXPECT_FALSE(index_.random(random_));
}

TEST_F(IndexTest, KeepsAccessStampsAcrossResizes) {
  for (uint32_t i = 0; i < 5000; i++) add("key:" + std::to_string(i), i * 3000 & 0xffffff);
  for (uint32_t i = 0; i < 5000; i++) {
    const std::string key = "key:" + std::to_string(i);
    ASSERT_EQ(index_.find(key, index_.hash(key)).access(), (i * 3000 & 0xffffff)) << key;
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
    if (random_.below(5000) == 0) index_.shrink_if_sparse();
    if (random_.below(5000) == 0) index_.step(50);
    ASSERT_EQ(index_.size(), model.size());
  }
  std::set<std::string> seen;
  index_.for_each([&](Index::Slot slot) { EXPECT_TRUE(seen.insert(std::string(slot.entry()->key())).second); });
  EXPECT_EQ(seen, model);
  for (const auto& key : model) EXPECT_TRUE(has(key));
}

// Every step of a resize is a place where anything may happen: after each one, all ways to the keys are compared.
TEST_F(IndexTest, AgreesWithAModelAfterEveryStepOfAResize) {
  std::set<std::string> model;
  const auto add_some = [&](int count) {
    for (int i = 0; i < count; i++) {
      const std::string key = std::to_string(random_.below(1'000'000));
      ASSERT_EQ(add(key), model.insert(key).second);
    }
  };
  const auto remove_some = [&](size_t count) {
    for (size_t i = 0; i < count && !model.empty(); i++) {
      auto key = model.lower_bound(std::to_string(random_.below(1'000'000)));
      if (key == model.end()) key = model.begin();
      ASSERT_TRUE(remove(*key));
      model.erase(key);
    }
  };
  const auto expect_model = [&] {
    std::set<std::string> once, scanned;
    index_.for_each([&](Index::Slot slot) { ASSERT_TRUE(once.insert(std::string(slot.entry()->key())).second); });
    ASSERT_EQ(once, model);
    uint64_t cursor = 0;
    do {  // nothing changes meanwhile, so nothing may come twice
      cursor = index_.scan(
          cursor, [&](Index::Slot slot) { ASSERT_TRUE(scanned.insert(std::string(slot.entry()->key())).second); });
    } while (cursor != 0);
    ASSERT_EQ(scanned, model);
    for (const auto& key : model) ASSERT_TRUE(has(key)) << key;
    ASSERT_FALSE(has("never there"));
    ASSERT_TRUE(model.contains(std::string(index_.random(random_).entry()->key())));
    ASSERT_EQ(index_.size(), model.size());
  };
  int steps_growing = 0, steps_shrinking = 0;
  for (int round = 0; round < 10; round++) {
    while (model.size() < 700) {
      add_some(1);
      if (random_.below(3) == 0) remove_some(1);
      if (!index_.resizing()) continue;
      steps_growing++;
      ASSERT_NO_FATAL_FAILURE(expect_model());
    }
    while (index_.resizing()) index_.step(1000);
    remove_some(model.size() - 40);
    index_.shrink_if_sparse();
    ASSERT_TRUE(index_.resizing());
    while (index_.resizing()) {
      steps_shrinking++;
      random_.below(2) == 0 ? add_some(1) : remove_some(1);
      ASSERT_NO_FATAL_FAILURE(expect_model());
    }
  }
  EXPECT_GT(steps_growing, 400);
  EXPECT_GT(steps_shrinking, 50);
}

// Several doublings or halvings in a row, which one step each would be a stall.
TEST_F(IndexTest, ResizesAsFarAsNeedBe) {
  add("first");
  index_.reserve(100'000);
  while (index_.step(1000)) {
  }
  const size_t buckets = index_.bucket_count();
  EXPECT_GE(buckets * Index::kSlots, 100'000u);
  for (int i = 0; i < 99'999; i++) add(std::to_string(i));
  EXPECT_EQ(index_.bucket_count(), buckets);
  for (int i = 0; i < 99'990; i++) remove(std::to_string(i));
  index_.shrink_if_sparse();
  while (index_.step(1000)) {
  }
  EXPECT_LT(index_.bucket_count(), 10u);
  EXPECT_TRUE(has("first"));
  for (int i = 99'990; i < 99'999; i++) EXPECT_TRUE(has(std::to_string(i)));
}

// What is there from the first call of a scan to its last is visited, whatever comes, goes and is moved meanwhile.
TEST_F(IndexTest, ScanVisitsWhatStaysWhileTheTableGrowsAndShrinks) {
  for (int round = 0; round < 30; round++) {
    std::set<std::string> staying;
    for (int i = 0; i < 500; i++) {
      staying.insert("stay:" + std::to_string(i));
      add("stay:" + std::to_string(i));
    }
    std::set<std::string> seen;
    uint64_t cursor = 0;
    int churned = 0;
    do {
      cursor = index_.scan(cursor, [&](Index::Slot slot) { seen.insert(std::string(slot.entry()->key())); });
      const bool add_more = round % 2 == 0;
      // Bounded: a table that grows with every step of the scan would keep the scan going for ever.
      for (uint64_t i = churned < 10'000 ? random_.below(80) : 0; i > 0; i--, churned++) {
        const std::string key = "go:" + std::to_string(add_more ? churned : random_.below(20'000));
        add_more ? add(key) : remove(key);
      }
      if (random_.below(20) == 0) index_.shrink_if_sparse();
    } while (cursor != 0);
    for (const auto& key : staying) ASSERT_TRUE(seen.contains(key)) << key << " in round " << round;
  }
}

TEST_F(IndexTest, ReserveSizesTheTableOnce) {
  index_.reserve(100'000);
  const size_t buckets = index_.bucket_count();
  for (int i = 0; i < 100'000; i++) add(std::to_string(i));
  EXPECT_EQ(index_.bucket_count(), buckets);
  EXPECT_FALSE(index_.resizing());
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

TEST_F(IndexTest, FindsByHashAndExpiry) {
  const uint64_t hash = index_.hash("k");
  index_.insert(hash, factory_.make_integer("k", 1, 12345), 0);
  EXPECT_TRUE(index_.find_due(hash, 12345));
  EXPECT_FALSE(index_.find_due(hash, 12346));
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
