#include "store/index.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <new>
#include <utility>

#include "base/numbers.h"
#include "memory/process_memory.h"

namespace cowslip::store {
namespace {

// Keys per home bucket, of seven places, at which the table grows by one. Measured in docs/decisions/0005.
constexpr size_t kLoad = 5;
// The table shrinks below half of that, so that neither follows at once upon the other.
constexpr size_t kSparseShare = 2;

constexpr size_t kSmallPiece = 64u << 10;

constexpr int kMergesPerLookAtTheClock = 16;
constexpr size_t kLongestFairChain = 32;  // keys in a chain up to which random() is exactly uniform

// A table takes memory and gives it back in pieces; from 2 MiB on those are huge pages.
size_t piece_at(size_t bytes) {
  return bytes < memory::kHugePageBytes ? kSmallPiece : memory::kHugePageBytes;
}

}  // namespace

namespace internal {

static uint64_t reverse_bits(uint64_t v) {
  v = ((v >> 1) & 0x5555555555555555) | ((v & 0x5555555555555555) << 1);
  v = ((v >> 2) & 0x3333333333333333) | ((v & 0x3333333333333333) << 2);
  v = ((v >> 4) & 0x0f0f0f0f0f0f0f0f) | ((v & 0x0f0f0f0f0f0f0f0f) << 4);
  return __builtin_bswap64(v);
}

uint64_t next_reversed(uint64_t cursor, uint64_t mask) {
  // With every bit above the mask set, adding one to the reversed number carries straight into the masked bits.
  return reverse_bits(reverse_bits(cursor | ~mask) + 1);
}

}  // namespace internal

Index::Index(uint64_t seed, char* base, memory::UnsharedHeap& heap, memory::KernelMemory& kernel)
    : seed_(seed), base_(base), heap_(&heap), kernel_(&kernel) {}

uint64_t Index::hash(std::string_view key) const {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
}

// ---- lookups ----

template <typename Matches>
Index::Slot Index::find_where(uint64_t hash, Matches&& matches) const {
  if (buckets_ == 0) return {};
  const uint8_t tag = tag_of(hash);
  for (Bucket* b = home(hash); b != nullptr; b = b->next()) {
    for (const int place : b->with_tag(tag)) {
      if (matches(b->reference(place))) return {b, place, base_};
    }
  }
  return {};
}

Index::Slot Index::find(std::string_view key, uint64_t hash) const {
  return find_where(hash, [&](uint64_t reference) { return entry_at(reference)->key() == key; });
}

Index::Slot Index::find_due(uint64_t hash, int64_t expire_at_ms) const {
  return find_where(hash, [&](uint64_t reference) {
    const Entry& entry = *entry_at(reference);
    return entry.expire_at_ms() == expire_at_ms && this->hash(entry.key()) == hash;
  });
}

Index::Slot Index::find_entry(uint64_t hash, const Entry* entry) const {
  return find_where(hash, [wanted = reference_to(entry, base_)](uint64_t reference) { return reference == wanted; });
}

void Index::prefetch(uint64_t hash) const {
  if (buckets_ != 0) __builtin_prefetch(home(hash));
}

void Index::prefetch_entry(uint64_t hash) const {
  if (buckets_ == 0) return;
  const Bucket* b = home(hash);
  for (const int place : b->with_tag(tag_of(hash))) __builtin_prefetch(entry_at(b->reference(place)));
  if (const Bucket* next = b->next()) __builtin_prefetch(next);
}

void Index::prefetch_entries_of(const Bucket* home) const {
  for (const Bucket* b = home; b != nullptr; b = b->next()) {
    const int used = b->used();
    for (int place = 0; place < used; place++) __builtin_prefetch(entry_at(b->reference(place)));
  }
}

// ---- chains ----

Bucket* Index::last_of(Bucket* home) {
  while (Bucket* next = home->next()) home = next;
  return home;
}

// Puts the key after the last one. A full bucket makes room for the link by handing its last key on.
Index::Slot Index::append(Bucket* home, const Moving& key) {
  Bucket* last = last_of(home);
  if (last->full()) {
    auto* added = new (heap_->allocate(sizeof(Bucket))) Bucket;
    overflow_buckets_++;
    added->set(0, *last, Bucket::kLinkPlace);
    wrote(last);
    last->link(added);
    last = added;
  }
  const int place = last->used();
  last->set_tag(place, key.tag);
  last->set_reference(place, key.reference);
  last->set_access(place, key.access);
  wrote(last);
  return {last, place, base_};
}

// Takes the last key out. One that would be alone in an overflow bucket fits where the link to it was.
void Index::drop_last(Bucket* home) {
  Bucket* before = nullptr;
  Bucket* last = home;
  while (Bucket* next = last->next()) before = std::exchange(last, next);
  last->clear(last->used() - 1);
  wrote(last);
  if (before == nullptr || last->used() > 1) return;
  wrote(before);
  before->unlink();
  before->set(Bucket::kLinkPlace, *last, 0);
  heap_->release(last, sizeof(Bucket));
  overflow_buckets_--;
}

// Moves all keys out and leaves the bucket empty. Their entries are on the way into the cache then.
void Index::take_chain(Bucket* home, std::vector<Moving>& into) {
  for (Bucket* b = home; b != nullptr;) {
    const int used = b->used();
    for (int place = 0; place < used; place++) {
      into.push_back({b->reference(place), b->access(place), b->tag(place)});
      __builtin_prefetch(entry_at(b->reference(place)));
    }
    Bucket* next = b->next();
    if (b != home) {
      heap_->release(b, sizeof(Bucket));
      overflow_buckets_--;
    }
    b = next;
  }
  *home = Bucket();
  wrote(home);
}

Index::Slot Index::insert(uint64_t hash, const Entry* entry, uint32_t access) {
  if (size_ >= buckets_ * kLoad) split_one();
  size_++;
  return append(home(hash), {reference_to(entry, base_), access, tag_of(hash)});
}

Entry* Index::erase(Slot slot, uint64_t hash) {
  Entry* entry = slot.entry();
  Bucket* const chain = home(hash);
  const Bucket* last = last_of(chain);
  const int last_place = last->used() - 1;
  if (slot.bucket() != last || slot.number() != last_place) {
    slot.bucket()->set(slot.number(), *last, last_place);
    wrote(slot);
  }
  drop_last(chain);
  size_--;
  if (sparse()) merge_one();
  return entry;
}

// ---- the table ----

void Index::set_bucket_count(size_t buckets) {
  buckets_ = buckets;
  mask_ = std::bit_ceil(buckets) - 1;
}

// Adds a bucket and gives it its share of the one that had its keys so far. A range that is full (ulimit -v) lets the
// chains grow instead.
void Index::split_one() {
  open_range();
  if ((buckets_ + 1) * sizeof(Bucket) > range_.bytes()) return;
  ready_for(buckets_ + 1);
  Bucket* const added = new (bucket(buckets_)) Bucket;
  wrote(added);
  if (buckets_ == 0) return set_bucket_count(1);

  const uint64_t parting_bit = std::bit_floor(buckets_);
  Bucket* const parted = bucket(buckets_ - parting_bit);
  set_bucket_count(buckets_ + 1);
  take_chain(parted, moving_);
  for (const Moving& key : moving_) {
    const bool moves = (hash(entry_at(key.reference)->key()) & parting_bit) != 0;
    append(moves ? added : parted, key);
  }
  moving_.clear();
}

// Takes the last bucket away and gives its keys back to the one it was split from.
void Index::merge_one() {
  const size_t last = buckets_ - 1;
  Bucket* const into = bucket(last - std::bit_floor(last));
  set_bucket_count(last);
  take_chain(bucket(last), moving_);
  for (const Moving& key : moving_) append(into, key);
  moving_.clear();
  give_back_beyond_end();
}

bool Index::sparse() const {
  return buckets_ > 1 && size_ * kSparseShare < buckets_ * kLoad;
}

bool Index::step(int64_t budget_us) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(budget_us);
  while (sparse() && Clock::now() < end) {
    for (int i = 0; i < kMergesPerLookAtTheClock && sparse(); i++) merge_one();
  }
  return sparse();
}

