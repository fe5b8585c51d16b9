// How a save reads memory: chunk after chunk in the order of addresses, so the next line is always prefetched, and each
// chunk given back as soon as it is written, so that it is the parent's alone again and writing to it costs no copy.
//
//     ChunkWalk walk(arena, BlockKind::kEntry);
//     while (walk.next()) {
//       walk.for_each_block([&](const void* block) { encode(block); });
//       dismisser.chunk_done(walk.chunk());           // in a forked child only
//     }
//
// Nothing here takes a lock or changes what the parent has: it may run in a forked child. In the parent (SAVE) a walk
// is valid until the arena is next changed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "memory/arena.h"

namespace cowslip::memory {

class ChunkWalk {
 public:
  ChunkWalk(const Arena& arena, BlockKind kind);
  // Moves on to the next chunk that holds blocks; false after the last.
  bool next() {
    if (position_ == chunks_.size()) return false;
    position_++;
    return true;
  }
  ChunkNumber chunk() const { return chunks_[position_ - 1]; }
  // Calls visit(const void* block) for every block that begins in the chunk, in address order.
  template <typename Visit>
  void for_each_block(Visit&& visit) const {
    const char* const begin = pool_.begin_of(chunk());
    pool_.info(chunk()).for_each_block([&](size_t offset) {
      visit(static_cast<const void*>(begin + offset));
      return true;
    });
  }

 private:
  const ChunkPool& pool_;
  std::vector<ChunkNumber> chunks_;  // by address
  size_t position_ = 0;              // 1 + index of the present one
};

// Gives the pages of what was written back to the system and tells the parent so. REQUIRES: a forked child, one object.
class Dismisser {
 public:
  // Frees at once what no save reads: chunks that were free, or belong to arenas on their way out, at the fork.
  explicit Dismisser(ChunkPool& pool);
  // Every block that begins in the chunk was read for the last time. REQUIRES: the chunks of an arena are done in the
  // order of a walk.
  void chunk_done(ChunkNumber chunk);
  // A block in a chunk of kind kLargeValue or kNode was read for the last time. Its chunk goes with its last block,
  // whole chunks of a larger block at once.
  void block_done(const void* block);

 private:
  void dismiss(ChunkNumber first, size_t count = 1);
  // One thing less to read in the chunk.
  void count_down(ChunkNumber chunk);

  ChunkPool& pool_;
  std::vector<uint32_t> left_to_read_;  // by chunk, filled in when the first of a chunk is done
};

}  // namespace cowslip::memory
