#include "store/index.h"

#define XXH_INLINE_ALL
#include <sys/mman.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdlib>
#include <utility>

namespace cowslip::store {
namespace {

constexpr size_t kSmallestTable = 4;           // buckets
constexpr size_t kOverflowPage = 256;          // overflow buckets allocated at once
constexpr size_t kTargetFill = 3;              // keys per home bucket at which the table doubles, of 5 slots
constexpr size_t kSparse = 16;                 // the table shrinks below one key per so many slots
constexpr int kBucketsPerOperation = 2;        // moved with each insert or erase while resizing
constexpr int kEmptyBucketsPerOperation = 32;  // empty ones skipped at most with each
constexpr int kLongestFairChain = 16;          // keys in a chain up to which random() is exactly uniform

size_t buckets_for(size_t keys) {
  return std::max(kSmallestTable, std::bit_ceil((keys + kTargetFill - 1) / kTargetFill));
}

bool has_no_key(const Index::Bucket& bucket) {
  return std::all_of(std::begin(bucket.tags), std::end(bucket.tags), [](uint8_t tag) { return tag == 0; });
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

void Index::Unmap::operator()(Bucket* buckets) const {
  ::munmap(buckets, bytes);
}

void Index::map(size_t buckets) {
  // Straight from the kernel: its zero pages arrive as buckets are first used, and it moves a table by its page table,
  // so making a large one costs no time.
  const size_t bytes = buckets * sizeof(Bucket);
  void* block = buckets_ ? ::mremap(buckets_.get(), buckets_.get_deleter().bytes, bytes, MREMAP_MAYMOVE)
                         : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) std::abort();
  (void)buckets_.release();
  buckets_ = {static_cast<Bucket*>(block), Unmap{bytes}};
}

Index::Index(uint64_t seed) : seed_(seed) {}
Index::~Index() = default;

uint64_t Index::hash(std::string_view key) const {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
}

void Index::prefetch(uint64_t hash) const {
  if (buckets_) __builtin_prefetch(&home_of(hash));
}

// ---- overflow buckets ----

Index::Bucket* Index::overflow(uint32_t next) const {
  if (next == 0) return nullptr;
  return &overflow_pages_[(next - 1) / kOverflowPage][(next - 1) % kOverflowPage];
}

uint32_t Index::take_overflow() {
  if (overflow_free_ != 0) {
    const uint32_t taken = overflow_free_;
    Bucket* bucket = overflow(taken);
    overflow_free_ = bucket->next;
    *bucket = Bucket{};
    return taken;
  }
  if (overflow_used_ == overflow_pages_.size() * kOverflowPage) {
    overflow_pages_.push_back(std::make_unique<Bucket[]>(kOverflowPage));
  }
  return ++overflow_used_;
}

void Index::give_back_overflow(uint32_t next) {
  overflow(next)->next = overflow_free_;
  overflow_free_ = next;
}

// ---- keys ----

template <typename Matches>
Index::Slot Index::find_where(uint64_t hash, Matches&& matches) const {
  if (!buckets_) return {};
  const uint8_t tag = tag_of(hash);
  for (Bucket* b = &home_of(hash); b != nullptr; b = overflow(b->next)) {
    for (int i = 0; i < kSlots; i++) {
      if (b->tags[i] == tag && matches(*b->entries[i])) return {b, i};
    }
  }
  return {};
}

Index::Slot Index::find(std::string_view key, uint64_t hash) const {
  return find_where(hash, [key](const Entry& entry) { return entry.key() == key; });
}

Index::Slot Index::find_due(uint64_t hash, int64_t expire_at_ms) const {
  return find_where(hash, [&](const Entry& entry) {
    return entry.expire_at_ms() == expire_at_ms && this->hash(entry.key()) == hash;
  });
}

Index::Slot Index::put(uint64_t hash, Entry* entry, uint32_t access) {
  Bucket* b = &home_of(hash);
  for (;;) {
    for (int i = 0; i < kSlots; i++) {
      if (b->tags[i] != 0) continue;
      b->tags[i] = tag_of(hash);
      b->entries[i] = entry;
      Slot slot(b, i);
      slot.set_access(access);
      return slot;
    }
    if (b->next == 0) {
      // Two steps: taking an overflow bucket may move the pages' vector, never the buckets themselves.
      const uint32_t next = take_overflow();
      b->next = next;
    }
    b = overflow(b->next);
  }
}

Index::Slot Index::insert(uint64_t hash, Entry* entry, uint32_t access) {
  if (!buckets_) reserve(1);
  if (!resizing() && size_ >= whole_count() * kTargetFill) target_ = whole_count() * 2;
  move_some();
  size_++;
  return put(hash, entry, access);
}

Entry* Index::erase(Slot slot, uint64_t hash) {
  Entry* entry = slot.entry();
  slot.bucket_->tags[slot.number_] = 0;
  slot.bucket_->entries[slot.number_] = nullptr;
  // Overflow buckets that have become empty leave the chain.
  Bucket* previous = &home_of(hash);
  while (previous->next != 0) {
    Bucket* b = overflow(previous->next);
    if (!has_no_key(*b)) {
      previous = b;
      continue;
    }
    const uint32_t unlinked = previous->next;
    previous->next = b->next;
    give_back_overflow(unlinked);
  }
  size_--;
  move_some();
  return entry;
}

// ---- resizing ----

void Index::reserve(size_t keys) {
  if (keys == 0 || resizing() || buckets_for(keys) <= whole_count()) return;
  target_ = buckets_for(keys);
  if (buckets_) return;
  map(target_);
  mask_ = target_ - 1;
}

void Index::shrink_if_sparse() {
  if (!buckets_ || resizing()) return;
  const size_t slots = whole_count() * kSlots;
  if (whole_count() > kSmallestTable && size_ * kSparse < slots) target_ = buckets_for(size_);
}

bool Index::split_bucket() {
  if (split_ == 0) map(2 * whole_count());
  Bucket& low = buckets_[split_];
  Bucket& high = buckets_[split_ + whole_count()];
  split_++;
  // Both are written to before they are used: the higher one's page may be fresh.
  high = Bucket{};
  Bucket before = std::exchange(low, Bucket{});
  const bool had_keys = put_again(before);
  if (split_ == whole_count()) {
    mask_ = 2 * mask_ + 1;
    split_ = 0;
  }
  return had_keys;
}

bool Index::merge_bucket() {
  if (split_ == 0) {
    mask_ /= 2;
    split_ = whole_count();
  }
  split_--;
  // The higher one stays as it is: nobody looks there any more, and its page goes back to the kernel.
  const bool had_keys = put_again(buckets_[split_ + whole_count()]);
  if (split_ == 0) map(whole_count());
  return had_keys;
}

// Puts the keys of a chain that is no longer reached where they belong now, and frees its overflow buckets. False when
// there was no key.
bool Index::put_again(Bucket& home) {
  bool had_keys = false;
  visit_chain(home, [&](Slot slot) {
    put(hash(slot.entry()->key()), slot.entry(), slot.access());
    had_keys = true;
  });
  for (uint32_t next = home.next; next != 0;) give_back_overflow(std::exchange(next, overflow(next)->next));
  return had_keys;
}

bool Index::move_bucket() {
  return growing() ? split_bucket() : merge_bucket();
}

void Index::move_some() {
  int moved = 0;
  for (int i = 0; resizing() && moved < kBucketsPerOperation && i < kEmptyBucketsPerOperation; i++) {
    if (move_bucket()) moved++;
  }
}

bool Index::step(int64_t budget_us) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::microseconds(budget_us);
  while (resizing() && Clock::now() < end) {
    for (int i = 0; i < 16 && resizing(); i++) move_bucket();
  }
  return resizing();
}

// ---- the rest ----

Index::Slot Index::random(Random& random) const {
  if (size_ == 0) return {};
  for (;;) {
    // Every bucket is drawn with the same chance, and a place in it: places beyond its keys are drawn again.
    Bucket& home = buckets_[random.below(whole_count() + split_)];
    int keys = 0;
    visit_chain(home, [&](Slot) { keys++; });
    if (keys == 0) continue;
    int place = static_cast<int>(random.below(std::max(keys, kLongestFairChain)));
    if (place >= keys) continue;
    Slot chosen;
    visit_chain(home, [&](Slot slot) {
      if (place-- == 0) chosen = slot;
    });
    return chosen;
  }
}

size_t Index::memory_bytes() const {
  return (bucket_count() + overflow_pages_.size() * kOverflowPage) * sizeof(Bucket);
}

}  // namespace cowslip::store
