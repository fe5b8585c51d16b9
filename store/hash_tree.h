// What trees ordered by the hash of a name have in common: sets, hashes, and the members of sorted sets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "store/packed_tree.h"

namespace cowslip::store {

// A name in such a tree: where its element is, or where it would be inserted.
struct NamePlace {
  PackedTreeView::Place place;
  bool found = false;
};
template <typename NameOf>
NamePlace place_by_hash(const PackedTreeView& tree, uint32_t hash, std::string_view name, NameOf&& name_of) {
  // Those with equal hashes are in one leaf.
  auto place = tree.insertion_place(hash);
  for (; tree.in_leaf(place) && place.key() == hash; PackedTreeView::next_in_leaf(place)) {
    if (name_of(place.bytes()) == name) return {place, true};
  }
  return {place, false};
}

// The element with this name; the end when there is none. `name_of`: an element's name, from its bytes.
template <typename NameOf>
PackedTreeView::Place find_by_hash(const PackedTreeView& tree, uint32_t hash, std::string_view name, NameOf&& name_of) {
  const NamePlace found = place_by_hash(tree, hash, name, name_of);
  return found.found ? found.place : PackedTreeView::Place();
}

// Calls visit(bytes) for about `count` elements from `cursor` on, 0 at first, and returns the next cursor, 0 at the
// end. The cursor is a hash: what is there from the first call to the last is visited once, whatever happens between.
template <typename Visit>
uint64_t scan_by_hash(const PackedTreeView& tree, uint64_t cursor, size_t count, Visit&& visit) {
  size_t visited = 0;
  uint64_t last = 0;
  auto place = tree.lower_bound(static_cast<KeyValue>(cursor));
  for (; !tree.is_end(place); tree.next(place)) {
    // Those with equal hashes belong together: the cursor cannot part them.
    const auto hash = static_cast<uint64_t>(place.key());
    if (visited >= count && hash != last) return hash;
    visit(place.bytes());
    visited++;
    last = hash;
  }
  return 0;
}

}  // namespace cowslip::store
