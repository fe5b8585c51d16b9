// 64 KiB of a chunk, cut into slots of one size, and the metadata that says which of them hold a block.
//
//     slab:       | slot 0 | slot 1 | slot 2 | ... | slot n-1 | rest |      in the chunk: blocks, nothing else
//     Slab:       links, epoch, live, size class, hint, live_bits           32 bytes, in the chunk's ChunkInfo
//     live_bits:  1 0 1 1 ...                                               a bit per slot, in the arena's BitmapHeap
//
// A slot is found from its address by multiplication: division takes twenty times as long.
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <span>

#include "memory/bits.h"
#include "memory/candidate_list.h"
#include "memory/size_classes.h"

namespace cowslip::memory {

// What follows from a size class.
struct SlabShape {
  uint32_t slot_bytes;
  uint32_t reciprocal;  // 2^32 / slot_bytes, rounded up
  uint16_t slots;
  uint16_t words;  // of live_bits

  // Which slot the byte at `offset` of a slab is in. Exact: rounding the reciprocal up makes the quotient too large by
  // less than offset / 2^32 <= 2^-16, and one that is no whole number is at least 1 / slot_bytes >= 2^-14 below the
  // next.
  size_t slot_at(size_t offset) const { return offset * uint64_t{reciprocal} >> 32; }
};

namespace internal {

consteval std::array<SlabShape, kSizeClasses> make_slab_shapes() {
  std::array<SlabShape, kSizeClasses> shapes{};
  for (size_t c = 0; c < kSizeClasses; c++) {
    const size_t bytes = slot_bytes(static_cast<SizeClass>(c));
    const size_t slots = kSlabBytes / bytes;
    shapes[c] = {static_cast<uint32_t>(bytes), static_cast<uint32_t>(((uint64_t{1} << 32) + bytes - 1) / bytes),
                 static_cast<uint16_t>(slots), static_cast<uint16_t>((slots + 63) / 64)};
  }
  return shapes;
}
inline constexpr auto kSlabShapes = make_slab_shapes();

}  // namespace internal

inline const SlabShape& slab_shape(SizeClass size_class) {
  return internal::kSlabShapes[size_class];
}

inline constexpr size_t kMostSlabWords = internal::kSlabShapes[0].words;

// All zero when the slab is free. Linked in its arena's list of slabs of this size when it has free slots.
struct Slab : Candidate {
  uint16_t live;  // slots that hold a block
  SizeClass size_class;
  uint8_t hint;  // words of live_bits before this one are full
  uint64_t* live_bits;

  const SlabShape& shape() const { return slab_shape(size_class); }
  bool in_use() const { return live_bits != nullptr; }
  bool full() const { return live == shape().slots; }
  std::span<const uint64_t> bits() const { return {live_bits, shape().words}; }

  // REQUIRES: !full(). Bits beyond the last slot are never reached: a free slot comes before them.
  size_t take_slot() {
    while (live_bits[hint] == ~uint64_t{0}) hint++;
    uint64_t& word = live_bits[hint];
    const auto bit = static_cast<size_t>(std::countr_one(word));
    word |= uint64_t{1} << bit;
    live++;
    return hint * size_t{64} + bit;
  }
  // REQUIRES: a block is there.
  void release_slot(size_t slot) {
    const size_t word = slot / 64;
    assert(bit_at(bits(), slot) && "released twice");
    live_bits[word] &= ~(uint64_t{1} << (slot % 64));
    if (word < hint) hint = static_cast<uint8_t>(word);
    live--;
  }
};

static_assert(sizeof(Slab) == 32, "two to a cache line");
static_assert(kMostSlabWords <= UINT8_MAX, "hint is a byte");

}  // namespace cowslip::memory
