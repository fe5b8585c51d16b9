// What eviction (store/eviction.h) chooses from in a database, and how a key goes.
#include "store/keyspace.h"

namespace cowslip::store {

Random& Database::random() const {
  return keyspace_.random();
}

std::optional<Database::DrawnKey> Database::draw() const {
  const Index::Slot slot = contents_->index.random(random());
  if (!slot) return std::nullopt;
  return DrawnKey{slot.entry(), contents_->index.hash(slot.entry()->key()), slot.access()};
}

Database::DrawnKey Database::drawn(const ExpiryQueue::Item& item) const {
  const Index::Slot slot = contents_->index.find_due(item.hash, item.expire_at_ms);
  return {slot.entry(), item.hash, slot.access()};
}

std::optional<Database::DrawnKey> Database::draw_volatile() const {
  if (expires() == 0) return std::nullopt;
  return drawn(contents_->expiries.random(random()));
}

std::optional<int64_t> Database::earliest_expiry_ms() const {
  const auto first = contents_->expiries.earliest();
  return first ? std::optional(first->expire_at_ms) : std::nullopt;
}

std::optional<Database::DrawnKey> Database::first_due() const {
  const auto first = contents_->expiries.earliest();
  return first ? std::optional(drawn(*first)) : std::nullopt;
}

// The memory that the drawn entry was in may hold another key by now: its hash tells.
bool Database::evict(const DrawnKey& drawn, const std::function<void(std::string_view)>& told) {
  const Index::Slot slot = contents_->index.find_entry(drawn.hash, drawn.entry);
  if (!slot || slot.access() != drawn.access || contents_->index.hash(slot.entry()->key()) != drawn.hash) return false;
  const memory::CowLedger::Because because(keyspace_.chunks().ledger(), memory::WriteReason::kEvict);
  Entry* entry = take(slot, drawn.hash);
  changed(KeyChange::kDeleted, entry->key(), nullptr);
  told(entry->key());
  free_entry(entry, keyspace_.freeing().evicted);
  return true;
}

}  // namespace cowslip::store
