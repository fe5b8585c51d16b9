// All chunks of a server: one reserved address range, cut into chunks of 2 MiB, each a huge page where the system has
// them.
//
//     base()
//       | not used   |  chunk 1   |  chunk 2   |  chunk 3   |  ...            one AddressRange, inherited by a child
//       |            |  entries   |  free      |  entries   |  untouched
//       |            |  of arena a|            |  of arena b|
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
// Thread: blocks and snapshots belong to the event loop, but an arena may be destroyed by any thread (Arena::retire()).
// A forked child only reads (snapshot_reader.h); it must not take a lock here.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "memory/address_range.h"
#include "memory/chunk.h"
#include "memory/chunk_keeper.h"
#include "memory/cow_ledger.h"
#include "memory/free_chunks.h"
#include "memory/kernel_memory.h"
#include "memory/page_watch.h"
#include "memory/process_pages.h"
#include "memory/size_classes.h"
#include "memory/snapshot_epoch.h"

namespace cowslip::memory {

// What makes a snapshot cheap. Each can be switched off for experiments; a snapshot is exact without any of them.
enum class Policy : uint8_t {
  kHugePages,      // chunks are huge pages
  kFreshWrites,    // what a child still has is not written; off: it is, and the kernel copies
  kDismissal,      // a child gives back what it has saved
  kUnsharedIndex,  // a child does not inherit what only the event loop reads (whose owner has to see to it)
};
inline constexpr int kPolicies = 4;
// "huge-pages", "fresh-writes", "dismissal", "unshared-index".
std::string_view name(Policy policy);

// Which of the four policies hold here, for INFO and the log.
struct MemoryPolicies {
  bool huge_pages = false;           // chunks are advised to be huge, and the system agrees
  bool healing = false;              // MADV_COLLAPSE works
  bool progress_shared = false;      // the child's progress is seen, so what it has written is writable again
  std::string_view huge_pages_text;  // "on", "off: not configured", "off: forbidden ...", "off: refused"
};

struct PoolStatistics {
  uint64_t chunk_bytes = 0;        // of chunks in use
  uint64_t ready_bytes = 0;        // touched and free
  uint64_t metadata_bytes = 0;     // about chunks, slabs and pages
  uint64_t chunks_returned = 0;    // to the system, ever
  uint64_t chunks_found_huge = 0;  // or made so: MADV_COLLAPSE succeeded, ever. Which of the two it does not say
  uint64_t heal_failures = 0;
};

class ChunkPool {
 public:
  struct Options {
    uint64_t address_space_bytes = 0;  // 0: four times the machine's memory, at least 64 GiB
    bool huge_pages = true;
    bool fresh_writes = true;
    bool dismissal = true;
    bool unshared_index = true;
    size_t ready_chunks = 4;       // at most
    size_t chunks_per_ready = 64;  // in use, for each that is kept ready outside of snapshots
    bool ledger = true;            // false: nothing is counted during snapshots (benchmarks)
    bool keeper = true;            // false: no thread, its work is done by run_keeper() (tests)
  };

  ChunkPool();
  explicit ChunkPool(const Options& options, KernelMemory& kernel = real_kernel_memory());
  // REQUIRES: every arena is gone.
  ~ChunkPool();
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;

  // ---- blocks, whatever arena they are of ----
  // Blocks lie at base() + 8 * n with 0 < n < 2^40: a reference to one fits in five bytes, and 0 is none.
  char* base() const { return range_.begin(); }
  // Bytes of the block's slot, or of its pages.
  size_t capacity(const void* block) const;
  // Whether the block must not be written: a child still has to read it, so the kernel would copy its page.
  bool frozen(const void* block) const {
    return epoch_.child_alive() && epoch_.frozen(chunk_of(block), info(chunk_of(block)).born);
  }

