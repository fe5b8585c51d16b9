// The chunks that belong to no arena: which have memory behind them, which do not, and where the untouched ones begin.
//
//     0           1 ...                                                frontier
//     | not used  | taken | clean | taken | resident | resident | clean |  untouched ...
//
// `clean` chunks take no memory, their first touch gives zeroed pages. `resident` ones still have pages: nobody waits
// for the kernel when they are used again, but pages that a child inherited must not be written. Low addresses are used
// first, so that the range stays short.
//
// A chunk that was taken out is the taker's until it is given back. Thread: under the pool's mutex. A child never looks
// here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "memory/chunk.h"
#include "memory/snapshot_epoch.h"

namespace cowslip::memory {

class ChunkSet {
 public:
  explicit ChunkSet(size_t chunks) : words_((chunks + 63) / 64) {}
  size_t size() const { return size_; }
  bool contains(size_t chunk) const;
  void insert(size_t chunk);  // REQUIRES: it is not in
  void erase(size_t chunk);   // REQUIRES: it is in
  // The first at or after `from`.
  std::optional<ChunkNumber> next(size_t from) const;
  std::optional<ChunkNumber> last() const;

 private:
  std::vector<uint64_t> words_;
  size_t size_ = 0;
};

class FreeChunks {
 public:
  // `infos` tell in which epoch a free chunk was touched (born).
  FreeChunks(const SnapshotEpoch& epoch, const ChunkInfo* infos, size_t chunks)
      : epoch_(epoch), infos_(infos), resident_(chunks), clean_(chunks) {}

  // One past the highest chunk that was ever taken. The caller makes what is below accessible.
  size_t frontier() const { return frontier_; }
  size_t count() const { return resident_.size() + clean_.size(); }  // below the frontier
  size_t resident() const { return resident_.size(); }
  // Resident chunks that may be written; during a snapshot, those that are found soon.
  size_t ready() const;
  bool contains(size_t chunk) const { return resident_.contains(chunk) || clean_.contains(chunk); }

  // A chunk to be written: a ready one if there is, or else one without memory.
  ChunkNumber take();
  // `count` of them in a row.
  ChunkNumber take_run(size_t count);
  // A chunk without memory.
  ChunkNumber take_clean();
  // A resident chunk whose memory should go: one that must not be written, or one more than `keep`.
  std::optional<ChunkNumber> take_surplus(size_t keep);

  void give_resident(ChunkNumber chunk) { resident_.insert(chunk); }
  void give_clean(ChunkNumber chunk) { clean_.insert(chunk); }

 private:
  bool is_frozen(size_t chunk) const { return epoch_.inherited(chunk, infos_[chunk].born); }
  bool usable(size_t chunk) const;
  std::optional<ChunkNumber> first_resident(bool frozen) const;
  size_t find_run(size_t count) const;
  void take_out(size_t chunk);

  const SnapshotEpoch& epoch_;
  const ChunkInfo* infos_;
  ChunkSet resident_;
  ChunkSet clean_;
  size_t frontier_ = 1;  // chunk 0 stays unused, so no block is at base()
};

}  // namespace cowslip::memory
