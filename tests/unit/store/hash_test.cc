// Hashes against a map: random fields and values, thresholds, snapshots, scans under changes.
#include "store/hash.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "base/random.h"
#include "store/keyspace.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

using Model = std::map<std::string, std::string>;

std::string text(const StringView& value) {
  StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

class HashTest : public ::testing::Test {
 protected:
  const Entry* entry() { return db_.find("key", Lookup::kPeek); }
  Encoding encoding() { return entry()->encoding(); }
  bool set(const std::string& field, const std::string& value) { return HashEditor(db_, "key").set(field, value); }
  bool erase(const std::string& field) { return HashEditor(db_, "key").erase(field); }

  Model all(const Entry& of) {
    Model found;
    size_t fields = 0;
    HashView(of, keyspace_.hash_seed()).for_each([&](StringView field, StringView value) {
      found[text(field)] = text(value);
      fields++;
    });
    EXPECT_EQ(fields, found.size()) << "a field twice";
    return found;
  }

  void expect_equal(const Model& model) {
    if (model.empty()) {
      EXPECT_EQ(entry(), nullptr);
      return;
    }
    ASSERT_NE(entry(), nullptr);
    EXPECT_TRUE(all(*entry()) == model);
    const HashView hash(*entry(), keyspace_.hash_seed());
    EXPECT_EQ(hash.size(), model.size());
    std::set<std::string> by_rank;
    for (uint64_t rank = 0; rank < hash.size(); rank++) by_rank.insert(text(hash.at(rank).first));
    EXPECT_EQ(by_rank.size(), model.size());
  }

  // Without a keeper, who gives back what only a child needs.
  Keyspace keyspace_{2, 42, {.address_space_bytes = 1ull << 34, .keeper = false}};
  Database& db_ = keyspace_.database(0);
};

TEST_F(HashTest, BecomesBigAtItsThresholdsAndStaysSo) {
  for (int i = 0; i < 512; i++) EXPECT_TRUE(set(fmt::format("f{}", i), "v"));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_FALSE(set("f5", "w"));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_TRUE(set("one more", "v"));
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  for (int i = 0; i < 512; i++) EXPECT_TRUE(erase(fmt::format("f{}", i)));
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  EXPECT_FALSE(erase("f5"));
  EXPECT_TRUE(erase("one more"));
  EXPECT_EQ(entry(), nullptr);
  EXPECT_TRUE(set("f", std::string(64, 'v')));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_FALSE(set("f", std::string(65, 'v')));
  EXPECT_EQ(encoding(), Encoding::kHashtable);
}

// As Redis 7.2 does, not 7.0, which counts the fields.
TEST_F(HashTest, SeveralAtOnceCountAsManyAsAreGiven) {
  EncodingLimits limits;
  limits.hash_max_listpack_entries = 3;
  keyspace_.set_encoding_limits(limits);
  const std::string_view repeated[] = {"f", "1", "g", "2", "f", "3", "f", "4"};
  HashEditor(db_, "key").set_all(std::span(repeated).first(6));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_EQ(HashEditor(db_, "key").set_all(repeated), 0u);
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  expect_equal({{"f", "4"}, {"g", "2"}});
}

TEST_F(HashTest, IsWhatAMapIs) {
  Random random(test_seed());
  for (const size_t fields : {20u, 3000u}) {
    Model model;
    for (int round = 0; round < 12; round++) {
      const bool snapshot = round % 3 == 1;
      std::string before_key;
      Model before;
      if (snapshot) {
        before = model;
        keyspace_.chunks().begin_snapshot();
      }
      const Entry* const frozen = snapshot ? entry() : nullptr;
      for (int i = 0; i < 700; i++) {
        const uint64_t number = random.below(fields);
        const std::string field = number % 2 == 0 ? std::to_string(number) : fmt::format("field:{}", number);
        const uint64_t dice = random.below(100);
        if (dice < (round % 4 == 3 ? 80u : 30u)) {
          EXPECT_EQ(erase(field), model.erase(field) == 1);
          continue;
        }
        const size_t length = dice == 99 ? random.below(40'000) : random.below(30);
        const std::string value = dice % 5 == 0 ? std::to_string(number) : std::string(length, 'v');
        EXPECT_EQ(set(field, value), model.insert_or_assign(field, value).second);
      }
      if (snapshot) {
        // What was let go may be read by a child only, which a sanitizer does not know of.
        if (frozen != nullptr && !kSanitized) {
          EXPECT_TRUE(all(*frozen) == before) << "what a child reads was written";
        }
        keyspace_.chunks().end_snapshot();
      }
      expect_equal(model);
      if (HasFailure()) return;
    }
    db_.erase("key");
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
}

TEST_F(HashTest, CopiesAreTheirOwn) {
  for (int i = 0; i < 1000; i++) set(fmt::format("f{}", i), std::string(static_cast<size_t>(i) * 30, 'v'));
  const Model model = all(*entry());
  ASSERT_TRUE(db_.copy_to(keyspace_.database(1), "key", "twin"));
  ASSERT_TRUE(db_.rename("key", "other"));
  EXPECT_TRUE(all(*db_.find("other")) == model);
  ASSERT_TRUE(db_.erase("other"));
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
  EXPECT_TRUE(all(*keyspace_.database(1).find("twin")) == model);
}

TEST_F(HashTest, AScanShowsWhatIsThereAllTheTime) {
  Random random(test_seed());
  for (int i = 0; i < 5000; i++) set(fmt::format("stays:{}", i), "v");
  std::map<std::string, int> seen;
  uint64_t cursor = 0;
  int calls = 0;
  do {
    cursor = HashView(*entry(), keyspace_.hash_seed()).scan(cursor, 10, [&](StringView field, StringView) {
      seen[text(field)]++;
    });
    for (int i = 0; i < 20; i++) {
      const std::string field = fmt::format("comes and goes:{}", random.below(3000));
      random.below(2) == 0 ? set(field, std::string(random.below(50), 'x')) : erase(field);
    }
    calls++;
  } while (cursor != 0);
  EXPECT_GE(calls, 400);
  for (int i = 0; i < 5000; i++) EXPECT_EQ(seen[fmt::format("stays:{}", i)], 1);
}

TEST_F(HashTest, LongValuesAndNodesLeaveSparseChunks) {
  for (int i = 0; i < 300; i++) {
    for (int f = 0; f < 60; f++) {
      HashEditor(db_, fmt::format("key:{}", i))
          .set(fmt::format("f{}", f), std::string(static_cast<size_t>(f) * 400, 'v'));
    }
  }
  std::map<int, Model> kept;
  for (int i = 0; i < 300; i++) {
    if (i % 8 == 0) {
      kept[i] = all(*db_.find(fmt::format("key:{}", i)));
    } else {
      db_.erase(fmt::format("key:{}", i));
    }
  }
  const uint64_t before = keyspace_.chunks().statistics().chunk_bytes;
  const EvacuationLimits limits{.tolerated_share = 0.05, .tolerated_bytes = 1 << 20};
  for (int i = 0; i < 100'000 && keyspace_.evacuate(limits, SystemClock().monotonic_us() + 500); i++) {
  }
  EXPECT_LT(keyspace_.chunks().statistics().chunk_bytes, before / 3);
  for (const auto& [i, model] : kept) EXPECT_TRUE(all(*db_.find(fmt::format("key:{}", i))) == model);
}

}  // namespace
}  // namespace cowslip::store
