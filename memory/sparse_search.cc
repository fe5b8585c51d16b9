#include "memory/sparse_search.h"

#include <cassert>

namespace cowslip::memory {

void SparseSearch::begin(size_t chunks, uint32_t bound) {
  assert(exhausted());
  left_ = chunks;
  bound_ = bound;
  failures_ = 0;
  gained_ = false;
}

void SparseSearch::note(ChunkNumber chunk, uint32_t used_bytes) {
  if (used_bytes < bound_) noted_.push_back({used_bytes, chunk});
  // Twice as many are collected before half of them go, so that a look costs the same whatever kMost is.
  if (noted_.size() == 2 * kMost || (!under_way() && noted_.size() > kMost)) keep_sparsest();
}

void SparseSearch::keep_sparsest() {
  const auto last_kept = noted_.begin() + kMost - 1;
  std::ranges::nth_element(noted_, last_kept, {}, &Note::used_bytes);
  bound_ = last_kept->used_bytes + 1;
  noted_.resize(kMost);
}

void SparseSearch::forget(ChunkNumber chunk) {
  std::erase_if(noted_, [chunk](const Note& note) { return note.chunk == chunk; });
}

void SparseSearch::succeeded() {
  gained_ = true;
  failures_ = 0;
}

void SparseSearch::failed() {
  if (++failures_ >= kTries) noted_.clear();
}

}  // namespace cowslip::memory
