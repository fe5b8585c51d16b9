// What an entry holds of a big aggregate: the roots of its trees (packed_tree.h).
#pragma once

#include <cstdint>

namespace cowslip::store {

class PackedNode;

// What a tree's owner keeps of it. All zeros: empty.
struct TreeRoot {
  PackedNode* node = nullptr;
  uint64_t elements = 0;
  uint64_t node_bytes = 0;  // of all nodes' blocks
  friend bool operator==(const TreeRoot&, const TreeRoot&) = default;
};

// A list has one tree by position, a set or hash one by hash, a sorted set one by hash and one by score.
struct AggregateRoot {
  TreeRoot first = {};
  TreeRoot second = {};
  uint64_t object = 0;  // the number that its nodes carry (object_table.h)

  uint64_t elements() const { return first.elements; }
  friend bool operator==(const AggregateRoot&, const AggregateRoot&) = default;
  uint64_t node_bytes() const { return first.node_bytes + second.node_bytes; }
};

}  // namespace cowslip::store
