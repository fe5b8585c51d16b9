// Lists: small ones a listpack, big ones a tree by position, whose elements are the list's.
//
// A view is valid until the database is next changed, as are the strings that it hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/entry.h"
#include "store/listpack.h"
#include "store/packed_tree.h"
#include "store/value_editor.h"

namespace cowslip::store {

// Whether a list whose listpack has so many bytes may be one: list-max-listpack-size.
bool list_fits_listpack(const EncodingLimits& limits, size_t bytes, size_t elements);

enum class ListEnd : uint8_t { kHead, kTail };

// Reads a list. A forked child may.
class ListView {
 public:
  // REQUIRES: entry.type() == kList.
  explicit ListView(const Entry& entry);

  uint64_t size() const { return small_ ? small_->count() : root_.elements(); }
  StringView at(uint64_t index) const;  // REQUIRES: index < size()
  // Calls visit(StringView) for the elements from `index` on, towards the tail or the head, until it returns false.
  template <typename Visit>
  void for_each_from(uint64_t index, ListEnd towards, Visit&& visit) const;

 private:
  friend class ListEditor;
  // From whichever end is nearer. REQUIRES: index <= count().
  static ListpackPlace small_place(const Listpack& list, uint64_t index);
  PackedTreeView tree() const { return {root_.first, NodeKey::kNone}; }

  std::optional<Listpack> small_;
  AggregateRoot root_;
};

// Changes the list that a key holds, or is to hold. An index counts from the head.
class ListEditor {
 public:
  // REQUIRES, for all but entry() and assign(): the key is absent or a list.
  ListEditor(Database& db, std::string_view key) : value_(db, key) {}

  // What the key holds as yet; null when there is none. Before anything is changed it may be of any type: so it can be
  // looked at with the one lookup that the change needs anyway.
  const Entry* entry() const { return value_.entry(); }
  uint64_t size() const { return entry() == nullptr ? 0 : ListView(*entry()).size(); }

  // One after the other, so that the last one is at the end of the list. A list that is not there begins with them.
  // Whether the list is still small then is settled once for all of them. REQUIRES: there is at least one.
  void push(ListEnd end, std::span<const std::string_view> elements);
  void push(ListEnd end, std::string_view element) { push(end, std::span(&element, 1)); }
  // In place of all that the key holds, of whatever type, and of its expiry. REQUIRES: there is at least one.
  void assign(std::span<const std::string_view> elements);
  // Before the element with this index, or at the tail. REQUIRES: index <= size().
  void insert(uint64_t index, std::string_view element);
  void set(uint64_t index, std::string_view element);  // REQUIRES: index < size()
  // The list goes with its last element. REQUIRES: index + count <= size().
  void erase(uint64_t index, uint64_t count = 1);
  // The elements with these indexes, which ascend.
  void erase(std::span<const uint64_t> indexes);
  // Looks whether what is left is small again; at the end of a command that erased or set.
  void shrink();
  // Tells the observers as if something had changed. REQUIRES: the key is a list.
  void touch() { value_.replace(value_.entry()); }

 private:
  bool small() const { return entry()->encoding() == Encoding::kListpack; }
  void create(ListEnd end, std::span<const std::string_view> elements);
  void push_small(ListEnd end, std::span<const std::string_view> elements);
  void push_big(ListEnd end, std::span<const std::string_view> elements);
  // So much will be added: what is too much for a small list makes it a big one, as Redis judges it for a whole
  // command.
  void expect(size_t elements, size_t bytes);
  void make_big();
  void make_small();

  ValueEditor value_;
};

// ---- templates ----

template <typename Visit>
void ListView::for_each_from(uint64_t index, ListEnd towards, Visit&& visit) const {
  if (index >= size()) return;
  if (small_) {
    ListpackPlace place = small_place(*small_, index);
    while (place != small_->end() && visit(small_->get(place))) {
      if (towards == ListEnd::kTail) {
        place = small_->next(place);
      } else if (place == small_->begin()) {
        return;
      } else {
        place = small_->previous(place);
      }
    }
    return;
  }
  tree().for_each_value(index, towards == ListEnd::kTail, visit);
}

}  // namespace cowslip::store
