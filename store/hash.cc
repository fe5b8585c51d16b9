#include "store/hash.h"

#include <algorithm>

#include "store/name_hash.h"

namespace cowslip::store {
namespace {

size_t element_bytes(std::string_view field, std::string_view value) {
  return internal::field_head_bytes(field.size()) + field.size() + value.size();
}

void put_element(char* out, std::string_view field, std::string_view value) {
  out = internal::put_field_head(out, field.size());
  field.copy(out, field.size());
  value.copy(out + field.size(), value.size());
}

NamePlace find_field(const PackedTreeView& tree, uint32_t hash, std::string_view field) {
  return place_by_hash(tree, hash, field,
                       [](std::string_view element) { return internal::split_field(element).field; });
}

}  // namespace

size_t internal::field_head_bytes(size_t field_bytes) {
  size_t bytes = 1;
  while (field_bytes >>= 7) bytes++;
  return bytes;
}

char* internal::put_field_head(char* out, size_t field_bytes) {
  for (; field_bytes >= 0x80; field_bytes >>= 7) *out++ = static_cast<char>(field_bytes | 0x80);
  *out++ = static_cast<char>(field_bytes);
  return out;
}

internal::FieldAndValue internal::split_field(std::string_view element) {
  size_t length = 0;
  unsigned shift = 0;
  const char* at = element.data();
  for (;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*at++);
    length |= size_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) break;
  }
  const size_t head = static_cast<size_t>(at - element.data());
  return {element.substr(head, length), element.substr(head + length)};
}

// ---- reading ----

HashView::HashView(const Entry& entry, uint64_t seed) : seed_(seed) {
  if (entry.encoding() == Encoding::kListpack) {
    small_.emplace(entry.blob());
  } else {
    root_ = entry.aggregate();
  }
}

std::optional<StringView> HashView::get(std::string_view field) const {
  if (small_) {
    const ListpackPlace place = small_->find(StringView(field), small_->begin(), 2);
    if (place == small_->end()) return {};
    return small_->get(small_->next(place));
  }
  const NamePlace found = find_field(tree(), name_hash(field, seed_), field);
  if (!found.found) return {};
  return StringView(internal::split_field(found.place.bytes()).value);
}

std::pair<StringView, StringView> HashView::at(uint64_t rank) const {
  if (small_) {
    const ListpackPlace place = small_->at(static_cast<int64_t>(2 * rank));
    return {small_->get(place), small_->get(small_->next(place))};
  }
  const auto [field, value] = internal::split_field(tree().at(rank).bytes());
  return {StringView(field), StringView(value)};
}

// ---- finding, to change ----

void HashEditor::find_big(std::string_view field, Found& found) const {
  const AggregateRoot root = value_.entry()->aggregate();
  found.hash_ = name_hash(field, value_.seed());
  const NamePlace at = find_field(PackedTreeView(root.first, NodeKey::kHash), found.hash_, field);
  found.big_ = at.place;
  if (at.found) found.value_.emplace(internal::split_field(at.place.bytes()).value);
}

HashEditor::Found HashEditor::find(std::string_view field) const {
  Found found;
  if (!exists()) return found;
  if (!small()) {
    find_big(field, found);
    return found;
  }
  const Listpack now(value_.entry()->blob());
  found.small_ = now.find(StringView(field), now.begin(), 2);
  if (found.small_ != now.end()) found.value_ = now.get(now.next(found.small_));
  return found;
}

// ---- setting ----

bool HashEditor::fits_small(std::string_view field, std::string_view value) const {
  return within(std::max(field.size(), value.size()), value_.limits().hash_max_listpack_value);
}

void HashEditor::set(const Found& found, std::string_view field, std::string_view value) {
  if (!exists()) {
    const std::string_view pair[] = {field, value};
    set_all(pair);
  } else if (!small()) {
    set_big(found, field, value);
  } else if (fits_small(field, value)) {
    set_small(found, field, value);
  } else {
    make_big();
    set_big(find(field), field, value);
  }
}

bool HashEditor::set(std::string_view field, std::string_view value) {
  const Found found = find(field);
  set(found, field, value);
  return !found.value();
}

