#include "memory/cow_ledger.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>
#include <span>
#include <utility>

#include "base/numbers.h"
#include "memory/bits.h"
#include "memory/process_memory.h"

namespace cowslip::memory {
namespace {

// The ranges that are watched hold no more than the machine has memory; where they are rounded up to words is beyond.
constexpr size_t kWatchBitsAtLeast = 1u << 20;
// The bits of 32 GiB of chunks. More of them are taken back by the kernel, at the price of a fault for each 128 MiB of
// chunks that is written during the next snapshot.
constexpr size_t kClearedByHand = 1u << 20;

static_assert(static_cast<int>(BlockKind::kLargeValue) == static_cast<int>(MemoryKind::kLargeValue) &&
              static_cast<int>(BlockKind::kNode) == static_cast<int>(MemoryKind::kNode));

}  // namespace

std::string_view name(MemoryKind kind) {
  static constexpr std::array<std::string_view, kMemoryKinds> kNames = {"entry", "large_value", "node",
                                                                        "index", "metadata",    "outside"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view name(WriteReason reason) {
  static constexpr std::array<std::string_view, kWriteReasons> kNames = {"fresh_write", "in_place", "delete",
                                                                         "expire",      "evict",    "upkeep"};
  return kNames[static_cast<size_t>(reason)];
}

CowLedger::CowLedger(KernelMemory& kernel, const SnapshotEpoch& epoch, const ChunkInfo* infos, const char* base,
                     size_t chunks, std::function<EngineMemory()> measure)
    : epoch_(epoch),
      infos_(infos),
      base_(base),
      measure_(std::move(measure)),
      kernel_(kernel),
      watch_bits_bytes_(round_up(kWatchBitsAtLeast + total_system_memory() / kPageBytes / 8, kPageBytes)) {
  const size_t bytes = watch_bits_bytes_ + chunks * kWordsPerChunk * sizeof(uint64_t);
  bits_ = AddressRange(kernel, {.bytes = bytes, .least_bytes = bytes, .forked = false, .huge_pages_after = SIZE_MAX});
}

// ---- snapshots ----

void CowLedger::begin(size_t chunks_in_use, bool huge_pages) {
  assert(!counting_);
  commit(chunks_in_use);
  rows_.clear();
  row_slots_.clear();
  set_slot_bits(kLeastSlotBits);
  touched_.clear();
  new_pages_.clear();
  new_pages_sum_ = 0;
  watched_words_ = watched_copies_ = watched_let_go_ = fresh_freed_bytes_ = 0;
  for (PageWatch* watch : watches_) {
    const size_t pages = watch->inherited_pages();
    const size_t words = (pages + 63) / 64;
    if (pages == 0 || (watched_words_ + words) * sizeof(uint64_t) > watch_bits_bytes_) continue;
    watch->begin(pages, reinterpret_cast<uint64_t*>(bits_.begin()) + watched_words_);
    watched_words_ += words;
    counting_indexes_ |= watch->kind_ == MemoryKind::kIndex;
  }
  at_fork_ = measure_();
  const std::lock_guard lock(mutex_);
  chunk_growth_bytes_ = 0;
  let_go_.clear();
  ranges_made_.clear();
  huge_pages_ = huge_pages;
  whole_since_ = huge_pages ? epoch_.current() : kNoEpoch;
  counting_ = true;
}

std::vector<AddressSpan> CowLedger::ranges(Ranges which) const {
  std::vector<AddressSpan> spans;
  for (const PageWatch* watch : watches_) {
    if (!*watch->range_ || (which == Ranges::kInherited && watch->pages_ == 0)) continue;
    spans.push_back({reinterpret_cast<uintptr_t>(watch->range_->begin()), watch->range_->bytes()});
  }
  return spans;
}

std::vector<AddressSpan> CowLedger::ranges_made() const {
  const std::lock_guard lock(mutex_);
  std::vector<AddressSpan> spans;
  spans.reserve(ranges_made_.size());
  for (const auto& [begin, bytes] : ranges_made_) spans.push_back({begin, bytes});
  return spans;
}

void CowLedger::add(PageWatch& watch) {
  watch.place_ = watches_.size();
  watches_.push_back(&watch);
}

// The last takes its place: as many databases as there are come and go at once.
void CowLedger::remove(const PageWatch& watch) {
  assert(watches_[watch.place_] == &watch);
  watches_.back()->place_ = watch.place_;
  watches_[watch.place_] = watches_.back();
  watches_.pop_back();
}

// The kernel hands out again what was unmapped, so a database that is emptied again and again adds little.
void CowLedger::range_made(const AddressRange& range) {
  if (!counting_) return;
  const std::lock_guard lock(mutex_);
  size_t& bytes = ranges_made_[reinterpret_cast<uintptr_t>(range.begin())];
  bytes = std::max(bytes, range.bytes());
}

void CowLedger::end() {
  if (!counting_) return;
  last_ = reckon();
  last_.outstanding_pages = last_.let_go_bytes = 0;
  const std::lock_guard lock(mutex_);
  counting_ = counting_indexes_ = false;
  whole_since_ = kNoEpoch;
  for (PageWatch* watch : watches_) watch->end();
  if (bits_.committed() - watch_bits_bytes_ > kClearedByHand) return bits_.give_back(0);
  std::memset(bits_.begin(), 0, watched_words_ * sizeof(uint64_t));
  std::memset(bits_.begin() + watch_bits_bytes_, 0, bits_.committed() - watch_bits_bytes_);
}

// ---- figures ----

LedgerTotals CowLedger::totals() const {
  return counting_ ? reckon() : last_;
}

LedgerTotals CowLedger::reckon() const {
  LedgerTotals totals;
  for (const LedgerRow& row : rows_) {
    totals.copied_pages += row.copied_pages;
    totals.fresh_bytes += row.fresh_bytes;
    totals.reused_bytes += row.reused_bytes;
    totals.blocks += row.blocks;
  }
  totals.fresh_freed_bytes = fresh_freed_bytes_;
  totals.outstanding_pages = watched_copies_;
  const EngineMemory now = measure_();
  totals.index_growth_bytes = now.index_bytes - at_fork_.index_bytes;
  totals.metadata_growth_bytes = now.metadata_bytes - at_fork_.metadata_bytes;
  const std::lock_guard lock(mutex_);
  totals.chunk_growth_bytes = chunk_growth_bytes_ + static_cast<int64_t>(new_pages_sum_ * kPageBytes);
  for (const ChunkNumber chunk : touched_) {
    if (age_of(chunk) == Age::kInherited) totals.outstanding_pages += marked_pages(chunk);
  }
  for (const auto& [chunk, pages] : new_pages_) {
    if (age_of(chunk) == Age::kInherited && marked_pages(chunk) > 0) totals.outstanding_pages -= pages;
  }
  totals.let_go_bytes = watched_let_go_ * kPageBytes;
  for (const auto& [chunk, bytes] : let_go_) {
    if (epoch_.given_back(chunk)) continue;
    const auto made = new_pages_.find(chunk);
    totals.let_go_bytes += bytes - (made == new_pages_.end() ? 0 : std::min(bytes, made->second * kPageBytes));
  }
  return totals;
}

std::vector<LedgerRow> CowLedger::rows() const {
  return {rows_.begin(), rows_.end()};
}

// ---- what is counted ----

void CowLedger::count_watched_copy(MemoryKind kind, int database) {
  watched_copies_++;
  row(kind, database, kind == MemoryKind::kIndex ? reason_in_place() : reason_).copied_pages++;
  copied_bytes_ever_.fetch_add(kPageBytes, std::memory_order_relaxed);
}

void CowLedger::watched_range_gone(size_t pages_not_copied) {
  if (counting_) watched_let_go_ += pages_not_copied;
}

void CowLedger::block_taken_in_pages(const ChunkInfo& chunk, const char* block, size_t bytes, size_t written,
                                     int database) {
  const Age age = age_of(static_cast<ChunkNumber>(&chunk - infos_));
  LedgerRow& taken = row(kind_of(chunk), database, age == Age::kInherited ? reason_in_place() : reason_);
  taken.blocks++;
  if (age == Age::kFresh) taken.fresh_bytes += bytes;
  if (age == Age::kGivenBack) taken.reused_bytes += bytes;
  if (age == Age::kInherited) mark_copied(chunk, block, written, database);
  if (age == Age::kFresh && !huge_pages_) mark_fresh(block, written);
}

void CowLedger::block_written(const ChunkInfo& chunk, const char* at, size_t bytes, int database) {
  const Age age = age_of(static_cast<ChunkNumber>(&chunk - infos_));
  if (age == Age::kInherited) mark_copied(chunk, at, bytes, database);
  if (age == Age::kFresh && !huge_pages_) mark_fresh(at, bytes);
}

void CowLedger::mark_copied(const ChunkInfo& chunk, const char* at, size_t bytes, int database) {
  const uint64_t new_before = new_pages_sum_;
  uint64_t pages = mark(at, bytes, [&](ChunkNumber number, const char* page) {
    if (marked_pages(number) == 0) touched_.push_back(number);
    if (!is_new(page)) return;
    new_pages_[number]++;
    new_pages_sum_++;
  });
  if (pages == 0) return;
  pages -= new_pages_sum_ - new_before;
  row(kind_of(chunk), database, reason_in_place()).copied_pages += pages;
  copied_bytes_ever_.fetch_add(pages * kPageBytes, std::memory_order_relaxed);
}

bool CowLedger::is_new(const char* at) const {
  return !huge_pages_ && kernel_.resident_pages(at, 1) == 0;
}

void CowLedger::mark_fresh(const char* at, size_t bytes) {
  const uint64_t pages = mark(at, bytes, [](ChunkNumber, const char*) {});
  if (pages == 0) return;
  const std::lock_guard lock(mutex_);
  chunk_growth_bytes_ += static_cast<int64_t>(pages * kPageBytes);
}

template <typename BeforeMarking>
uint64_t CowLedger::mark(const char* at, size_t bytes, BeforeMarking&& before_marking) {
  if (bytes == 0) return 0;
  const auto from = static_cast<size_t>(at - base_) / kPageBytes;
  const size_t to = (static_cast<size_t>(at - base_) + bytes - 1) / kPageBytes;
  uint64_t marked = 0;
  for (size_t page = from; page <= to; page++) {
    const auto chunk = static_cast<ChunkNumber>(page / kPagesPerChunk);
    const std::span bits(bits_of(chunk), kWordsPerChunk);
    if (bit_at(bits, page % kPagesPerChunk)) continue;
    before_marking(chunk, base_ + page * kPageBytes);
    set_bit(bits, page % kPagesPerChunk);
    marked++;
  }
  return marked;
}

// ---- chunks ----

void CowLedger::commit(size_t frontier) {
  bits_.commit(watch_bits_bytes_ + frontier * kWordsPerChunk * sizeof(uint64_t));
}

void CowLedger::chunks_taken(ChunkNumber first, size_t count, size_t resident) {
  const std::lock_guard lock(mutex_);
  if (!counting_) return;
  if (huge_pages_) {
    chunk_growth_bytes_ += static_cast<int64_t>((count - resident) * kChunkBytes);
  } else if (resident == count) {
    for (size_t i = 0; i < count; i++) mark_all(first + i, true);  // they are counted already
  } else {
    for (size_t i = 0; i < count; i++) mark_all(first + i, false);
    chunk_growth_bytes_ -= static_cast<int64_t>(resident * kChunkBytes);  // each page is counted as it is written
  }
}

void CowLedger::chunk_readied(ChunkNumber chunk) {
  const std::lock_guard lock(mutex_);
  if (!counting_ || age_of(chunk) != Age::kFresh) return;
  chunk_growth_bytes_ += kChunkBytes;
  if (!huge_pages_) mark_all(chunk, true);
}

void CowLedger::chunk_returned(ChunkNumber chunk, size_t resident_bytes) {
  const std::lock_guard lock(mutex_);
  if (!counting_) return;
  const Age age = age_of(chunk);
  chunk_growth_bytes_ -= static_cast<int64_t>(resident_bytes);
  if (age == Age::kInherited) let_go_.push_back({chunk, resident_bytes});
  if (age == Age::kFresh) fresh_bytes_returned_ever_.fetch_add(resident_bytes, std::memory_order_relaxed);
  mark_all(chunk, false);
}

CowLedger::Age CowLedger::age_of(ChunkNumber chunk) const {
  if (is_fresh(infos_[chunk])) return Age::kFresh;
  return epoch_.given_back(chunk) ? Age::kGivenBack : Age::kInherited;
}

uint64_t* CowLedger::bits_of(size_t chunk) const {
  return reinterpret_cast<uint64_t*>(bits_.begin() + watch_bits_bytes_) + chunk * kWordsPerChunk;
}

uint64_t CowLedger::marked_pages(size_t chunk) const {
  uint64_t pages = 0;
  for (size_t word = 0; word < kWordsPerChunk; word++)
    pages += static_cast<uint64_t>(std::popcount(bits_of(chunk)[word]));
  return pages;
}

void CowLedger::mark_all(size_t chunk, bool marked) {
  std::fill_n(bits_of(chunk), kWordsPerChunk, marked ? ~uint64_t{0} : 0);
}

// ---- rows ----

// The row of that key, made if there is none.
LedgerRow& CowLedger::find_row(uint64_t key) {
  if (RowSlot& slot = probe(key); slot.key == key) return *slot.row;
  rows_.push_back({.cause = static_cast<uint16_t>(key >> 48),
                   .database = static_cast<int>(static_cast<uint32_t>(key >> 16)),
                   .kind = static_cast<MemoryKind>(key >> 8 & 0xFF),
                   .reason = static_cast<WriteReason>(key & 0xFF)});
  if (rows_.size() * 2 > row_slots_.size()) set_slot_bits(row_slot_bits_ + 1);
  probe(key) = {.key = key, .row = &rows_.back()};
  return rows_.back();
}

// Where the key is, or belongs.
CowLedger::RowSlot& CowLedger::probe(uint64_t key) {
  size_t slot = slot_of(key);
  while (row_slots_[slot].key != key && row_slots_[slot].key != kNoKey) slot = (slot + 1) % row_slots_.size();
  return row_slots_[slot];
}

void CowLedger::set_slot_bits(int bits) {
  row_slot_bits_ = bits;
  const auto before = std::exchange(row_slots_, std::vector<RowSlot>(size_t{1} << bits));
  for (const RowSlot& slot : before) {
    if (slot.key != kNoKey) probe(slot.key) = slot;
  }
}

}  // namespace cowslip::memory
