// Which keys fall due next.
//
// An ordered set of (deadline, hash of the key): the exact order, so due keys are found without looking at others, in
// O(log n) per change. It holds hashes and not addresses because entries move; two keys with the same hash and the same
// deadline are two equal elements.
//
// The nodes of the b-tree are not inherited by a forked child: changing deadlines during a save copies nothing. Thread:
// the event loop only, except for the destructor.
#pragma once

#include <absl/container/btree_set.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "base/random.h"
#include "memory/unshared_heap.h"

namespace cowslip::store {

class ExpiryQueue {
 public:
  struct Item {
    int64_t expire_at_ms;
    uint64_t hash;
    friend bool operator<(const Item& a, const Item& b) {
      return a.expire_at_ms != b.expire_at_ms ? a.expire_at_ms < b.expire_at_ms : a.hash < b.hash;
    }
  };

  // `heap` is this queue's alone (what it holds is what memory_bytes() says) and outlives it.
  explicit ExpiryQueue(memory::UnsharedHeap& heap) : items_(Nodes(heap)) {}
  // Looks at no node: the heap takes them all along, and a database of millions of deadlines is dropped at once.
  ~ExpiryQueue() {}  // NOLINT(modernize-use-equals-default): the union's member is not destroyed
  ExpiryQueue(const ExpiryQueue&) = delete;
  ExpiryQueue& operator=(const ExpiryQueue&) = delete;

  void add(int64_t expire_at_ms, uint64_t hash) { wrote(items_.insert({expire_at_ms, hash})); }
  // REQUIRES: this pair was added and not yet removed.
  void remove(int64_t expire_at_ms, uint64_t hash) {
    const auto item = items_.find(Item{expire_at_ms, hash});
    wrote(item);
    items_.erase(item);
  }
  void clear() { items_.clear(); }
  size_t size() const { return items_.size(); }

  std::optional<Item> earliest() const { return items_.empty() ? std::nullopt : std::optional<Item>(*items_.begin()); }
  // One of them by chance, about equally likely. REQUIRES: size() > 0.
  Item random(Random& random) const;
  // Mean time left of the keys, estimated from the deadlines at a few places in the order; 0 when there are none.
  int64_t average_ttl_ms(int64_t now_ms) const;
  size_t memory_bytes() const { return items_.get_allocator().heap()->used_bytes(); }
  // Whether the kernel agrees that a forked child does not inherit what there is of it.
  bool kept_from_child() const { return items_.empty() || items_.get_allocator().heap()->kept_from_child(); }

 private:
  // What a search for it finds is left to chance: each comparison is the toss of a coin.
  struct Coin {
    uint64_t sides;  // of the tosses to come
    int tosses = 0;
    bool toss() {
      tosses++;
      return (std::exchange(sides, sides >> 1) & 1) != 0;
    }
  };
  struct Anywhere {
    Coin* coin;
    friend bool operator<(const Item&, const Anywhere& place) { return place.coin->toss(); }
    friend bool operator<(const Anywhere&, const Item&) { return false; }
  };

  using Nodes = memory::UnsharedAllocator<Item>;
  using Items = absl::btree_multiset<Item, std::less<>, Nodes>;

  // The node that the item is in is written. (Of its neighbours, which take part in a split or a merge, nothing is
  // said.)
  void wrote(Items::const_iterator item) { items_.get_allocator().heap()->wrote(&*item); }

  union {
    Items items_;
  };
};

}  // namespace cowslip::store
