// A key's value while it is changed in place: what changes of aggregates go through.
//
//     ValueEditor editor(db, key);
//     if (!editor.entry()) editor.create(...);            // the caller has looked at the type
//     editor.replace(editor.factory().writable_blob(editor.entry(), length));
//
// Every change may move the entry: replace() tells the index. The key keeps its expiry. Event loop only; nothing else
// may change the database while an editor is in use.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/database.h"
#include "store/encoding_limits.h"
#include "store/listpack.h"

namespace cowslip::store {

class ValueEditor {
 public:
  // Looks the key up for a write: one that has expired is not there.
  ValueEditor(Database& db, std::string_view key);
  // Tells the observers, once, of what was changed (key_observer.h).
  ~ValueEditor();
  ValueEditor(const ValueEditor&) = delete;
  ValueEditor& operator=(const ValueEditor&) = delete;

  Entry* entry() const { return slot_ ? slot_.entry() : nullptr; }
  std::string_view key() const { return key_; }
  EntryFactory& factory() const { return db_.contents_->factory; }
  const EncodingLimits& limits() const;
  // Of the names of elements (name_hash.h).
  uint64_t seed() const;

  // The key's first entry. REQUIRES: entry() is null.
  void create(Entry* entry);
  // `entry` has taken the place of entry(), which it has consumed; it may be the same.
  void replace(Entry* entry);
  // `entry` is a new form of the same value: takes the place of entry(), which is freed. It has the same expiry.
  void exchange(Entry* entry);
  // `entry`, which has no expiry, is what the key holds from now on, whatever it held before; that is freed.
  void begin(Entry* entry);
  // The last element has gone, and the key with it.
  void erase();

 private:
  Database& db_;
  std::string_view key_;
  uint64_t hash_;
  Index::Slot slot_;
  bool was_there_;
  bool changed_ = false;
};

// Calls change(PackedTree&) on the first tree of the big aggregate that the key holds; what it returns says whether it
// changed anything, and is returned.
template <typename Change>
bool change_tree(ValueEditor& value, Change&& change) {
  const AggregateRoot before = value.entry()->aggregate();
  AggregateRoot root = before;
  PackedTree tree(value.factory().nodes(), root.first, EntryFactory::tree_key(value.entry()->type()),
                  static_cast<uint32_t>(root.object));
  if (!change(tree)) return false;
  // What was changed in a node alone is no change of the entry, which a child may be reading.
  value.replace(root == before ? value.entry() : value.factory().with_aggregate(value.entry(), root));
  return true;
}

// Makes room for a change of the listpack that the key holds, as splice_listpack() does, in an entry that may be
// written. The inserted bytes are the caller's to write, at once.
void splice_blob(ValueEditor& value, const ListpackSplice& splice);

}  // namespace cowslip::store
