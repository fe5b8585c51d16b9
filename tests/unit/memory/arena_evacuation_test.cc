// Which chunks are chosen to be emptied, and how long a choice may take.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "memory/arena.h"
#include "memory/sparse_search.h"
#include "tests/unit/memory/arena_inspector.h"

namespace cowslip::memory {
namespace {

constexpr size_t kBlocksPerChunk = kChunkBytes / kLargestSlot;

// Chunks of blocks that nobody touches, so that there may be many.
class ArenaEvacuationTest : public testing::Test {
 protected:
  void fill(size_t chunks) {
    blocks_.resize(chunks);
    for (auto& of_chunk : blocks_) {
      for (size_t i = 0; i < kBlocksPerChunk; i++) of_chunk.push_back(arena_.allocate(BlockKind::kEntry, kLargestSlot));
    }
  }
  void release(size_t chunk, size_t count) {
    for (; count > 0; count--) {
      arena_.release(blocks_[chunk].back());
      blocks_[chunk].pop_back();
    }
  }
  ChunkNumber number(size_t chunk) const {
    return static_cast<ChunkNumber>(ArenaInspector::chunk_of(pool_, blocks_[chunk].front()));
  }
  // How many calls it took is in calls_.
  std::optional<ChunkNumber> choose() {
    for (calls_ = 1; calls_ < 1000; calls_++) {
      const auto chunk = arena_.begin_evacuation(BlockKind::kEntry, 0.97);
      if (chunk) return *chunk;
      if (chunk.error() == Arena::NoChunk::kAtAll) return std::nullopt;
    }
    ADD_FAILURE() << "the search does not end";
    return std::nullopt;
  }
  // Moves everything elsewhere.
  void empty(ChunkNumber chunk) {
    std::vector<void*> some;
    arena_.blocks_of(chunk, kBlocksPerChunk, some);
    for (void* block : some) {
      arena_.allocate(BlockKind::kEntry, kLargestSlot);
      arena_.release(block);
    }
    arena_.end_evacuation(chunk);
  }

  ChunkPool pool_{{.address_space_bytes = uint64_t{16} << 30, .keeper = false}};
  Arena arena_{pool_};
  std::vector<std::vector<void*>> blocks_;
  int calls_ = 0;
};

TEST_F(ArenaEvacuationTest, LooksAtAFewOfManyChunksAtATimeAndFindsTheSparsest) {
  constexpr size_t kChunks = 4000;
  fill(kChunks);
  for (size_t chunk = 0; chunk < kChunks; chunk++) release(chunk, 10);
  release(1234, 100);
  EXPECT_EQ(choose(), number(1234));
  EXPECT_GT(calls_, 4) << "a slice would have waited for all of them";
}

TEST_F(ArenaEvacuationTest, OnePassServesManyChoices) {
  constexpr size_t kChunks = 4000;
  fill(kChunks);
  for (size_t chunk = 0; chunk < kChunks; chunk++) release(chunk, chunk % 40 == 0 ? 100 : 10);
  int calls = 0;
  for (size_t choice = 0; choice < kChunks / 40; choice++) {
    const auto chunk = choose();
    ASSERT_TRUE(chunk.has_value());
    EXPECT_LE(pool_.statistics().chunk_bytes, (kChunks - choice) * kChunkBytes);
    empty(*chunk);
    calls += calls_;
  }
  EXPECT_LT(calls, 130);
  EXPECT_EQ(pool_.statistics().chunk_bytes, (kChunks - kChunks / 40) * kChunkBytes);
}

TEST_F(ArenaEvacuationTest, ChoosesByWhatChunksAreNow) {
  fill(6);
  for (size_t chunk = 0; chunk < 6; chunk++) release(chunk, 40 + chunk);
  const auto first = choose();
  ASSERT_EQ(first, number(5));
  arena_.end_evacuation(*first);
  release(2, 30);
  EXPECT_EQ(choose(), number(2)) << "noted as a fuller one";
}

TEST_F(ArenaEvacuationTest, WhatWasNotedMayGo) {
  fill(6);
  for (size_t chunk = 0; chunk < 6; chunk++) release(chunk, 60);
  const auto first = choose();
  ASSERT_TRUE(first.has_value());
  arena_.end_evacuation(*first);
  for (size_t chunk = 1; chunk < 6; chunk++) release(chunk, blocks_[chunk].size());
  EXPECT_EQ(choose(), std::nullopt) << "there is no other chunk to move it to";
  release(0, blocks_[0].size());
  EXPECT_EQ(choose(), std::nullopt);
  EXPECT_EQ(calls_, 1);
}

TEST_F(ArenaEvacuationTest, LooksAnewAfterASave) {
  fill(200);
  for (size_t chunk = 0; chunk < 150; chunk++) release(chunk, 20);
  const auto before = choose();
  ASSERT_TRUE(before.has_value());
  arena_.end_evacuation(*before);
  pool_.begin_snapshot();
  pool_.end_snapshot();
  release(180, 100);
  EXPECT_EQ(choose(), number(180)) << "it was full when the others were noted";
}

TEST(SparseSearch, DropsWhatHasBeenFilledBeyondWhatWasNotNoted) {
  SparseSearch search;
  constexpr size_t kChunks = 3 * SparseSearch::kMost;
  search.begin(kChunks, kChunkBytes);
  while (search.under_way()) {
    const size_t position = search.next(kChunks);
    search.note(static_cast<ChunkNumber>(position), static_cast<uint32_t>(8 * position));
  }
  const auto as_noted = [](ChunkNumber chunk) { return 8 * chunk; };
  for (ChunkNumber chunk = 0; chunk < 10; chunk++) EXPECT_EQ(search.take_sparsest(as_noted), chunk);
  const auto filled = [](ChunkNumber) { return static_cast<uint32_t>(8 * SparseSearch::kMost); };
  EXPECT_EQ(search.take_sparsest(filled), std::nullopt);
  EXPECT_TRUE(search.exhausted());
  EXPECT_FALSE(search.in_vain()) << "another pass finds those that are sparser now";
}

}  // namespace
}  // namespace cowslip::memory
