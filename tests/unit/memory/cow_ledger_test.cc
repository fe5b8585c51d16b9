// The ledger's own bookkeeping. What it counts for each kind of write: tests/unit/store/cow_ledger_test.cc.
#include "memory/cow_ledger.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "base/random.h"
#include "memory/arena.h"
#include "memory/chunk_pool.h"
#include "memory/unshared_heap.h"

namespace cowslip::memory {

class LedgerInspector {
 public:
  static size_t new_page_entries(const CowLedger& ledger) { return ledger.new_pages_.size(); }
  static size_t watches(const CowLedger& ledger) { return ledger.watches_.size(); }
};

namespace {

AddressSpan span_of(const AddressRange& range) {
  return {reinterpret_cast<uintptr_t>(range.begin()), range.bytes()};
}

bool covered(const std::vector<AddressSpan>& spans, const void* at) {
  const auto address = reinterpret_cast<uintptr_t>(at);
  return std::ranges::any_of(spans,
                             [&](const AddressSpan& span) { return span.begin <= address && address < span.end(); });
}

// ---- watches ----

TEST(LedgerWatches, EachIsRemovedWhicheverGoesFirst) {
  ChunkPool pool({.keeper = false});
  CowLedger& ledger = pool.ledger();
  const size_t of_the_pool = LedgerInspector::watches(ledger);
  AddressRange range(real_kernel_memory(), {.bytes = 1 << 20, .least_bytes = 1 << 20});
  std::vector<std::unique_ptr<PageWatch>> watches;
  const uint64_t seed = os_random_u64();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Random random(seed);
  for (int round = 0; round < 2000; round++) {
    if (watches.empty() || random.below(5) < 3) {
      watches.push_back(std::make_unique<PageWatch>());
      watches.back()->start(ledger, range, MemoryKind::kIndex, [] { return size_t{0}; });
    } else {
      watches.erase(watches.begin() + static_cast<ptrdiff_t>(random.below(watches.size())));
    }
    ASSERT_EQ(LedgerInspector::watches(ledger), of_the_pool + watches.size());
  }
  watches.clear();
  const auto left = ledger.ranges(CowLedger::Ranges::kAll);
  EXPECT_EQ(std::ranges::count(left, span_of(range)), 0);
  EXPECT_EQ(LedgerInspector::watches(ledger), of_the_pool);
}

TEST(LedgerWatches, ArenasGoInAnyOrder) {
  ChunkPool pool({.keeper = false});
  const uint64_t seed = os_random_u64();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Random random(seed);
  std::vector<std::unique_ptr<Arena>> arenas;
  for (int i = 0; i < 50; i++) {
    arenas.push_back(std::make_unique<Arena>(pool, i));
    for (int block = 0; block <= i; block++) arenas.back()->allocate(BlockKind::kEntry, 100);
  }
  while (!arenas.empty()) {
    uint64_t blocks = 0;
    for (const auto& arena : arenas) blocks += arena->blocks(BlockKind::kEntry);
    ASSERT_EQ(pool.blocks(BlockKind::kEntry), blocks);
    arenas.erase(arenas.begin() + static_cast<ptrdiff_t>(random.below(arenas.size())));
  }
  EXPECT_EQ(pool.blocks(BlockKind::kEntry), 0u);
}

// ---- ranges that are made during a snapshot ----

TEST(LedgerRanges, WhatIsMadeDuringASnapshotIsNamed) {
  ChunkPool pool({.keeper = false});
  UnsharedHeap before, during;
  before.watch(pool.ledger(), 0);
  during.watch(pool.ledger(), 1);
  const void* const old_block = before.allocate(64);
  EXPECT_TRUE(pool.memory_made().empty()) << "no child is alive";
  pool.begin_snapshot();
  const auto at_fork = pool.all_memory();
  EXPECT_TRUE(covered(at_fork, old_block));
  before.allocate(64);
  EXPECT_TRUE(pool.memory_made().empty()) << "its range was there";

  const void* const block = during.allocate(64);
  EXPECT_FALSE(covered(at_fork, block));
  EXPECT_TRUE(covered(pool.memory_made(), block));
  {
    Arena arena(pool, 2);
    arena.allocate(BlockKind::kEntry, 100);
    EXPECT_EQ(pool.memory_made().size(), 2u) << "the bits of its slots";
  }
  pool.end_snapshot();
  before.stop_watching();
  during.stop_watching();
  pool.begin_snapshot();
  EXPECT_TRUE(pool.memory_made().empty());
  pool.end_snapshot();
}

// What the ledger counts as growth must not be seen outside of the engine's memory as well.
TEST(LedgerRanges, WhatIsMadeDuringASnapshotIsNotOutside) {
  constexpr size_t kBytes = 16 << 20;
  ChunkPool pool({.keeper = false});
  UnsharedHeap heap;
  heap.watch(pool.ledger(), 0);
  pool.set_index_bytes([&] { return heap.touched_bytes(); });
  pool.begin_snapshot();
  const auto outside = [engine = pool.all_memory(), &pool] {
    auto leave_out = pool.memory_made();
    leave_out.insert(leave_out.end(), engine.begin(), engine.end());
    return static_cast<double>(anonymous_pages_outside(0, leave_out).value().present);
  };
  const double before = outside();
  for (size_t at = 0; at < kBytes; at += 1024) std::memset(heap.allocate(1024), 1, 1024);
  EXPECT_GE(pool.ledger().totals().index_growth_bytes, static_cast<int64_t>(kBytes));
  EXPECT_NEAR(outside(), before, 1 << 20);
  pool.end_snapshot();
  heap.stop_watching();
}

// ---- small pages ----

// Pages of two chunks that the child has, in turns, where nothing had been.
class NewPages : public testing::Test {
 protected:
  static constexpr size_t kChunks = 2;
  static constexpr size_t kPages = 200;  // in each

