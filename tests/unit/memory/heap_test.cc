#include "memory/heap.h"

#include <gtest/gtest.h>

#include <cstring>

namespace cowslip::memory {
namespace {

TEST(BlockHeap, CountsWhatItHandsOut) {
  BlockHeap heap;
  void* small = heap.allocate(10);
  void* large = heap.allocate(100'000);
  EXPECT_EQ(heap.blocks(), 2u);
  EXPECT_EQ(heap.used_bytes(), BlockHeap::capacity(small) + BlockHeap::capacity(large));
  EXPECT_GE(BlockHeap::capacity(small), 10u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(small) % 16, 0u);
  heap.release(small);
  heap.release(large);
  heap.release(nullptr);
  EXPECT_EQ(heap.blocks(), 0u);
  EXPECT_EQ(heap.used_bytes(), 0u);
}

TEST(BlockHeap, ResizingKeepsTheBytes) {
  BlockHeap heap;
  char* block = static_cast<char*>(heap.allocate(16));
  std::memcpy(block, "0123456789abcde", 16);
  block = static_cast<char*>(heap.resize(block, 1'000'000));
  EXPECT_STREQ(block, "0123456789abcde");
  EXPECT_EQ(heap.used_bytes(), BlockHeap::capacity(block));
  block = static_cast<char*>(heap.resize(block, 16));
  EXPECT_STREQ(block, "0123456789abcde");
  EXPECT_EQ(heap.used_bytes(), BlockHeap::capacity(block));
  EXPECT_EQ(heap.blocks(), 1u);
  heap.release(block);
}

TEST(Heap, NamesItself) {
  EXPECT_FALSE(heap_name().empty());
}

}  // namespace
}  // namespace cowslip::memory
