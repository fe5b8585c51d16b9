// Who made the kernel copy what: the account of one snapshot's cost, kept while it runs.
//
// Problem: a process sees how many pages were copied during a snapshot, at best, and not for which command, database or
// kind of data. Solution: everything that a child inherits and the engine writes to is known here page by page. The
// first write to a 4 KiB page that the child still has is a copy, and is put down to its cause; the second is not.
//
//     what is written                           counts
//     page of a block the child still has       copied_pages, once      (in place: large values; all, without fresh
//                                                                        writes)
//     page of metadata, or of an inherited      copied_pages, once
//     index
//     block in a chunk born after the fork      fresh_bytes, its slot or pages
//     block in a chunk the child has given back reused_bytes: no growth
//
// A cause is a number that the server hands out (0 is the server itself): nothing here knows of commands.
//
// Thread: event loop only. After the child's end the figures stay as they were then, until the next snapshot begins.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "memory/address_range.h"
#include "memory/chunk.h"
#include "memory/kernel_memory.h"
#include "memory/page_watch.h"
#include "memory/process_pages.h"
#include "memory/snapshot_epoch.h"

namespace cowslip::memory {

// What the memory is for.
enum class MemoryKind : uint8_t {
  kEntry,       // a key with its small value
  kLargeValue,  // a value of more than 16 KiB
  kNode,        // a part of an aggregate
  kIndex,       // index and expiry queue, where the child inherits them (MADV_DONTFORK refused or switched off)
  kMetadata,    // what is known of chunks, slabs and slots
  kOutside,     // general heap, stacks, program data: not seen here, only ever filled in from what the kernel says
};
inline constexpr int kMemoryKinds = 6;

// Why it was written.
enum class WriteReason : uint8_t {
  kFreshWrite,  // something is written anew, to a place that the child does not know
  kInPlace,     // something that the child has is changed where it is
  kDelete,
  kExpire,
  kEvict,
  kUpkeep,  // the server's own doing: rehashing, moving
};
inline constexpr int kWriteReasons = 6;

// "entry", "large_value", "node", "index", "metadata", "outside".
std::string_view name(MemoryKind kind);
// "fresh_write", "in_place", "delete", "expire", "evict", "upkeep".
std::string_view name(WriteReason reason);

inline constexpr uint16_t kServerCause = 0;
inline constexpr int kNoDatabase = -1;  // of a row: memory that is shared by all

struct LedgerRow {
  uint16_t cause = kServerCause;
  int database = kNoDatabase;
  MemoryKind kind = MemoryKind::kEntry;
  WriteReason reason = WriteReason::kFreshWrite;
  uint64_t copied_pages = 0;  // of 4 KiB: first touches of pages that the child still had
  uint64_t fresh_bytes = 0;   // of blocks (slots, pages) taken in chunks that were born after the fork
  uint64_t reused_bytes = 0;  // of blocks taken in chunks that the child had given back: no growth
  uint64_t blocks = 0;        // taken
};

// All sizes are those since the fork.
struct LedgerTotals {
  uint64_t copied_pages = 0;       // sum of the rows
  uint64_t fresh_bytes = 0;        // sum of the rows
  uint64_t fresh_freed_bytes = 0;  // of fresh_bytes, released again
  uint64_t reused_bytes = 0;       // sum of the rows
  uint64_t blocks = 0;             // sum of the rows

  // What is the child's alone now; the kernel's figure for it is the child's Private_Dirty, less what the child itself
  // has written. 0 when no child is alive.
  uint64_t outstanding_pages = 0;  // copied ones, in chunks that the child has not given back
  uint64_t let_go_bytes = 0;       // what the parent gave back to the system and the child has not

  // By how much the parent's resident memory has grown for the engine's sake; less than 0 where it gave back more.
  int64_t chunk_growth_bytes = 0;     // chunks touched by the event loop or ahead by the keeper, whole huge pages
  int64_t index_growth_bytes = 0;     // indexes and expiry queues
  int64_t metadata_growth_bytes = 0;  // about chunks, slabs and slots

