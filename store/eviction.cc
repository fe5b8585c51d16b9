#include "store/eviction.h"

#include <algorithm>
#include <utility>

#include "store/keyspace.h"

namespace cowslip::store {

void Eviction::set_policy(EvictionPolicy policy) {
  if (policy == policy_) return;
  policy_ = policy;
  pool_.clear();
}

bool Eviction::evict_one() {
  switch (policy_.order) {
    case EvictionPolicy::Order::kIdle:
    case EvictionPolicy::Order::kSeldom:
      return evict_best();
    case EvictionPolicy::Order::kRandom:
      return evict_random();
    case EvictionPolicy::Order::kDeadline:
      return evict_first_due();
  }
  return false;
}

bool Eviction::evict(int database, const Database::DrawnKey& key) {
  return keyspace_.database(database).evict(key, [&](std::string_view name) {
    if (told_) told_(database, name);
  });
}

// ---- LRU and LFU ----

// A round brings at least one candidate that is still as it was drawn, unless there are no keys: the loop ends.
bool Eviction::evict_best() {
  while (fill_pool()) {
    while (!pool_.empty()) {
      const Candidate best = pool_.back();
      pool_.pop_back();
      if (evict(best.database, best.key)) return true;
    }
  }
  return false;
}

// False when there was nothing to draw from.
bool Eviction::fill_pool() {
  bool drawn = false;
  for (int number = 0; number < keyspace_.count(); number++) {
    Database& db = keyspace_.database(number);
    if ((policy_.volatile_only ? db.expires() : db.size()) == 0) continue;
    drawn = true;
    if (policy_.volatile_only) {
      db.sample_volatile(samples_, [&](const Database::DrawnKey& key) {
        const uint64_t score = score_of(key.access);
        if (worth_keeping(number, score, key.entry, key.access)) keep({score, number, key});
      });
    } else {
      db.sample(samples_, [&](const Entry* entry, uint32_t access) {
        const uint64_t score = score_of(access);
        if (!worth_keeping(number, score, entry, access)) return;
        keep({score, number, {entry, db.hash(entry->key()), access}});
      });
    }
  }
  return drawn;
}

uint64_t Eviction::score_of(uint32_t access) const {
  const AccessClock& clock = keyspace_.access_clock();
  if (policy_.order == EvictionPolicy::Order::kSeldom) return UINT8_MAX - clock.frequency(access, keyspace_.now_ms());
  return clock.idle_seconds(access, keyspace_.now_ms());
}

// Not so when the pool is full of better ones, or has it.
bool Eviction::worth_keeping(int database, uint64_t score, const Entry* entry, uint32_t access) const {
  if (pool_.size() == kPoolSize && score <= pool_.front().score) return false;
  return std::ranges::none_of(pool_, [&](const Candidate& candidate) {
    return candidate.key.entry == entry && candidate.key.access == access && candidate.database == database;
  });
}

void Eviction::keep(const Candidate& candidate) {
  pool_.insert(std::ranges::lower_bound(pool_, candidate.score, {}, &Candidate::score), candidate);
  if (pool_.size() > kPoolSize) pool_.erase(pool_.begin());
}

// ---- the others ----

// Databases take turns, so that a small one does not lose its keys before a large one loses any.
bool Eviction::evict_random() {
  for (int tried = 0; tried < keyspace_.count(); tried++) {
    const int number = std::exchange(next_database_, (next_database_ + 1) % keyspace_.count());
    Database& db = keyspace_.database(number);
    const auto drawn = policy_.volatile_only ? db.draw_volatile() : db.draw();
    if (drawn && evict(number, *drawn)) return true;
  }
  return false;
}

bool Eviction::evict_first_due() {
  std::optional<int> first;
  int64_t earliest_ms = 0;
  for (int number = 0; number < keyspace_.count(); number++) {
    const auto deadline_ms = keyspace_.database(number).earliest_expiry_ms();
    if (!deadline_ms || (first && *deadline_ms >= earliest_ms)) continue;
    first = number;
    earliest_ms = *deadline_ms;
  }
  return first && evict(*first, *keyspace_.database(*first).first_due());
}

}  // namespace cowslip::store
