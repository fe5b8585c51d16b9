// BGSAVE: a forked child writes the dataset as it was, the parent goes on serving.
//
//        event loop                                              child (cowslip-rdb-bgsave)
//   start() ── freeze, fork ──────────────────────────────────►  close what it need not hold, signals, oom score
//      │    on_report() ◄──────── pipe: keys, bytes ────────────  encode chunk after chunk ── file or socket,
//      │                  ◄────── shared byte per chunk ────────    giving each back when it is written
//      │    state()     ◄──────── CowObserver's thread            fsync, rename, fsync of the folder
//   SIGCHLD ► poll() ◄─────────── pipe: final report ───────────  _exit(0 ok, 1 failed, 255 cancelled)
//     thaw
//
// Between freezing and thawing (ChunkPool::begin_snapshot, end_snapshot) the store writes nothing that the child has
// not yet read.
//
// The child dies with its parent (PR_SET_PDEATHSIG): an orphan that went on could rename its older snapshot over a
// newer one of the next server (docs/decisions/0003-child-dies-with-its-parent.md). So start() must be called from a
// thread that lives as long as the process: the event loop, which is the main thread. All calls: event loop only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "memory/chunk_pool.h"
#include "persistence/child_report.h"
#include "persistence/cow_observer.h"
#include "persistence/rdb_saver.h"
#include "persistence/snapshot_state.h"
#include "store/keyspace.h"

namespace cowslip::persistence {

// The seam through which processes are made.
class Forker {
 public:
  virtual ~Forker() = default;
  virtual pid_t fork() = 0;  // as fork(2), errno included
};
Forker& real_forker();

// Publish as this file.
struct FileTarget {
  std::string path;
  // False: somebody's copy. It leaves alone what is told of the dataset's own snapshot: LASTSAVE, rdb_saves, whether
  // the last save went well, and with that save points and stop-writes-on-bgsave-error.
  bool is_snapshot = true;
};

// Stream a SYNC payload, "$EOF:<40 hex>\r\n", the file's bytes and the 40 again, to a connected socket, which stays
// the caller's and may be non-blocking.
struct SocketTarget {
  int fd = -1;
  int stall_timeout_ms = 60'000;  // give up when the peer takes nothing for so long
};

struct SaveRequest {
  std::variant<FileTarget, SocketTarget> target;
  SaveOptions options;  // now_ms and used_memory_bytes are filled in by start() when they are 0
  std::string reason;   // "BGSAVE command", "save point 900 1", "SYNC from 127.0.0.1:4000"
  // The child's. The highest there is: badness counts resident memory, and a child that gives back what it has saved
  // has ever less of it.
  int oom_score_adj = 1000;
  // Memory that the child takes at its start only to lose it, where nobody else sees to it that the kernel need not
  // kill. What fresh writes take is the parent's, so without it a child that is killed may free next to nothing, and
  // the parent is next before it has heard.
  size_t ballast_bytes = 0;
};

struct SaveOutcome {
  bool ok = false;
  bool cancelled = false;
  bool stopped_by_guard = false;  // stop(); `error` says why
  bool to_socket = false;
  int signal = 0;          // that ended the child, 0: it exited by itself
  int exit_code = -1;      // when signal is 0
  uint64_t oom_kills = 0;  // in the control group meanwhile, when the child was killed by somebody else
  std::optional<Error> error;
  // Why it did not end well, to stand behind `stopped by guard`, `killed` or `error`; empty when it did, or when it was
  // cancelled, which needs no reason.
  std::string error_words() const { return error && !cancelled ? error->message : ""; }
  int64_t duration_us = 0;
  uint64_t keys_written = 0;
  uint64_t changes_at_start = 0;  // Keyspace::dirty() at the fork: after a success these changes are saved
  int64_t unlink_us = -1;  // how long the caller waited for the removal of a killed child's file; -1: it had none
  CowSummary cow;
  // As of the child's last report, when it still had its memory; empty if it left none.
  std::optional<memory::LedgerTotals> ledger;
};

class BackgroundSave {
 public:
  // All of these outlive the object.
  struct Surroundings {
    const store::Keyspace& keyspace;
    memory::ChunkPool& chunks;  // the keyspace's: told of each snapshot's beginning and end
    FileSystem& files;
    const Clock& clock;
    const Logger& log;
    Forker& forker = real_forker();
    // How many processes the kernel's OOM killer has ended in this process's control group since the last fork, 0 if
    // nobody counts. Asked when a child was killed by somebody else; empty: nobody to ask.
    std::function<uint64_t()> oom_kills = {};
  };
  explicit BackgroundSave(Surroundings surroundings);
  // Kills a child that is still at work and waits for it.
  ~BackgroundSave();
  BackgroundSave(const BackgroundSave&) = delete;
  BackgroundSave& operator=(const BackgroundSave&) = delete;

