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
#include <functional>
#include <string_view>
#include <vector>

#include "memory/address_range.h"
#include "memory/kernel_memory.h"

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
  uint64_t let_go_bytes = 0;       // chunks that the parent gave back to the system and the child has not

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

class CowLedger {
 public:
  CowLedger() = default;
  CowLedger(const CowLedger&) = delete;
  CowLedger& operator=(const CowLedger&) = delete;

  // Of the running snapshot, or of the last one.
  LedgerTotals totals() const;
  // In no order; none that is all zero.
  std::vector<LedgerRow> rows() const;

  // Whose doing what follows is: a number that the server hands out.
  void set_cause(uint16_t cause) { cause_ = cause; }
  uint16_t cause() const { return cause_; }

 private:
  uint16_t cause_ = kServerCause;
};

}  // namespace cowslip::memory
