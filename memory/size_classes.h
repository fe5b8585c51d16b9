// Sizes of slots, so that a block wastes little of its slot and slots waste little of their slab.
//
//   up to 256 bytes    every multiple of 8, from 24: at most 7 bytes are wasted
//   up to 4 KiB        sixteen sizes for each doubling
//   up to 16 KiB       a slab divided by 16, 15, ... 4, so that nothing is left over
//
// Beyond 256 bytes a block is at most 6 % (beyond 4 KiB: 20 %) smaller than its slot; what is larger than 16 KiB takes
// whole pages.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cowslip::memory {

inline constexpr size_t kPageBytes = 4096;
inline constexpr size_t kSlabBytes = 64u << 10;
inline constexpr size_t kChunkBytes = 2u << 20;  // a huge page
inline constexpr size_t kSlabsPerChunk = kChunkBytes / kSlabBytes;
inline constexpr size_t kPagesPerChunk = kChunkBytes / kPageBytes;
inline constexpr size_t kSmallestSlot = 24;
inline constexpr size_t kLargestSlot = kSlabBytes / 4;

using SizeClass = uint8_t;

namespace internal {

// The sizes drawn above, ascending, and for each multiple of 8 the first of them that is large enough.
struct SizeClassTable {
  static constexpr size_t kMost = 160;
  uint16_t slot_bytes[kMost] = {};
  SizeClass count = 0;
  SizeClass class_of[kLargestSlot / 8 + 1] = {};

  constexpr void add(size_t bytes) { slot_bytes[count++] = static_cast<uint16_t>(bytes); }
  constexpr SizeClassTable() {
    for (size_t bytes = kSmallestSlot; bytes <= 256; bytes += 8) add(bytes);
    for (size_t step = 16; step <= 128; step *= 2) {
      for (size_t bytes = 16 * step + step; bytes <= 32 * step; bytes += step) add(bytes);
    }
    for (size_t slots = 15; slots >= kSlabBytes / kLargestSlot; slots--) add(kSlabBytes / slots / 8 * 8);
    for (size_t granules = 0, c = 0; granules <= kLargestSlot / 8; granules++) {
      if (granules * 8 > slot_bytes[c]) c++;
      class_of[granules] = static_cast<SizeClass>(c);
    }
  }
};
inline constexpr SizeClassTable kTable;

}  // namespace internal

inline constexpr size_t kSizeClasses = internal::kTable.count;
static_assert(internal::kTable.slot_bytes[kSizeClasses - 1] == kLargestSlot);

// REQUIRES: bytes <= kLargestSlot.
constexpr SizeClass size_class_of(size_t bytes) {
  return internal::kTable.class_of[(bytes + 7) / 8];
}
// REQUIRES: size_class < kSizeClasses.
constexpr size_t slot_bytes(SizeClass size_class) {
  return internal::kTable.slot_bytes[size_class];
}
constexpr size_t slots_per_slab(SizeClass size_class) {
  return kSlabBytes / slot_bytes(size_class);
}

}  // namespace cowslip::memory
