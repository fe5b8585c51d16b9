// When the dataset is saved, and what follows from it: SAVE, BGSAVE, save points, and the child that a save runs in.
//
// persistence::BackgroundSave does the work and knows the figures; this decides when, watches its pipe on the loop,
// and tells the rest of the server of its end. Event loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "persistence/background_save.h"
#include "persistence/rdb_saver.h"
#include "persistence/snapshot_forecast.h"
#include "persistence/snapshot_state.h"
#include "server/save_guard.h"

namespace cowslip::server {

class Server;
class TimedFileSystem;

class SaveControl {
 public:
  explicit SaveControl(Server& server);
  ~SaveControl();

  // Saves here and now; clients wait. kBusy: a child is at work.
  Status save();
  // Forks a child that saves. kBusy: one is at work already. kLimit: the guard does not admit it. kAdmitted: it was
  // asked before. kForced: it is not asked, and knows no limits of growth and reserve; a save that exhausts the memory
  // is stopped all the same.
  enum class Admission : uint8_t { kGuarded, kAdmitted, kForced };
  Status start_background(std::string reason, Admission admission = Admission::kGuarded);
  // Streams the dataset to a client (SYNC) from a forked child, or into a file for it.
  Status start_for_client(std::variant<persistence::FileTarget, persistence::SocketTarget> target, std::string reason);
  // A background save as soon as the child at work, or the transaction, has ended.
  void schedule(Admission admission = Admission::kGuarded) {
    scheduled_ = true;
    scheduled_forced_ = admission == Admission::kForced;
    retrying_ = false;
  }
  bool unschedule() {
    retrying_ = false;
    return std::exchange(scheduled_, false);
  }
  bool scheduled() const { return scheduled_; }

  bool child_running() const { return background_.running(); }
  // BGSAVE CANCEL: the child's end is noticed later.
  void cancel() { background_.cancel(); }
  // The guard found that it must end now.
  void stop(std::string reason) { background_.stop(std::move(reason)); }
  // Ends the child, if there is one, and takes note of its end.
  void end_child();

  // What the kernel was asked for since the last call.
  std::vector<persistence::ExactReading> take_exact_readings() { return background_.take_exact_readings(); }
  // Brought up to date by the call; valid until the next one.
  const persistence::SnapshotState& state() { return background_.state(); }
  // stop-writes-on-bgsave-error is on, there are save points, and the last save failed (was not stopped by the guard).
  bool writes_stopped();
  // Path of the snapshot: dir/dbfilename.
  std::string snapshot_path() const;
  persistence::SaveOptions options() const;

  // From the cron: the child's end, scheduled saves, save points.
  void run();
  // SIGCHLD arrived.
  void check_child();

  // ---- foresight (save_guard.h); Observatory hands it on ----
  // Of the save at work; empty when there is none, or too little of it is done to say.
  std::optional<persistence::Forecast> forecast_running() { return guard_.forecast_running(); }
  // Of a save that would begin now, and whether it fits.
  persistence::Forecast forecast_next() { return guard_.forecast_next(); }
  persistence::Verdict verdict_next() { return guard_.verdict_next(); }
  SaveGuard& guard() { return guard_; }

  // CONFIG RESETSTAT.
  void reset_statistics() { background_.reset_statistics(); }

 private:
  struct ReportWatch;

  Status start(persistence::SaveRequest request);
  void watch_reports();
  void note_durations(const TimedFileSystem& files, int64_t save_us);
  void on_end(const persistence::SaveOutcome& outcome);
  void start_if_due();
  void start_scheduled();
  // There is a new snapshot: a BGSAVE that the guard had stopped need not be tried again.
  void settle_retry();

  Server& server_;
  persistence::BackgroundSave background_;
  SaveGuard guard_;
  std::unique_ptr<ReportWatch> watch_;  // while a child is at work
  bool scheduled_ = false;
  bool scheduled_forced_ = false;
  bool retrying_ = false;  // what is scheduled is a BGSAVE that the guard stopped
  int64_t last_automatic_attempt_ms_ = 0;
};

}  // namespace cowslip::server
