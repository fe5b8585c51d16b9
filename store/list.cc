#include "store/list.h"

#include <algorithm>
#include <cassert>

namespace cowslip::store {
namespace {

// list-max-listpack-size in bytes and elements. A limit of elements has one of bytes as well.
struct Limit {
  size_t bytes = 8192;
  size_t elements = SIZE_MAX;
};

Limit limit_of(int64_t setting) {
  constexpr size_t kSmallest = 4096;
  if (setting >= 0) return {.elements = static_cast<size_t>(setting)};
  return {.bytes = kSmallest << (std::min<int64_t>(-setting, 5) - 1)};
}

}  // namespace

bool list_fits_listpack(const EncodingLimits& limits, size_t bytes, size_t elements) {
  const Limit limit = limit_of(limits.list_max_listpack_size);
  return bytes <= limit.bytes && elements <= limit.elements;
}

ListView::ListView(const Entry& entry) {
  if (entry.encoding() == Encoding::kListpack) {
    small_.emplace(entry.blob());
  } else {
    root_ = entry.aggregate();
  }
}

StringView ListView::at(uint64_t index) const {
  if (!small_) return StringView(tree().at(index).bytes());
  const auto from_tail = static_cast<int64_t>(index) - static_cast<int64_t>(size());
  return small_->get(small_->at(index < size() / 2 ? static_cast<int64_t>(index) : from_tail));
}

// ---- which form ----

uint64_t ListEditor::size() const {
  return value_.entry() == nullptr ? 0 : ListView(*value_.entry()).size();
}

bool ListEditor::exceeds(size_t bytes, size_t elements) const {
  return !list_fits_listpack(value_.limits(), bytes, elements);
}

void ListEditor::begin() {
  ListpackBuilder nothing;
  value_.create(
      value_.factory().make_blob(value_.key(), ObjectType::kList, Encoding::kListpack, nothing.finish(), kNoExpiry));
}

void ListEditor::expect(size_t elements, size_t bytes) {
  if (value_.entry() == nullptr) begin();
  settled_ = true;
  if (value_.entry()->encoding() != Encoding::kListpack) return;
  const Listpack now(value_.entry()->blob());
  if (exceeds(now.bytes().size() + bytes, now.count() + elements)) make_big();
}

void ListEditor::make_big() {
  EntryFactory& factory = value_.factory();
  const Entry& small = *value_.entry();
  Entry* big = factory.make_aggregate(value_.key(), ObjectType::kList, Encoding::kQuicklist, small.expire_at_ms());
  AggregateRoot root = big->aggregate();
  PackedTree tree(factory.nodes(), root.first, NodeKey::kNone, static_cast<uint32_t>(root.object));
  Listpack(small.blob()).for_each([&](StringView element) {
    StringView::Scratch scratch;
    const std::string_view text = element.text(scratch);
    text.copy(tree.insert(tree.end(), text.size()), text.size());
  });
  value_.exchange(factory.with_aggregate(big, root));
}

// At half the limit, so that a list at its limit does not go to and fro.
void ListEditor::shrink() {
  if (value_.entry() == nullptr || value_.entry()->encoding() == Encoding::kListpack) return;
  const Limit limit = limit_of(value_.limits().list_max_listpack_size);
  const AggregateRoot root = value_.entry()->aggregate();
  if (root.elements() > limit.elements / 2 || root.node_bytes() > 2 * limit.bytes) return;
  size_t bytes = Listpack::kEmptyBytes;
  ListView(*value_.entry()).for_each_from(0, ListEnd::kTail, [&](StringView element) {
    bytes += listpack_element_bytes(element);
    return bytes <= limit.bytes / 2;
  });
  if (bytes <= limit.bytes / 2) make_small();
}

void ListEditor::make_small() {
  ListpackBuilder elements;
  ListView(*value_.entry()).for_each_from(0, ListEnd::kTail, [&](StringView element) {
    elements.append(element);
    return true;
  });
  value_.exchange(value_.factory().make_blob(value_.key(), ObjectType::kList, Encoding::kListpack, elements.finish(),
                                             value_.entry()->expire_at_ms()));
}

// ---- changing ----

void ListEditor::insert(uint64_t index, std::string_view element) {
  assert(index <= size());
  if (!settled_) {
    expect(1, element.size());
    settled_ = false;
  }
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const StringView text(element);
    const ListpackSplice splice{.offset = index == now.count() ? now.end() : now.at(static_cast<int64_t>(index)),
                                .removed = 0,
                                .inserted = listpack_element_bytes(text),
                                .elements = 1};
    splice_blob(value_, splice);
    put_listpack_element(EntryFactory::blob_of(*value_.entry()) + splice.offset, text);
    return;
  }
  change_tree(value_, [&](PackedTree& tree) {
    const auto place = index == tree.size() ? tree.end() : tree.at(index);
    element.copy(tree.insert(place, element.size()), element.size());
    return true;
  });
}

void ListEditor::set(uint64_t index, std::string_view element) {
  assert(index < size());
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack before(value_.entry()->blob());
    if (exceeds(before.bytes().size() + element.size(), before.count())) make_big();
  }
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const StringView text(element);
    const ListpackPlace place = now.at(static_cast<int64_t>(index));
    splice_blob(value_, {.offset = place,
                         .removed = now.element_bytes(place),
                         .inserted = listpack_element_bytes(text),
                         .elements = 0});
    put_listpack_element(EntryFactory::blob_of(*value_.entry()) + place, text);
    return;
  }
  change_tree(value_, [&](PackedTree& tree) {
    element.copy(tree.replace(tree.at(index), element.size()), element.size());
    return true;
  });
}

void ListEditor::erase(uint64_t index, uint64_t count) {
  assert(index + count <= size());
  if (count == 0) return;
  if (count == size()) return value_.erase();
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const ListpackPlace first = now.at(static_cast<int64_t>(index));
    ListpackPlace last = first;
    for (uint64_t i = 0; i < count; i++) last = now.next(last);
    splice_blob(value_,
                {.offset = first, .removed = last - first, .inserted = 0, .elements = -static_cast<int64_t>(count)});
    return;
  }
  change_tree(value_, [&](PackedTree& tree) {
    for (uint64_t i = 0; i < count; i++) tree.erase(tree.at(index));
    return true;
  });
}

}  // namespace cowslip::store
