// Nodes of big aggregates that are gone, and whose memory is given back piece by piece.
//
// Problem: an aggregate of ten million elements has half a million nodes; to release them takes a tenth of a second, in
// which nobody is served, and an arena belongs to one thread. Solution: the roots are kept here, and a few hundred
// blocks are released at a time, between commands.
//
// Whoever destroys this forgets the nodes: their arena goes with them. Thread: the one that may use the arena.
#pragma once

#include <cstddef>
#include <vector>

#include "store/tree_root.h"

namespace cowslip::store {

class NodeSpace;

class DoomedNodes {
 public:
  void add(const AggregateRoot& root);
  // Releases about so many blocks. Returns how many aggregates are gone with them.
  size_t free_some(NodeSpace& space, size_t blocks);
  // Those that are not gone yet.
  size_t aggregates() const { return aggregates_; }

 private:
  // Still to be released, with all below them; null: all of an aggregate lay above.
  std::vector<PackedNode*> nodes_;
  size_t aggregates_ = 0;
};

}  // namespace cowslip::store
