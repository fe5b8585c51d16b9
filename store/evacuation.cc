#include "store/evacuation.h"

#include "base/clock.h"
#include "store/entry_factory.h"
#include "store/index.h"

namespace cowslip::store {
namespace {

constexpr memory::BlockKind kKinds[] = {memory::BlockKind::kEntry, memory::BlockKind::kLargeValue};

// A chunk fuller than this is not worth the moves that empty it.
constexpr double kMostUsed = 0.97;

// Between two looks at the clock: some ten microseconds of moving.
constexpr size_t kBlocksAtOnce = 32;

int64_t now_us() {
  return SystemClock().monotonic_us();
}

uint64_t distance(uint64_t a, uint64_t b) {
  return a > b ? a - b : b - a;
}

}  // namespace

bool Evacuation::too_much_is_free(memory::BlockKind kind, const EvacuationLimits& limits) const {
  const uint64_t free_bytes = arena_.free_bytes(kind);
  const uint64_t chunk_bytes = free_bytes + arena_.used_bytes(kind);
  return free_bytes > limits.tolerated_bytes &&
         static_cast<double>(free_bytes) > limits.tolerated_share * static_cast<double>(chunk_bytes);
}

bool Evacuation::wanted(const EvacuationLimits& limits) const {
  if (chunk_) return true;
  if (stuck_at_bytes_ && distance(*stuck_at_bytes_, arena_.used_bytes()) < memory::kChunkBytes) return false;
  return too_much_is_free(kKinds[0], limits) || too_much_is_free(kKinds[1], limits);
}

void Evacuation::step(const EvacuationLimits& limits, int64_t until_us) {
  while (now_us() < until_us) {
    if (!chunk_ && !choose_chunk(limits)) return;
    move_blocks();
  }
}

bool Evacuation::choose_chunk(const EvacuationLimits& limits) {
  stuck_at_bytes_.reset();
  for (const memory::BlockKind kind : kKinds) {
    if (!too_much_is_free(kind, limits)) continue;
    chunk_ = arena_.begin_evacuation(kind, kMostUsed);
    kind_ = kind;
    if (chunk_) return true;
    stuck_at_bytes_ = arena_.used_bytes();
  }
  return false;
}

void Evacuation::move_blocks() {
  blocks_.clear();
  arena_.blocks_of(*chunk_, kBlocksAtOnce, blocks_);
  for (void* block : blocks_) kind_ == memory::BlockKind::kEntry ? move_entry(block) : move_value(block);
  if (!blocks_.empty()) return;
  arena_.end_evacuation(*chunk_);
  chunk_.reset();
  statistics_.chunks_emptied++;
}

void Evacuation::move_entry(void* block) {
  auto* const entry = static_cast<Entry*>(block);
  Index::Slot slot = index_.find_entry(index_.hash(entry->key()), entry);
  slot.set_entry(factory_.moved(entry));
  statistics_.entries_moved++;
}

void Evacuation::move_value(void* block) {
  factory_.move_value(block);
  statistics_.values_moved++;
}

}  // namespace cowslip::store
