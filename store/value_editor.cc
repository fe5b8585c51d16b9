#include "store/value_editor.h"

#include "store/keyspace.h"

namespace cowslip::store {

ValueEditor::ValueEditor(Database& db, std::string_view key)
    : db_(db),
      key_(key),
      hash_(db.hash(key)),
      slot_(db.find_slot_to_write(key, hash_)),
      was_there_(static_cast<bool>(slot_)) {
  if (slot_) db_.touch(slot_);
}

ValueEditor::~ValueEditor() {
  if (!changed_ || (!was_there_ && !slot_)) return;
  db_.changed(!slot_ ? KeyChange::kDeleted : was_there_ ? KeyChange::kWritten : KeyChange::kCreated, key_, entry());
}

const EncodingLimits& ValueEditor::limits() const {
  return db_.keyspace_.encoding_limits();
}

uint64_t ValueEditor::seed() const {
  return db_.keyspace_.hash_seed();
}

void ValueEditor::create(Entry* entry) {
  changed_ = true;
  db_.store({}, hash_, entry);
  slot_ = db_.contents_->index.find(key_, hash_);
}

void ValueEditor::replace(Entry* entry) {
  changed_ = true;
  if (slot_.entry() != entry) db_.point(slot_, entry);
}

void ValueEditor::exchange(Entry* entry) {
  changed_ = true;
  Entry* const old = slot_.entry();
  db_.point(slot_, entry);
  factory().free(old);
}

void ValueEditor::begin(Entry* entry) {
  if (!slot_) return create(entry);
  Entry* const old = slot_.entry();
  if (old->has_expiry()) db_.contents_->expiries.remove(old->expire_at_ms(), hash_);
  exchange(entry);
}

void splice_blob(ValueEditor& value, const ListpackSplice& splice) {
  const size_t before = value.entry()->blob().size(), after = splice.length_after(before);
  Entry* const entry = value.factory().writable_blob(value.entry(), after);
  value.replace(entry);
  splice_listpack(EntryFactory::blob_of(*entry), before, splice);
  value.factory().resize_blob(*entry, after, splice.offset);
}

void ValueEditor::erase() {
  changed_ = true;
  db_.free_replaced(db_.take(slot_, hash_));
  slot_ = {};
}

}  // namespace cowslip::store
