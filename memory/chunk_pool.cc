#include "memory/chunk_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>

#include "memory/arena.h"
#include "memory/poison.h"
#include "memory/process_memory.h"

namespace cowslip::memory {
namespace {

constexpr uint64_t kLeastAddressSpace = uint64_t{64} << 30;
constexpr uint64_t kMostAddressSpace = uint64_t{8} << 40;  // what five bytes of reference reach
constexpr uint64_t kEnoughToTry = uint64_t{256} << 20;
// Metadata is small where there is little data, and few page table entries for a fork to copy where there is much.
constexpr size_t kSmallMetadata = 4u << 20;

size_t address_space(uint64_t wanted) {
  if (wanted == 0) wanted = std::max(4 * total_system_memory(), kLeastAddressSpace);
  return std::min(wanted, kMostAddressSpace) / kChunkBytes * kChunkBytes;
}

std::string_view huge_pages_obstacle(const ChunkPool::Options& options, KernelMemory& kernel) {
  if (!options.huge_pages) return "off: not configured";
  if (kernel.huge_pages_forbidden())
    return "off: forbidden (never in /sys/kernel/mm/transparent_hugepage/enabled, or PR_SET_THP_DISABLE)";
  return {};
}

AddressRange reserve_chunks(KernelMemory& kernel, size_t bytes, bool huge_pages) {
  AddressRange range(kernel, {.bytes = bytes,
                              .least_bytes = std::min(bytes, kEnoughToTry),
                              .share_of_limit = 2,
                              .alignment = kChunkBytes,
                              .huge_pages_after = huge_pages ? 0 : SIZE_MAX});
  // "always" would make them huge unasked.
  if (!huge_pages) (void)kernel.advise(range.begin(), range.bytes(), MADV_NOHUGEPAGE);
  return range;
}

AddressRange reserve_metadata(KernelMemory& kernel, size_t bytes, size_t huge_pages_after) {
  return {kernel, {.bytes = bytes, .least_bytes = bytes, .huge_pages_after = huge_pages_after}};
}

}  // namespace

ChunkPool::ChunkPool() : ChunkPool(Options{}) {}

ChunkPool::ChunkPool(const Options& options, KernelMemory& kernel)
    : kernel_(kernel),
      options_(options),
      range_(reserve_chunks(kernel, address_space(options.address_space_bytes),
                            huge_pages_obstacle(options, kernel).empty())),
      infos_range_(reserve_metadata(kernel, range_.bytes() / kChunkBytes * sizeof(ChunkInfo),
                                    range_.huge_pages() ? kSmallMetadata : SIZE_MAX)),
      owners_range_(reserve_metadata(kernel, range_.bytes() / kPageBytes * sizeof(uint64_t), SIZE_MAX)),
      dismissal_(options.dismissal),
      unshared_index_(options.unshared_index),
      epoch_(kernel, range_.bytes() / kChunkBytes),
      ledger_(kernel, epoch_, infos(), base(), range_.bytes() / kChunkBytes, [this] { return engine_memory(); }),
      free_(epoch_, infos(), range_.bytes() / kChunkBytes),
      huge_pages_text_(huge_pages_obstacle(options, kernel)),
      keeper_([this] { return keep(/*paced=*/true); }) {
  if (huge_pages_text_.empty()) huge_pages_text_ = range_.huge_pages() ? "on" : "off: refused";
  epoch_.set_fresh_writes(options.fresh_writes);
  // Nothing is done to no bytes, but a kernel that does not know the advice says so.
  collapse_known_ = range_.huge_pages() && kernel.advise(range_.begin(), 0, kMadviseCollapse);
  healing_works_ = collapse_known_;
  infos_watch_.start(ledger_, infos_range_, MemoryKind::kMetadata,
                     [this] { return infos_range_.touched_bytes(frontier() * sizeof(ChunkInfo)); });
  owners_watch_.start(ledger_, owners_range_, MemoryKind::kMetadata, [this] { return owners_range_.committed(); });
}

ChunkPool::~ChunkPool() {
  assert(arenas_.empty());
  keeper_.stop();
  // The addresses may be somebody else's next.
  unpoison(base(), range_.committed());
}

size_t ChunkPool::capacity(const void* block) const {
  const ChunkInfo& chunk = info(chunk_of(block));
  const size_t offset = offset_of(block);
  if (chunk.use == ChunkUse::kSlabs) return chunk.slab_at(offset).shape().slot_bytes;
  if (chunk.use == ChunkUse::kLargeHead) return chunk.block_pages * kPageBytes;
  return chunk.pages.pages_of(offset / kPageBytes) * kPageBytes;
}

uint64_t& ChunkPool::page_owner(const void* block) const {
  const auto page = static_cast<size_t>(static_cast<const char*>(block) - base()) / kPageBytes;
  return reinterpret_cast<uint64_t*>(owners_range_.begin())[page];
}

// ---- arenas ----

void ChunkPool::add(Arena& arena) {
  arena.place_ = arenas_.size();
  arenas_.push_back(&arena);
}

void ChunkPool::remove(const Arena& arena) {
  assert(arenas_[arena.place_] == &arena);
  arenas_.back()->place_ = arena.place_;
  arenas_[arena.place_] = arenas_.back();
  arenas_.pop_back();
}

ChunkNumber ChunkPool::take(Arena& arena, BlockKind kind, ChunkUse use, size_t count) {
  const std::lock_guard lock(mutex_);
  fork_is_due_ = false;
  const size_t frontier_before = free_.frontier();
  const size_t resident_before = free_.resident();
  const ChunkNumber first = count == 1 ? free_.take() : free_.take_run(count);
  if (use != ChunkUse::kSlabs && first >= frontier_before) owner_pages_++;
  commit_frontier();
  for (ChunkNumber chunk = first; chunk < first + count; chunk++) {
    ChunkInfo& taken = info(chunk);
    static_cast<Candidate&>(taken) = {};  // an arena that was destroyed left its links
    taken.use = use;
    taken.kind = kind;
    taken.evacuating = false;
    taken.born = epoch_.current();
    taken.arena = &arena;
  }
  ledger_.chunks_taken(first, count, resident_before - free_.resident());
  wake_keeper();
  return first;
}

void ChunkPool::give_back(std::span<const ChunkNumber> chunks) {
  const std::lock_guard lock(mutex_);
  for (const ChunkNumber chunk : chunks) {
    ChunkInfo& given = info(chunk);
    given.use = ChunkUse::kFree;
    given.arena = nullptr;
    given.set_used(0);
    poison(begin_of(chunk), kChunkBytes);
    free_.give_resident(chunk);
  }
  wake_keeper();
}

void ChunkPool::collect_empty_chunks() {
  for (Arena* arena : arenas_) arena->give_back_empty();
}

// Memory of new chunks and of what is known of them. It is touched when it is used.
void ChunkPool::commit_frontier() {
  const size_t chunks = free_.frontier();
  const size_t before = range_.committed();
  range_.commit(chunks * kChunkBytes);
  infos_range_.commit(chunks * sizeof(ChunkInfo));
  owners_range_.commit(chunks * kPagesPerChunk * sizeof(uint64_t));
  ledger_.commit(chunks);
  poison(base() + before, range_.committed() - before);
}

// ---- snapshots ----

void ChunkPool::begin_snapshot() {
  collect_empty_chunks();  // they would be frozen
  {
    // The keeper looks at these under the mutex, so no MADV_COLLAPSE begins from here on.
    const std::lock_guard lock(mutex_);
    epoch_.begin(free_.frontier());
    to_heal_.reset();
    fork_is_due_ = true;
  }
  if (epoch_.fresh_writes()) {
    for (Arena* arena : arenas_) arena->lay_aside();
  }
  if (!options_.ledger) return;
  // The last: what was written until now the child inherits as it is.
  ledger_.begin(frontier(), range_.huge_pages());
}

void ChunkPool::end_snapshot() {
  for (Arena* arena : arenas_) arena->bring_back();
  ledger_.end();
  const std::lock_guard lock(mutex_);
  epoch_.end();
  fork_is_due_ = false;
  if (collapse_known_) to_heal_ = 1;
  wake_keeper();
}

void ChunkPool::count_write(const void* at, size_t bytes) {
  if (bytes == 0) return;
  const ChunkInfo& chunk = info(chunk_of(at));
  ledger_.block_written(chunk, static_cast<const char*>(at), bytes, chunk.arena->database());
}

// ---- figures ----

// Owners are noted for chunks that hold large values, a page of them for each.
EngineMemory ChunkPool::engine_memory() const {
  const std::lock_guard lock(mutex_);
  uint64_t metadata = infos_range_.touched_bytes(free_.frontier() * sizeof(ChunkInfo)) + owner_pages_ * kPageBytes;
  for (const Arena* arena : arenas_) metadata += arena->bitmaps_.touched_bytes();
  return {static_cast<int64_t>(index_bytes_ ? index_bytes_() : 0), static_cast<int64_t>(metadata)};
}

MemoryPolicies ChunkPool::policies() const {
  const std::lock_guard lock(mutex_);
  return {range_.huge_pages(), healing_works_, epoch_.progress_shared(), huge_pages_text_};
}

PoolStatistics ChunkPool::statistics() const {
  const std::lock_guard lock(mutex_);
  PoolStatistics statistics = statistics_;
  statistics.chunk_bytes = in_use() * kChunkBytes;
  statistics.ready_bytes = free_.resident() * kChunkBytes;
  statistics.metadata_bytes = free_.frontier() * sizeof(ChunkInfo);
  for (const Arena* arena : arenas_) statistics.metadata_bytes += arena->metadata_bytes();
  return statistics;
}

std::vector<AddressSpan> ChunkPool::memory(CowLedger::Ranges which) const {
  std::vector<AddressSpan> spans = ledger_.ranges(which);
  spans.push_back({reinterpret_cast<uintptr_t>(range_.begin()), range_.bytes()});
  return spans;
}

uint64_t ChunkPool::used_bytes() const {
  uint64_t bytes = 0;
  for (const Arena* arena : arenas_) bytes += arena->used_bytes();
  return bytes;
}

uint64_t ChunkPool::used_bytes(BlockKind kind) const {
  uint64_t bytes = 0;
  for (const Arena* arena : arenas_) bytes += arena->used_bytes(kind);
  return bytes;
}

uint64_t ChunkPool::blocks(BlockKind kind) const {
  uint64_t count = 0;
  for (const Arena* arena : arenas_) count += arena->blocks(kind);
  return count;
}

size_t ChunkPool::frontier() const {
  const std::lock_guard lock(mutex_);
  return free_.frontier();
}

size_t ChunkPool::in_use() const {
  return free_.frontier() - 1 - free_.count() - busy_;
}

}  // namespace cowslip::memory
