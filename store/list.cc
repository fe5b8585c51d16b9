#include "store/list.h"

#include <algorithm>
#include <cassert>

namespace cowslip::store {
namespace {

// Up to where a list is small, in bytes of its listpack and in elements.
struct Limit {
  size_t bytes;
  size_t elements;
};

// What list-max-listpack-size says. One of elements goes with one of bytes.
Limit limit_of(int64_t setting) {
  constexpr size_t kSmallest = 4096, kBesidesElements = 8192;
  if (setting >= 0) return {.bytes = kBesidesElements, .elements = static_cast<size_t>(std::max<int64_t>(setting, 1))};
  return {.bytes = kSmallest << (std::min<int64_t>(-setting, 5) - 1), .elements = SIZE_MAX};
}

// Below which a big list becomes small: half of it, so that a list at its limit does not go to and fro.
Limit limit_to_return(int64_t setting) {
  Limit limit = limit_of(setting);
  (setting >= 0 ? limit.elements : limit.bytes) /= 2;
  return limit;
}

size_t listpack_bytes(std::span<const std::string_view> elements) {
  size_t bytes = 0;
  for (const std::string_view element : elements) bytes += listpack_element_bytes(StringView(element));
  return bytes;
}

// Writes the elements so that the last one is outermost.
void put_elements(char* out, ListEnd end, std::span<const std::string_view> elements) {
  if (end == ListEnd::kTail) {
    for (const std::string_view element : elements) out = put_listpack_element(out, StringView(element));
  } else {
    for (size_t i = elements.size(); i-- > 0;) out = put_listpack_element(out, StringView(elements[i]));
  }
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
  if (!small_) return tree().at(index).value();
  const auto from_tail = static_cast<int64_t>(index) - static_cast<int64_t>(size());
  return small_->get(small_->at(index < size() / 2 ? static_cast<int64_t>(index) : from_tail));
}

ListpackPlace ListView::small_place(const Listpack& list, uint64_t index) {
  const uint64_t count = list.count();
  if (index == count) return list.end();
  return list.at(static_cast<int64_t>(index) - (index < count / 2 ? 0 : static_cast<int64_t>(count)));
}

// ---- which form ----

void ListEditor::expect(size_t elements, size_t bytes) {
  if (!small()) return;
  const Listpack now(entry()->blob());
  if (!list_fits_listpack(value_.limits(), now.bytes().size() + bytes, now.count() + elements)) make_big();
}

void ListEditor::make_big() {
  EntryFactory& factory = value_.factory();
  const Entry& small = *entry();
  Entry* big = factory.make_aggregate(value_.key(), ObjectType::kList, Encoding::kQuicklist, small.expire_at_ms());
  AggregateRoot root = big->aggregate();
  PackedTree tree(factory.nodes(), root.first, NodeKey::kNone, static_cast<uint32_t>(root.object));
  Listpack(small.blob()).for_each([&](StringView element) {
    StringView::Scratch scratch;
    const PackedElement packed(element.text(scratch));
    packed.copy(tree.insert(tree.end(), packed.size(), packed.integer()));
  });
  value_.exchange(factory.with_aggregate(big, root));
}

void ListEditor::shrink() {
  if (entry() == nullptr || small()) return;
  const Limit limit = limit_to_return(value_.limits().list_max_listpack_size);
  const AggregateRoot root = entry()->aggregate();
  if (root.elements() > limit.elements || root.node_bytes() > 2 * limit.bytes) return;
  size_t bytes = Listpack::kEmptyBytes;
  ListView(*entry()).for_each_from(0, ListEnd::kTail, [&](StringView element) {
    bytes += listpack_element_bytes(element);
    return bytes <= limit.bytes;
  });
  if (bytes <= limit.bytes) make_small();
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

void ListEditor::push(ListEnd end, std::span<const std::string_view> elements) {
  if (entry() == nullptr) return create(end, elements);
  size_t bytes = 0;
  for (const std::string_view element : elements) bytes += element.size();
  expect(elements.size(), bytes);
  small() ? push_small(end, elements) : push_big(end, elements);
}

void ListEditor::create(ListEnd end, std::span<const std::string_view> elements) {
  constexpr size_t kOnStack = 256;
  char stack[kOnStack];
  const size_t added = listpack_bytes(elements), length = Listpack::kEmptyBytes + added;
  ListpackBuilder empty;
  const auto make = [&](std::string_view blob) {
    value_.create(value_.factory().make_blob(value_.key(), ObjectType::kList, Encoding::kListpack, blob, kNoExpiry));
  };
  if (length > kOnStack || elements.size() > limit_of(value_.limits().list_max_listpack_size).elements) {
    make(empty.finish());
    return push(end, elements);
  }
  empty.finish().copy(stack, kOnStack);
  splice_listpack(stack, Listpack::kEmptyBytes,
                  {.offset = Listpack::kHeader, .inserted = added, .elements = static_cast<int64_t>(elements.size())});
  put_elements(stack + Listpack::kHeader, end, elements);
  make({stack, length});
}

void ListEditor::assign(std::span<const std::string_view> elements) {
  ListpackBuilder empty;
  value_.begin(
      value_.factory().make_blob(value_.key(), ObjectType::kList, Encoding::kListpack, empty.finish(), kNoExpiry));
  push(ListEnd::kTail, elements);
}

void ListEditor::push_small(ListEnd end, std::span<const std::string_view> elements) {
  const ListpackSplice splice{.offset = end == ListEnd::kHead ? Listpack::kHeader : Listpack(entry()->blob()).end(),
                              .removed = 0,
                              .inserted = listpack_bytes(elements),
                              .elements = static_cast<int64_t>(elements.size())};
  splice_blob(value_, splice);
  put_elements(EntryFactory::blob_of(*value_.entry()) + splice.offset, end, elements);
}

void ListEditor::push_big(ListEnd end, std::span<const std::string_view> elements) {
  change_tree(value_, [&](PackedTree& tree) {
    for (const std::string_view element : elements) {
      const PackedElement packed(element);
      const bool at_end = end == ListEnd::kTail || tree.size() == 0;
      packed.copy(tree.insert(at_end ? tree.end() : tree.at(0), packed.size(), packed.integer()));
    }
    return true;
  });
}

void ListEditor::insert(uint64_t index, std::string_view element) {
  assert(index <= size());
  if (index == 0) return push(ListEnd::kHead, element);
  if (index == size()) return push(ListEnd::kTail, element);
  expect(1, element.size());
  if (small()) {
    const Listpack now(entry()->blob());
    const StringView text(element);
    const ListpackSplice splice{.offset = ListView::small_place(now, index),
                                .removed = 0,
                                .inserted = listpack_element_bytes(text),
                                .elements = 1};
    splice_blob(value_, splice);
    put_listpack_element(EntryFactory::blob_of(*value_.entry()) + splice.offset, text);
    return;
  }
  change_tree(value_, [&](PackedTree& tree) {
    const PackedElement packed(element);
    packed.copy(tree.insert(tree.at(index), packed.size(), packed.integer()));
    return true;
  });
}

// Redis counts the new element as one more.
void ListEditor::set(uint64_t index, std::string_view element) {
  assert(index < size());
  expect(1, element.size());
  if (small()) {
    const Listpack now(entry()->blob());
    const StringView text(element);
    const ListpackPlace place = ListView::small_place(now, index);
    splice_blob(value_, {.offset = place,
                         .removed = now.element_bytes(place),
                         .inserted = listpack_element_bytes(text),
                         .elements = 0});
    put_listpack_element(EntryFactory::blob_of(*value_.entry()) + place, text);
    return;
  }
  change_tree(value_, [&](PackedTree& tree) {
    const PackedElement packed(element);
    packed.copy(tree.replace(tree.at(index), packed.size(), packed.integer()));
    return true;
  });
}

void ListEditor::erase(uint64_t index, uint64_t count) {
  assert(index + count <= size());
  if (count == 0) return;
  if (count == size()) return value_.erase();
  if (!small()) {
    change_tree(value_, [&](PackedTree& tree) {
      tree.erase(index, count);
      return true;
    });
    return;
  }
  const Listpack now(entry()->blob());
  const ListpackPlace first = ListView::small_place(now, index);
  ListpackPlace last = now.end();
  if (index + count < now.count()) {
    last = first;
    for (uint64_t i = 0; i < count; i++) last = now.next(last);
  }
  splice_blob(value_,
              {.offset = first, .removed = last - first, .inserted = 0, .elements = -static_cast<int64_t>(count)});
}

// From the last to the first, so that the indexes stay true; neighbours together.
void ListEditor::erase(std::span<const uint64_t> indexes) {
  while (!indexes.empty()) {
    size_t run = 1;
    while (run < indexes.size() && indexes[indexes.size() - run - 1] + run == indexes.back()) run++;
    erase(indexes[indexes.size() - run], run);
    indexes = indexes.first(indexes.size() - run);
  }
}

}  // namespace cowslip::store
