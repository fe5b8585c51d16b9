// Which chunks of a kind are the sparsest, found a bounded number of looks at a time.
//
// Problem: evacuation wants the chunk with the fewest used bytes. A hundred gigabytes are 50,000 chunks, too many to
// look at for each choice, and an order of them would have to be kept by every write, in metadata that a child shares.
// Solution: one pass in small parts notes the sparsest kMost, and the next choices are made from these:
//
//     chunks:    0 1 2 3 4 5 ...         <- the pass goes from the last one to the first
//     noted:     the kMost sparsest of those seen, below a bound
//     choices:   always the sparsest of the noted, as they are then; what has been filled to the bound is dropped
//
// In this direction a pass misses nothing that stays: a chunk that leaves has its place taken by the last one, which
// was seen already and at worst is noted twice. What was added since the pass began has to wait for the next.
//
// Thread: event loop only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "memory/chunk.h"

namespace cowslip::memory {

class SparseSearch {
 public:
  static constexpr size_t kMost = 128;
  // How many noted chunks in a row may turn out to fit nowhere, before the rest is not tried any more.
  static constexpr int kTries = 8;
  // The used bytes of what is no candidate.
  static constexpr uint32_t kNeverSparse = UINT32_MAX;

  bool under_way() const { return left_ > 0; }
  bool exhausted() const { return left_ == 0 && noted_.empty(); }
  // Exhausted without a gain: another pass would find nothing either.
  bool in_vain() const { return exhausted() && !gained_; }

  // Begins a pass over `chunks` of them that notes those with fewer used bytes than `bound`. REQUIRES: exhausted().
  void begin(size_t chunks, uint32_t bound);
  // The position of the chunk to be looked at now, when there are `chunks` of them. REQUIRES: under_way(), chunks > 0.
  size_t next(size_t chunks) { return left_ = std::min(left_, chunks) - 1; }
  // It has so many used bytes.
  void note(ChunkNumber chunk, uint32_t used_bytes);
  // The chunk is the arena's no longer.
  void forget(ChunkNumber chunk);
  void stop() { left_ = 0; }  // no chunk is left
  // Much has changed: what was noted says little. The next call begins a pass.
  void reset() {
    left_ = 0;
    noted_.clear();
  }

  // Takes the sparsest out of the noted. `used_bytes(chunk)` says how it is now.
  template <typename UsedBytes>
  std::optional<ChunkNumber> take_sparsest(UsedBytes&& used_bytes);
  // What was taken is being emptied; or it fits nowhere.
  void succeeded();
  void failed();

 private:
  struct Note {
    uint32_t used_bytes;
    ChunkNumber chunk;
  };
  void keep_sparsest();

  size_t left_ = 0;  // positions below this one are still to be looked at
  uint32_t bound_ = 0;
  int failures_ = 0;     // since the last success
  bool gained_ = false;  // in this pass, or might have: something noted has changed
  std::vector<Note> noted_;
};

template <typename UsedBytes>
std::optional<ChunkNumber> SparseSearch::take_sparsest(UsedBytes&& used_bytes) {
  if (noted_.empty()) return std::nullopt;
  for (Note& note : noted_) note.used_bytes = used_bytes(note.chunk);
  const auto sparsest = std::ranges::min_element(noted_, {}, &Note::used_bytes);
  if (sparsest->used_bytes >= bound_) {
    noted_.clear();
    gained_ = true;
    return std::nullopt;
  }
  const ChunkNumber chunk = sparsest->chunk;
  *sparsest = noted_.back();
  noted_.pop_back();
  return chunk;
}

}  // namespace cowslip::memory
