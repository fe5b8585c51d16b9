#include "server/observatory.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "persistence/save_history.h"
#include "server/config.h"
#include "server/config_store.h"
#include "server/save_control.h"
#include "server/save_recorder.h"
#include "server/server.h"
#include "server/statistics.h"

namespace cowslip::server {

using persistence::SaveHistoryFile;
using persistence::SaveRecord;

struct Observatory::Parts {
  explicit Parts(Server& owner) : server(owner), recorder(owner), file(owner.log()) {}

  size_t wanted() const { return static_cast<size_t>(server.config().snapshot_history_length); }
  // Absolute, for the process may change to another folder before a line is written.
  std::string folder() const {
    std::error_code error;
    const std::string here = std::filesystem::current_path(error).string();
    return error ? "." : here;
  }
  // No number is given twice in a folder, whether its file is written to now or not.
  void skip_used_ids() { next_id = std::max(next_id, file.load(folder(), 1).highest_id + 1); }
  void trim() {
    while (history.size() > wanted()) history.pop_front();
  }

  Server& server;
  SaveRecorder recorder;
  SaveHistoryFile file;
  std::deque<SaveRecord> history;
  uint64_t next_id = 1;

  // Changes of the dataset since the start; Keyspace::dirty() goes back when a save has ended.
  uint64_t changes = 0;
  uint64_t last_dirty = 0;
  InstantaneousRate write_rate;
};

Observatory::Observatory(Server& server) : parts_(std::make_unique<Parts>(server)) {
  server.settings().on_change("snapshot-history-length", [this](const ServerConfig&) -> Status {
    parts_->trim();
    return {};
  });
  // The saves in memory stay; what was saved in the new folder before is not asked for, except that no number is given
  // twice.
  server.settings().on_change("dir", [this](const ServerConfig&) -> Status {
    parts_->skip_used_ids();
    return {};
  });
  server.settings().on_change("snapshot-history-file", [this](const ServerConfig&) -> Status {
    parts_->skip_used_ids();
    return {};
  });
}

Observatory::~Observatory() = default;

void Observatory::load_history() {
  if (!parts_->server.config().snapshot_history_file) return parts_->skip_used_ids();
  SaveHistoryFile::Loaded loaded = parts_->file.load(parts_->folder(), parts_->wanted());
  parts_->history.assign(std::make_move_iterator(loaded.records.begin()),
                         std::make_move_iterator(loaded.records.end()));
  parts_->next_id = loaded.highest_id + 1;
}

// ---- what is known ----

const SaveRecord* Observatory::current() {
  if (!parts_->recorder.recording()) return nullptr;
  count_changes();
  parts_->recorder.fill_causes();
  return &parts_->recorder.record();
}

const std::deque<SaveRecord>& Observatory::history() const {
  return parts_->history;
}

const SaveRecord* Observatory::find(uint64_t id) {
  if (parts_->recorder.recording() && parts_->recorder.record().id == id) return current();
  const auto found = std::ranges::find(parts_->history, id, &SaveRecord::id);
  return found == parts_->history.end() ? nullptr : &*found;
}

const SaveRecord* Observatory::latest() {
  if (parts_->recorder.recording()) return current();
  return parts_->history.empty() ? nullptr : &parts_->history.back();
}

double Observatory::writes_per_second() const {
  return static_cast<double>(parts_->write_rate.mean());
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

// ---- from the rest of the server ----

void Observatory::sample_rates() {
  count_changes();
  parts_->write_rate.sample(parts_->changes, parts_->server.clock().monotonic_us());
}

void Observatory::count_changes() {
  const uint64_t dirty = parts_->server.keyspace().dirty();
  if (dirty > parts_->last_dirty) parts_->changes += dirty - parts_->last_dirty;
  parts_->last_dirty = dirty;
  if (parts_->recorder.recording()) parts_->recorder.update(parts_->changes);
}

void Observatory::on_save_start() {
  count_changes();
  parts_->recorder.begin(parts_->next_id++, parts_->changes);
}

uint64_t Observatory::oom_kills() const {
  return parts_->recorder.recording() ? parts_->recorder.oom_kills() : 0;
}

void Observatory::on_save_end(const persistence::SaveOutcome& outcome) {
  if (!parts_->recorder.recording()) return;
  count_changes();
  parts_->history.push_back(parts_->recorder.end(outcome, parts_->changes));
  const ServerConfig& config = parts_->server.config();
  if (config.snapshot_history_file) {
    parts_->file.append({.folder = parts_->folder(), .max_bytes = config.snapshot_history_max_bytes},
                        parts_->history.back());
  }
  parts_->trim();
}

}  // namespace cowslip::server
