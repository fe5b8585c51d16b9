// One numbered database: keys, values and expiries.
//
// Every read and write of a key goes through here. Results are returned, never written to a client; nothing here knows
// of commands or sockets. `const Entry*` results are valid until the database is next changed (or an expired key is
// looked up): entries move.
//
// A key whose expiry has passed is not there: lookups delete it on the way (unless the keyspace says not to), and
// delete_expired() finds the rest. Every change of a key is told to the keyspace's observers (store/key_observer.h), by
// changed() where it is made. Thread: the event loop only. A forked child may ask for
// size(), expires() and arena().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "memory/arena.h"
#include "memory/unshared_heap.h"
#include "store/entry.h"
#include "store/entry_factory.h"
#include "store/evacuation.h"
#include "store/expiry_queue.h"
#include "store/index.h"
#include "store/key_observer.h"

namespace cowslip::store {

class Keyspace;
class PreparedEntry;

// Whether a big value is freed at once, or piece by piece while others are served.
enum class Freeing : uint8_t { kNow, kLater };

// How a lookup counts. Reads move keyspace_hits/misses and the access stamp, and report the event "keymiss"; writes
// move only the stamp; who inspects, only hits and misses; peeks nothing.
enum class Lookup { kRead, kReadNoTouch, kInspect, kWrite, kPeek };

// What a write does to the key's expiry.
struct ExpiryChange {
  enum class Kind { kDrop, kKeep, kSet } kind = Kind::kDrop;
  int64_t at_ms = kNoExpiry;

  static ExpiryChange drop() { return {}; }
  static ExpiryChange keep() { return {Kind::kKeep, kNoExpiry}; }
  static ExpiryChange set(int64_t at_ms) { return {Kind::kSet, at_ms}; }
};

// A key as a loader hands it in.
struct LoadedKey {
  std::string_view key;
  StringView value{std::string_view()};
  int64_t expire_at_ms = kNoExpiry;
  std::optional<uint64_t> idle_seconds = {};  // RDB opcode IDLE, RESTORE IDLETIME
  std::optional<uint8_t> frequency = {};      // RDB opcode FREQ, RESTORE FREQ
};

// What a database holds, detachable so that FLUSHALL ASYNC, SWAPDB and DEBUG RELOAD move it as a whole.
//
//   arena          entries and values; a forked child reads these and nothing else
//   bucket_heap,   overflow buckets and queue nodes: with the index's table, what a child does not inherit
//   node_heap
//
// Destroying it gives chunks and ranges back, and looks at no entry.
struct DatabaseContents {
  DatabaseContents(memory::ChunkPool& pool, uint64_t hash_seed, int database, bool index_forked);

  // Whose the contents are, for the ledger of what snapshots cost.
  void set_database(int database);
  // Whether a child inherits index and queue. REQUIRES: no child is alive.
  void set_index_forked(bool forked);
  // Before another thread destroys it: takes no more part in snapshots.
  void retire();
  uint64_t index_touched_bytes() const;

  memory::Arena arena;
  memory::UnsharedHeap bucket_heap;
  memory::UnsharedHeap node_heap;
  Index index;
  ExpiryQueue expiries;
  EntryFactory factory;
  Evacuation evacuation;
};

class Database {
 public:
  Database(Keyspace& keyspace, int number);

  int number() const { return number_; }
  size_t size() const { return contents_->index.size(); }  // keys, expired ones not yet found included
  size_t expires() const { return contents_->expiries.size(); }
  int64_t average_ttl_ms() const;
  size_t memory_overhead_bytes() const;  // index and expiry queue
  bool index_kept_from_child() const {
    return contents_->index.kept_from_child() && contents_->expiries.kept_from_child();
  }
  // Where the entries are, for whoever reads them in the order of memory (memory/snapshot_reader.h): every block of
  // kind kEntry is an Entry. A forked child reads them so, for it has no index.
  const memory::Arena& arena() const { return contents_->arena; }

  // ---- reading ----
  const Entry* find(std::string_view key, Lookup lookup = Lookup::kRead);
  // The key as it is, expired or not. Counts as nothing, and deletes nothing.
  const Entry* peek(std::string_view key) const;
  bool exists(std::string_view key) { return find(key, Lookup::kReadNoTouch) != nullptr; }
  // Seconds since the last access, or the LFU counter (aged to now). REQUIRES: the key is there.
  uint64_t idle_seconds(std::string_view key);
  uint8_t frequency(std::string_view key);
  uint32_t access_stamp(std::string_view key);

