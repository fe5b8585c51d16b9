// Sizes of slots, so that a block wastes little of its slot and slots waste little of their slab.
//
//   up to 256 bytes    every multiple of 8
//   up to 4 KiB        sixteen sizes for each doubling
//   up to 16 KiB       a slab divided by 16, 15, ... 4, so that nothing is left over
//
// A block is at most 6 % (beyond 4 KiB: 20 %) smaller than its slot; what is larger than 16 KiB takes whole pages.
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
extern const size_t kSizeClasses;  // how many there are

// REQUIRES: bytes <= kLargestSlot.
SizeClass size_class_of(size_t bytes);
// REQUIRES: size_class < kSizeClasses.
size_t slot_bytes(SizeClass size_class);
size_t slots_per_slab(SizeClass size_class);

}  // namespace cowslip::memory
