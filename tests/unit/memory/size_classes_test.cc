#include "memory/size_classes.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace cowslip::memory {
namespace {

TEST(SizeClasses, EverySizeFitsTheSmallestSlotThatIsLargeEnough) {
  for (size_t bytes = 0; bytes <= kLargestSlot; bytes++) {
    const SizeClass c = size_class_of(bytes);
    ASSERT_LT(c, kSizeClasses);
    ASSERT_GE(slot_bytes(c), bytes);
    if (c > 0) {
      ASSERT_LT(slot_bytes(c - 1), bytes) << "a smaller slot would do for " << bytes;
    }
  }
}

TEST(SizeClasses, LittleIsWasted) {
  for (size_t bytes = kSmallestSlot; bytes <= kLargestSlot; bytes++) {
    const size_t slot = slot_bytes(size_class_of(bytes));
    const size_t most = bytes <= 256 ? 7 : bytes <= 4096 ? slot / 16 : slot / 5 + 8;
    ASSERT_LE(slot - bytes, most) << bytes;
  }
}

TEST(SizeClasses, SlabsHaveLittleLeftOver) {
  for (SizeClass c = 0; c < kSizeClasses; c++) {
    ASSERT_EQ(slot_bytes(c) % 8, 0u);
    const size_t left = kSlabBytes - slots_per_slab(c) * slot_bytes(c);
    ASSERT_LT(left, slot_bytes(c));
    ASSERT_LE(left, kSlabBytes / 16) << slot_bytes(c);
  }
}

}  // namespace
}  // namespace cowslip::memory
