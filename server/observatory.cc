#include "server/observatory.h"

#include <algorithm>
#include <utility>

#include "persistence/snapshot_state.h"
#include "server/config.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/statistics.h"

namespace cowslip::server {

using persistence::SaveRecord;
using persistence::SaveResult;

namespace {

constexpr size_t kHistoryLength = 32;

SaveResult result_of(const persistence::SaveOutcome& outcome) {
  if (outcome.ok) return SaveResult::kOk;
  if (outcome.cancelled) return SaveResult::kCancelled;
  if (outcome.stopped_by_guard) return SaveResult::kStoppedByGuard;
  return outcome.signal != 0 ? SaveResult::kKilled : SaveResult::kError;
}

}  // namespace

struct Observatory::Parts {
  explicit Parts(Server& owner) : server(owner) {}

  Server& server;
  std::optional<SaveRecord> current;
  std::deque<SaveRecord> history;
  uint64_t next_id = 1;

  // Changes of the dataset since the start; Keyspace::dirty() goes back when a save has ended.
  uint64_t changes = 0;
  uint64_t last_dirty = 0;
  uint64_t changes_at_fork = 0;
  InstantaneousRate write_rate;

  void count_changes() {
    const uint64_t dirty = server.keyspace().dirty();
    if (dirty > last_dirty) changes += dirty - last_dirty;
    last_dirty = dirty;
  }
};

Observatory::Observatory(Server& server) : parts_(std::make_unique<Parts>(server)) {}
Observatory::~Observatory() = default;

// ---- what is known ----

const SaveRecord* Observatory::current() {
  if (!parts_->current) return nullptr;
  bring_up_to_date();
  return &*parts_->current;
}

const std::deque<SaveRecord>& Observatory::history() const {
  return parts_->history;
}

const SaveRecord* Observatory::find(uint64_t id) {
  if (parts_->current && parts_->current->id == id) return current();
  const auto found = std::ranges::find(parts_->history, id, &SaveRecord::id);
  return found == parts_->history.end() ? nullptr : &*found;
}

const SaveRecord* Observatory::latest() {
  if (parts_->current) return current();
  return parts_->history.empty() ? nullptr : &parts_->history.back();
}

double Observatory::writes_per_second() const {
  return static_cast<double>(parts_->write_rate.mean());
}

void Observatory::sample_rates() {
  parts_->count_changes();
  parts_->write_rate.sample(parts_->changes, parts_->server.clock().monotonic_us());
}

// ---- what is expected ----

std::optional<persistence::Forecast> Observatory::forecast_running() {
  return parts_->server.saves().forecast_running();
}

persistence::Forecast Observatory::forecast_next() {
  return parts_->server.saves().forecast_next();
}

persistence::Verdict Observatory::verdict_next() {
  return parts_->server.saves().verdict_next();
}

// ---- a save ----

void Observatory::on_save_start() {
  Server& server = parts_->server;
  const persistence::SnapshotState& state = server.saves().state();
  parts_->count_changes();
  parts_->changes_at_fork = parts_->changes;
  SaveRecord& record = parts_->current.emplace();
  record.id = parts_->next_id++;
  record.reason = state.last_reason;
  record.to_socket = state.to_socket;
  record.started_unix_ms = server.clock().unix_ms();
  record.fork_us = state.latest_fork_us;
  record.keys_total = state.current_save_keys_total;
  record.dataset_bytes = server.used_memory();
  record.parent_resident_at_fork = state.parent_resident_at_fork;
  record.page_tables_at_fork = state.parent_page_tables_at_fork;
  record.huge_pages = server.keyspace().chunks().policies().huge_pages;
}

void Observatory::bring_up_to_date() {
  const persistence::SnapshotState& state = parts_->server.saves().state();
  SaveRecord& record = *parts_->current;
  parts_->count_changes();
  record.changes = parts_->changes - parts_->changes_at_fork;
  record.duration_ms = state.cow.watched_us / 1000;
  if (state.running) record.keys_written = state.current_save_keys_processed;
  record.bytes_written = state.current_save_bytes;
  record.copied_peak = state.cow.peak_bytes;
  record.growth_end = state.cow.last.growth_bytes;
  record.growth_peak = std::max(record.growth_peak, record.growth_end);
  record.minor_faults = state.cow.last.parent_minor_faults;
}

void Observatory::on_save_end(const persistence::SaveOutcome& outcome) {
  if (!parts_->current) return;
  bring_up_to_date();
  SaveRecord record = std::move(*parts_->current);
  parts_->current.reset();
  record.result = result_of(outcome);
  record.error = outcome.error ? outcome.error->message : "";
  record.duration_ms = outcome.duration_us / 1000;
  record.keys_written = outcome.keys_written;
  parts_->history.push_back(std::move(record));
  while (parts_->history.size() > kHistoryLength) parts_->history.pop_front();
}

}  // namespace cowslip::server
