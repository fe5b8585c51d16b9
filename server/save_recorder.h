// Takes down what a running save costs: looks at it every so often, and makes the SaveRecord of it.
//
//     timer, every 100 ms ──► tick() ─┬─ ledger, cgroup ────────► CowCrossCheck ◄── exact readings of CowObserver
//                                     └─ a TimelinePoint, when one is due (snapshot-timeline-interval)
//
// It reads no page tables: what costs more than microseconds is done by CowObserver's thread. Event loop only.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "memory/cgroup_memory.h"
#include "persistence/background_save.h"
#include "persistence/cow_cross_check.h"
#include "persistence/save_record.h"
#include "persistence/save_timeline.h"
#include "persistence/snapshot_forecast.h"

namespace cowslip::server {

class Server;

class SaveRecorder {
 public:
  explicit SaveRecorder(Server& server);
  ~SaveRecorder();

  bool recording() const { return recording_; }
  // The save at work. REQUIRES: recording().
  const persistence::SaveRecord& record() const { return record_; }

  // A child has been forked; the dataset had been changed so often before.
  void begin(uint64_t id, uint64_t changes);
  // Brings record() up to date, but for its causes. `changes`: of the dataset, ever.
  void update(uint64_t changes);
  // These take longer: there is a row for each command, database, kind and reason.
  void fill_causes();
  // By the kernel's OOM killer, in this process's control group, since begin(). 0 if nobody counts them.
  uint64_t oom_kills();
  // The child was reaped. The record is complete then, and given away.
  persistence::SaveRecord end(const persistence::SaveOutcome& outcome, uint64_t changes);

 private:
  struct Timer;

  void schedule();
  void tick();
  void look_at_ledger(const memory::LedgerTotals& totals);
  void look_at_cgroup();
  void add_point();
  void note_forecast();
  void add_forecast(double progress, const persistence::Forecast& forecast);

  Server& server_;
  std::unique_ptr<Timer> timer_;
  bool recording_ = false;
  persistence::SaveRecord record_;
  persistence::SaveTimeline timeline_;
  persistence::CowCrossCheck check_;
  uint64_t changes_at_fork_ = 0;
  uint64_t changes_at_last_point_ = 0;
  int64_t started_us_ = 0;  // monotonic
  memory::CgroupMemory cgroup_;
  memory::CgroupReading cgroup_now_;
  uint64_t cgroup_anonymous_at_fork_ = 0;
  uint64_t oom_kills_at_fork_ = 0;
  std::optional<bool> alone_in_cgroup_;  // empty until the first tick
};

}  // namespace cowslip::server
