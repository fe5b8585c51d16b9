// Which keys the policies choose, and that nothing else happens to the dataset.
#include "store/eviction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <list>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/keyspace.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

using Order = EvictionPolicy::Order;
constexpr size_t kAllOfThem = 1 << 20;  // samples: choices become exact

class EvictionTest : public testing::Test {
 protected:
  EvictionTest() {
    keyspace_.set_now_ms(kStartMs);
    eviction_.on_evicted([this](int database, std::string_view key) {
      evicted_.push_back(std::to_string(database) + ":" + std::string(key));
    });
  }

  void use(Order order, bool volatile_only = false, size_t samples = kAllOfThem) {
    keyspace_.access_clock().set_lfu(order == Order::kSeldom);
    eviction_.set_policy({order, volatile_only});
    eviction_.set_samples(samples);
  }
  // A key last used so many seconds ago.
  void add_idle(const std::string& key, uint64_t idle_seconds, int64_t expire_at_ms = kNoExpiry, int number = 0) {
    keyspace_.database(number).load(
        {.key = key, .value = StringView("v"), .expire_at_ms = expire_at_ms, .idle_seconds = idle_seconds});
  }
  void add_frequent(const std::string& key, uint8_t frequency, int64_t expire_at_ms = kNoExpiry) {
    db_.load({.key = key, .value = StringView("v"), .expire_at_ms = expire_at_ms, .frequency = frequency});
  }
  bool has(std::string_view key, int number = 0) {
    return keyspace_.database(number).find(key, Lookup::kPeek) != nullptr;
  }

  static constexpr int64_t kStartMs = 1'700'000'000'000;
  static constexpr int64_t kLaterMs = kStartMs + 1'000'000'000;

  Keyspace keyspace_{16, 42};
  Database& db_ = keyspace_.database(0);
  Eviction eviction_{keyspace_};
  std::vector<std::string> evicted_;
};

TEST_F(EvictionTest, NothingToEvict) {
  for (const Order order : {Order::kIdle, Order::kSeldom, Order::kRandom, Order::kDeadline}) {
    use(order, true);
    EXPECT_FALSE(eviction_.evict_one());
    db_.set_string("stays", "v");
    EXPECT_FALSE(eviction_.evict_one()) << "it does not expire";
    use(order, false);
    EXPECT_EQ(eviction_.evict_one(), order != Order::kDeadline);
    db_.erase("stays");
    EXPECT_FALSE(eviction_.evict_one());
  }
}

TEST_F(EvictionTest, LruGoesFromTheLongestIdleOn) {
  use(Order::kIdle);
  for (uint64_t i = 0; i < 100; i++) add_idle("k" + std::to_string(i), 1000 + (i * 37 % 100) * 10);
  std::vector<std::string> expected;
  for (uint64_t rank = 0; rank < 100; rank++) {
    for (uint64_t i = 0; i < 100; i++) {
      if (i * 37 % 100 == 99 - rank) expected.push_back("0:k" + std::to_string(i));
    }
  }
  while (eviction_.evict_one()) {
  }
  EXPECT_EQ(evicted_, expected);
  EXPECT_EQ(db_.size(), 0u);
}

TEST_F(EvictionTest, LfuGoesFromTheSeldomUsedOn) {
  use(Order::kSeldom);
  for (uint8_t i = 0; i < 50; i++) add_frequent("k" + std::to_string(i), static_cast<uint8_t>(i * 17 % 50 + 1));
  for (uint8_t frequency = 1; frequency <= 50; frequency++) ASSERT_TRUE(eviction_.evict_one());
  ASSERT_EQ(evicted_.size(), 50u);
  for (size_t rank = 0; rank < 50; rank++) {
    const auto number = static_cast<size_t>(std::stoi(evicted_[rank].substr(3)));
    EXPECT_EQ(number * 17 % 50, rank) << evicted_[rank];
  }
}

