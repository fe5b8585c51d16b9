// The ledger of what a snapshot costs: that every operation is put down to its cause, that no page is counted twice,
// and that the kernel says the same.
#include "memory/cow_ledger.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memory/heap.h"
#include "memory/process_memory.h"
#include "memory/snapshot_reader.h"
#include "store/keyspace.h"
#include "tests/unit/memory/reading_child.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

using memory::LedgerRow;
using memory::LedgerTotals;
using memory::MemoryKind;
using memory::Policy;
using memory::WriteReason;

constexpr uint16_t kCause = 7;

class CowLedgerTest : public testing::Test {
 protected:
  CowLedgerTest() { keyspace_.set_now_ms(1'000'000); }

  static std::string key(uint64_t number) { return "key:" + std::to_string(1'000'000'000'000 + number); }
  void fill(int keys, size_t bytes = 100) {
    for (int i = 0; i < keys; i++) db_.set_string(key(static_cast<uint64_t>(i)), std::string(bytes, 'v'));
  }
  // What `write` costs while a child is alive, all of it by one cause.
  void during_snapshot(const std::function<void()>& write) {
    pool_.begin_snapshot();
    pool_.ledger().set_cause(kCause);
    write();
    pool_.ledger().set_cause(memory::kServerCause);
    totals_ = pool_.ledger().totals();
    rows_ = pool_.ledger().rows();
    pool_.end_snapshot();
    for (const LedgerRow& row : rows_) EXPECT_EQ(row.cause, kCause);
  }
  // The one row of this kind and reason; all zero when there is none.
  LedgerRow row(MemoryKind kind, WriteReason reason, int database = 0) const {
    LedgerRow found;
    int count = 0;
    for (const LedgerRow& each : rows_) {
      if (each.kind != kind || each.reason != reason || each.database != database) continue;
      found = each;
      count++;
    }
    EXPECT_LE(count, 1);
    return found;
  }
  uint64_t copied(MemoryKind kind) const {
    uint64_t pages = 0;
    for (const LedgerRow& each : rows_) pages += each.kind == kind ? each.copied_pages : 0;
    return pages;
  }

  Keyspace keyspace_{4, 42, {.keeper = false}};
  memory::ChunkPool& pool_ = keyspace_.chunks();
  Database& db_ = keyspace_.database(0);
  LedgerTotals totals_;
  std::vector<LedgerRow> rows_;
};

TEST_F(CowLedgerTest, NothingIsCountedWithoutAChild) {
  fill(1000);
  EXPECT_TRUE(pool_.ledger().rows().empty());
  EXPECT_EQ(pool_.ledger().totals().expected_growth_bytes(), 0);
}

TEST_F(CowLedgerTest, AnOverwriteIsAFreshWrite) {
  fill(1000);
  during_snapshot([&] { fill(100); });
  const LedgerRow entries = row(MemoryKind::kEntry, WriteReason::kFreshWrite);
  EXPECT_EQ(entries.blocks, 100u);
  EXPECT_EQ(entries.fresh_bytes, 100 * pool_.capacity(db_.find(key(0))));
  EXPECT_EQ(entries.reused_bytes, 0u);
  EXPECT_EQ(copied(MemoryKind::kEntry), 0u);
  EXPECT_GT(row(MemoryKind::kMetadata, WriteReason::kFreshWrite).copied_pages, 0u) << "the bits of the old ones";
  EXPECT_EQ(totals_.fresh_bytes, entries.fresh_bytes);
  EXPECT_EQ(totals_.fresh_freed_bytes, 0u);
  EXPECT_EQ(totals_.outstanding_pages, totals_.copied_pages);
}

TEST_F(CowLedgerTest, WhatIsWrittenTwiceIsCountedOnce) {
  fill(1000);
  LedgerTotals once;
  during_snapshot([&] {
    fill(100);
    once = pool_.ledger().totals();
    fill(100);
  });
  EXPECT_EQ(totals_.copied_pages, once.copied_pages);
  EXPECT_EQ(totals_.fresh_bytes, 2 * once.fresh_bytes) << "taken";
  EXPECT_EQ(totals_.fresh_freed_bytes, once.fresh_bytes) << "and released";
}

TEST_F(CowLedgerTest, ADeletedKeyCostsMetadataOnly) {
  fill(1000);
  during_snapshot([&] {
    for (uint64_t i = 0; i < 100; i++) db_.erase(key(i));
  });
  EXPECT_GT(row(MemoryKind::kMetadata, WriteReason::kDelete).copied_pages, 0u);
  EXPECT_EQ(rows_.size(), 1u);
  EXPECT_EQ(totals_.blocks, 0u);
}

