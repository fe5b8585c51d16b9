#include "store/evacuation.h"

#include <algorithm>

#include "base/clock.h"
#include "store/entry_factory.h"
#include "store/index.h"

namespace cowslip::store {
namespace {

// A chunk fuller than this is not worth the moves that empty it.
constexpr double kMostUsed = 0.97;

int64_t now_us() {
  return SystemClock().monotonic_us();
}

uint64_t distance(uint64_t a, uint64_t b) {
  return a > b ? a - b : b - a;
}

}  // namespace

bool Evacuation::has_work(const Kind& kind, const EvacuationLimits& limits) const {
  const uint64_t free_bytes = arena_.free_bytes(kind.kind);
  if (kind.stuck_free_bytes && distance(*kind.stuck_free_bytes, free_bytes) < memory::kChunkBytes) return false;
  const uint64_t chunk_bytes = free_bytes + arena_.used_bytes(kind.kind);
  return free_bytes > limits.tolerated_bytes &&
         static_cast<double>(free_bytes) > limits.tolerated_share * static_cast<double>(chunk_bytes);
}

bool Evacuation::wanted(const EvacuationLimits& limits) const {
  return chunk_ || std::ranges::any_of(kinds_, [&](const Kind& kind) { return has_work(kind, limits); });
}

void Evacuation::step(const EvacuationLimits& limits, int64_t until_us) {
  while (now_us() < until_us) {
    if (!chunk_ && !choose_chunk(limits)) return;
    if (chunk_) move_blocks();
  }
}

bool Evacuation::choose_chunk(const EvacuationLimits& limits) {
  for (Kind& kind : kinds_) {
    if (!has_work(kind, limits)) continue;
    kind.stuck_free_bytes.reset();
    const auto chosen = arena_.begin_evacuation(kind.kind, kMostUsed);
    if (!chosen && chosen.error() == memory::Arena::NoChunk::kYet) return true;
    if (chosen) {
      chunk_ = *chosen;
      kind_ = &kind;
      chunk_bytes_before_ = arena_.chunk_bytes();
      return true;
    }
    kind.stuck_free_bytes = arena_.free_bytes(kind.kind);
  }
  return false;
}

void Evacuation::move_blocks() {
  blocks_.clear();
  arena_.blocks_of(*chunk_, kind_->blocks_at_once, blocks_);
  for (void* block : blocks_) move(block);
  if (blocks_.empty()) end_chunk();
}

void Evacuation::end_chunk() {
  arena_.end_evacuation(*chunk_);
  chunk_.reset();
  statistics_.chunks_emptied++;
  // Moving that gains nothing would go on for ever: new chunks were taken, by the moves or by clients meanwhile.
  if (arena_.chunk_bytes() >= chunk_bytes_before_) kind_->stuck_free_bytes = arena_.free_bytes(kind_->kind);
}

void Evacuation::move(void* block) {
  switch (kind_->kind) {
    case memory::BlockKind::kEntry:
      return move_entry(block);
    case memory::BlockKind::kLargeValue:
      return move_value(block);
    case memory::BlockKind::kNode:
      return move_node(block);
  }
}

void Evacuation::move_entry(void* block) {
  auto* const entry = static_cast<Entry*>(block);
  Index::Slot slot = index_.find_entry(index_.hash(entry->key()), entry);
  slot.set_entry(factory_.moved(entry));
  statistics_.entries_moved++;
}

void Evacuation::move_node(void* block) {
  factory_.move_node(block);
  statistics_.nodes_moved++;
}

void Evacuation::move_value(void* block) {
  factory_.move_value(block);
  statistics_.values_moved++;
}

}  // namespace cowslip::store
