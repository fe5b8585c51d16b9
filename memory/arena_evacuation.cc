// The part of Arena that empties sparse chunks.
//
// Each evacuation must leave one chunk less, or it would go on for ever: a chunk is chosen only if what it holds fits
// into holes and free slabs that are there already, size class by size class.
#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <limits>

#include "memory/arena.h"

namespace cowslip::memory {
namespace {

// How many chunks a call looks at; each is a line that is in no cache.
constexpr size_t kLooksAtOnce = 512;
constexpr size_t kPrefetched = 16;

// A block that began elsewhere cannot be moved from here, and there is nothing to gain from one that fills its chunks,
// nor from a chunk that is empty and kept.
bool can_be_emptied(const ChunkInfo& chunk) {
  return !chunk.evacuating && !chunk.empty() &&
         (chunk.use == ChunkUse::kSlabs || (chunk.use == ChunkUse::kPages && chunk.pages.tail() == 0));
}

uint32_t bytes_to_move(const ChunkInfo& chunk) {
  return can_be_emptied(chunk) ? chunk.used_bytes() : SparseSearch::kNeverSparse;
}

}  // namespace

std::expected<ChunkNumber, Arena::NoChunk> Arena::begin_evacuation(BlockKind kind, double most_used) {
  assert(!pool_.snapshot_running());
  Space& of_kind = space(kind);
  SparseSearch& search = of_kind.sparse;
  if (search.exhausted()) search.begin(of_kind.chunks.size(), static_cast<uint32_t>(most_used * kChunkBytes));
  look_for_sparse(of_kind);
  if (search.under_way()) return std::unexpected(NoChunk::kYet);
  const auto number = search.take_sparsest([this](ChunkNumber chunk) { return bytes_to_move(pool_.info(chunk)); });
  if (number && others_have_room_for(pool_.info(*number))) {
    search.succeeded();
    exclude(pool_.info(*number));
    return *number;
  }
  if (number) search.failed();
  return std::unexpected(search.in_vain() ? NoChunk::kAtAll : NoChunk::kYet);
}

void Arena::look_for_sparse(Space& of_kind) {
  const std::vector<ChunkNumber>& chunks = of_kind.chunks;
  if (chunks.empty()) return of_kind.sparse.stop();
  for (size_t looks = 0; of_kind.sparse.under_way() && looks < kLooksAtOnce; looks++) {
    const size_t position = of_kind.sparse.next(chunks.size());
    if (position >= kPrefetched) __builtin_prefetch(&pool_.info(chunks[position - kPrefetched]));
    const ChunkNumber number = chunks[position];
    of_kind.sparse.note(number, bytes_to_move(pool_.info(number)));
  }
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
  const ChunkInfo& chunk = pool_.info(number);
  if (chunk.arena != this || !chunk.evacuating) return;
  char* const begin = pool_.begin_of(number);
  chunk.for_each_block([&](size_t offset) {
    if (limit == 0) return false;
    into.push_back(begin + offset);
    return --limit > 0;
  });
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

bool Arena::others_have_room_for(const ChunkInfo& chunk) const {
  return chunk.use == ChunkUse::kSlabs ? slots_fit_elsewhere(chunk) : pages_fit_elsewhere(chunk);
}

bool Arena::slots_fit_elsewhere(const ChunkInfo& chunk) const {
  std::array<size_t, kSizeClasses> blocks{};
  for (const Slab& slab : chunk.slabs) {
    if (slab.in_use()) blocks[slab.size_class] += slab.live;
  }
  size_t slabs = 0;  // to be opened for what finds no hole
  for (SizeClass c = 0; c < kSizeClasses; c++) {
    const size_t slots = slab_shape(c).slots;
    slabs += (blocks[c] - holes_elsewhere(chunk, c, blocks[c]) + slots - 1) / slots;
  }
  return slabs <= free_slabs_elsewhere(chunk, slabs);
}

// Free slots in slabs of other chunks; counting stops at `enough`.
size_t Arena::holes_elsewhere(const ChunkInfo& chunk, SizeClass size_class, size_t enough) const {
  const auto& list = space(chunk.kind).slabs[size_class];
  size_t holes = 0;
  for (const Slab* slab = list.front(); slab != nullptr && holes < enough; slab = list.after(*slab)) {
    if (&pool_.info_of(*slab) != &chunk) holes += slab_shape(size_class).slots - slab->live;
  }
  return std::min(holes, enough);
}

size_t Arena::free_slabs_elsewhere(const ChunkInfo& chunk, size_t enough) const {
  const auto& list = space(chunk.kind).slab_chunks;
  size_t slabs = 0;
  for (const ChunkInfo* other = list.front(); other != nullptr && slabs < enough; other = list.after(*other)) {
    if (other != &chunk) slabs += static_cast<size_t>(std::popcount(other->free_slabs));
  }
  return slabs;
}

// Each block counts like the largest of them: then they fit in whatever order they are moved.
bool Arena::pages_fit_elsewhere(const ChunkInfo& chunk) const {
  size_t largest = 1;
  chunk.for_each_block([&](size_t offset) {
    largest = std::max(largest, chunk.pages.pages_of(offset / kPageBytes));
    return true;
  });
  const size_t blocks = chunk.pages.blocks();
  size_t room = 0;
  for (size_t c = run_class(largest); c < kRunClasses; c++) {
    const auto& list = space(chunk.kind).page_chunks[c];
    // Of the blocks' own class an allocation looks at the first few only, and so may we.
    int tries = c == run_class(largest) ? kRunTries : std::numeric_limits<int>::max();
    for (const ChunkInfo* other = list.front(); other != nullptr && room < blocks && tries > 0; tries--) {
      if (other != &chunk) room += other->pages.largest_free_run() / largest;
      other = list.after(*other);
    }
  }
  return room >= blocks;
}

}  // namespace cowslip::memory
