// The guard at work in the server: admits saves, looks at the one at work every few ticks of the loop, ends it in time,
// and knows the forecasts.
//
//     BGSAVE, save points ──► admits() ── forecast_next() against MemoryLimits ─► fork, or not
//     timer, 20 ms, while a child lives ──► room, growth, progress ─► SnapshotGuard ─► reason to stop ─► SaveControl
//                                                                 └─► samples ─► forecast_running()
//
// The decisions are persistence/snapshot_guard.h's and snapshot_forecast.h's; this reads what they need. Event loop
// only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "memory/memory_limits.h"
#include "persistence/background_save.h"
#include "persistence/snapshot_forecast.h"
#include "persistence/snapshot_guard.h"
#include "persistence/snapshot_state.h"

namespace cowslip::server {

class Server;

// What was known just before a fork.
struct SaveStart {
  persistence::Forecast forecast;
  memory::CgroupReading cgroup;
};

// What the guard is doing and has done since the start.
struct GuardState {
  bool enabled = true;
  bool waiting = false;     // a save that is due does not fit, and is looked at again
  int64_t retry_in_ms = 0;  // until a save that was stopped may be tried again; 0: now
  uint64_t stopped = 0;     // saves that were ended on the way
  uint64_t refused = 0;     // BGSAVEs that were not let begin
  uint64_t deferred = 0;    // saves due that were not let begin
  std::string last_reason;  // for the last of these; empty: there was none
};

class SaveGuard {
 public:
  explicit SaveGuard(Server& server);
  ~SaveGuard();

  // Whether the guard lets a save begin now; the error has the figures. Always ok with snapshot-guard no.
  Status admit();
  // The same for a save that is begun by itself. One that does not fit is logged, again every few minutes, and looked
  // at again a second later; after a stop, the back-off has to be over, too. When it has waited long it is tried as if
  // there were no history.
  bool admits_automatic(const std::string& reason);
  // Of the save that begins next: nobody minds if it does not fit.
  void set_forced(bool forced) { forced_ = forced; }
  // No save is due that could wait.
  void nothing_due() { postponement_.over(); }

  // A child lives / could not be forked / has ended.
  void on_start();
  void on_not_started() {
    judged_.reset();
    forced_ = false;
  }
  void on_end(const persistence::SaveOutcome& outcome);

  std::optional<persistence::Forecast> forecast_running();
  persistence::Forecast forecast_next();
  persistence::Verdict verdict_next();
  // Of the save that has just been forked: as admitted, or read now where the guard was not asked.
  SaveStart at_start();

  GuardState state() const;
  // Lines of INFO's section "# Snapshot"; of the forecast only while there is one.
  std::vector<std::pair<std::string, std::string>> info_fields();

 private:
  struct Timer;

  void schedule();
  void tick();
  void take_sample(int64_t at_ms, const persistence::SnapshotState& state);
  void look_at_room(int64_t at_ms, const persistence::CowFigures& cow);
  void thin_out_samples();
  persistence::GuardSettings settings() const;
  bool tries_anyway(const std::string& reason, const persistence::Verdict& verdict,
                    const persistence::Postponement::Answer& answer);
  bool fits_without_history();
  persistence::Forecast forecast_for(const memory::ProcessCounters& counters);
  persistence::Verdict judge_start();
  int64_t monotonic_ms() const;

  Server& server_;
  std::unique_ptr<Timer> timer_;
  memory::MemoryLimitReader limits_;

  // Of the save at work.
  persistence::SnapshotGuard guard_;
  persistence::SaveFacts facts_;
  std::vector<persistence::SaveSample> samples_;
  uint64_t ticks_ = 0;
  int64_t started_us_ = 0;  // monotonic; 0: no save at work
  int64_t next_sample_ms_ = 0;
  int64_t sample_step_ms_ = 0;
  uint64_t last_dirty_ = 0;
  uint64_t changes_ = 0;   // since the fork
  memory::Headroom room_;  // as the system had it last
  int64_t growth_at_look_ = 0;
  int64_t exact_at_look_us_ = 0;  // when the kernel had last been asked for growth, at that look

  // Of saves that are about to begin, were not let begin, or not let end.
  bool forced_ = false;
  std::optional<SaveStart> judged_;
  persistence::StopBackoff backoff_;
  persistence::Postponement postponement_;
  int64_t look_again_ms_ = 0;  // monotonic
  std::string last_reason_;    // why the last one was stopped, refused or postponed
  uint64_t stopped_ = 0, refused_ = 0, times_postponed_ = 0;
};

}  // namespace cowslip::server
