#include "server/save_guard.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>

#include "memory/process_memory.h"
#include "server/config.h"
#include "server/event_loop.h"
#include "server/observatory.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {

using persistence::Forecast;
using persistence::Verdict;

namespace {

constexpr int64_t kTickMs = 20;
// With plenty of room the system is asked about it this often, and growth is taken off in between.
constexpr uint64_t kTicksBetweenLooks = 5;
constexpr uint64_t kTicksBetweenSearches = 50;  // for groups and their limits: somebody may change them
constexpr uint64_t kPlentyBytes = 256 << 20;
constexpr size_t kMostSamples = 256;
constexpr int64_t kLookAgainMs = 1000;

uint64_t less(uint64_t from, int64_t amount) {
  return amount <= 0 ? from : from - std::min(from, static_cast<uint64_t>(amount));
}

memory::ProcessCounters own_counters() {
  memory::ProcessCounters counters;
  memory::read_process_counters_signal_safe(0, counters);
  return counters;
}

}  // namespace

struct SaveGuard::Timer {
  explicit Timer(asio::io_context& context) : steady(context) {}
  asio::steady_timer steady;
};

SaveGuard::SaveGuard(Server& server) : server_(server), timer_(std::make_unique<Timer>(server.loop().context())) {}

SaveGuard::~SaveGuard() = default;

persistence::GuardSettings SaveGuard::settings() const {
  const ServerConfig& config = server_.config();
  const int64_t growth = config.snapshot_growth_limit;
  return {.enabled = config.snapshot_guard,
          .growth_limit = {.bytes = static_cast<uint64_t>(std::max<int64_t>(growth, 0)),
                           .percent = std::max<int64_t>(-growth, 0)},
          .reserve = config.snapshot_memory_reserve,
          .maxmemory = config.maxmemory};
}

// ---- before the fork ----

Forecast SaveGuard::forecast_for(const memory::ProcessCounters& counters) {
  Observatory& observatory = server_.observatory();
  return persistence::forecast_before_fork(observatory.history(),
                                           {.resident = counters.resident,
                                            .page_tables = counters.page_tables,
                                            .keys = server_.keyspace().total_keys(),
                                            .dataset_bytes = server_.used_memory(),
                                            .writes_per_second = observatory.writes_per_second(),
                                            .huge_pages = server_.keyspace().chunks().policies().huge_pages});
}

Forecast SaveGuard::forecast_next() {
  return forecast_for(own_counters());
}

Verdict SaveGuard::verdict_next() {
  const memory::ProcessCounters counters = own_counters();
  return persistence::judge_before_fork(forecast_for(counters), limits_.refresh(), settings(), counters.resident);
}

SaveStart SaveGuard::at_start() {
  if (!judged_) judged_ = {.forecast = forecast_next(), .cgroup = limits_.follow().cgroup};
  return *judged_;
}

// Clients wait for the fork that follows, so limits are looked up anew only if the save would not fit with what is
// known of them. One that was lowered since is seen by the first tick.
Verdict SaveGuard::judge_start() {
  const memory::ProcessCounters counters = own_counters();
  const Forecast forecast = forecast_for(counters);
  const Verdict verdict = persistence::judge_before_fork(forecast, limits_.follow(), settings(), counters.resident);
  if (!verdict.fits) {
    return persistence::judge_before_fork(forecast, limits_.refresh(), settings(), counters.resident);
  }
  judged_ = {.forecast = forecast, .cgroup = limits_.limits().cgroup};
  return verdict;
}

Status SaveGuard::admit() {
  if (!server_.config().snapshot_guard) return {};
  const Verdict verdict = judge_start();
  if (verdict.fits) return {};
  refused_++;
  last_reason_ = verdict.reason;
  return fail(ErrorCode::kLimit, fmt::format("Background save refused by snapshot-guard: {}", verdict.reason));
}

