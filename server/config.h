// Every setting of a server, typed, with Redis 7.2's default.
//
// ServerConfig is plain data: read it anywhere on the event loop. It is changed in one place only, ConfigStore
// (server/config_store.h), which knows each directive's name, syntax and checks, and tells those who asked when a value
// changes. Names are the directives' with '_' for '-'.
//
// Sizes are bytes, times carry their unit in the name.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/log.h"
#include "store/encoding_limits.h"

namespace cowslip::server {

// "save 900 1": a background save once `seconds` have passed with at least `changes` changes.
struct SavePoint {
  int64_t seconds;
  uint64_t changes;
  friend bool operator==(const SavePoint&, const SavePoint&) = default;
};

// The classes of client-output-buffer-limit.
enum class ClientClass { kNormal, kReplica, kPubSub };
inline constexpr size_t kClientClasses = 3;

// A client is closed when its unsent replies exceed `hard_bytes`, or `soft_bytes` for `soft_seconds`. 0: no limit.
struct OutputBufferLimit {
  uint64_t hard_bytes;
  uint64_t soft_bytes;
  int64_t soft_seconds;
  friend bool operator==(const OutputBufferLimit&, const OutputBufferLimit&) = default;
};

// Who may use DEBUG, and change protected directives.
enum class ProtectedAction { kNo, kYes, kLocal };
enum class OomScoreMode { kNo, kRelative, kAbsolute };
// Places in oom-score-adj-values.
inline constexpr size_t kMasterOomScore = 0;
inline constexpr size_t kChildOomScore = 2;
// What goes when maxmemory is reached (store/eviction.h).
enum class MaxMemoryPolicy {
  kVolatileLru,
  kVolatileLfu,
  kVolatileRandom,
  kVolatileTtl,
  kAllKeysLru,
  kAllKeysLfu,
  kAllKeysRandom,
  kNoEviction,
};

// What SIGTERM and SIGINT do: flags as SHUTDOWN's options; none of them is "default".
struct ShutdownFlags {
  bool save = false;
  bool nosave = false;
  bool now = false;
  bool force = false;
  friend bool operator==(const ShutdownFlags&, const ShutdownFlags&) = default;
};

using store::EncodingLimits;

struct ServerConfig {
  // ---- network ----
  std::vector<std::string> bind = {"*", "-::*"};  // a leading '-': no error when the address is not available
  std::string bind_source_addr;
  int64_t port = 6379;  // 0: no TCP
  std::string unixsocket;
  uint32_t unixsocketperm = 0;  // 0: leave what umask gives
  int64_t tcp_backlog = 511;
  int64_t tcp_keepalive_seconds = 300;
  int64_t timeout_seconds = 0;  // idle clients; 0: never
  int64_t maxclients = 10000;
  bool protected_mode = true;
  std::string requirepass;
  uint64_t proto_max_bulk_len = 512ull << 20;
  uint64_t client_query_buffer_limit = 1ull << 30;
  std::array<OutputBufferLimit, kClientClasses> client_output_buffer_limit = {
      {{0, 0, 0}, {256ull << 20, 64ull << 20, 60}, {32ull << 20, 8ull << 20, 60}}};
  int64_t io_threads = 1;  // accepted; this version always serves from one thread
  bool io_threads_do_reads = false;
  int64_t socket_mark_id = 0;
  int64_t http_port = 0;  // metrics and the page (server/http/); 0: off
  std::vector<std::string> http_bind = {"127.0.0.1", "-::1"};

  // ---- process ----
  int64_t databases = 16;
  int64_t hz = 10;
  bool dynamic_hz = true;
  bool daemonize = false;
  std::string pidfile;  // with daemonize and none given: /var/run/redis.pid
  LogLevel loglevel = LogLevel::kNotice;
  std::string logfile;  // empty: standard output
  bool always_show_logo = false;
  bool set_proc_title = true;
  std::string proc_title_template = "{title} {listen-addr} {server-mode}";
  std::string locale_collate;
  // Accepted for the sake of existing files, without effect: this server lives on huge pages, and setting
  // PR_SET_THP_DISABLE would take them away.
  bool disable_thp = true;
  OomScoreMode oom_score_adj = OomScoreMode::kNo;
  std::array<int, 3> oom_score_adj_values = {0, 200, 800};  // master, replica, background child
  int64_t shutdown_timeout_seconds = 10;
  ShutdownFlags shutdown_on_sigint;
  ShutdownFlags shutdown_on_sigterm;
  bool crash_log_enabled = true;
  bool crash_memcheck_enabled = true;
  std::string ignore_warnings;
  ProtectedAction enable_debug_command = ProtectedAction::kNo;
  ProtectedAction enable_protected_configs = ProtectedAction::kNo;
  ProtectedAction enable_module_command = ProtectedAction::kNo;