TEST_F(EvictionTest, LfuForgetsWithTime) {
  use(Order::kSeldom);
  add_frequent("once popular", 40);
  keyspace_.set_now_ms(kStartMs + 35 * 60'000);  // its counter is 5 now
  add_frequent("new", 10);
  ASSERT_TRUE(eviction_.evict_one());
  EXPECT_EQ(evicted_, std::vector<std::string>{"0:once popular"});
}

TEST_F(EvictionTest, AllDatabasesAreLookedAt) {
  use(Order::kIdle);
  add_idle("a", 10, kNoExpiry, 0);
  add_idle("b", 500, kNoExpiry, 7);
  add_idle("c", 90, kNoExpiry, 15);
  while (eviction_.evict_one()) {
  }
  EXPECT_EQ(evicted_, (std::vector<std::string>{"7:b", "15:c", "0:a"}));
}

TEST_F(EvictionTest, VolatileSparesKeysWithoutExpiry) {
  for (const Order order : {Order::kIdle, Order::kSeldom, Order::kRandom, Order::kDeadline}) {
    for (int i = 0; i < 300; i++) {
      db_.set_string("mortal" + std::to_string(i), "v", ExpiryChange::set(kLaterMs + i));
      db_.set_string("stays" + std::to_string(i), "v");
    }
    use(order, true, 5);
    evicted_.clear();
    for (int i = 0; i < 300; i++) ASSERT_TRUE(eviction_.evict_one());
    EXPECT_FALSE(eviction_.evict_one());
    EXPECT_EQ(db_.expires(), 0u);
    EXPECT_EQ(db_.size(), 300u);
    EXPECT_EQ(std::set(evicted_.begin(), evicted_.end()).size(), 300u);
    for (const auto& key : evicted_) EXPECT_TRUE(key.starts_with("0:mortal")) << key;
  }
}

TEST_F(EvictionTest, VolatileLruIsByUseNotByDeadline) {
  use(Order::kIdle, true, 1000);
  add_idle("soon due, just used", 1, kStartMs + 1000);
  add_idle("long to live, unused", 5000, kLaterMs);
  add_idle("for ever", 90'000);
  ASSERT_TRUE(eviction_.evict_one());
  EXPECT_EQ(evicted_, std::vector<std::string>{"0:long to live, unused"});
}

TEST_F(EvictionTest, VolatileTtlIsExactOverAllDatabases) {
  use(Order::kDeadline, true, 1);
  std::vector<std::string> expected;
  for (int i = 0; i < 200; i++) {
    keyspace_.database(i % 3).set_string("k" + std::to_string(i), "v", ExpiryChange::set(kLaterMs + (i * 77 % 200)));
  }
  for (int rank = 0; rank < 200; rank++) {
    for (int i = 0; i < 200; i++) {
      if (i * 77 % 200 == rank) expected.push_back(std::to_string(i % 3) + ":k" + std::to_string(i));
    }
  }
  while (eviction_.evict_one()) {
  }
  EXPECT_EQ(evicted_, expected);
}

TEST_F(EvictionTest, RandomTakesTurnsAmongDatabases) {
  use(Order::kRandom);
  for (int i = 0; i < 1000; i++) db_.set_string("many" + std::to_string(i), "v");
  for (int i = 0; i < 10; i++) keyspace_.database(3).set_string("few" + std::to_string(i), "v");
  for (int i = 0; i < 10; i++) ASSERT_TRUE(eviction_.evict_one());
  EXPECT_EQ(std::ranges::count_if(evicted_, [](const auto& key) { return key.starts_with("3:"); }), 5);
}

TEST_F(EvictionTest, WhatWasUsedSinceItWasDrawnStays) {
  use(Order::kIdle);
  for (uint64_t i = 0; i < 20; i++) add_idle("k" + std::to_string(i), 1000 - i);
  ASSERT_TRUE(eviction_.evict_one());  // the other 15 oldest are in the pool
  for (int i = 1; i < 16; i++) db_.find("k" + std::to_string(i));
  for (int i = 0; i < 4; i++) ASSERT_TRUE(eviction_.evict_one());
  EXPECT_EQ(std::set(evicted_.begin(), evicted_.end()),
            (std::set<std::string>{"0:k0", "0:k16", "0:k17", "0:k18", "0:k19"}));
}

TEST_F(EvictionTest, AnotherPolicyForgetsTheCandidates) {
  use(Order::kIdle);
  for (uint64_t i = 0; i < 16; i++) add_idle("old" + std::to_string(i), 1000);
  ASSERT_TRUE(eviction_.evict_one());
  use(Order::kDeadline, true);
  EXPECT_FALSE(eviction_.evict_one());
  use(Order::kIdle, true);
  EXPECT_FALSE(eviction_.evict_one()) << "the candidates of allkeys-lru have no expiry";
}

TEST_F(EvictionTest, CandidatesSurviveSwapAndFlush) {
  use(Order::kIdle);
  for (uint64_t i = 0; i < 16; i++) add_idle("k" + std::to_string(i), 1000 + i);
  ASSERT_TRUE(eviction_.evict_one());
  keyspace_.swap(0, 1);
  add_idle("recent", 5);
  ASSERT_TRUE(eviction_.evict_one());
  EXPECT_EQ(evicted_.back(), "1:k14");
  keyspace_.flush_all(false);
  EXPECT_FALSE(eviction_.evict_one());
  add_idle("after", 5);
  EXPECT_TRUE(eviction_.evict_one());
}

// Evictions among all kinds of changes, against a model: what is evicted was there, and nothing else goes.
TEST_F(EvictionTest, RandomChangesAndEvictions) {
  Random random(test_seed());
  std::map<std::string, int64_t> model;  // expiry by key
  std::string last;
  eviction_.on_evicted([&](int, std::string_view key) { last = key; });
  for (int step = 0; step < 60'000; step++) {
    const std::string key = "k" + std::to_string(random.below(2000));
    const int64_t expiry = random.below(2) == 0 ? kNoExpiry : kLaterMs + static_cast<int64_t>(random.below(1000));
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        db_.set_string(key, std::string(random.below(100), 'x'), ExpiryChange::set(expiry));
        model[key] = expiry;
        break;
      case 3:
        EXPECT_EQ(db_.erase(key), model.erase(key) == 1);
        break;
      case 4:
        db_.find(key);
        break;
      case 5:
        keyspace_.set_now_ms(keyspace_.now_ms() + static_cast<int64_t>(random.below(3000)));
        break;
      default: {
        const bool volatile_only = random.below(2) == 0;
        const auto order = static_cast<Order>(random.below(4));
        if (random.below(10) == 0) use(order, volatile_only, 1 + random.below(10));
        const bool some_expire = std::ranges::any_of(model, [](const auto& item) { return item.second != kNoExpiry; });
        last.clear();
        if (!eviction_.evict_one()) {
          EXPECT_TRUE(model.empty() || !some_expire);
        } else {
          ASSERT_EQ(model.erase(last), 1u) << last;
        }
      }
    }
    ASSERT_EQ(db_.size(), model.size());
  }
  size_t expiring = 0;
  for (const auto& [key, expiry] : model) {
    ASSERT_TRUE(has(key)) << key;
    expiring += expiry != kNoExpiry;
  }
  EXPECT_EQ(db_.expires(), expiring);
}

// ---- in a snapshot ----

TEST_F(EvictionTest, EvictingFrozenKeysLowersWhatIsInUse) {
  for (uint64_t i = 0; i < 1000; i++) add_idle("k" + std::to_string(i), 10 + i);
  use(Order::kIdle, false, 10);
  memory::ChunkPool& chunks = keyspace_.chunks();
  chunks.begin_snapshot();
  const uint64_t before = chunks.used_bytes();
  const uint64_t in_chunks = chunks.statistics().chunk_bytes;
  for (int i = 0; i < 500; i++) ASSERT_TRUE(eviction_.evict_one());
  EXPECT_LT(chunks.used_bytes(), before * 6 / 10);
  EXPECT_EQ(chunks.statistics().chunk_bytes, in_chunks) << "the child has it still";
  const auto rows = chunks.ledger().rows();
  EXPECT_TRUE(std::ranges::any_of(rows, [](const memory::LedgerRow& row) {
    return row.reason == memory::WriteReason::kEvict && row.copied_pages > 0;
  }));
  chunks.end_snapshot();
}

// ---- quality ----

// Requests for keys with Zipf's distribution.
class Zipf {
 public:
  Zipf(size_t keys, double exponent) {
    double sum = 0;
    for (size_t i = 0; i < keys; i++) cumulative_.push_back(sum += 1 / std::pow(static_cast<double>(i + 1), exponent));
  }
  size_t draw(Random& random) const {
    return static_cast<size_t>(std::ranges::lower_bound(cumulative_, random.unit() * cumulative_.back()) -
                               cumulative_.begin());
  }

 private:
  std::vector<double> cumulative_;
};

// The list that the policy approximates.
class ExactLru {
 public:
  explicit ExactLru(size_t capacity) : capacity_(capacity) {}
  bool hit(size_t key) {
    const auto found = places_.find(key);
    const bool hit = found != places_.end();
    if (hit) {
      order_.erase(found->second);
    } else if (places_.size() == capacity_) {
      places_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    places_[key] = order_.begin();
    return hit;
  }

 private:
  size_t capacity_;
  std::list<size_t> order_;
  std::unordered_map<size_t, std::list<size_t>::iterator> places_;
};

class EvictionQuality : public EvictionTest {
 protected:
  static constexpr size_t kUniverse = 20'000;
  static constexpr size_t kCapacity = 2'000;
  static constexpr int kRequests = 200'000;

  // The share of requests that find their key in a cache of so many. Ten requests take a second.
  double hit_rate(Random random, bool expiring) {
    const Zipf zipf(kUniverse, 0.9);
    int hits = 0;
    for (int i = 0; i < kRequests; i++) {
      if (i % 10 == 0) keyspace_.set_now_ms(keyspace_.now_ms() + 1000);
      const std::string key = std::to_string(zipf.draw(random));
      if (db_.find(key) != nullptr) {
        hits++;
        continue;
      }
      if (db_.size() == kCapacity) eviction_.evict_one();
      // The deadline says nothing about use.
      const auto ttl_ms = static_cast<int64_t>(1'000'000'000 + random.below(1'000'000'000));
      db_.set_string(key, "v", expiring ? ExpiryChange::set(keyspace_.now_ms() + ttl_ms) : ExpiryChange::drop());
    }
    return static_cast<double>(hits) / kRequests;
  }
  static double exact_lru_hit_rate(Random random) {
    const Zipf zipf(kUniverse, 0.9);
    ExactLru cache(kCapacity);
    int hits = 0;
    for (int i = 0; i < kRequests; i++) {
      const bool hit = cache.hit(zipf.draw(random));
      hits += hit;
      if (!hit) random.below(1'000'000'000);  // as above, so that the requests are the same
    }
    return static_cast<double>(hits) / kRequests;
  }
};

TEST_F(EvictionQuality, SampledLruIsNearlyTheList) {
  const uint64_t seed = test_seed();
  const double exact = exact_lru_hit_rate(Random(seed));
  use(Order::kIdle, false, 5);
  const double sampled = hit_rate(Random(seed), false);
  std::cout << "hits: list " << exact << ", 5 samples " << sampled << '\n';
  EXPECT_GT(sampled, exact * 0.97);
}

TEST_F(EvictionQuality, ThatHoldsForKeysThatExpire) {
  const uint64_t seed = test_seed();
  const double exact = exact_lru_hit_rate(Random(seed));
  use(Order::kIdle, true, 5);
  const double sampled = hit_rate(Random(seed), true);
  std::cout << "hits: list " << exact << ", 5 samples " << sampled << '\n';
  EXPECT_GT(sampled, exact * 0.97);
}

TEST_F(EvictionQuality, CountingUsesBeatsTheListWherePopularityStays) {
  const uint64_t seed = test_seed();
  const double exact = exact_lru_hit_rate(Random(seed));
  use(Order::kSeldom, false, 5);
  keyspace_.access_clock().set_lfu_decay_minutes(30);
  const double counted = hit_rate(Random(seed), false);
  std::cout << "hits: LRU list " << exact << ", LFU with 5 samples " << counted << '\n';
  EXPECT_GT(counted, exact * 1.02);
}

}  // namespace
}  // namespace cowslip::store
