#include "server/admin/snapshot_replies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/numbers.h"
#include "protocol/map_reply.h"
#include "server/admin/snapshot_words.h"

namespace cowslip::server {
namespace {

using persistence::CauseRow;
using persistence::CrossCheck;
using persistence::Forecast;
using persistence::SaveRecord;
using persistence::SaveResult;
using persistence::TimelinePoint;
using persistence::Verdict;
using protocol::MapReply;
using protocol::ReplyWriter;

constexpr size_t kTopCauses = 3;

// ---- of one save ----

uint64_t cost_of(const CauseRow& cause) {
  return cause.copied + cause.fresh;
}

uint64_t cost_of(const std::vector<CauseRow>& causes) {
  uint64_t bytes = 0;
  for (const CauseRow& cause : causes) bytes += cost_of(cause);
  return bytes;
}

// From 0 to 1, by the keys written. A save of no keys is done when it has ended.
double progress_of(const SaveRecord& save) {
  if (save.result == SaveResult::kOk) return 1;
  if (save.keys_total == 0) return 0;
  return std::min(1.0, static_cast<double>(save.keys_written) / static_cast<double>(save.keys_total));
}

// What began the save and how it went so far or ended: STATUS and HISTORY.
void add_course(MapReply& map, const SaveRecord& save) {
  map.integer("id", save.id);
  map.text("reason", save.reason);
  map.text_if_any("error", save.error);
  map.text("target", save.to_socket ? "client" : "file");
  map.integer("started_unix_ms", save.started_unix_ms);
  map.integer("elapsed_ms", save.duration_ms);
  map.integer("fork_us", save.fork_us);
  map.integer("keys_written", save.keys_written);
  map.integer("keys_total", save.keys_total);
  map.integer("bytes_written", save.bytes_written);
}

void add_cost(MapReply& map, const SaveRecord& save) {
  map.integer("growth_peak_bytes", save.growth_peak);
  map.integer("copied_bytes", save.copied_total);
  map.integer("copied_peak_bytes", save.copied_peak);
  map.integer("fresh_bytes", save.fresh);
  map.integer("reused_bytes", save.reused);
  map.integer("minor_faults", save.minor_faults);
  map.integer("changes", save.changes);
}

void add_cross_check(MapReply& map, const CrossCheck& check) {
  map.real("cross_check_smaps_difference", check.rollup_difference);
  map.real("cross_check_faults_difference", check.faults_difference);
  map.real("cross_check_process_difference", check.process_difference);
  map.real("cross_check_cgroup_difference", check.cgroup_difference);
}

void add_top_causes(MapReply& map, const std::vector<CauseRow>& causes) {
  const size_t shown = std::min(kTopCauses, causes.size());
  const uint64_t whole = cost_of(causes);
  ReplyWriter& reply = map.name("top_causes");
  reply.array(shown);
  for (size_t i = 0; i < shown; ++i) reply.bulk(cause_words(causes[i], whole));
}

// The newest point in which commands ran, and the worst of the whole save.
void add_latency(MapReply& map, const std::vector<TimelinePoint>& timeline) {
  const auto newest = std::find_if(timeline.rbegin(), timeline.rend(),
                                   [](const TimelinePoint& point) { return point.latency_p50_us > 0; });
  if (newest == timeline.rend()) return;
  int64_t worst = 0;
  for (const TimelinePoint& point : timeline) worst = std::max(worst, point.latency_p999_us);
  map.integer("latency_p50_us", newest->latency_p50_us);
  map.integer("latency_p99_us", newest->latency_p99_us);
  map.integer("latency_p999_us", newest->latency_p999_us);
  map.integer("latency_worst_p999_us", worst);
}

// Left out when no command ran.
void add_latency(MapReply& map, std::string_view where, const LatencySummary& latency) {
  if (latency.count == 0) return;
  map.integer(fmt::format("latency_{}_p50_us", where), latency.p50_us);
  map.integer(fmt::format("latency_{}_p99_us", where), latency.p99_us);
  map.integer(fmt::format("latency_{}_p999_us", where), latency.p999_us);
  map.integer(fmt::format("latency_{}_max_us", where), latency.max_us);
}

void add_processes(MapReply& map, const SaveRecord& save) {
  map.integer("parent_resident_at_fork_bytes", save.parent_resident_at_fork);
  if (save.timeline.empty()) return;
  const TimelinePoint& last = save.timeline.back();
  map.integer("parent_resident_bytes", last.parent_resident);
  map.integer("child_resident_bytes", last.child_resident);
}

void add_save(MapReply& map, const SnapshotView& view) {
  const SaveRecord& save = *view.save;
  add_course(map, save);
  map.real("progress", view.running ? view.running->progress : progress_of(save));
  if (view.running) map.integer("remaining_ms", view.running->remaining_ms);
  add_processes(map, save);
  if (view.at_work() && !save.timeline.empty()) {
    map.integer("growth_bytes", save.timeline.back().growth);
  } else {
    map.integer("growth_bytes", save.growth_end);
  }
  add_cost(map, save);
  add_top_causes(map, save.causes);
  add_latency(map, save.timeline);
  add_cross_check(map, save.cross_check);
}

// ---- of what is expected ----

void add_forecast(MapReply& map, const Forecast& forecast) {
  map.integer("forecast_fork_us", forecast.fork_us);
  map.integer("forecast_duration_ms", forecast.duration_ms);
  map.integer("forecast_growth_bytes", forecast.growth);
  map.integer("forecast_growth_low_bytes", forecast.growth_low);
  map.integer("forecast_growth_high_bytes", forecast.growth_high);
  map.integer("forecast_peak_memory_bytes", forecast.peak_memory);
}

void add_limit(MapReply& map, const Verdict& verdict) {
  map.text("limit", verdict.limit_name.empty() ? "no limit" : verdict.limit_name);
  if (verdict.limit == 0) return;
  map.integer("limit_bytes", verdict.limit);
  map.integer("headroom_bytes", verdict.headroom);
}

void add_verdict(MapReply& map, const Verdict& verdict) {
  add_limit(map, verdict);
  map.boolean("fits", verdict.fits);
  map.text("verdict", verdict.reason);
}

// Of a save at work of which too little is done: the fields apply, but have no values yet.
void add_no_expectation(MapReply& map, const Verdict& now) {
  for (const std::string_view field :
       {"forecast_fork_us", "forecast_duration_ms", "forecast_growth_bytes", "forecast_growth_low_bytes",
        "forecast_growth_high_bytes", "forecast_peak_memory_bytes"}) {
    map.name(field).null();
  }
  add_limit(map, now);
  map.name("fits").null();
  map.text("verdict", "too early to tell");
}

void add_guard(MapReply& map, const GuardState& guard) {
  map.text("guard", guard.enabled ? "on" : "off");
  map.boolean("guard_waiting", guard.waiting);
  map.integer("guard_retry_in_ms", guard.retry_in_ms);
  map.integer("guard_stopped", guard.stopped);
  map.integer("guard_refused", guard.refused);
  map.integer("guard_deferred", guard.deferred);
  map.text_if_any("guard_last_reason", guard.last_reason);
}

// The middle one of how far forecasts before a fork were off, as a share of what came; empty without any.
std::optional<double> median_error(const std::deque<SaveRecord>& history,
                                   std::optional<double> persistence::ForecastCheck::* error) {
  std::vector<double> errors;
  for (const SaveRecord& save : history) {
    for (const auto& check : save.forecasts) {
      if (check.progress == 0 && check.*error) errors.push_back(std::abs(*(check.*error)));
    }
  }
  if (errors.empty()) return std::nullopt;
  const auto middle = errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2);
  std::nth_element(errors.begin(), middle, errors.end());
  return *middle;
}

// ---- rows ----

void reply_cause(ReplyWriter& reply, const CauseRow& cause, uint64_t whole) {
  MapReply map(reply);
  map.text("command", cause.command);
  map.integer("db", cause.database);
  map.text("kind", cause.kind);
  map.text("reason", cause.reason);
  map.integer("copied_bytes", cause.copied);
  map.integer("fresh_bytes", cause.fresh);
  map.integer("reused_bytes", cause.reused);
  map.integer("blocks", cause.blocks);
  const auto bytes = static_cast<double>(cost_of(cause));
  map.real("share_percent", whole == 0 ? 0.0 : 100 * bytes / static_cast<double>(whole), 2);
}

void reply_past_save(ReplyWriter& reply, const SaveRecord& save) {
  MapReply map(reply);
  map.text("summary", save_words(save, nullptr));
  map.text("state", persistence::name(save.result));
  add_course(map, save);
  map.integer("dataset_bytes", save.dataset_bytes);
  map.integer("parent_resident_at_fork_bytes", save.parent_resident_at_fork);
  map.boolean("huge_pages", save.huge_pages);
  map.integer("growth_end_bytes", save.growth_end);
  add_cost(map, save);
  int64_t worst = 0;
  for (const TimelinePoint& point : save.timeline) worst = std::max(worst, point.latency_p999_us);
  if (worst > 0) map.integer("latency_worst_p999_us", worst);
  const auto before =
      std::find_if(save.forecasts.begin(), save.forecasts.end(), [](const auto& check) { return check.progress == 0; });
  if (before == save.forecasts.end()) return;
  map.integer("forecast_growth_bytes", before->growth);
  map.integer("forecast_duration_ms", before->duration_ms);
  map.real("forecast_growth_error", before->growth_error);
  map.real("forecast_duration_error", before->duration_error);
}

struct Column {
  std::string_view name;
  void (*reply)(ReplyWriter& reply, const TimelinePoint& point);
};

template <auto TimelinePoint::* member>
void reply_column(ReplyWriter& reply, const TimelinePoint& point) {
  reply.integer(static_cast<int64_t>(point.*member));
}
template <std::optional<int64_t> TimelinePoint::* member>
void reply_optional_column(ReplyWriter& reply, const TimelinePoint& point) {
  const auto& value = point.*member;
  value ? reply.integer(*value) : reply.null();
}
void reply_write_rate(ReplyWriter& reply, const TimelinePoint& point) {
  reply.integer(std::llround(point.writes_per_second));
}

constexpr Column kColumns[] = {
    {"at_ms", reply_column<&TimelinePoint::at_ms>},
    {"parent_resident_bytes", reply_column<&TimelinePoint::parent_resident>},
    {"parent_proportional_bytes", reply_column<&TimelinePoint::parent_proportional>},
    {"child_resident_bytes", reply_column<&TimelinePoint::child_resident>},
    {"child_proportional_bytes", reply_column<&TimelinePoint::child_proportional>},
    {"copied_now_bytes", reply_column<&TimelinePoint::copied>},
    {"fresh_bytes", reply_column<&TimelinePoint::fresh>},
    {"growth_bytes", reply_column<&TimelinePoint::growth>},
    {"parent_minor_faults", reply_column<&TimelinePoint::parent_minor_faults>},
    {"keys_written", reply_column<&TimelinePoint::keys_written>},
    {"bytes_written", reply_column<&TimelinePoint::bytes_written>},
    {"writes_per_second", reply_write_rate},
    {"latency_p50_us", reply_column<&TimelinePoint::latency_p50_us>},
    {"latency_p99_us", reply_column<&TimelinePoint::latency_p99_us>},
    {"latency_p999_us", reply_column<&TimelinePoint::latency_p999_us>},
    {"cgroup_usage_bytes", reply_column<&TimelinePoint::cgroup_usage>},
    {"cgroup_limit_bytes", reply_column<&TimelinePoint::cgroup_limit>},
    {"forecast_growth_bytes", reply_optional_column<&TimelinePoint::forecast_growth>},
    {"forecast_duration_ms", reply_optional_column<&TimelinePoint::forecast_duration_ms>},
};

void reply_point(ReplyWriter& reply, const TimelinePoint& point) {
  reply.array(std::size(kColumns));
  for (const Column& column : kColumns) column.reply(reply, point);
}

// The first fields of CAUSES and TIMELINE: of which save they speak.
void add_identity(MapReply& map, const SaveRecord* save) {
  map.integer("id", save == nullptr ? 0 : save->id);
  map.text("state", save == nullptr ? "none" : persistence::name(save->result));
}

constexpr std::string_view kNoSave =
    "No save is known yet. BGSAVE makes one, and SNAPSHOT FORECAST tells what it would cost.";

}  // namespace

