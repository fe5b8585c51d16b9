// The hash table from keys to entries.
//
// A bucket is one cache line of five slots; what does not fit goes on in overflow buckets of the same shape:
//
//     0         5                     20      24                                      64
//     +---------+---------------------+-------+---------------------------------------+
//     | 5 tags  | 5 access stamps     | next  | 5 entry pointers                      |
//     | 1 byte  | 3 bytes             | 4 b   | 8 bytes                               |
//     +---------+---------------------+-------+---------------------------------------+
//
// A tag is eight bits of the key's hash, never 0; tag 0 marks a free slot. So a lookup compares five tags, then
// dereferences at most the entries whose tag matches: one miss for the bucket, one for the entry.
//
// Growing and shrinking double or halve the table and move a few buckets with each operation, so no operation waits for
// a whole rehash. scan() visits every key that is present from its first call to its last, whatever happens between:
// the cursor counts through bucket numbers with their bits reversed (Pieter Noordhuis's method, as SCAN documents it),
// so the buckets that a visited one is split into, or merged with, come before the cursor too.
//
// Access stamps (LRU clock or LFU counter, 24 bits) are here and not in the entry, so that reading a key dirties no
// page that a save needs. Thread: the event loop only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "store/entry.h"

namespace cowslip::store {

class Index {
 public:
  static constexpr int kSlots = 5;

  struct alignas(64) Bucket {
    uint8_t tags[kSlots];
    uint8_t access[kSlots][3];
    uint32_t next;  // 1 + number of an overflow bucket, 0 for none
    Entry* entries[kSlots];
  };

  // Where an entry is held. Valid until the next insert, erase or step.
  class Slot {
   public:
    Slot() = default;
    Slot(Bucket* bucket, int number) : bucket_(bucket), number_(number) {}
    explicit operator bool() const { return bucket_ != nullptr; }
    Entry* entry() const { return bucket_->entries[number_]; }
    void set_entry(Entry* entry) { bucket_->entries[number_] = entry; }
    uint32_t access() const {
      const uint8_t* a = bucket_->access[number_];
      return a[0] | uint32_t{a[1]} << 8 | uint32_t{a[2]} << 16;
    }
    void set_access(uint32_t stamp) {
      uint8_t* a = bucket_->access[number_];
      a[0] = static_cast<uint8_t>(stamp), a[1] = static_cast<uint8_t>(stamp >> 8),
      a[2] = static_cast<uint8_t>(stamp >> 16);
    }

   private:
    friend class Index;
    Bucket* bucket_ = nullptr;
    int number_ = 0;
  };

  // `seed` makes the hash unpredictable from outside; one seed per process.
  explicit Index(uint64_t seed);
  ~Index();
  Index(Index&&) noexcept = default;
  Index& operator=(Index&&) noexcept = default;

  uint64_t hash(std::string_view key) const;
  void prefetch(uint64_t hash) const;

  // An empty Slot when the key is not there.
  Slot find(std::string_view key, uint64_t hash) const;
  // The entry with this hash and this expiry, whatever its key: how the expiry queue names entries. REQUIRES: it is
  // there.
  Slot find_due(uint64_t hash, int64_t expire_at_ms) const;
  // REQUIRES: the entry's key is not there yet.
  Slot insert(uint64_t hash, Entry* entry, uint32_t access);
  // Takes the slot out; the entry itself is the caller's.
  Entry* erase(Slot slot, uint64_t hash);

  size_t size() const { return size_; }
  // Makes room for `keys` keys at once, so that loading them moves nothing.
  void reserve(size_t keys);
  // Shrinks the table in steps if it has become too large for its keys. Called now and then by the cron.
  void shrink_if_sparse();
  // Moves buckets of a resize under way for about `budget_us`. True while there is more to move.
  bool step(int64_t budget_us);
  bool resizing() const { return tables_[1].buckets != nullptr; }

