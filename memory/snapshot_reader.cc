#include "memory/snapshot_reader.h"

#include <sys/mman.h>

#include <algorithm>

#include "memory/poison.h"

namespace cowslip::memory {

ChunkWalk::ChunkWalk(const Arena& arena, BlockKind kind) : pool_(arena.pool()) {
  for (const ChunkNumber chunk : arena.space(kind).chunks) {
    if (pool_.info(chunk).use != ChunkUse::kLargeBody) chunks_.push_back(chunk);
  }
  std::ranges::sort(chunks_);
}

// The pool's lists of free chunks belong to a mutex that somebody may have held at the fork; what the arenas have
// belongs to the event loop, which forked.
Dismisser::Dismisser(ChunkPool& pool) : pool_(pool) {
  const size_t chunks = pool.range_.committed() / kChunkBytes;
  left_to_read_.resize(chunks);
  if (!pool.dismissal_) return;
  std::vector<bool> to_read(chunks);
  for (const Arena* arena : pool.arenas_) {
    for (const Arena::Space& space : arena->spaces_) {
      for (const ChunkNumber chunk : space.chunks) to_read[chunk] = true;
    }
  }
  for (size_t chunk = 1; chunk < chunks; chunk++) {
    if (!to_read[chunk]) dismiss(static_cast<ChunkNumber>(chunk));
  }
}

void Dismisser::chunk_done(ChunkNumber chunk) {
  const ChunkInfo& info = pool_.info(chunk);
  // The tail of a larger block has a chunk with others, whose turn comes next.
  dismiss(chunk, info.use == ChunkUse::kLargeHead ? info.block_pages / kPagesPerChunk : 1);
}

void Dismisser::block_done(const void* block) {
  const ChunkNumber chunk = pool_.chunk_of(block);
  const ChunkInfo& info = pool_.info(chunk);
  if (info.use != ChunkUse::kLargeHead) return count_down(chunk);
  const size_t whole = info.block_pages / kPagesPerChunk;
  dismiss(chunk, whole);
  if (info.block_pages % kPagesPerChunk != 0) count_down(static_cast<ChunkNumber>(chunk + whole));
}

void Dismisser::count_down(ChunkNumber chunk) {
  uint32_t& left = left_to_read_[chunk];
  if (left == 0) left = static_cast<uint32_t>(pool_.info(chunk).blocks_and_tail());
  if (--left == 0) dismiss(chunk);
}

// Chunk by chunk, so that each is the parent's as early as possible; the order matters: a chunk that is reported but
// not given back yet would be copied.
void Dismisser::dismiss(ChunkNumber first, size_t count) {
  if (!pool_.dismissal_) return;
  for (ChunkNumber chunk = first; chunk < first + count; chunk++) {
    (void)pool_.kernel_.advise(pool_.begin_of(chunk), kChunkBytes, MADV_DONTNEED);
    poison(pool_.begin_of(chunk), kChunkBytes);
    pool_.epoch_.mark_done(chunk);
  }
}

}  // namespace cowslip::memory
