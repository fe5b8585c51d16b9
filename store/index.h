// The hash table from keys to entries: linear hashing (Witold Litwin, 1980).
//
//     home buckets, in an address range of their own             overflow buckets, in an UnsharedHeap
//     +-----+-----+-----+-----+-----+-----+                      +-----+     +-----+
//     |  0  |  1  |  2  |  3  |  4  |  5  | ...                  |     | --> |     |
//     +-----+-----+-----+-----+-----+-----+                      +-----+     +-----+
//              |                                                    ^
//              +----------------------------------------------------+
//
// With n buckets, 2^k <= n < 2^(k+1), a key is in the bucket that its hash's lowest k+1 bits name, or, where that does
// not exist yet, in the one that the lowest k name. So the table grows by one bucket at a time: number n takes from
// number n - 2^k the keys whose bit k is set, and nothing else moves. It shrinks the same way back. There is never a
// second table, and no operation waits for more than one chain to be split or merged.
//
// A bucket (store/bucket.h) is a cache line of seven keys; what does not fit goes on in overflow buckets of the same
// shape. A lookup compares the tags of one line, then reads the entries whose tag matches: one miss for the bucket, one
// for the entry, and at the present load one more line for a ninth of the keys. A chain has no holes: erasing a key
// moves the chain's last one to its place.
//
// scan() visits every key that is present from its first call to its last, whatever happens between: the cursor counts
// through bucket numbers with their bits reversed (Pieter Noordhuis's method, as SCAN documents it), so the bucket that
// a visited one is split into, or merged with, comes before the cursor too.
//
// Access stamps (LRU clock or LFU counter, 24 bits) are here and not in the entry, so that reading a key dirties no
// page that a save needs. A forked child has no index: neither buckets nor overflow buckets are inherited, so that
// writing to them during a save copies nothing.
//
// A page of the table is written before it is read (a split clears the new bucket first, reserve() populates every
// page): reading first would map the kernel's page of zeros, and the write after it would be a second fault.
//
// Thread: the event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "memory/address_range.h"
#include "memory/cow_ledger.h"
#include "memory/page_watch.h"
#include "memory/unshared_heap.h"
#include "store/bucket.h"
#include "store/entry.h"

namespace cowslip::store {

class Index {
 public:
  // What a key takes here in a large index, overflow buckets included: between 14.5 and 15.4 over the whole cycle from
  // one power of two to the next.
  static constexpr size_t kUsualBytesPerKey = 15;

  // Where an entry is held. Valid until the next insert, erase or step.
  class Slot {
   public:
    Slot() = default;
    explicit operator bool() const { return place_ != 0; }
    Entry* entry() const { return reinterpret_cast<Entry*>(base_ + bucket()->reference(number()) * kUnit); }
    void set_entry(const Entry* entry) { bucket()->set_reference(number(), reference_to(entry, base_)); }
    uint32_t access() const { return bucket()->access(number()); }
    void set_access(uint32_t stamp) { bucket()->set_access(number(), stamp); }
    Bucket* bucket() const { return reinterpret_cast<Bucket*>(place_ & ~uintptr_t{sizeof(Bucket) - 1}); }

   private:
    friend class Index;
    Slot(Bucket* bucket, int number, char* base) : place_(reinterpret_cast<uintptr_t>(bucket) + number), base_(base) {}
    int number() const { return static_cast<int>(place_ & (sizeof(Bucket) - 1)); }

    uintptr_t place_ = 0;  // the bucket's address, and in its low bits the place there
    char* base_ = nullptr;
  };

  // `seed` makes the hash unpredictable from outside; one seed per process. Entries lie at base + 8 * n, n < 2^40.
  // `heap` is for overflow buckets: it outlives the index, and since an index that is destroyed does not walk its
  // chains to give them back, it is expected to go soon after.
  Index(uint64_t seed, char* base, memory::UnsharedHeap& heap,
        memory::KernelMemory& kernel = memory::real_kernel_memory());
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  uint64_t hash(std::string_view key) const;

  // For many lookups at once: first the bucket's line for all of them, then, when those have arrived, the lines of the
  // entries that may be meant. Both only read the index, and neither reads an entry.
  void prefetch(uint64_t hash) const;
  void prefetch_entry(uint64_t hash) const;

