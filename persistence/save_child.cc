#include "persistence/save_child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "memory/process_memory.h"
#include "memory/process_pages.h"
#include "memory/snapshot_reader.h"
#include "persistence/byte_sink.h"
#include "persistence/child_report.h"
#include "persistence/child_scheduling.h"
#include "persistence/rdb_saver.h"
#include "persistence/snapshot_file.h"

namespace cowslip::persistence {
namespace {

constexpr int64_t kReportEveryUs = 50'000;
// How long the last report waits for a parent that does not read. It is of no use to wait for ever.
constexpr int kFinalReportTimeoutMs = 2000;

// A few milliseconds behind, but it is asked after every key and costs next to nothing.
int64_t coarse_now_us() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
  return time.tv_sec * 1'000'000 + time.tv_nsec / 1000;
}

// Keeps the parent informed. Its methods marked "signal-safe" may run in a signal handler that interrupted any other.
class Reporter {
 public:
  explicit Reporter(int fd) : fd_(fd) {}

  void set_phase(SavePhase phase) { report_.phase = phase; }
  void set_temporary_path(std::string_view path) {
    path = path.substr(0, sizeof temporary_path_ - 1);
    path.copy(temporary_path_, path.size());
  }
  // Dropped when the pipe is full: the next one says more.
  void progress(const SaveProgress& progress, int64_t now_us) {
    report_.keys = progress.keys;
    report_.keys_total = progress.keys_total;
    report_.bytes = progress.bytes;
    if (now_us < next_at_us_) return;
    next_at_us_ = now_us + kReportEveryUs;
    (void)!::write(fd_, &report_, sizeof report_);
  }
  void failed(const Error& error) {
    report_.flags |= ChildReport::kFailed;
    report_.os_errno = error.os_errno;
    report_.text_length = static_cast<uint32_t>(std::min(error.message.size(), ChildReport::kTextBytes));
    error.message.copy(report_.text, report_.text_length);
  }

  void private_outside(uint64_t bytes) {
    report_.flags |= ChildReport::kOutside;
    report_.private_outside = bytes;
  }

  // Signal-safe.
  void final(uint32_t flags) {
    report_.flags |= flags | ChildReport::kFinal;
    memory::MemoryRollup rollup;
    memory::ProcessCounters counters;
    if (memory::read_memory_rollup_signal_safe(0, rollup) && memory::read_process_counters_signal_safe(0, counters)) {
      report_.flags |= ChildReport::kMemory;
      report_.private_dirty = rollup.private_dirty;
      report_.resident = rollup.resident;
      report_.page_tables = counters.page_tables;
    }
    pollfd writable{fd_, POLLOUT, 0};
    ::poll(&writable, 1, kFinalReportTimeoutMs);
    (void)!::write(fd_, &report_, sizeof report_);
  }

  // Signal-safe.
  [[noreturn]] void cancelled() {
    if (temporary_path_[0] != '\0') ::unlink(temporary_path_);
    final(ChildReport::kCancelled);
    ::_exit(kChildCancelled);
  }

 private:
  const int fd_;
  int64_t next_at_us_ = 0;
  ChildReport report_;
  char temporary_path_[4096] = {};
};

// A signal handler has no other way to its data. Set in the child only.
Reporter* interrupted_reporter = nullptr;

// ---- becoming a child ----

void ignore(int signal) {
  ::signal(signal, SIG_IGN);
}

// The parent's handlers speak to the parent's event loop.
void take_over_signals(Reporter& reporter) {
  for (int number = 1; number < NSIG; number++) ::signal(number, SIG_DFL);
  // The parent decides when its child goes: a terminal's or a service manager's signal to the whole group reaches the
  // parent too. A receiver that hangs up is an errno.
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE}) ignore(number);
  interrupted_reporter = &reporter;
  ::signal(SIGUSR1, [](int) { interrupted_reporter->cancelled(); });
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// A listening port or a client held open here would stay open when the parent closes it.
void close_inherited_descriptors(int keep, int keep_too) {
  const auto [low, high] = std::minmax(keep, keep_too);
  unsigned from = STDERR_FILENO + 1;
  for (const int kept : {low, high}) {
    if (kept < static_cast<int>(from)) continue;
    if (kept > static_cast<int>(from)) ::close_range(from, static_cast<unsigned>(kept) - 1, 0);
    from = static_cast<unsigned>(kept) + 1;
  }
  ::close_range(from, ~0u, 0);
}

void set_oom_score(int score) {
  const UniqueFd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  const std::string text = std::to_string(score);
  // Refused only where it would be lowered; then the child is what its parent is.
  if (fd) (void)!::write(fd.get(), text.data(), text.size());
}

