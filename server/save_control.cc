#include "server/save_control.h"

#include <fmt/format.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <utility>
#include <vector>

#include "persistence/save_points.h"
#include "server/client_registry.h"
#include "server/command_latency.h"
#include "server/config.h"
#include "server/defragmenter.h"
#include "server/event_loop.h"
#include "server/latency_monitor.h"
#include "server/observatory.h"
#include "server/server.h"
#include "server/snapshot_feed.h"
#include "server/timed_file_system.h"

namespace cowslip::server {

namespace {

constexpr std::string_view kScheduledReason = "BGSAVE SCHEDULE";
constexpr std::string_view kForcedReason = "BGSAVE FORCE, after a transaction";
constexpr std::string_view kRetryReason = "BGSAVE, tried again";
// Of a child without a guard, for then the kernel decides who goes: what writes, and the chunks made ready for them,
// take in the milliseconds until its end is noticed. No more than an eighth of the dataset, which may be small, and its
// container as well.
constexpr uint64_t kMostBallast = 16 << 20;
constexpr uint64_t kBallastShare = 8;

persistence::SavePoints save_points(const ServerConfig& config) {
  std::vector<persistence::SavePoint> points;
  for (const SavePoint& point : config.save) points.push_back({point.seconds, point.changes});
  return persistence::SavePoints(std::move(points));
}

}  // namespace

// The report pipe's descriptor as asio sees it. Owns a duplicate: the original belongs to BackgroundSave.
struct SaveControl::ReportWatch {
  ReportWatch(EventLoop& loop, int fd) : descriptor(loop.context(), dup(fd)) {}
  asio::posix::stream_descriptor descriptor;
};

SaveControl::SaveControl(Server& server)
    : server_(server),
      background_({server.keyspace(), server.keyspace().chunks(), real_file_system(), server.clock(), server.log(),
                   persistence::real_forker(), [&server] { return server.observatory().oom_kills(); }}),
      guard_(server) {}

SaveControl::~SaveControl() = default;

std::string SaveControl::snapshot_path() const {
  // The process's working directory is `dir`, and log lines name the file as Redis's do.
  return server_.config().dbfilename;
}

persistence::SaveOptions SaveControl::options() const {
  const ServerConfig& config = server_.config();
  persistence::SaveOptions options;
  options.compression = config.rdbcompression;
  options.checksum = config.rdbchecksum;
  options.incremental_fsync = config.rdb_save_incremental_fsync;
  options.key_save_delay_us = config.rdb_key_save_delay_us;
  options.used_memory_bytes = server_.used_memory();
  options.now_ms = server_.clock().unix_ms();
  return options;
}

Status SaveControl::save() {
  if (child_running()) return fail(ErrorCode::kBusy, "Background save already in progress");
  TimedFileSystem files(real_file_system(), server_.clock());
  const int64_t start_us = server_.clock().monotonic_us();
  const auto saved = persistence::save_rdb_file(server_.keyspace(), files, snapshot_path(), options());
  note_durations(files, server_.clock().monotonic_us() - start_us);
  background_.note_foreground_save(saved.has_value());
  if (!saved) {
    server_.log().warning("Error trying to save the DB: {}", saved.error().message);
    server_.refresh_gates();
    return std::unexpected(saved.error());
  }
  server_.log().notice("DB saved on disk");
  server_.keyspace().set_dirty(0);
  settle_retry();
  server_.refresh_gates();
  return {};
}

void SaveControl::note_durations(const TimedFileSystem& files, int64_t save_us) {
  LatencyMonitor& latency = server_.latency();
  latency.add(latency_event::kRdbSave, save_us);
  latency.add(latency_event::kRdbFsync, files.fsync_us());
  latency.add(latency_event::kRdbRename, files.rename_us());
}

Status SaveControl::start_background(std::string reason, Admission admission) {
  if (admission == Admission::kGuarded && !child_running()) {
    if (auto admitted = guard_.admit(); !admitted) return admitted;
  }
  persistence::SaveRequest request;
  request.target = persistence::FileTarget{snapshot_path()};
  request.reason = std::move(reason);
  guard_.set_forced(admission == Admission::kForced);
  return start(std::move(request));
}

Status SaveControl::start_for_client(std::variant<persistence::FileTarget, persistence::SocketTarget> target,
                                     std::string reason) {
  if (auto admitted = guard_.admit(); !admitted) {
    server_.log().warning("{}", admitted.error().message);
    return admitted;
  }
  persistence::SaveRequest request;
  request.target = std::move(target);
  request.reason = std::move(reason);
  return start(std::move(request));
}

Status SaveControl::start(persistence::SaveRequest request) {
  request.options = options();
  request.oom_score_adj = server_.oom_score().of_child(server_.config());
  if (!server_.config().snapshot_guard) {
    request.ballast_bytes = std::min(kMostBallast, server_.used_memory() / kBallastShare);
  }
  const auto started = background_.start(request);
  if (!started) {
    guard_.on_not_started();
    server_.refresh_gates();
    return started;
  }
  server_.latency().add(latency_event::kFork, background_.state().latest_fork_us);
  server_.clients().set_child_alive(true);
  server_.command_latency().set_child_alive(true);
  server_.latency().set_child_alive(true);
  server_.observatory().on_save_start();
  guard_.on_start();
  watch_reports();
  return {};
}

void SaveControl::watch_reports() {
  if (!watch_) watch_ = std::make_unique<ReportWatch>(server_.loop(), background_.report_fd());
  watch_->descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [this](asio::error_code error) {
    if (error) return;  // the child has ended, and the watch with it
    if (background_.on_report()) {
      watch_reports();
    } else {
      check_child();
    }
  });
}

