// Which key goes when memory is short: the eviction policies.
//
// Problem: the key to be missed least is the one used longest ago (LRU) or least often (LFU). A list of all keys in
// that order would take memory for each of them and a write for each read. Solution: sampling. Each eviction draws some
// keys by chance, and the best candidates of this and of earlier draws wait in a pool of 16, of which the best goes.
//
//     policy              keys are drawn from                       which one goes
//     allkeys-lru, -lfu   the index: whole buckets, which hold      the best of the pool
//                         the stamps, so no entry is read
//     volatile-lru, -lfu  the expiry queue: a random way down       the best of the pool
//                         its tree; the cost does not depend on
//                         how few keys expire
//     *-random            the same two                              the one that was drawn
//     volatile-ttl        nothing is drawn                          the first of the expiry queues: exact
//
// A candidate is known by its entry's address, the hash of its key and its stamp. It is looked up again before it goes:
// one that has been moved, deleted or used since is dropped from the pool. Databases are drawn from alike, each in its
// turn or all together.
//
// Freed memory is counted as free at once, also while a child has it: used_bytes() is of live data
// (docs/decisions/0011-eviction.md). Thread: the event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "store/database.h"

namespace cowslip::store {

class Keyspace;

struct EvictionPolicy {
  enum class Order {
    kIdle,    // what was used longest ago goes first: LRU
    kSeldom,  // what is used least often: LFU. REQUIRES: the access clock counts uses (AccessClock::set_lfu())
    kRandom,
    kDeadline,  // what expires first; of keys that expire only, whatever `volatile_only` says
  };
  Order order = Order::kIdle;
  bool volatile_only = false;  // keys without expiry stay
  friend bool operator==(const EvictionPolicy&, const EvictionPolicy&) = default;
};

class Eviction {
 public:
  static constexpr size_t kPoolSize = 16;

  // Told of each key that is evicted: it is not found any more; the name is valid during the call.
  using OnEvicted = std::function<void(int database, std::string_view key)>;

  explicit Eviction(Keyspace& keyspace) : keyspace_(keyspace) { pool_.reserve(kPoolSize + 1); }
  Eviction(const Eviction&) = delete;
  Eviction& operator=(const Eviction&) = delete;

  // Another policy than before forgets the candidates: their order means nothing to it.
  void set_policy(EvictionPolicy policy);
  // Keys to be drawn for an eviction from each database, at least: a bucket is drawn whole.
  void set_samples(size_t samples) { samples_ = samples; }
  void on_evicted(OnEvicted told) { told_ = std::move(told); }

  // Evicts one key by Keyspace::now_ms(). False when there is none that may go.
  bool evict_one();

 private:
  struct Candidate {
    uint64_t score;  // the highest goes first
    int database;
    Database::DrawnKey key;  // its entry is not to be read before it was found again
  };

  bool evict_best();
  bool evict_random();
  bool evict_first_due();
  bool fill_pool();
  uint64_t score_of(uint32_t access) const;
  bool worth_keeping(int database, uint64_t score, const Entry* entry, uint32_t access) const;
  void keep(const Candidate& candidate);
  // False when it is not there any more, or was used meanwhile.
  bool evict(int database, const Database::DrawnKey& key);

  Keyspace& keyspace_;
  EvictionPolicy policy_;
  size_t samples_ = 5;
  OnEvicted told_;
  std::vector<Candidate> pool_;  // by score, the best at the end
  int next_database_ = 0;        // for random choices
};

}  // namespace cowslip::store