  // Calls visit(Slot) for the keys under one cursor position and returns the next cursor; 0 starts and ends. A key may
  // be visited twice. `visit` must not change the index.
  template <typename Visit>
  uint64_t scan(uint64_t cursor, Visit&& visit) const;
  // Calls visit(Slot) once for every key. `visit` must not change the index.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  // One key, every key equally likely. Empty when there is none.
  Slot random(Random& random) const;

  // Memory of the buckets and their overflow, bytes; buckets of both tables, for DEBUG HTSTATS-like reports.
  size_t memory_bytes() const;
  size_t bucket_count() const { return tables_[0].count() + tables_[1].count(); }

 private:
  struct FreeBuckets {
    FreeBuckets() noexcept : bytes(0) {}
    explicit FreeBuckets(size_t mapped) noexcept : bytes(mapped) {}
    size_t bytes;
    void operator()(Bucket* buckets) const;
  };
  // A power of two of home buckets (or none), and their overflow buckets.
  struct Table {
    std::unique_ptr<Bucket[], FreeBuckets> buckets;
    uint64_t mask = 0;
    std::vector<std::unique_ptr<Bucket[]>> overflow_pages;
    uint32_t overflow_used = 0;
    uint32_t overflow_free = 0;  // head of the list of free overflow buckets, chained by `next`

    size_t count() const { return buckets ? mask + 1 : 0; }
    Bucket* overflow(uint32_t next) const;
    uint32_t take_overflow();
    void give_back_overflow(uint32_t next);
  };

  static Table make_table(size_t buckets);
  static uint8_t tag_of(uint64_t hash) {
    const auto tag = static_cast<uint8_t>(hash >> 56);
    return tag != 0 ? tag : 1;
  }
  // The first slot in the chain of `hash` whose tag fits and whose entry `matches`.
  template <typename Matches>
  static Slot find_in(const Table& table, uint64_t hash, Matches&& matches);
  template <typename Matches>
  Slot find_where(uint64_t hash, Matches&& matches) const;
  static Slot insert_into(Table& table, uint64_t hash, Entry* entry, uint32_t access);
  static void erase_from(Table& table, Slot slot, uint64_t hash);
  void start_resize(size_t buckets);
  void move_bucket();
  void move_some();
  template <typename Visit>
  static void visit_chain(const Table& table, uint64_t bucket, Visit&& visit);

  uint64_t seed_;
  size_t size_ = 0;
  size_t next_to_move_ = 0;  // home buckets of tables_[0] below this are empty: they have moved to tables_[1]
  std::array<Table, 2> tables_;
};

// ---- templates ----

template <typename Visit>
void Index::visit_chain(const Table& table, uint64_t bucket, Visit&& visit) {
  for (Bucket* b = &table.buckets[bucket]; b != nullptr; b = table.overflow(b->next)) {
    for (int i = 0; i < kSlots; i++) {
      if (b->tags[i] != 0) visit(Slot(b, i));
    }
  }
}

namespace internal {
// The number after `cursor` when the bits under `mask` count from the highest down; 0 after the last.
uint64_t next_reversed(uint64_t cursor, uint64_t mask);
}  // namespace internal

template <typename Visit>
uint64_t Index::scan(uint64_t cursor, Visit&& visit) const {
  if (!tables_[0].buckets) return 0;
  if (!resizing()) {
    visit_chain(tables_[0], cursor & tables_[0].mask, visit);
    return internal::next_reversed(cursor, tables_[0].mask);
  }
  const bool growing = tables_[0].mask < tables_[1].mask;
  const Table& small = growing ? tables_[0] : tables_[1];
  const Table& large = growing ? tables_[1] : tables_[0];
  visit_chain(small, cursor & small.mask, visit);
  do {  // every bucket of the large table that folds onto the small one's
    visit_chain(large, cursor & large.mask, visit);
    cursor = internal::next_reversed(cursor, large.mask);
  } while ((cursor & (small.mask ^ large.mask)) != 0);
  return cursor;
}

template <typename Visit>
void Index::for_each(Visit&& visit) const {
  for (const Table& table : tables_) {
    for (size_t b = 0; b < table.count(); b++) visit_chain(table, b, visit);
  }
}

}  // namespace cowslip::store
