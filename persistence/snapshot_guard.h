// Keeps a background save from taking the memory that the server lives on: whether one may begin, and when one at work
// has to be stopped.
//
// Problem: while a child is alive memory grows by what is written. In a container, or on a machine without room for it,
// the kernel then kills somebody, and that is the server with all the data since the last save.
//
// Solution: before the fork, the forecast of growth is held against the room there is. While the child lives, the room
// is looked at every few ticks; when what is left is only just what writes can take until a killed child has given its
// memory back, it is killed. All decisions are pure functions of what was read; SaveControl reads and acts.
//
// Sizes are bytes, times milliseconds, unless a name says otherwise. The rules:
// docs/decisions/0009-forecast-and-guard.md
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "memory/memory_limits.h"
#include "persistence/snapshot_forecast.h"

namespace cowslip::persistence {

// snapshot-growth-limit as it was set. At most one of the two is not 0; both 0: no limit.
struct GrowthLimit {
  uint64_t bytes = 0;
  int64_t percent = 0;  // of the resident memory at the fork
  bool any() const { return bytes != 0 || percent != 0; }
  uint64_t of(uint64_t resident) const {
    return percent != 0 ? resident / 100 * static_cast<uint64_t>(percent) : bytes;
  }
  friend bool operator==(const GrowthLimit&, const GrowthLimit&) = default;
};

struct GuardSettings {
  bool enabled = true;  // snapshot-guard
  GrowthLimit growth_limit;
  uint64_t reserve = 0;    // snapshot-memory-reserve: never to be taken by a save
  uint64_t maxmemory = 0;  // no limit of the process; named in the reason when the data is above it
};

// Whether a save with that forecast fits. With no history only what certainly cannot fit does not: the guard that runs
// along with the save is there for the rest. `resident`: of the process, now. Does not look at settings.enabled.
Verdict judge_before_fork(const Forecast& forecast, const memory::MemoryLimits& limits, const GuardSettings& settings,
                          uint64_t resident);

// A look at a save at work.
struct GuardReading {
  int64_t at_ms = 0;   // since the fork
  int64_t growth = 0;  // of both processes
  memory::Headroom headroom;
};

// Watches one save. Event loop only.
class SnapshotGuard {
 public:
  // How long a killed child is given until its memory is free, a tick and scheduling included: measured up to 60 ms
  // from the decision on, with six busy processes for each processor.
  static constexpr int64_t kStopMs = 200;
  // What is allowed for beside that: pages and chunks are handed out many at a time.
  static constexpr uint64_t kMarginBytes = 8 << 20;

  // A save begins in a process of that resident size.
  void begin(uint64_t resident_at_fork);
  // Why the save must be stopped now, in one sentence with the figures; empty: go on.
  std::optional<std::string> check(const GuardReading& reading, const GuardSettings& settings);
  // Bytes per millisecond that the room has lately shrunk by at its fastest.
  double consumption() const { return consumption_; }

 private:
  static constexpr size_t kWindow = 16;  // readings that the consumption is taken from

  void update_consumption(const GuardReading& reading);

  uint64_t resident_at_fork_ = 0;
  std::array<GuardReading, kWindow> recent_;
  size_t readings_ = 0;
  double consumption_ = 0;
};

// When a save that was stopped may be tried again: 5 s later, then twice as long each time it is stopped again.
class StopBackoff {
 public:
  static constexpr int64_t kFirstMs = 5'000;
  static constexpr int64_t kLongestMs = 300'000;

  void stopped(int64_t now_ms);
  void succeeded() { *this = {}; }
  bool may_try(int64_t now_ms) const { return now_ms >= not_before_ms_; }
  int64_t not_before_ms() const { return not_before_ms_; }  // 0: nothing was stopped

 private:
  int64_t delay_ms_ = 0;
  int64_t not_before_ms_ = 0;
};

}  // namespace cowslip::persistence
