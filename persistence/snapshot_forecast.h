// What a save will cost: before the fork, from the last saves and the present write rate, and while it runs, from how
// it went so far. Pure functions; the models are in docs/decisions/0009-forecast-and-guard.md.
//
// Sizes are bytes, times milliseconds, unless a name says otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "memory/memory_limits.h"
#include "persistence/save_record.h"

namespace cowslip::persistence {

struct Forecast {
  int learned_from = 0;      // saves of the history that went into it; 0: there are none, all figures are assumptions
  std::string basis;         // in words: where the figures come from
  double progress = 0;       // of the save, 0 to 1; 0 before the fork
  int64_t fork_us = 0;       // of the coming fork, or as it was
  int64_t duration_ms = 0;   // from fork to end
  int64_t remaining_ms = 0;  // the same as duration_ms before the fork
  int64_t growth = 0;        // at its peak: copies and new memory
  int64_t growth_low = 0;    // the band that it is expected to stay in
  int64_t growth_high = 0;
  uint64_t peak_memory = 0;  // of both processes together: resident at the fork and growth
};

// Whether a save fits into the memory there is.
struct Verdict {
  bool fits = true;
  std::string limit_name;  // "maxmemory", "snapshot-growth-limit", or of memory::MemoryLimits; empty: no limit
  uint64_t limit = 0;      // 0: none
  uint64_t headroom = 0;   // what may still be taken before it, the reserve taken off
  std::string reason;      // one sentence with the figures, for log, error and SNAPSHOT FORECAST
};

}  // namespace cowslip::persistence