// A new hash with those that come first, as a listpack that is made as a whole: as many as fit, up to the first field
// that is there already. How many that are.
size_t HashEditor::begin(std::span<const std::string_view> fields_and_values) {
  const uint64_t most = 2 * static_cast<uint64_t>(value_.limits().hash_max_listpack_entries);
  ListpackBuilder builder;
  size_t done = 0;
  for (; done < fields_and_values.size() && done < most; done += 2) {
    const std::string_view field = fields_and_values[done], value = fields_and_values[done + 1];
    if (!fits_small(field, value)) break;
    const Listpack now(builder.finish());
    if (now.find(StringView(field), now.begin(), 2) != now.end()) break;
    builder.append(StringView(field));
    builder.append(StringView(value));
  }
  value_.create(
      value_.factory().make_blob(value_.key(), ObjectType::kHash, Encoding::kListpack, builder.finish(), kNoExpiry));
  return done;
}

size_t HashEditor::set_all(std::span<const std::string_view> fields_and_values) {
  size_t done = 0, created = 0;
  if (!exists()) {
    done = begin(fields_and_values);
    created = done / 2;
  }
  // So many that the hash would become a big one on the way.
  if (small() && !within(fields_and_values.size() / 2, value_.limits().hash_max_listpack_entries)) make_big();
  for (; done < fields_and_values.size(); done += 2)
    created += set(fields_and_values[done], fields_and_values[done + 1]);
  return created;
}

void HashEditor::set_small(const Found& found, std::string_view field, std::string_view value) {
  const Listpack now(value_.entry()->blob());
  const StringView name(field), text(value);
  const bool created = !found.value();
  const size_t text_bytes = listpack_element_bytes(text);
  const size_t name_bytes = created ? listpack_element_bytes(name) : 0;
  const ListpackPlace at = created ? found.small_ : now.next(found.small_);
  const ListpackSplice splice{.offset = at,
                              .removed = created ? 0 : now.element_bytes(at),
                              .inserted = name_bytes + text_bytes,
                              .elements = created ? 2 : 0};
  splice_blob(value_, splice);
  char* out = EntryFactory::blob_of(*value_.entry()) + at;
  if (created) out = put_listpack_element(out, name);
  put_listpack_element(out, text);
  const size_t count = Listpack(value_.entry()->blob()).count() / 2;
  if (created && !within(count, value_.limits().hash_max_listpack_entries)) make_big();
}

void HashEditor::set_big(const Found& found, std::string_view field, std::string_view value) {
  change_tree(value_, [&](PackedTree& tree) {
    const size_t bytes = element_bytes(field, value);
    put_element(found.value() ? tree.replace(found.big_, bytes) : tree.insert(found.big_, found.hash_, bytes), field,
                value);
    return true;
  });
}

void HashEditor::make_big() {
  EntryFactory& factory = value_.factory();
  const Entry& small = *value_.entry();
  Entry* big = factory.make_aggregate(value_.key(), ObjectType::kHash, Encoding::kHashtable, small.expire_at_ms());
  AggregateRoot root = big->aggregate();
  PackedTree tree(factory.nodes(), root.first, NodeKey::kHash, static_cast<uint32_t>(root.object));
  HashView(small).for_each([&](StringView field, StringView value) {
    StringView::Scratch field_text, value_text;
    const std::string_view name = field.text(field_text), text = value.text(value_text);
    put_element(tree.insert(name_hash(name, value_.seed()), {}, element_bytes(name, text)), name, text);
  });
  value_.exchange(factory.with_aggregate(big, root));
}

// ---- erasing ----

bool HashEditor::erase(std::string_view field) {
  const Found found = find(field);
  if (!found.value()) return false;
  if (small()) {
    const Listpack now(value_.entry()->blob());
    const ListpackPlace behind = now.next(now.next(found.small_));
    const bool only_one = found.small_ == now.begin() && behind == now.end();
    if (only_one) {
      value_.erase();
    } else {
      splice_blob(value_, {.offset = found.small_, .removed = behind - found.small_, .elements = -2});
    }
    return true;
  }
  change_tree(value_, [&](PackedTree& tree) {
    tree.erase(found.big_);
    return true;
  });
  if (value_.entry()->aggregate().elements() == 0) value_.erase();
  return true;
}

}  // namespace cowslip::store
