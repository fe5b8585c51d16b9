// Small blocks in a range that a forked child does not inherit (MADV_DONTFORK): what only the event loop reads, such as
// overflow buckets of the index and nodes of the expiry queue. Writing to them during a save makes the kernel copy
// nothing, and fork() does not look at them.
//
// A block's size is given back with it, so there is no header; free blocks are chained by size. Thread: one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "memory/address_range.h"
#include "memory/page_watch.h"

namespace cowslip::memory {

class UnsharedHeap {
 public:
  static constexpr size_t kGranule = 32;
  static constexpr size_t kLargest = 1024;

  explicit UnsharedHeap(KernelMemory& kernel = real_kernel_memory());

  // REQUIRES: 0 < bytes <= kLargest. Aligned to 32; to 64 when `bytes` is a multiple of 64. Not zeroed.
  void* allocate(size_t bytes);
  void release(void* block, size_t bytes);
  // What the heap will soon grow into (memory/address_range.h). Usually nothing.
  std::optional<PagesAhead> memory_ahead() { return range_.ready_ahead(end_, ready_); }
  uint64_t used_bytes() const { return used_bytes_; }
  uint64_t mapped_bytes() const { return range_.committed(); }
  bool kept_from_child() const { return range_.kept_from_child(); }
  // Of the blocks that were ever handed out, and what was readied ahead; whole pages.
  uint64_t touched_bytes() const { return range_ ? std::max(range_.touched_bytes(end_), ready_) : 0; }

  // Whether a child inherits the heap, which it should not; for experiments. REQUIRES: no child is alive.
  void set_forked(bool forked);
  // Has what is written to an inherited heap during a snapshot counted, on behalf of a database; until stop_watching().
  void watch(CowLedger& ledger, int database);
  void stop_watching() { watch_.stop(); }
  void set_database(int database) { database_ = database; }
  // The owner writes to a block.
  void wrote(const void* at) { watch_.wrote(at, database_); }

 private:
  struct Free {
    Free* next;
  };
  void* carve(size_t size);
  void start_over();
  void chain(void* block, size_t size);

  KernelMemory* kernel_;
  AddressRange range_;  // reserved with the first block
  bool forked_ = false;
  size_t end_ = 0;    // of what was ever handed out
  size_t ready_ = 0;  // of what was readied ahead
  uint64_t used_bytes_ = 0;
  std::array<Free*, kLargest / kGranule> free_{};
  int database_ = -1;
  PageWatch watch_;
};

// The standard's allocator interface over it. T's size is at most kLargest for one; arrays are counted as a whole.
template <typename T>
class UnsharedAllocator {
 public:
  using value_type = T;
  explicit UnsharedAllocator(UnsharedHeap& heap) : heap_(&heap) {}
  template <typename U>
  UnsharedAllocator(const UnsharedAllocator<U>& other) : heap_(other.heap()) {}  // NOLINT(google-explicit-constructor)

  T* allocate(size_t count) { return static_cast<T*>(heap_->allocate(count * sizeof(T))); }
  void deallocate(T* block, size_t count) { heap_->release(block, count * sizeof(T)); }
  UnsharedHeap* heap() const { return heap_; }
  template <typename U>
  bool operator==(const UnsharedAllocator<U>& other) const {
    return heap_ == other.heap();
  }

 private:
  UnsharedHeap* heap_;
};

}  // namespace cowslip::memory