  // ---- strings ----
  // Creates or replaces the key, whatever its type was.
  const Entry* set_string(std::string_view key, std::string_view value, ExpiryChange expiry = {});
  // As set_string, but a number stays the text it is (what INCRBYFLOAT stores).
  const Entry* set_text(std::string_view key, std::string_view value, ExpiryChange expiry = {});
  const Entry* set_integer(std::string_view key, int64_t value, ExpiryChange expiry = ExpiryChange::keep());
  // `count` bytes of the string from `offset` on, all of which the caller will write in place. The string becomes so
  // long that it has them, with zeros before them; without a key it begins empty. Its expiry stays. REQUIRES: the key
  // is absent or a string.
  std::span<char> writable_range(std::string_view key, size_t offset, size_t count);
  // The whole string, which becomes `length` bytes long, cut off or with zeros at its end. Otherwise the same.
  std::span<char> writable_string(std::string_view key, size_t length);
  // The same string in the raw encoding, as Redis leaves it behind where it may have been changed. No change: observers
  // are not told. REQUIRES: the key is a string.
  const Entry* make_raw(std::string_view key);
  // Creates or replaces the key, whatever its type was, with a raw string of `length` bytes that fill(std::span<char>)
  // writes. While it does, all keys still have the values that they had.
  template <typename Fill>
  const Entry* set_raw(std::string_view key, size_t length, Fill&& fill);

  // ---- keys ----
  bool erase(std::string_view key, Freeing freeing = Freeing::kNow);
  // As erase(), but does not look whether the key has expired: then it is deleted, too, and does not expire.
  bool discard(std::string_view key);
  // Renames, replacing `to`. False when `from` is not there. The expiry goes along.
  bool rename(std::string_view from, std::string_view to);
  // Moves a key to another database. False when it is missing here or present there.
  bool move_to(Database& target, std::string_view key);
  // Copies a key with its expiry, replacing `to` in `target`. False when `from` is not there.
  bool copy_to(Database& target, std::string_view from, std::string_view to);
  // False when the key is not there. A time in the past does not delete: callers decide that.
  bool set_expiry(std::string_view key, int64_t expire_at_ms);
  bool persist(std::string_view key);  // false when there was no expiry
  // Adds or replaces keys as a file or RESTORE describes them. Several at once wait for memory together instead of one
  // after the other. Returns the place in the batch of the first that was there already, if one was.
  std::optional<size_t> load(std::span<const LoadedKey> batch);
  // True when the key was there already.
  bool load(const LoadedKey& loaded) { return load(std::span(&loaded, 1)).has_value(); }
  // A string, as load() would store it. (store/aggregate_builder.h makes the others.)
  PreparedEntry prepare(const LoadedKey& loaded);
  // Adds it or replaces what is there; of `loaded`, only how the key was used counts. True when the key was there
  // already.
  bool load(PreparedEntry entry, const LoadedKey& loaded);
  void reserve(size_t keys) { contents_->index.reserve(keys); }

  // ---- before the lookups of several keys: the first for each of them, then the second for each of them ----
  uint64_t hash(std::string_view key) const { return contents_->index.hash(key); }
  void prefetch(uint64_t hash) const { contents_->index.prefetch(hash); }
  void prefetch_entry(uint64_t hash) const { contents_->index.prefetch_entry(hash); }

  // ---- walking ----
  // One step of a SCAN: calls visit(const Entry&) for the keys under one cursor position, expired ones left out (and
  // not deleted), and returns the next cursor.
  template <typename Visit>
  uint64_t scan(uint64_t cursor, Visit&& visit) const;
  // Every entry once, expired ones included, in no order. Does not change anything.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    contents_->index.for_each([&](Index::Slot slot) { visit(static_cast<const Entry&>(*slot.entry())); });
  }
  // Whether the entry's time has passed: what for_each() shows beyond what the lookups find.
  bool is_expired(const Entry& entry) const;
  const Entry* random_entry();  // null when empty; never an expired one unless nearly all are

  // ---- eviction: what store/eviction.h chooses from ----
  struct DrawnKey {
    const Entry* entry;
    uint64_t hash;
    uint32_t access;
  };
  // Calls visit(const Entry*, access stamp) for `count` keys and the rest of the last one's bucket. Reads no entry.
  template <typename Visit>
  void sample(size_t count, Visit&& visit) const;
  // Calls visit(DrawnKey) for `count` of the keys that expire. REQUIRES: expires() > 0.
  template <typename Visit>
  void sample_volatile(size_t count, Visit&& visit) const {
    while (count-- > 0) visit(*draw_volatile());
  }
  // One by chance, of all or of those that expire; none where there is none.
  std::optional<DrawnKey> draw() const;
  std::optional<DrawnKey> draw_volatile() const;
  std::optional<int64_t> earliest_expiry_ms() const;
  std::optional<DrawnKey> first_due() const;
  // Deletes a key that was drawn, if it still is as it was: the same entry, not used since. `told` gets its name.
  bool evict(const DrawnKey& drawn, const std::function<void(std::string_view)>& told);