// Not given a name: it goes with the process, and the kernel's OOM reaper takes it at once, before the child has had
// the processor again. Where there is no room for it, the child is killed here.
void take_ballast(size_t bytes) {
  if (bytes == 0) return;
  (void)::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
}

void become_child(const SaveChildTask& task, Reporter& reporter, ChildScheduling& scheduling) {
  const auto* socket = std::get_if<SocketTarget>(&task.request.target);
  // 1. Die with the parent; it may be gone already.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != task.parent) ::_exit(kChildFailed);
  // 2. Let go of what is not ours, before anything can block.
  close_inherited_descriptors(task.report_fd, socket != nullptr ? socket->fd : task.report_fd);
  // 3. Be the one that is killed when memory runs out, before any is taken.
  set_oom_score(task.request.oom_score_adj);
  take_ballast(task.request.ballast_bytes);
  ::prctl(PR_SET_NAME, "cowslip-rdb-bgsave");
  // 4. Leave the processor to the parent where there are not enough of them: its clients wait, ours does not.
  scheduling.yield(task.may_idle);
  // 5. From here on the parent may cancel.
  take_over_signals(reporter);
}

// ---- saving ----

// What the steps below have in common.
struct Saving {
  const SaveChildTask& task;
  Reporter& reporter;
  ChildScheduling& scheduling;
  memory::Dismisser dismisser;  // what has been written leaves this process's memory
};

Status save_dataset(Saving& saving, ByteSink& sink) {
  const auto on_progress = [&](const SaveProgress& progress) {
    const int64_t now_us = coarse_now_us();
    saving.reporter.progress(progress, now_us);
    saving.scheduling.check(now_us);
  };
  const auto saved = save_rdb(saving.task.keyspace, sink, saving.task.request.options, on_progress, &saving.dismisser);
  saving.scheduling.end();
  if (!saved) return std::unexpected(saved.error());
  return {};
}

Status save_to_file(Saving& saving, const std::string& path) {
  saving.reporter.set_phase(SavePhase::kCreate);
  saving.reporter.set_temporary_path(temporary_path_for(path, ::getpid()));
  SnapshotFileOptions file_options;
  if (!saving.task.request.options.incremental_fsync) file_options.window_bytes = 0;
  auto file = SnapshotFile::create(saving.task.files, path, file_options);
  if (!file) return std::unexpected(std::move(file.error()));
  saving.reporter.set_phase(SavePhase::kWrite);
  if (auto status = save_dataset(saving, **file); !status) return status;
  saving.reporter.set_phase(SavePhase::kPublish);
  return (*file)->publish();
}

Status stream_to_socket(Saving& saving, const SocketTarget& target) {
  const std::string_view mark = saving.task.stream_mark;
  DescriptorSink sink(target.fd, target.stall_timeout_ms);
  saving.reporter.set_phase(SavePhase::kSend);
  if (auto status = sink.append(fmt::format("$EOF:{}\r\n", mark)); !status) return status;
  if (auto status = save_dataset(saving, sink); !status) return status;
  return sink.append(mark);
}

Status save(const SaveChildTask& task, Reporter& reporter, ChildScheduling& scheduling) {
  // First of all: what no save reads is the parent's alone again.
  Saving saving{task, reporter, scheduling, memory::Dismisser(task.chunks)};
  const auto& target = task.request.target;
  if (const auto* socket = std::get_if<SocketTarget>(&target)) return stream_to_socket(saving, *socket);
  return save_to_file(saving, std::get<FileTarget>(target).path);
}

// The work is done: a cancellation that comes now is too late, and must not spoil the last report.
void refuse_cancellation() {
  ignore(SIGUSR1);
}

}  // namespace

void run_save_child(const SaveChildTask& task) {
  Reporter reporter(task.report_fd);
  ChildScheduling scheduling;
  become_child(task, reporter, scheduling);
  Logger log = task.log;
  log.set_role('C');
  const Status status = save(task, reporter, scheduling);
  refuse_cancellation();
  if (const auto pages = memory::anonymous_pages_outside(0, task.chunks.inherited_memory())) {
    reporter.private_outside(pages->exclusive);
  }
  if (!status) {
    log.warning("{}", status.error().message);
    reporter.failed(status.error());
    reporter.final(0);
    ::_exit(kChildFailed);
  }
  if (std::holds_alternative<FileTarget>(task.request.target)) log.notice("DB saved on disk");
  reporter.set_phase(SavePhase::kDone);
  reporter.final(0);
  ::_exit(kChildOk);
}

}  // namespace cowslip::persistence
