#include "store/index.h"

#define XXH_INLINE_ALL
#include <sys/mman.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cassert>
#include <chrono>
#include <cstdlib>
#include <cstring>

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

int chain_length(const auto& visit_chain) {
  int keys = 0;
  visit_chain([&](Index::Slot) { keys++; });
  return keys;
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

void Index::FreeBuckets::operator()(Bucket* buckets) const {
  ::munmap(buckets, bytes);
}

Index::Table Index::make_table(size_t buckets) {
  // Straight from the kernel: its zero pages arrive as buckets are first used, so making a large table costs no time.
  const size_t bytes = buckets * sizeof(Bucket);
  void* block = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) std::abort();
  Table table;
  table.buckets = {static_cast<Bucket*>(block), FreeBuckets{bytes}};
  table.mask = buckets - 1;
  return table;
}

Index::Index(uint64_t seed) : seed_(seed) {}
Index::~Index() = default;

uint64_t Index::hash(std::string_view key) const {
  return XXH3_64bits_withSeed(key.data(), key.size(), seed_);
}

void Index::prefetch(uint64_t hash) const {
  for (const Table& table : tables_) {
    if (table.buckets) __builtin_prefetch(&table.buckets[hash & table.mask]);
  }
}

// ---- overflow buckets ----

Index::Bucket* Index::Table::overflow(uint32_t next) const {
  if (next == 0) return nullptr;
  return &overflow_pages[(next - 1) / kOverflowPage][(next - 1) % kOverflowPage];
}

uint32_t Index::Table::take_overflow() {
  if (overflow_free != 0) {
    const uint32_t taken = overflow_free;
    Bucket* bucket = overflow(taken);
    overflow_free = bucket->next;
    *bucket = Bucket{};
    return taken;
  }
  if (overflow_used == overflow_pages.size() * kOverflowPage) {
    overflow_pages.push_back(std::make_unique<Bucket[]>(kOverflowPage));
  }
  return ++overflow_used;
}

void Index::Table::give_back_overflow(uint32_t next) {
  overflow(next)->next = overflow_free;
  overflow_free = next;
}

// ---- one table ----

template <typename Matches>
Index::Slot Index::find_in(const Table& table, uint64_t hash, Matches&& matches) {
  const uint8_t tag = tag_of(hash);
  for (Bucket* b = &table.buckets[hash & table.mask]; b != nullptr; b = table.overflow(b->next)) {
    for (int i = 0; i < kSlots; i++) {
      if (b->tags[i] == tag && matches(*b->entries[i])) return {b, i};
    }
  }
  return {};
}

Index::Slot Index::insert_into(Table& table, uint64_t hash, Entry* entry, uint32_t access) {
  Bucket* b = &table.buckets[hash & table.mask];
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
      const uint32_t next = table.take_overflow();
      b->next = next;
    }
    b = table.overflow(b->next);
  }
}

void Index::erase_from(Table& table, Slot slot, uint64_t hash) {
  slot.bucket_->tags[slot.number_] = 0;
  slot.bucket_->entries[slot.number_] = nullptr;
  // Overflow buckets that have become empty leave the chain.
  Bucket* previous = &table.buckets[hash & table.mask];
  while (previous->next != 0) {
    Bucket* b = table.overflow(previous->next);
    const bool empty = std::all_of(std::begin(b->tags), std::end(b->tags), [](uint8_t tag) { return tag == 0; });
    if (!empty) {
      previous = b;
      continue;
    }
    const uint32_t unlinked = previous->next;
    previous->next = b->next;
    table.give_back_overflow(unlinked);
  }
}

// ---- both tables ----

template <typename Matches>
Index::Slot Index::find_where(uint64_t hash, Matches&& matches) const {
  if (!tables_[0].buckets) return {};
  if (!resizing()) return find_in(tables_[0], hash, matches);
  if ((hash & tables_[0].mask) >= next_to_move_) {
    if (Slot slot = find_in(tables_[0], hash, matches)) return slot;
  }
  return find_in(tables_[1], hash, matches);
}

Index::Slot Index::find(std::string_view key, uint64_t hash) const {
  return find_where(hash, [key](const Entry& entry) { return entry.key() == key; });
}

