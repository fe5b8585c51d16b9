// The part of Arena that serves blocks of whole pages.
//
//     up to a chunk       first fit in a chunk of pages, preferably one whose largest free run is not much larger
//     a chunk and more    | head: whole | body: whole ... | tail: first pages of a chunk of pages, open to other blocks
//     |
#include <cassert>

#include "memory/arena.h"
#include "memory/poison.h"

namespace cowslip::memory {
void* Arena::allocate_pages(BlockKind kind, size_t pages) {
  if (pages >= kPagesPerChunk) return allocate_large(kind, pages);
  ChunkInfo& chunk = chunk_with_run(kind, pages);
  const size_t first = chunk.pages.allocate(pages);
  count_pages(chunk, 1, pages * kPageBytes);
  pages_changed(chunk);
  char* const block = pool_.begin_of(pool_.number_of(chunk)) + first * kPageBytes;
  block_of_pages_taken(chunk, block, pages);
  return block;
}

// How much of it is written, and when, its owner says (ChunkPool::note_write).
void Arena::block_of_pages_taken(const ChunkInfo& chunk, char* block, size_t pages) {
  unpoison(block, pages * kPageBytes);
  wrote_owner(block);
  pool_.page_owner(block) = 0;
  if (pool_.ledger_.counting()) pool_.ledger_.block_taken(chunk, block, pages * kPageBytes, 0, database_);
}

// What a page's owner is noted in was in use at the fork if its chunk was.
void Arena::wrote_owner(const void* block) {
  const ChunkInfo& chunk = pool_.info(pool_.chunk_of(block));
  if (chunk.born < pool_.epoch_.current()) pool_.owners_watch_.wrote(&pool_.page_owner(block), database_);
}

ChunkInfo& Arena::chunk_with_run(BlockKind kind, size_t pages) {
  if (ChunkInfo* chunk = candidate_with_run(kind, pages); chunk != nullptr) return *chunk;
  ChunkInfo& chunk = add_chunks(kind, ChunkUse::kPages);
  chunk.pages.reset(0);
  return chunk;
}

ChunkInfo* Arena::candidate_with_run(BlockKind kind, size_t pages) {
  auto& lists = space(kind).page_chunks;
  const size_t own_class = run_class(pages);
  ChunkInfo* chunk = lists[own_class].front();
  for (int tries = 0; chunk != nullptr && tries < kRunTries; tries++, chunk = lists[own_class].after(*chunk)) {
    if (chunk->pages.largest_free_run() >= pages) return chunk;
  }
  for (size_t larger = own_class + 1; larger < kRunClasses; larger++) {
    if (chunk = lists[larger].front(); chunk != nullptr) return chunk;
  }
  return nullptr;
}

void* Arena::allocate_large(BlockKind kind, size_t pages) {
  const size_t whole = pages / kPagesPerChunk;
  const size_t tail = pages % kPagesPerChunk;
  ChunkInfo& head = add_chunks(kind, ChunkUse::kLargeBody, whole + (tail > 0));
  const ChunkNumber first = pool_.number_of(head);
  head.use = ChunkUse::kLargeHead;
  head.block_pages = static_cast<uint32_t>(pages);
  for (size_t i = 0; i < whole; i++) count_pages(pool_.info(first + i), i == 0, kChunkBytes);
  if (tail > 0) {
    ChunkInfo& last = pool_.info(first + whole);
    last.use = ChunkUse::kPages;
    last.pages.reset(tail);
    count_pages(last, 0, tail * kPageBytes);
    pages_changed(last);
  }
  char* const block = pool_.begin_of(first);
  block_of_pages_taken(head, block, pages);
  return block;
}

void Arena::release_pages(ChunkInfo& chunk, void* block) {
  if (chunk.use == ChunkUse::kLargeHead) return release_large(chunk);
  const size_t bytes = chunk.pages.release(pool_.offset_of(block) / kPageBytes) * kPageBytes;
  count_pages(chunk, -1, -static_cast<int64_t>(bytes));
  poison(block, bytes);
  pages_changed(chunk);
}

void Arena::release_large(ChunkInfo& head) {
  const ChunkNumber first = pool_.number_of(head);
  const size_t whole = head.block_pages / kPagesPerChunk;
  const size_t tail_bytes = head.block_pages % kPagesPerChunk * kPageBytes;
  for (size_t i = 0; i < whole; i++) {
    ChunkInfo& chunk = pool_.info(first + i);
    count_pages(chunk, i == 0 ? -1 : 0, -static_cast<int64_t>(kChunkBytes));
    remove_chunk(chunk);
  }
  if (tail_bytes == 0) return;
  ChunkInfo& last = pool_.info(first + whole);
  last.pages.release_tail();
  count_pages(last, 0, -static_cast<int64_t>(tail_bytes));
  poison(pool_.begin_of(first + whole), tail_bytes);
  pages_changed(last);
}

// Back to the pool if nothing is left (should_go()), and otherwise into the list for what its largest free run has
// become.
void Arena::pages_changed(ChunkInfo& chunk) {
  if (should_go(chunk)) return remove_chunk(chunk);
  if (chunk.linked()) unlink(chunk);
  if (chunk.pages.largest_free_run() > 0) offer(chunk);
}

void Arena::set_page_block_owner(const void* block, uint64_t owner) {
  assert(pool_.capacity(block) > kLargestSlot);
  wrote_owner(block);
  pool_.page_owner(block) = owner;
}

uint64_t Arena::page_block_owner(const void* block) const {
  return pool_.page_owner(block);
}

}  // namespace cowslip::memory
