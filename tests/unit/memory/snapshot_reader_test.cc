// What parent and child do to each other's memory, as the kernel counts it.
#include "memory/snapshot_reader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "memory/poison.h"
#include "memory/process_memory.h"
#include "tests/support/faulty_kernel_memory.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/memory/reading_child.h"

namespace cowslip::memory {
namespace {

constexpr size_t kMiB = 1u << 20;
constexpr size_t kBytes = 100;
constexpr size_t kData = 64 * kMiB;
// Stack, heap and metadata; under AddressSanitizer also an eighth of everything, its shadow.
constexpr size_t kBesides = 16 * kMiB;

class SnapshotReaderTest : public testing::Test {
 protected:
  SnapshotReaderTest() {
    while (arena_.used_bytes() < kData) blocks_.push_back(filled(1));
  }

  char* filled(char with) {
    void* block = arena_.allocate(BlockKind::kEntry, kBytes);
    return static_cast<char*>(std::memset(block, with, kBytes));
  }

  // In the child. Every block of the snapshot holds ones.
  bool read_all() {
    size_t count = 0;
    for (ChunkWalk walk(arena_, BlockKind::kEntry); walk.next();) {
      walk.for_each_block([&](const void* block) { count += static_cast<const char*>(block)[kBytes - 1] == 1; });
    }
    return count == blocks_.size();
  }
  bool read_and_dismiss() {
    Dismisser dismisser(pool_);
    size_t count = 0;
    for (ChunkWalk walk(arena_, BlockKind::kEntry); walk.next();) {
      walk.for_each_block([&](const void* block) { count += static_cast<const char*>(block)[kBytes - 1] == 1; });
      dismisser.chunk_done(walk.chunk());
    }
    return count == blocks_.size();
  }

  ChunkPool pool_{{.address_space_bytes = 1u << 30, .keeper = false}};
  Arena arena_{pool_};
  std::vector<char*> blocks_;
};

TEST_F(SnapshotReaderTest, OverwritingEverythingCopiesNothing) {
  Random random(test_seed());
  pool_.begin_snapshot();
  const ReadingChild child([this] {
    ::sleep(1);
    return read_all();
  });
  for (char*& block : blocks_) {
    if (random.below(2) == 0) continue;
    char* const old = block;
    block = filled(2);
    arena_.release(old);
  }
  EXPECT_TRUE(child.succeeded()) << "the child has what there was at the fork";
  // Pages that only the child has: the parent copied them, or let go of them.
  EXPECT_LE(read_memory_rollup(child.pid())->private_dirty, kBesides);
  pool_.end_snapshot();
}

TEST_F(SnapshotReaderTest, WhatTheChildHasWrittenIsWritableInPlace) {
  pool_.begin_snapshot();
  const ReadingChild child([this] { return read_and_dismiss(); });
  ASSERT_TRUE(child.succeeded());
  if (!pool_.policies().progress_shared) GTEST_SKIP() << "no shared memory here";
  const uint64_t resident = read_process_counters()->resident_anon;
  for (char* block : blocks_) {
    ASSERT_FALSE(pool_.frozen(block));
    block[0] = 2;
  }
  EXPECT_LE(read_process_counters()->resident_anon, resident + kBesides);
  EXPECT_LE(read_memory_rollup(child.pid())->private_dirty, kBesides) << "nothing is left to the child";
  // Its holes are used at once.
  arena_.release(blocks_[1000]);
  EXPECT_EQ(filled(3), blocks_[1000]);
  pool_.end_snapshot();
}

TEST_F(SnapshotReaderTest, FreeMemoryIsDismissedFirst) {
  {
    Arena passing(pool_);
    for (int i = 0; i < 3; i++) std::memset(passing.allocate(BlockKind::kNode, kChunkBytes), 1, kChunkBytes);
  }
  ASSERT_EQ(pool_.statistics().ready_bytes, 3 * kChunkBytes);
  pool_.begin_snapshot();
  const ReadingChild child([this] {
    const Dismisser dismisser(pool_);
    return true;
  });
  ASSERT_TRUE(child.succeeded());
  Arena another(pool_);
  const uint64_t returned = pool_.statistics().chunks_returned;
  EXPECT_FALSE(pool_.frozen(another.allocate(BlockKind::kNode, kChunkBytes)));
  EXPECT_EQ(pool_.statistics().ready_bytes, 2 * kChunkBytes) << "ready in spite of the fork";
  EXPECT_EQ(pool_.statistics().chunks_returned, returned);
  pool_.end_snapshot();
}

TEST_F(SnapshotReaderTest, ValuesGoWithTheLastOfTheirChunk) {
  Arena values(pool_);
  const auto value = [&](size_t bytes) {
    return static_cast<char*>(std::memset(values.allocate(BlockKind::kLargeValue, bytes), 1, bytes));
  };
  char* const large = value(2 * kChunkBytes + kPageBytes);  // its tail shares a chunk with the next two
  char* const first = value(20'000);
  char* const second = value(20'000);
  pool_.begin_snapshot();
  const ReadingChild child([&] {
    Dismisser dismisser(pool_);
    dismisser.block_done(large);
    dismisser.block_done(second);
    return first[0] == 1;
  });
  ASSERT_TRUE(child.succeeded());
  EXPECT_FALSE(pool_.frozen(large));
  EXPECT_FALSE(pool_.frozen(large + kChunkBytes));
  EXPECT_TRUE(pool_.frozen(first)) << "one value in this chunk is still to be read";
  EXPECT_TRUE(pool_.frozen(second));
  pool_.end_snapshot();
}

TEST(SnapshotReader, WithoutSharedMemoryEverythingStaysFrozen) {
  FaultyKernelMemory kernel;
  kernel.refuse_shared_memory();
  ChunkPool pool({.address_space_bytes = 1u << 30, .keeper = false}, kernel);
  Arena arena(pool);
  void* const block = arena.allocate(BlockKind::kEntry, 100);
  pool.begin_snapshot();
  const ReadingChild child([&] {
    Dismisser(pool).chunk_done(1);
    return true;
  });
  ASSERT_TRUE(child.succeeded());
  EXPECT_TRUE(pool.frozen(block));
  pool.end_snapshot();
  EXPECT_FALSE(pool.frozen(block));
}

#if defined(COWSLIP_POISONS)
using PoisonDeathTest = SnapshotReaderTest;

TEST_F(PoisonDeathTest, UseAfterReleaseIsFound) {
  arena_.release(blocks_[7]);
  EXPECT_DEATH(blocks_[7][0] = 1, "use-after-poison");
}

TEST_F(PoisonDeathTest, ReadingWhatWasDismissedIsFound) {
  EXPECT_DEATH(
      {
        read_and_dismiss();
        blocks_[7][0]++;
      },
      "use-after-poison");
}
#endif

}  // namespace
}  // namespace cowslip::memory