// ---- its memory ----

void Index::open_range() {
  if (range_) return;
  // No table is as large as the entries it refers to.
  range_ = memory::AddressRange(*kernel_, {.bytes = std::bit_ceil(memory::total_system_memory()),
                                           .least_bytes = memory::kHugePageBytes,
                                           .alignment = memory::kHugePageBytes,
                                           .forked = forked_,
                                           .huge_pages_after = memory::kHugePageBytes});
  watch_.range_made();
}

void Index::set_forked(bool forked) {
  forked_ = forked;
  if (range_) range_.set_forked(forked);
}

void Index::wrote(Slot slot) {
  wrote(slot.bucket());
}

void Index::watch(memory::CowLedger& ledger, int database) {
  database_ = database;
  watch_.start(ledger, range_, memory::MemoryKind::kIndex, [this] { return touched_bytes(); });
}

uint64_t Index::touched_bytes() const {
  if (!range_) return 0;
  // Beyond the first few, pages come in pieces that the next bucket touches, or were populated.
  const size_t used = ready_bytes_ > memory::kHugePageBytes ? ready_bytes_ : buckets_ * sizeof(Bucket);
  return range_.touched_bytes(used);
}

void Index::ready_for(size_t buckets) {
  const size_t bytes = buckets * sizeof(Bucket);
  if (bytes <= ready_bytes_) return;
  ready_bytes_ = std::min(round_up(bytes, piece_at(bytes)), range_.bytes());
  range_.commit(ready_bytes_);
}

// One piece is kept, so that a table that grows again does not have to ask for it.
void Index::give_back_beyond_end() {
  const size_t used = buckets_ * sizeof(Bucket);
  const size_t piece = piece_at(used);
  if (ready_bytes_ < used + 3 * piece) return;
  ready_bytes_ = round_up(used, piece) + piece;
  range_.give_back(ready_bytes_);
}

void Index::reserve(size_t keys) {
  if (size_ != 0 || keys == 0) return;
  open_range();
  const size_t buckets = std::min((keys + kLoad - 1) / kLoad, range_.bytes() / sizeof(Bucket));
  if (buckets <= buckets_) return;
  const size_t old_bytes = ready_bytes_;
  ready_for(buckets);
  // What is ready beyond the present buckets may have been one before; the present ones are empty.
  const size_t used_before = std::min(buckets, old_bytes / sizeof(Bucket));
  std::fill(bucket(buckets_), bucket(std::max(buckets_, used_before)), Bucket());
  range_.populate(old_bytes, ready_bytes_);
  set_bucket_count(buckets);
}

// ---- a key by chance ----

Index::Slot Index::random(Random& random) const {
  if (size_ == 0) return {};
  for (;;) {
    // Every bucket is drawn with the same chance, and a place in its chain: places beyond its keys are drawn again.
    Bucket* const drawn = bucket(random.below(buckets_));
    size_t keys = 0;
    visit_chain(drawn, [&](Slot) { keys++; });
    if (keys == 0) continue;
    size_t place = random.below(std::max(keys, kLongestFairChain));
    if (place >= keys) continue;
    Slot chosen;
    visit_chain(drawn, [&](Slot slot) {
      if (place-- == 0) chosen = slot;
    });
    return chosen;
  }
}

}  // namespace cowslip::store
