#include "memory/page_map.h"

#include <algorithm>
#include <cassert>

#include "memory/bits.h"

namespace cowslip::memory {

void PageMap::reset(size_t tail) {
  used_ = {};
  starts_ = {};
  fill_bits(used_, 0, tail, true);
  measure();
}

size_t PageMap::tail() const {
  return bit_at(used_, 0) && !bit_at(starts_, 0) ? pages_of(0) : 0;
}

void PageMap::release_tail() {
  fill_bits(used_, 0, tail(), false);
  measure();
}

size_t PageMap::allocate(size_t pages) {
  assert(pages > 0 && pages <= largest_free_run_);
  size_t first = find_bit(used_, 0, false);
  for (;;) {
    const size_t end = find_bit(used_, first, true);
    if (end - first >= pages) break;
    first = find_bit(used_, end, false);
  }
  fill_bits(used_, first, first + pages, true);
  set_bit(starts_, first);
  measure();
  return first;
}

size_t PageMap::release(size_t first) {
  assert(bit_at(starts_, first) && "released twice");
  const size_t pages = pages_of(first);
  fill_bits(used_, first, first + pages, false);
  clear_bit(starts_, first);
  measure();
  return pages;
}

size_t PageMap::pages_of(size_t first) const {
  if (first + 1 == kPagesPerChunk) return 1;
  return std::min(find_bit(starts_, first + 1, true), find_bit(used_, first + 1, false)) - first;
}

bool PageMap::empty() const {
  return std::ranges::all_of(used_, [](uint64_t word) { return word == 0; });
}

size_t PageMap::blocks() const {
  size_t count = 0;
  for (const uint64_t word : starts_) count += static_cast<size_t>(std::popcount(word));
  return count;
}

size_t PageMap::next_start(size_t from) const {
  return from < kPagesPerChunk ? find_bit(starts_, from, true) : kPagesPerChunk;
}

void PageMap::measure() {
  size_t largest = 0;
  for (size_t first = find_bit(used_, 0, false); first < kPagesPerChunk;) {
    const size_t end = find_bit(used_, first, true);
    largest = std::max(largest, end - first);
    first = end < kPagesPerChunk ? find_bit(used_, end, false) : end;
  }
  largest_free_run_ = static_cast<uint16_t>(largest);
}

}  // namespace cowslip::memory
