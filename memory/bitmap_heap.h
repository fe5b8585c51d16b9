// Where the bits of an arena's slabs are kept: rows of up to kMostSlabWords zeroed words, in a range of their own, so
// that setting one dirties no page that holds anything else. A child inherits it: the bits say what there is to save.
//
// Free rows are chained by length. Thread: one at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "memory/address_range.h"
#include "memory/page_watch.h"
#include "memory/slab.h"

namespace cowslip::memory {

class BitmapHeap {
 public:
  // `address_space_bytes` are reserved with the first row.
  BitmapHeap(KernelMemory& kernel, size_t address_space_bytes)
      : kernel_(kernel), address_space_bytes_(address_space_bytes) {}

  // All zero. REQUIRES: 1 <= words <= kMostSlabWords.
  uint64_t* allocate(size_t words);
  // REQUIRES: all zero again.
  void release(uint64_t* row, size_t words);
  uint64_t used_bytes() const { return used_bytes_; }

  // Has what is written here during a snapshot counted, on behalf of a database; until the watch is stopped.
  void watch(CowLedger& ledger, int database);
  void set_database(int database) { database_ = database; }
  PageWatch& watch() { return watch_; }
  // A bit of `row` is written.
  void wrote(const uint64_t* word) { watch_.wrote(word, database_); }
  // Of the rows that were ever handed out, whole pages.
  uint64_t touched_bytes() const { return range_ ? range_.touched_bytes(end_) : 0; }

 private:
  KernelMemory& kernel_;
  const size_t address_space_bytes_;
  AddressRange range_;
  PageWatch watch_;
  int database_ = -1;
  size_t end_ = 0;  // of what was ever handed out
  uint64_t used_bytes_ = 0;
  std::array<uint64_t*, kMostSlabWords + 1>
      free_{};  // by words; the first word of a free row is the next one's address
};

}  // namespace cowslip::memory
