#include "store/packed_tree_append.h"

#include <cassert>
#include <cstring>

namespace cowslip::store {
namespace {

// An inner node has as many children at least, however long what tells them apart is.
constexpr size_t kLeastChildren = 4;

}  // namespace

// ---- leaves ----

size_t PackedTreeAppender::leaf_size_with(size_t bytes) const {
  const size_t added = PackedNode::length_bytes(tree_.key_, bytes) + bytes;
  return PackedNode::leaf_size(tree_.key_, leaf_.parts.size() + 1, leaf_.payload.size() + added);
}

// Elements with the same hash stay in one leaf.
bool PackedTreeAppender::must_end_leaf(KeyValue key, size_t bytes) const {
  if (leaf_.parts.empty() || leaf_size_with(bytes) <= tree_.limits_.leaf_bytes) return false;
  return tree_.key_ != NodeKey::kHash || leaf_.parts.back().key != key;
}

void PackedTreeAppender::append(KeyValue key, std::string_view bytes) {
  if (tree_.key_ == NodeKey::kNone) {
    if (const PackedElement element(bytes); element.integer()) return add(key, element.bytes(), true);
  }
  add(key, bytes, false);
}

void PackedTreeAppender::add(KeyValue key, std::string_view bytes, bool integer) {
  size_t inside = PackedTree::bytes_inside(bytes.size());
  if (must_end_leaf(key, inside)) next_leaf(key, bytes);
  if (leaf_size_with(inside) > PackedNode::kLargest) inside = PackedNode::kOutsideBytes;
  const bool outside = inside != bytes.size();
  leaf_.parts.push_back({key, static_cast<uint16_t>(leaf_.payload.size()), outside, integer});
  elements_++;
  if (!outside) {
    const auto length = static_cast<uint16_t>(bytes.size());
    leaf_.payload.append(reinterpret_cast<const char*>(&length), PackedNode::length_bytes(tree_.key_, bytes.size()));
    leaf_.payload.append(bytes);
    return;
  }
  char* const block = tree_.make_outside(bytes.size());
  bytes.copy(block, bytes.size());
  const uint64_t length = bytes.size();
  leaf_.payload.append(reinterpret_cast<const char*>(&block), sizeof block);
  leaf_.payload.append(reinterpret_cast<const char*>(&length), sizeof length);
}

PackedNode* PackedTreeAppender::end_leaf() {
  void* const block =
      tree_.space_.allocate(PackedNode::leaf_size(tree_.key_, leaf_.parts.size(), leaf_.payload.size()));
  tree_.root_.node_bytes += tree_.space_.capacity(block);
  PackedNode* const ended = PackedNode::make_leaf(block, tree_.object_, tree_.key_, leaf_.parts, leaf_.payload);
  tree_.space_.wrote(*ended);
  leaf_.parts.clear();
  leaf_.payload.clear();
  return ended;
}

void PackedTreeAppender::next_leaf(KeyValue key, std::string_view bytes) {
  PackedNode* const ended = end_leaf();
  const size_t last = ended->count() - 1;
  hand_up(1, ended, ended->count(), leaf_.first_key, leaf_.first_bytes);
  const auto separator = tree_.separator(ended->key(last), ended->bytes(last), key, bytes);
  leaf_.first_key = separator.key;
  leaf_.first_bytes = separator.bytes;
}

// ---- inner nodes ----

PackedTreeAppender::Level& PackedTreeAppender::level(size_t number) {
  if (number > levels_.size()) {
    Level& added = levels_.emplace_back();
    added.memory = std::make_unique_for_overwrite<char[]>(PackedNode::kLargest + 1);
    added.node = PackedNode::make(added.memory.get(), tree_.object_, tree_.key_, static_cast<unsigned>(levels_.size()));
  }
  return levels_[number - 1];
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

void PackedTreeAppender::put_child(PackedNode& node, PackedNode* child, uint64_t elements, KeyValue key,
                                   std::string_view bytes) {
  size_t inside = PackedTree::bytes_inside(bytes.size());
  if (node.used() + node.element_size(inside) > PackedNode::kLargest) inside = PackedNode::kOutsideBytes;
  const size_t index = node.count();
  char* const here = node.insert(index, key, inside);
  bytes.copy(tree_.place_bytes(node, index, here, bytes.size()), bytes.size());
  node.set_child(index, child);
  node.set_below(index, static_cast<uint32_t>(elements));
}

void PackedTreeAppender::hand_up(size_t number, PackedNode* child, uint64_t elements, KeyValue first_key,
                                 std::string_view first_bytes) {
  const PackedNode& parent = *level(number).node;
  const size_t size = parent.used() + parent.element_size(PackedTree::bytes_inside(first_bytes.size()));
  if (parent.count() >= kLeastChildren && size > tree_.limits_.inner_bytes) {
    Level& full = level(number);
    PackedNode* const ended = end_node(full);
    const std::string ended_bytes = std::move(full.first_bytes);
    hand_up(number + 1, ended, ended->elements(), full.first_key, ended_bytes);
  }
  Level& here = level(number);  // the levels may lie elsewhere now
  if (here.node->count() == 0) {
    here.first_key = first_key;
    here.first_bytes = first_bytes;
    first_bytes = {};  // the first child has no lower end
  }
  put_child(*here.node, child, elements, first_key, first_bytes);
}

// The last nodes of all levels, from the leaves up. What is alone at the top is the root.
void PackedTreeAppender::finish() {
  if (elements_ == 0) return;
  PackedNode* last = end_leaf();
  KeyValue first_key = leaf_.first_key;
  std::string first_bytes = std::move(leaf_.first_bytes);
  for (size_t number = 1; number <= levels_.size(); number++) {
    hand_up(number, last, last->elements(), first_key, first_bytes);
    Level& ended = level(number);
    last = end_node(ended);
    first_key = ended.first_key;
    first_bytes = std::move(ended.first_bytes);
  }
  tree_.root_.node = last;
  tree_.root_.elements = elements_;
  elements_ = 0;
}

}  // namespace cowslip::store
