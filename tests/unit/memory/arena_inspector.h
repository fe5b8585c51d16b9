// Looks at an arena's metadata from all sides and says where they disagree.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>

#include "memory/arena.h"

namespace cowslip::memory {

class ArenaInspector {
 public:
  explicit ArenaInspector(const Arena& arena) : arena_(arena), pool_(arena.pool_) {}

  // REQUIRES: no snapshot is running.
  void expect_consistent() const {
    for (int kind = 0; kind < kBlockKinds; kind++) expect_consistent(static_cast<BlockKind>(kind));
  }

  static size_t chunk_of(const ChunkPool& pool, const void* block) { return pool.chunk_of(block); }

 private:
  void expect_consistent(BlockKind kind) const {
    const auto& space = arena_.space(kind);
    size_t bytes = 0;
    for (size_t i = 0; i < space.chunks.size(); i++) {
      const ChunkInfo& chunk = pool_.info(space.chunks[i]);
      SCOPED_TRACE("chunk " + std::to_string(space.chunks[i]));
      ASSERT_EQ(chunk.position, i);
      ASSERT_EQ(chunk.arena, &arena_);
      ASSERT_EQ(chunk.kind, kind);
      ASSERT_TRUE(chunk.used_bytes() > 0 || space.chunks.size() == 1);
      if (chunk.use == ChunkUse::kSlabs) expect_consistent_slabs(chunk);
      if (chunk.use == ChunkUse::kPages) expect_consistent_pages(chunk);
      bytes += chunk.used_bytes();
    }
    ASSERT_EQ(bytes, space.used_bytes);
  }

  void expect_consistent_slabs(const ChunkInfo& chunk) const {
    size_t bytes = 0;
    for (size_t i = 0; i < kSlabsPerChunk; i++) {
      const Slab& slab = chunk.slabs[i];
      ASSERT_EQ(slab.in_use(), (chunk.free_slabs >> i & 1) == 0);
      if (!slab.in_use()) continue;
      size_t live = 0;
      for (const uint64_t word : slab.bits()) live += static_cast<size_t>(std::popcount(word));
      ASSERT_EQ(live, slab.live);
      ASSERT_GT(live, 0u);
      ASSERT_GE(find_bit(slab.bits(), 0, false) / 64, slab.hint);
      ASSERT_EQ(slab.linked(), !slab.full() && !chunk.evacuating);
      bytes += live * slab.shape().slot_bytes;
    }
    ASSERT_EQ(bytes, chunk.used_bytes());
    ASSERT_EQ(chunk.linked(), chunk.free_slabs != 0 && !chunk.evacuating);
  }

  void expect_consistent_pages(const ChunkInfo& chunk) const {
    size_t pages = chunk.pages.tail();
    for (size_t at = chunk.pages.next_start(0); at < kPagesPerChunk; at = chunk.pages.next_start(at + 1)) {
      pages += chunk.pages.pages_of(at);
    }
    ASSERT_EQ(pages * kPageBytes, chunk.used_bytes());
    ASSERT_EQ(chunk.linked(), chunk.pages.largest_free_run() > 0 && !chunk.evacuating);
  }

  const Arena& arena_;
  const ChunkPool& pool_;
};

}  // namespace cowslip::memory
