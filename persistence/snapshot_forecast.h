// What a save will cost: before the fork, from the last saves and the present write rate, and while it runs, from how
// it went so far. Pure functions; the models are in docs/decisions/0009-forecast-and-guard.md.
//
// Sizes are bytes, times milliseconds, unless a name says otherwise.
#pragma once

#include <cstdint>
#include <deque>
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

// What a forecast before the fork goes by, beside the last saves.
struct Present {
  uint64_t resident = 0;
  uint64_t page_tables = 0;
  uint64_t keys = 0;
  uint64_t dataset_bytes = 0;  // used memory
  double writes_per_second = 0;
  bool huge_pages = false;  // the dataset lies in them
};

// Of a save that would begin now. `history`: the oldest first; those that neither ended well nor were stopped on the
// way teach nothing.
Forecast forecast_before_fork(const std::deque<SaveRecord>& history, const Present& now);

// One look at a save at work. SaveControl takes them, more often than the timeline has points.
struct SaveSample {
  int64_t at_ms = 0;          // since the fork
  uint64_t keys_written = 0;  // by the child
  uint64_t changes = 0;       // of the dataset since the fork
  int64_t keys_added = 0;     // keys now, less keys at the fork
  int64_t growth = 0;         // of both processes together
  uint64_t copied = 0;        // of it, pages that the child alone still has: gone again when it has saved them
  uint64_t fresh = 0;         // blocks in new memory by the ledger, those freed again not counted; 0: nobody counts
};

// What stays the same during a save.
struct SaveFacts {
  int64_t fork_us = 0;
  uint64_t keys_total = 0;               // at the fork
  uint64_t parent_resident_at_fork = 0;  // bytes
  int64_t tail_ms = 0;                   // from the last key to the end: what the last saves took, 0 if unknown
  int learned_from = 0;                  // saves that tail_ms is from
};

// From the second sample with progress on; empty before. `samples`: the oldest first, the last one is now.
std::optional<Forecast> forecast_running(const SaveFacts& facts, std::span<const SaveSample> samples);

// How long the last saves took from their last key to their end, for a dataset of this size; and how many told.
struct Tail {
  int64_t ms = 0;
  int saves = 0;
};
Tail expected_tail(const std::deque<SaveRecord>& history, uint64_t dataset_bytes);

// Whether a save fits into the memory there is.
struct Verdict {
  bool fits = true;
  std::string limit_name;  // "maxmemory", "snapshot-growth-limit", or of memory::MemoryLimits; empty: no limit
  uint64_t limit = 0;      // 0: none
  uint64_t headroom = 0;   // what may still be taken before it, the reserve taken off
  std::string reason;      // one sentence with the figures, for log, error and SNAPSHOT FORECAST
};

}  // namespace cowslip::persistence
