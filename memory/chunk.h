// What is known of one chunk. It lies outside the chunk, in the pool's metadata, and a child reads it as it was.
//
//     ChunkInfo, 1088 bytes
//     +--------------------------------------------------------+----------------------------------------+
//     | links, use, kind, born, used bytes, arena ...  64 bytes | 32 Slabs of 32 bytes, or one PageMap   |
//     +--------------------------------------------------------+----------------------------------------+
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "memory/candidate_list.h"
#include "memory/page_map.h"
#include "memory/size_classes.h"
#include "memory/slab.h"

namespace cowslip::memory {

class Arena;

using ChunkNumber = uint32_t;

// What a chunk is used for. One chunk holds one kind only, so a save can walk entries without meeting anything else.
enum class BlockKind : uint8_t { kEntry, kLargeValue, kNode };
inline constexpr int kBlockKinds = 3;

// How a chunk is cut up.
enum class ChunkUse : uint8_t {
  kFree,       // in the pool
  kSlabs,      // 32 slabs
  kPages,      // blocks of whole pages
  kLargeHead,  // a block of a chunk or more begins here and takes it whole
  kLargeBody,  // and goes on here
};

// A chunk of slabs is linked while it has a free slab, one of pages while it has a free page, both in lists of their
// arena. REQUIRES for members other than `used_bytes`: event loop, or the pool's mutex while the chunk is free.
struct alignas(64) ChunkInfo : Candidate {
  ChunkUse use;
  BlockKind kind;
  bool evacuating;                    // no candidate for new blocks
  uint32_t born;                      // the epoch in which it was taken, or, when free, touched
  uint32_t position;                  // in its arena's list of chunks of this kind
  uint32_t free_slabs;                // kSlabs: a bit per slab
  uint32_t block_pages;               // kLargeHead: of the block
  std::atomic<uint32_t> used_bytes_;  // written by the event loop, read by the keeper
  Arena* arena;
  union alignas(64) {
    Slab slabs[kSlabsPerChunk];  // kSlabs
    PageMap pages;               // kPages
  };

  uint32_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  // There is one writer: no atomic addition is needed.
  void add_used(size_t bytes) { set_used(used_bytes() + bytes); }
  void subtract_used(size_t bytes) { set_used(used_bytes() - bytes); }
  void set_used(size_t bytes) { used_bytes_.store(static_cast<uint32_t>(bytes), std::memory_order_relaxed); }

  bool empty() const { return used_bytes() == 0; }
  Slab& slab_at(size_t offset) { return slabs[offset / kSlabBytes]; }
  const Slab& slab_at(size_t offset) const { return slabs[offset / kSlabBytes]; }

  size_t offset_of(const Slab& slab) const { return static_cast<size_t>(&slab - slabs) * kSlabBytes; }

  // How many blocks have bytes in the chunk. REQUIRES: kSlabs or kPages.
  size_t blocks_and_tail() const;
  // Calls visit(offset) for each block that begins in the chunk, ascending, as long as it returns
  // true. REQUIRES: nothing is allocated or released meanwhile.
  template <typename Visit>
  void for_each_block(Visit&& visit) const;
};

static_assert(sizeof(ChunkInfo) == 64 + kSlabsPerChunk * sizeof(Slab), "as drawn");
static_assert(kSlabsPerChunk == 32, "free_slabs has a bit for each");
static_assert(sizeof(PageMap) <= kSlabsPerChunk * sizeof(Slab));

inline size_t ChunkInfo::blocks_and_tail() const {
  if (use == ChunkUse::kPages) return pages.blocks() + (pages.tail() > 0);
  size_t count = 0;
  for (const Slab& slab : slabs) count += slab.live;
  return count;
}

template <typename Visit>
void ChunkInfo::for_each_block(Visit&& visit) const {
  if (use == ChunkUse::kLargeHead) visit(size_t{0});
  if (use == ChunkUse::kPages) {
    for (size_t page = pages.next_start(0); page < kPagesPerChunk; page = pages.next_start(page + 1)) {
      if (!visit(page * kPageBytes)) return;
    }
  }
  if (use != ChunkUse::kSlabs) return;
  for (size_t i = 0; i < kSlabsPerChunk; i++) {
    if (!slabs[i].in_use()) continue;
    const SlabShape& shape = slabs[i].shape();
    for (size_t word = 0; word < shape.words; word++) {
      for (uint64_t bits = slabs[i].live_bits[word]; bits != 0; bits &= bits - 1) {
        const size_t slot = word * 64 + static_cast<size_t>(std::countr_zero(bits));
        if (!visit(i * kSlabBytes + slot * shape.slot_bytes)) return;
      }
    }
  }
}

}  // namespace cowslip::memory
