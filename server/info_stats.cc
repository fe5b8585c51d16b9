// INFO's sections about what was counted: stats, commandstats, errorstats, latencystats.
#include "base/numbers.h"
#include "commands/pub_sub.h"
#include "persistence/snapshot_state.h"
#include "server/config.h"
#include "server/defragmenter.h"
#include "server/eviction_control.h"
#include "server/info.h"
#include "server/latency_monitor.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using commands::Command;

void write_zeros(InfoText& text, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) text.field(name, 0);
}

// KiB per second, as INFO has them.
void write_rate(InfoText& text, std::string_view name, uint64_t bytes_per_second) {
  text.ratio(name, static_cast<double>(bytes_per_second) / 1024);
}

void write_traffic(const ServerStatistics& statistics, InfoText& text) {
  text.field("total_connections_received", statistics.connections_received);
  text.field("total_commands_processed", statistics.commands_processed);
  text.field("instantaneous_ops_per_sec", statistics.commands_rate.mean());
  text.field("total_net_input_bytes", statistics.net_input_bytes);
  text.field("total_net_output_bytes", statistics.net_output_bytes);
  text.field("total_net_repl_input_bytes", statistics.net_replication_input_bytes);
  text.field("total_net_repl_output_bytes", statistics.net_replication_output_bytes);
  write_rate(text, "instantaneous_input_kbps", statistics.net_input_rate.mean());
  write_rate(text, "instantaneous_output_kbps", statistics.net_output_rate.mean());
  write_rate(text, "instantaneous_input_repl_kbps", 0);
  write_rate(text, "instantaneous_output_repl_kbps", 0);
  text.field("rejected_connections", statistics.connections_rejected);
  text.field("sync_full", statistics.sync_full);
  write_zeros(text, {"sync_partial_ok", "sync_partial_err"});
}

void write_keys(Server& server, InfoText& text) {
  const ServerStatistics& statistics = server.statistics();
  const store::KeyspaceStatistics& keys = server.keyspace().statistics();
  text.field("expired_keys", keys.expired_keys);
  // Of the keys that have expired, how many are still there: none for long, because they are found by their deadline.
  text.field("expired_stale_perc", "0.00");
  text.field("expired_time_cap_reached_count", keys.expired_time_cap_reached);
  text.field("expire_cycle_cpu_milliseconds", keys.expire_cycle_cpu_us / 1000);
  text.field("evicted_keys", statistics.evicted_keys);
  text.field("evicted_clients", statistics.evicted_clients);
  text.field("total_eviction_exceeded_time", server.eviction().exceeded_total_ms());
  text.field("current_eviction_exceeded_time", server.eviction().exceeded_current_ms());
  text.field("keyspace_hits", keys.hits);
  text.field("keyspace_misses", keys.misses);
}

void write_pub_sub(const commands::PubSub& pub_sub, InfoText& text) {
  using enum commands::SubscriptionKind;
  text.field("pubsub_channels", pub_sub.names(kChannel));
  text.field("pubsub_patterns", pub_sub.names(kPattern));
  text.field("pubsubshard_channels", pub_sub.names(kShardChannel));
}

void write_loop(const ServerStatistics& statistics, InfoText& text) {
  text.field("total_reads_processed", statistics.reads_processed);
  text.field("total_writes_processed", statistics.writes_processed);
  write_zeros(text, {"io_threaded_reads_processed", "io_threaded_writes_processed"});
  text.field("client_query_buffer_limit_disconnections", statistics.query_buffer_limit_disconnections);
  text.field("client_output_buffer_limit_disconnections", statistics.output_buffer_limit_disconnections);
  text.field("reply_buffer_shrinks", statistics.reply_buffer_shrinks);
  text.field("reply_buffer_expands", statistics.reply_buffer_expands);
  text.field("eventloop_cycles", statistics.loop_cycles);
  text.field("eventloop_duration_sum", statistics.loop_duration_us);
  text.field("eventloop_duration_cmd_sum", statistics.loop_command_duration_us);
  text.field("instantaneous_eventloop_cycles_per_sec", statistics.loop_cycles_rate.mean());
  text.field("instantaneous_eventloop_duration_usec", statistics.loop_duration_per_cycle.mean());
}

