#include "store/keyspace.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace cowslip::store {

Keyspace::Keyspace(int databases, uint64_t hash_seed, const memory::ChunkPool::Options& memory)
    : chunks_(memory), hash_seed_(hash_seed), random_(hash_seed ^ os_random_u64()) {
  for (int number = 0; number < databases; number++) databases_.push_back(std::make_unique<Database>(*this, number));
  chunks_.set_index_bytes([this] {
    uint64_t bytes = 0;
    for (const auto& db : databases_) bytes += db->contents_->index_touched_bytes();
    return bytes;
  });
}

Keyspace::~Keyspace() = default;

void Keyspace::swap(int a, int b) {
  if (a == b) return;
  observers_.tell([&](KeyObserver& observer) { observer.before_swap(a, b); });
  std::swap(database(a).contents_, database(b).contents_);
  for (const int number : {a, b}) database(number).contents_->set_database(number);
  observers_.tell([&](KeyObserver& observer) { observer.after_swap(a, b); });
}

size_t Keyspace::total_keys() const {
  size_t keys = 0;
  for (const auto& db : databases_) keys += db->size();
  return keys;
}

bool Keyspace::evacuate(const EvacuationLimits& limits, int64_t until_us) {
  bool worked = false;
  for (const auto& db : databases_) worked = db->evacuate(limits, until_us) || worked;
  return worked;
}

EvacuationStatistics Keyspace::evacuation() const {
  EvacuationStatistics sum;
  for (const auto& db : databases_) {
    sum.entries_moved += db->evacuation().entries_moved;
    sum.values_moved += db->evacuation().values_moved;
    sum.nodes_moved += db->evacuation().nodes_moved;
    sum.chunks_emptied += db->evacuation().chunks_emptied;
  }
  return sum;
}

uint64_t Keyspace::overhead_bytes() const {
  uint64_t bytes = chunks_.statistics().metadata_bytes;
  for (const auto& db : databases_) bytes += db->memory_overhead_bytes();
  return bytes;
}

bool Keyspace::index_kept_from_child() const {
  return std::ranges::all_of(databases_, [](const auto& db) { return db->index_kept_from_child(); });
}

Status Keyspace::set_policy(memory::Policy policy, bool on) {
  if (const Status set = chunks_.set_policy(policy, on); !set) return set;
  if (policy == memory::Policy::kUnsharedIndex) {
    for (const auto& db : databases_) db->contents_->set_index_forked(!on);
  }
  return {};
}

bool Keyspace::free_some(int64_t until_us) {
  constexpr size_t kBlocksPerClockReading = 512;
  for (const auto& db : databases_) {
    while (db->to_be_freed() > 0) {
      lazy_free_.add_freed(db->free_some(kBlocksPerClockReading));
      if (SystemClock().monotonic_us() >= until_us) return to_be_freed_here() > 0;
    }
  }
  return false;
}

uint64_t Keyspace::to_be_freed_here() const {
  uint64_t values = 0;
  for (const auto& db : databases_) values += db->to_be_freed();
  return values;
}

size_t Keyspace::empty(int number, bool async) {
  observers_.tell([&](KeyObserver& observer) { observer.before_flush(number); });
  Database& db = database(number);
  const size_t keys = db.size();
  const memory::CowLedger::Because because(chunks_.ledger(), memory::WriteReason::kDelete);
  lazy_free_.add_freed(db.to_be_freed());  // they go with the arena
  auto contents = db.detach();
  if (async && keys > 0) {
    contents->retire();
    lazy_free_.submit(keys, [contents = std::move(contents)]() mutable { contents.reset(); });
  }
  return keys;
}

size_t Keyspace::flush(int number, bool async) {
  const size_t keys = empty(number, async);
  observers_.tell([](KeyObserver& observer) { observer.after_flush(); });
  return keys;
}

size_t Keyspace::flush_all(bool async) {
  size_t keys = 0;
  for (int number = 0; number < count(); number++) keys += empty(number, async);
  observers_.tell([](KeyObserver& observer) { observer.after_flush(); });
  return keys;
}

}  // namespace cowslip::store
