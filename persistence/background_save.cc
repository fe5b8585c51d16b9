#include "persistence/background_save.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/random.h"
#include "persistence/child_scheduling.h"
#include "persistence/save_child.h"
#include "persistence/snapshot_file.h"

namespace cowslip::persistence {
namespace {

constexpr int64_t kCancelPatienceUs = 2'000'000;
constexpr int64_t kMegabyte = 1024 * 1024;
constexpr size_t kStreamMarkBytes = 20;  // 40 hexadecimal digits
// Unlinking a larger file than this is left to a thread: the file system frees its blocks one by one.
constexpr off_t kQuickUnlinkBytes = 64 * kMegabyte;

class RealForker final : public Forker {
 public:
  pid_t fork() override { return ::fork(); }
};

// No signal between the fork and the moment the child has handlers of its own.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

int64_t monotonic_us() {
  return SystemClock().monotonic_us();
}

// Absolute, because CONFIG SET dir may take the parent elsewhere while the child is at work.
std::string absolute_temporary_path(const std::string& target, pid_t child) {
  const std::string path = temporary_path_for(target, child);
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).string();
  return error ? path : absolute;
}

// How a signal ended the child, for error and log.
std::string signal_text(const SaveOutcome& outcome) {
  std::string text = fmt::format("signal {}", outcome.signal != 0 ? outcome.signal : SIGUSR1);
  if (outcome.oom_kills == 0) return text;
  const std::string times = outcome.oom_kills == 1 ? "once" : fmt::format("{} times", outcome.oom_kills);
  return text + fmt::format("; the kernel's OOM killer struck in its control group {} meanwhile", times);
}

}  // namespace

Forker& real_forker() {
  static RealForker forker;
  return forker;
}

BackgroundSave::BackgroundSave(Surroundings surroundings)
    : around_(std::move(surroundings)), observer_(around_.chunks) {
  state_.last_save_unix_s = around_.clock.unix_ms() / 1000;
  state_.last_outcome = "none";
  (void)may_leave_idle_scheduling();  // asked before there are clients who would wait for the answer
}