  // Forks. kBusy: a child is at work already. kIo: "Can't save in background: fork: <errno's text>"; it counts as a
  // failed attempt. Logs "Background saving started by pid N".
  Status start(const SaveRequest& request);

  bool running() const { return child_pid_ > 0; }
  pid_t child_pid() const { return child_pid_; }  // -1: none
  // The parent's end of the report pipe, non-blocking; -1 when there is no child. Readable: call on_report().
  int report_fd() const { return report_fd_.get(); }
  // Reads what has arrived. False: the child closed its end, so nothing more comes; watch the descriptor no longer (it
  // stays open until poll() returned the outcome).
  bool on_report();

  // Whether the child has ended, and how. Waits for its pid only. Call it on SIGCHLD and in the cron: it is also what
  // kills a cancelled child that does not go. Logs how the save ended.
  std::optional<SaveOutcome> poll();
  // CowObserver's, since the last call.
  std::vector<ExactReading> take_exact_readings() { return observer_.take_exact_readings(); }
  // SIGUSR1: the child removes its temporary file, reports and goes. Harmless without a child.
  void cancel();
  // SIGKILL, so that its memory is free as soon as can be; poll() will tell, and remove its temporary file. `reason`
  // goes to the log and into the outcome. It is no failure in the sense of writes_should_stop(). Harmless without a
  // child.
  void stop(std::string reason);
  // cancel(), and waits for its end: at most about two seconds, then it is killed. Empty without a child.
  std::optional<SaveOutcome> cancel_and_wait();

  // Brought up to date by the call. Valid until the next one.
  const SnapshotState& state();

  // SAVE, SHUTDOWN and DEBUG RELOAD save without a child; INFO's counters want to know.
  void note_foreground_save(bool ok);
  // CONFIG RESETSTAT.
  void reset_statistics();

 private:
  Status not_started(std::string_view step, int os_errno);
  void child_started(pid_t child, int64_t fork_us);
  void take_report(const ChildReport& report);
  SaveOutcome finish(std::optional<int> wait_status);
  void judge(SaveOutcome& outcome, std::optional<int> wait_status) const;
  uint64_t oom_kills_behind(const SaveOutcome& outcome) const;
  void log_outcome(const SaveOutcome& outcome) const;
  void remember_outcome(const SaveOutcome& outcome);
  void remove_temporary_file();
  void kill_if_cancelled_in_vain();
  bool to_socket() const { return std::holds_alternative<SocketTarget>(request_.target); }
  bool is_snapshot() const { return !to_socket() && std::get<FileTarget>(request_.target).is_snapshot; }

  const Surroundings around_;
  SaveRequest request_;
  pid_t child_pid_ = -1;
  UniqueFd report_fd_;
  std::string temporary_path_;   // of the child at work; empty when it streams
  int64_t cancelled_at_us_ = 0;  // monotonic; 0: not cancelled
  bool killed_after_cancel_ = false;
  std::optional<std::string> stop_reason_;  // of stop()
  uint64_t changes_at_start_ = 0;
  memory::ProcessCounters at_fork_;
  std::optional<ChildReport> final_report_;
  std::optional<memory::LedgerTotals> final_ledger_;
  SnapshotState state_;
  CowObserver observer_;
  std::thread remover_;  // unlinks a killed child's file, which takes long for a large one
};

}  // namespace cowslip::persistence
