// A counted B+ tree of packed nodes: how big lists, sets, hashes and sorted sets lie in memory
// (docs/decisions/0010-aggregates.md).
//
//     TreeRoot (in the entry) ──► inner node ──► ... ──► leaf: elements, in order
//
// Trees with counts are from Knuth, The Art of Computer Programming 3, 6.2.3; B+ trees with shortened keys between
// children from Bayer and Unterauer, "Prefix B-Trees", 1977.
//
// Problem: while a forked child writes a snapshot, changing what it has yet to read makes the kernel copy the page.
// Solution: a frozen node is not written. A copy with the change in it takes its place, and its parent's, up to the
// root, so each node is copied at most once for each snapshot. Otherwise nodes are changed where they are.
//
// An element is bytes with a key (packed_node.h). Where trees are ordered by key, elements with equal keys are ordered
// by their bytes (scores), or in no order, but together in one leaf (hashes).
//
// Views of elements are valid until the tree is next changed. Thread: the one that may use the arena; a forked child
// may read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "memory/arena.h"
#include "store/entry.h"
#include "store/packed_node.h"
#include "store/tree_root.h"

namespace cowslip::store {

// Where nodes come from: chunks of their own in a database's arena.
class NodeSpace {
 public:
  explicit NodeSpace(memory::Arena& arena) : arena_(arena), pool_(arena.pool()) {}

  void* allocate(size_t bytes) { return arena_.allocate(memory::BlockKind::kNode, bytes); }
  void release(void* block) { arena_.release(block); }
  // A block of long bytes: of pages, so that it can be told from a node.
  void* allocate_pages(size_t bytes) { return allocate(std::max(bytes, memory::kLargestSlot + 1)); }
  size_t capacity(const void* block) const { return pool_.capacity(block); }
  bool frozen(const void* block) const { return pool_.frozen(block); }
  void set_object(const void* pages, uint32_t object) { arena_.set_page_block_owner(pages, object); }
  uint32_t object(const void* pages) const { return static_cast<uint32_t>(arena_.page_block_owner(pages)); }
  // For the ledger: what is written where it is.
  void wrote(const void* at, size_t bytes) { pool_.note_write(at, bytes); }
  void wrote(const PackedNode& node) { pool_.note_write(&node, node.used()); }

 private:
  memory::Arena& arena_;
  memory::ChunkPool& pool_;
};

// How large nodes become. A smaller leaf is less to copy for a fresh write, a larger one less overhead.
struct TreeLimits {
  size_t leaf_bytes = 1024;
  size_t inner_bytes = 2048;
};

// Reads a tree. The root outlives it.
class PackedTreeView {
 public:
  // A way from the root to an element.
  struct Step {
    PackedNode* node;
    size_t index;
  };
  class Place {
   public:
    std::string_view bytes() const { return leaf().node->bytes(leaf().index); }
    StringView value() const { return leaf().node->value(leaf().index); }  // of a list
    KeyValue key() const { return leaf().node->key(leaf().index); }

   private:
    friend class PackedTreeView;
    friend class PackedTree;
    static constexpr size_t kMostLevels = 24;
    const Step& leaf() const { return steps_[depth_ - 1]; }
    Step& leaf() { return steps_[depth_ - 1]; }
    std::array<Step, kMostLevels> steps_;
    size_t depth_ = 0;
  };

  PackedTreeView(const TreeRoot& root, NodeKey key) : view_(root), key_(key) {}

  uint64_t size() const { return view_.elements; }

  // The element with this rank. REQUIRES: rank < size().
  Place at(uint64_t rank) const;
  // How many elements come before.
  uint64_t rank(const Place& place) const;
  // The first element that is not less than (key, bytes), or the end. By bytes where the key is a score.
  Place lower_bound(KeyValue key, std::string_view bytes = {}) const;
  // The same, but behind the last of a leaf rather than at the first of the next one: where an element would be
  // inserted.
  Place insertion_place(KeyValue key, std::string_view bytes = {}) const;
  // Whether there is an element, with a greater key perhaps, in the same leaf.
  bool in_leaf(const Place& place) const { return place.depth_ > 0 && place.leaf().index < place.leaf().node->count(); }
  // REQUIRES: in_leaf().
  static void next_in_leaf(Place& place) { place.leaf().index++; }
  bool is_end(const Place& place) const {
    return place.depth_ == 0 || place.leaf().index == place.leaf().node->count();
  }
  // To the next element, or the end / the one before. REQUIRES: not the end / not the first.
  void next(Place& place) const;
  void previous(Place& place) const;
  // The end, where an element would be appended.
  Place end() const;