  // An empty Slot when the key is not there.
  Slot find(std::string_view key, uint64_t hash) const;
  // The entry with this hash and this expiry, whatever its key: how the expiry queue names entries. REQUIRES: it is
  // there.
  Slot find_due(uint64_t hash, int64_t expire_at_ms) const;
  // The slot that refers to this very entry, which is not read: how an entry that moves is followed. Empty when there
  // is none.
  Slot find_entry(uint64_t hash, const Entry* entry) const;
  // REQUIRES: the entry's key is not there yet.
  Slot insert(uint64_t hash, const Entry* entry, uint32_t access);
  // Takes the slot out; the entry itself is the caller's. `hash` is its key's.
  Entry* erase(Slot slot, uint64_t hash);

  size_t size() const { return size_; }
  // Gives an empty index the buckets for `keys` keys at once, so that loading them moves nothing. All of their memory
  // is populated, a tenth of a millisecond for a megabyte and ten times that where the machine itself has to get it
  // first (a virtual one): several calls with more and more keys let something happen in between. What is not used goes
  // back with step(). A table that holds keys already grows by itself.
  void reserve(size_t keys);
  // Shrinks a table that has become too large for its keys, for about `budget_us`. True while there is more to do.
  bool step(int64_t budget_us);
  // What a large table will soon grow into (memory/address_range.h). Usually nothing.
  std::optional<memory::PagesAhead> memory_ahead() {
    return range_.ready_ahead(buckets_ * sizeof(Bucket), ready_bytes_);
  }

  // Whether a child inherits the home buckets, which it should not; for experiments. REQUIRES: no child is alive.
  void set_forked(bool forked);
  // Has what is written to inherited buckets during a snapshot counted, on behalf of a database; until stop_watching().
  void watch(memory::CowLedger& ledger, int database);
  void stop_watching() { watch_.stop(); }
  void set_database(int database) { database_ = database; }
  // The slot's reference or access stamp is written.
  void wrote(Slot slot);
  // Of the home buckets and what was readied ahead; whole pages.
  uint64_t touched_bytes() const;

  // Calls visit(Slot) for the keys under one cursor position and returns the next cursor; 0 starts and ends. A key may
  // be visited twice. `visit` must not change the index.
  template <typename Visit>
  uint64_t scan(uint64_t cursor, Visit&& visit) const;
  // Calls visit(Slot) once for every key. `visit` must not change the index.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  // One key, every key equally likely (those in chains of more than 32 keys less so). Empty when there is none.
  Slot random(Random& random) const;

  // Calls visit(Slot) for at least `count` keys, those of whole buckets that are drawn one by one, so that every key is
  // equally likely to be among them (and may come twice). All keys if there are not that many; one at least where the
  // table is nearly empty. `visit` must not change the index. Entries are not read.
  template <typename Visit>
  void sample(Random& random, size_t count, Visit&& visit) const;

  // Memory of the home buckets, with what is ready for more, and of the overflow buckets; bytes.
  size_t memory_bytes() const { return ready_bytes_ + overflow_buckets_ * sizeof(Bucket); }
  size_t bucket_count() const { return buckets_; }
  size_t overflow_bucket_count() const { return overflow_buckets_; }
  // Whether the kernel agrees that a forked child does not inherit what there is of it.
  bool kept_from_child() const {
    return (!range_ || range_.kept_from_child()) && (overflow_buckets_ == 0 || heap_->kept_from_child());
  }

 private:
  static constexpr size_t kUnit = 8;
  static constexpr size_t kBucketsPerSample = 10;

  // A key on its way from one bucket to another.
  struct Moving {
    uint64_t reference;
    uint32_t access;
    uint8_t tag;
  };

  static uint64_t reference_to(const Entry* entry, const char* base) {
    return static_cast<uint64_t>(reinterpret_cast<const char*>(entry) - base) / kUnit;
  }
  static uint8_t tag_of(uint64_t hash) {
    const auto tag = static_cast<uint8_t>(hash >> 56);
    return tag != 0 ? tag : 1;
  }
  Entry* entry_at(uint64_t reference) const { return reinterpret_cast<Entry*>(base_ + reference * kUnit); }

