#include "store/packed_tree.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace cowslip::store {
namespace {

// Whether (a, a_bytes) comes before (b, b_bytes).
bool less(KeyValue a, std::string_view a_bytes, KeyValue b, std::string_view b_bytes) {
  return a != b ? a < b : a_bytes < b_bytes;
}

// A search reads several lines of a node, one after the other; they come together if all are asked for at once.
void prefetch(const PackedNode* node) {
  constexpr size_t kLine = 64, kLines = 12;
  for (size_t line = 0; line < kLines; line++) {
    __builtin_prefetch(reinterpret_cast<const char*>(node) + line * kLine);
  }
}

}  // namespace

// ---- finding ----

// The last child whose elements may be as small as (key, bytes): the first one has no lower end.
size_t PackedTreeView::child_for(const PackedNode& node, KeyValue key, std::string_view bytes) const {
  size_t low = 1, high = node.count();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const bool above =
        key_ == NodeKey::kHash ? key < node.key(middle) : less(key, bytes, node.key(middle), node.bytes(middle));
    if (above) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low - 1;
}

size_t PackedTreeView::leaf_lower_bound(const PackedNode& node, KeyValue key, std::string_view bytes) const {
  size_t low = 0, high = node.count();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    const bool before =
        key_ == NodeKey::kHash ? node.key(middle) < key : less(node.key(middle), node.bytes(middle), key, bytes);
    if (before) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void PackedTreeView::descend(Place& place, PackedNode* node, bool to_last) const {
  for (;; node = node->child(place.leaf().index)) {
    place.steps_[place.depth_++] = {node, to_last && node->count() > 0 ? node->count() - 1 : 0};
    if (node->leaf()) return;
  }
}

PackedTreeView::Place PackedTreeView::insertion_place(KeyValue key, std::string_view bytes) const {
  Place place;
  if (view_.node == nullptr) return place;
  for (PackedNode* node = view_.node;; prefetch(node)) {
    const size_t index = node->leaf() ? leaf_lower_bound(*node, key, bytes) : child_for(*node, key, bytes);
    place.steps_[place.depth_++] = {node, index};
    if (node->leaf()) return place;
    node = node->child(index);
  }
}

PackedTreeView::Place PackedTreeView::lower_bound(KeyValue key, std::string_view bytes) const {
  Place place = insertion_place(key, bytes);
  if (place.depth_ > 0 && is_end(place)) {
    place.leaf().index--;  // a leaf is never empty
    next(place);
  }
  return place;
}

PackedTreeView::Place PackedTreeView::at(uint64_t rank) const {
  assert(rank < size());
  Place place;
  PackedNode* node = view_.node;
  for (uint64_t elements = size(); !node->leaf();) {
    const size_t index = node->child_with(rank, elements);
    elements = node->below(index);
    place.steps_[place.depth_++] = {node, index};
    node = node->child(index);
  }
  place.steps_[place.depth_++] = {node, static_cast<size_t>(rank)};
  return place;
}

PackedTreeView::Place PackedTreeView::end() const {
  Place place;
  if (view_.node == nullptr) return place;
  descend(place, view_.node, true);
  place.leaf().index++;
  return place;
}

uint64_t PackedTreeView::rank(const Place& place) const {
  uint64_t before = 0;
  for (size_t step = 0; step < place.depth_; step++) {
    const auto& [node, index] = place.steps_[step];
    if (node->leaf()) return before + index;
    for (size_t i = 0; i < index; i++) before += node->below(i);
  }
  return before;
}

void PackedTreeView::next(Place& place) const {
  if (++place.leaf().index < place.leaf().node->count()) return;
  size_t up = place.depth_ - 1;
  while (up > 0 && place.steps_[up - 1].index + 1 == place.steps_[up - 1].node->count()) up--;
  if (up == 0) return;  // the end
  place.depth_ = up;
  Step& above = place.leaf();
  descend(place, above.node->child(++above.index), false);
}

void PackedTreeView::previous(Place& place) const {
  if (place.leaf().index > 0) {
    place.leaf().index--;
    return;
  }
  size_t up = place.depth_ - 1;
  while (place.steps_[up - 1].index == 0) up--;
  place.depth_ = up;
  Step& above = place.leaf();
  descend(place, above.node->child(--above.index), true);
}

// ---- nodes ----

PackedNode* PackedTree::make_node(unsigned level, size_t bytes) {
  void* const block = space_.allocate(bytes);
  root_.node_bytes += space_.capacity(block);
  return PackedNode::make(block, object_, key_, level);
}

void PackedTree::release(PackedNode* node) {
  root_.node_bytes -= space_.capacity(node);
  space_.release(node);
}

void PackedTree::release_below(PackedNode* node) {
  for (size_t i = 0; i < node->count(); i++) {
    release_outside(*node, i);
    if (!node->leaf()) release_below(node->child(i));
  }
  release(node);
}

void PackedTree::clear() {
  if (root_.node != nullptr) release_below(root_.node);
  root_ = {};
}

void PackedTree::replace_child(Place& place, size_t step, PackedNode* node) {
  place.steps_[step].node = node;
  if (step == 0) {
    root_.node = node;
    return;
  }
  const Step& parent = place.steps_[step - 1];
  parent.node->set_child(parent.index, node);
  space_.wrote(*parent.node);
}

PackedNode* PackedTree::move(Place& place, size_t step, size_t bytes) {
  PackedNode* const old = place.steps_[step].node;
  void* const block = space_.allocate(bytes);
  root_.node_bytes += space_.capacity(block);
  std::memcpy(block, old, old->used());
  replace_child(place, step, PackedNode::at(block));
  release(old);
  return PackedNode::at(block);
}

PackedNode* PackedTree::writable(Place& place, size_t step, size_t used) {
  PackedNode* const node = place.steps_[step].node;
  if (!space_.frozen(node) && used <= space_.capacity(node)) return node;
  return move(place, step, size_to_grow_to(place, step, std::max(used, node->used())));
}

// A list grows at its ends: there is room ahead for some of what will come, as far as a leaf may grow.
size_t PackedTree::size_to_grow_to(const Place& place, size_t step, size_t used) const {
  const auto& [node, index] = place.steps_[step];
  const bool at_end = node->leaf() && (index == 0 || index == node->count());
  if (key_ != NodeKey::kNone || !at_end || used <= node->used()) return used;
  return std::max(used, std::min(used + used / 4, limits_.leaf_bytes));
}

void PackedTree::make_parents_writable(Place& place) {
  for (size_t step = 0; step + 1 < place.depth_; step++) writable(place, step, place.steps_[step].node->used());
}

void PackedTree::count_element(Place& place, int64_t elements) {
  for (size_t step = 0; step + 1 < place.depth_; step++) {
    const auto& [node, index] = place.steps_[step];
    node->set_below(index, static_cast<uint32_t>(node->below(index) + elements));
    space_.wrote(*node);
  }
  root_.elements += static_cast<uint64_t>(elements);
}

void PackedTree::fit(Place& place, size_t step) {
  const PackedNode& node = *place.steps_[step].node;
  // What comes and goes at the end of a list shall not move its leaf each time.
  const size_t spare = key_ == NodeKey::kNone && node.leaf() ? node.used() : node.used() / 4;
  if (space_.capacity(&node) > node.used() + spare + 64) move(place, step, node.used());
}

// ---- long bytes ----

char* PackedTree::make_outside(size_t bytes) {
  auto* const block = static_cast<char*>(space_.allocate_pages(bytes));
  root_.node_bytes += space_.capacity(block);
  space_.set_object(block, object_);
  space_.wrote(block, bytes);
  return block;
}

void PackedTree::release_outside(const PackedNode& node, size_t index) {
  if (!node.outside(index)) return;
  char* const block = const_cast<char*>(node.bytes(index).data());
  root_.node_bytes -= space_.capacity(block);
  space_.release(block);
}

char* PackedTree::place_bytes(PackedNode& node, size_t index, char* here, size_t bytes) {
  if (node.bytes_here(index).size() == bytes) return here;
  char* const block = make_outside(bytes);
  node.set_outside(index, block, bytes);
  return block;
}

// ---- changing ----

char* PackedTree::insert_at(Place& place, NewElement element) {
  const size_t bytes = element.bytes;
  element.bytes = bytes_inside(bytes);
  if (root_.node == nullptr) {
    root_.node = make_node(0, PackedNode::kHeader + key_bytes(key_) + sizeof(uint16_t) + element.bytes);
    descend(place, root_.node, false);
  }
  make_parents_writable(place);
  const PackedNode& full = *place.leaf().node;
  if (full.used() + full.element_size(element.bytes) > limits_.leaf_bytes && full.count() > 0)
    make_room(place, element);
  const size_t step = place.depth_ - 1, index = place.leaf().index;
  const PackedNode& before = *place.leaf().node;
  // Many that must not be parted.
  if (before.used() + before.element_size(element.bytes) > PackedNode::kLargest) {
    element.bytes = PackedNode::kOutsideBytes;
  }
  PackedNode* const leaf = writable(place, step, before.used() + before.element_size(element.bytes));
  char* const here = leaf->insert(index, element.key, element.bytes, element.integer);
  char* const at = element.bytes == bytes ? here : place_bytes(*leaf, index, here, bytes);
  space_.wrote(*leaf);
  count_element(place, 1);
  return at;
}

char* PackedTree::insert(Place place, size_t bytes, bool integer) {
  assert(key_ == NodeKey::kNone);
  return insert_at(place, {.bytes = bytes, .integer = integer});
}

char* PackedTree::insert(KeyValue key, std::string_view name, size_t bytes) {
  assert(key_ != NodeKey::kNone);
  Place place = insertion_place(key, name);
  return insert_at(place, {.key = key, .name = name, .bytes = bytes});
}

char* PackedTree::insert(Place place, KeyValue hash, size_t bytes) {
  assert(key_ == NodeKey::kHash);
  return insert_at(place, {.key = hash, .bytes = bytes});
}

// As many bytes as before, in a leaf that may be written: nothing moves.
char* PackedTree::replace_in_place(const Place& place, size_t bytes, bool integer) {
  const auto& [leaf, index] = place.leaf();
  if (leaf->outside(index) || bytes > kLongestInside || space_.frozen(leaf)) return nullptr;
  const std::string_view here = leaf->bytes_here(index);
  if (here.size() != bytes || (key_ == NodeKey::kNone && leaf->integer(index) != integer)) return nullptr;
  space_.wrote(here.data(), bytes);
  return const_cast<char*>(here.data());
}

char* PackedTree::replace(Place place, size_t bytes, bool integer) {
  if (char* const here = replace_in_place(place, bytes, integer)) return here;
  make_parents_writable(place);
  size_t inside = bytes_inside(bytes);
  const auto used_after = [&] {
    const auto& [node, index] = place.leaf();
    return node->used() - node->size_of(index, index + 1) + node->element_size(inside);
  };
  if (used_after() > limits_.leaf_bytes && inside > place.leaf().node->bytes_here(place.leaf().index).size()) {
    if (const auto cut = middle_cut(*place.leaf().node)) {
      make_room_in_parents(place);
      const size_t last = place.depth_ - 1;
      writable(place, last, place.leaf().node->used());
      split(place, last, cut->at, place.leaf().index >= cut->at,
            separator_at(*place.leaf().node, *cut, PackedNode::kLargest, {}));
    }
  }
  if (used_after() > PackedNode::kLargest) inside = PackedNode::kOutsideBytes;
  const size_t step = place.depth_ - 1, index = place.leaf().index;
  PackedNode* const leaf = writable(place, step, used_after());
  release_outside(*leaf, index);
  leaf->set_inside(index);
  char* const at = place_bytes(*leaf, index, leaf->resize(index, inside, integer), bytes);
  space_.wrote(*leaf);
  return at;
}

void PackedTree::erase(Place place) {
  erase_in_leaf(place, 1);
}

void PackedTree::erase(uint64_t rank, uint64_t count) {
  assert(rank + count <= size());
  while (count > 0) {
    Place place = at(rank);
    const uint64_t here = std::min<uint64_t>(count, place.leaf().node->count() - place.leaf().index);
    erase_in_leaf(place, here);
    count -= here;
  }
}

// REQUIRES: the leaf has so many from the place on.
void PackedTree::erase_in_leaf(Place& place, size_t count) {
  make_parents_writable(place);
  const size_t step = place.depth_ - 1, index = place.leaf().index;
  if (count == place.leaf().node->count()) {
    for (size_t i = 0; i < count; i++) release_outside(*place.leaf().node, i);
    count_element(place, -static_cast<int64_t>(count));
    return drop_empty(place, step);
  }
  PackedNode* const leaf = writable(place, step, place.leaf().node->used());
  for (size_t i = index; i < index + count; i++) release_outside(*leaf, i);
  leaf->erase(index, index + count);
  space_.wrote(*leaf);
  count_element(place, -static_cast<int64_t>(count));
  fit(place, step);
  merge_if_small(place, step);
}

}  // namespace cowslip::store