  // ---- snapshots ----
  std::string dir;  // the working directory, absolute; the process has changed to it
  std::string dbfilename = "dump.rdb";
  std::vector<SavePoint> save = {{3600, 1}, {300, 100}, {60, 10000}};
  bool save_is_default = true;  // nobody has said anything about save points yet: the first who does replaces them
  bool stop_writes_on_bgsave_error = true;
  bool rdbcompression = true;
  bool rdbchecksum = true;
  bool rdb_save_incremental_fsync = true;
  bool rdb_del_sync_files = false;
  bool rdb_skip_unknown_types = false;  // what a file holds and the store cannot is left out, not an error
  int64_t rdb_key_save_delay_us = 0;    // negative: that many keys per microsecond slept
  int64_t key_load_delay_us = 0;
  bool snapshot_guard = true;
  int64_t snapshot_growth_limit = 0;  // bytes; negative: percent of the resident memory at the fork; 0: no limit
  uint64_t snapshot_memory_reserve = 32 << 20;
  int64_t loading_process_events_interval_bytes = 2 << 20;

  // What is remembered of saves (docs/COW_HISTORY.md).
  int64_t snapshot_timeline_interval_ms = 100;  // 0: the fork and the end only
  int64_t snapshot_history_length = 32;         // saves in memory
  bool snapshot_history_file = true;
  uint64_t snapshot_history_max_bytes = 16 << 20;  // of the file; as many again of the one before it

  // ---- memory and keys ----
  uint64_t maxmemory = 0;  // 0: no limit
  MaxMemoryPolicy maxmemory_policy = MaxMemoryPolicy::kNoEviction;
  int64_t maxmemory_samples = 5;
  int64_t maxmemory_eviction_tenacity = 10;
  int64_t maxmemory_clients = 0;  // negative: percent of maxmemory
  int64_t lfu_log_factor = 10;
  int64_t lfu_decay_time_minutes = 1;
  int64_t active_expire_effort = 1;
  bool activerehashing = true;
  // On, unlike in Redis, and with a lower threshold: here it is what returns the holes that writes during a save leave.
  bool activedefrag = true;
  uint64_t active_defrag_ignore_bytes = 8 << 20;
  int64_t active_defrag_threshold_lower = 2;  // percent of the chunks that are holes
  int64_t active_defrag_threshold_upper = 8;
  int64_t active_defrag_cycle_min = 1;  // percent of the time
  int64_t active_defrag_cycle_max = 40;
  bool lazyfree_lazy_eviction = false;
  bool lazyfree_lazy_expire = false;
  bool lazyfree_lazy_server_del = false;
  bool lazyfree_lazy_user_del = false;
  bool lazyfree_lazy_user_flush = false;
  EncodingLimits encoding;

  // ---- observation ----
  int64_t slowlog_log_slower_than_us = 10000;  // negative: off
  int64_t slowlog_max_len = 128;
  int64_t latency_monitor_threshold_ms = 0;  // 0: off
  bool latency_tracking = true;
  std::vector<double> latency_tracking_info_percentiles = {50, 99, 99.9};
  uint32_t notify_keyspace_events = 0;  // bits, see commands/keyspace_notifications.h
  int64_t tracking_table_max_keys = 1000000;
  int64_t acllog_max_len = 128;
  int64_t busy_reply_threshold_ms = 5000;

  // ---- parts that this version does not have ----
  // Their settings as they were written, by directive; absent: the default. So a file made for Redis can be loaded, and
  // is given back whole.
  std::map<std::string, std::string, std::less<>> dormant;

  friend bool operator==(const ServerConfig&, const ServerConfig&) = default;
};

}  // namespace cowslip::server
