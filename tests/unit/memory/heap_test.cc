#include "memory/heap.h"

#include <gtest/gtest.h>

namespace cowslip::memory {
namespace {

TEST(Heap, NamesItself) {
  EXPECT_FALSE(heap_name().empty());
}

}  // namespace
}  // namespace cowslip::memory
