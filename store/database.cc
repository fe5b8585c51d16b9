#include "store/database.h"

#include <algorithm>
#include <array>
#include <utility>

#include "store/keyspace.h"
#include "store/prepared_entry.h"

namespace cowslip::store {
namespace {

// This many keys are drawn for a random live one.
constexpr int kRandomTries = 100;
// So many keys of a batch are looked up side by side: about as many misses as a core can have under way.
constexpr size_t kLoadedTogether = 16;

using Because = memory::CowLedger::Because;

int64_t expiry_after(const ExpiryChange& change, const Entry* old) {
  switch (change.kind) {
    case ExpiryChange::Kind::kDrop:
      return kNoExpiry;
    case ExpiryChange::Kind::kKeep:
      return old != nullptr ? old->expire_at_ms() : kNoExpiry;
    case ExpiryChange::Kind::kSet:
      return change.at_ms;
  }
  return kNoExpiry;
}

}  // namespace

DatabaseContents::DatabaseContents(memory::ChunkPool& pool, uint64_t hash_seed, int database, bool index_forked)
    : arena(pool, database),
      index(hash_seed, pool.base(), bucket_heap),
      expiries(node_heap),
      factory(arena),
      evacuation(arena, index, factory) {
  index.watch(pool.ledger(), database);
  bucket_heap.watch(pool.ledger(), database);
  node_heap.watch(pool.ledger(), database);
  set_index_forked(index_forked);
}

void DatabaseContents::set_database(int database) {
  arena.set_database(database);
  index.set_database(database);
  bucket_heap.set_database(database);
  node_heap.set_database(database);
}

void DatabaseContents::set_index_forked(bool forked) {
  index.set_forked(forked);
  bucket_heap.set_forked(forked);
  node_heap.set_forked(forked);
}

void DatabaseContents::retire() {
  arena.retire();
  index.stop_watching();
  bucket_heap.stop_watching();
  node_heap.stop_watching();
}

uint64_t DatabaseContents::index_touched_bytes() const {
  return index.touched_bytes() + bucket_heap.touched_bytes() + node_heap.touched_bytes();
}

Database::Database(Keyspace& keyspace, int number)
    : keyspace_(keyspace),
      number_(number),
      contents_(std::make_unique<DatabaseContents>(keyspace.chunks(), keyspace.hash_seed(), number,
                                                   keyspace.index_forked())) {}

int64_t Database::average_ttl_ms() const {
  return contents_->expiries.average_ttl_ms(keyspace_.now_ms());
}

size_t Database::memory_overhead_bytes() const {
  return contents_->index.memory_bytes() + contents_->expiries.memory_bytes();
}

// ---- slots ----

bool Database::is_expired(const Entry& entry) const {
  return entry.has_expiry() && keyspace_.now_ms() > entry.expire_at_ms();
}

Index::Slot Database::find_slot(std::string_view key, uint64_t hash) {
  const Index::Slot slot = contents_->index.find(key, hash);
  if (!slot || !is_expired(*slot.entry())) return slot;
  if (keyspace_.deletes_expired()) expire(slot, hash);
  return {};
}

// As find_slot, for a write that creates the key if need be: an expired one makes way even where lookups may not
// delete.
Index::Slot Database::find_slot_to_write(std::string_view key, uint64_t hash) {
  const Index::Slot slot = contents_->index.find(key, hash);
  if (!slot || !is_expired(*slot.entry())) return slot;
  expire(slot, hash);
  return {};
}

void Database::expire(Index::Slot slot, uint64_t hash) {
  const Because because(keyspace_.chunks().ledger(), memory::WriteReason::kExpire);
  free_expired(take(slot, hash), keyspace_.freeing().expired);
}

void Database::free_expired(Entry* entry, Freeing freeing) {
  changed(KeyChange::kExpired, entry->key(), nullptr);
  keyspace_.statistics().expired_keys++;
  keyspace_.events().notify(EventClass::kExpired, "expired", number_, entry->key());
  free_entry(entry, freeing);
}

void Database::free_entry(Entry* entry, Freeing freeing) {
  freeing == Freeing::kLater ? contents_->factory.free_later(entry) : contents_->factory.free(entry);
}

void Database::free_replaced(Entry* entry) {
  free_entry(entry, keyspace_.freeing().replaced);
}

void Database::tell(const KeyEvent& event) {
  keyspace_.observers().tell([&](KeyObserver& observer) { observer.key_changed(event); });
}

inline void Database::wrote(Index::Slot slot) {
  if (keyspace_.chunks().ledger().counting_indexes()) [[unlikely]]
    contents_->index.wrote(slot);
}

void Database::touch(Index::Slot slot) {
  slot.set_access(keyspace_.access_clock().touched(slot.access(), keyspace_.now_ms(), keyspace_.random()));
  wrote(slot);
}

void Database::point(Index::Slot& slot, const Entry* entry) {
  slot.set_entry(entry);
  wrote(slot);
}

// The expiry queue follows the entry that `slot` holds (or held) to `entry`. Counts as no use of a key that was there:
// who has looked it up has counted, and two uses for one command would make keys look twice as frequent (LFU).
void Database::store(Index::Slot slot, uint64_t hash, Entry* entry) {
  const int64_t after = entry->expire_at_ms();
  if (after != kNoExpiry) contents_->expiries.add(after, hash);
  if (slot) {
    point(slot, entry);
  } else {
    contents_->index.insert(hash, entry, keyspace_.access_clock().fresh(keyspace_.now_ms()));
    keyspace_.events().notify(EventClass::kNew, "new", number_, entry->key());
  }
}

Entry* Database::take(Index::Slot slot, uint64_t hash) {
  Entry* entry = contents_->index.erase(slot, hash);
  if (entry->has_expiry()) contents_->expiries.remove(entry->expire_at_ms(), hash);
  return entry;
}

// ---- reading ----

const Entry* Database::find(std::string_view key, Lookup lookup) {
  const Index::Slot slot = find_slot(key, contents_->index.hash(key));
  const bool reads = lookup == Lookup::kRead || lookup == Lookup::kReadNoTouch;
  if (reads || lookup == Lookup::kInspect) {
    (slot ? keyspace_.statistics().hits : keyspace_.statistics().misses)++;
  }
  if (!slot) {
    if (reads) keyspace_.events().notify(EventClass::kKeyMiss, "keymiss", number_, key);
    return nullptr;
  }
  if (lookup == Lookup::kRead || lookup == Lookup::kWrite) touch(slot);
  return slot.entry();
}

const Entry* Database::peek(std::string_view key) const {
  const Index::Slot slot = contents_->index.find(key, contents_->index.hash(key));
  return slot ? slot.entry() : nullptr;
}

uint64_t Database::idle_seconds(std::string_view key) {
  const Index::Slot slot = contents_->index.find(key, contents_->index.hash(key));
  return keyspace_.access_clock().idle_seconds(slot.access(), keyspace_.now_ms());
}

uint8_t Database::frequency(std::string_view key) {
  const Index::Slot slot = contents_->index.find(key, contents_->index.hash(key));
  return keyspace_.access_clock().frequency(slot.access(), keyspace_.now_ms());
}

uint32_t Database::access_stamp(std::string_view key) {
  return contents_->index.find(key, contents_->index.hash(key)).access();
}

// ---- strings ----

// All but set_string() are for keys that the caller has looked up.

// Puts `entry`, made for this key, in place of what was there.
const Entry* Database::put(Index::Slot slot, uint64_t hash, Entry* entry) {
  if (slot) {
    Entry* old = slot.entry();
    if (old->has_expiry()) contents_->expiries.remove(old->expire_at_ms(), hash);
    free_replaced(old);
  }
  store(slot, hash, entry);
  changed(slot ? KeyChange::kWritten : KeyChange::kCreated, entry->key(), entry);
  return entry;
}

const Entry* Database::set_string(std::string_view key, std::string_view value, ExpiryChange expiry) {
  const uint64_t hash = contents_->index.hash(key);
  const Index::Slot slot = find_slot_to_write(key, hash);
  const int64_t expire_at_ms = expiry_after(expiry, slot ? slot.entry() : nullptr);
  if (slot) touch(slot);
  return put(slot, hash, contents_->factory.make_string(key, value, expire_at_ms));
}

const Entry* Database::set_text(std::string_view key, std::string_view value, ExpiryChange expiry) {
  const uint64_t hash = contents_->index.hash(key);
  const Index::Slot slot = find_slot_to_write(key, hash);
  const int64_t expire_at_ms = expiry_after(expiry, slot ? slot.entry() : nullptr);
  return put(slot, hash, contents_->factory.make_text(key, value, expire_at_ms));
}

const Entry* Database::set_integer(std::string_view key, int64_t value, ExpiryChange expiry) {
  const uint64_t hash = contents_->index.hash(key);
  Index::Slot slot = find_slot_to_write(key, hash);
  if (slot && expiry.kind == ExpiryChange::Kind::kKeep && slot.entry()->type() == ObjectType::kString &&
      slot.entry()->encoding() == Encoding::kInteger) {
    point(slot, contents_->factory.with_integer(slot.entry(), value));
    changed(KeyChange::kWritten, key, slot.entry());
    return slot.entry();
  }
  const int64_t expire_at_ms = expiry_after(expiry, slot ? slot.entry() : nullptr);
  return put(slot, hash, contents_->factory.make_integer(key, value, expire_at_ms));
}

Entry* Database::sized_string(std::string_view key, size_t length, bool exactly) {
  const uint64_t hash = contents_->index.hash(key);
  Index::Slot slot = find_slot_to_write(key, hash);
  if (!slot) {
    Entry* entry = contents_->factory.make_raw(key, length, kNoExpiry);
    store(slot, hash, entry);
    changed(KeyChange::kCreated, key, entry);
    return entry;
  }
  Entry* entry = slot.entry();
  entry = contents_->factory.resize_string(entry, exactly ? length : std::max(entry->string().length(), length));
  point(slot, entry);  // same key, same expiry
  changed(KeyChange::kWritten, key, entry);
  return entry;
}

std::span<char> Database::writable_range(std::string_view key, size_t offset, size_t count) {
  return contents_->factory.writable_range(*sized_string(key, offset + count, false), offset, count);
}

std::span<char> Database::writable_string(std::string_view key, size_t length) {
  return contents_->factory.writable_range(*sized_string(key, length, true), 0, length);
}

const Entry* Database::make_raw(std::string_view key) {
  Index::Slot slot = find_slot(key, contents_->index.hash(key));
  Entry* entry = contents_->factory.resize_string(slot.entry(), slot.entry()->string().length());
  point(slot, entry);
  return entry;
}

// ---- keys ----

bool Database::erase(std::string_view key, Freeing freeing) {
  const uint64_t hash = contents_->index.hash(key);
  return erase(find_slot(key, hash), hash, freeing);
}

bool Database::discard(std::string_view key) {
  const uint64_t hash = contents_->index.hash(key);
  return erase(contents_->index.find(key, hash), hash, keyspace_.freeing().replaced);
}

bool Database::erase(Index::Slot slot, uint64_t hash, Freeing freeing) {
  if (!slot) return false;
  const Because because(keyspace_.chunks().ledger(), memory::WriteReason::kDelete);
  Entry* entry = take(slot, hash);
  changed(KeyChange::kDeleted, entry->key(), nullptr);
  free_entry(entry, freeing);
  return true;
}

bool Database::rename(std::string_view from, std::string_view to) {
  const uint64_t from_hash = contents_->index.hash(from);
  const Index::Slot slot = find_slot(from, from_hash);
  if (!slot) return false;
  if (from == to) return true;
  const uint32_t access = slot.access();
  Entry* entry = contents_->factory.with_key(take(slot, from_hash), to);
  changed(KeyChange::kDeleted, from, nullptr);
  adopt(entry, contents_->index.hash(to), access);
  keyspace_.events().notify(EventClass::kNew, "new", number_, to);
  return true;
}

bool Database::adopt(Entry* entry, uint64_t hash, uint32_t access) {
  const Index::Slot old = contents_->index.find(entry->key(), hash);
  const bool was_there = old && !is_expired(*old.entry());
  if (old) free_replaced(take(old, hash));
  if (entry->has_expiry()) contents_->expiries.add(entry->expire_at_ms(), hash);
  contents_->index.insert(hash, entry, access);
  changed(was_there ? KeyChange::kWritten : KeyChange::kCreated, entry->key(), entry);
  return static_cast<bool>(old);
}

// Memory is a database's own: what moves to another one is copied.
bool Database::move_to(Database& target, std::string_view key) {
  const uint64_t hash = contents_->index.hash(key);
  const Index::Slot slot = find_slot(key, hash);
  const uint64_t target_hash = target.contents_->index.hash(key);
  if (!slot || target.find_slot(key, target_hash)) return false;
  const uint32_t access = slot.access();
  Entry* entry = take(slot, hash);
  target.adopt(target.contents_->factory.copy(*entry, key, entry->expire_at_ms()), target_hash, access);
  changed(KeyChange::kDeleted, entry->key(), nullptr);
  free_entry(entry, Freeing::kLater);
  keyspace_.events().notify(EventClass::kNew, "new", target.number_, key);
  return true;
}

bool Database::copy_to(Database& target, std::string_view from, std::string_view to) {
  const Index::Slot slot = find_slot(from, contents_->index.hash(from));
  if (!slot) return false;
  const Entry& entry = *slot.entry();
  Entry* twin = target.contents_->factory.copy(entry, to, entry.expire_at_ms());
  target.adopt(twin, target.contents_->index.hash(to), slot.access());
  keyspace_.events().notify(EventClass::kNew, "new", target.number_, to);
  return true;
}

bool Database::set_expiry(std::string_view key, int64_t expire_at_ms) {
  const uint64_t hash = contents_->index.hash(key);
  Index::Slot slot = find_slot(key, hash);
  if (!slot) return false;
  Entry* entry = slot.entry();
  if (entry->has_expiry()) contents_->expiries.remove(entry->expire_at_ms(), hash);
  point(slot, contents_->factory.with_expiry(entry, expire_at_ms));
  if (expire_at_ms != kNoExpiry) contents_->expiries.add(expire_at_ms, hash);
  changed(KeyChange::kExpiry, key, slot.entry());
  return true;
}

bool Database::persist(std::string_view key) {
  const Index::Slot slot = find_slot(key, contents_->index.hash(key));
  return slot && slot.entry()->has_expiry() && set_expiry(key, kNoExpiry);
}

// ---- loading ----

Entry* Database::make(const LoadedKey& loaded) {
  EntryFactory& factory = contents_->factory;
  return loaded.value.is_integer() ? factory.make_integer(loaded.key, loaded.value.integer(), loaded.expire_at_ms)
                                   : factory.make_string(loaded.key, loaded.value.bytes(), loaded.expire_at_ms);
}

PreparedEntry Database::prepare(const LoadedKey& loaded) {
  return {*this, make(loaded)};
}

bool Database::load(PreparedEntry entry, const LoadedKey& loaded) {
  Entry* const made = entry.release();
  return adopt(made, contents_->index.hash(made->key()), access_of(loaded));
}

uint32_t Database::access_of(const LoadedKey& loaded) const {
  const AccessClock& clock = keyspace_.access_clock();
  const int64_t now_ms = keyspace_.now_ms();
  if (clock.lfu() && loaded.frequency) return clock.from_frequency(*loaded.frequency, now_ms);
  if (!clock.lfu() && loaded.idle_seconds) return clock.from_idle_seconds(*loaded.idle_seconds, now_ms);
  return clock.fresh(now_ms);
}

std::optional<size_t> Database::load(std::span<const LoadedKey> batch) {
  std::optional<size_t> first_replaced;
  for (size_t from = 0; from < batch.size(); from += kLoadedTogether) {
    const auto together = batch.subspan(from, std::min(batch.size() - from, kLoadedTogether));
    std::array<uint64_t, kLoadedTogether> hashes;
    for (size_t i = 0; i < together.size(); i++) {
      hashes[i] = contents_->index.hash(together[i].key);
      contents_->index.prefetch(hashes[i]);
    }
    for (size_t i = 0; i < together.size(); i++) {
      const bool replaced = adopt(make(together[i]), hashes[i], access_of(together[i]));
      if (replaced && !first_replaced) first_replaced = from + i;
    }
  }
  return first_replaced;
}

// ---- walking ----

const Entry* Database::random_entry() {
  const Entry* entry = nullptr;
  for (int tries = 0; tries < kRandomTries; tries++) {
    const Index::Slot slot = contents_->index.random(keyspace_.random());
    if (!slot) return nullptr;
    entry = slot.entry();
    if (!is_expired(*entry)) return entry;
    if (keyspace_.deletes_expired()) {
      find_slot(entry->key(), contents_->index.hash(entry->key()));  // deletes it
      entry = nullptr;
    }
  }
  return entry;
}

// ---- upkeep ----

size_t Database::delete_expired(size_t limit) {
  if (!keyspace_.deletes_expired()) return 0;
  const Because because(keyspace_.chunks().ledger(), memory::WriteReason::kExpire);
  size_t deleted = 0;
  while (deleted < limit) {
    const auto due = contents_->expiries.earliest();
    if (!due || keyspace_.now_ms() <= due->expire_at_ms) break;
    const Index::Slot slot = contents_->index.find_due(due->hash, due->expire_at_ms);
    free_expired(take(slot, due->hash), Freeing::kLater);  // nobody waits for the memory
    deleted++;
  }
  return deleted;
}

void Database::ready(const std::optional<memory::PagesAhead>& pages) {
  if (pages) keyspace_.lazy_free().submit(0, [pages = *pages] { pages.populate(); });
}

bool Database::upkeep(int64_t budget_us) {
  ready(contents_->index.memory_ahead());
  ready(contents_->bucket_heap.memory_ahead());
  ready(contents_->node_heap.memory_ahead());
  const Because because(keyspace_.chunks().ledger(), memory::WriteReason::kUpkeep);
  return contents_->index.step(budget_us);
}

size_t Database::free_some(size_t blocks) {
  const Because because(keyspace_.chunks().ledger(), memory::WriteReason::kDelete);
  return contents_->factory.free_some(blocks);
}

// Nodes that are to be freed belong to nobody who could be told that they have moved.
bool Database::evacuate(const EvacuationLimits& limits, int64_t until_us) {
  if (to_be_freed() > 0) return false;
  if (!contents_->evacuation.wanted(limits)) return false;
  contents_->evacuation.step(limits, until_us);
  return true;
}

std::unique_ptr<DatabaseContents> Database::detach() {
  auto empty =
      std::make_unique<DatabaseContents>(keyspace_.chunks(), keyspace_.hash_seed(), number_, keyspace_.index_forked());
  return std::exchange(contents_, std::move(empty));
}

}  // namespace cowslip::store