  // Of parent and child together: growth of the parent's VmRSS plus the child's Private_Dirty, as far as it is the
  // engine's (not MemoryKind::kOutside).
  int64_t expected_growth_bytes() const {
    return chunk_growth_bytes + index_growth_bytes + metadata_growth_bytes +
           static_cast<int64_t>(outstanding_pages * 4096 + let_go_bytes);
  }
};

// What the engine's own memory takes, as far as its growth is not counted piece by piece.
struct EngineMemory {
  int64_t index_bytes = 0;
  int64_t metadata_bytes = 0;
};

class CowLedger {
 public:
  // A bit per page of up to `chunks` chunks from `base` on, of which `infos` tell how old they are. `measure` is asked
  // when a snapshot begins and whenever somebody wants to know the growth since.
  CowLedger(KernelMemory& kernel, const SnapshotEpoch& epoch, const ChunkInfo* infos, const char* base, size_t chunks,
            std::function<EngineMemory()> measure);
  CowLedger(const CowLedger&) = delete;
  CowLedger& operator=(const CowLedger&) = delete;

  // Of the running snapshot, or of the last one.
  LedgerTotals totals() const;
  // In no order; none that is all zero.
  std::vector<LedgerRow> rows() const;
  // Whether a child is alive and its cost is counted.
  bool counting() const { return counting_; }
  // The same, and the child has inherited an index or an expiry queue.
  bool counting_indexes() const { return counting_indexes_; }
  // Bytes of the pages that were ever found to be copied, in all snapshots. Any thread.
  uint64_t copied_bytes_ever() const { return copied_bytes_ever_.load(std::memory_order_relaxed); }
  // Bytes that were given back to the system of chunks born since the fork, in all snapshots: the parent has become
  // smaller, and no child has them. Any thread.
  uint64_t fresh_bytes_returned_ever() const { return fresh_bytes_returned_ever_.load(std::memory_order_relaxed); }

  // The ranges beside the chunks, whole: those that the child has, or all of them. Event loop only.
  enum class Ranges { kInherited, kAll };
  std::vector<AddressSpan> ranges(Ranges which) const;
  // Those that were reserved since the running snapshot began, by a database that is used for the first time or was
  // emptied: ranges() did not name them before. What has been unmapped meanwhile is still among them. Any thread.
  std::vector<AddressSpan> ranges_made() const;

  // ---- whose doing it is, from here on ----
  void set_cause(uint16_t cause) { cause_ = cause; }
  uint16_t cause() const { return cause_; }
  // While it lives; what is written without one is a fresh write or in place, whatever it turns out to be.
  class Because {
   public:
    Because(CowLedger& ledger, WriteReason reason) : ledger_(ledger), before_(std::exchange(ledger.reason_, reason)) {}
    ~Because() { ledger_.reason_ = before_; }
    Because(const Because&) = delete;
    Because& operator=(const Because&) = delete;

   private:
    CowLedger& ledger_;
    const WriteReason before_;
  };

 private:
  friend class Arena;
  friend class ChunkPool;
  friend class PageWatch;
  friend class LedgerInspector;  // of the tests

  static constexpr uint32_t kNoEpoch = UINT32_MAX;
  static constexpr size_t kWordsPerChunk = kPagesPerChunk / 64;

  // ---- snapshots ----
  // What is in use now is what the child inherits. `huge_pages`: whether the first touch of a chunk takes all of it.
  void begin(size_t chunks_in_use, bool huge_pages);
  void end();

  // ---- ranges beside the chunks ----
  void add(PageWatch& watch);
  void remove(const PageWatch& watch);
  void range_made(const AddressRange& range);
  void count_watched_copy(MemoryKind kind, int database);
  void watched_range_gone(size_t pages_not_copied);

  // ---- blocks. REQUIRES: counting() ----
  // A block was taken; `written` of its bytes, from its beginning, are written now.
  void block_taken(const ChunkInfo& chunk, const char* block, size_t bytes, size_t written, int database) {
    if (chunk.born != whole_since_) return block_taken_in_pages(chunk, block, bytes, written, database);
    LedgerRow& taken = row(kind_of(chunk), database, reason_);
    taken.blocks++;
    taken.fresh_bytes += bytes;
  }
  void block_released(const ChunkInfo& chunk, size_t bytes) {
    if (is_fresh(chunk)) fresh_freed_bytes_ += bytes;
  }
  // Bytes of a block are written.
  void block_written(const ChunkInfo& chunk, const char* at, size_t bytes, int database);

  // ---- chunks; any thread. Chunks below `frontier` have their bits' memory ----
  void commit(size_t frontier);
  void chunks_taken(ChunkNumber first, size_t count, size_t resident);  // so many of them had memory already
  void chunk_readied(ChunkNumber chunk);
  void chunk_returned(ChunkNumber chunk, size_t resident_bytes);

