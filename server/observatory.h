// The observatory: what saves cost, seen while they run, remembered, and foreseen.
//
//     SaveControl ── on_start(), on_end() ─►┐
//     timer, every 100 ms of a save ───────►│ Observatory ── current(), history() ─► SNAPSHOT, INFO, /metrics, the page
//     cow ledger, CowObserver, latency ────►┘      └── one JSON line per save ─► cow-history.jsonl
//
// Event loop only. References that it hands out are valid until the loop goes on.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "persistence/background_save.h"
#include "persistence/save_record.h"
#include "persistence/snapshot_forecast.h"

namespace cowslip::server {

class Server;

class Observatory {
 public:
  explicit Observatory(Server& server);
  ~Observatory();

  // The save at work, brought up to date by the call; null when there is none.
  const persistence::SaveRecord* current();
  // Saves that have ended, the oldest first; as many as snapshot-history-length says, those of the file included.
  const std::deque<persistence::SaveRecord>& history() const;
  // The save of that number, at work or past; null when it is not known (any more).
  const persistence::SaveRecord* find(uint64_t id);
  // The last one, at work or past; null when there was none.
  const persistence::SaveRecord* latest();

  // Of the save at work; empty when there is none, or too little of it is done to say.
  std::optional<persistence::Forecast> forecast_running();
  // Of a save that would begin now.
  persistence::Forecast forecast_next();
  // Whether that one fits, as the guard judges, and why.
  persistence::Verdict verdict_next();

  // Changes of the dataset per second, over the last seconds.
  double writes_per_second() const;

  // ---- for the rest of the server ----
  // Takes in the history's file of the data folder; at the start, before anything is saved.
  void load_history();
  // A child has been forked.
  void on_save_start();
  // The child was reaped; SaveControl's state is that of the end.
  void on_save_end(const persistence::SaveOutcome& outcome);
  // Processes that the kernel's OOM killer has ended in this control group since the fork of the save at work.
  uint64_t oom_kills() const;
  // From the cron, every 100 ms.
  void sample_rates();
  // Takes note of changes of the dataset, and brings the save at work up to date.
  void count_changes();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cowslip::server
