// Packed trees at other places: copies, and nodes that evacuation moves.
#include <cassert>
#include <cstring>

#include "store/packed_tree.h"

namespace cowslip::store {

PackedNode* PackedTree::copy_below(const PackedNode& node) {
  void* const block = space_.allocate(node.used());
  root_.node_bytes += space_.capacity(block);
  std::memcpy(block, &node, node.used());
  PackedNode* const copied = PackedNode::at(block);
  copied->set_object(object_);
  for (size_t i = 0; i < copied->count(); i++) {
    if (node.outside(i)) {
      const std::string_view bytes = node.bytes(i);
      char* const twin = make_outside(bytes.size());
      bytes.copy(twin, bytes.size());
      copied->set_outside(i, twin, bytes.size());
    }
    if (!copied->leaf()) copied->set_child(i, copy_below(*node.child(i)));
  }
  space_.wrote(*copied);
  return copied;
}

void PackedTree::copy(const TreeRoot& from) {
  assert(root_.node == nullptr);
  if (from.node == nullptr) return;
  root_.node = copy_below(*from.node);
  root_.elements = from.elements;
}

// Goes on from the last step of `place`; true when it ends at `wanted`.
bool PackedTree::search(Place& place, const PackedNode* wanted) const {
  const PackedNode* const node = place.leaf().node;
  if (node == wanted) return true;
  if (node->level() <= wanted->level()) return false;
  for (size_t i = 0; i < node->count(); i++) {
    place.leaf().index = i;
    place.steps_[place.depth_++] = {node->child(i), 0};
    if (search(place, wanted)) return true;
    place.depth_--;
  }
  return false;
}

PackedTree::Place PackedTree::way_to(const PackedNode* node) const {
  Place place;
  if (key_ == NodeKey::kNone) {
    place.steps_[place.depth_++] = {root_.node, 0};
    search(place, node);
    return place;
  }
  const PackedNode* leaf = node;
  while (!leaf->leaf()) leaf = leaf->child(0);
  place = insertion_place(leaf->key(0), leaf->bytes(0));
  place.depth_ -= node->level();
  return place;
}

void PackedTree::move_node(PackedNode* node) {
  Place place = way_to(node);
  assert(place.leaf().node == node);
  move(place, place.depth_ - 1, node->used());
}

bool PackedTree::move_outside(PackedNode& node, const char* block) {
  for (size_t i = 0; i < node.count(); i++) {
    if (node.outside(i) && node.bytes(i).data() == block) {
      const std::string_view bytes = node.bytes(i);
      char* const target = make_outside(bytes.size());
      bytes.copy(target, bytes.size());
      release_outside(node, i);
      node.set_outside(i, target, bytes.size());
      return true;
    }
    if (!node.leaf() && move_outside(*node.child(i), block)) return true;
  }
  return false;
}

void PackedTree::move_outside(const char* block) {
  if (root_.node != nullptr) move_outside(*root_.node, block);
}

}  // namespace cowslip::store
