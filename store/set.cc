#include "store/set.h"

#include <algorithm>

#include "base/numbers.h"
#include "store/name_hash.h"

namespace cowslip::store {
namespace {

PackedTreeView::Place find_member(const PackedTreeView& tree, uint32_t hash, std::string_view member) {
  return find_by_hash(tree, hash, member, [](std::string_view bytes) { return bytes; });
}

size_t digits(int64_t integer) {
  char text[kInt64Digits];
  return format_int64(integer, text);
}

}  // namespace

// ---- reading ----

SetView::SetView(const Entry& entry, uint64_t seed) : seed_(seed) {
  if (entry.encoding() == Encoding::kIntset) {
    integers_.emplace(entry.blob());
  } else if (entry.encoding() == Encoding::kListpack) {
    small_.emplace(entry.blob());
  } else {
    root_ = entry.aggregate();
  }
}

uint64_t SetView::size() const {
  return integers_ ? integers_->size() : small_ ? small_->count() : root_.elements();
}

bool SetView::contains(std::string_view member) const {
  if (integers_) {
    const auto integer = parse_int64(member);
    return integer && integers_->contains(*integer);
  }
  if (small_) return small_->find(StringView(member), small_->begin(), 1) != small_->end();
  const PackedTreeView members = tree();
  return !members.is_end(find_member(members, name_hash(member, seed_), member));
}

StringView SetView::at(uint64_t rank) const {
  if (integers_) return StringView(integers_->at(rank));
  if (small_) return small_->get(small_->at(static_cast<int64_t>(rank)));
  return StringView(tree().at(rank).bytes());
}

// ---- which form ----

bool SetEditor::fits_listpack(uint64_t members, std::string_view longest) const {
  const EncodingLimits& limits = value_.limits();
  return within(members, limits.set_max_listpack_entries) && within(longest.size(), limits.set_max_listpack_value);
}

// Whether the set of integers can take in another kind of member as a listpack.
bool SetEditor::intset_fits_listpack(std::string_view member) const {
  const Intset integers(value_.entry()->blob());
  const size_t count = integers.size();
  const size_t longest = count == 0 ? 0 : std::max(digits(integers.at(0)), digits(integers.at(count - 1)));
  return fits_listpack(count + 1, member) && within(longest, value_.limits().set_max_listpack_value);
}

void SetEditor::begin(std::string_view member) {
  const EncodingLimits& limits = value_.limits();
  EntryFactory& factory = value_.factory();
  if (parse_int64(member) && within(expected_, limits.set_max_intset_entries)) {
    char empty[Intset::kHeader];
    make_intset(empty);
    value_.create(factory.make_blob(value_.key(), ObjectType::kSet, Encoding::kIntset,
                                    std::string_view(empty, sizeof empty), kNoExpiry));
  } else if (within(expected_, limits.set_max_listpack_entries)) {
    ListpackBuilder nothing;
    value_.create(factory.make_blob(value_.key(), ObjectType::kSet, Encoding::kListpack, nothing.finish(), kNoExpiry));
  } else {
    value_.create(factory.make_aggregate(value_.key(), ObjectType::kSet, Encoding::kHashtable, kNoExpiry));
  }
}

void SetEditor::make_listpack() {
  ListpackBuilder members;
  SetView(*value_.entry()).for_each([&](StringView member) { members.append(member); });
  value_.exchange(value_.factory().make_blob(value_.key(), ObjectType::kSet, Encoding::kListpack, members.finish(),
                                             value_.entry()->expire_at_ms()));
}

void SetEditor::make_big() {
  EntryFactory& factory = value_.factory();
  const Entry& small = *value_.entry();
  Entry* big = factory.make_aggregate(value_.key(), ObjectType::kSet, Encoding::kHashtable, small.expire_at_ms());
  AggregateRoot root = big->aggregate();
  PackedTree tree(factory.nodes(), root.first, NodeKey::kHash, static_cast<uint32_t>(root.object));
  SetView(small).for_each([&](StringView member) {
    StringView::Scratch scratch;
    const std::string_view name = member.text(scratch);
    name.copy(tree.insert(name_hash(name, value_.seed()), {}, name.size()), name.size());
  });
  value_.exchange(factory.with_aggregate(big, root));
}

// ---- adding ----

bool SetEditor::add(std::string_view member) {
  if (value_.entry() == nullptr) begin(member);
  if (value_.entry()->encoding() == Encoding::kIntset) {
    if (const auto integer = parse_int64(member)) return add_integer(*integer);
    intset_fits_listpack(member) ? make_listpack() : make_big();
  }
  return value_.entry()->encoding() == Encoding::kListpack ? add_small(member) : add_big(member);
}

bool SetEditor::add_integer(int64_t member) {
  const Intset now(value_.entry()->blob());
  if (now.contains(member)) return false;
  const size_t length = intset_length_with(value_.entry()->blob(), member);
  Entry* const entry = value_.factory().writable_blob(value_.entry(), length);
  value_.replace(entry);
  insert_into_intset(EntryFactory::blob_of(*entry), member);
  value_.factory().resize_blob(*entry, length, 0);
  if (!within(Intset(entry->blob()).size(), value_.limits().set_max_intset_entries)) make_big();
  return true;
}

bool SetEditor::add_small(std::string_view member) {
  const Listpack now(value_.entry()->blob());
  const StringView element(member);
  if (now.find(element, now.begin(), 1) != now.end()) return false;
  if (!fits_listpack(now.count() + 1, member)) {
    make_big();
    return add_big(member);
  }
  const ListpackSplice splice{
      .offset = now.end(), .removed = 0, .inserted = listpack_element_bytes(element), .elements = 1};
  splice_blob(value_, splice);
  put_listpack_element(EntryFactory::blob_of(*value_.entry()) + splice.offset, element);
  return true;
}

bool SetEditor::add_big(std::string_view member) {
  const uint32_t hash = name_hash(member, value_.seed());
  bool added = false;
  change_tree(value_, [&](PackedTree& tree) {
    added = tree.is_end(find_member(tree, hash, member));
    if (added) member.copy(tree.insert(hash, {}, member.size()), member.size());
    return added;
  });
  return added;
}

// ---- erasing ----

bool SetEditor::erase(std::string_view member) {
  if (value_.entry() == nullptr) return false;
  if (value_.entry()->encoding() == Encoding::kIntset) {
    const Intset now(value_.entry()->blob());
    const auto integer = parse_int64(member);
    if (!integer || !now.contains(*integer)) return false;
    erase_integer(now.lower_bound(*integer));
    return true;
  }
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const ListpackPlace place = now.find(StringView(member), now.begin(), 1);
    if (place == now.end()) return false;
    if (now.count() == 1) {
      value_.erase();
    } else {
      splice_blob(value_, {.offset = place, .removed = now.element_bytes(place), .inserted = 0, .elements = -1});
    }
    return true;
  }
  const uint32_t hash = name_hash(member, value_.seed());
  const bool erased = change_tree(value_, [&](PackedTree& tree) {
    const auto place = find_member(tree, hash, member);
    if (tree.is_end(place)) return false;
    tree.erase(place);
    return true;
  });
  if (value_.entry()->aggregate().elements() == 0) value_.erase();
  return erased;
}

void SetEditor::erase_integer(size_t index) {
  const size_t before = value_.entry()->blob().size();
  const Intset now(value_.entry()->blob());
  if (now.size() == 1) return value_.erase();
  const size_t length = intset_length(now.size() - 1, now.width());
  Entry* const entry = value_.factory().writable_blob(value_.entry(), before);
  value_.replace(entry);
  erase_from_intset(EntryFactory::blob_of(*entry), index);
  value_.factory().resize_blob(*entry, length, 0);
}

}  // namespace cowslip::store
