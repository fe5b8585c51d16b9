// Aggregates of every form that change at random while a child saves them: the file has what there was at the fork.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "persistence/background_save.h"
#include "persistence/dump_payload.h"
#include "persistence/rdb_loader.h"
#include "store/eviction.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/entry_model.h"
#include "tests/unit/persistence/keyspace_fixture.h"

namespace cowslip::persistence {
namespace {

using store::ObjectType;

constexpr ObjectType kTypes[] = {ObjectType::kString, ObjectType::kList, ObjectType::kSet, ObjectType::kHash,
                                 ObjectType::kSortedSet};

class AggregateSaveTest : public ::testing::Test {
 protected:
  static constexpr uint64_t kKeys = 300;

  AggregateSaveTest() {
    keyspace_->set_now_ms(kTestNowMs);
    EXPECT_TRUE(log_.set_file(folder_.file("log")).has_value());
    for (uint64_t i = 0; i < kKeys; i++) {
      const uint64_t elements = i % 60 < 5 ? 5000 + random_.below(5000) : 1 + random_.below(i % 3 == 0 ? 400 : 20);
      for (uint64_t e = 0; e < elements; e++) grow(db(), i);
      if (i % 7 == 0) db().set_expiry(name(i), kTestNowMs + 1'000'000);
    }
  }

  store::Database& db() { return keyspace_->database(0); }
  std::string name(uint64_t number) const { return fmt::format("key:{}", number); }
  ObjectType type(uint64_t number) const { return kTypes[number % 5]; }

