// INFO's sections about snapshots: persistence, and our own, snapshot.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "persistence/snapshot_state.h"
#include "server/command_latency.h"
#include "server/info.h"
#include "server/loading.h"
#include "server/observatory.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

void write_child(const persistence::SnapshotState& state, InfoText& text) {
  text.field("current_cow_peak", state.current_cow_peak);
  text.field("current_cow_size", state.current_cow_size);
  text.field("current_cow_size_age", state.current_cow_size_age_s);
  text.ratio("current_fork_perc", state.current_fork_percent);
  text.field("current_save_keys_processed", state.current_save_keys_processed);
  text.field("current_save_keys_total", state.current_save_keys_total);
}

void write_rdb(Server& server, const persistence::SnapshotState& state, InfoText& text) {
  text.field("rdb_changes_since_last_save", server.keyspace().dirty());
  text.field("rdb_bgsave_in_progress", state.running ? 1 : 0);
  text.field("rdb_last_save_time", state.last_save_unix_s);
  text.field("rdb_last_bgsave_status", state.last_bgsave_ok ? "ok" : "err");
  text.field("rdb_last_bgsave_time_sec", state.last_bgsave_seconds);
  text.field("rdb_current_bgsave_time_sec", state.current_bgsave_seconds);
  text.field("rdb_saves", state.saves);
  text.field("rdb_last_cow_size", state.last_cow_size);
  text.field("rdb_last_load_keys_expired", server.loading().last_keys_expired());
  text.field("rdb_last_load_keys_loaded", server.loading().last_keys_loaded());
}

// The append-only file and module forks, which this version does not have.
void write_absent(InfoText& text) {
  text.field("aof_enabled", 0);
  text.field("aof_rewrite_in_progress", 0);
  text.field("aof_rewrite_scheduled", 0);
  text.field("aof_last_rewrite_time_sec", -1);
  text.field("aof_current_rewrite_time_sec", -1);
  text.field("aof_last_bgrewrite_status", "ok");
  text.field("aof_rewrites", 0);
  text.field("aof_rewrites_consecutive_failures", 0);
  text.field("aof_last_write_status", "ok");
  text.field("aof_last_cow_size", 0);
  text.field("module_fork_in_progress", 0);
  text.field("module_fork_last_cow_size", 0);
}

void write_loading(Server& server, InfoText& text) {
  const LoadingProgress& progress = server.loading().progress();
  const double total = static_cast<double>(progress.total_bytes);
  const double loaded = static_cast<double>(progress.loaded_bytes);
  const double elapsed = static_cast<double>(server.clock().unix_us() - progress.start_unix_us) / 1e6;
  // Nothing loaded yet: one second, as good a guess as any.
  const double eta = progress.loaded_bytes == 0 ? 1 : elapsed * (total - loaded) / loaded;
  text.field("loading_start_time", progress.start_unix_us / 1'000'000);
  text.field("loading_total_bytes", progress.total_bytes);
  text.field("loading_rdb_used_mem", progress.rdb_used_memory);
  text.field("loading_loaded_bytes", progress.loaded_bytes);
  text.ratio("loading_loaded_perc", total == 0 ? 0 : 100 * loaded / total);
  text.field("loading_eta_seconds", static_cast<int64_t>(eta));
}

// After a restart the section is about the last save that is remembered, as SNAPSHOT STATUS is. What a record does not
// hold stays 0.
void take_from_history(const persistence::SaveRecord& record, persistence::SnapshotState& state) {
  state.last_outcome = persistence::name(record.result);
  state.last_reason = record.reason;
  state.last_error = record.error;
  state.current_save_bytes = record.bytes_written;
  state.cow.peak_bytes = record.copied_peak;
  state.cow.last.growth_bytes = record.growth_end;
  state.cow.last.parent_minor_faults = record.minor_faults;
  state.parent_resident_at_fork = record.parent_resident_at_fork;
  if (record.timeline.empty()) return;
  state.cow.last.copied_bytes = record.timeline.back().copied;
  state.cow.last.parent_resident = record.timeline.back().parent_resident;
  state.cow.last.child_resident = record.timeline.back().child_resident;
}

// Differences of the cross-check; none where there was too little to compare.
void write_checks(const persistence::CrossCheck& check, InfoText& text) {
  const auto field = [&](std::string_view what, std::optional<double> difference) {
    if (difference)
      text.field(fmt::format("snapshot_check_{}_percent", what), fmt::format("{:.2f}", 100 * *difference));
  };
  field("rollup", check.rollup_difference);
  field("faults", check.faults_difference);
  field("process", check.process_difference);
  field("cgroup", check.cgroup_difference);
}

// Of the save at work, or of the last one that is remembered.
void write_record(const persistence::SaveRecord& record, InfoText& text) {
  text.field("snapshot_id", record.id);
  text.field("snapshot_growth_peak_bytes", record.growth_peak);
  text.field("snapshot_fresh_bytes", record.fresh);
  text.field("snapshot_reused_bytes", record.reused);
  text.field("snapshot_ledger_copied_bytes", record.copied_total);
  text.field("snapshot_outside_copied_bytes", record.cross_check.outside_copied);
  write_checks(record.cross_check, text);
}

void write_latency(std::string_view where, const LatencySummary& latency, InfoText& text) {
  const auto field = [&](std::string_view what, auto value) {
    text.field(fmt::format("snapshot_latency_{}_{}", where, what), value);
  };
  field("count", latency.count);
  field("p50_us", latency.p50_us);
  field("p99_us", latency.p99_us);
  field("p999_us", latency.p999_us);
  field("max_us", latency.max_us);
}

}  // namespace

void info::write_persistence(Server& server, InfoText& text) {
  const persistence::SnapshotState& state = server.saves().state();
  text.section("Persistence");
  text.field("loading", server.loading().active() ? 1 : 0);
  text.field("async_loading", 0);
  write_child(state, text);
  write_rdb(server, state, text);
  write_absent(text);
  if (server.loading().active()) write_loading(server, text);
}

void info::write_snapshot(Server& server, InfoText& text) {
  text.section("Snapshot");
  const persistence::SaveRecord* record = server.observatory().latest();
  persistence::SnapshotState state = server.saves().state();
  if (state.last_outcome == "none" && record != nullptr) take_from_history(*record, state);
  for (const auto& [name, value] : persistence::snapshot_info_fields(state)) text.field(name, value);
  for (const auto& [name, value] : server.saves().guard().info_fields()) text.field(name, value);
  write_record(record != nullptr ? *record : persistence::SaveRecord(), text);
  text.field("snapshot_remembered", server.observatory().history().size());
  write_latency("inside", server.command_latency().inside(), text);
  write_latency("outside", server.command_latency().outside(), text);
}

}  // namespace cowslip::server
