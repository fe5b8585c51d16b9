// What is known of background saves: everything that INFO prints about them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "persistence/cow_observer.h"

namespace cowslip::persistence {

struct SnapshotState {
  // ---- the child that is at work ----
  bool running = false;
  bool to_socket = false;  // it streams to a client; Redis's rdb_bgsave_in_progress counts both kinds
  pid_t child_pid = -1;
  int64_t started_at_us = 0;            // monotonic
  int64_t current_bgsave_seconds = -1;  // rdb_current_bgsave_time_sec; -1: none
  uint64_t current_cow_size = 0;
  uint64_t current_cow_peak = 0;
  int64_t current_cow_size_age_s = 0;
  double current_fork_percent = 0;  // current_fork_perc
  uint64_t current_save_keys_processed = 0;
  uint64_t current_save_keys_total = 0;
  uint64_t current_save_bytes = 0;

  // ---- history ----
  bool last_bgsave_ok = true;  // rdb_last_bgsave_status
  // The last one that the guard did not stop failed: then stop-writes-on-bgsave-error applies. A save that was stopped
  // says nothing about the disk, and refusing writes to those whom the guard keeps serving would defeat it.
  bool writes_should_stop = false;
  int64_t last_bgsave_seconds = -1;       // rdb_last_bgsave_time_sec; -1: none yet
  uint64_t last_cow_size = 0;             // rdb_last_cow_size
  int64_t last_save_unix_s = 0;           // rdb_last_save_time, LASTSAVE; the server's start until there was one
  int64_t last_attempt_unix_ms = 0;       // start of the last background save into a file
  int64_t latest_fork_us = 0;             // latest_fork_usec
  double latest_fork_gib_per_second = 0;  // of the parent's resident memory
  uint64_t total_forks = 0;
  uint64_t saves = 0;  // rdb_saves: successful, background or not

  // ---- our own section: the child at work, or the last one ----
  CowSummary cow;
  int64_t cow_age_us = 0;        // since cow.last.measured_at_us, up to the child's end
  int64_t cow_exact_age_us = 0;  // the same for cow.last.exact_at_us
  uint64_t parent_resident_at_fork = 0;
  uint64_t parent_page_tables_at_fork = 0;
  uint64_t parent_anonymous_at_fork = 0;
  std::string last_reason;   // why the last one was started
  std::string last_outcome;  // "none", "running", "ok", "error", "cancelled", "killed", "stopped by guard"
  std::string last_error;
};

// Name and value of each line of INFO's section "# Snapshot", in order. No name holds the name of a Redis field.
std::vector<std::pair<std::string, std::string>> snapshot_info_fields(const SnapshotState& state);

}  // namespace cowslip::persistence