  // ---- upkeep ----
  // Deletes up to `limit` keys whose time has come. Returns how many.
  size_t delete_expired(size_t limit);
  // Rehash work for about `budget_us`. True while more is left.
  bool upkeep(int64_t budget_us);
  // Frees about so many blocks of big values that were to be freed later. Returns how many values are gone with them.
  size_t free_some(size_t blocks);
  size_t to_be_freed() const { return contents_->factory.to_be_freed(); }

  // Empties sparse chunks until about `until_us` (monotonic), if more than the limits allow is free. False when there
  // was nothing to do. REQUIRES: no snapshot is running.
  bool evacuate(const EvacuationLimits& limits, int64_t until_us);
  const EvacuationStatistics& evacuation() const { return contents_->evacuation.statistics(); }

  // Takes everything out (to be freed by the caller, where it likes) and leaves the database empty.
  std::unique_ptr<DatabaseContents> detach();

 private:
  friend class Keyspace;
  friend class ValueEditor;
  friend class PreparedEntry;
  friend class AggregateBuilder;

  DrawnKey drawn(const ExpiryQueue::Item& item) const;
  Random& random() const;
  Index::Slot find_slot(std::string_view key, uint64_t hash);
  Index::Slot find_slot_to_write(std::string_view key, uint64_t hash);
  void expire(Index::Slot slot, uint64_t hash);
  bool erase(Index::Slot slot, uint64_t hash, Freeing freeing);
  // Frees the entry, which is out of the index, and reports that it expired.
  void free_expired(Entry* entry, Freeing freeing);
  void free_entry(Entry* entry, Freeing freeing);
  // What a write takes the place of.
  void free_replaced(Entry* entry);
  void touch(Index::Slot slot);
  void wrote(Index::Slot slot);
  // To be called by whatever changes a key, once the change is made. `entry`: the key as it is now, or null. (In
  // keyspace.h.)
  void changed(KeyChange change, std::string_view key, const Entry* entry);
  void tell(const KeyEvent& event);
  // Makes the slot refer to `entry`.
  void point(Index::Slot& slot, const Entry* entry);
  // Has what the index or the queue will grow into touched by another thread.
  void ready(const std::optional<memory::PagesAhead>& pages);
  // Stores `entry` under its key, taking the place of `slot` if that is not empty.
  void store(Index::Slot slot, uint64_t hash, Entry* entry);
  const Entry* put(Index::Slot slot, uint64_t hash, Entry* entry);
  // The key's raw string, made so long (or left longer, unless `exactly`) and about to be written; a new one if need
  // be.
  Entry* sized_string(std::string_view key, size_t length, bool exactly);
  Entry* take(Index::Slot slot, uint64_t hash);
  // Stores an entry of this arena that carries its key and expiry already. True when it replaced one.
  bool adopt(Entry* entry, uint64_t hash, uint32_t access);
  Entry* make(const LoadedKey& loaded);
  uint32_t access_of(const LoadedKey& loaded) const;

  Keyspace& keyspace_;
  int number_;
  std::unique_ptr<DatabaseContents> contents_;
};

template <typename Fill>
const Entry* Database::set_raw(std::string_view key, size_t length, Fill&& fill) {
  EntryFactory& factory = contents_->factory;
  Entry* entry = factory.make_unfilled(key, length, kNoExpiry);
  fill(factory.writable_range(*entry, 0, length));
  const uint64_t hash = contents_->index.hash(key);
  return put(find_slot_to_write(key, hash), hash, entry);
}

template <typename Visit>
void Database::sample(size_t count, Visit&& visit) const {
  contents_->index.sample(random(), count,
                          [&](Index::Slot slot) { visit(static_cast<const Entry*>(slot.entry()), slot.access()); });
}

template <typename Visit>
uint64_t Database::scan(uint64_t cursor, Visit&& visit) const {
  return contents_->index.scan(cursor, [&](Index::Slot slot) {
    if (!is_expired(*slot.entry())) visit(static_cast<const Entry&>(*slot.entry()));
  });
}

}  // namespace cowslip::store
