// Hashes: fields with values, small ones as a listpack of both in turn, big ones as a tree by the field's hash.
//
//     element of the tree: length of the field, 7 bits a byte | field | value
//
// A view is valid until the database is next changed, as are the strings that it hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "store/entry.h"
#include "store/hash_tree.h"
#include "store/listpack.h"
#include "store/value_editor.h"

namespace cowslip::store {

// Reads a hash. A forked child may.
class HashView {
 public:
  // REQUIRES: entry.type() == kHash. `seed`: the keyspace's; of no meaning for who only walks.
  explicit HashView(const Entry& entry, uint64_t seed = 0);

  uint64_t size() const { return small_ ? small_->count() / 2 : root_.elements(); }
  std::optional<StringView> get(std::string_view field) const;
  bool contains(std::string_view field) const { return get(field).has_value(); }
  // The field with this number and its value, in the hash's own order. REQUIRES: rank < size().
  std::pair<StringView, StringView> at(uint64_t rank) const;
  // Calls visit(field, value) for all, in the hash's own order.
  template <typename Visit>
  void for_each(Visit&& visit) const;
  // Calls visit(field, value) for about `count` fields from `cursor` on, 0 at first, and returns the next cursor, 0 at
  // the end. A field that is there from the first call to the last is visited once, whatever happens between (twice,
  // if the hash becomes a big one, or a small one, meanwhile).
  template <typename Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

 private:
  PackedTreeView tree() const { return {root_.first, NodeKey::kHash}; }

  uint64_t seed_;
  std::optional<Listpack> small_;
  AggregateRoot root_;
};

// Changes the hash that a key holds, or is to hold.
class HashEditor {
 public:
  // Everything below REQUIRES: !wrong_type().
  HashEditor(Database& db, std::string_view key) : value_(db, key) {}

  // Whether the key holds something else.
  bool wrong_type() const { return value_.entry() != nullptr && value_.entry()->type() != ObjectType::kHash; }
  bool exists() const { return value_.entry() != nullptr; }

  // Where a field is, or would be. Valid until the hash is next changed, as is the value.
  class Found {
   public:
    // Nothing when the field is not there.
    const std::optional<StringView>& value() const { return value_; }

   private:
    friend class HashEditor;
    ListpackPlace small_ = 0;
    uint32_t hash_ = 0;
    PackedTreeView::Place big_;
    std::optional<StringView> value_;
  };
  Found find(std::string_view field) const;
  // Sets the field that was looked for. `value` may not be of this hash.
  void set(const Found& found, std::string_view field, std::string_view value);
  // True when the field is new. A hash that is not there begins with it.
  bool set(std::string_view field, std::string_view value);
  // Sets fields, each followed by its value, and returns how many are new. REQUIRES: an even number.
  size_t set_all(std::span<const std::string_view> fields_and_values);
  // False when the field was not there. The hash goes with its last field.
  bool erase(std::string_view field);

 private:
  bool small() const { return value_.entry()->encoding() == Encoding::kListpack; }
  size_t begin(std::span<const std::string_view> fields_and_values);
  bool fits_small(std::string_view field, std::string_view value) const;
  void find_big(std::string_view field, Found& found) const;
  void set_small(const Found& found, std::string_view field, std::string_view value);
  void set_big(const Found& found, std::string_view field, std::string_view value);
  void make_big();

  ValueEditor value_;
};

// ---- elements of the tree ----

namespace internal {

struct FieldAndValue {
  std::string_view field, value;
};
FieldAndValue split_field(std::string_view element);
// Bytes of what stands before a field of this length, and those bytes; their end.
size_t field_head_bytes(size_t field_bytes);
char* put_field_head(char* out, size_t field_bytes);

}  // namespace internal

// ---- templates ----

template <typename Visit>
void HashView::for_each(Visit&& visit) const {
  if (small_) {
    StringView field{std::string_view()}, value{std::string_view()};
    for (ListpackPlace place = small_->begin(); place != small_->end();) {
      place = small_->read(small_->read(place, field), value);
      visit(static_cast<const StringView&>(field), static_cast<const StringView&>(value));
    }
    return;
  }
  tree().for_each(0, [&](KeyValue, std::string_view element) {
    const auto [field, value] = internal::split_field(element);
    visit(StringView(field), StringView(value));
    return true;
  });
}

template <typename Visit>
uint64_t HashView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (small_) {  // whole, whatever the cursor: it may be from a time when the hash was a big one
    for_each(visit);
    return 0;
  }
  return scan_by_hash(tree(), cursor, count, [&](std::string_view element) {
    const auto [field, value] = internal::split_field(element);
    visit(StringView(field), StringView(value));
  });
}

}  // namespace cowslip::store
