// The memory of one database: blocks of any size, laid into chunks of its own.
//
//     chunk of a kind, 2 MiB                       slab of a size class, 64 KiB
//     +--------+--------+-- ... --+--------+       +------+------+------+-- ... --+------+
//     | slab 0 | slab 1 |         | slab 31|       | slot | slot | slot |         | slot |
//     +--------+--------+-- ... --+--------+       +------+------+------+-- ... --+------+
//
// A block of up to 16 KiB takes a slot; a larger one whole pages of a chunk that holds nothing but such; one of more
// than a chunk takes whole chunks in a row and the first pages of the next. Which slots are taken is known outside the
// chunk (one bit each), so allocating and freeing touch no data page.
//
// While a child is alive, new blocks come from chunks it does not know, and freed slots of frozen chunks stay unused
// until it has ended: what the child still has to read is written by nobody. Afterwards they are used again.
//
// Evacuation: deletions leave chunks half empty. begin_evacuation() picks the sparsest and lets nothing new into it;
// the owner of the blocks moves them elsewhere one by one, and the chunk returns to the pool with the last.
//
// A chunk that is empty goes back to the pool at once, but for the last one of a kind that had slabs or page blocks: a
// database that toggles its only key would take and return a chunk each time. That one goes with give_back_empty(), or
// when another is taken.
//
// Thread: event loop only, until retire(); from then on any one thread, which may only destroy it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <vector>

#include "memory/bitmap_heap.h"
#include "memory/candidate_list.h"
#include "memory/chunk.h"
#include "memory/chunk_pool.h"
#include "memory/cow_ledger.h"
#include "memory/sparse_search.h"

namespace cowslip::memory {

class Arena {
 public:
  // `database` is whose memory this is, for the ledger of what snapshots cost (cow_ledger.h).
  explicit Arena(ChunkPool& pool, int database = kNoDatabase);
  // Gives all chunks back, whatever blocks they still hold: emptying a database takes time for its chunks, not its
  // keys.
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  ChunkPool& pool() const { return pool_; }
  int database() const { return database_; }
  void set_database(int database);

  // At least `bytes`, aligned to 8 (to a page when larger than kLargestSlot); not zeroed. Never frozen.
  void* allocate(BlockKind kind, size_t bytes);
  // REQUIRES: the block is of this arena. Frozen or not, its bytes stay as they are.
  void release(void* block);

  // Slots and pages of blocks.
  uint64_t used_bytes() const;
  uint64_t used_bytes(BlockKind kind) const { return space(kind).used_bytes; }
  uint64_t blocks(BlockKind kind) const { return space(kind).blocks; }
  uint64_t chunk_bytes() const;  // of the chunks they are in
  uint64_t metadata_bytes() const { return bitmaps_.used_bytes(); }

  // Who refers to a block that takes pages (BlockKind::kLargeValue): any number its owner likes, 0 at first. Kept with
  // the metadata, so that setting it touches no data page. REQUIRES: capacity(block) > kLargestSlot.
  void set_page_block_owner(const void* block, uint64_t owner);
  uint64_t page_block_owner(const void* block) const;

  // ---- evacuation. A snapshot may begin in the midst of it: it gains nothing before that has ended ----
  enum class NoChunk { kYet, kAtAll };
  // One of the chunks of `kind` with the smallest share of used bytes, if that is below `most_used` (0 to 1) and the
  // others have room for what it holds, so that moving it leaves a chunk less. It stays out of use for new blocks until
  // it is empty or end_evacuation(). A call looks at some hundred chunks: without one `kYet`, the next call goes on
  // from there (sparse_search.h). REQUIRES: no snapshot is running.
  std::expected<ChunkNumber, NoChunk> begin_evacuation(BlockKind kind, double most_used);
  void end_evacuation(ChunkNumber chunk);
  // Up to `limit` blocks of the chunk that are still there, in address order; none when it was emptied.
  void blocks_of(ChunkNumber chunk, size_t limit, std::vector<void*>& into) const;
  // Bytes of slots and pages that are free in chunks of this arena.
  uint64_t free_bytes(BlockKind kind) const;