  Bucket* bucket(size_t number) const { return reinterpret_cast<Bucket*>(range_.begin()) + number; }
  // The bucket with the low bits of `hash`. REQUIRES: there are buckets.
  size_t home_number(uint64_t hash) const {
    const uint64_t number = hash & mask_;
    return number < buckets_ ? number : number & (mask_ >> 1);
  }
  Bucket* home(uint64_t hash) const { return bucket(home_number(hash)); }
  // How many of a hash's low bits all keys in this bucket have in common, as a mask.
  uint64_t common_bits(size_t number) const {
    const uint64_t half = mask_ >> 1;
    return number <= half && number + half + 1 >= buckets_ ? half : mask_;
  }
  void set_bucket_count(size_t buckets);

  void wrote(const Bucket* bucket) {
    watch_.wrote(bucket, database_);
    heap_->wrote(bucket);
  }

  // ---- chains ----
  template <typename Matches>
  Slot find_where(uint64_t hash, Matches&& matches) const;
  template <typename Visit>
  void visit_chain(Bucket* home, Visit&& visit) const;
  void prefetch_entries_of(const Bucket* home) const;
  static Bucket* last_of(Bucket* home);
  Slot append(Bucket* home, const Moving& key);
  void drop_last(Bucket* home);
  void take_chain(Bucket* home, std::vector<Moving>& into);

  // ---- the table ----
  void split_one();
  void merge_one();
  bool sparse() const;
  void open_range();
  void ready_for(size_t buckets);
  void give_back_beyond_end();

  uint64_t seed_;
  char* base_;
  memory::UnsharedHeap* heap_;
  memory::KernelMemory* kernel_;

  bool forked_ = false;
  memory::AddressRange range_;  // reserved with the first bucket
  size_t size_ = 0;
  size_t buckets_ = 0;      // home buckets
  uint64_t mask_ = 0;       // the smallest 2^k - 1 that covers their numbers
  size_t ready_bytes_ = 0;  // of the range: what the buckets may grow into without another call to the system
  size_t overflow_buckets_ = 0;
  int database_ = -1;
  memory::PageWatch watch_;
  std::vector<Moving> moving_;  // the chain that is being split; empty otherwise
};

// ---- templates ----

template <typename Visit>
void Index::visit_chain(Bucket* home, Visit&& visit) const {
  for (Bucket* b = home; b != nullptr; b = b->next()) {
    const int used = b->used();
    for (int place = 0; place < used; place++) visit(Slot(b, place, base_));
  }
}

namespace internal {
// The number after `cursor` when the bits under `mask` count from the highest down; 0 after the last.
uint64_t next_reversed(uint64_t cursor, uint64_t mask);
}  // namespace internal

// A bucket holds the keys whose reversed hashes lie in one interval, and the cursor, reversed, is where the next
// interval begins, or, if buckets were merged since, somewhere inside it. Splitting and merging change where intervals
// end, never which keys lie before the cursor.
template <typename Visit>
uint64_t Index::scan(uint64_t cursor, Visit&& visit) const {
  if (buckets_ == 0) return 0;
  const size_t number = home_number(cursor);
  prefetch_entries_of(bucket(number));
  visit_chain(bucket(number), visit);
  return internal::next_reversed(cursor, common_bits(number));
}

// In a table that was reserved for keys which never came, keys are far apart: then the next one there is has to do.
template <typename Visit>
void Index::sample(Random& random, size_t count, Visit&& visit) const {
  if (count >= size_) return for_each(visit);
  const auto look_at = [&](size_t number) {
    size_t seen = 0;
    visit_chain(bucket(number), [&](Slot slot) {
      seen++;
      visit(slot);
    });
    return seen;
  };
  size_t seen = 0;
  for (size_t looked = 0; seen < count && looked < count * kBucketsPerSample; looked++) {
    seen += look_at(random.below(buckets_));
  }
  size_t number = random.below(buckets_);
  while (seen == 0) {
    seen += look_at(number);
    number = number + 1 == buckets_ ? 0 : number + 1;
  }
}

template <typename Visit>
void Index::for_each(Visit&& visit) const {
  for (size_t number = 0; number < buckets_; number++) visit_chain(bucket(number), visit);
}

}  // namespace cowslip::store