  // ---- snapshots; event loop only, unless said otherwise ----
  // REQUIRES: no child is alive; no block is allocated until fork() has returned. The fork waits for at most one
  // MADV_COLLAPSE that is under way; none begins until end_snapshot().
  void begin_snapshot();
  void end_snapshot();  // the child was reaped, or fork() failed
  bool snapshot_running() const { return epoch_.child_alive(); }
  // `bytes` of a block, from `at` on, are written where they are. If the child still has them the kernel copies their
  // pages, those that it has not copied before. (The whole of a slot is noted when it is taken.)
  void note_write(const void* at, size_t bytes) {
    if (ledger_.counting()) [[unlikely]]
      count_write(at, bytes);
  }
  // The size of all pages of which the ledger ever knew that the kernel copies them. Any thread.
  uint64_t frozen_bytes_written() const { return ledger_.copied_bytes_ever(); }
  // Bytes of chunks born since a fork that were given back to the system before the child's end. Any thread.
  uint64_t fresh_bytes_returned() const { return ledger_.fresh_bytes_returned_ever(); }

  // What the running snapshot costs, or the last one did, and whose doing it is.
  const CowLedger& ledger() const { return ledger_; }
  CowLedger& ledger() { return ledger_; }
  // Who knows how much memory indexes and queues have touched, which lie beside the chunks; bytes.
  void set_index_bytes(std::function<uint64_t()> bytes) { index_bytes_ = std::move(bytes); }

  // ---- policies; event loop only ----
  // Whether it is switched on, which is not to say that the system lets it work (policies()).
  bool policy(Policy policy) const;
  // Fails with kBusy while a child is alive. kHugePages rewrites every chunk, off, page by page, so that the kernel
  // takes small pages for it, or on, through MADV_COLLAPSE: about a millisecond for each. Where the system forbids huge
  // pages, or they were not configured, they cannot be switched on: kUnsupported.
  Status set_policy(Policy policy, bool on);

  // Where everything lies that the child inherited and the ledger accounts for: blocks, and what is known of them.
  // Whole reservations, so that they stay right while they are filled. Event loop only. REQUIRES: a snapshot is
  // running.
  std::vector<AddressSpan> inherited_memory() const { return memory(CowLedger::Ranges::kInherited); }
  // The same and what was kept from the child, such as indexes. Event loop only.
  std::vector<AddressSpan> all_memory() const { return memory(CowLedger::Ranges::kAll); }
  // What has come to all_memory() since the running snapshot began (CowLedger::ranges_made()). Any thread.
  std::vector<AddressSpan> memory_made() const { return ledger_.ranges_made(); }

  // ---- the rest ----
  MemoryPolicies policies() const;
  PoolStatistics statistics() const;
  // Slots and pages of all blocks of all arenas that are not retired.
  uint64_t used_bytes() const;
  uint64_t used_bytes(BlockKind kind) const;
  uint64_t blocks(BlockKind kind) const;
  // Takes back the empty chunks that arenas keep for their next block. From time to time; event loop only.
  void collect_empty_chunks();
  // Gives every free chunk back to the system now (MEMORY PURGE), the empty and the ready ones too. Event loop only.
  void purge();
  // What the keeper would do, on the calling thread, until there is nothing left to do.
  void run_keeper();

 private:
  std::vector<AddressSpan> memory(CowLedger::Ranges which) const;

  friend class Arena;
  friend class ChunkWalk;
  friend class Dismisser;
  friend class ArenaInspector;  // of the tests

  // One piece of the keeper's work. The chunk is nobody else's meanwhile, except for kHeal.
  struct Task {
    enum class Kind : uint8_t { kReturn, kReady, kHeal } kind;
    ChunkNumber chunk;
  };

