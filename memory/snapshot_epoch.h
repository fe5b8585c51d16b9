// Which memory a forked child still needs as it is.
//
// Problem: after a fork the first write to a page makes the kernel copy it. Solution: know which pages those would be
// and write elsewhere. Time is counted in epochs, one for each fork; a chunk remembers the epoch of its birth:
//
//     epoch 7        | fork: epoch 8 begins           | child ends
//     chunk A (born 7)  frozen ............... written |  writable again
//     chunk B (born 8)        writable: the child never saw it
//
// A chunk is frozen while a child is alive that inherited it and has not reported it done. The child reports through
// one byte per chunk in memory that both share, after it has given the chunk's pages back: from then on they are the
// parent's alone.
//
// Thread: begin() and end() belong to the event loop; another thread may ask frozen() under a lock that those two are
// called with; mark_done() is the child's.
#pragma once

#include <atomic>
#include <cstdint>

#include "memory/kernel_memory.h"

namespace cowslip::memory {

class SnapshotEpoch {
 public:
  // `chunks`: how many there can ever be. Without shared memory (refused by the kernel) no chunk is ever done before
  // the child ends.
  SnapshotEpoch(KernelMemory& kernel, size_t chunks);
  ~SnapshotEpoch();
  SnapshotEpoch(const SnapshotEpoch&) = delete;
  SnapshotEpoch& operator=(const SnapshotEpoch&) = delete;

  // Just before the fork: what was born up to now is frozen. The progress of the first
  // `chunks_in_use` chunks is cleared.
  // REQUIRES: no child is alive.
  void begin(size_t chunks_in_use);
  // The child has been waited for, or the fork failed.
  void end();

  uint32_t current() const { return current_; }
  bool progress_shared() const { return progress_ != nullptr; }
  bool child_alive() const { return child_alive_; }
  // A child still has it. Being so, it is frozen: nothing is written to it, unless fresh writes are switched off.
  bool inherited(size_t chunk, uint32_t born) const { return child_alive_ && born < current_ && !given_back(chunk); }
  bool frozen(size_t chunk, uint32_t born) const { return fresh_writes_ && inherited(chunk, born); }
  bool fresh_writes() const { return fresh_writes_; }
  // REQUIRES: no child is alive.
  void set_fresh_writes(bool on) { fresh_writes_ = on; }
  // The child will not read it again. REQUIRES: a child is alive.
  bool given_back(size_t chunk) const {
    return progress_ != nullptr && progress_[chunk].load(std::memory_order_acquire) != 0;
  }

  // In the child: it will not read the chunk again and has given its pages back.
  void mark_done(size_t chunk);

 private:
  KernelMemory& kernel_;
  std::atomic<uint8_t>* progress_ = nullptr;  // shared with the child
  size_t chunks_;
  uint32_t current_ = 1;
  bool child_alive_ = false;
  bool fresh_writes_ = true;
};

}  // namespace cowslip::memory