TEST_F(CowLedgerTest, ExpiryIsNotTheCommandsDoing) {
  for (uint64_t i = 0; i < 100; i++) {
    db_.set_string(key(i), "v", ExpiryChange::set(keyspace_.now_ms() + 1));
  }
  fill(0);
  during_snapshot([&] {
    keyspace_.set_now_ms(keyspace_.now_ms() + 100);
    EXPECT_EQ(db_.find(key(0)), nullptr);
    EXPECT_EQ(db_.delete_expired(50), 50u);
  });
  EXPECT_GT(row(MemoryKind::kMetadata, WriteReason::kExpire).copied_pages, 0u);
  EXPECT_EQ(rows_.size(), 1u);
}

TEST_F(CowLedgerTest, ANewExpiryMakesTheEntryAnew) {
  fill(1000);
  during_snapshot([&] {
    for (uint64_t i = 0; i < 50; i++) db_.set_expiry(key(i), keyspace_.now_ms() + 1000);
  });
  EXPECT_EQ(row(MemoryKind::kEntry, WriteReason::kFreshWrite).blocks, 50u);
  EXPECT_EQ(copied(MemoryKind::kEntry), 0u);
}

TEST_F(CowLedgerTest, CountersAndNamesAreMadeAnew) {
  for (uint64_t i = 0; i < 100; i++) db_.set_integer(key(i), 1);
  during_snapshot([&] {
    for (uint64_t i = 0; i < 50; i++) db_.set_integer(key(i), 2);
    for (uint64_t i = 0; i < 50; i++) db_.set_integer(key(i), 3);  // in place, and nobody's copy
    for (uint64_t i = 50; i < 60; i++) db_.rename(key(i), key(i + 1000));
  });
  EXPECT_EQ(row(MemoryKind::kEntry, WriteReason::kFreshWrite).blocks, 60u);
  EXPECT_EQ(copied(MemoryKind::kEntry), 0u);
}