  // Calls visit(key, bytes) for all elements from `rank` on, until it returns false.
  template <typename Visit>
  void for_each(uint64_t rank, Visit&& visit) const {
    if (rank >= size()) return;
    for (Place place = at(rank); !is_end(place); next(place)) {
      if (!visit(place.key(), place.bytes())) return;
    }
  }

  // Calls visit(StringView) for the elements of a list from `rank` on, towards its end (forward) or its start, until it
  // returns false.
  template <typename Visit>
  void for_each_value(uint64_t rank, bool forward, Visit&& visit) const;

  // Calls visit(const PackedNode&) for all leaves, in order.
  template <typename Visit>
  void for_each_leaf(Visit&& visit) const {
    if (view_.node != nullptr) leaves_below(*view_.node, visit);
  }
  // Calls visit(const void*) for every block of the tree: nodes, and long bytes outside of them.
  template <typename Visit>
  void for_each_block(Visit&& visit) const {
    if (view_.node != nullptr) blocks_below(*view_.node, visit);
  }

 protected:
  template <typename Visit>
  static void leaves_below(const PackedNode& node, Visit& visit) {
    if (node.leaf()) return visit(node);
    for (size_t i = 0; i < node.count(); i++) leaves_below(*node.child(i), visit);
  }
  template <typename Visit>
  static void blocks_below(const PackedNode& node, Visit& visit) {
    for (size_t i = 0; i < node.count(); i++) {
      if (node.outside(i)) visit(static_cast<const void*>(node.bytes(i).data()));
      if (!node.leaf()) blocks_below(*node.child(i), visit);
    }
    visit(static_cast<const void*>(&node));
  }

  size_t child_for(const PackedNode& node, KeyValue key, std::string_view bytes) const;
  size_t leaf_lower_bound(const PackedNode& node, KeyValue key, std::string_view bytes) const;
  void descend(Place& place, PackedNode* node, bool to_last) const;

  const TreeRoot& view_;
  const NodeKey key_;
};

// Calls visit(const void*) for every block of the trees that a big aggregate's entry has. REQUIRES:
// has_nodes(entry.encoding()).
template <typename Visit>
void for_each_node_block(const Entry& entry, Visit&& visit) {
  const AggregateRoot root = entry.aggregate();
  PackedTreeView(root.first, NodeKey::kHash).for_each_block(visit);
  PackedTreeView(root.second, NodeKey::kScore).for_each_block(visit);
}

// Reads and changes a tree.
class PackedTree : public PackedTreeView {
 public:
  // `root` is what the tree's owner keeps; it outlives this object, which is nothing but a way to use it. `object` is
  // the number that the nodes carry.
  PackedTree(NodeSpace& space, TreeRoot& root, NodeKey key, uint32_t object = 0, TreeLimits limits = {})
      : PackedTreeView(root, key), space_(space), root_(root), object_(object), limits_(limits) {}

  // ---- changing: a place is used up by it ----
  // Longer bytes lie in a block of their own, which takes whole pages and is never written again.
  static constexpr size_t kLongestInside = 15 << 10;
  // A new element before `place`, or at the end. The caller writes its bytes to what is returned, at once. `integer`:
  // those of one (PackedElement). REQUIRES: a list.
  char* insert(Place place, size_t bytes, bool integer = false);
  // A new element where it belongs: before the first that is not less. `name`: the bytes it is ordered by, which are
  // the first of its `bytes`; of no meaning where the key is a hash. REQUIRES: a key.
  char* insert(KeyValue key, std::string_view name, size_t bytes);
  // The same where the way is known already. REQUIRES: the key is a hash; the place is insertion_place() of it, or one
  // behind others with the same hash.
  char* insert(Place place, KeyValue hash, size_t bytes);
  // Other bytes for an element, which keeps its key and rank. The caller writes them, all of them.
  char* replace(Place place, size_t bytes, bool integer = false);
  void erase(Place place);
  // The elements [rank, rank + count), leaf by leaf. REQUIRES: rank + count <= size().
  void erase(uint64_t rank, uint64_t count);
  void clear();
  // Becomes a copy of another tree, which may lie in another arena. REQUIRES: empty; both have the same kind of key.
  void copy(const TreeRoot& from);
  // Gives a node of this tree another block (evacuation). Takes as long as a lookup; in a list as long as it takes to
  // look through all inner nodes. REQUIRES: no snapshot is running.
  void move_node(PackedNode* node);
  // The same for a block of long bytes. Looks through the whole tree.
  void move_outside(const char* block);

