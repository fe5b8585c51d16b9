#include "memory/arena.h"

#include <bit>
#include <cassert>

#include "memory/poison.h"

namespace cowslip::memory {
namespace {

// At most 1/181 of the data are bits of slabs (the smallest slots).
constexpr size_t kBitmapShare = 128;

}  // namespace

Arena::Arena(ChunkPool& pool, int database)
    : pool_(pool), database_(database), bitmaps_(pool.kernel_, pool.range_.bytes() / kBitmapShare) {
  pool_.add(*this);
  bitmaps_.watch(pool.ledger_, database);
}

Arena::~Arena() {
  if (!retired_) retire();
  for (const Space& space : spaces_) pool_.give_back(space.chunks);
}

// Its chunks' metadata will be written by whoever destroys it; the ledger is told here, on the event loop.
void Arena::retire() {
  assert(!retired_);
  if (pool_.ledger_.counting()) wrote_infos();
  bitmaps_.watch().stop();
  pool_.remove(*this);
  retired_ = true;
}

void Arena::set_database(int database) {
  database_ = database;
  bitmaps_.set_database(database);
}

// ---- slots ----

void* Arena::allocate(BlockKind kind, size_t bytes) {
  if (bytes > kLargestSlot) return allocate_pages(kind, (bytes + kPageBytes - 1) / kPageBytes);
  const SizeClass size_class = size_class_of(bytes);
  Slab* slab = space(kind).slabs[size_class].front();
  if (slab == nullptr) slab = &open_slab(kind, size_class);
  const size_t slot = slab->take_slot();
  if (slab->full()) unlink(*slab);
  ChunkInfo& chunk = pool_.info_of(*slab);
  count(chunk, 1, slab_shape(size_class).slot_bytes);
  char* const block = pool_.slot_of(chunk, *slab, slot);
  unpoison(block, slab_shape(size_class).slot_bytes);
  if (pool_.ledger_.counting()) [[unlikely]]
    return slot_taken(chunk, *slab, block, bytes);
  return block;
}

void Arena::release(void* block) {
  ChunkInfo& chunk = pool_.info(pool_.chunk_of(block));
  assert(chunk.arena == this);
  if (chunk.use != ChunkUse::kSlabs) return release_pages(chunk, block);
  const size_t offset = pool_.offset_of(block);
  Slab& slab = chunk.slab_at(offset);
  const SlabShape& shape = slab.shape();
  slab.release_slot(shape.slot_at(offset % kSlabBytes));
  count(chunk, -1, -int64_t{shape.slot_bytes});
  poison(block, shape.slot_bytes);
  if (pool_.ledger_.counting()) [[unlikely]]
    return slot_released(chunk, slab, block);
  slot_is_free(chunk, slab);
}

inline void Arena::slot_is_free(ChunkInfo& chunk, Slab& slab) {
  if (slab.live == 0) return close_slab(chunk, slab);
  offer(slab, chunk);
}

// What follows only runs during a snapshot. It is called last, so that neither allocate() nor release() has to save
// registers for it.
[[gnu::noinline]] void* Arena::slot_taken(const ChunkInfo& chunk, const Slab& slab, void* block, size_t bytes) {
  wrote_bit(chunk, slab, block);
  pool_.ledger_.block_taken(chunk, static_cast<char*>(block), slab.shape().slot_bytes, bytes, database_);
  return block;
}

[[gnu::noinline]] void Arena::slot_released(ChunkInfo& chunk, Slab& slab, const void* block) {
  wrote_bit(chunk, slab, block);
  pool_.ledger_.block_released(chunk, slab.shape().slot_bytes);
  slot_is_free(chunk, slab);
}

// The bit of a block's slot. What is known of a chunk born since the fork was counted when it was taken (add_chunks()).
inline void Arena::wrote_bit(const ChunkInfo& chunk, const Slab& slab, const void* block) {
  if (!pool_.ledger_.is_fresh(chunk)) {
    pool_.infos_watch_.wrote(&chunk, database_);
    pool_.infos_watch_.wrote(&slab, database_);
  }
  bitmaps_.wrote(&slab.live_bits[slab.shape().slot_at(pool_.offset_of(block) % kSlabBytes) / 64]);
}

Slab& Arena::open_slab(BlockKind kind, SizeClass size_class) {
  ChunkInfo* chunk = space(kind).slab_chunks.front();
  if (chunk == nullptr) {
    chunk = &add_chunks(kind, ChunkUse::kSlabs);
    offer(*chunk);
  }
  const int number = std::countr_zero(chunk->free_slabs);
  chunk->free_slabs &= chunk->free_slabs - 1;
  wrote(chunk);
  if (chunk->free_slabs == 0) unlink(*chunk);
  Slab& slab = chunk->slabs[number];
  slab.size_class = size_class;
  slab.live_bits = bitmaps_.allocate(slab.shape().words);
  offer(slab, *chunk);
  return slab;
}

void Arena::close_slab(ChunkInfo& chunk, Slab& slab) {
  if (slab.linked()) unlink(slab);
  bitmaps_.release(slab.live_bits, slab.shape().words);
  slab = {};
  chunk.free_slabs |= uint32_t{1} << (&slab - chunk.slabs);
  if (should_go(chunk)) return remove_chunk(chunk);
  offer(chunk);
}

// ---- chunks ----

// The first of `count` chunks in a row.
ChunkInfo& Arena::add_chunks(BlockKind kind, ChunkUse use, size_t count) {
  give_back_empty(space(kind));
  std::vector<ChunkNumber>& chunks = space(kind).chunks;
  const ChunkNumber first = pool_.take(*this, kind, use, count);
  for (ChunkNumber number = first; number < first + count; number++) {
    ChunkInfo& chunk = pool_.info(number);
    chunk.position = static_cast<uint32_t>(chunks.size());
    chunks.push_back(number);
    wrote_all_of(chunk);
    if (use != ChunkUse::kSlabs) continue;
    chunk.free_slabs = ~uint32_t{0};
    for (Slab& slab : chunk.slabs) slab = {};
  }
  return pool_.info(first);
}

void Arena::remove_chunk(ChunkInfo& chunk) {
  wrote(&chunk);
  if (chunk.linked()) unlink(chunk);
  Space& of_kind = space(chunk.kind);
  std::vector<ChunkNumber>& chunks = of_kind.chunks;
  const ChunkNumber number = chunks[chunk.position];
  of_kind.sparse.forget(number);
  chunks[chunk.position] = chunks.back();
  wrote(&pool_.info(chunks.back()));
  pool_.info(chunks.back()).position = chunk.position;
  chunks.pop_back();
  pool_.give_back({&number, 1});
}

bool Arena::should_go(const ChunkInfo& chunk) const {
  if (!chunk.empty()) return false;
  const bool last = space(chunk.kind).chunks.size() == 1;
  return !last || chunk.evacuating || pool_.epoch_.frozen(pool_.number_of(chunk), chunk.born);
}

void Arena::give_back_empty() {
  for (Space& of_kind : spaces_) give_back_empty(of_kind);
}

void Arena::give_back_empty(Space& of_kind) {
  if (of_kind.chunks.size() != 1) return;
  if (ChunkInfo& last = pool_.info(of_kind.chunks.front()); last.empty()) remove_chunk(last);
}

void Arena::offer(Slab& slab, const ChunkInfo& chunk) {
  if (chunk.evacuating) return;
  space(chunk.kind)
      .slabs[slab.size_class]
      .offer(slab, pool_.epoch_, pool_.number_of(chunk), chunk.born, [this](const ListNode* node) { wrote(node); });
}

void Arena::offer(ChunkInfo& chunk) {
  if (chunk.evacuating) return;
  Space& of_kind = space(chunk.kind);
  auto& list = chunk.use == ChunkUse::kSlabs ? of_kind.slab_chunks
                                             : of_kind.page_chunks[run_class(chunk.pages.largest_free_run())];
  list.offer(chunk, pool_.epoch_, pool_.number_of(chunk), chunk.born, [this](const ListNode* node) { wrote(node); });
}

void Arena::count(ChunkInfo& chunk, int64_t blocks, int64_t bytes) {
  Space& of_kind = space(chunk.kind);
  of_kind.blocks += static_cast<uint64_t>(blocks);
  of_kind.used_bytes += static_cast<uint64_t>(bytes);
  chunk.add_used(bytes);
}

// The same for pages.
void Arena::count_pages(ChunkInfo& chunk, int64_t blocks, int64_t bytes) {
  count(chunk, blocks, bytes);
  if (!pool_.ledger_.counting()) return;
  wrote(&chunk);
  if (bytes < 0) pool_.ledger_.block_released(chunk, static_cast<size_t>(-bytes));
}

void Arena::unlink(Candidate& candidate) {
  wrote(candidate.next);
  wrote(candidate.previous);
  candidate.unlink();
}

void Arena::wrote(const void* at) {
  if (pool_.ledger_.counting()) [[unlikely]]
    pool_.infos_watch_.wrote(at, database_);
}

void Arena::wrote_all_of(const ChunkInfo& chunk) {
  wrote(&chunk);
  wrote(reinterpret_cast<const char*>(&chunk + 1) - 1);
}

void Arena::wrote_infos() {
  for (const Space& of_kind : spaces_) {
    for (const ChunkNumber chunk : of_kind.chunks) wrote(&pool_.info(chunk));
  }
}

// ---- figures ----

uint64_t Arena::used_bytes() const {
  uint64_t bytes = 0;
  for (const Space& of_kind : spaces_) bytes += of_kind.used_bytes;
  return bytes;
}

uint64_t Arena::chunk_bytes() const {
  uint64_t bytes = 0;
  for (const Space& of_kind : spaces_) bytes += of_kind.chunks.size() * kChunkBytes;
  return bytes;
}

uint64_t Arena::free_bytes(BlockKind kind) const {
  return space(kind).chunks.size() * kChunkBytes - space(kind).used_bytes;
}

// ---- snapshots ----

void Arena::lay_aside() {
  for (Space& of_kind : spaces_) {
    if (of_kind.chunks.empty()) continue;
    for (auto& list : of_kind.slabs) list.lay_aside();
    of_kind.slab_chunks.lay_aside();
    for (auto& list : of_kind.page_chunks) list.lay_aside();
  }
}

void Arena::bring_back() {
  for (Space& of_kind : spaces_) {
    if (of_kind.chunks.empty()) continue;
    for (auto& list : of_kind.slabs) list.bring_back();
    of_kind.slab_chunks.bring_back();
    of_kind.sparse.reset();
    for (auto& list : of_kind.page_chunks) list.bring_back();
  }
}

}  // namespace cowslip::memory