TEST_F(CowLedgerTest, ALargeValueIsWrittenInPlace) {
  db_.set_string("large", std::string(100'000, 'v'));
  during_snapshot([&] {
    for (char& byte : db_.writable_range("large", 10'000, 5'000)) byte = 'w';
    for (char& byte : db_.writable_range("large", 10'000, 5'000)) byte = 'x';
  });
  const LedgerRow values = row(MemoryKind::kLargeValue, WriteReason::kInPlace);
  EXPECT_EQ(values.copied_pages, 2u);
  EXPECT_EQ(values.blocks, 0u);
}

TEST_F(CowLedgerTest, WhatMovesIsCountedWhereItArrives) {
  fill(100);
  during_snapshot([&] { EXPECT_TRUE(db_.move_to(keyspace_.database(2), key(5))); });
  EXPECT_EQ(row(MemoryKind::kEntry, WriteReason::kFreshWrite, 2).blocks, 1u);
  EXPECT_EQ(row(MemoryKind::kEntry, WriteReason::kFreshWrite, 0).blocks, 0u);
  EXPECT_GT(row(MemoryKind::kMetadata, WriteReason::kFreshWrite, 0).copied_pages, 0u);
}

TEST_F(CowLedgerTest, SwappedDatabasesKeepTheirNumbers) {
  fill(100);
  keyspace_.swap(0, 3);
  during_snapshot([&] { keyspace_.database(3).set_string(key(1), "v"); });
  EXPECT_EQ(row(MemoryKind::kEntry, WriteReason::kFreshWrite, 3).blocks, 1u);
}

TEST_F(CowLedgerTest, AFlushGivesMemoryBackThatTheChildKeeps) {
  fill(100'000);
  const auto chunks = static_cast<int64_t>(db_.arena().chunk_bytes());
  during_snapshot([&] {
    keyspace_.flush(0, false);
    pool_.run_keeper();
  });
  EXPECT_EQ(totals_.chunk_growth_bytes, -chunks);
  EXPECT_NEAR(double(totals_.let_go_bytes), double(chunks), 65536.0) << "and the bits of their slots";
  EXPECT_GT(row(MemoryKind::kMetadata, WriteReason::kDelete).copied_pages, 0u);
  EXPECT_EQ(rows_.size(), 1u);
}

TEST_F(CowLedgerTest, ALazyFlushToo) {
  fill(100'000);
  during_snapshot([&] {
    keyspace_.flush(0, true);
    keyspace_.lazy_free().drain();
    pool_.run_keeper();
  });
  EXPECT_GT(totals_.let_go_bytes, 0u);
  EXPECT_GT(row(MemoryKind::kMetadata, WriteReason::kDelete).copied_pages, 0u);
}

TEST_F(CowLedgerTest, WhatTheChildHasGivenBackIsNoGrowth) {
  fill(50'000);
  for (uint64_t i = 0; i < 50'000; i += 2) db_.erase(key(i));
  pool_.begin_snapshot();
  {
    const memory::ReadingChild child([&] {
      memory::Dismisser dismisser(pool_);
      memory::ChunkWalk walk(db_.arena(), memory::BlockKind::kEntry);
      while (walk.next()) dismisser.chunk_done(walk.chunk());
      return true;
    });
    ASSERT_TRUE(child.succeeded());
    for (uint64_t i = 1; i < 50'000; i += 2) db_.erase(key(i)), db_.set_string(key(i), std::string(100, 'w'));
    totals_ = pool_.ledger().totals();
  }
  pool_.end_snapshot();
  EXPECT_GT(totals_.reused_bytes, 20'000 * 100u);
  EXPECT_LT(totals_.fresh_bytes, 5'000 * 100u);
  EXPECT_LE(totals_.chunk_growth_bytes, static_cast<int64_t>(memory::kChunkBytes));
}

// Of what lies beside the chunks nothing is missed that came with a database's first keys, or after it was emptied.
TEST_F(CowLedgerTest, WhatADatabaseReservesDuringASaveIsNamed) {
  fill(1000);
  std::vector<memory::AddressSpan> known, now;
  size_t made = 0;
  during_snapshot([&] {
    known = pool_.all_memory();
    keyspace_.flush(0, false);
    for (int number = 0; number < 2; number++) {
      for (uint64_t i = 0; i < 1000; i++) {
        keyspace_.database(number).set_string(key(i), "v", ExpiryChange::set(keyspace_.now_ms() + 1000));
      }
    }
    const auto spans = pool_.memory_made();
    made = spans.size();
    known.insert(known.end(), spans.begin(), spans.end());
    now = pool_.all_memory();
  });
  EXPECT_GE(made, 3u) << "an index, a queue, bits of slots";
  for (const memory::AddressSpan& span : now) EXPECT_NE(std::ranges::find(known, span), known.end());
}

TEST_F(CowLedgerTest, TheLastFiguresStayUntilTheNextSnapshot) {
  fill(1000);
  during_snapshot([&] { fill(100); });
  fill(100);
  EXPECT_EQ(pool_.ledger().totals().fresh_bytes, totals_.fresh_bytes);
  EXPECT_EQ(pool_.ledger().rows().size(), rows_.size());
  EXPECT_EQ(pool_.ledger().totals().outstanding_pages, 0u) << "no child has anything";
  const uint64_t copied_before = totals_.copied_pages;
  during_snapshot([&] { fill(100); });
  EXPECT_EQ(totals_.copied_pages, copied_before) << "pages are new to the next child";
}

TEST_F(CowLedgerTest, WithoutFreshWritesEntriesAreWrittenInPlace) {
  for (uint64_t i = 0; i < 1000; i++) db_.set_integer(key(i), 1);
  ASSERT_TRUE(keyspace_.set_policy(Policy::kFreshWrites, false));
  during_snapshot([&] {
    for (uint64_t i = 0; i < 1000; i++) db_.set_integer(key(i), 2);
  });
  const LedgerRow entries = row(MemoryKind::kEntry, WriteReason::kInPlace);
  const uint64_t bytes = 1000 * pool_.capacity(db_.find(key(0)));
  EXPECT_GE(entries.copied_pages, bytes / 4096);
  EXPECT_LE(entries.copied_pages, bytes / 4096 + 3);
  EXPECT_EQ(totals_.fresh_bytes, 0u);
}

// ---- the kernel's own figures ----

enum class Without { kNothing, kHugePages, kFreshWrites, kDismissal, kUnsharedIndex, kAll };

class KernelComparison : public CowLedgerTest, public testing::WithParamInterface<Without> {
 protected:
  static constexpr int kKeys = 200'000;

  void switch_off(Policy policy) { ASSERT_TRUE(keyspace_.set_policy(policy, false)); }
  void switch_off(Without without) {
    const bool all = without == Without::kAll;
    if (all || without == Without::kHugePages) switch_off(Policy::kHugePages);
    if (all || without == Without::kFreshWrites) switch_off(Policy::kFreshWrites);
    if (all || without == Without::kDismissal) switch_off(Policy::kDismissal);
    if (all || without == Without::kUnsharedIndex) switch_off(Policy::kUnsharedIndex);
  }
  // Runs `write` while a child is alive that has the first half of the chunks written, and compares.
  void compare(const char* what, const std::function<void()>& write) {
    pool_.purge();
    memory::purge_heap();  // what earlier tests have left would go at any time
    const memory::ProcessCounters before = *memory::read_process_counters();
    pool_.begin_snapshot();
    const memory::ReadingChild child([&] {
      memory::Dismisser dismisser(pool_);
      memory::ChunkWalk walk(db_.arena(), memory::BlockKind::kEntry);
      const size_t half = db_.arena().chunk_bytes() / memory::kChunkBytes / 2;
      for (size_t i = 0; i < half && walk.next(); i++) dismisser.chunk_done(walk.chunk());
      return true;
    });
    ASSERT_TRUE(child.succeeded());
    const uint64_t childs_own = memory::read_memory_rollup(child.pid())->private_dirty;
    write();
    const uint64_t dirty = memory::read_memory_rollup(child.pid())->private_dirty - childs_own;
    const LedgerTotals totals = pool_.ledger().totals();
    const uint64_t resident = memory::read_process_counters()->resident;
    const int64_t growth = static_cast<int64_t>(resident + dirty) - static_cast<int64_t>(before.resident);
    const uint64_t expected_dirty = totals.outstanding_pages * 4096 + totals.let_go_bytes;
    // A twentieth, and what a process writes besides (its stack, its heap, this test).
    constexpr double kBesides = 200'000;
    EXPECT_NEAR(double(expected_dirty), double(dirty), double(dirty) * 0.05 + kBesides) << what;
    EXPECT_NEAR(double(totals.expected_growth_bytes()), double(growth), std::abs(double(growth)) * 0.05 + kBesides)
        << what;
    pool_.end_snapshot();
  }
  uint64_t some() { return random_.below(kKeys); }

  Random random_{11};
};

TEST_P(KernelComparison, AgreesOnEveryKindOfWrite) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer writes memory of its own";
  switch_off(GetParam());
  fill(kKeys);
  for (uint64_t i = 0; i < 20'000; i++) db_.set_integer("counter" + std::to_string(i), 1);
  for (uint64_t i = 0; i < 20; i++) db_.set_string("large" + std::to_string(i), std::string(1'000'000, 'v'));
  const auto times = [&](int count, const std::function<void()>& write) {
    return [=] {
      for (int i = 0; i < count; i++) write();
    };
  };
  compare("SET", times(50'000, [&] { db_.set_string(key(some()), std::string(100, 'w')); }));
  compare("DEL, SET", times(50'000, [&] {
            const uint64_t number = some();
            db_.erase(key(number));
            db_.set_string(key(number + kKeys), std::string(100, 'w'));
          }));
  compare("INCR", times(50'000, [&] {
            const std::string name = "counter" + std::to_string(random_.below(20'000));
            db_.set_integer(name, db_.find(name)->string().integer() + 1);
          }));
  compare("APPEND", times(50'000, [&] {
            const std::string name = key(some());
            const Entry* entry = db_.find(name);
            const size_t length = entry != nullptr ? entry->string().length() : 0;
            for (char& byte : db_.writable_range(name, length, 10)) byte = 'a';
          }));
  compare("EXPIRE", times(50'000, [&] { db_.set_expiry(key(some()), keyspace_.now_ms() + 1 + int64_t(some())); }));
  compare(
      "SETRANGE", times(500, [&] {
        for (char& byte : db_.writable_range("large" + std::to_string(random_.below(20)), random_.below(900'000), 9))
          byte = 'r';
      }));
  compare("due", [&] {
    keyspace_.set_now_ms(keyspace_.now_ms() + kKeys / 2);
    db_.delete_expired(50'000);
  });
  compare("DEL", times(100'000, [&] { db_.erase(key(some())); }));
  compare("FLUSHDB", [&] {
    keyspace_.flush(0, false);
    pool_.purge();
    fill(kKeys / 4);
  });
}

std::string policy_name(const testing::TestParamInfo<Without>& tested) {
  constexpr const char* kNames[] = {"AsIs",        "NoHugePages",    "NoFreshWrites",
                                    "NoDismissal", "IndexInherited", "NoneOfThem"};
  return kNames[static_cast<size_t>(tested.param)];
}

INSTANTIATE_TEST_SUITE_P(Policies, KernelComparison,
                         testing::Values(Without::kNothing, Without::kHugePages, Without::kFreshWrites,
                                         Without::kDismissal, Without::kUnsharedIndex, Without::kAll),
                         policy_name);

}  // namespace
}  // namespace cowslip::store
