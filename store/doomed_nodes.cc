#include "store/doomed_nodes.h"

#include "store/packed_tree.h"

namespace cowslip::store {

void DoomedNodes::add(const AggregateRoot& root) {
  aggregates_++;
  nodes_.push_back(nullptr);
  for (PackedNode* const node : {root.first.node, root.second.node}) {
    if (node != nullptr) nodes_.push_back(node);
  }
}

size_t DoomedNodes::free_some(NodeSpace& space, size_t blocks) {
  size_t gone = 0;
  for (size_t freed = 0; freed < blocks && !nodes_.empty();) {
    PackedNode* const node = nodes_.back();
    nodes_.pop_back();
    if (node == nullptr) {
      gone++;
      aggregates_--;
      continue;
    }
    for (size_t i = 0; i < node->count(); i++) {
      if (!node->leaf()) nodes_.push_back(node->child(i));
      if (!node->outside(i)) continue;
      space.release(const_cast<char*>(node->bytes(i).data()));
      freed++;
    }
    space.release(node);
    freed++;
  }
  return gone;
}

}  // namespace cowslip::store