Verdict verdict_of_running(const SaveRecord& save, const Forecast& forecast, const Verdict& now) {
  Verdict verdict = now;
  const int64_t grown = save.timeline.empty() ? 0 : save.timeline.back().growth;
  const int64_t needed = std::max<int64_t>(0, forecast.growth - grown);
  if (now.limit == 0) {
    verdict.fits = true;
    verdict.reason = fmt::format("{} more are expected to be needed, and no limit applies", format_size(needed));
    return verdict;
  }
  verdict.fits = static_cast<uint64_t>(needed) <= now.headroom;
  verdict.reason = fmt::format("{} more are expected to be needed, and {} are left before the {} of {}",
                               format_size(needed), format_size(now.headroom), now.limit_name, format_size(now.limit));
  return verdict;
}

void reply_status(ReplyWriter& reply, const SnapshotView& view) {
  const Forecast* running = view.running ? &*view.running : nullptr;
  MapReply map(reply);
  map.text("summary", view.save == nullptr ? kNoSave : save_words(*view.save, running));
  map.text("state", view.save == nullptr ? "none" : persistence::name(view.save->result));
  if (view.save != nullptr) add_save(map, view);
  add_latency(map, "inside", view.inside);
  add_latency(map, "outside", view.outside);
  map.real("writes_per_second", view.writes_per_second, 1);
  map.text("forecast_of", view.at_work() ? "this save" : "a save that begins now");
  if (view.at_work() && running == nullptr) {
    add_no_expectation(map, view.verdict);
  } else {
    add_forecast(map, running != nullptr ? *running : view.next);
    add_verdict(map, running != nullptr ? verdict_of_running(*view.save, *running, view.verdict) : view.verdict);
  }
  add_guard(map, view.guard);
}

