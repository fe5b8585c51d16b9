#include "memory/snapshot_epoch.h"

#include <cassert>

namespace cowslip::memory {

static_assert(sizeof(std::atomic<uint8_t>) == 1 && std::atomic<uint8_t>::is_always_lock_free,
              "parent and child share plain bytes");

SnapshotEpoch::SnapshotEpoch(KernelMemory& kernel, size_t chunks) : kernel_(kernel), chunks_(chunks) {
  // The kernel's zeroed pages are valid atomics of value 0; nothing is constructed in them.
  progress_ = static_cast<std::atomic<uint8_t>*>(kernel.map_shared(chunks));
}

SnapshotEpoch::~SnapshotEpoch() {
  if (progress_ != nullptr) kernel_.unmap(progress_, chunks_);
}

void SnapshotEpoch::begin(size_t chunks_in_use) {
  assert(!child_alive_ && chunks_in_use <= chunks_);
  for (size_t chunk = 0; progress_ != nullptr && chunk < chunks_in_use; chunk++) {
    progress_[chunk].store(0, std::memory_order_relaxed);
  }
  current_++;
  child_alive_ = true;
}

void SnapshotEpoch::end() {
  child_alive_ = false;
}

void SnapshotEpoch::mark_done(size_t chunk) {
  if (progress_ != nullptr) progress_[chunk].store(1, std::memory_order_release);
}

}  // namespace cowslip::memory