bool SaveGuard::admits_automatic(const std::string& reason) {
  if (!server_.config().snapshot_guard) {
    postponement_.over();
    return true;
  }
  const int64_t now_ms = monotonic_ms();
  if (now_ms < look_again_ms_ || !backoff_.may_try(now_ms)) return false;
  const Verdict verdict = judge_start();
  if (verdict.fits) {
    if (postponement_.waiting()) {
      server_.log().notice("The postponed save ({}) fits now: {}", reason, verdict.reason);
    }
    postponement_.over();
    return true;
  }
  look_again_ms_ = now_ms + kLookAgainMs;
  last_reason_ = verdict.reason;
  return tries_anyway(reason, verdict, postponement_.does_not_fit(now_ms));
}

bool SaveGuard::tries_anyway(const std::string& reason, const Verdict& verdict,
                             const persistence::Postponement::Answer& answer) {
  if (answer.first) times_postponed_++;
  if (answer.try_it && fits_without_history()) {
    server_.log().notice("The postponed save ({}) has waited long and is tried: {}", reason, verdict.reason);
    postponement_.over();
    return true;
  }
  if (answer.warn) {
    server_.log().warning("The save ({}) is {} by snapshot-guard: {}", reason,
                          answer.first ? "postponed" : "still postponed", verdict.reason);
  }
  return false;
}

// With the forecast taken for an assumption: whatever was learned may be wrong.
bool SaveGuard::fits_without_history() {
  const memory::ProcessCounters counters = own_counters();
  Forecast forecast = forecast_for(counters);
  forecast.learned_from = 0;
  return persistence::judge_before_fork(forecast, limits_.refresh(), settings(), counters.resident).fits;
}

int64_t SaveGuard::monotonic_ms() const {
  return server_.clock().monotonic_us() / 1000;
}

// ---- while a child lives ----

void SaveGuard::on_start() {
  const persistence::SnapshotState& state = server_.saves().state();
  const persistence::Tail tail = persistence::expected_tail(server_.observatory().history(), server_.used_memory());
  facts_ = {.fork_us = state.latest_fork_us,
            .keys_total = state.current_save_keys_total,
            .parent_resident_at_fork = state.parent_resident_at_fork,
            .tail_ms = tail.ms,
            .learned_from = tail.saves};
  guard_.begin(state.parent_resident_at_fork, std::exchange(forced_, false));
  samples_.clear();
  ticks_ = 0;
  room_ = {.bytes = 0};  // not looked at yet
  started_us_ = state.started_at_us;
  next_sample_ms_ = 0;
  sample_step_ms_ = kTickMs;
  last_dirty_ = server_.keyspace().dirty();
  changes_ = 0;
  exact_at_look_us_ = 0;
  postponement_.over();
  judged_.reset();
  schedule();
}

void SaveGuard::schedule() {
  timer_->steady.expires_after(std::chrono::milliseconds(kTickMs));
  timer_->steady.async_wait([this](asio::error_code error) {
    if (error || !server_.saves().child_running()) return;
    tick();
    schedule();
  });
}

void SaveGuard::tick() {
  const persistence::SnapshotState& state = server_.saves().state();
  const int64_t at_ms = (server_.clock().monotonic_us() - started_us_) / 1000;
  if (at_ms >= next_sample_ms_) take_sample(at_ms, state);
  look_at_room(at_ms, state.cow.last);
  ticks_++;
}

void SaveGuard::take_sample(int64_t at_ms, const persistence::SnapshotState& state) {
  const uint64_t dirty = server_.keyspace().dirty();
  if (dirty > last_dirty_) changes_ += dirty - last_dirty_;  // a flush begins to count anew
  last_dirty_ = dirty;
  const memory::LedgerTotals ledger = server_.keyspace().chunks().ledger().totals();
  samples_.push_back({.at_ms = at_ms,
                      .keys_written = state.current_save_keys_processed,
                      .changes = changes_,
                      .keys_added = static_cast<int64_t>(server_.keyspace().total_keys() - facts_.keys_total),
                      .growth = state.cow.last.growth_bytes,
                      .copied = state.cow.last.copied_bytes,
                      .fresh = ledger.fresh_bytes - ledger.fresh_freed_bytes});
  if (samples_.size() >= kMostSamples) thin_out_samples();
  next_sample_ms_ = at_ms + sample_step_ms_;
}

