// Everything that is known of one background save: while it runs and afterwards. Plain data, no behaviour; the history
// (save_history.h), SNAPSHOT, INFO, the metrics and the web page all show what is here.
//
// Sizes are bytes, times milliseconds, unless a name says otherwise. What could not be measured is empty or 0 as said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::persistence {

// What one cause made memory grow by (memory/cow_ledger.h). A cause is a command (or the server itself) in a database,
// the kind of memory it wrote to, and why.
struct CauseRow {
  std::string command;  // its full name, lower case: "set", "config|set"; "(server)" when no command was running
  int database = -1;    // -1: none
  std::string kind;     // memory::name(MemoryKind): "entry", "large_value", "node", "index", "metadata", "outside"
  std::string reason;   // memory::name(WriteReason): "fresh_write", "in_place", "delete", "expire", "evict", ...
  uint64_t copied = 0;  // pages of the snapshot that were written first by it, which the kernel copied
  uint64_t fresh = 0;   // blocks in memory that is new since the fork
  uint64_t reused = 0;  // blocks in memory that the child had given back already: no growth
  uint64_t blocks = 0;  // that were taken, fresh and reused
};

// One look at a running save.
struct TimelinePoint {
  int64_t at_ms = 0;  // since the fork
  uint64_t parent_resident = 0;
  uint64_t parent_proportional = 0;  // shared pages counted by half
  uint64_t child_resident = 0;
  uint64_t child_proportional = 0;
  uint64_t copied = 0;               // pages that are the child's alone, now
  uint64_t fresh = 0;                // blocks in new memory since the fork, by the ledger
  int64_t growth = 0;                // of both processes together
  uint64_t parent_minor_faults = 0;  // since the fork
  uint64_t keys_written = 0;         // by the child
  uint64_t bytes_written = 0;        // by the child
  double writes_per_second = 0;      // changes of the dataset, since the point before
  int64_t latency_p50_us = 0;        // of commands since the point before; 0: there were none
  int64_t latency_p99_us = 0;
  int64_t latency_p999_us = 0;
  uint64_t cgroup_usage = 0;  // page cache included, as the kernel counts it; 0: in no limited cgroup
  uint64_t cgroup_limit = 0;  // 0: none
  // What was expected at this moment; empty before there was enough to go by.
  std::optional<int64_t> forecast_growth = {};       // at its peak
  std::optional<int64_t> forecast_duration_ms = {};  // from fork to end
};

// The ledger beside what the kernel says (cow_cross_check.h). A difference is (ledger - measure) / measure; empty: not
// measured, or too little to compare. Each figure of the kernel is the largest that was read, and the ledger's is that
// of the same moment.
struct CrossCheck {
  uint64_t ledger_copied = 0;                  // pages that are the child's alone by the ledger, and outside_copied
  uint64_t outside_copied = 0;                 // of it, what lies outside the engine's memory: /proc/PID/pagemap
  std::optional<uint64_t> rollup_copied = {};  // Private_Dirty of the child, smaps_rollup
  std::optional<uint64_t> faults_copied = {};  // from minor faults, over the whole save
  uint64_t ledger_copied_total = 0;            // what faults_copied has to be held against
  int64_t ledger_growth = 0;                   // copies and new memory, by the ledger
  std::optional<int64_t> process_growth = {};  // of both processes' memory, /proc
  std::optional<int64_t> cgroup_growth = {};   // of the cgroup's anonymous memory
  std::optional<double> rollup_difference = {};
  std::optional<double> faults_difference = {};
  std::optional<double> process_difference = {};
  std::optional<double> cgroup_difference = {};
};

// What was forecast when a share of a save was done, and what came.
struct ForecastCheck {
  double progress = 0;  // 0: before the fork
  int64_t growth = 0;   // the forecast peak
  int64_t duration_ms = 0;
  std::optional<double> growth_error = {};  // (forecast - actual) / actual, once the save has ended
  std::optional<double> duration_error = {};
};

// How a save ended, or that it has not.
enum class SaveResult : uint8_t { kRunning, kOk, kError, kCancelled, kKilled, kStoppedByGuard };
std::string_view name(SaveResult result);  // "running", "ok", "error", "cancelled", "killed", "stopped by guard"

struct SaveRecord {
  uint64_t id = 0;  // 1 for the first in a data folder; goes on after a restart
  std::string reason;
  SaveResult result = SaveResult::kRunning;
  std::string error;  // the reason alone, in words; empty when all went well, or it was cancelled
  bool to_socket = false;
  int64_t started_unix_ms = 0;
  int64_t duration_ms = 0;  // so far
  int64_t fork_us = 0;

  uint64_t keys_total = 0;  // at the fork
  uint64_t keys_written = 0;
  uint64_t bytes_written = 0;
  uint64_t dataset_bytes = 0;  // used memory at the fork
  uint64_t parent_resident_at_fork = 0;
  uint64_t page_tables_at_fork = 0;
  bool huge_pages = false;
  uint64_t changes = 0;    // of the dataset since the fork
  int64_t keys_added = 0;  // keys at the end, less keys at the fork

  uint64_t copied_peak = 0;
  uint64_t copied_total = 0;  // by the ledger
  uint64_t fresh = 0;
  uint64_t reused = 0;
  int64_t growth_peak = 0;
  int64_t growth_end = 0;
  uint64_t minor_faults = 0;

  std::vector<CauseRow> causes;  // the largest first
  CrossCheck cross_check;
  std::vector<ForecastCheck> forecasts;
  std::vector<TimelinePoint> timeline;
};

}  // namespace cowslip::persistence
