// Empties sparse chunks of a database, so that memory which deletions left in holes goes back to the system.
//
// Problem: an entry that is overwritten during a save moves to a new chunk and leaves a hole in an old one. A chunk is
// free only when its last entry is gone, so every save under writes would leave the process larger. Solution: as long
// as too much of the chunks is holes, take the sparsest one out of use and move what it holds into holes elsewhere. An
// entry moves by a copy and one store into its slot of the index; of a large value, only its entry has to know.
//
// The work is done in slices of a few hundred microseconds, a few blocks, or looks for a sparse chunk, between two
// looks at the clock. Never while a child is alive: the holes could not be used, and each move would be a new entry.
//
// Thread: the event loop.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "memory/arena.h"

namespace cowslip::store {

class EntryFactory;
class Index;

struct EvacuationLimits {
  double tolerated_share = 0.02;       // of the chunks' bytes that may be free
  uint64_t tolerated_bytes = 8 << 20;  // and so many in any case
};

struct EvacuationStatistics {
  uint64_t entries_moved = 0;
  uint64_t values_moved = 0;
  uint64_t nodes_moved = 0;
  uint64_t chunks_emptied = 0;
};

class Evacuation {
 public:
  // All of these outlive it.
  Evacuation(memory::Arena& arena, Index& index, EntryFactory& factory)
      : arena_(arena), index_(index), factory_(factory) {}

  // Whether more is free than is tolerated. A kind of blocks that cannot be brought together any further does not count
  // until its free bytes have changed by about a chunk.
  bool wanted(const EvacuationLimits& limits) const;
  // Moves blocks until about `until_us` (monotonic). REQUIRES: no snapshot is running.
  void step(const EvacuationLimits& limits, int64_t until_us);

  const EvacuationStatistics& statistics() const { return statistics_; }

 private:
  // What is known of one kind of blocks.
  struct Kind {
    memory::BlockKind kind;
    size_t blocks_at_once;                          // moved between two looks at the clock
    std::optional<uint64_t> stuck_free_bytes = {};  // how much was free when nothing could be gained
  };

  bool has_work(const Kind& kind, const EvacuationLimits& limits) const;
  // False when there is nothing to do. Otherwise a chunk was chosen, or the search for one goes on.
  bool choose_chunk(const EvacuationLimits& limits);
  void move_blocks();
  void end_chunk();
  void move(void* block);
  void move_entry(void* block);
  void move_node(void* block);
  void move_value(void* block);

  memory::Arena& arena_;
  Index& index_;
  EntryFactory& factory_;
  std::array<Kind, 3> kinds_ = {
      {{memory::BlockKind::kEntry, 32}, {memory::BlockKind::kLargeValue, 1}, {memory::BlockKind::kNode, 16}}};
  std::optional<memory::ChunkNumber> chunk_;  // being emptied
  Kind* kind_ = nullptr;                      // of it
  uint64_t chunk_bytes_before_ = 0;           // of the arena, when it was chosen
  std::vector<void*> blocks_;                 // of one look
  EvacuationStatistics statistics_;
};

}  // namespace cowslip::store
