// Sets: small ones an intset or a listpack, big ones a tree by the member's hash, whose elements are the members.
//
// A view is valid until the database is next changed, as are the strings that it hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
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
  bool contains(std::string_view member) const { return contains(StringView(member)); }
  bool contains(const StringView& member) const;
  // The member with this number, in the set's own order. REQUIRES: rank < size().
  StringView at(uint64_t rank) const;
  // Calls visit(StringView) for all members, in the set's own order.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  // The same, until visit(StringView) returns false.
  template <typename Visit>
  void for_each_while(Visit&& visit) const;
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
  // Everything below REQUIRES: !wrong_type().
  SetEditor(Database& db, std::string_view key) : value_(db, key) {}

  // Whether the key holds something else.
  bool wrong_type() const { return value_.entry() != nullptr && value_.entry()->type() != ObjectType::kSet; }
  bool exists() const { return value_.entry() != nullptr; }
  SetView view() const { return SetView(*value_.entry(), value_.seed()); }  // REQUIRES: exists()

  // So many members will be added: too many for a small set, perhaps, or for a set of integers in one blob.
  void expect(size_t members);
  // True when the member is new. A set that is not there begins with it.
  bool add(std::string_view member);
  // False when it was not there. The set goes with its last member.
  bool erase(std::string_view member);
  // The member with this number in the set's own order. REQUIRES: rank < size().
  void erase_at(uint64_t rank);
  // Makes the set one of those alone that have these numbers, which are ascending. Takes time for all that are kept,
  // and to free the others. REQUIRES: not empty.
  void keep_only(std::span<const uint64_t> ranks);
  void erase_all() { value_.erase(); }  // REQUIRES: exists()

  // Takes the place of whatever the key holds, of any type, and of its expiry (so wrong_type() does not matter).
  // `members` are different, and may be views of other sets of this database, or of this one. They are held as
  // `encoding` says: REQUIRES: kIntset for integers only, kListpack or kHashtable. REQUIRES: not empty.
  void assign(std::span<const StringView> members, Encoding encoding);

 private:
  Encoding encoding() const { return value_.entry()->encoding(); }
  void begin(std::string_view member);
  bool add_integer(int64_t member);
  bool add_small(std::string_view member);
  bool add_big(std::string_view member);
  bool fits_listpack(uint64_t members, std::string_view longest) const;
  bool intset_fits_listpack(std::string_view member) const;
  void make_listpack();
  void make_big();
  Entry* make_entry(std::span<const StringView> members, Encoding encoding, int64_t expire_at_ms);
  Entry* make_tree(std::span<const StringView> members, int64_t expire_at_ms);
  void erase_integer(size_t index);
  void erase_small(ListpackPlace place);
  void erase_big(const PackedTreeView::Place& place);

  ValueEditor value_;
  size_t expected_ = 1;
};

// Which encoding a set gets that begins empty, and to which members are added one after the other.
class SetForm {
 public:
  explicit SetForm(const EncodingLimits& limits) : limits_(limits) {}
  void add(const StringView& member);
  Encoding encoding() const { return encoding_; }
  // The least encoding that such a set can have at all: as if members had come in the best order.
  Encoding least() const;

 private:
  const EncodingLimits& limits_;
  Encoding encoding_ = Encoding::kIntset;
  uint64_t members_ = 0;
  size_t longest_ = 0;
  bool integers_ = true;
};

// ---- templates ----

template <typename Visit>
void SetView::for_each_while(Visit&& visit) const {
  if (integers_) {
    for (size_t i = 0, size = integers_->size(); i < size; i++) {
      if (!visit(StringView(integers_->at(i)))) return;
    }
  } else if (small_) {
    StringView member{std::string_view()};
    for (ListpackPlace place = small_->begin(); place != small_->end();) {
      place = small_->read(place, member);
      if (!visit(static_cast<const StringView&>(member))) return;
    }
  } else {
    tree().for_each(0, [&](KeyValue, std::string_view member) { return visit(StringView(member)); });
  }
}

template <typename Visit>
void SetView::for_each(Visit&& visit) const {
  for_each_while([&](const StringView& member) {
    visit(member);
    return true;
  });
}

template <typename Visit>
uint64_t SetView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (!integers_ && !small_) {
    return scan_by_hash(tree(), cursor, count, [&](std::string_view member) { visit(StringView(member)); });
  }
  // Whole, whatever the cursor: it may be from a time when the set was a big one.
  for_each(visit);
  return 0;
}

}  // namespace cowslip::store
