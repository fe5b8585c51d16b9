// The part of Arena that empties sparse chunks.
//
// Each evacuation must leave one chunk less, or it would go on for ever: a chunk is chosen only if what it holds fits
// into holes and free slabs that are there already, size class by size class.
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "memory/arena.h"

namespace cowslip::memory {
namespace {

// How many of the sparsest chunks are looked at: what one of them holds may fit nowhere, and the next one's does.
constexpr size_t kTries = 8;

// A block that began elsewhere cannot be moved from here, and there is nothing to gain from one that fills its chunks.
bool can_be_emptied(const ChunkInfo& chunk) {
  return !chunk.evacuating &&
         (chunk.use == ChunkUse::kSlabs || (chunk.use == ChunkUse::kPages && chunk.pages.tail() == 0));
}

}  // namespace

std::optional<ChunkNumber> Arena::begin_evacuation(BlockKind kind, double most_used) {
  assert(!pool_.snapshot_running());
  for (const ChunkNumber number : sparsest_chunks(kind, most_used)) {
    ChunkInfo& chunk = pool_.info(number);
    exclude(chunk);
    if (others_have_room_for(chunk)) return number;
    end_evacuation(number);
  }
  return std::nullopt;
}

void Arena::end_evacuation(ChunkNumber number) {
  ChunkInfo& chunk = pool_.info(number);
  // Emptied in the meantime; it may be in use again, of whatever arena.
  if (chunk.arena != this || !chunk.evacuating) return;
  chunk.evacuating = false;
  if (chunk.use == ChunkUse::kPages) return pages_changed(chunk);
  if (chunk.free_slabs != 0) offer(chunk);
  for (Slab& slab : chunk.slabs) {
    if (slab.in_use() && !slab.full()) offer(slab, chunk);
  }
}

void Arena::blocks_of(ChunkNumber number, size_t limit, std::vector<void*>& into) const {
  char* const begin = pool_.begin_of(number);
  pool_.info(number).for_each_block([&](size_t offset) {
    if (limit == 0) return false;
    into.push_back(begin + offset);
    return --limit > 0;
  });
}

// At most kTries, the sparsest first.
std::vector<ChunkNumber> Arena::sparsest_chunks(BlockKind kind, double most_used) const {
  const auto limit = static_cast<size_t>(most_used * static_cast<double>(kChunkBytes));
  std::vector<ChunkNumber> sparse;
  for (const ChunkNumber number : space(kind).chunks) {
    const ChunkInfo& chunk = pool_.info(number);
    if (chunk.used_bytes() < limit && can_be_emptied(chunk)) sparse.push_back(number);
  }
  const size_t count = std::min(sparse.size(), kTries);
  std::ranges::partial_sort(sparse, sparse.begin() + static_cast<ptrdiff_t>(count), {},
                            [this](ChunkNumber number) { return pool_.info(number).used_bytes(); });
  sparse.resize(count);
  return sparse;
}

// Takes the chunk and its slabs out of all lists.
void Arena::exclude(ChunkInfo& chunk) {
  chunk.evacuating = true;
  if (chunk.linked()) chunk.unlink();
  if (chunk.use != ChunkUse::kSlabs) return;
  for (Slab& slab : chunk.slabs) {
    if (slab.linked()) slab.unlink();
  }
}

// REQUIRES: the chunk is excluded.
bool Arena::others_have_room_for(const ChunkInfo& chunk) const {
  return chunk.use == ChunkUse::kSlabs ? slots_fit_elsewhere(chunk) : pages_fit_elsewhere(chunk);
}

bool Arena::slots_fit_elsewhere(const ChunkInfo& chunk) const {
  const Space& of_kind = space(chunk.kind);
  std::array<size_t, kSizeClasses> blocks{};
  for (const Slab& slab : chunk.slabs) {
    if (slab.in_use()) blocks[slab.size_class] += slab.live;
  }
  size_t slabs = 0;  // to be opened for what finds no hole
  for (size_t c = 0; c < kSizeClasses; c++) {
    size_t left = blocks[c];
    for (const Slab* slab = of_kind.slabs[c].front(); slab != nullptr && left > 0;
         slab = of_kind.slabs[c].after(*slab)) {
      left -= std::min<size_t>(left, slab->shape().slots - slab->live);
    }
    const size_t slots = slab_shape(static_cast<SizeClass>(c)).slots;
    slabs += (left + slots - 1) / slots;
  }
  for (const ChunkInfo* other = of_kind.slab_chunks.front(); other != nullptr && slabs > 0;
       other = of_kind.slab_chunks.after(*other)) {
    slabs -= std::min(slabs, static_cast<size_t>(std::popcount(other->free_slabs)));
  }
  return slabs == 0;
}

// Each block counts like the largest of them: then whatever order they are moved in, they fit.
bool Arena::pages_fit_elsewhere(const ChunkInfo& chunk) const {
  const Space& of_kind = space(chunk.kind);
  size_t largest = 1;
  for (size_t page = chunk.pages.next_start(0); page < kPagesPerChunk; page = chunk.pages.next_start(page + 1)) {
    largest = std::max(largest, chunk.pages.pages_of(page));
  }
  size_t left = chunk.pages.blocks();
  for (size_t c = run_class(largest); c < kRunClasses; c++) {
    for (const ChunkInfo* other = of_kind.page_chunks[c].front(); other != nullptr && left > 0;
         other = of_kind.page_chunks[c].after(*other)) {
      left -= std::min(left, other->pages.largest_free_run() / largest);
    }
  }
  return left == 0;
}

}  // namespace cowslip::memory
