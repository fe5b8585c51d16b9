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

#include <algorithm>
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
// along with the save is there for the rest. Where the kernel would end the server together with the child
// (memory.oom.group), the forecast's upper end has to fit. `resident`: of the process, now. Does not look at
// settings.enabled.
Verdict judge_before_fork(const Forecast& forecast, const memory::MemoryLimits& limits, const GuardSettings& settings,
                          uint64_t resident);

// A look at a save at work.
struct GuardReading {
  int64_t at_ms = 0;   // since the fork
  int64_t growth = 0;  // of both processes
  memory::Headroom headroom;
  int64_t exact_at_ms = 0;  // since the fork: when growth was last read from the kernel and not estimated
};

// Watches one save. Event loop only.
class SnapshotGuard {
 public:
  // How long a killed child is given until its memory is free, a tick and scheduling included: measured up to 60 ms
  // from the decision on, with six busy processes for each processor.
  static constexpr int64_t kStopMs = 200;
  // What is allowed for beside that: pages and chunks are handed out many at a time.
  static constexpr uint64_t kMarginBytes = 8 << 20;

  // A save begins in a process of that resident size. One that was forced knows no limit of growth, and may take a
  // quarter of the room that it finds even if less than the reserve is left.
  void begin(uint64_t resident_at_fork, bool forced);
  // Why the save must be stopped now, in one sentence with the figures; empty: go on.
  std::optional<std::string> check(const GuardReading& reading, const GuardSettings& settings);
  // Bytes per millisecond that the room has lately shrunk by at its fastest.
  double consumption() const { return std::max(grown_, taken_); }

 private:
  static constexpr size_t kWindow = 16;  // readings that the consumption is taken from
  static constexpr uint64_t kOthersShare =
      10;  // of a machine's room, a tenth: the most that others are foreseen to take

  void update_consumption(const GuardReading& reading);

  uint64_t kept_free(const GuardReading& reading, const GuardSettings& settings);

  uint64_t resident_at_fork_ = 0;
  bool forced_ = false;
  std::optional<uint64_t> first_room_;  // of a save that was forced
  std::array<GuardReading, kWindow> recent_;
  size_t readings_ = 0;
  double grown_ = 0;  // bytes per millisecond, lately at its fastest: by the save itself
  double taken_ = 0;  // by whom ever
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

// A save that is due and not expected to fit. Forecasts come from the last saves, and while none runs nothing is
// learned: so that a wrong one does not last, a try is due after 1, 2, 4, 5, 5, ... minutes of waiting, by the rule for
// a server without history. Times are of one clock, milliseconds.
class Postponement {
 public:
  static constexpr int64_t kFirstPatienceMs = 60'000;
  static constexpr int64_t kLongestPatienceMs = 300'000;
  static constexpr int64_t kWarnAgainMs = 180'000;

  struct Answer {
    bool first = false;   // the save has just begun to wait
    bool warn = false;    // somebody should read of it, for the first time or again
    bool try_it = false;  // it may begin if it would with no history
  };
  Answer does_not_fit(int64_t now_ms);
  // The save begins, or is not due any more.
  void over() { waiting_ = false; }
  // One ended well: there is something new to learn from.
  void succeeded() { *this = {}; }
  bool waiting() const { return waiting_; }

 private:
  bool waiting_ = false;
  int64_t since_ms_ = 0;  // the last try, or the beginning
  int64_t warned_ms_ = 0;
  int64_t patience_ms_ = kFirstPatienceMs;
};

}  // namespace cowslip::persistence
