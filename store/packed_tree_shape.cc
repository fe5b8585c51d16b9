// Nodes of a packed tree that have become too large or too small.
#include <algorithm>
#include <cassert>
#include <cstring>
#include <string>
#include <utility>

#include "store/packed_tree.h"

namespace cowslip::store {
namespace {

constexpr size_t kUsualSeparator = 64;  // bytes that a parent is expected to need for one more child's
constexpr size_t kSmallShare = 4;       // a node that uses less than this part of the limit looks for company
constexpr double kMergedShare = 0.75;   // and finds it if both together stay below this one

// Whether the way to `step` is the first, or the last, of the tree.
template <typename Steps>
bool at_edge(const Steps& steps, size_t step, bool first) {
  for (size_t i = 0; i < step; i++) {
    if (steps[i].index != (first ? 0 : steps[i].node->count() - 1)) return false;
  }
  return true;
}

}  // namespace

// ---- where to cut ----

// Elements with the same hash stay together: their order is not that of their bytes.
bool PackedTree::may_cut(const PackedNode& node, Cut cut, size_t new_index, const NewElement& element) const {
  const bool new_at_cut = new_index == cut.at;
  const bool last_on_left = new_at_cut && !cut.new_on_right, first_on_right = new_at_cut && cut.new_on_right;
  if (cut.at == 0 && !last_on_left) return false;
  if (cut.at == node.count() && !first_on_right) return false;
  if (key_ != NodeKey::kHash) return true;
  const KeyValue left = last_on_left ? element.key : node.key(cut.at - 1);
  const KeyValue right = first_on_right ? element.key : node.key(cut.at);
  return left != right;
}

// In the middle, by bytes; at the end of a tree that grows there, so that what is behind stays full. Nowhere, if all
// elements have the same hash.
std::optional<PackedTree::Cut> PackedTree::choose_cut(const Place& place, const NewElement& element) const {
  const PackedNode& node = *place.leaf().node;
  const size_t index = place.leaf().index, count = node.count();
  const size_t step = place.depth_ - 1;
  if (index == count && at_edge(place.steps_, step, false)) {
    if (const Cut cut{count, true}; may_cut(node, cut, index, element)) return cut;
  }
  if (index == 0 && at_edge(place.steps_, step, true)) {
    if (const Cut cut{0, false}; may_cut(node, cut, index, element)) return cut;
  }
  const size_t half = (node.size_of(0, count) + node.element_size(element.bytes)) / 2;
  std::optional<Cut> best;
  size_t best_distance = 0;
  for (size_t at = 0; at <= count; at++) {
    for (const bool on_right : {false, true}) {
      if (at != index && on_right) continue;
      const bool new_on_left = index < at || (index == at && !on_right);
      const size_t left = node.size_of(0, at) + (new_on_left ? node.element_size(element.bytes) : 0);
      const size_t distance = left > half ? left - half : half - left;
      if (best && distance >= best_distance) continue;
      if (const Cut cut{at, on_right}; may_cut(node, cut, index, element)) {
        best = cut;
        best_distance = distance;
      }
    }
  }
  return best;
}

std::optional<PackedTree::Cut> PackedTree::middle_cut(const PackedNode& node) const {
  const size_t half = node.size_of(0, node.count()) / 2;
  std::optional<Cut> best;
  size_t best_distance = 0;
  for (size_t at = 1; at < node.count(); at++) {
    const size_t left = node.size_of(0, at);
    const size_t distance = left > half ? left - half : half - left;
    if ((best && distance >= best_distance) || !may_cut(node, {.at = at}, PackedNode::kLargest, {})) continue;
    best = Cut{.at = at};
    best_distance = distance;
  }
  return best;
}

// As few bytes as tell the two apart.
PackedTree::Separator PackedTree::separator(KeyValue left_key, std::string_view left, KeyValue right_key,
                                            std::string_view right) const {
  if (key_ == NodeKey::kNone) return {};
  if (key_ == NodeKey::kHash || left_key != right_key) return {.key = right_key};
  const size_t common = static_cast<size_t>(std::ranges::mismatch(left, right).in1 - left.begin());
  return {.key = right_key, .bytes = right.substr(0, common + 1)};
}

PackedTree::Separator PackedTree::separator_at(const PackedNode& node, Cut cut, size_t new_index,
                                               const NewElement& element) const {
  // An inner node's own separators are what goes up.
  if (!node.leaf()) return {.key = node.key(cut.at), .bytes = node.bytes(cut.at)};
  const bool new_at_cut = new_index == cut.at;
  const bool new_left = new_at_cut && !cut.new_on_right, new_right = new_at_cut && cut.new_on_right;
  return separator(new_left ? element.key : node.key(cut.at - 1), new_left ? element.name : node.bytes(cut.at - 1),
                   new_right ? element.key : node.key(cut.at), new_right ? element.name : node.bytes(cut.at));
}

// ---- splitting ----

void PackedTree::make_room(Place& place, const NewElement& element) {
  const auto cut = choose_cut(place, element);
  if (!cut) return;
  make_room_in_parents(place);
  const size_t step = place.depth_ - 1;
  const size_t index = place.leaf().index;
  PackedNode* const leaf = writable(place, step, place.leaf().node->used());
  split(place, step, cut->at, index > cut->at || cut->new_on_right, separator_at(*leaf, *cut, index, element));
}

// From the root down, so that each has a parent with room.
void PackedTree::make_room_in_parents(Place& place) {
  for (size_t step = 0; step + 1 < place.depth_; step++) {
    const PackedNode& node = *place.steps_[step].node;
    if (node.used() + node.element_size(kUsualSeparator) <= limits_.inner_bytes || node.count() < 4) continue;
    const auto cut = middle_cut(node);
    const size_t depth_before = place.depth_;
    split(place, step, cut->at, place.steps_[step].index >= cut->at,
          separator_at(node, *cut, PackedNode::kLargest, {}));
    step += place.depth_ - depth_before;  // the root has grown a level
  }
}

void PackedTree::grow_root(Place& place) {
  PackedNode* const child = root_.node;
  PackedNode* const root = make_node(child->level() + 1, PackedNode::kHeader + limits_.inner_bytes / 8);
  root->insert(0, 0, 0);
  root->set_child(0, child);
  root->set_below(0, static_cast<uint32_t>(root_.elements));
  root_.node = root;
  std::copy_backward(place.steps_.begin(), place.steps_.begin() + place.depth_,
                     place.steps_.begin() + place.depth_ + 1);
  place.steps_[0] = {root, 0};
  place.depth_++;
}

void PackedTree::split(Place& place, size_t step, size_t at, bool place_on_right, const Separator& separator) {
  const std::string bytes(separator.bytes);  // what it is a view of moves
  PackedNode* left = place.steps_[step].node;
  const size_t count = left->count();
  // Where a list grows at an end, what is behind stays where it is, and more than the one element will come.
  const bool grows = key_ == NodeKey::kNone && left->leaf() && (at == 0 || at == count);
  const size_t room = PackedNode::kHeader + left->size_of(at, count);
  PackedNode* right = make_node(left->level(), grows ? std::max(PackedNode::kHeader, limits_.leaf_bytes / 4) : room);
  if (grows && at == 0) {
    std::swap(left, right);
    replace_child(place, step, left);
  } else {
    right->append(*left, at, count);
    left->cut(at);
  }
  space_.wrote(*left);
  space_.wrote(*right);
  if (step == 0) {
    grow_root(place);
    step = 1;
  }
  const size_t index = place.steps_[step - 1].index;
  const PackedNode& before = *place.steps_[step - 1].node;
  const size_t inside = before.used() + before.element_size(bytes.size()) > PackedNode::kLargest
                            ? PackedNode::kOutsideBytes
                            : bytes_inside(bytes.size());
  PackedNode* const parent = writable(place, step - 1, before.used() + before.element_size(inside));
  char* const here = parent->insert(index + 1, separator.key, inside);
  bytes.copy(place_bytes(*parent, index + 1, here, bytes.size()), bytes.size());
  parent->set_child(index + 1, right);
  parent->set_below(index + 1, static_cast<uint32_t>(right->elements()));
  parent->set_below(index, static_cast<uint32_t>(left->elements()));
  space_.wrote(*parent);
  if (left->count() > 0) fit(place, step);
  if (!place_on_right) return;
  place.steps_[step - 1].index = index + 1;
  place.steps_[step] = {right, place.steps_[step].index - at};
}

// ---- merging ----

void PackedTree::drop_empty(Place& place, size_t step) {
  release(place.steps_[step].node);
  if (step == 0) {
    root_.node = nullptr;
    return;
  }
  auto& [parent, index] = place.steps_[step - 1];
  release_outside(*parent, index);
  parent->erase(index);
  space_.wrote(*parent);
  if (parent->count() == 0) return drop_empty(place, step - 1);
  merge_if_small(place, step - 1);
}

void PackedTree::merge_if_small(Place& place, size_t step) {
  const PackedNode& node = *place.steps_[step].node;
  if (step > 0 && node.used() < limit(node) / kSmallShare) {
    const size_t index = place.steps_[step - 1].index;
    if (merge(place, step, index) || (index > 0 && merge(place, step, index - 1))) {
      return merge_if_small(place, step - 1);
    }
  }
  shrink_root();
}

// The child `left` of the parent at `step` - 1 takes in the next one, if there is one and both are small enough.
bool PackedTree::merge(Place& place, size_t step, size_t left) {
  PackedNode* const parent = place.steps_[step - 1].node;
  if (left + 1 >= parent->count()) return false;
  PackedNode* const right = parent->child(left + 1);
  const std::string_view between = right->leaf() ? std::string_view() : parent->bytes_here(left + 1);
  const size_t sum = parent->child(left)->used() + right->used() - PackedNode::kHeader + between.size();
  if (static_cast<double>(sum) > kMergedShare * static_cast<double>(limit(*right))) return false;
  place.steps_[step - 1].index = left;
  place.steps_[step] = {parent->child(left), 0};
  PackedNode* const merged = writable(place, step, sum);
  const size_t seam = merged->count();
  merged->append(*right, 0, right->count());
  if (!merged->leaf()) {
    // What the parent knew the right one by is what tells its first child from the ones before now.
    merged->set_key(seam, parent->key(left + 1));
    release_outside(*merged, seam);
    merged->set_inside(seam);
    const bool outside = parent->outside(left + 1);
    const std::string_view bytes = parent->bytes(left + 1);
    between.copy(merged->resize(seam, between.size()), between.size());
    if (outside) merged->set_outside(seam, bytes.data(), bytes.size());
  } else {
    release_outside(*parent, left + 1);
  }
  space_.wrote(*merged);
  release(right);
  parent->erase(left + 1);
  parent->set_below(left, static_cast<uint32_t>(merged->elements()));
  space_.wrote(*parent);
  return true;
}

void PackedTree::shrink_root() {
  while (root_.node != nullptr && !root_.node->leaf() && root_.node->count() == 1) {
    PackedNode* const only = root_.node->child(0);
    release_outside(*root_.node, 0);
    release(root_.node);
    root_.node = only;
  }
}

}  // namespace cowslip::store