  // Whether everything is as it should be, for tests; the first thing that is not, in words.
  std::optional<std::string_view> check() const;

 private:
  friend class PackedTreeAppender;
  struct Checked;
  // A cut through a node that is to have a new element: between the elements before `at` and the others; the new one is
  // the first on the right, or the last on the left, if it stands at the cut.
  struct Cut {
    size_t at = 0;
    bool new_on_right = false;
  };
  // The element that is to be inserted.
  struct NewElement {
    KeyValue key = 0;
    std::string_view name = {};
    size_t bytes = 0;  // here
    bool integer = false;
  };
  // What a parent knows a child by.
  struct Separator {
    KeyValue key = 0;
    std::string_view bytes = {};
  };

  // ---- nodes ----
  PackedNode* make_node(unsigned level, size_t bytes);
  void release(PackedNode* node);
  void release_below(PackedNode* node);
  PackedNode* copy_below(const PackedNode& node);
  bool move_outside(PackedNode& node, const char* block);
  Place way_to(const PackedNode* node) const;
  bool search(Place& place, const PackedNode* wanted) const;
  // Makes the node at `step` writable with room for `used` bytes. REQUIRES: its parent is writable.
  PackedNode* writable(Place& place, size_t step, size_t used);
  PackedNode* move(Place& place, size_t step, size_t bytes);
  void make_parents_writable(Place& place);
  void count_element(Place& place, int64_t elements);
  void replace_child(Place& place, size_t step, PackedNode* node);
  // How large a block a node is given that has become too large for its own.
  size_t size_to_grow_to(const Place& place, size_t step, size_t used) const;
  // Gives the node at `step` a block of its size, if it has grown much smaller.
  void fit(Place& place, size_t step);

  // ---- long bytes ----
  static size_t bytes_inside(size_t bytes) { return bytes > kLongestInside ? PackedNode::kOutsideBytes : bytes; }
  char* make_outside(size_t bytes);
  void release_outside(const PackedNode& node, size_t index);
  // Where the bytes of an element or a separator go that has bytes_inside() here, or less.
  char* place_bytes(PackedNode& node, size_t index, char* here, size_t bytes);

  // ---- nodes that have become too large or too small (packed_tree_shape.cc) ----
  size_t limit(const PackedNode& node) const { return node.leaf() ? limits_.leaf_bytes : limits_.inner_bytes; }
  char* insert_at(Place& place, NewElement element);
  char* replace_in_place(const Place& place, size_t bytes, bool integer);
  void make_room(Place& place, const NewElement& element);
  void make_room_in_parents(Place& place);
  std::optional<Cut> choose_cut(const Place& place, const NewElement& element) const;
  std::optional<Cut> middle_cut(const PackedNode& node) const;
  bool may_cut(const PackedNode& node, Cut cut, size_t new_index, const NewElement& element) const;
  Separator separator(KeyValue left_key, std::string_view left, KeyValue right_key, std::string_view right) const;
  Separator separator_at(const PackedNode& node, Cut cut, size_t new_index, const NewElement& element) const;
  // Parts the node at `step`, whose parent has room, before the element `at`. The place goes on in one of the two.
  void split(Place& place, size_t step, size_t at, bool place_on_right, const Separator& separator);
  void grow_root(Place& place);
  void erase_in_leaf(Place& place, size_t count);
  void drop_empty(Place& place, size_t step);
  void merge_if_small(Place& place, size_t step);
  bool merge(Place& place, size_t step, size_t left);
  void shrink_root();

  std::optional<std::string_view> check(const PackedNode& node, Checked& checked) const;

  NodeSpace& space_;
  TreeRoot& root_;
  const uint32_t object_;
  const TreeLimits limits_;
};

// ---- templates ----

template <typename Visit>
void PackedTreeView::for_each_value(uint64_t rank, bool forward, Visit&& visit) const {
  if (rank >= size()) return;
  Place place = at(rank);
  for (uint64_t left = forward ? size() - rank : rank + 1;;) {
    const auto [leaf, index] = place.leaf();
    if (!leaf->for_each_value(index, forward, visit)) return;
    left -= forward ? leaf->count() - index : index + 1;
    if (left == 0) return;
    place.leaf().index = forward ? leaf->count() - 1 : 0;
    forward ? next(place) : previous(place);
  }
}

}  // namespace cowslip::store