// Calls visit(command) for each command and subcommand.
template <typename Visit>
void for_each_command(const std::vector<std::unique_ptr<Command>>& commands, Visit&& visit) {
  for (const auto& command : commands) {
    visit(*command);
    for_each_command(command->subcommands, visit);
  }
}

void write_command(const Command& command, InfoText& text) {
  const commands::CommandStatistics& s = command.statistics;
  if (s.calls == 0 && s.failed_calls == 0 && s.rejected_calls == 0) return;
  const double each = s.calls == 0 ? 0 : static_cast<double>(s.usec) / static_cast<double>(s.calls);
  text.field(fmt::format("cmdstat_{}", command.full_name),
             fmt::format("calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}", s.calls, s.usec,
                         each, s.rejected_calls, s.failed_calls));
}

void write_percentiles(Server& server, const Command& command, InfoText& text) {
  const std::optional<LatencyHistogram> histogram = server.latency().histogram(command);
  if (!histogram || histogram->count() == 0) return;
  std::string figures;
  for (const double percentile : server.config().latency_tracking_info_percentiles) {
    figures += fmt::format("{}p{}={:.3f}", figures.empty() ? "" : ",", format_double(percentile),
                           static_cast<double>(histogram->percentile_ns(percentile)) / 1000);
  }
  text.field(fmt::format("latency_percentiles_usec_{}", command.full_name), figures);
}

// Redis's fields with our meaning: a hit is a block that was moved, a key hit an entry. Nothing is looked at in vain.
void write_defragmentation(Server& server, InfoText& text) {
  const store::EvacuationStatistics moved = server.keyspace().evacuation();
  text.field("active_defrag_hits", moved.entries_moved + moved.values_moved + moved.nodes_moved);
  text.field("active_defrag_misses", 0);
  text.field("active_defrag_key_hits", moved.entries_moved);
  text.field("active_defrag_key_misses", 0);
  text.field("total_active_defrag_time", server.defragmenter().total_us() / 1000);
  text.field("current_active_defrag_time", server.defragmenter().current_us() / 1000);
}

}  // namespace

void info::write_stats(Server& server, InfoText& text) {
  const ServerStatistics& statistics = server.statistics();
  const persistence::SnapshotState& snapshot = server.saves().state();
  text.section("Stats");
  write_traffic(statistics, text);
  write_keys(server, text);
  write_pub_sub(server.pub_sub(), text);
  text.field("latest_fork_usec", snapshot.latest_fork_us);
  text.field("total_forks", snapshot.total_forks);
  write_zeros(text, {"migrate_cached_sockets", "slave_expires_tracked_keys"});
  write_defragmentation(server, text);
  text.field("tracking_total_keys", server.tracking().table().keys());
  text.field("tracking_total_items", server.tracking().table().items());
  text.field("tracking_total_prefixes", server.tracking().prefixes());
  text.field("unexpected_error_replies", statistics.unexpected_error_replies);
  text.field("total_error_replies", statistics.error_replies);
  text.field("dump_payload_sanitizations", statistics.dump_payload_sanitizations);
  write_loop(statistics, text);
  text.field("acl_access_denied_auth", statistics.access_denied_auth);
  text.field("acl_access_denied_cmd", statistics.access_denied_command);
  write_zeros(text, {"acl_access_denied_key", "acl_access_denied_channel"});
}

void info::write_commandstats(Server& server, InfoText& text) {
  text.section("Commandstats");
  for_each_command(server.table().all(), [&](const Command& command) { write_command(command, text); });
}

void info::write_errorstats(Server& server, InfoText& text) {
  text.section("Errorstats");
  for (const auto& [code, count] : server.statistics().errors) {
    text.field(fmt::format("errorstat_{}", code), fmt::format("count={}", count));
  }
}

void info::write_latencystats(Server& server, InfoText& text) {
  text.section("Latencystats");
  if (!server.config().latency_tracking) return;
  for_each_command(server.table().all(), [&](const Command& command) { write_percentiles(server, command, text); });
}

}  // namespace cowslip::server
