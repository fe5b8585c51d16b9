#include "persistence/rdb_saver.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "memory/snapshot_reader.h"
#include "persistence/rdb_encoder.h"
#include "persistence/snapshot_file.h"
#include "store/packed_tree.h"

namespace cowslip::persistence {
namespace {

// Progress is told after so many keys, and after each value large enough for a block of its own: it may have taken its
// time although few bytes came of it.
constexpr uint64_t kKeysBetweenReports = 64;

// One save under way. The first error ends it: the walk over a chunk cannot be left early, but costs little then.
class Saver {
 public:
  Saver(const store::Keyspace& keyspace, ByteSink& sink, const SaveOptions& options, OnSaveProgress& on_progress,
        memory::Dismisser* dismisser)
      : keyspace_(keyspace),
        options_(options),
        on_progress_(on_progress),
        dismisser_(dismisser),
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
    memory::ChunkWalk walk(database.arena(), memory::BlockKind::kEntry);
    while (status_ && walk.next()) save_chunk(walk);
  }

  void save_chunk(const memory::ChunkWalk& walk) {
    walk.for_each_block([&](const void* block) {
      if (status_) save_entry(*static_cast<const store::Entry*>(block));
    });
    if (status_ && dismisser_ != nullptr) dismisser_->chunk_done(walk.chunk());
  }

  void save_entry(const store::Entry& entry) {
    const char* value_block = entry.value_block();
    // When this returns, all bytes are in the encoder's buffer or in the sink's hands, and are not read again.
    status_ = encoder_.entry(entry);
    if (status_ && dismisser_ != nullptr) dismiss(entry, value_block);
    progress_.keys++;
    const bool delayed = options_.key_save_delay_us != 0;
    const bool due = delayed || value_block != nullptr || progress_.keys % kKeysBetweenReports == 0;
    if (status_ && due) tell();
    if (delayed) delay();
  }

  // What only this entry has, beside itself, was read for the last time.
  void dismiss(const store::Entry& entry, const char* value_block) {
    if (value_block != nullptr) dismisser_->block_done(value_block);
    if (!store::has_nodes(entry.encoding())) return;
    store::for_each_node_block(entry, [&](const void* block) { blocks_.push_back(block); });
    // Only now, for the nodes say where the others are.
    for (const void* block : blocks_) dismisser_->block_done(block);
    blocks_.clear();
  }

  void delay() {
    if (options_.key_save_delay_us > 0) {
      ::usleep(static_cast<useconds_t>(options_.key_save_delay_us));
    } else if (progress_.keys % static_cast<uint64_t>(-options_.key_save_delay_us) == 0) {
      ::usleep(1);
    }
  }

  const store::Keyspace& keyspace_;
  const SaveOptions& options_;
  OnSaveProgress& on_progress_;
  memory::Dismisser* const dismisser_;
  WatchedSink watched_;
  RdbEncoder encoder_;
  SaveProgress progress_;
  std::vector<const void*> blocks_;  // of one aggregate
  Status status_;
};

}  // namespace

Result<SaveProgress> save_rdb(const store::Keyspace& keyspace, ByteSink& sink, const SaveOptions& options,
                              OnSaveProgress on_progress, memory::Dismisser* dismisser) {
  return Saver(keyspace, sink, options, on_progress, dismisser).run();
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
