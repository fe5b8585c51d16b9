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

PackedTreeView::Place find_field(const PackedTreeView& tree, uint32_t hash, std::string_view field) {
  return find_by_hash(tree, hash, field, [](std::string_view element) { return internal::split_field(element).field; });
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
  const PackedTreeView fields = tree();
  const auto place = find_field(fields, name_hash(field, seed_), field);
  if (fields.is_end(place)) return {};
  return StringView(internal::split_field(place.bytes()).value);
}

std::pair<StringView, StringView> HashView::at(uint64_t rank) const {
  if (small_) {
    const ListpackPlace place = small_->at(static_cast<int64_t>(2 * rank));
    return {small_->get(place), small_->get(small_->next(place))};
  }
  const auto [field, value] = internal::split_field(tree().at(rank).bytes());
  return {StringView(field), StringView(value)};
}

// ---- changing ----

bool HashEditor::set(std::string_view field, std::string_view value) {
  const EncodingLimits& limits = value_.limits();
  const bool long_one = !within(std::max(field.size(), value.size()), limits.hash_max_listpack_value);
  if (value_.entry() == nullptr) {
    ListpackBuilder nothing;
    value_.create(
        value_.factory().make_blob(value_.key(), ObjectType::kHash, Encoding::kListpack, nothing.finish(), kNoExpiry));
  }
  if (value_.entry()->encoding() == Encoding::kListpack && long_one) make_big();
  if (value_.entry()->encoding() != Encoding::kListpack) return set_big(field, value);
  const bool created = set_small(field, value);
  if (!within(Listpack(value_.entry()->blob()).count() / 2, limits.hash_max_listpack_entries)) make_big();
  return created;
}

bool HashEditor::set_small(std::string_view field, std::string_view value) {
  const Listpack now(value_.entry()->blob());
  const StringView name(field), text(value);
  const ListpackPlace found = now.find(name, now.begin(), 2);
  const bool created = found == now.end();
  const size_t text_bytes = listpack_element_bytes(text);
  const size_t name_bytes = created ? listpack_element_bytes(name) : 0;
  const ListpackPlace at = created ? found : now.next(found);
  const ListpackSplice splice{.offset = at,
                              .removed = created ? 0 : now.element_bytes(at),
                              .inserted = name_bytes + text_bytes,
                              .elements = created ? 2 : 0};
  splice_blob(value_, splice);
  char* out = EntryFactory::blob_of(*value_.entry()) + at;
  if (created) out = put_listpack_element(out, name);
  put_listpack_element(out, text);
  return created;
}

bool HashEditor::set_big(std::string_view field, std::string_view value) {
  const uint32_t hash = name_hash(field, value_.seed());
  bool created = false;
  change_tree(value_, [&](PackedTree& tree) {
    const auto place = find_field(tree, hash, field);
    created = tree.is_end(place);
    const size_t bytes = element_bytes(field, value);
    put_element(created ? tree.insert(hash, {}, bytes) : tree.replace(place, bytes), field, value);
    return true;
  });
  return created;
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

bool HashEditor::erase(std::string_view field) {
  if (value_.entry() == nullptr) return false;
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const ListpackPlace place = now.find(StringView(field), now.begin(), 2);
    if (place == now.end()) return false;
    const ListpackPlace behind = now.next(now.next(place));
    if (now.count() == 2) {
      value_.erase();
    } else {
      splice_blob(value_, {.offset = place, .removed = behind - place, .elements = -2});
    }
    return true;
  }
  const uint32_t hash = name_hash(field, value_.seed());
  const bool erased = change_tree(value_, [&](PackedTree& tree) {
    const auto place = find_field(tree, hash, field);
    if (tree.is_end(place)) return false;
    tree.erase(place);
    return true;
  });
  if (value_.entry()->aggregate().elements() == 0) value_.erase();
  return erased;
}

}  // namespace cowslip::store