  // The chunks that are kept although they are empty.
  void give_back_empty();
  // Before it is handed to another thread to be destroyed: the arena takes no more part in snapshots.
  void retire();

 private:
  friend class ChunkPool;
  friend class ChunkWalk;
  friend class Dismisser;
  friend class ArenaInspector;  // of the tests

  // All there is of one kind of blocks.
  struct Space {
    std::array<CandidateList<Slab>, kSizeClasses> slabs;            // with a free slot
    CandidateList<ChunkInfo> slab_chunks;                           // with a free slab
    std::array<CandidateList<ChunkInfo>, kRunClasses> page_chunks;  // with free pages, by their largest run
    std::vector<ChunkNumber> chunks;                                // all of them
    SparseSearch sparse;                                            // for the next ones to be evacuated
    uint64_t used_bytes = 0;
    uint64_t blocks = 0;
  };
  Space& space(BlockKind kind) { return spaces_[static_cast<size_t>(kind)]; }
  const Space& space(BlockKind kind) const { return spaces_[static_cast<size_t>(kind)]; }

  // ---- slots ----
  Slab& open_slab(BlockKind kind, SizeClass size_class);
  void close_slab(ChunkInfo& chunk, Slab& slab);
  void slot_is_free(ChunkInfo& chunk, Slab& slab);
  // During a snapshot: tell the ledger, and go on.
  void* slot_taken(const ChunkInfo& chunk, const Slab& slab, void* block, size_t bytes);
  void slot_released(ChunkInfo& chunk, Slab& slab, const void* block);
  void wrote_bit(const ChunkInfo& chunk, const Slab& slab, const void* block);

  // ---- pages (arena_pages.cc) ----
  // How many chunks are looked at whose largest run may or may not do.
  static constexpr int kRunTries = 4;
  void* allocate_pages(BlockKind kind, size_t pages);
  void* allocate_large(BlockKind kind, size_t pages);
  void block_of_pages_taken(const ChunkInfo& chunk, char* block, size_t pages);
  void wrote_owner(const void* block);
  void release_pages(ChunkInfo& chunk, void* block);
  void release_large(ChunkInfo& head);
  ChunkInfo& chunk_with_run(BlockKind kind, size_t pages);
  ChunkInfo* candidate_with_run(BlockKind kind, size_t pages);
  void pages_changed(ChunkInfo& chunk);

  // ---- chunks ----
  ChunkInfo& add_chunks(BlockKind kind, ChunkUse use, size_t count = 1);
  void remove_chunk(ChunkInfo& chunk);
  void give_back_empty(Space& of_kind);
  // Whether the chunk has nothing in it and no reason to stay.
  bool should_go(const ChunkInfo& chunk) const;
  // Makes it a candidate for new blocks, at once or after the snapshot. REQUIRES: it has room.
  void offer(Slab& slab, const ChunkInfo& chunk);
  void offer(ChunkInfo& chunk);
  void count(ChunkInfo& chunk, int64_t blocks, int64_t bytes);
  void count_pages(ChunkInfo& chunk, int64_t blocks, int64_t bytes);
  void unlink(Candidate& candidate);
  // Metadata of a chunk is written: tells the ledger.
  void wrote(const void* at);
  void wrote_all_of(const ChunkInfo& chunk);
  void wrote_infos();

  // ---- evacuation (arena_evacuation.cc) ----
  void look_for_sparse(Space& of_kind);
  void exclude(ChunkInfo& chunk);
  bool others_have_room_for(const ChunkInfo& chunk) const;
  bool slots_fit_elsewhere(const ChunkInfo& chunk) const;
  size_t holes_elsewhere(const ChunkInfo& chunk, SizeClass size_class, size_t enough) const;
  size_t free_slabs_elsewhere(const ChunkInfo& chunk, size_t enough) const;
  bool pages_fit_elsewhere(const ChunkInfo& chunk) const;

  // ---- snapshots: called by the pool ----
  void lay_aside();
  void bring_back();

  ChunkPool& pool_;
  int database_;
  BitmapHeap bitmaps_;
  std::array<Space, kBlockKinds> spaces_;
  size_t place_ = 0;  // among the pool's arenas
  bool retired_ = false;
};

}  // namespace cowslip::memory
