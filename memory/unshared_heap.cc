#include "memory/unshared_heap.h"

#include <cassert>
#include <utility>

#include "memory/cow_ledger.h"
#include "memory/process_memory.h"

namespace cowslip::memory {
namespace {

constexpr size_t kWorthGivingBack = kHugePageBytes;

size_t granules(size_t bytes) {
  return (bytes + UnsharedHeap::kGranule - 1) / UnsharedHeap::kGranule;
}

}  // namespace

UnsharedHeap::UnsharedHeap(KernelMemory& kernel) : kernel_(&kernel) {}

void UnsharedHeap::set_forked(bool forked) {
  forked_ = forked;
  if (range_) range_.set_forked(forked);
}

void UnsharedHeap::watch(CowLedger& ledger, int database) {
  database_ = database;
  watch_.start(ledger, range_, MemoryKind::kIndex, [this] { return touched_bytes(); });
}

void* UnsharedHeap::allocate(size_t bytes) {
  assert(bytes > 0 && bytes <= kLargest);
  const size_t size = granules(bytes) * kGranule;
  used_bytes_ += size;
  if (Free*& head = free_[granules(bytes) - 1]; head != nullptr) {
    wrote(head);
    return std::exchange(head, head->next);
  }
  return carve(size);
}

void* UnsharedHeap::carve(size_t size) {
  if (!range_) {
    // What lies in here is about keys, and keys take more memory than what is about them.
    range_ = AddressRange(*kernel_, {.bytes = total_system_memory() + (size_t{1} << 30),
                                     .least_bytes = size_t{4} << 20,
                                     .alignment = kHugePageBytes,
                                     .forked = forked_,
                                     .huge_pages_after = kHugePageBytes});
    watch_.range_made();
  }
  const size_t alignment = size % 64 == 0 ? 64 : kGranule;
  if (end_ % alignment != 0) {  // the granule that is skipped is a block of its own
    chain(range_.begin() + end_, kGranule);
    end_ += kGranule;
  }
  range_.commit(end_ + size);
  void* block = range_.begin() + end_;
  end_ += size;
  wrote(block);
  return block;
}

void UnsharedHeap::release(void* block, size_t bytes) {
  const size_t size = granules(bytes) * kGranule;
  used_bytes_ -= size;
  chain(block, size);
  if (used_bytes_ == 0 && end_ >= kWorthGivingBack) start_over();
}

// The memory of many keys that have all gone.
void UnsharedHeap::start_over() {
  range_.give_back(0);
  free_ = {};
  end_ = ready_ = 0;
}

void UnsharedHeap::chain(void* block, size_t size) {
  Free*& head = free_[size / kGranule - 1];
  wrote(block);
  head = new (block) Free{head};
}

}  // namespace cowslip::memory