void SaveControl::check_child() {
  if (const auto outcome = background_.poll()) on_end(*outcome);
}

void SaveControl::end_child() {
  if (const auto outcome = background_.cancel_and_wait()) on_end(*outcome);
}

void SaveControl::on_end(const persistence::SaveOutcome& outcome) {
  watch_.reset();
  server_.clients().set_child_alive(false);
  server_.command_latency().set_child_alive(false);
  server_.latency().set_child_alive(false);
  if (outcome.unlink_us >= 0) server_.latency().add(latency_event::kRdbUnlinkTempFile, outcome.unlink_us);
  server_.observatory().on_save_end(outcome);
  guard_.on_end(outcome);
  const bool is_snapshot = !outcome.to_socket && !server_.snapshot_feed().owns_child();
  // Save points come due by themselves; a BGSAVE would not be asked for again.
  if (is_snapshot && outcome.stopped_by_guard && background_.state().last_reason.starts_with("BGSAVE")) {
    scheduled_ = retrying_ = true;
    scheduled_forced_ = false;
  }
  if (is_snapshot && outcome.ok) {
    settle_retry();
    // What was changed while the child was at work is not in the file. A flush may have begun to count anew meanwhile.
    const uint64_t dirty = server_.keyspace().dirty();
    server_.keyspace().set_dirty(dirty - std::min(dirty, outcome.changes_at_start));
  }
  server_.snapshot_feed().on_child_end(outcome);
  server_.defragmenter().on_save_end();
  server_.refresh_gates();
}

void SaveControl::settle_retry() {
  if (std::exchange(retrying_, false)) scheduled_ = false;
}

void SaveControl::run() {
  if (child_running()) check_child();
  if (child_running()) return;
  if (server_.snapshot_feed().start_next()) return;
  start_if_due();
}

void SaveControl::start_if_due() {
  const persistence::SnapshotState& state = background_.state();
  const int64_t now_ms = server_.clock().unix_ms();
  const auto since_attempt_ms = now_ms - state.last_attempt_unix_ms;
  if (scheduled_ && (state.last_bgsave_ok || since_attempt_ms > persistence::kSaveRetryDelayMs)) {
    return start_scheduled();
  }
  const auto due = save_points(server_.config())
                       .due({.now_ms = now_ms,
                             .last_save_ms = state.last_save_unix_s * 1000,
                             .changes = server_.keyspace().dirty(),
                             .last_attempt_ms = state.last_attempt_unix_ms,
                             .last_attempt_ok = state.last_bgsave_ok});
  if (!due) return guard_.nothing_due();
  const std::string reason = fmt::format("save point {} {}", due->seconds, due->changes);
  if (!guard_.admits_automatic(reason)) return;
  server_.log().notice("{} changes in {} seconds. Saving...", due->changes, due->seconds);
  // A failure has been logged, and is tried again after kSaveRetryDelayMs.
  [[maybe_unused]] const auto started = start_background(reason, Admission::kAdmitted);
}

void SaveControl::start_scheduled() {
  if (scheduled_forced_) {
    scheduled_ = !start_background(std::string(kForcedReason), Admission::kForced).has_value();
  } else {
    const std::string reason(retrying_ ? kRetryReason : kScheduledReason);
    if (guard_.admits_automatic(reason)) scheduled_ = !start_background(reason, Admission::kAdmitted).has_value();
  }
  if (!scheduled_) retrying_ = scheduled_forced_ = false;
}

bool SaveControl::writes_stopped() {
  const ServerConfig& config = server_.config();
  return config.stop_writes_on_bgsave_error && !config.save.empty() && background_.state().writes_should_stop;
}

}  // namespace cowslip::server
