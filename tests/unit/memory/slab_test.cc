#include "memory/slab.h"

#include <gtest/gtest.h>

#include <vector>

#include "memory/bitmap_heap.h"

namespace cowslip::memory {
namespace {

TEST(SlabShape, MultiplicationDividesExactly) {
  for (SizeClass c = 0; c < kSizeClasses; c++) {
    const SlabShape& shape = slab_shape(c);
    for (size_t offset = 0; offset < kSlabBytes; offset++) {
      ASSERT_EQ(shape.slot_at(offset), offset / slot_bytes(c)) << "slots of " << slot_bytes(c);
    }
    EXPECT_EQ(shape.slots, slots_per_slab(c));
    EXPECT_GE(shape.words * 64u, shape.slots);
    EXPECT_LE(shape.words, kMostSlabWords);
  }
}

TEST(Slab, HandsOutTheLowestFreeSlot) {
  std::vector<uint64_t> bits(kMostSlabWords);
  Slab slab{};
  slab.live_bits = bits.data();
  for (size_t slot = 0; slot < slab.shape().slots; slot++) ASSERT_EQ(slab.take_slot(), slot);
  EXPECT_TRUE(slab.full());
  for (const size_t slot : {700u, 64u, 2000u}) slab.release_slot(slot);
  EXPECT_EQ(slab.take_slot(), 64u);
  EXPECT_EQ(slab.take_slot(), 700u);
  EXPECT_EQ(slab.take_slot(), 2000u);
  EXPECT_TRUE(slab.full());
}

TEST(BitmapHeap, RowsAreZeroAndUsedAgain) {
  BitmapHeap heap(real_kernel_memory(), 1u << 20);
  uint64_t* const row = heap.allocate(3);
  uint64_t* const other = heap.allocate(3);
  EXPECT_EQ(other, row + 3);
  EXPECT_EQ(heap.used_bytes(), 48u);
  heap.release(row, 3);
  heap.release(other, 3);
  EXPECT_NE(heap.allocate(4), other);
  EXPECT_EQ(heap.allocate(3), other);
  EXPECT_EQ(heap.allocate(3), row);
  EXPECT_EQ(row[0] | row[1] | row[2] | other[0], 0u);
}

}  // namespace
}  // namespace cowslip::memory