void SaveGuard::thin_out_samples() {
  for (size_t i = 0; 2 * i + 1 < samples_.size(); i++) samples_[i] = samples_[2 * i + 1];
  samples_.resize(samples_.size() / 2);
  sample_step_ms_ *= 2;
}

void SaveGuard::look_at_room(int64_t at_ms, const persistence::CowFigures& cow) {
  const persistence::GuardSettings now = settings();
  const int64_t growth = cow.growth_bytes;
  const bool plenty = room_.bytes > now.reserve + kPlentyBytes;
  // An estimate that was set right cannot be taken off a room that was looked at before.
  const bool corrected = cow.exact_at_us != exact_at_look_us_;
  if (!plenty || corrected || ticks_ % kTicksBetweenLooks == 0) {
    // The first look is that of a tick and not before: clients wait for a fork as it is.
    const bool anew = ticks_ % kTicksBetweenSearches == 0;
    room_ = memory::headroom(anew ? limits_.refresh() : limits_.update());
    growth_at_look_ = growth;
    exact_at_look_us_ = cow.exact_at_us;
  }
  persistence::GuardReading reading{
      .at_ms = at_ms, .growth = growth, .headroom = room_, .exact_at_ms = (cow.exact_at_us - started_us_) / 1000};
  if (room_.bytes != memory::kUnlimited) reading.headroom.bytes = less(room_.bytes, growth - growth_at_look_);
  if (const auto reason = guard_.check(reading, now)) server_.saves().stop(*reason);
}

std::optional<Forecast> SaveGuard::forecast_running() {
  if (!server_.saves().child_running()) return {};
  return persistence::forecast_running(facts_, samples_);
}

void SaveGuard::on_end(const persistence::SaveOutcome& outcome) {
  timer_->steady.cancel();
  if (outcome.stopped_by_guard) {
    stopped_++;
    last_reason_ = outcome.error ? outcome.error->message : "";
    backoff_.stopped(monotonic_ms());
    server_.log().notice("It may be tried again in {} s", (backoff_.not_before_ms() - monotonic_ms() + 999) / 1000);
  } else if (outcome.ok) {
    backoff_.succeeded();
    postponement_.succeeded();
  }
}

GuardState SaveGuard::state() const {
  const int64_t wait_ms = backoff_.not_before_ms() - monotonic_ms();
  return {.enabled = server_.config().snapshot_guard,
          .waiting = postponement_.waiting() && server_.config().snapshot_guard,
          .retry_in_ms = std::max<int64_t>(wait_ms, 0),
          .stopped = stopped_,
          .refused = refused_,
          .deferred = times_postponed_,
          .last_reason = last_reason_};
}

std::vector<std::pair<std::string, std::string>> SaveGuard::info_fields() {
  const GuardState now = state();
  std::vector<std::pair<std::string, std::string>> fields = {
      {"snapshot_guard", now.enabled ? "on" : "off"},
      {"snapshot_guard_stopped", std::to_string(now.stopped)},
      {"snapshot_guard_refused", std::to_string(now.refused)},
      {"snapshot_guard_deferred", std::to_string(now.deferred)},
      {"snapshot_guard_waiting", now.waiting ? "1" : "0"},
      {"snapshot_guard_retry_in_ms", std::to_string(now.retry_in_ms)},
      {"snapshot_guard_last_reason", now.last_reason}};
  if (const auto forecast = forecast_running()) {
    const auto add = [&](std::string name, std::string value) {
      fields.emplace_back(std::move(name), std::move(value));
    };
    add("snapshot_forecast_progress", fmt::format("{:.3f}", forecast->progress));
    add("snapshot_forecast_growth_bytes", std::to_string(forecast->growth));
    add("snapshot_forecast_growth_low_bytes", std::to_string(forecast->growth_low));
    add("snapshot_forecast_growth_high_bytes", std::to_string(forecast->growth_high));
    add("snapshot_forecast_duration_ms", std::to_string(forecast->duration_ms));
    add("snapshot_forecast_remaining_ms", std::to_string(forecast->remaining_ms));
  }
  return fields;
}

}  // namespace cowslip::server
