// While a snapshot is being written, nothing that it contains is changed in place: whatever a client does, the entries
// that were there at its beginning keep their bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "memory/snapshot_reader.h"
#include "store/keyspace.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

struct FrozenEntry {
  const void* block;
  std::string bytes;
};

class FreshWriteTest : public testing::Test {
 protected:
  struct Value {
    std::string text;
    int64_t expire_at_ms;
    friend bool operator==(const Value&, const Value&) = default;
  };
  using Contents = std::map<std::string, Value>;

  FreshWriteTest() {
    for (Keyspace* keyspace : {&keyspace_, &twin_}) keyspace->set_now_ms(1'000'000);
    const char* given = std::getenv("COWSLIP_SEED");
    seed_ = given != nullptr ? std::strtoull(given, nullptr, 10) : os_random_u64();
    random_ = Random(seed_);
  }

  std::string some_key() { return "key" + std::to_string(random_.below(400)); }
  // Integers, short and long text, and what has a block of its own.
  std::string some_value() {
    constexpr size_t kLengths[] = {0, 10, 44, 45, 300, 5000, 16'000, 20'000, 100'000};
    if (random_.below(4) == 0) return std::to_string(random_.next());
    return std::string(kLengths[random_.below(std::size(kLengths))], static_cast<char>('a' + random_.below(26)));
  }
  int64_t some_deadline() { return keyspace_.now_ms() + 1 + static_cast<int64_t>(random_.below(2000)); }
  ExpiryChange some_expiry() {
    switch (random_.below(3)) {
      case 0:
        return ExpiryChange::set(some_deadline());
      case 1:
        return ExpiryChange::keep();
      default:
        return ExpiryChange::drop();
    }
  }

  // One operation of any kind on database 0. What it does to the contents is not predicted here (database_test.cc does
  // that), but must be the same on two databases: one whose entries are frozen, one whose are not.
  void operate(Keyspace& keyspace, uint64_t seed);

  static Contents contents_of(const Database& database) {
    Contents contents;
    database.for_each([&](const Entry& entry) {
      StringView::Scratch scratch;
      contents[std::string(entry.key())] = {std::string(entry.string().text(scratch)), entry.expire_at_ms()};
    });
    return contents;
  }

  // Every entry's block as it is now. Large values are left out: they are the kernel's to copy.
  std::vector<FrozenEntry> entries() const {
    std::vector<FrozenEntry> found;
    for (int number = 0; number < keyspace_.count(); number++) {
      keyspace_.database(number).for_each([&](const Entry& entry) {
        found.push_back({&entry, frozen_bytes(&entry, keyspace_.chunks().capacity(&entry))});
      });
    }
    return found;
  }
  static void expect_unchanged(const std::vector<FrozenEntry>& frozen) {
    for (const FrozenEntry& each : frozen) {
      ASSERT_TRUE(frozen_bytes(each.block, each.bytes.size()) == each.bytes) << "a frozen entry was written";
    }
  }

  uint64_t seed_;
  Random random_{0};
  Keyspace keyspace_{2, 42, {.keeper = false}};
  Keyspace twin_{2, 42, {.keeper = false}};  // the same operations, never a snapshot
};

void FreshWriteTest::operate(Keyspace& keyspace, uint64_t seed) {
  random_ = Random(seed);
  Database& db = keyspace.database(0);
  Database& other = keyspace.database(1);
  const std::string key = some_key(), second = some_key();
  switch (random_.below(15)) {
    case 0:
      return (void)db.set_string(key, some_value(), some_expiry());
    case 1:
      return (void)db.set_text(key, some_value(), some_expiry());
    case 2:
      return (void)db.set_integer(key, static_cast<int64_t>(random_.next()), some_expiry());
    case 3:
    case 4: {  // INCR
      const Entry* entry = db.find(key, Lookup::kWrite);
      if (entry == nullptr || entry->encoding() != Encoding::kInteger) return;
      return (void)db.set_integer(key, entry->string().integer() + 1);
    }
    case 5:
    case 6: {  // APPEND, SETRANGE, SETBIT
      const Entry* entry = db.find(key, Lookup::kWrite);
      const size_t length = entry != nullptr ? entry->string().length() : 0;
      const auto bytes = db.writable_range(key, 0, length + (random_.below(2) == 0 ? 0 : random_.below(200)));
      if (!bytes.empty()) bytes[random_.below(bytes.size())] = '!';
      return;
    }
    case 7:
      return (void)db.writable_range(key, random_.below(40'000), random_.below(100));
    case 8:
      return (void)db.set_expiry(key, some_deadline());
    case 9:
      return (void)db.persist(key);
    case 10:
      return (void)db.rename(key, second);
    case 11:
      return (void)(random_.below(2) == 0 ? db.move_to(other, key) : other.move_to(db, key));
    case 12:
      return (void)db.copy_to(other, key, second);
    case 13:
      return (void)db.erase(key);
    default: {
      const std::string value = some_value();
      const LoadedKey batch[] = {{.key = key, .value = StringView(value), .expire_at_ms = some_deadline()},
                                 {.key = second, .value = StringView(7)}};
      return (void)db.load(batch);
    }
  }
}

TEST_F(FreshWriteTest, NoKindOfWriteTouchesWhatASnapshotContains) {
  SCOPED_TRACE("COWSLIP_SEED=" + std::to_string(seed_));
  Random seeds(seed_);
  const auto operate_on_both = [&] {
    const uint64_t seed = seeds.next();
    operate(keyspace_, seed);
    operate(twin_, seed);
    for (Keyspace* keyspace : {&keyspace_, &twin_}) {
      keyspace->set_now_ms(keyspace->now_ms() + 1);
      keyspace->database(0).delete_expired(2);
    }
  };
  // A chunk that becomes empty is given back, bytes and all: one key in each stays.
  for (Keyspace* keyspace : {&keyspace_, &twin_}) {
    for (int i = 0; i < 100; i++)
      keyspace->database(0).set_string("stays" + std::to_string(i), std::string(16'000, 's'));
    for (int i = 0; i < 100; i++)
      keyspace->database(1).set_string("stays" + std::to_string(i), std::string(16'000, 's'));
  }
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 2000; i++) operate_on_both();
    const std::vector<FrozenEntry> frozen = entries();
    keyspace_.chunks().begin_snapshot();
    for (int i = 0; i < 4000; i++) {
      operate_on_both();
      if (i % 500 == 0) expect_unchanged(frozen);
    }
    expect_unchanged(frozen);
    keyspace_.chunks().end_snapshot();
    for (const int number : {0, 1}) {
      ASSERT_TRUE(contents_of(keyspace_.database(number)) == contents_of(twin_.database(number)));
    }
  }
}

// What a child walks is what the index knows, whatever happened to the entries.
TEST_F(FreshWriteTest, AWalkOverTheChunksFindsEveryKeyOnce) {
  SCOPED_TRACE("COWSLIP_SEED=" + std::to_string(seed_));
  Random seeds(seed_);
  for (int round = 0; round < 10; round++) {
    if (round % 2 == 1) keyspace_.chunks().begin_snapshot();
    for (int i = 0; i < 2000; i++) operate(keyspace_, seeds.next());
    for (const int number : {0, 1}) {
      const Database& database = keyspace_.database(number);
      std::vector<const void*> walked, indexed;
      memory::ChunkWalk walk(database.arena(), memory::BlockKind::kEntry);
      while (walk.next()) walk.for_each_block([&](const void* block) { walked.push_back(block); });
      database.for_each([&](const Entry& entry) { indexed.push_back(&entry); });
      std::ranges::sort(indexed);
      EXPECT_EQ(walked, indexed) << "in the order of addresses";
    }
    if (round % 2 == 1) keyspace_.chunks().end_snapshot();
  }
}

TEST_F(FreshWriteTest, FlushingDuringASnapshotTakesNothingFromWhatComesAfter) {
  for (int i = 0; i < 5000; i++) keyspace_.database(0).set_string(std::to_string(i), some_value());
  keyspace_.chunks().begin_snapshot();
  EXPECT_EQ(keyspace_.flush_all(false), 5000u);
  for (int i = 0; i < 5000; i++) keyspace_.database(0).set_string(std::to_string(i), "again");
  EXPECT_EQ(keyspace_.flush_all(true), 5000u);
  keyspace_.lazy_free().drain();
  keyspace_.chunks().end_snapshot();
  EXPECT_EQ(keyspace_.chunks().used_bytes(), 0u);
}

}  // namespace
}  // namespace cowslip::store