Index::Slot Index::find_due(uint64_t hash, int64_t expire_at_ms) const {
  return find_where(hash, [&](const Entry& entry) {
    return entry.expire_at_ms() == expire_at_ms && this->hash(entry.key()) == hash;
  });
}

Index::Slot Index::insert(uint64_t hash, Entry* entry, uint32_t access) {
  if (!tables_[0].buckets) tables_[0] = make_table(kSmallestTable);
  if (!resizing() && size_ >= tables_[0].count() * kTargetFill) start_resize(tables_[0].count() * 2);
  move_some();
  size_++;
  return insert_into(tables_[resizing() ? 1 : 0], hash, entry, access);
}

Entry* Index::erase(Slot slot, uint64_t hash) {
  Entry* entry = slot.entry();
  // While resizing the slot is in either table; the home bucket's chain of the right one contains it.
  Table* owner = &tables_[0];
  if (resizing()) {
    bool in_old = false;
    if ((hash & tables_[0].mask) >= next_to_move_) {
      visit_chain(tables_[0], hash & tables_[0].mask, [&](Slot s) { in_old |= s.bucket_ == slot.bucket_; });
    }
    if (!in_old) owner = &tables_[1];
  }
  erase_from(*owner, slot, hash);
  size_--;
  move_some();
  return entry;
}

void Index::reserve(size_t keys) {
  if (keys == 0) return;
  if (!tables_[0].buckets) {
    tables_[0] = make_table(buckets_for(keys));
  } else if (!resizing() && buckets_for(keys) > tables_[0].count()) {
    start_resize(buckets_for(keys));
  }
}

void Index::shrink_if_sparse() {
  if (!tables_[0].buckets || resizing()) return;
  const size_t slots = tables_[0].count() * kSlots;
  if (tables_[0].count() > kSmallestTable && size_ * kSparse < slots) start_resize(buckets_for(size_));
}

// ---- resizing ----

void Index::start_resize(size_t buckets) {
  if (buckets == tables_[0].count()) return;
  tables_[1] = make_table(buckets);
  next_to_move_ = 0;
}

void Index::move_bucket() {
  Table& from = tables_[0];
  Table& to = tables_[1];
  Bucket* home = &from.buckets[next_to_move_];
  visit_chain(from, next_to_move_,
              [&](Slot slot) { insert_into(to, hash(slot.entry()->key()), slot.entry(), slot.access()); });
  *home = Bucket{};  // overflow buckets go with the whole table
  if (++next_to_move_ < from.count()) return;
  tables_[0] = std::move(tables_[1]);
  tables_[1] = Table{};
  next_to_move_ = 0;
}

void Index::move_some() {
  int moved = 0, looked_at = 0;
  while (resizing() && moved < kBucketsPerOperation && looked_at < kEmptyBucketsPerOperation) {
    const Bucket& home = tables_[0].buckets[next_to_move_];
    const bool empty = std::all_of(std::begin(home.tags), std::end(home.tags), [](uint8_t tag) { return tag == 0; });
    if (!empty || home.next != 0) moved++;
    looked_at++;
    move_bucket();
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
  const size_t all = bucket_count();
  for (;;) {
    // Every bucket is drawn with the same chance, and a place in it: places beyond its keys are drawn again.
    const size_t drawn = random.below(all);
    const Table& table = drawn < tables_[0].count() ? tables_[0] : tables_[1];
    const size_t bucket = drawn < tables_[0].count() ? drawn : drawn - tables_[0].count();
    const int keys = chain_length([&](auto visit) { visit_chain(table, bucket, visit); });
    if (keys == 0) continue;
    int place = static_cast<int>(random.below(std::max(keys, kLongestFairChain)));
    if (place >= keys) continue;
    Slot chosen;
    visit_chain(table, bucket, [&](Slot slot) {
      if (place-- == 0) chosen = slot;
    });
    return chosen;
  }
}

size_t Index::memory_bytes() const {
  size_t buckets = 0;
  for (const Table& table : tables_) buckets += table.count() + table.overflow_pages.size() * kOverflowPage;
  return buckets * sizeof(Bucket);
}

}  // namespace cowslip::store