  ChunkNumber chunk_of(const void* block) const {
    return static_cast<ChunkNumber>(static_cast<size_t>(static_cast<const char*>(block) - base()) / kChunkBytes);
  }
  size_t offset_of(const void* block) const {
    return static_cast<size_t>(static_cast<const char*>(block) - base()) % kChunkBytes;
  }
  char* begin_of(size_t chunk) const { return base() + chunk * kChunkBytes; }
  ChunkInfo* infos() const { return reinterpret_cast<ChunkInfo*>(infos_range_.begin()); }
  ChunkInfo& info(size_t chunk) const { return infos()[chunk]; }
  ChunkNumber number_of(const ChunkInfo& info) const { return static_cast<ChunkNumber>(&info - infos()); }
  // The chunk that a slab is of, from where its metadata lies.
  ChunkInfo& info_of(const Slab& slab) const {
    const auto at = static_cast<size_t>(reinterpret_cast<const char*>(&slab) - infos_range_.begin());
    return infos()[at / sizeof(ChunkInfo)];
  }
  // The slot's first byte.
  char* slot_of(const ChunkInfo& chunk, const Slab& slab, size_t slot) const {
    return begin_of(number_of(chunk)) + chunk.offset_of(slab) + slot * slab.shape().slot_bytes;
  }
  uint64_t& page_owner(const void* block) const;

  // ---- for arenas ----
  void add(Arena& arena);
  void remove(const Arena& arena);
  // `count` chunks in a row, born now: their infos say whose they are and how they are cut up.
  ChunkNumber take(Arena& arena, BlockKind kind, ChunkUse use, size_t count = 1);
  // Any thread, if the chunks are of a retired arena.
  void give_back(std::span<const ChunkNumber> chunks);

  // ---- the keeper's work (chunk_pool_upkeep.cc) ----
  // Does one task. Returns how long to rest, in microseconds; nothing when there is no work.
  std::optional<int64_t> keep(bool paced);
  void wake_keeper();
  size_t wanted_ready() const;
  std::optional<Task> next_task(bool paced);
  std::optional<ChunkNumber> next_to_heal();
  void run(const Task& task, std::unique_lock<std::mutex>& lock);
  int perform(const Task& task);
  // `resident_bytes`: what a chunk to be returned had, during a snapshot.
  void finish(const Task& task, int os_errno, int64_t took_us, size_t resident_bytes);
  void finish_healing(int os_errno, int64_t took_us);

  void count_write(const void* at, size_t bytes);
  void commit_frontier();
  EngineMemory engine_memory() const;

  // ---- policies (snapshot_policies.cc) ----
  Status switch_huge_pages(bool on);
  void take_small_pages();
  void rewrite_chunk(ChunkNumber chunk, std::span<uint64_t> copy);
  size_t frontier() const;
  size_t in_use() const;  // REQUIRES: the mutex is held

  // Constant after construction.
  KernelMemory& kernel_;
  const Options options_;
  const SystemClock clock_;
  AddressRange range_;         // the chunks; whether they are huge is a policy
  AddressRange infos_range_;   // a ChunkInfo for each
  AddressRange owners_range_;  // for each page, who refers to the block that begins there

  // Event loop only; a child reads it.
  bool dismissal_;
  bool unshared_index_;
  SnapshotEpoch epoch_;         // changed under the mutex
  std::vector<Arena*> arenas_;  // that are not retired; each knows its place
  CowLedger ledger_;
  PageWatch infos_watch_;
  PageWatch owners_watch_;
  std::function<uint64_t()> index_bytes_;

  // Guarded by the mutex.
  mutable std::mutex mutex_;
  FreeChunks free_;
  uint64_t owner_pages_ = 0;  // of owners_range_, touched
  size_t busy_ = 0;           // chunks in the keeper's hands
  std::string_view huge_pages_text_;
  bool collapse_known_;  // by the kernel, for huge pages that are wanted
  bool healing_works_;
  bool fork_is_due_ = false;            // what is touched now would be shared with the child
  std::optional<ChunkNumber> to_heal_;  // where the pass has arrived
  int64_t heal_not_before_us_ = 0;
  PoolStatistics statistics_;  // the counters of what happened

  ChunkKeeper keeper_;
};

}  // namespace cowslip::memory
