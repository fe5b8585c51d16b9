// The metrics that only this server has: what the save at work costs, or the last one did, what is expected, and what
// room there is.
#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "persistence/save_record.h"
#include "server/command_latency.h"
#include "server/config.h"
#include "server/http/http_server.h"
#include "server/http/metrics.h"
#include "server/observatory.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {

namespace {

using enum MetricType;
using persistence::CauseRow;
using persistence::SaveRecord;

// The rows of a save are few; should a client make them many, the small ones are no loss.
constexpr size_t kMaxCauses = 64;

double seconds_of_ms(int64_t ms) {
  return static_cast<double>(ms) / 1e3;
}
double seconds_of_us(int64_t us) {
  return static_cast<double>(us) / 1e6;
}

// ---- the save ----

double progress_of(const SaveRecord& save) {
  if (save.result == persistence::SaveResult::kOk) return 1;
  if (save.keys_total == 0) return 0;
  return std::min(1.0, static_cast<double>(save.keys_written) / static_cast<double>(save.keys_total));
}

void add_progress(const SaveRecord& save, PrometheusText& text) {
  text.single("cowslip_snapshot_id", kGauge, "The number of the save that the metrics of a snapshot tell of.", save.id);
  text.single("cowslip_snapshot_progress_ratio", kGauge, "Share of the keys that is written, 0 to 1.",
              progress_of(save));
  text.single("cowslip_snapshot_keys", kGauge, "Keys at the fork.", save.keys_total);
  text.single("cowslip_snapshot_written_keys", kGauge, "Keys that the child has written.", save.keys_written);
  text.single("cowslip_snapshot_written_bytes", kGauge, "Bytes that the child has written.", save.bytes_written);
  text.single("cowslip_snapshot_changes", kGauge, "Changes of the dataset since the fork.", save.changes);
  text.single("cowslip_snapshot_duration_seconds", kGauge, "From the fork to the end, or so far.",
              seconds_of_ms(save.duration_ms));
  text.single("cowslip_snapshot_fork_seconds", kGauge, "How long the fork held everybody up.",
              seconds_of_us(save.fork_us));
}

// As measured last; what is left of a save that has no timeline has none of it.
void add_moment(const SaveRecord& save, PrometheusText& text) {
  if (save.timeline.empty()) return;
  const persistence::TimelinePoint& last = save.timeline.back();
  text.single("cowslip_snapshot_copied_now_bytes", kGauge, "Pages that are the child's alone, as measured last.",
              last.copied);
  text.single("cowslip_snapshot_growth_bytes", kGauge,
              "Growth of both processes together since the fork, as measured last.", last.growth);
  text.single("cowslip_snapshot_parent_resident_bytes", kGauge, "Resident memory of the server, as measured last.",
              last.parent_resident);
  text.single("cowslip_snapshot_child_resident_bytes", kGauge, "Resident memory of the child, shared pages included.",
              last.child_resident);
}

void add_costs(const SaveRecord& save, PrometheusText& text) {
  text.single("cowslip_snapshot_copied_bytes", kGauge, "Pages that the kernel copied, all since the fork.",
              save.copied_total);
  text.single("cowslip_snapshot_copied_peak_bytes", kGauge, "The most that were the child's alone at a time.",
              save.copied_peak);
  text.single("cowslip_snapshot_fresh_bytes", kGauge, "Blocks in memory that is new since the fork.", save.fresh);
  text.single("cowslip_snapshot_reused_bytes", kGauge, "Blocks in memory that the child had given back already.",
              save.reused);
  text.single("cowslip_snapshot_growth_peak_bytes", kGauge, "The most that both processes grew by together.",
              save.growth_peak);
  text.single("cowslip_snapshot_minor_faults", kGauge, "Page faults of the server since the fork.", save.minor_faults);
}

void add_causes(const SaveRecord& save, PrometheusText& text) {
  text.family("cowslip_snapshot_cause_bytes", kGauge,
              "What made memory grow: pages copied, blocks in new memory, blocks in memory that was given back.");
  const size_t count = std::min(save.causes.size(), kMaxCauses);
  for (size_t i = 0; i < count; i++) {
    const CauseRow& row = save.causes[i];
    const std::string database = row.database < 0 ? "" : std::to_string(row.database);
    const std::pair<std::string_view, uint64_t> effects[] = {
        {"copied", row.copied}, {"fresh", row.fresh}, {"reused", row.reused}};
    for (const auto& [effect, bytes] : effects) {
      text.sample(
          bytes,
          {{"command", row.command}, {"db", database}, {"kind", row.kind}, {"reason", row.reason}, {"effect", effect}});
    }
  }
}

void add_cross_check(const persistence::CrossCheck& check, PrometheusText& text) {
  text.family("cowslip_snapshot_ledger_difference_ratio", kGauge,
              "The ledger against what the kernel says: (ledger - measure) / measure.");
  const std::pair<std::string_view, std::optional<double>> measures[] = {{"smaps_rollup", check.rollup_difference},
                                                                         {"minor_faults", check.faults_difference},
                                                                         {"process", check.process_difference},
                                                                         {"cgroup", check.cgroup_difference}};
  for (const auto& [measure, difference] : measures) {
    if (difference) text.sample(*difference, {{"measure", measure}});
  }
}

void add_save(Server& server, PrometheusText& text) {
  const SaveRecord* save = server.observatory().latest();
  text.single("cowslip_snapshot_running", kGauge, "Whether a child saves.", server.saves().child_running() ? 1 : 0);
  if (save == nullptr) return;
  add_progress(*save, text);
  add_costs(*save, text);
  add_moment(*save, text);
  add_causes(*save, text);
  add_cross_check(save->cross_check, text);
}

// ---- what is expected ----

void add_forecast(const persistence::Forecast& forecast, PrometheusText& text) {
  text.family("cowslip_forecast_growth_bytes", kGauge,
              "Growth at its peak that is expected of the running save, or of one that would begin now.");
  text.sample(forecast.growth, {{"bound", "expected"}});
  text.sample(forecast.growth_low, {{"bound", "low"}});
  text.sample(forecast.growth_high, {{"bound", "high"}});
  text.single("cowslip_forecast_duration_seconds", kGauge, "From fork to end, the same.",
              seconds_of_ms(forecast.duration_ms));
  text.single("cowslip_forecast_remaining_seconds", kGauge, "Until the end, the same.",
              seconds_of_ms(forecast.remaining_ms));
  text.single("cowslip_forecast_fork_seconds", kGauge, "The pause of the fork, the same.",
              seconds_of_us(forecast.fork_us));
  text.single("cowslip_forecast_peak_memory_bytes", kGauge, "Memory of both processes at its peak, the same.",
              forecast.peak_memory);
  text.single("cowslip_forecast_learned_from_saves", kGauge, "How many saves of the history the forecast comes from.",
              forecast.learned_from);
}

void add_room(const persistence::Verdict& verdict, PrometheusText& text) {
  text.single("cowslip_forecast_fits", kGauge, "Whether a save that would begin now fits into the memory there is.",
              verdict.fits ? 1 : 0);
  if (verdict.limit == 0) return;
  text.family("cowslip_memory_limit_bytes", kGauge, "The limit that is nearest.");
  text.sample(verdict.limit, {{"limit", verdict.limit_name}});
  text.family("cowslip_memory_headroom_bytes", kGauge, "What may still be taken before it, the reserve taken off.");
  text.sample(verdict.headroom, {{"limit", verdict.limit_name}});
}

// ---- the guard ----

// What the guard did, as INFO has it.
void add_guard(SaveGuard& guard, bool enabled, PrometheusText& text) {
  constexpr FieldMetric kFigures[] = {
      {"snapshot_guard_stopped", "cowslip_guard_stopped_total", kCounter, "Saves that the guard ended in time."},
      {"snapshot_guard_refused", "cowslip_guard_refused_total", kCounter, "Saves that were asked for and refused."},
      {"snapshot_guard_deferred", "cowslip_guard_deferred_total", kCounter, "Saves that were due and put off."},
      {"snapshot_guard_waiting", "cowslip_guard_waiting", kGauge, "Whether a save waits until it fits."},
      {"snapshot_guard_retry_in_ms", "cowslip_guard_retry_in_seconds", kGauge,
       "Until one may be tried again after a stop.", 1e-3},
  };
  text.single("cowslip_guard_enabled", kGauge, "The setting snapshot-guard.", enabled ? 1 : 0);
  const auto fields = guard.info_fields();
  add_fields(kFigures, InfoLines(fields.begin(), fields.end()), text);
}

// ---- latency ----

struct LatencyOf {
  std::string_view save;  // "inside", "outside"
  LatencySummary summary;
  const LatencyHistogram& histogram;
};

void add_quantiles(const LatencyOf& latency, PrometheusText& text) {
  const std::pair<std::string_view, int64_t> quantiles[] = {{"0.5", latency.summary.p50_us},
                                                            {"0.99", latency.summary.p99_us},
                                                            {"0.999", latency.summary.p999_us},
                                                            {"1", latency.summary.max_us}};
  for (const auto& [quantile, us] : quantiles) {
    text.sample(seconds_of_us(us), {{"save", latency.save}, {"quantile", quantile}});
  }
  text.sample(static_cast<double>(latency.histogram.sum_ns()) / 1e9, {{"save", latency.save}}, "_sum");
  text.sample(latency.summary.count, {{"save", latency.save}}, "_count");
}

// Every bound is there each time: Prometheus computes with rates of each.
void add_buckets(const LatencyOf& latency, PrometheusText& text) {
  constexpr int kFirstPower = 10;  // 1.024 us
  constexpr int kLastPower = 30;   // 1.07 s
  const auto counted = latency.histogram.cumulative_by_powers_of_two();
  uint64_t count = 0;
  auto next = counted.begin();
  for (int power = kFirstPower; power <= kLastPower; power++) {
    const double bound_ns = static_cast<double>(1ULL << power);
    // A bucket of the histogram ends up to 0.8 % above the power of two that is in it.
    while (next != counted.end() && static_cast<double>(next->first) * 1000 <= bound_ns * 1.01)
      count = (next++)->second;
    text.sample(count, {{"save", latency.save}, {"le", fmt::format("{}", bound_ns / 1e9)}}, "_bucket");
  }
  text.sample(latency.summary.count, {{"save", latency.save}, {"le", "+Inf"}}, "_bucket");
  text.sample(static_cast<double>(latency.histogram.sum_ns()) / 1e9, {{"save", latency.save}}, "_sum");
  text.sample(latency.summary.count, {{"save", latency.save}}, "_count");
}

void add_latency(const CommandLatency& latency, PrometheusText& text) {
  const LatencyOf both[] = {{"inside", latency.inside(), latency.inside_histogram()},
                            {"outside", latency.outside(), latency.outside_histogram()}};
  text.family("cowslip_command_latency_quantiles_seconds", kSummary,
              "How long clients waited for replies since the start, inside and outside of saves; quantile 1 is the "
              "longest.");
  for (const LatencyOf& one : both) add_quantiles(one, text);
  text.family("cowslip_command_latency_seconds", kHistogram, "The same as a histogram, for rates.");
  for (const LatencyOf& one : both) add_buckets(one, text);
}

}  // namespace

void add_snapshot_metrics(Server& server, PrometheusText& text) {
  text.family("cowslip_build_info", kGauge, "The version; always 1.");
  text.sample(1, {{"version", COWSLIP_VERSION}});
  add_save(server, text);
  const auto running = server.observatory().forecast_running();
  add_forecast(running ? *running : server.observatory().forecast_next(), text);
  add_room(server.observatory().verdict_next(), text);
  add_guard(server.saves().guard(), server.config().snapshot_guard, text);
  text.single("cowslip_changes_per_second", kGauge, "Changes of the dataset per second, lately.",
              server.observatory().writes_per_second());
  add_latency(server.command_latency(), text);
  text.single("cowslip_http_requests_total", kCounter, "Requests over HTTP.", server.http().requests());
}

}  // namespace cowslip::server