BackgroundSave::~BackgroundSave() {
  if (running()) {
    ::kill(child_pid_, SIGKILL);
    while (::waitpid(child_pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
    around_.chunks.end_snapshot();
    remove_temporary_file();
  }
  if (remover_.joinable()) remover_.join();
}

// ---- starting ----

Status BackgroundSave::start(const SaveRequest& request) {
  if (running()) return fail(ErrorCode::kBusy, "Background save already in progress");
  if (remover_.joinable()) remover_.join();
  request_ = request;
  if (request_.options.now_ms == 0) request_.options.now_ms = around_.clock.unix_ms();
  if (request_.options.used_memory_bytes == 0) {
    request_.options.used_memory_bytes = around_.chunks.used_bytes();
  }
  if (is_snapshot()) state_.last_attempt_unix_ms = around_.clock.unix_ms();

  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return not_started("pipe", errno);
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  const std::string mark = os_random_hex(kStreamMarkBytes);
  at_fork_ = {};
  memory::read_process_counters_signal_safe(0, at_fork_);

  const pid_t parent = ::getpid();
  const bool may_idle = may_leave_idle_scheduling();
  const SignalsBlocked blocked;
  const int64_t before_us = monotonic_us();
  around_.chunks.begin_snapshot();
  const pid_t child = around_.forker.fork();
  const int fork_errno = errno;
  if (child == 0) {
    run_save_child({request_, around_.keyspace, around_.chunks, around_.files, around_.log, write_end.get(), parent,
                    mark, may_idle});
  }
  if (child < 0) {
    around_.chunks.end_snapshot();
    return not_started("fork", fork_errno);
  }
  report_fd_ = std::move(read_end);
  child_started(child, monotonic_us() - before_us);
  return {};
}

Status BackgroundSave::not_started(std::string_view step, int os_errno) {
  auto failure = fail_errno(fmt::format("Can't save in background: {}", step), os_errno);
  around_.log.warning("{}", failure.error().message);
  if (is_snapshot()) {
    state_.last_bgsave_ok = false;
    state_.writes_should_stop = true;
  }
  state_.last_reason = request_.reason;
  state_.last_outcome = "error";
  state_.last_error = failure.error().message;
  return failure;
}

void BackgroundSave::child_started(pid_t child, int64_t fork_us) {
  child_pid_ = child;
  cancelled_at_us_ = 0;
  killed_after_cancel_ = false;
  stop_reason_.reset();
  final_report_.reset();
  final_ledger_.reset();
  temporary_path_ = to_socket() ? "" : absolute_temporary_path(std::get<FileTarget>(request_.target).path, child);
  changes_at_start_ = around_.keyspace.dirty();
  state_.started_at_us = monotonic_us();
  state_.current_save_keys_processed = 0;
  state_.current_save_keys_total = around_.keyspace.total_keys();
  state_.current_save_bytes = 0;
  state_.latest_fork_us = fork_us;
  state_.latest_fork_gib_per_second =
      static_cast<double>(at_fork_.resident) / (1 << 30) / (static_cast<double>(std::max<int64_t>(fork_us, 1)) / 1e6);
  state_.total_forks++;
  state_.parent_resident_at_fork = at_fork_.resident;
  state_.parent_page_tables_at_fork = at_fork_.page_tables;
  state_.parent_anonymous_at_fork = at_fork_.resident_anon;
  state_.last_reason = request_.reason;
  state_.last_outcome = "running";
  state_.last_error.clear();
  observer_.watch(child, at_fork_, fork_us);
  if (to_socket()) {
    around_.log.notice("Background RDB transfer started by pid {}", child);
  } else {
    around_.log.notice("Background saving started by pid {}", child);
  }
}

// ---- while it runs ----

bool BackgroundSave::on_report() {
  if (!report_fd_) return false;
  for (;;) {
    ChildReport report;
    const ssize_t got = ::read(report_fd_.get(), &report, sizeof report);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    if (got == 0) return false;
    if (got == sizeof report && report.magic == ChildReport::kMagic) take_report(report);
  }
}

void BackgroundSave::take_report(const ChildReport& report) {
  state_.current_save_keys_processed = report.keys;
  state_.current_save_bytes = report.bytes;
  if (!report.has(ChildReport::kFinal)) return;
  final_report_ = report;
  final_ledger_ = around_.chunks.ledger().totals();
  if (report.has(ChildReport::kMemory)) {
    ChildMemoryReport memory{
        .private_dirty = report.private_dirty, .resident = report.resident, .page_tables = report.page_tables};
    if (report.has(ChildReport::kOutside)) memory.private_outside = report.private_outside;
    observer_.add_final_report(memory);
  }
}

void BackgroundSave::cancel() {
  if (!running() || cancelled_at_us_ != 0) return;
  cancelled_at_us_ = monotonic_us();
  end_idle_scheduling(child_pid_);
  ::kill(child_pid_, SIGUSR1);
}

void BackgroundSave::kill_if_cancelled_in_vain() {
  if (cancelled_at_us_ == 0 || killed_after_cancel_) return;
  if (monotonic_us() - cancelled_at_us_ < kCancelPatienceUs) return;
  killed_after_cancel_ = true;
  ::kill(child_pid_, SIGKILL);
}

void BackgroundSave::stop(std::string reason) {
  if (!running() || stop_reason_) return;
  around_.log.warning("Background saving is stopped by the guard: {}", reason);
  stop_reason_ = std::move(reason);
  end_idle_scheduling(child_pid_);  // it needs processor time to end
  ::kill(child_pid_, SIGKILL);
}

std::optional<SaveOutcome> BackgroundSave::cancel_and_wait() {
  cancel();
  while (running()) {
    if (auto outcome = poll()) return outcome;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return {};
}

const SnapshotState& BackgroundSave::state() {
  state_.running = running();
  state_.child_pid = child_pid_;
  state_.to_socket = running() && to_socket();
  const int64_t now_us = monotonic_us();
  state_.current_bgsave_seconds = running() ? (now_us - state_.started_at_us) / 1'000'000 : -1;
  if (!running()) {
    state_.current_cow_size = state_.current_cow_peak = 0;
    state_.current_cow_size_age_s = 0;
    state_.current_fork_percent = 0;
    state_.current_save_keys_processed = state_.current_save_keys_total = 0;
    return state_;
  }
  state_.cow = observer_.summary();
  state_.cow_age_us = now_us - state_.cow.last.measured_at_us;
  state_.cow_exact_age_us = now_us - state_.cow.last.exact_at_us;
  state_.current_cow_size = state_.cow.last.copied_bytes;
  state_.current_cow_peak = state_.cow.peak_bytes;
  state_.current_cow_size_age_s = state_.cow_age_us / 1'000'000;
  const auto total = static_cast<double>(state_.current_save_keys_total);
  state_.current_fork_percent = total > 0 ? 100.0 * static_cast<double>(state_.current_save_keys_processed) / total : 0;
  return state_;
}

// ---- its end ----

std::optional<SaveOutcome> BackgroundSave::poll() {
  if (!running()) return {};
  int status = 0;
  const pid_t ended = ::waitpid(child_pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) {
    kill_if_cancelled_in_vain();
    return {};
  }
  // ECHILD: somebody else has waited for it. Then its last report is all there is to know.
  return finish(ended < 0 ? std::nullopt : std::optional<int>(status));
}

SaveOutcome BackgroundSave::finish(std::optional<int> wait_status) {
  on_report();  // the pipe holds everything the child ever said
  around_.chunks.end_snapshot();
  SaveOutcome outcome;
  judge(outcome, wait_status);
  outcome.to_socket = to_socket();
  outcome.duration_us = monotonic_us() - state_.started_at_us;
  outcome.keys_written = state_.current_save_keys_processed;
  outcome.changes_at_start = changes_at_start_;
  outcome.cow = observer_.finish();
  outcome.ledger = final_ledger_;
  if (outcome.signal != 0) {
    const int64_t start_us = monotonic_us();
    remove_temporary_file();
    outcome.unlink_us = monotonic_us() - start_us;
  }
  remember_outcome(outcome);
  log_outcome(outcome);
  child_pid_ = -1;
  report_fd_.reset();
  return outcome;
}

void BackgroundSave::judge(SaveOutcome& outcome, std::optional<int> wait_status) const {
  const bool said_done = final_report_ && final_report_->phase == SavePhase::kDone;
  if (wait_status && WIFSIGNALED(*wait_status)) {
    outcome.signal = WTERMSIG(*wait_status);
    outcome.cancelled = cancelled_at_us_ != 0;
    outcome.stopped_by_guard = stop_reason_ && outcome.signal == SIGKILL && !outcome.cancelled;
    if (outcome.stopped_by_guard) {
      outcome.error = Error{ErrorCode::kLimit, *stop_reason_, 0};
      return;
    }
    outcome.oom_kills = oom_kills_behind(outcome);
    outcome.error = Error{ErrorCode::kIo, signal_text(outcome), 0};
    return;
  }
  outcome.exit_code = wait_status ? WEXITSTATUS(*wait_status) : (said_done ? kChildOk : kChildFailed);
  outcome.ok = outcome.exit_code == kChildOk;
  outcome.cancelled = outcome.exit_code == kChildCancelled;
  if (outcome.ok) return;
  if (outcome.cancelled) {
    outcome.error = Error{ErrorCode::kIo, signal_text(outcome), 0};
  } else if (final_report_ && final_report_->has(ChildReport::kFailed)) {
    const size_t length = std::min<size_t>(final_report_->text_length, ChildReport::kTextBytes);
    outcome.error = Error{ErrorCode::kIo, std::string(final_report_->text, length), final_report_->os_errno};
  } else {
    outcome.error = Error{ErrorCode::kIo, fmt::format("The child ended with exit code {}", outcome.exit_code), 0};
  }
}

uint64_t BackgroundSave::oom_kills_behind(const SaveOutcome& outcome) const {
  return outcome.signal == SIGKILL && !outcome.cancelled && around_.oom_kills ? around_.oom_kills() : 0;
}

void BackgroundSave::remember_outcome(const SaveOutcome& outcome) {
  const int64_t now_us = monotonic_us();
  state_.cow = outcome.cow;
  state_.cow_age_us = now_us - outcome.cow.last.measured_at_us;
  state_.cow_exact_age_us = now_us - outcome.cow.last.exact_at_us;
  state_.last_cow_size = outcome.cow.peak_bytes;  // by its end the child has given back what it had written
  state_.last_error = outcome.error_words();
  state_.last_outcome = outcome.ok                 ? "ok"
                        : outcome.cancelled        ? "cancelled"
                        : outcome.stopped_by_guard ? "stopped by guard"
                        : outcome.signal != 0      ? "killed"
                                                   : "error";
  if (!is_snapshot()) return;
  state_.last_bgsave_seconds = outcome.duration_us / 1'000'000;
  if (outcome.ok) {
    state_.saves++;
    state_.last_save_unix_s = around_.clock.unix_ms() / 1000;
  }
  // A save that was called off says nothing about whether the disk can be written.
  if (outcome.cancelled) return;
  state_.last_bgsave_ok = outcome.ok;
  if (!outcome.stopped_by_guard) state_.writes_should_stop = !outcome.ok;
}

void BackgroundSave::log_outcome(const SaveOutcome& outcome) const {
  const std::string_view what = outcome.to_socket ? "Background RDB transfer" : "Background saving";
  around_.log.notice("Fork CoW for RDB: current {} MB, peak {} MB, average {} MB",
                     outcome.cow.last.copied_bytes / kMegabyte, outcome.cow.peak_bytes / kMegabyte,
                     outcome.cow.average_bytes / kMegabyte);
  if (outcome.ok) {
    around_.log.notice("{} terminated with success", what);
  } else if (outcome.signal != 0 || outcome.cancelled) {
    around_.log.warning("{} terminated by {}", what, signal_text(outcome));
  } else {
    around_.log.warning("{} error", outcome.to_socket ? "Background transfer" : "Background saving");
  }
}

void BackgroundSave::remove_temporary_file() {
  const std::string& path = temporary_path_;
  struct stat info;
  if (path.empty() || ::stat(path.c_str(), &info) != 0) return;
  if (info.st_size > kQuickUnlinkBytes && !remover_.joinable()) {
    try {
      remover_ = std::thread([&files = around_.files, path = path] { (void)files.remove(path); });
      return;
    } catch (const std::system_error&) {
      // No thread to be had: then it takes as long as it takes.
    }
  }
  (void)around_.files.remove(path);
}

void BackgroundSave::note_foreground_save(bool ok) {
  if (!ok) return;
  state_.saves++;
  state_.last_bgsave_ok = true;
  state_.writes_should_stop = false;
  state_.last_save_unix_s = around_.clock.unix_ms() / 1000;
}

void BackgroundSave::reset_statistics() {
  state_.total_forks = 0;
  state_.latest_fork_us = 0;
  state_.latest_fork_gib_per_second = 0;
}

}  // namespace cowslip::persistence