void reply_forecast(ReplyWriter& reply, const SnapshotView& view, const std::deque<SaveRecord>& history) {
  MapReply map(reply);
  map.text("summary", forecast_words(view.next));
  add_forecast(map, view.next);
  add_verdict(map, view.verdict);
  map.real("writes_per_second", view.writes_per_second, 1);
  map.integer("learned_from_saves", view.next.learned_from);
  map.text("basis", view.next.basis);
  map.real("past_growth_error", median_error(history, &persistence::ForecastCheck::growth_error));
  map.real("past_duration_error", median_error(history, &persistence::ForecastCheck::duration_error));
  add_guard(map, view.guard);
}

void reply_history(ReplyWriter& reply, const std::deque<SaveRecord>& history, size_t count) {
  const size_t shown = std::min(count, history.size());
  reply.array(shown);
  for (size_t i = 0; i < shown; ++i) reply_past_save(reply, history[history.size() - 1 - i]);
}

void reply_causes(ReplyWriter& reply, const SaveRecord* save) {
  MapReply map(reply);
  add_identity(map, save);
  map.integer("copied_bytes", save == nullptr ? 0 : save->copied_total);
  map.integer("fresh_bytes", save == nullptr ? 0 : save->fresh);
  map.integer("reused_bytes", save == nullptr ? 0 : save->reused);
  ReplyWriter& rows = map.name("causes");
  if (save == nullptr) return rows.array(0);
  rows.array(save->causes.size());
  const uint64_t whole = cost_of(save->causes);
  for (const CauseRow& cause : save->causes) reply_cause(reply, cause, whole);
}

void reply_timeline(ReplyWriter& reply, const SaveRecord* save) {
  MapReply map(reply);
  add_identity(map, save);
  map.name("columns").array(std::size(kColumns));
  for (const Column& column : kColumns) reply.bulk(column.name);
  ReplyWriter& rows = map.name("points");
  if (save == nullptr) return rows.array(0);
  rows.array(save->timeline.size());
  for (const TimelinePoint& point : save->timeline) reply_point(reply, point);
}

}  // namespace cowslip::server
