// What has to hold of every packed tree, for tests.
#include "store/packed_tree.h"

namespace cowslip::store {

// What was seen so far of a walk in order.
struct PackedTree::Checked {
  uint64_t elements = 0;
  uint64_t bytes = 0;
  bool any = false;
  KeyValue key = 0;
  std::string_view name;  // of the last element
};

std::optional<std::string_view> PackedTree::check() const {
  if (root_.node == nullptr) {
    return root_.elements == 0 && root_.node_bytes == 0 ? std::nullopt : std::optional("an empty tree that is not");
  }
  Checked checked;
  if (const auto wrong = check(*root_.node, checked)) return wrong;
  if (checked.elements != root_.elements) return "the root's count";
  if (checked.bytes != root_.node_bytes) return "the root's bytes";
  if (!root_.node->leaf() && root_.node->count() < 2) return "a root with one child";
  return {};
}

std::optional<std::string_view> PackedTree::check(const PackedNode& node, Checked& checked) const {
  checked.bytes += space_.capacity(&node);
  if (node.object() != object_ || node.key_kind() != key_) return "a node of something else";
  if (node.count() == 0) return "an empty node";
  if (node.used() > space_.capacity(&node)) return "more is used than there is";
  if (node.size_of(0, node.count()) + PackedNode::kHeader != node.used()) return "the bytes used";
  const uint64_t before = checked.elements;
  for (size_t i = 0; i < node.count(); i++) {
    if (node.outside(i)) checked.bytes += space_.capacity(node.bytes(i).data());
    if (node.leaf()) {
      const bool falls = node.key(i) < checked.key ||
                         (key_ == NodeKey::kScore && node.key(i) == checked.key && node.bytes(i) < checked.name);
      if (checked.any && key_ != NodeKey::kNone && falls) return "the order";
      checked.any = true;
      checked.key = node.key(i);
      checked.name = node.bytes(i);
      checked.elements++;
      continue;
    }
    if (node.child(i)->level() + 1 != node.level()) return "the level";
    const bool has_separator = i > 0 && key_ != NodeKey::kNone;
    if (has_separator) {
      const bool same = checked.key == node.key(i);
      const bool reached = key_ == NodeKey::kHash
                               ? checked.key >= node.key(i)
                               : checked.key > node.key(i) || (same && checked.name >= node.bytes(i));
      if (reached) return "an element that the next child's key does not allow";
    }
    const uint64_t at = checked.elements;
    if (const auto wrong = check(*node.child(i), checked)) return wrong;
    if (checked.elements - at != node.below(i)) return "the elements below a child";
    if (has_separator) {
      const PackedNode* first = node.child(i);
      while (!first->leaf()) first = first->child(0);
      const bool below = first->key(0) < node.key(i) ||
                         (key_ == NodeKey::kScore && first->key(0) == node.key(i) && first->bytes(0) < node.bytes(i));
      if (below) return "an element that its own key does not allow";
    }
  }
  if (checked.elements - before != node.elements()) return "a node's elements";
  return {};
}

}  // namespace cowslip::store
