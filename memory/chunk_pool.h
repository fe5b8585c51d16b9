// All chunks of a server: one reserved address range, cut into chunks of 2 MiB, each a huge page where the system has
// them.
//
//     base()
//       |  chunk 0   |  chunk 1   |  chunk 2   |  ...                         one AddressRange, inherited by a child
//       |  entries   |  free      |  entries   |  untouched
//       |  of arena a|            |  of arena b|
//
//     ChunkInfo 0 | ChunkInfo 1 | ...         metadata, in another range: freeing a block touches no page of the chunk
//
// An Arena takes whole chunks and cuts them up. A chunk that is empty again comes back here; the keeper, a thread,
// gives its memory back to the system, keeps a few chunks ready (touched, so that nobody waits for the kernel to zero 2
// MiB) and heals chunks whose huge page was split.
//
// Snapshots: begin_snapshot() before a fork makes every chunk in use frozen (snapshot_epoch.h) and tells the arenas to
// take new blocks from chunks that the child does not know.
//
// Thread: blocks and snapshots belong to the event loop, but give_back() may be called by any thread (an arena
// destroyed elsewhere). A forked child only reads (snapshot_reader.h); it must not take a lock here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "memory/kernel_memory.h"
#include "memory/size_classes.h"

namespace cowslip::memory {

class Arena;
struct ChunkInfo;

using ChunkNumber = uint32_t;

// What a chunk is used for. One chunk holds one kind only, so a save can walk entries without meeting anything else.
enum class BlockKind : uint8_t { kEntry, kLargeValue, kNode };
inline constexpr int kBlockKinds = 3;

// Which of the four policies hold here, for INFO and the log.
struct MemoryPolicies {
  bool huge_pages = false;           // chunks are advised to be huge, and the system agrees
  bool healing = false;              // MADV_COLLAPSE works
  bool progress_shared = false;      // the child's progress is seen, so what it has written is writable again
  std::string_view huge_pages_text;  // "on", "off: not configured", "off: never in /sys/kernel/mm/...", "off: refused"
};

struct PoolStatistics {
  uint64_t chunk_bytes = 0;      // of chunks in use
  uint64_t ready_bytes = 0;      // touched and free
  uint64_t metadata_bytes = 0;   // about chunks, slabs and pages
  uint64_t chunks_returned = 0;  // to the system, ever
  uint64_t chunks_healed = 0;    // MADV_COLLAPSE succeeded, ever
  uint64_t heal_failures = 0;
};

class ChunkPool {
 public:
  struct Options {
    uint64_t address_space_bytes = 0;  // 0: four times the machine's memory, at least 64 GiB
    bool huge_pages = true;
    size_t ready_chunks = 4;
    bool keeper = true;  // false: no thread, its work is done by run_keeper() (tests)
  };

  ChunkPool();
  explicit ChunkPool(const Options& options, KernelMemory& kernel = real_kernel_memory());
  // REQUIRES: every arena is gone.
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  // ---- blocks, whatever arena they are of ----
  // Blocks lie at base() + 8 * n; n < 2^40, so a reference to one fits in five bytes.
  char* base() const;
  // Bytes of the block's slot, or of its pages.
  size_t capacity(const void* block) const;
  // Whether writing to the block would make the kernel copy its page: a child still has to read it.
  bool frozen(const void* block) const;

  // ---- snapshots; event loop only ----
  void begin_snapshot();  // before fork(). REQUIRES: no child is alive
  void end_snapshot();    // the child was reaped, or fork() failed
  bool snapshot_running() const;

  // ---- the rest ----
  MemoryPolicies policies() const;
  PoolStatistics statistics() const;
  uint64_t used_bytes() const;                // slots and pages of all blocks of all arenas
  uint64_t used_bytes(BlockKind kind) const;  // likewise
  uint64_t blocks(BlockKind kind) const;
  // Gives every free chunk back to the system now (MEMORY PURGE), the ready ones too.
  void purge();
  // What the keeper would do, on the calling thread, until there is nothing left to do.
  void run_keeper();

 private:
  friend class Arena;
  friend class ChunkWalk;
  friend class Dismisser;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cowslip::memory
