// The metrics that Debian's prometheus-redis-exporter 1.45 makes of a server, with its names, types and labels.
//
// Values are taken from INFO's own text, so both say the same. Left out is what the exporter says of itself
// (redis_exporter_*, redis_target_scrape_request_errors_total, redis_last_key_groups_scrape_duration_milliseconds) and
// what a server like this cannot have: replicas' links, Sentinel, cluster, keys and streams by name.
#include <array>
#include <cmath>
#include <vector>

#include "server/config_store.h"
#include "server/http/metrics.h"
#include "server/info.h"
#include "server/latency_monitor.h"
#include "server/server.h"
#include "server/slowlog.h"

namespace cowslip::server {

namespace {

using enum MetricType;

constexpr FieldMetric kFields[] = {
    // Server.
    {"uptime_in_seconds", "redis_uptime_in_seconds", kGauge, "Seconds since the start."},
    {"process_id", "redis_process_id", kGauge, "The process's id."},
    {"io_threads_active", "redis_io_threads_active", kGauge,
     "Whether threads read and write for the loop: they do not."},

    // Clients.
    {"connected_clients", "redis_connected_clients", kGauge, "Clients that are connected, replicas not counted."},
    {"blocked_clients", "redis_blocked_clients", kGauge, "Clients in a blocking command."},
    {"tracking_clients", "redis_tracking_clients", kGauge, "Clients with client-side caching."},
    {"clients_in_timeout_table", "redis_clients_in_timeout_table", kGauge, "Blocked clients with a time limit."},
    {"cluster_connections", "redis_cluster_connections", kGauge, "Connections of a cluster's bus."},
    {"client_recent_max_input_buffer", "redis_client_recent_max_input_buffer_bytes", kGauge,
     "The largest input buffer of a client."},
    {"client_recent_max_output_buffer", "redis_client_recent_max_output_buffer_bytes", kGauge,
     "The largest output buffer of a client."},

    // Memory.
    {"allocator_active", "redis_allocator_active_bytes", kGauge, "Pages and chunks that hold something."},
    {"allocator_allocated", "redis_allocator_allocated_bytes", kGauge, "What was handed out."},
    {"allocator_resident", "redis_allocator_resident_bytes", kGauge, "Resident because of allocations."},
    {"allocator_frag_ratio", "redis_allocator_frag_ratio", kGauge, "Active by allocated bytes."},
    {"allocator_frag_bytes", "redis_allocator_frag_bytes", kGauge, "Active less allocated bytes."},
    {"allocator_rss_ratio", "redis_allocator_rss_ratio", kGauge, "Resident by active bytes."},
    {"allocator_rss_bytes", "redis_allocator_rss_bytes", kGauge, "Resident less active bytes."},
    {"used_memory", "redis_memory_used_bytes", kGauge, "Memory in use."},
    {"used_memory_rss", "redis_memory_used_rss_bytes", kGauge, "Resident memory of the process."},
    {"used_memory_peak", "redis_memory_used_peak_bytes", kGauge, "The most memory that was in use."},
    {"used_memory_lua", "redis_memory_used_lua_bytes", kGauge, "Memory of scripts' engine."},
    {"used_memory_overhead", "redis_memory_used_overhead_bytes", kGauge, "Memory in use that is not data."},
    {"used_memory_startup", "redis_memory_used_startup_bytes", kGauge, "Memory in use after the start."},
    {"used_memory_dataset", "redis_memory_used_dataset_bytes", kGauge, "Memory in use that is data."},
    {"used_memory_scripts", "redis_memory_used_scripts_bytes", kGauge, "Memory of cached scripts."},
    {"number_of_cached_scripts", "redis_number_of_cached_scripts", kGauge, "Scripts that are cached."},
    {"maxmemory", "redis_memory_max_bytes", kGauge, "The setting maxmemory; 0: no limit."},
    {"total_system_memory", "redis_total_system_memory_bytes", kGauge, "Physical memory of the machine."},
    {"mem_fragmentation_ratio", "redis_mem_fragmentation_ratio", kGauge, "Resident memory by memory in use."},
    {"mem_fragmentation_bytes", "redis_mem_fragmentation_bytes", kGauge, "Resident memory less memory in use."},
    {"mem_clients_slaves", "redis_mem_clients_slaves", kGauge, "Bytes of replicas' buffers."},
    {"mem_clients_normal", "redis_mem_clients_normal", kGauge, "Bytes of clients' buffers."},
    {"mem_not_counted_for_evict", "redis_mem_not_counted_for_eviction_bytes", kGauge,
     "Memory in use that eviction does not count."},
    {"lazyfree_pending_objects", "redis_lazyfree_pending_objects", kGauge, "Objects still to be freed by the thread."},
    {"active_defrag_running", "redis_active_defrag_running", kGauge, "Percent of the time that defragmenting takes."},

    // Persistence.
    {"loading", "redis_loading_dump_file", kGauge, "Whether the dataset is being loaded."},
    {"rdb_changes_since_last_save", "redis_rdb_changes_since_last_save", kGauge, "Changes since the last save."},
    {"rdb_bgsave_in_progress", "redis_rdb_bgsave_in_progress", kGauge, "Whether a child saves."},
    {"rdb_last_save_time", "redis_rdb_last_save_timestamp_seconds", kGauge, "When the last save ended well."},
    {"rdb_last_bgsave_status", "redis_rdb_last_bgsave_status", kGauge, "Whether the last background save went well."},
    {"rdb_last_bgsave_time_sec", "redis_rdb_last_bgsave_duration_sec", kGauge,
     "Seconds that the last background save took; -1: there was none."},
    {"rdb_current_bgsave_time_sec", "redis_rdb_current_bgsave_duration_sec", kGauge,
     "Seconds that the running background save has taken; -1: none runs."},
    {"rdb_last_cow_size", "redis_rdb_last_cow_size_bytes", kGauge, "What the kernel copied during the last save."},
    {"aof_enabled", "redis_aof_enabled", kGauge, "Whether an append-only file is written."},
    {"aof_rewrite_in_progress", "redis_aof_rewrite_in_progress", kGauge, "Whether a child rewrites it."},
    {"aof_rewrite_scheduled", "redis_aof_rewrite_scheduled", kGauge, "Whether a rewrite is to follow."},
    {"aof_last_rewrite_time_sec", "redis_aof_last_rewrite_duration_sec", kGauge, "Seconds of the last rewrite."},
    {"aof_current_rewrite_time_sec", "redis_aof_current_rewrite_duration_sec", kGauge, "Seconds of the running one."},
    {"aof_last_cow_size", "redis_aof_last_cow_size_bytes", kGauge, "What was copied during the last rewrite."},
    {"aof_last_bgrewrite_status", "redis_aof_last_bgrewrite_status", kGauge, "Whether the last rewrite went well."},
    {"aof_last_write_status", "redis_aof_last_write_status", kGauge, "Whether the last write to it went well."},
    {"module_fork_in_progress", "redis_module_fork_in_progress", kGauge, "Whether a module's child runs."},
    {"module_fork_last_cow_size", "redis_module_fork_last_cow_size", kGauge, "What was copied during the last one."},

    // Stats.
    {"total_connections_received", "redis_connections_received_total", kCounter, "Connections that were accepted."},
    {"total_commands_processed", "redis_commands_processed_total", kCounter, "Commands that were executed."},
    {"rejected_connections", "redis_rejected_connections_total", kCounter, "Connections that were turned away."},
    {"total_net_input_bytes", "redis_net_input_bytes_total", kCounter, "Bytes that clients sent."},
    {"total_net_output_bytes", "redis_net_output_bytes_total", kCounter, "Bytes that were sent to clients."},
    {"total_reads_processed", "redis_total_reads_processed", kCounter, "Reads from clients' sockets."},
    {"total_writes_processed", "redis_total_writes_processed", kCounter, "Writes to clients' sockets."},
    {"io_threaded_reads_processed", "redis_io_threaded_reads_processed", kCounter, "Of the reads, those by threads."},
    {"io_threaded_writes_processed", "redis_io_threaded_writes_processed", kCounter,
     "Of the writes, those by threads."},
    {"expired_keys", "redis_expired_keys_total", kCounter, "Keys whose time was over."},
    {"expired_stale_perc", "redis_expired_stale_percentage", kGauge,
     "Percent of keys that are expired and still here."},
    {"expired_time_cap_reached_count", "redis_expired_time_cap_reached_total", kGauge,
     "How often expiring keys ran out of its time."},
    {"evicted_keys", "redis_evicted_keys_total", kCounter, "Keys that had to go for want of memory."},
    {"keyspace_hits", "redis_keyspace_hits_total", kCounter, "Lookups that found a key."},
    {"keyspace_misses", "redis_keyspace_misses_total", kCounter, "Lookups that found none."},
    {"pubsub_channels", "redis_pubsub_channels", kGauge, "Channels with subscribers."},
    {"pubsub_patterns", "redis_pubsub_patterns", kGauge, "Patterns with subscribers."},
    {"latest_fork_usec", "redis_latest_fork_seconds", kGauge, "How long the last fork took.", 1e-6},
    {"migrate_cached_sockets", "redis_migrate_cached_sockets_total", kGauge, "Sockets that MIGRATE keeps open."},
    {"slave_expires_tracked_keys", "redis_slave_expires_tracked_keys", kGauge, "Keys that a replica expires itself."},
    {"active_defrag_hits", "redis_defrag_hits", kGauge, "Values and entries that defragmenting moved."},
    {"active_defrag_misses", "redis_defrag_misses", kGauge, "Those that it looked at and left."},
    {"active_defrag_key_hits", "redis_defrag_key_hits", kGauge, "Keys that it moved."},
    {"active_defrag_key_misses", "redis_defrag_key_misses", kGauge, "Keys that it looked at and left."},
    {"tracking_total_keys", "redis_tracking_total_keys", kGauge, "Keys that client-side caching follows."},
    {"tracking_total_items", "redis_tracking_total_items", kGauge, "The same, counted once for each client."},
    {"tracking_total_prefixes", "redis_tracking_total_prefixes", kGauge, "Prefixes that it follows."},
    {"total_error_replies", "redis_total_error_replies", kCounter, "Replies that were errors."},
    {"unexpected_error_replies", "redis_unexpected_error_replies", kCounter, "Errors on a link of replication."},
    {"dump_payload_sanitizations", "redis_dump_payload_sanitizations", kCounter, "Payloads that RESTORE checked."},

    // Replication.
    {"connected_slaves", "redis_connected_slaves", kGauge, "Replicas that are connected."},
    {"repl_backlog_size", "redis_replication_backlog_bytes", kGauge, "The size of the backlog."},
    {"repl_backlog_active", "redis_repl_backlog_is_active", kGauge, "Whether there is a backlog."},
    {"repl_backlog_first_byte_offset", "redis_repl_backlog_first_byte_offset", kGauge, "Where the backlog begins."},
    {"repl_backlog_histlen", "redis_repl_backlog_history_bytes", kGauge, "How much is in it."},
    {"master_repl_offset", "redis_master_repl_offset", kGauge, "The offset of replication."},
    {"second_repl_offset", "redis_second_repl_offset", kGauge, "Up to where the former offset is accepted."},
    {"sync_full", "redis_replica_resyncs_full", kGauge, "Whole datasets that were sent."},
    {"sync_partial_ok", "redis_replica_partial_resync_accepted", kGauge, "Partial resynchronisations."},
    {"sync_partial_err", "redis_replica_partial_resync_denied", kGauge, "Those that were denied."},

    // CPU.
    {"used_cpu_sys", "redis_cpu_sys_seconds_total", kCounter, "Time in the kernel."},
    {"used_cpu_user", "redis_cpu_user_seconds_total", kCounter, "Time in the process."},
    {"used_cpu_sys_children", "redis_cpu_sys_children_seconds_total", kCounter,
     "Time of ended children in the kernel."},
    {"used_cpu_user_children", "redis_cpu_user_children_seconds_total", kCounter, "Time of ended children."},
    {"used_cpu_sys_main_thread", "redis_cpu_sys_main_thread_seconds_total", kCounter,
     "Time of the main thread in the kernel."},
    {"used_cpu_user_main_thread", "redis_cpu_user_main_thread_seconds_total", kCounter, "Time of the main thread."},

    // Cluster.
    {"cluster_enabled", "redis_cluster_enabled", kGauge, "Whether this is part of a cluster."},
};

constexpr std::string_view kSections[] = {"server",     "clients",      "memory",  "persistence",
                                          "stats",      "replication",  "cpu",     "commandstats",
                                          "errorstats", "latencystats", "cluster", "keyspace"};

void add_instance(Server& server, const InfoLines& lines, PrometheusText& text) {
  text.single("redis_up", kGauge, "Whether the server answers.", 1);
  text.family("redis_start_time_seconds", kGauge, "When the process started.");
  text.sample(server.start_unix_us() / 1'000'000);
  text.family("redis_instance_info", kGauge, "What this server is; always 1.");
  const auto line = [&](std::string_view name) { return info_text(lines, name); };
  text.sample(1, {{"maxmemory_policy", line("maxmemory_policy")},
                  {"os", line("os")},
                  {"process_id", line("process_id")},
                  {"redis_build_id", line("redis_build_id")},
                  {"redis_mode", line("redis_mode")},
                  {"redis_version", line("redis_version")},
                  {"role", line("role")},
                  {"run_id", line("run_id")},
                  {"tcp_port", line("tcp_port")}});
}

void add_databases(Server& server, const InfoLines& lines, PrometheusText& text) {
  struct Database {
    std::string name;
    std::string_view figures;  // "keys=1,expires=0,avg_ttl=0"; empty: it has no keys
  };
  std::vector<Database> databases;
  for (int number = 0; number < server.keyspace().count(); number++) {
    std::string name = fmt::format("db{}", number);
    const std::string_view figures = info_text(lines, name);
    databases.push_back({std::move(name), figures});
  }
  text.family("redis_db_keys", kGauge, "Keys of each database.");
  for (const auto& [name, figures] : databases) text.sample(part_of(figures, "keys"), {{"db", name}});
  text.family("redis_db_keys_expiring", kGauge, "Keys with an expiry.");
  for (const auto& [name, figures] : databases) text.sample(part_of(figures, "expires"), {{"db", name}});
  text.family("redis_db_avg_ttl_seconds", kGauge, "Mean time to live of those.");
  for (const auto& [name, figures] : databases) {
    if (!figures.empty()) text.sample(part_of(figures, "avg_ttl") / 1000, {{"db", name}});
  }
}

// "cmdstat_get:calls=1,usec=2,..." as families, one for each figure.
void add_commands(const InfoLines& lines, PrometheusText& text) {
  constexpr FieldMetric kFigures[] = {
      {"calls", "redis_commands_total", kCounter, "Calls of each command."},
      {"usec", "redis_commands_duration_seconds_total", kCounter, "Time spent in each command.", 1e-6},
      {"failed_calls", "redis_commands_failed_calls_total", kCounter, "Calls that failed."},
      {"rejected_calls", "redis_commands_rejected_calls_total", kCounter, "Calls that were refused before they began."},
  };
  for (const FieldMetric& figure : kFigures) {
    text.family(figure.name, figure.type, figure.help);
    for_each_with_prefix(lines, "cmdstat_", [&](std::string_view command, std::string_view figures) {
      text.sample(part_of(figures, figure.field) * figure.factor, {{"cmd", command}});
    });
  }
}

void add_percentiles(const InfoLines& lines, PrometheusText& text) {
  text.family("redis_latency_percentiles_usec", kSummary, "Microseconds that the executions of a command took.");
  constexpr std::string_view kPrefix = "latency_percentiles_usec_";
  for_each_with_prefix(lines, kPrefix, [&](std::string_view command, std::string_view percentiles) {
    for_each_part(percentiles, [&](std::string_view name, std::string_view value) {
      text.sample(value, {{"cmd", command}, {"quantile", name.substr(1)}});  // "p99.9"
    });
    const std::string_view figures = info_text(lines, fmt::format("cmdstat_{}", command));
    text.sample(std::floor(part_of(figures, "usec")), {{"cmd", command}}, "_sum");
    text.sample(part_of(figures, "calls"), {{"cmd", command}}, "_count");
  });
}

void add_errors(const InfoLines& lines, PrometheusText& text) {
  text.family("redis_errors_total", kCounter, "Error replies by their first word.");
  for_each_with_prefix(lines, "errorstat_", [&](std::string_view code, std::string_view count) {
    text.sample(part_of(count, "count"), {{"err", code}});
  });
}

void add_slowlog(Server& server, PrometheusText& text) {
  const auto& entries = server.slowlog().entries();
  text.single("redis_slowlog_length", kGauge, "Entries of the slow log.", entries.size());
  text.single("redis_slowlog_last_id", kGauge, "The id of its newest entry.", entries.empty() ? 0 : entries[0].id);
  text.single("redis_last_slow_execution_duration_seconds", kGauge, "How long the newest one took.",
              entries.empty() ? 0 : static_cast<double>(entries[0].duration_us) / 1e6);
}

void add_spikes(Server& server, PrometheusText& text) {
  if (server.latency().events().empty()) return;
  text.family("redis_latency_spike_last", kGauge, "When an event of LATENCY happened last.");
  for (const auto& [event, spikes] : server.latency().events()) {
    text.sample(spikes.samples.back().unix_seconds, {{"event_name", event}});
  }
  text.family("redis_latency_spike_duration_seconds", kGauge, "How long it took then.");
  for (const auto& [event, spikes] : server.latency().events()) {
    text.sample(static_cast<double>(spikes.samples.back().duration_ms) / 1000, {{"event_name", event}});
  }
}

void add_settings(const ServerConfig& config, PrometheusText& text) {
  text.single("redis_config_maxclients", kGauge, "The setting maxclients.", config.maxclients);
  text.single("redis_config_maxmemory", kGauge, "The setting maxmemory.", config.maxmemory);
  text.single("redis_config_io_threads", kGauge, "The setting io-threads.", config.io_threads);
}

}  // namespace

void add_redis_metrics(Server& server, PrometheusText& text) {
  const std::string info = make_info(server, kSections);
  const InfoLines lines = split_info(info);
  add_instance(server, lines, text);
  add_fields(kFields, lines, text);
  add_databases(server, lines, text);
  add_commands(lines, text);
  add_percentiles(lines, text);
  add_errors(lines, text);
  add_slowlog(server, text);
  add_spikes(server, text);
  add_settings(server.config(), text);
}

}  // namespace cowslip::server
