#include "memory/bitmap_heap.h"

#include <bit>

#include "memory/cow_ledger.h"

namespace cowslip::memory {

void BitmapHeap::watch(CowLedger& ledger, int database) {
  database_ = database;
  watch_.start(ledger, range_, MemoryKind::kMetadata, [this] { return touched_bytes(); });
}

uint64_t* BitmapHeap::allocate(size_t words) {
  used_bytes_ += words * sizeof(uint64_t);
  if (uint64_t* row = free_[words]; row != nullptr) {
    wrote(row);
    free_[words] = std::bit_cast<uint64_t*>(*row);
    *row = 0;
    return row;
  }
  if (!range_) {
    range_ = AddressRange(kernel_, {.bytes = address_space_bytes_, .least_bytes = 1, .huge_pages_after = SIZE_MAX});
    watch_.range_made();
  }
  auto* row = reinterpret_cast<uint64_t*>(range_.begin() + end_);
  end_ += words * sizeof(uint64_t);
  range_.commit(end_);
  wrote(row);
  return row;
}

void BitmapHeap::release(uint64_t* row, size_t words) {
  used_bytes_ -= words * sizeof(uint64_t);
  wrote(row);
  *row = std::bit_cast<uint64_t>(free_[words]);
  free_[words] = row;
}

}  // namespace cowslip::memory
