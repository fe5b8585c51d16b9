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
// Growing and shrinking double or halve the table where it is, a few buckets with each operation, so no operation waits
// for a whole rehash. Bucket b of n is split into b and b + n, or these two are merged:
//
//     0          split_       n          n + split_   2 n
//     +------------+----------+------------+----------+
//     | split      | whole    | split off  | not yet  |      growing moves split_ up, shrinking moves it down
//     +------------+----------+------------+----------+
//
// So a key has one place at any time, and the part that is not in use yet is never read: a page of it would cost one
// fault when read and another when written, and nothing tells the first from a page copied for a snapshot
// (docs/decisions/0002). Nor is a table given back when it has grown: the kernel only moves its page table entries.
//
// scan() visits every key that is present from its first call to its last, whatever happens between: the cursor counts
// through bucket numbers with their bits reversed (Pieter Noordhuis's method, as SCAN documents it), so the buckets
// that a visited one is split into, or merged with, come before the cursor too.
//
// Access stamps (LRU clock or LFU counter, 24 bits) are here and not in the entry, so that reading a key dirties no
// page that a save needs. Thread: the event loop only.
#pragma once

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
  bool resizing() const { return split_ != 0 || target_ != whole_count(); }

  // Calls visit(Slot) for the keys under one cursor position and returns the next cursor; 0 starts and ends. A key may
  // be visited twice. `visit` must not change the index.
  template <typename Visit>
  uint64_t scan(uint64_t cursor, Visit&& visit) const;
  // Calls visit(Slot) once for every key. `visit` must not change the index.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  // One key, every key equally likely. Empty when there is none.
  Slot random(Random& random) const;

  // Memory of the buckets and their overflow, bytes; home buckets there is room for, for DEBUG HTSTATS-like reports.
  size_t memory_bytes() const;
  size_t bucket_count() const { return split_ != 0 ? 2 * whole_count() : whole_count(); }

 private:
  struct Unmap {
    Unmap() noexcept : bytes(0) {}
    explicit Unmap(size_t mapped) noexcept : bytes(mapped) {}
    size_t bytes;
    void operator()(Bucket* buckets) const;
  };

  static uint8_t tag_of(uint64_t hash) {
    const auto tag = static_cast<uint8_t>(hash >> 56);
    return tag != 0 ? tag : 1;
  }

  // Home buckets, the split ones counted once: a power of two, or 0 before the first key.
  size_t whole_count() const { return buckets_ ? mask_ + 1 : 0; }
  bool growing() const { return target_ > whole_count(); }
  // The bits that tell the home bucket of this hash (or of this cursor of a scan) from the others.
  uint64_t mask_of(uint64_t hash) const { return (hash & mask_) < split_ ? 2 * mask_ + 1 : mask_; }
  Bucket& home_of(uint64_t hash) const { return buckets_[hash & mask_of(hash)]; }
  // Gives the table room for so many home buckets; fresh ones are zero, those beyond are lost.
  void map(size_t buckets);

  // The first slot in the chain of `hash` whose entry `matches`.
  template <typename Matches>
  Slot find_where(uint64_t hash, Matches&& matches) const;
  Slot put(uint64_t hash, Entry* entry, uint32_t access);
  template <typename Visit>
  void visit_chain(Bucket& home, Visit&& visit) const;

  Bucket* overflow(uint32_t next) const;
  uint32_t take_overflow();
  void give_back_overflow(uint32_t next);

  // The next step of a resize. False when it found no key to move.
  bool move_bucket();
  bool split_bucket();
  bool merge_bucket();
  void move_some();
  bool put_again(Bucket& home);

  uint64_t seed_;
  size_t size_ = 0;

  std::unique_ptr<Bucket[], Unmap> buckets_;
  uint64_t mask_ = 0;  // whole_count() - 1
  size_t split_ = 0;   // home buckets below this are split in two
  size_t target_ = 0;  // home buckets that there should be; doubled or halved until there are

  std::vector<std::unique_ptr<Bucket[]>> overflow_pages_;
  uint32_t overflow_used_ = 0;
  uint32_t overflow_free_ = 0;  // head of the list of free overflow buckets, chained by `next`
};

// ---- templates ----

template <typename Visit>
void Index::visit_chain(Bucket& home, Visit&& visit) const {
  for (Bucket* b = &home; b != nullptr; b = overflow(b->next)) {
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
  if (!buckets_) return 0;
  visit_chain(home_of(cursor), visit);
  return internal::next_reversed(cursor, mask_of(cursor));
}

template <typename Visit>
void Index::for_each(Visit&& visit) const {
  for (size_t b = 0; b < whole_count() + split_; b++) visit_chain(buckets_[b], visit);
}

}  // namespace cowslip::store
