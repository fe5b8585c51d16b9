// Which keys fall due next.
//
// An ordered set of (deadline, hash of the key): the exact order, so due keys are found without looking at others, in
// O(log n) per change. It holds hashes and not addresses because entries move; two keys with the same hash and the same
// deadline are two equal elements. Thread: the event loop only.
#pragma once

#include <absl/container/btree_set.h>

#include <cstdint>
#include <optional>

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

  void add(int64_t expire_at_ms, uint64_t hash) { items_.insert({expire_at_ms, hash}); }
  // REQUIRES: this pair was added and not yet removed.
  void remove(int64_t expire_at_ms, uint64_t hash) { items_.erase(items_.find(Item{expire_at_ms, hash})); }
  void clear() { items_.clear(); }
  size_t size() const { return items_.size(); }

  std::optional<Item> earliest() const { return items_.empty() ? std::nullopt : std::optional<Item>(*items_.begin()); }
  // Mean time left of the keys, estimated from the deadlines at a few places in the order; 0 when there are none.
  int64_t average_ttl_ms(int64_t now_ms) const;
  // An estimate: b-tree nodes are three quarters full on average.
  size_t memory_bytes() const { return items_.size() * sizeof(Item) * 4 / 3; }

 private:
  absl::btree_multiset<Item> items_;
};

}  // namespace cowslip::store
