#include "store/set.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/numbers.h"
#include "store/name_hash.h"
#include "store/packed_tree_append.h"

namespace cowslip::store {
namespace {

NamePlace find_member(const PackedTreeView& tree, uint32_t hash, std::string_view member) {
  return place_by_hash(tree, hash, member, [](std::string_view bytes) { return bytes; });
}

std::optional<int64_t> as_integer(const StringView& member) {
  return member.is_integer() ? member.integer() : parse_int64(member.bytes());
}

size_t digits(int64_t integer) {
  char text[kInt64Digits];
  return format_int64(integer, text);
}

std::string make_intset_of(std::span<const StringView> members) {
  std::vector<int64_t> integers;
  integers.reserve(members.size());
  for (const StringView& member : members) integers.push_back(*as_integer(member));
  std::ranges::sort(integers);
  std::string bytes;
  make_intset(bytes, integers);
  return bytes;
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

bool SetView::contains(const StringView& member) const {
  if (integers_) {
    const auto integer = as_integer(member);
    return integer && integers_->contains(*integer);
  }
  if (small_) return small_->find(member, small_->begin(), 1) != small_->end();
  StringView::Scratch scratch;
  const std::string_view name = member.text(scratch);
  return find_member(tree(), name_hash(name, seed_), name).found;
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
  if (parse_int64(member) && within(expected_, limits.set_max_intset_entries)) {
    value_.create(make_entry({}, Encoding::kIntset, kNoExpiry));
  } else if (within(expected_, limits.set_max_listpack_entries)) {
    value_.create(make_entry({}, Encoding::kListpack, kNoExpiry));
  } else {
    value_.create(make_entry({}, Encoding::kHashtable, kNoExpiry));
  }
}

void SetEditor::expect(size_t members) {
  expected_ = members;
  if (!exists()) return;
  const EncodingLimits& limits = value_.limits();
  if ((encoding() == Encoding::kIntset && !within(members, limits.set_max_intset_entries)) ||
      (encoding() == Encoding::kListpack && !within(members, limits.set_max_listpack_entries))) {
    make_big();
  }
}

void SetEditor::make_listpack() {
  ListpackBuilder members;
  view().for_each([&](StringView member) { members.append(member); });
  value_.exchange(value_.factory().make_blob(value_.key(), ObjectType::kSet, Encoding::kListpack, members.finish(),
                                             value_.entry()->expire_at_ms()));
}

void SetEditor::make_big() {
  std::vector<StringView> members;
  members.reserve(view().size());
  view().for_each([&](StringView member) { members.push_back(member); });
  value_.exchange(make_tree(members, value_.entry()->expire_at_ms()));
}

void SetForm::add(const StringView& member) {
  const auto integer = as_integer(member);
  const size_t length = member.is_integer() ? digits(*integer) : member.bytes().size();
  const bool fits = within(members_ + 1, limits_.set_max_listpack_entries) &&
                    within(std::max(length, longest_), limits_.set_max_listpack_value);
  members_++;
  longest_ = std::max(longest_, length);
  integers_ = integers_ && integer;
  if (encoding_ == Encoding::kIntset && integer) {
    if (!within(members_, limits_.set_max_intset_entries)) encoding_ = Encoding::kHashtable;
  } else if (encoding_ != Encoding::kHashtable) {
    encoding_ = fits ? Encoding::kListpack : Encoding::kHashtable;
  }
}

Encoding SetForm::least() const {
  if (integers_ && within(members_, limits_.set_max_intset_entries)) return Encoding::kIntset;
  const bool fits =
      within(members_, limits_.set_max_listpack_entries) && within(longest_, limits_.set_max_listpack_value);
  return fits ? Encoding::kListpack : Encoding::kHashtable;
}

// ---- whole sets ----

Entry* SetEditor::make_entry(std::span<const StringView> members, Encoding encoding, int64_t expire_at_ms) {
  if (encoding == Encoding::kHashtable) return make_tree(members, expire_at_ms);
  std::string_view blob;
  std::string intset;
  ListpackBuilder listpack;
  if (encoding == Encoding::kIntset) {
    intset = make_intset_of(members);
    blob = intset;
  } else {
    for (const StringView& member : members) listpack.append(member);
    blob = listpack.finish();
  }
  return value_.factory().make_blob(value_.key(), ObjectType::kSet, encoding, blob, expire_at_ms);
}

Entry* SetEditor::make_tree(std::span<const StringView> members, int64_t expire_at_ms) {
  std::vector<std::pair<uint32_t, const StringView*>> order;
  order.reserve(members.size());
  for (const StringView& member : members) {
    StringView::Scratch scratch;
    order.emplace_back(name_hash(member.text(scratch), value_.seed()), &member);
  }
  std::ranges::sort(order);
  EntryFactory& factory = value_.factory();
  Entry* big = factory.make_aggregate(value_.key(), ObjectType::kSet, Encoding::kHashtable, expire_at_ms);
  AggregateRoot root = big->aggregate();
  PackedTree tree(factory.nodes(), root.first, NodeKey::kHash, static_cast<uint32_t>(root.object));
  PackedTreeAppender end(tree);
  for (const auto& [hash, member] : order) {
    StringView::Scratch scratch;
    end.append(hash, member->text(scratch));
  }
  end.finish();
  return factory.with_aggregate(big, root);
}

void SetEditor::assign(std::span<const StringView> members, Encoding encoding) {
  value_.begin(make_entry(members, encoding, kNoExpiry));
}

void SetEditor::keep_only(std::span<const uint64_t> ranks) {
  SetForm form(value_.limits());
  std::vector<StringView> kept;
  kept.reserve(ranks.size());
  const SetView all = view();
  for (const uint64_t rank : ranks) {
    kept.push_back(all.at(rank));
    form.add(kept.back());
  }
  value_.exchange(make_entry(kept, form.encoding(), value_.entry()->expire_at_ms()));
}

// ---- adding ----

bool SetEditor::add(std::string_view member) {
  if (!exists()) begin(member);
  if (encoding() == Encoding::kIntset) {
    if (const auto integer = parse_int64(member)) return add_integer(*integer);
    intset_fits_listpack(member) ? make_listpack() : make_big();
  }
  return encoding() == Encoding::kListpack ? add_small(member) : add_big(member);
}

bool SetEditor::add_integer(int64_t member) {
  const Intset now(value_.entry()->blob());
  const size_t index = now.lower_bound(member), size = now.size();
  if (index < size && now.at(index) == member) return false;
  const size_t length = intset_length_with(value_.entry()->blob(), member);
  Entry* const entry = value_.factory().writable_blob(value_.entry(), length);
  value_.replace(entry);
  insert_into_intset(EntryFactory::blob_of(*entry), index, member);
  value_.factory().resize_blob(*entry, length, 0);
  if (!within(size + 1, value_.limits().set_max_intset_entries)) make_big();
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
  return change_tree(value_, [&](PackedTree& tree) {
    const NamePlace found = find_member(tree, hash, member);
    if (found.found) return false;
    member.copy(tree.insert(found.place, hash, member.size()), member.size());
    return true;
  });
}

// ---- erasing ----

bool SetEditor::erase(std::string_view member) {
  if (!exists()) return false;
  if (encoding() == Encoding::kIntset) {
    const Intset now(value_.entry()->blob());
    const auto integer = parse_int64(member);
    if (!integer || !now.contains(*integer)) return false;
    erase_integer(now.lower_bound(*integer));
    return true;
  }
  if (encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const ListpackPlace place = now.find(StringView(member), now.begin(), 1);
    if (place == now.end()) return false;
    erase_small(place);
    return true;
  }
  const AggregateRoot root = value_.entry()->aggregate();
  const NamePlace found =
      find_member(PackedTreeView(root.first, NodeKey::kHash), name_hash(member, value_.seed()), member);
  if (found.found) erase_big(found.place);
  return found.found;
}

void SetEditor::erase_at(uint64_t rank) {
  if (encoding() == Encoding::kIntset) return erase_integer(rank);
  if (encoding() == Encoding::kListpack) {
    return erase_small(Listpack(value_.entry()->blob()).at(static_cast<int64_t>(rank)));
  }
  const AggregateRoot root = value_.entry()->aggregate();
  erase_big(PackedTreeView(root.first, NodeKey::kHash).at(rank));
}

void SetEditor::erase_small(ListpackPlace place) {
  const Listpack now(value_.entry()->blob());
  if (now.count() == 1) return value_.erase();
  splice_blob(value_, {.offset = place, .removed = now.element_bytes(place), .inserted = 0, .elements = -1});
}

void SetEditor::erase_big(const PackedTreeView::Place& place) {
  change_tree(value_, [&](PackedTree& tree) {
    tree.erase(place);
    return true;
  });
  if (value_.entry()->aggregate().elements() == 0) value_.erase();
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