  NewPages() {
    for (size_t i = 0; i < kChunks; i++) {
      blocks_[i] = static_cast<char*>(arena_.allocate(BlockKind::kLargeValue, kChunkBytes));
      std::memset(blocks_[i], 1, kPageBytes);  // of what the child has there is one page
    }
    pool_.begin_snapshot();
  }
  void write(size_t chunk, size_t page) {
    char* const at = blocks_[chunk] + page * kPageBytes;
    pool_.note_write(at, 1);
    *at = 1;
  }
  void write_new_pages() {
    for (size_t page = 1; page <= kPages; page++) {
      for (size_t chunk = 0; chunk < kChunks; chunk++) write(chunk, page);
    }
  }

  ChunkPool pool_{{.huge_pages = false, .ready_chunks = 0, .keeper = false}};
  Arena arena_{pool_, 0};
  std::array<char*, kChunks> blocks_{};
};

TEST_F(NewPages, AreCountedByChunk) {
  write_new_pages();
  for (size_t chunk = 0; chunk < kChunks; chunk++) write(chunk, 0);
  write_new_pages();
  const LedgerTotals totals = pool_.ledger().totals();
  EXPECT_EQ(totals.chunk_growth_bytes, static_cast<int64_t>(kChunks * kPages * kPageBytes));
  EXPECT_EQ(totals.outstanding_pages, kChunks) << "the pages that the child has";
  EXPECT_EQ(LedgerInspector::new_page_entries(pool_.ledger()), kChunks);
  pool_.end_snapshot();
}

TEST_F(NewPages, AreNotTheChildsWhenTheyAreLetGo) {
  write_new_pages();
  for (char* block : blocks_) arena_.release(block);
  pool_.purge();
  const LedgerTotals totals = pool_.ledger().totals();
  EXPECT_EQ(totals.let_go_bytes, kChunks * kPageBytes);
  EXPECT_EQ(totals.chunk_growth_bytes, -static_cast<int64_t>(kChunks * kPageBytes));
  pool_.end_snapshot();
}

// ---- what is given back ----

class Returned : public testing::TestWithParam<bool> {};

TEST_P(Returned, OnlyChunksBornSinceTheForkAreNobodys) {
  ChunkPool pool({.huge_pages = GetParam(), .ready_chunks = 0, .keeper = false});
  Arena arena(pool, 0);
  const auto make = [&] { return std::memset(arena.allocate(BlockKind::kLargeValue, kChunkBytes), 1, kChunkBytes); };
  void* const old_block = make();
  pool.begin_snapshot();
  void* const fresh = make();
  arena.release(old_block);
  pool.purge();
  EXPECT_EQ(pool.fresh_bytes_returned(), 0u);
  EXPECT_EQ(pool.ledger().totals().let_go_bytes, kChunkBytes);
  arena.release(fresh);
  pool.purge();
  EXPECT_EQ(pool.fresh_bytes_returned(), kChunkBytes);
  EXPECT_EQ(pool.ledger().totals().let_go_bytes, kChunkBytes);
  pool.end_snapshot();
}

INSTANTIATE_TEST_SUITE_P(HugePages, Returned, testing::Bool());

}  // namespace
}  // namespace cowslip::memory
