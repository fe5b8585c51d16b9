// Sets: small ones an intset or a listpack, big ones a tree by the member's hash, whose elements are the members.
//
// A view is valid until the database is next changed, as are the strings that it hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "store/entry.h"
#include "store/hash_tree.h"
#include "store/intset.h"
#include "store/listpack.h"
#include "store/value_editor.h"

namespace cowslip::store {

// Reads a set. A forked child may.
class SetView {
 public:
  // REQUIRES: entry.type() == kSet. `seed`: the keyspace's; of no meaning for who only walks.
  explicit SetView(const Entry& entry, uint64_t seed = 0);

  uint64_t size() const;
  bool contains(std::string_view member) const;
  // The member with this number, in the set's own order. REQUIRES: rank < size().
  StringView at(uint64_t rank) const;
  // Calls visit(StringView) for all members, in the set's own order.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  // As HashView::scan(), with visit(StringView).
  template <typename Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

 private:
  PackedTreeView tree() const { return {root_.first, NodeKey::kHash}; }

  uint64_t seed_;
  std::optional<Intset> integers_;
  std::optional<Listpack> small_;
  AggregateRoot root_;
};

// Changes the set that a key holds, or is to hold.
class SetEditor {
 public:
  // REQUIRES: the key is absent or a set. `expected`: members that are about to be added to a new one, of which its
  // first form depends.
  SetEditor(Database& db, std::string_view key, size_t expected = 1) : value_(db, key), expected_(expected) {}

  // True when the member is new. A set that is not there begins with it.
  bool add(std::string_view member);
  // False when it was not there. The set goes with its last member.
  bool erase(std::string_view member);

 private:
  void begin(std::string_view member);
  bool add_integer(int64_t member);
  bool add_small(std::string_view member);
  bool add_big(std::string_view member);
  bool fits_listpack(uint64_t members, std::string_view longest) const;
  bool intset_fits_listpack(std::string_view member) const;
  void make_listpack();
  void make_big();
  void erase_integer(size_t index);

  ValueEditor value_;
  size_t expected_;
};

// ---- templates ----

template <typename Visit>
void SetView::for_each(Visit&& visit) const {
  if (integers_) {
    for (size_t i = 0; i < integers_->size(); i++) visit(StringView(integers_->at(i)));
  } else if (small_) {
    small_->for_each(visit);
  } else {
    tree().for_each(0, [&](KeyValue, std::string_view member) {
      visit(StringView(member));
      return true;
    });
  }
}

template <typename Visit>
uint64_t SetView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (!integers_ && !small_) {
    return scan_by_hash(tree(), cursor, count, [&](std::string_view member) { visit(StringView(member)); });
  }
  if (cursor == 0) for_each(visit);
  return 0;
}

}  // namespace cowslip::store