  struct LetGo {
    ChunkNumber chunk;
    size_t bytes;
  };
  enum class Age { kFresh, kGivenBack, kInherited };
  bool is_fresh(const ChunkInfo& chunk) const { return chunk.born == epoch_.current(); }
  Age age_of(ChunkNumber chunk) const;
  uint64_t* bits_of(size_t chunk) const;
  uint64_t marked_pages(size_t chunk) const;
  void mark_all(size_t chunk, bool marked);
  // Marks the pages of [at, at + bytes); returns how many were not marked before.
  template <typename BeforeMarking>
  uint64_t mark(const char* at, size_t bytes, BeforeMarking&& before_marking);
  void mark_copied(const ChunkInfo& chunk, const char* at, size_t bytes, int database);
  // A page that nobody had touched before is not copied but new.
  bool is_new(const char* at) const;
  void mark_fresh(const char* at, size_t bytes);
  WriteReason reason_in_place() const { return reason_ == WriteReason::kFreshWrite ? WriteReason::kInPlace : reason_; }
  void block_taken_in_pages(const ChunkInfo& chunk, const char* block, size_t bytes, size_t written, int database);

  // ---- rows: found by one word, that of their cause, database, kind and reason (from the highest bits down) ----
  struct RowSlot {
    uint64_t key = kNoKey;
    LedgerRow* row = nullptr;
  };
  static constexpr uint64_t kNoKey = UINT64_MAX;
  static constexpr int kLeastSlotBits = 8;
  static uint64_t key_of(uint16_t cause, int database, MemoryKind kind, WriteReason reason) {
    return uint64_t{cause} << 48 | uint64_t{static_cast<uint32_t>(database)} << 16 |
           uint64_t{static_cast<uint8_t>(kind)} << 8 | static_cast<uint8_t>(reason);
  }
  static MemoryKind kind_of(const ChunkInfo& chunk) { return static_cast<MemoryKind>(chunk.kind); }
  size_t slot_of(uint64_t key) const { return key * 0x9E3779B97F4A7C15 >> (64 - row_slot_bits_); }
  LedgerRow& row(MemoryKind kind, int database, WriteReason reason) {
    const uint64_t key = key_of(cause_, database, kind, reason);
    const RowSlot& slot = row_slots_[slot_of(key)];
    return slot.key == key ? *slot.row : find_row(key);
  }
  LedgerRow& find_row(uint64_t key);
  RowSlot& probe(uint64_t key);
  void set_slot_bits(int bits);
  LedgerTotals reckon() const;

  // What each block that is taken or released looks at; event loop only.
  alignas(64) bool counting_ = false;  // written under the mutex
  bool counting_indexes_ = false;
  WriteReason reason_ = WriteReason::kFreshWrite;
  uint16_t cause_ = kServerCause;
  // The epoch of chunks born since the fork, if they are touched whole, so that no page of them need be looked at.
  uint32_t whole_since_ = kNoEpoch;
  int row_slot_bits_ = kLeastSlotBits;
  std::vector<RowSlot> row_slots_;  // open addressing; two to the power of row_slot_bits_
  uint64_t fresh_freed_bytes_ = 0;

  // Constant after construction.
  const SnapshotEpoch& epoch_;
  const ChunkInfo* const infos_;
  const char* const base_;
  const std::function<EngineMemory()> measure_;
  KernelMemory& kernel_;
  AddressRange bits_;        // not inherited: the watches' first, then eight words for each chunk
  size_t watch_bits_bytes_;  // of them

  // Event loop only.
  bool huge_pages_ = false;           // written under the mutex
  std::vector<PageWatch*> watches_;   // each knows its place
  size_t watched_words_ = 0;          // of the watches' bits in use
  std::vector<ChunkNumber> touched_;  // chunks with copied pages
  // How many pages were new in a chunk that the child has; of all of them together.
  std::unordered_map<ChunkNumber, uint32_t> new_pages_;
  uint64_t new_pages_sum_ = 0;
  uint64_t watched_copies_ = 0;  // pages of ranges beside the chunks
  uint64_t watched_let_go_ = 0;  // the same, that were not copied before the parent gave them back
  EngineMemory at_fork_;
  LedgerTotals last_;           // of the snapshot that has ended
  std::deque<LedgerRow> rows_;  // they stay where they are

  // Any thread.
  std::atomic<uint64_t> copied_bytes_ever_ = 0;
  std::atomic<uint64_t> fresh_bytes_returned_ever_ = 0;
  mutable std::mutex mutex_;  // guards what follows, and the bits of chunks that are free
  int64_t chunk_growth_bytes_ = 0;
  std::vector<LetGo> let_go_;
  std::map<uintptr_t, size_t> ranges_made_;  // bytes of the longest that was reserved there
};

}  // namespace cowslip::memory
