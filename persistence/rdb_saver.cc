#include "persistence/rdb_saver.h"

#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

#include "persistence/rdb_encoder.h"
#include "persistence/snapshot_file.h"

namespace cowslip::persistence {
namespace {

// Progress is told after so many keys, and after each value large enough for a block of its own: it may have taken its
// time although few bytes came of it.
constexpr uint64_t kKeysBetweenReports = 64;

// So many entries are on their way into the cache while one is encoded: the walk follows the index, and entries lie
// where they lie.
constexpr size_t kEntriesAhead = 16;
constexpr size_t kCacheLineBytes = 64;
constexpr size_t kLinesAhead = 2;

// One save under way. The first error ends it: the walk over the index cannot be left early, but costs little then.
class Saver {
 public:
  Saver(const store::Keyspace& keyspace, ByteSink& sink, const SaveOptions& options, OnSaveProgress& on_progress)
      : keyspace_(keyspace),
        options_(options),
        on_progress_(on_progress),
        watched_(*this, sink),
        encoder_(watched_, {.compression = options.compression, .checksum = options.checksum}) {
    progress_.keys_total = keyspace.total_keys();
  }

  Result<SaveProgress> run() {
    status_ = encoder_.begin();
    if (status_) status_ = auxiliary_fields();
    for (int number = 0; status_ && number < keyspace_.count(); number++) save_database(number);
    if (status_) status_ = encoder_.finish();
    if (!status_) return std::unexpected(status_.error());
    tell();
    return progress_;
  }

 private:
  // Passes bytes on and tells of progress, which a huge key would otherwise hold up.
  class WatchedSink final : public ByteSink {
   public:
    WatchedSink(Saver& saver, ByteSink& sink) : saver_(saver), sink_(sink) {}
    Status append(std::string_view data) override {
      const Status status = sink_.append(data);
      if (status) saver_.tell();
      return status;
    }

   private:
    Saver& saver_;
    ByteSink& sink_;
  };

  void tell() {
    progress_.bytes = encoder_.bytes_written();
    if (on_progress_) on_progress_(progress_);
  }

  Status auxiliary_fields() {
    (void)encoder_.aux("redis-ver", kRedisVersion);
    (void)encoder_.aux("redis-bits", 64);
    (void)encoder_.aux("ctime", options_.now_ms / 1000);
    (void)encoder_.aux("used-mem", static_cast<int64_t>(options_.used_memory_bytes));
    return encoder_.aux("aof-base", options_.aof_base ? 1 : 0);
  }

  void save_database(int number) {
    const store::Database& database = keyspace_.database(number);
    if (database.size() == 0) return;
    (void)encoder_.select_database(static_cast<uint64_t>(number));
    status_ = encoder_.resize_database(database.size(), database.expires());
    database.for_each_with_access([&](const store::Entry& entry, uint32_t stamp) {
      prefetch(entry);
      const Ahead next = std::exchange(ahead_[seen_++ % kEntriesAhead], {&entry, stamp});
      if (next.entry != nullptr && status_) save_entry(*next.entry, next.stamp);
    });
    for (size_t i = 0; i < kEntriesAhead; i++) {
      const Ahead next = std::exchange(ahead_[seen_++ % kEntriesAhead], {});
      if (next.entry != nullptr && status_) save_entry(*next.entry, next.stamp);
    }
  }

  static void prefetch(const store::Entry& entry) {
    const char* const at = reinterpret_cast<const char*>(&entry);
    for (size_t line = 0; line < kLinesAhead; line++) __builtin_prefetch(at + line * kCacheLineBytes);
  }

  void save_entry(const store::Entry& entry, uint32_t stamp) {
    const store::AccessClock& clock = keyspace_.access_clock();
    std::optional<uint64_t> idle;
    std::optional<uint8_t> frequency;
    if (options_.access == AccessStamps::kIdle) idle = clock.idle_seconds(stamp, options_.now_ms);
    if (options_.access == AccessStamps::kFrequency) frequency = clock.frequency(stamp, options_.now_ms);
    status_ = encoder_.entry(entry, idle, frequency);
    progress_.keys++;
    const bool delayed = options_.key_save_delay_us != 0;
    const bool due = delayed || entry.has_external_value() || progress_.keys % kKeysBetweenReports == 0;
    if (status_ && due) tell();
    if (delayed) delay();
  }

  void delay() {
    if (options_.key_save_delay_us > 0) {
      ::usleep(static_cast<useconds_t>(options_.key_save_delay_us));
    } else if (progress_.keys % static_cast<uint64_t>(-options_.key_save_delay_us) == 0) {
      ::usleep(1);
    }
  }

  struct Ahead {
    const store::Entry* entry = nullptr;
    uint32_t stamp = 0;
  };

  const store::Keyspace& keyspace_;
  const SaveOptions& options_;
  OnSaveProgress& on_progress_;
  WatchedSink watched_;
  RdbEncoder encoder_;
  SaveProgress progress_;
  Status status_;
  std::array<Ahead, kEntriesAhead> ahead_ = {};  // by seen_, in a ring
  size_t seen_ = 0;
};

}  // namespace

Result<SaveProgress> save_rdb(const store::Keyspace& keyspace, ByteSink& sink, const SaveOptions& options,
                              OnSaveProgress on_progress) {
  return Saver(keyspace, sink, options, on_progress).run();
}

Result<SaveProgress> save_rdb_file(const store::Keyspace& keyspace, FileSystem& files, const std::string& path,
                                   const SaveOptions& options, OnSaveProgress on_progress) {
  SnapshotFileOptions file_options;
  if (!options.incremental_fsync) file_options.window_bytes = 0;
  auto file = SnapshotFile::create(files, path, file_options);
  if (!file) return std::unexpected(std::move(file.error()));
  auto saved = save_rdb(keyspace, **file, options, std::move(on_progress));
  if (!saved) return saved;
  if (auto status = (*file)->publish(); !status) return std::unexpected(std::move(status.error()));
  return saved;
}

}  // namespace cowslip::persistence
