#include "memory/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "memory/snapshot_reader.h"

namespace cowslip::memory {
namespace {

constexpr ChunkPool::Options kSmallPool = {.address_space_bytes = 512u << 20, .keeper = false};

class ArenaTest : public testing::Test {
 protected:
  ChunkPool pool_{kSmallPool};
  Arena arena_{pool_};

  void* entry(size_t bytes) { return arena_.allocate(BlockKind::kEntry, bytes); }
  // An entry chunk to be emptied.
  std::optional<ChunkNumber> choose(double most_used) {
    const auto chunk = arena_.begin_evacuation(BlockKind::kEntry, most_used);
    return chunk ? std::optional(*chunk) : std::nullopt;
  }
  size_t chunks() const { return pool_.statistics().chunk_bytes / kChunkBytes; }
};

TEST_F(ArenaTest, CountsWhatItHandsOut) {
  void* small = entry(10);
  void* medium = entry(5000);
  void* large = arena_.allocate(BlockKind::kLargeValue, 100'000);
  EXPECT_EQ(pool_.capacity(small), 24u);
  EXPECT_EQ(pool_.capacity(medium), 5040u);
  EXPECT_EQ(pool_.capacity(large), 25 * kPageBytes);
  EXPECT_EQ(arena_.used_bytes(BlockKind::kEntry), 24u + 5040u);
  EXPECT_EQ(arena_.used_bytes(BlockKind::kLargeValue), 25 * kPageBytes);
  EXPECT_EQ(pool_.blocks(BlockKind::kEntry), 2u);
  EXPECT_EQ(arena_.chunk_bytes(), 2 * kChunkBytes);
  EXPECT_EQ(arena_.free_bytes(BlockKind::kEntry), kChunkBytes - 24 - 5040);
  for (void* block : {small, medium, large}) arena_.release(block);
  EXPECT_EQ(pool_.used_bytes(), 0u);
  EXPECT_EQ(arena_.blocks(BlockKind::kEntry), 0u);
  pool_.collect_empty_chunks();
  EXPECT_EQ(arena_.chunk_bytes(), 0u);
  EXPECT_EQ(chunks(), 0u);
}

TEST_F(ArenaTest, BlocksAreAlignedAndNeverAtTheBase) {
  EXPECT_GT(static_cast<char*>(entry(1)), pool_.base());
  for (size_t bytes = 0; bytes < 40'000; bytes += 61) {
    const auto at = reinterpret_cast<uintptr_t>(entry(bytes));
    EXPECT_EQ(at % (bytes > kLargestSlot ? kPageBytes : 8), 0u);
  }
}

TEST_F(ArenaTest, AFreedSlotIsTheNextOneUsed) {
  void* first = entry(100);
  void* second = entry(100);
  arena_.release(first);
  EXPECT_EQ(entry(100), first);
  EXPECT_NE(entry(100), second);
}

TEST_F(ArenaTest, ABlockOfSeveralChunksSharesItsLastChunkOnly) {
  const size_t bytes = 3 * kChunkBytes + 10 * kPageBytes;
  auto* large = static_cast<char*>(arena_.allocate(BlockKind::kLargeValue, bytes));
  std::memset(large, 'x', bytes);
  EXPECT_EQ(pool_.capacity(large), bytes);
  EXPECT_EQ(chunks(), 4u);
  auto* beside = static_cast<char*>(arena_.allocate(BlockKind::kLargeValue, 20'000));
  EXPECT_EQ(beside, large + bytes);
  arena_.release(large);
  EXPECT_EQ(chunks(), 1u);
  EXPECT_EQ(arena_.used_bytes(), pool_.capacity(beside));
  // What was its tail is used again.
  EXPECT_LT(static_cast<char*>(arena_.allocate(BlockKind::kLargeValue, 20'000)), beside);
}

// ---- the last chunk of a kind ----

TEST_F(ArenaTest, TheLastChunkIsKeptForTheNextBlock) {
  for (const size_t bytes : {100, 20'000}) {
    void* const block = entry(bytes);
    arena_.release(block);
    EXPECT_EQ(chunks(), 1u);
    EXPECT_EQ(entry(bytes), block);
    arena_.release(block);
    pool_.collect_empty_chunks();
    EXPECT_EQ(chunks(), 0u);
  }
}

TEST_F(ArenaTest, NoMoreThanOneEmptyChunkIsKept) {
  std::vector<void*> blocks;
  while (chunks() < 4) blocks.push_back(entry(5000));
  for (void* block : blocks) arena_.release(block);
  EXPECT_EQ(chunks(), 1u);
  entry(20'000);
  EXPECT_EQ(chunks(), 1u) << "one of slabs is given back for one of pages";
}

TEST_F(ArenaTest, AKeptChunkDoesNotOutliveAPurgeOrAFork) {
  arena_.release(entry(100));
  pool_.purge();
  EXPECT_EQ(chunks(), 0u);
  EXPECT_EQ(pool_.statistics().ready_bytes, 0u);
  arena_.release(entry(100));
  pool_.begin_snapshot();
  EXPECT_EQ(chunks(), 0u) << "it would be the child's";
  void* const block = entry(100);
  arena_.release(block);
  EXPECT_EQ(chunks(), 1u) << "this one the child does not know";
  EXPECT_EQ(entry(100), block);
  pool_.end_snapshot();
}

TEST_F(ArenaTest, AKeptChunkIsNotEvacuated) {
  arena_.release(entry(100));
  EXPECT_EQ(choose(0.9), std::nullopt);
}

TEST_F(ArenaTest, PageBlocksHaveOwners) {
  void* value = arena_.allocate(BlockKind::kLargeValue, 50'000);
  void* larger = arena_.allocate(BlockKind::kLargeValue, 5 * kChunkBytes);
  EXPECT_EQ(arena_.page_block_owner(value), 0u);
  arena_.set_page_block_owner(value, 17);
  arena_.set_page_block_owner(larger, 18);
  EXPECT_EQ(arena_.page_block_owner(value), 17u);
  EXPECT_EQ(arena_.page_block_owner(larger), 18u);
  arena_.release(value);
  EXPECT_EQ(arena_.page_block_owner(arena_.allocate(BlockKind::kLargeValue, 50'000)), 0u);
}

// ---- snapshots ----

TEST_F(ArenaTest, NothingIsWrittenToWhatAChildHolds) {
  void* kept = entry(100);
  void* freed = entry(100);
  void* large = arena_.allocate(BlockKind::kLargeValue, 50'000);
  EXPECT_FALSE(pool_.frozen(kept));
  pool_.begin_snapshot();
  EXPECT_TRUE(pool_.frozen(kept));
  EXPECT_TRUE(pool_.frozen(large));
  arena_.release(freed);
  for (int i = 0; i < 2000; i++) ASSERT_FALSE(pool_.frozen(entry(100)));
  EXPECT_FALSE(pool_.frozen(arena_.allocate(BlockKind::kLargeValue, 50'000)));
  pool_.end_snapshot();
  EXPECT_FALSE(pool_.frozen(kept));
  // The old slab comes first again, and its hole before what follows.
  EXPECT_EQ(entry(100), freed);
}

TEST_F(ArenaTest, AFrozenChunkThatIsEmptyGoesBackAtOnceAndIsCleanBeforeItIsUsed) {
  void* block = entry(100);
  pool_.begin_snapshot();
  arena_.release(block);
  EXPECT_EQ(chunks(), 0u);
  EXPECT_NE(entry(100), block) << "its pages are still shared";
  pool_.run_keeper();
  EXPECT_EQ(arena_.allocate(BlockKind::kNode, 100), block) << "now they are not";
  EXPECT_FALSE(pool_.frozen(block));
  pool_.end_snapshot();
}

// ---- evacuation ----

TEST_F(ArenaTest, EvacuationEmptiesTheSparsestChunk) {
  std::vector<void*> blocks;
  while (chunks() < 3) blocks.push_back(entry(1000));
  EXPECT_EQ(choose(0.0), std::nullopt);
  for (size_t i = 0; i < blocks.size(); i++) {
    if (i % 2 == 0) arena_.release(blocks[i]);
  }
  const auto chunk = choose(0.7);
  ASSERT_TRUE(chunk.has_value());
  const size_t before = chunks();
  std::vector<void*> some;
  size_t moved = 0;
  for (arena_.blocks_of(*chunk, 10, some); !some.empty(); some.clear(), arena_.blocks_of(*chunk, 10, some)) {
    EXPECT_LE(some.size(), 10u);
    EXPECT_TRUE(std::ranges::is_sorted(some));
    for (void* block : some) {
      entry(1000);
      arena_.release(block);
      moved++;
    }
  }
  EXPECT_GT(moved, 0u);
  EXPECT_EQ(chunks(), before - 1);
  arena_.end_evacuation(*chunk);
}

TEST_F(ArenaTest, EvacuationLeavesAloneWhatFitsNowhereElse) {
  entry(100);
  EXPECT_EQ(choose(0.9), std::nullopt);
}

// ---- walks ----

TEST_F(ArenaTest, AWalkVisitsEveryBlockOnceByAddress) {
  Arena other(pool_);
  std::vector<const void*> blocks;
  for (size_t i = 0; i < 3000; i++) {
    blocks.push_back(entry(i % 600 == 0 ? 30'000 : i));
    other.allocate(BlockKind::kEntry, i);
  }
  blocks.push_back(entry(2 * kChunkBytes + 1));
  std::ranges::sort(blocks);
  std::vector<const void*> walked;
  for (ChunkWalk walk(arena_, BlockKind::kEntry); walk.next();) {
    walk.for_each_block([&](const void* block) { walked.push_back(block); });
  }
  EXPECT_EQ(walked, blocks);
}

}  // namespace
}  // namespace cowslip::memory