  std::string made_up() {
    const uint64_t number = random_.below(20'000);
    switch (random_.below(30)) {
      case 0:
        return std::string(random_.below(300), 'e');
      case 1:
        return random_.below(20) == 0 ? std::string(16'000 + number, 'l') : "";
      default:
        return number % 3 == 0 ? std::to_string(number) : fmt::format("element {}", number);
    }
  }

  void grow(store::Database& in, uint64_t number) {
    const std::string key = name(number);
    switch (type(number)) {
      case ObjectType::kString:
        return (void)in.set_string(key, made_up(), store::ExpiryChange::keep());
      case ObjectType::kList: {
        store::ListEditor list(in, key);
        if (random_.below(3) == 0) return list.insert(random_.below(list.size() + 1), made_up());
        return list.push(random_.below(2) == 0 ? store::ListEnd::kHead : store::ListEnd::kTail, made_up());
      }
      case ObjectType::kSet:
        return (void)store::SetEditor(in, key).add(number % 2 == 0 ? std::to_string(random_.below(99'999)) : made_up());
      case ObjectType::kHash:
        return (void)store::HashEditor(in, key).set(made_up(), made_up());
      default:
        return (void)store::SortedSetEditor(in, key).set(made_up(), static_cast<double>(random_.below(500)) / 4);
    }
  }

  void shrink(uint64_t number) {
    const std::string key = name(number);
    const store::Entry* const entry = db().find(key);
    if (entry == nullptr) return;
    switch (type(number)) {
      case ObjectType::kList: {
        store::ListEditor list(db(), key);
        const uint64_t index = random_.below(list.size());
        if (random_.below(2) == 0) return list.set(index, made_up());
        list.erase(index, 1 + random_.below(std::min<uint64_t>(list.size() - index, 50)));
        return list.shrink();
      }
      case ObjectType::kSet: {
        const std::string member = text_of(store::SetView(*entry).at(random_.below(store::SetView(*entry).size())));
        return (void)store::SetEditor(db(), key).erase(member);
      }
      case ObjectType::kHash: {
        const store::HashView hash(*entry);
        const std::string field = text_of(hash.at(random_.below(hash.size())).first);
        return (void)store::HashEditor(db(), key).erase(field);
      }
      case ObjectType::kSortedSet: {
        const uint64_t size = store::SortedSetView(*entry).size(), rank = random_.below(size);
        const uint64_t count = 1 + random_.below(std::min<uint64_t>(size - rank, 9));
        return store::SortedSetEditor(db(), key).erase({.first = rank, .count = count});
      }
      default:
        return;
    }
  }

  // Of keys as wholes.
  void move_about(uint64_t number) {
    const uint64_t partner = number % 5 + 5 * random_.below(kKeys / 5);
    store::Database& other = keyspace_->database(1);
    switch (random_.below(8)) {
      case 0:
        return (void)db().erase(name(number), store::Freeing::kLater);
      case 1:
        return (void)db().rename(name(number), name(partner));
      case 2:
        return (void)db().copy_to(other, name(number), name(partner));
      case 3:
        return (void)other.move_to(db(), name(number));
      case 4:
        if (db().find(name(number)) != nullptr) db().set_expiry(name(number), kTestNowMs + 5000);
        return;
      case 5:
        return (void)db().persist(name(number));
      case 6:
        return (void)keyspace_->free_some(0);
      default:
        return restore(number, partner);
    }
  }

  void restore(uint64_t number, uint64_t partner) {
    const store::Entry* const entry = db().find(name(number));
    if (entry == nullptr) return;
    auto made = decode_dump(encode_dump(*entry), *keyspace_, db(), name(partner), store::kNoExpiry);
    ASSERT_TRUE(made.has_value());
    db().load(std::move(*made), {.key = name(partner)});
  }

  void change() {
    const uint64_t number = random_.below(4) == 0 ? 60 * random_.below(kKeys / 60) + random_.below(5)  // a big one
                                                  : random_.below(kKeys);
    const uint64_t what = random_.below(100);
    if (what < 3) return move_about(number);
    what < 55 ? grow(db(), number) : shrink(number);
  }

  // Serves the save until it has ended, changing all the time. Returns how many changes were made.
  int change_until_saved(BackgroundSave& save) {
    for (int changes = 0;; changes++) {
      change();
      if (changes % 100 != 0) continue;
      save.on_report();
      if (const auto outcome = save.poll()) {
        EXPECT_TRUE(outcome->ok) << outcome->error->message;
        return changes;
      }
    }
  }

  testing::TempDir folder_;
  const std::string path_ = folder_.file("dump.rdb");
  Random random_{testing::announced_seed("AggregateSaveTest")};
  std::unique_ptr<store::Keyspace> keyspace_ = make_keyspace();
  SystemClock clock_;
  Logger log_;
};

TEST_F(AggregateSaveTest, TheFileHasWhatThereWasAtTheFork) {
  BackgroundSave save({*keyspace_, keyspace_->chunks(), real_file_system(), clock_, log_});
  for (int round = 0; round < 6; round++) {
    for (int i = 0; i < 2000; i++) change();
    const KeyspaceModel before = model_of(*keyspace_);
    ASSERT_TRUE(save.start({.target = FileTarget{path_},
                            .options = {.key_save_delay_us = 1500, .now_ms = kTestNowMs},
                            .reason = "a test"})
                    .has_value());
    EXPECT_GT(change_until_saved(save), 1000);
    auto loaded = make_keyspace();
    const auto report = load_rdb(*loaded, real_file_system(), path_, {.now_ms = kTestNowMs});
    ASSERT_TRUE(report.has_value()) << report.error().message;
    expect_equal(model_of(*loaded), before);
    if (HasFailure()) return;
    // Moved to fewer chunks, the next round's nodes lie elsewhere.
    while (keyspace_->free_some(clock_.monotonic_us() + 1'000'000)) {
    }
    keyspace_->evacuate({.tolerated_share = 0, .tolerated_bytes = 0}, clock_.monotonic_us() + 50'000);
  }
}

// Whoever loads what was saved has the same again, and saves the same again.
TEST_F(AggregateSaveTest, ReloadedAndSavedAgain) {
  const KeyspaceModel before = model_of(*keyspace_);
  for (int round = 0; round < 2; round++) {
    ASSERT_TRUE(save_rdb_file(*keyspace_, real_file_system(), path_, {.now_ms = kTestNowMs}).has_value());
    keyspace_ = make_keyspace();
    ASSERT_TRUE(load_rdb(*keyspace_, real_file_system(), path_, {.now_ms = kTestNowMs}).has_value());
    expect_equal(model_of(*keyspace_), before);
  }
}

// A value of 50,000 elements is gone at once; what it took goes bit by bit.
TEST_F(AggregateSaveTest, BigValuesAreFreedPieceByPiece) {
  for (int i = 0; i < 200'000; i++) store::HashEditor(db(), "big").set(fmt::format("field {}", i % 50'000), "v");
  const uint64_t nodes = db().arena().blocks(memory::BlockKind::kNode);
  ASSERT_TRUE(db().erase("big", store::Freeing::kLater));
  EXPECT_EQ(db().find("big"), nullptr);
  EXPECT_EQ(db().to_be_freed(), 1u);
  EXPECT_EQ(keyspace_->to_be_freed(), 1u);
  EXPECT_EQ(db().arena().blocks(memory::BlockKind::kNode), nodes);
  EXPECT_FALSE(keyspace_->evacuate({.tolerated_share = 0, .tolerated_bytes = 0}, clock_.monotonic_us() + 1000));
  EXPECT_TRUE(keyspace_->free_some(0));
  EXPECT_LT(db().arena().blocks(memory::BlockKind::kNode), nodes);
  while (keyspace_->free_some(clock_.monotonic_us() + 1'000'000)) {
  }
  EXPECT_EQ(keyspace_->to_be_freed(), 0u);
  EXPECT_EQ(keyspace_->lazy_free().freed(), 1u);
  EXPECT_LT(db().arena().blocks(memory::BlockKind::kNode), nodes - 1000);
  // Small ones go at once.
  db().erase(name(6), store::Freeing::kLater);
  EXPECT_EQ(keyspace_->to_be_freed(), 0u);
}

}  // namespace
}  // namespace cowslip::persistence
