// Fills an empty packed tree from its first element to its last: how files are loaded.
//
// Problem: a search for each element, and room for one more in its leaf, is what loading a big aggregate would spend
// its time with. Solution: elements that come in order are packed into one leaf after the other, each made once, in its
// final size; so are the inner nodes above them.
//
//     PackedTreeAppender appender(tree);                     // REQUIRES: the tree is empty
//     for (...) appender.append(key, bytes);
//     appender.finish();
//
// Until finish(), or the destructor, which does the same, the tree is of no use. Thread: as PackedTree.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/packed_tree.h"

namespace cowslip::store {

class PackedTreeAppender {
 public:
  explicit PackedTreeAppender(PackedTree& tree) : tree_(tree) {}
  ~PackedTreeAppender() { finish(); }
  PackedTreeAppender(const PackedTreeAppender&) = delete;
  PackedTreeAppender& operator=(const PackedTreeAppender&) = delete;

  // REQUIRES: no element before is greater: by key, and where that is a score, by bytes.
  void append(KeyValue key, std::string_view bytes);
  void finish();

 private:
  // The last inner node of one level, in memory of its own until it is full. `first` is what its parent will know it
  // by.
  struct Level {
    std::unique_ptr<char[]> memory;
    PackedNode* node = nullptr;
    KeyValue first_key = 0;
    std::string first_bytes;
  };
  // The last leaf, in pieces: nothing is moved when one more comes.
  struct Leaf {
    std::vector<PackedNode::Part> parts;
    std::string payload;
    KeyValue first_key = 0;
    std::string first_bytes;
  };

  void add(KeyValue key, std::string_view bytes, bool integer);
  size_t leaf_size_with(size_t bytes) const;
  bool must_end_leaf(KeyValue key, size_t bytes) const;
  PackedNode* end_leaf();
  // What comes next begins another leaf, which its parent will know by what tells it apart.
  void next_leaf(KeyValue key, std::string_view bytes);
  PackedNode* end_node(Level& level);
  Level& level(size_t number);
  void put_child(PackedNode& node, PackedNode* child, uint64_t elements, KeyValue key, std::string_view bytes);
  // An ended node finds its parent, at the level `number`.
  void hand_up(size_t number, PackedNode* child, uint64_t elements, KeyValue first_key, std::string_view first_bytes);

  PackedTree& tree_;
  uint64_t elements_ = 0;
  Leaf leaf_;
  std::vector<Level> levels_;  // above the leaves; the first is level 1
};

}  // namespace cowslip::store
