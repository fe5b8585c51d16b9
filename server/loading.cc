#include "server/loading.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/text.h"
#include "persistence/rdb_loader.h"
#include "persistence/snapshot_file.h"
#include "server/config.h"
#include "server/cron.h"
#include "server/event_loop.h"
#include "server/latency_monitor.h"
#include "server/request_pump.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/shutdown.h"

namespace cowslip::server {

namespace {

// Reads the snapshot, and can be told to stop: an interrupted load fails like one whose file has become unreadable.
class InterruptibleSource final : public persistence::ByteSource {
 public:
  InterruptibleSource(ReadableFile& file, const bool& interrupted) : file_(file), interrupted_(interrupted) {}
  Result<size_t> read(std::span<char> into) override {
    if (interrupted_) return fail(ErrorCode::kBusy, "interrupted");
    return file_.read(into);
  }

 private:
  ReadableFile& file_;
  const bool& interrupted_;
};

}  // namespace

Status Loading::load_at_start() {
  remove_leftovers();
  const int64_t start_us = server_.clock().monotonic_us();
  const auto loaded = load(true, false);
  // Also when it came after the last byte: nobody else will act on it.
  if (interrupted_) return fail(ErrorCode::kBusy, "interrupted");
  if (loaded) {
    const double seconds = static_cast<double>(server_.clock().monotonic_us() - start_us) / 1e6;
    server_.log().notice("DB loaded from disk: {:.3f} seconds", seconds);
    return {};
  }
  if (loaded.error().code == ErrorCode::kNotFound) return {};
  server_.log().warning("Fatal error loading the DB, check server logs. Exiting. {}", loaded.error().message);
  return loaded;
}

Status Loading::load_now(bool replace_existing) {
  return load(false, replace_existing);
}

Status Loading::load(bool serve_clients, bool replace_existing) {
  const std::string path = server_.saves().snapshot_path();
  auto file = real_file_system().open(path);
  if (!file) return std::unexpected(file.error());
  progress_ = {.start_unix_us = server_.clock().unix_us(), .total_bytes = (*file)->size()};
  held_since_us_ = server_.clock().monotonic_us();
  active_ = true;
  server_.refresh_gates();
  server_.keyspace().set_deletes_expired(false);

  InterruptibleSource source(**file, interrupted_);
  persistence::LoadOptions options;
  options.verify_checksum = server_.config().rdbchecksum;
  options.skip_unknown_types = server_.config().rdb_skip_unknown_types;
  options.now_ms = server_.clock().unix_ms();
  options.replace_existing = replace_existing;
  options.progress_every_bytes = static_cast<uint64_t>(server_.config().loading_process_events_interval_bytes);
  // Read anew for each key, because CONFIG SET may end a slow load.
  if (server_.config().key_load_delay_us != 0) {
    options.key_delay_us = [this] { return static_cast<int64_t>(server_.config().key_load_delay_us); };
  }
  options.on_origin = [this](const persistence::LoadReport& report) { take_origin(report); };
  const uint64_t dirty = server_.keyspace().dirty();
  const auto report =
      persistence::load_rdb(server_.keyspace(), source, progress_.total_bytes, options,
                            [&](uint64_t bytes, uint64_t total) { advance(bytes, total, serve_clients); });
  server_.keyspace().set_dirty(dirty);

  note_held();
  active_ = false;
  server_.keyspace().set_deletes_expired(true);
  server_.refresh_gates();
  if (!report) return std::unexpected(report.error());
  for (const std::string& warning : report->warnings) server_.log().warning("{}", warning);
  last_keys_loaded_ = report->keys_loaded;
  last_keys_expired_ = report->keys_expired;
  std::string left_out;
  if (report->keys_empty != 0) left_out += fmt::format(", empty keys skipped: {}", report->keys_empty);
  if (report->keys_skipped != 0) left_out += fmt::format(", keys of unknown types skipped: {}", report->keys_skipped);
  server_.log().notice("Done loading RDB, keys loaded: {}, keys expired: {}{}.", report->keys_loaded,
                       report->keys_expired, left_out);
  return {};
}

// Who wrote the file, when, and how large the dataset was there: what its AUX fields tell. Before the first key.
void Loading::take_origin(const persistence::LoadReport& report) {
  progress_.rdb_used_memory = report.used_memory_bytes;
  const Logger& log = server_.log();
  if (!report.redis_version.empty()) {
    const std::string version = quoted(report.redis_version);  // a file may say anything
    log.notice("Loading RDB produced by version {}", std::string_view(version).substr(1, version.size() - 2));
  }
  if (report.created_unix_seconds != 0) {
    const int64_t age = server_.clock().unix_ms() / 1000 - report.created_unix_seconds;
    log.notice("RDB age {} seconds", std::max<int64_t>(age, 0));
  }
  if (report.used_memory_bytes != 0) {
    constexpr double kMegabyte = 1024 * 1024;
    log.notice("RDB memory usage when created {:.2f} Mb", static_cast<double>(report.used_memory_bytes) / kMegabyte);
  }
}

void Loading::advance(uint64_t bytes, uint64_t total, bool serve_clients) {
  progress_.loaded_bytes = bytes;
  progress_.total_bytes = total;
  if (!serve_clients) return;
  note_held();
  server_.loop().turn(server_.pump(), false);
  held_since_us_ = server_.clock().monotonic_us();
}

void Loading::note_held() {
  server_.latency().add(latency_event::kRdbLoad, server_.clock().monotonic_us() - held_since_us_);
}

// The child of a server that was killed is killed with it, but may take a while to be gone, and holds its file until
// then. A server started at once waits for that; somebody else's save in the same folder delays it for a second only.
void Loading::remove_leftovers() {
  constexpr int kAttempts = 50;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    if (attempt > 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const auto removed = persistence::remove_stale_temporary_files(real_file_system(), ".");
    if (!removed) return server_.log().warning("Cannot remove old temporary files: {}", removed.error().message);
    for (const std::string& name : *removed) server_.log().notice("Removed the unfinished snapshot {}", name);
    if (!persistence::has_temporary_files(real_file_system(), ".")) return;
  }
}

}  // namespace cowslip::server
