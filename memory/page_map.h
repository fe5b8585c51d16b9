// Which pages of a chunk hold blocks that are too large for a slot.
//
//     pages:   a a a a a . . b b b b b b c c c c c c c . . .
//     used:    1 1 1 1 1 0 0 1 1 1 1 1 1 1 1 1 1 1 1 1 0 0 0
//     starts:  1 0 0 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 0 0 0 0 0
//
// A block ends where the next one starts, or a free page. When the first page is used and does not start a block, a
// block of more than a chunk ends here (the tail of it).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "memory/size_classes.h"

namespace cowslip::memory {

class PageMap {
 public:
  using Words = std::array<uint64_t, kPagesPerChunk / 64>;

  // The first `tail` pages belong to a block that starts in an earlier chunk.
  void reset(size_t tail);
  size_t tail() const;
  void release_tail();

  // The first page of a new block, as low as possible. REQUIRES: 1 <= pages <= largest_free_run().
  size_t allocate(size_t pages);
  // Returns how many pages the block had. REQUIRES: one starts there.
  size_t release(size_t first);
  size_t pages_of(size_t first) const;  // REQUIRES: a block, or the tail, starts there

  size_t largest_free_run() const { return largest_free_run_; }
  bool empty() const;
  size_t blocks() const;  // that start here
  // The first block at or after a page; kPagesPerChunk when there is none.
  size_t next_start(size_t from) const;

 private:
  void measure();

  Words used_;
  Words starts_;
  uint16_t largest_free_run_;  // exact
};

// Free runs of pages in classes of size, four to a doubling: a run of any larger class than that of `pages` is large
// enough, one of the same class may be.
inline constexpr size_t kRunClasses = 32;
constexpr size_t run_class(size_t pages) {
  if (pages < 4) return pages - 1;
  const size_t doubling = static_cast<size_t>(std::bit_width(pages)) - 1;
  return (doubling - 1) * 4 + (pages >> (doubling - 2)) % 4 - 1;
}
static_assert(run_class(4) == 3 && run_class(7) == 6 && run_class(8) == 7 && run_class(9) == 7);
static_assert(run_class(kPagesPerChunk) == kRunClasses - 1);

}  // namespace cowslip::memory
