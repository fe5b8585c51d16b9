// All databases of a server, and what they share: the time of the current command, the change counter, hit and expiry
// statistics, the chunks that entries lie in, and the thread that frees large things. Event loop only unless said
// otherwise.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/error.h"
#include "base/random.h"
#include "memory/chunk_pool.h"
#include "store/access_clock.h"
#include "store/database.h"
#include "store/encoding_limits.h"
#include "store/key_events.h"
#include "store/key_observer.h"
#include "store/lazy_free.h"

namespace cowslip::store {

struct KeyspaceStatistics {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t expired_keys = 0;
  uint64_t expired_time_cap_reached = 0;
  uint64_t expire_cycle_cpu_us = 0;
};

// How big values are freed, by what made them go: the settings lazyfree-lazy-expire, -eviction and -server-del.
struct FreeingSettings {
  Freeing expired = Freeing::kNow;
  Freeing evicted = Freeing::kNow;
  Freeing replaced = Freeing::kNow;
};

class Keyspace {
 public:
  Keyspace(int databases, uint64_t hash_seed, const memory::ChunkPool::Options& memory = {});
  ~Keyspace();

  int count() const { return static_cast<int>(databases_.size()); }
  Database& database(int number) { return *databases_[static_cast<size_t>(number)]; }
  const Database& database(int number) const { return *databases_[static_cast<size_t>(number)]; }
  void swap(int a, int b);
  size_t total_keys() const;

  // Empties one or all databases; freed on the lazy-free thread when `async`. Returns the number of keys removed.
  size_t flush(int number, bool async);
  size_t flush_all(bool async);

  // The time by which expiry is judged. Held still while a command runs. Unix milliseconds.
  void set_now_ms(int64_t now_ms) { now_ms_ = now_ms; }
  int64_t now_ms() const { return now_ms_; }

  // Changes to the dataset since the last save, as Redis counts them. Handlers add what they changed.
  void add_dirty(uint64_t changes) { dirty_ += changes; }
  uint64_t dirty() const { return dirty_; }
  void set_dirty(uint64_t changes) { dirty_ = changes; }

  // Whether lookups and the cycle may delete expired keys (not while writes are paused or a file is loading).
  void set_deletes_expired(bool on) { deletes_expired_ = on; }
  bool deletes_expired() const { return deletes_expired_; }

  // Who is told of changes (store/key_observer.h). They leave before the keyspace goes.
  KeyObservers& observers() { return observers_; }
  // Who hears of what commands, expiry and eviction did to keys, by the names that users know (store/key_events.h).
  KeyEvents& events() { return events_; }

  AccessClock& access_clock() { return access_clock_; }
  const AccessClock& access_clock() const { return access_clock_; }
  KeyspaceStatistics& statistics() { return statistics_; }
  const KeyspaceStatistics& statistics() const { return statistics_; }
  // Snapshots begin and end here.
  memory::ChunkPool& chunks() { return chunks_; }
  const memory::ChunkPool& chunks() const { return chunks_; }
  // Database::evacuate for one after the other until the time is up. False when none had anything to do.
  bool evacuate(const EvacuationLimits& limits, int64_t until_us);
  // Of all databases, as they are now: what was flushed took its figures along.
  EvacuationStatistics evacuation() const;
  // Indexes and expiry queues of all databases, and what chunks, slabs and blocks are known by.
  uint64_t overhead_bytes() const;
  // Whether the system agrees that a forked child does not inherit indexes and queues, as far as there are any.
  bool index_kept_from_child() const;
  // Switches a policy of the memory engine on or off (memory/chunk_pool.h), index and queues included.
  Status set_policy(memory::Policy policy, bool on);
  // Whether a child inherits indexes and queues: the policy is switched off.
  bool index_forked() const { return !chunks_.policy(memory::Policy::kUnsharedIndex); }
  // Values that are there already keep their encoding until they are next changed.
  void set_encoding_limits(const EncodingLimits& limits) { encoding_limits_ = limits; }
  const EncodingLimits& encoding_limits() const { return encoding_limits_; }
  void set_freeing(const FreeingSettings& settings) { freeing_ = settings; }
  const FreeingSettings& freeing() const { return freeing_; }
  LazyFree& lazy_free() { return lazy_free_; }
  // Frees big values that were to be freed later, until about `until_us` (monotonic). True while more are left.
  bool free_some(int64_t until_us);
  // Values that are still to be freed, here or by the thread: lazyfree_pending_objects.
  uint64_t to_be_freed() const { return lazy_free_.pending() + to_be_freed_here(); }
  Random& random() { return random_; }
  uint64_t hash_seed() const { return hash_seed_; }

 private:
  size_t empty(int number, bool async);
  uint64_t to_be_freed_here() const;

  memory::ChunkPool chunks_;  // outlives all that lies in it
  uint64_t hash_seed_;
  Random random_;
  AccessClock access_clock_;
  EncodingLimits encoding_limits_;
  FreeingSettings freeing_;
  KeyEvents events_;
  KeyspaceStatistics statistics_;
  KeyObservers observers_;
  int64_t now_ms_ = 0;
  uint64_t dirty_ = 0;
  bool deletes_expired_ = true;
  LazyFree lazy_free_;  // before the databases go, their contents may be handed to it
  std::vector<std::unique_ptr<Database>> databases_;
};

inline void Database::changed(KeyChange change, std::string_view key, const Entry* entry) {
  if (!keyspace_.observers().empty()) [[unlikely]]
    tell({number_, key, change, entry});
}

}  // namespace cowslip::store
