#include "server/save_recorder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "memory/kernel_text.h"
#include "server/command_latency.h"
#include "server/config.h"
#include "server/event_loop.h"
#include "server/observatory.h"
#include "server/save_causes.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {

using persistence::SaveOutcome;
using persistence::SaveRecord;
using persistence::SaveResult;
using persistence::SnapshotState;
using persistence::TimelinePoint;

namespace {

constexpr int64_t kLongestTickMs = 100;
constexpr std::array kForecastsAt = {0.25, 0.5, 0.75};
// A peak of less growth than this says nothing about a forecast.
constexpr int64_t kLeastGrowthForecast = 1 << 20;

SaveResult result_of(const SaveOutcome& outcome) {
  if (outcome.ok) return SaveResult::kOk;
  if (outcome.cancelled) return SaveResult::kCancelled;
  if (outcome.stopped_by_guard) return SaveResult::kStoppedByGuard;
  return outcome.signal != 0 ? SaveResult::kKilled : SaveResult::kError;
}

// Whether what the group counts is this process and its child, and nobody else.
bool only_ours(const std::string& group, pid_t child) {
  if (group.empty()) return false;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(group, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->is_directory(error)) return false;
  }
  if (error) return false;
  const std::string pids = memory::read_kernel_file(group + "/cgroup.procs").value_or("");
  std::string expected[2] = {fmt::format("{}\n", ::getpid()), fmt::format("{}\n", child)};
  return pids == expected[0] + expected[1] || pids == expected[1] + expected[0];
}

// Proportional sizes: what both have counts half in each. An exact reading says how far that is from the kernel's
// figure (pages of files, which other processes have, too), and until the next one as much is added.
void set_proportional(const persistence::CowSummary& cow, TimelinePoint& point) {
  const auto halves = [](uint64_t resident, uint64_t copied) {
    return copied + (resident - std::min(copied, resident)) / 2;
  };
  int64_t beside = 0;
  if (cow.exact && cow.exact->child_proportional != 0) {
    beside = static_cast<int64_t>(cow.exact->child_proportional) -
             static_cast<int64_t>(halves(cow.exact->child_resident, cow.exact->copied));
  }
  const auto child = static_cast<int64_t>(halves(point.child_resident, point.copied)) + beside;
  point.child_proportional = static_cast<uint64_t>(std::max<int64_t>(child, 0));
  const uint64_t shared = point.child_resident - std::min(point.copied, point.child_resident);
  point.parent_proportional = point.parent_resident - std::min(shared / 2, point.parent_resident);
}

std::optional<double> error_of(int64_t forecast, int64_t actual, int64_t least) {
  if (actual < least) return {};
  return static_cast<double>(forecast - actual) / static_cast<double>(actual);
}

}  // namespace

