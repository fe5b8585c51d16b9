#include "store/packed_tree_append.h"

#include <cassert>
#include <cstring>

namespace cowslip::store {
namespace {

// An inner node has as many children at least, however long what tells them apart is.
constexpr size_t kLeastChildren = 4;

}  // namespace

PackedTreeAppender::Level& PackedTreeAppender::level(size_t number) {
  if (number == levels_.size()) {
    Level& added = levels_.emplace_back();
    added.memory = std::make_unique_for_overwrite<char[]>(PackedNode::kLargest + 1);
    added.node = PackedNode::make(added.memory.get(), tree_.object_, tree_.key_, static_cast<unsigned>(number));
  }
  return levels_[number];
}

// Elements with the same hash stay in one leaf.
bool PackedTreeAppender::must_end_leaf(const PackedNode& leaf, KeyValue key, size_t bytes) const {
  if (leaf.count() == 0 || leaf.used() + leaf.element_size(bytes) <= tree_.limits_.leaf_bytes) return false;
  return tree_.key_ != NodeKey::kHash || leaf.key(leaf.count() - 1) != key;
}

void PackedTreeAppender::put(PackedNode& node, KeyValue key, std::string_view bytes) {
  size_t inside = PackedTree::bytes_inside(bytes.size());
  if (node.used() + node.element_size(inside) > PackedNode::kLargest) inside = PackedNode::kOutsideBytes;
  const size_t index = node.count();
  char* const here = node.insert(index, key, inside);
  bytes.copy(tree_.place_bytes(node, index, here, bytes.size()), bytes.size());
}

PackedNode* PackedTreeAppender::end_node(Level& level) {
  void* const block = tree_.space_.allocate(level.node->used());
  tree_.root_.node_bytes += tree_.space_.capacity(block);
  std::memcpy(block, level.node, level.node->used());
  PackedNode* const ended = PackedNode::at(block);
  tree_.space_.wrote(*ended);
  level.node->cut(0);
  return ended;
}

void PackedTreeAppender::append(KeyValue key, std::string_view bytes) {
  if (must_end_leaf(*level(0).node, key, PackedTree::bytes_inside(bytes.size()))) {
    Level& leaves = level(0);
    PackedNode* const ended = end_node(leaves);
    const KeyValue first_key = leaves.first_key;
    const std::string first_bytes = std::move(leaves.first_bytes);
    const size_t last = ended->count() - 1;
    const auto separator = tree_.separator(ended->key(last), ended->bytes(last), key, bytes);
    leaves.first_key = separator.key;
    leaves.first_bytes = separator.bytes;
    hand_up(1, ended, ended->count(), first_key, first_bytes);
  }
  put(*levels_[0].node, key, bytes);
  elements_++;
}

void PackedTreeAppender::hand_up(size_t number, PackedNode* child, uint64_t elements, KeyValue first_key,
                                 std::string_view first_bytes) {
  Level& here = level(number);
  const bool full = here.node->count() >= kLeastChildren &&
                    here.node->used() + here.node->element_size(PackedTree::bytes_inside(first_bytes.size())) >
                        tree_.limits_.inner_bytes;
  if (full) {
    PackedNode* const ended = end_node(here);
    const KeyValue ended_key = here.first_key;
    const std::string ended_bytes = std::move(here.first_bytes);
    hand_up(number + 1, ended, ended->elements(), ended_key, ended_bytes);
  }
  Level& parent = levels_[number];  // the levels may lie elsewhere now
  PackedNode& node = *parent.node;
  if (node.count() == 0) {
    parent.first_key = first_key;
    parent.first_bytes = first_bytes;
    first_bytes = {};  // the first child has no lower end
  }
  put(node, first_key, first_bytes);
  node.set_child(node.count() - 1, child);
  node.set_below(node.count() - 1, static_cast<uint32_t>(elements));
}

// The last nodes of all levels, from the leaves up. What is alone at the top is the root.
void PackedTreeAppender::finish() {
  if (elements_ == 0) return;
  for (size_t number = 0; number < levels_.size(); number++) {
    Level& last = levels_[number];
    PackedNode* const ended = end_node(last);
    if (number + 1 == levels_.size()) {
      tree_.root_.node = ended;
      break;
    }
    hand_up(number + 1, ended, ended->elements(), last.first_key, std::string(last.first_bytes));
  }
  tree_.root_.elements = elements_;
  elements_ = 0;
}

}  // namespace cowslip::store