struct SaveRecorder::Timer {
  explicit Timer(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
};

SaveRecorder::SaveRecorder(Server& server)
    : server_(server), timer_(std::make_unique<Timer>(server.loop().context())) {}
SaveRecorder::~SaveRecorder() = default;

// ---- a save ----

void SaveRecorder::begin(uint64_t id, uint64_t changes) {
  const SnapshotState& state = server_.saves().state();
  recording_ = true;
  record_ = {};
  record_.id = id;
  record_.reason = state.last_reason;
  record_.to_socket = state.to_socket;
  record_.started_unix_ms = server_.clock().unix_ms();
  record_.fork_us = state.latest_fork_us;
  record_.keys_total = state.current_save_keys_total;
  record_.dataset_bytes = server_.used_memory();
  record_.parent_resident_at_fork = state.parent_resident_at_fork;
  record_.page_tables_at_fork = state.parent_page_tables_at_fork;
  record_.huge_pages = server_.keyspace().chunks().policies().huge_pages;

  started_us_ = state.started_at_us;
  changes_at_fork_ = changes_at_last_point_ = changes;
  check_.begin(started_us_, state.parent_anonymous_at_fork);
  // Clients wait for this, too: what takes longer is left to the first tick.
  SaveStart start = server_.saves().guard().at_start();
  cgroup_now_ = std::move(start.cgroup);
  cgroup_anonymous_at_fork_ = cgroup_now_.anonymous;
  oom_kills_at_fork_ = cgroup_now_.oom_kills.value_or(0);
  alone_in_cgroup_.reset();
  (void)server_.command_latency().take_interval();  // what follows is the save's, the fork's stall first

  if (start.forecast.learned_from > 0) add_forecast(0, start.forecast);
  timeline_.begin(server_.config().snapshot_timeline_interval_ms);
  add_point();
  schedule();
}

void SaveRecorder::schedule() {
  const int64_t interval_ms = server_.config().snapshot_timeline_interval_ms;
  const int64_t tick_ms = interval_ms == 0 ? kLongestTickMs : std::min(interval_ms, kLongestTickMs);
  timer_->timer.expires_after(std::chrono::milliseconds(tick_ms));
  timer_->timer.async_wait([this, id = record_.id](asio::error_code error) {
    if (error || !recording_ || record_.id != id) return;
    tick();
    schedule();
  });
}

void SaveRecorder::tick() {
  server_.observatory().count_changes();
  look_at_ledger(server_.keyspace().chunks().ledger().totals());
  look_at_cgroup();
  note_forecast();
  if (timeline_.due(record_.duration_ms)) add_point();
}

// ---- what a tick looks at ----

void SaveRecorder::look_at_ledger(const memory::LedgerTotals& totals) {
  check_.add(persistence::LedgerLook{.at_us = server_.clock().monotonic_us(),
                                     .child_alone = totals.outstanding_pages * 4096 + totals.let_go_bytes,
                                     .growth = totals.expected_growth_bytes()});
  for (const persistence::ExactReading& reading : server_.saves().take_exact_readings()) check_.add(reading);
}

void SaveRecorder::look_at_cgroup() {
  const bool first = !alone_in_cgroup_;
  if (first) cgroup_.find();  // its limit may be another one now
  const std::string before = std::exchange(cgroup_now_, cgroup_.read()).path;
  if (first) {
    alone_in_cgroup_ = before == cgroup_now_.path && only_ours(before, server_.saves().state().child_pid);
  }
  if (!*alone_in_cgroup_) return;
  check_.add_cgroup_growth(static_cast<int64_t>(cgroup_now_.anonymous - cgroup_anonymous_at_fork_));
}

uint64_t SaveRecorder::oom_kills() {
  if (cgroup_.moved()) cgroup_.find();
  const uint64_t now = cgroup_.read().oom_kills.value_or(0);
  return now - std::min(now, oom_kills_at_fork_);
}

void SaveRecorder::add_point() {
  const SnapshotState& state = server_.saves().state();
  TimelinePoint point;
  point.at_ms = record_.duration_ms;
  point.parent_resident = state.cow.last.parent_resident;
  point.child_resident = state.cow.last.child_resident;
  point.copied = state.cow.last.copied_bytes;
  if (state.cow.last.measured_at_us == 0) {
    // Nothing was measured yet: the child has all that the parent had.
    point.parent_resident = point.child_resident = record_.parent_resident_at_fork;
  }
  set_proportional(state.cow, point);
  point.growth = state.cow.last.growth_bytes;
  point.parent_minor_faults = state.cow.last.parent_minor_faults;
  point.fresh = server_.keyspace().chunks().ledger().totals().fresh_bytes;
  point.keys_written = record_.keys_written;
  point.bytes_written = record_.bytes_written;

  const int64_t since_ms = record_.timeline.empty() ? 0 : point.at_ms - record_.timeline.back().at_ms;
  const uint64_t changes = record_.changes + changes_at_fork_;
  if (since_ms > 0) {
    point.writes_per_second =
        1000.0 * static_cast<double>(changes - changes_at_last_point_) / static_cast<double>(since_ms);
  }
  changes_at_last_point_ = changes;
  const LatencySummary latency = server_.command_latency().take_interval();
  point.latency_p50_us = latency.p50_us;
  point.latency_p99_us = latency.p99_us;
  point.latency_p999_us = latency.p999_us;
  if (cgroup_now_.limited()) {
    point.cgroup_usage = cgroup_now_.usage;
    point.cgroup_limit = cgroup_now_.limit;
  }
  // At the fork nothing more is known than what was forecast for it.
  const bool first = record_.timeline.empty();
  if (const auto forecast = first ? std::nullopt : server_.observatory().forecast_running()) {
    point.forecast_growth = forecast->growth;
    point.forecast_duration_ms = forecast->duration_ms;
  }
  timeline_.add(record_.timeline, point);
}

// One check for each quarter that is done; when several were passed since the last tick, only the latest.
void SaveRecorder::note_forecast() {
  if (record_.keys_total == 0) return;
  const double progress = static_cast<double>(record_.keys_written) / static_cast<double>(record_.keys_total);
  const double noted = record_.forecasts.empty() ? 0 : record_.forecasts.back().progress;
  const auto passed = std::ranges::find_if(kForecastsAt, [&](double at) { return noted < at && progress >= at; });
  if (passed == kForecastsAt.end() || progress >= 1) return;
  const auto forecast = server_.observatory().forecast_running();
  if (!forecast) return;
  add_forecast(progress, *forecast);
}

void SaveRecorder::add_forecast(double progress, const persistence::Forecast& forecast) {
  persistence::ForecastCheck& check = record_.forecasts.emplace_back();
  check.progress = progress;
  check.growth = forecast.growth;
  check.duration_ms = forecast.duration_ms;
}

// ---- the record ----

void SaveRecorder::update(uint64_t changes) {
  const SnapshotState& state = server_.saves().state();
  record_.changes = changes - changes_at_fork_;
  record_.keys_added = static_cast<int64_t>(server_.keyspace().total_keys() - record_.keys_total);
  if (state.running) {
    record_.duration_ms = (server_.clock().monotonic_us() - started_us_) / 1000;
    record_.keys_written = state.current_save_keys_processed;
  }
  record_.bytes_written = state.current_save_bytes;
  record_.copied_peak = state.cow.peak_bytes;
  record_.growth_end = state.cow.last.growth_bytes;
  record_.growth_peak = std::max({record_.growth_peak, state.cow.growth_peak, record_.growth_end});
  record_.minor_faults = state.cow.last.parent_minor_faults;
  const memory::LedgerTotals totals = server_.keyspace().chunks().ledger().totals();
  record_.copied_total = totals.copied_pages * 4096 + check_.outside_peak();
  record_.fresh = totals.fresh_bytes;
  record_.reused = totals.reused_bytes;
  check_.set_faults(state.cow.copied_by_faults, record_.copied_total, record_.huge_pages);
  record_.cross_check = check_.result();
}

void SaveRecorder::fill_causes() {
  record_.causes = cause_rows(server_.keyspace().chunks().ledger().rows(), check_.outside_peak(), server_.table());
}

SaveRecord SaveRecorder::end(const SaveOutcome& outcome, uint64_t changes) {
  timer_->timer.cancel();
  record_.duration_ms = outcome.duration_us / 1000;
  record_.keys_written = outcome.keys_written;
  if (outcome.ledger) look_at_ledger(*outcome.ledger);
  update(changes);
  fill_causes();
  add_point();
  recording_ = false;
  record_.result = result_of(outcome);
  record_.error = outcome.error_words();
  if (outcome.ok) {
    for (persistence::ForecastCheck& check : record_.forecasts) {
      check.growth_error = error_of(check.growth, record_.growth_peak, kLeastGrowthForecast);
      check.duration_error = error_of(check.duration_ms, record_.duration_ms, 1);
    }
  }
  return std::move(record_);
}

}  // namespace cowslip::server
