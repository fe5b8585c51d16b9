#include "persistence/rdb_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <span>
#include <thread>
#include <utility>

#include "base/numbers.h"
#include "base/text.h"
#include "persistence/aggregate_reader.h"
#include "persistence/collection_reader.h"
#include "persistence/rdb_decoder.h"
#include "persistence/rdb_skipper.h"

namespace cowslip::persistence {
namespace {

// One read(2) at a time: large enough to be fast, small enough to answer clients between two of them.
constexpr size_t kReadBytes = 256 * 1024;

// So many entries are gathered before they are stored.
constexpr size_t kBatch = 32;

// A key in a file takes three bytes at the very least (type, key, value), so a RESIZEDB that promises more keys than
// that lies, and is no reason to take memory.
constexpr uint64_t kLeastBytesPerKey = 3;

// The index is made ready for so many keys at a time: 25 MB, which take the kernel 30 ms at worst.
constexpr uint64_t kReservedAtATime = 2'000'000;

// A message shows so much of a key.
constexpr size_t kKeyBytesShown = 128;

// An index that is far too large is made smaller for so long at a time.
constexpr int64_t kShrinkSliceUs = 10'000;

// Counts what is read and tells of it.
class CountingSource final : public ByteSource {
 public:
  CountingSource(ByteSource& source, uint64_t total, uint64_t progress_every_bytes, OnLoadProgress& on_progress)
      : source_(source), total_(total), progress_every_bytes_(progress_every_bytes), on_progress_(on_progress) {}

  Result<size_t> read(std::span<char> into) override {
    const size_t most = std::min<size_t>(kReadBytes, progress_every_bytes_);
    auto got = source_.read(into.subspan(0, std::min(into.size(), most)));
    if (!got) return got;
    count_ += *got;
    if (count_ >= next_progress_at_ || count_ == total_) {
      next_progress_at_ = count_ + progress_every_bytes_;
      tell_progress();
    }
    return got;
  }
  void tell_progress() {
    if (on_progress_) on_progress_(count_, total_);
  }
  uint64_t count() const { return count_; }

 private:
  ByteSource& source_;
  const uint64_t total_;
  const uint64_t progress_every_bytes_;
  OnLoadProgress& on_progress_;
  uint64_t count_ = 0;
  uint64_t next_progress_at_ = 0;
};

class FileSource final : public ByteSource {
 public:
  explicit FileSource(ReadableFile& file) : file_(file) {}
  Result<size_t> read(std::span<char> into) override { return file_.read(into); }

 private:
  ReadableFile& file_;
};

// For collections that have expired.
class DiscardingSink final : public CollectionSink {
 public:
  void begin(const CollectionHead&) override {}
  void element(const store::StringView&) override {}
  bool member(const store::StringView&) override { return true; }
  bool scored(const store::StringView&, double) override { return true; }
  bool field(const store::StringView&, const store::StringView&) override { return true; }
  void end() override {}
};

class Loader {
 public:
  Loader(store::Keyspace& keyspace, CountingSource& source, uint64_t total, const LoadOptions& options)
      : keyspace_(keyspace),
        source_(source),
        total_(total),
        options_(options),
        decoder_(source,
                 {.verify_checksum = options.verify_checksum, .buffer_bytes = 2 * kReadBytes, .bytes_total = total}),
        aggregates_(decoder_, keyspace) {}

  Result<LoadReport> run() {
    if (auto status = decoder_.begin(); !status) return std::unexpected(std::move(status.error()));
    report_.rdb_version = decoder_.version();
    for (;;) {
      if (auto status = take_buffered(); !status) return std::unexpected(std::move(status.error()));
      auto item = decoder_.next();
      if (!item) return std::unexpected(std::move(item.error()));
      if (item->kind != RdbItem::Kind::kAux) tell_origin();
      if (item->kind == RdbItem::Kind::kEnd) break;
      if (auto status = take(*item); !status) return std::unexpected(std::move(status.error()));
    }
    shrink_indexes();
    sum_up_skipped();
    report_.bytes = decoder_.offset();
    report_.checksum_verified = decoder_.checksum_verified();
    return std::move(report_);
  }

 private:
  // Takes the entries that lie in the decoder's buffer, a batch at a time: a store can find the places of all of them
  // before it fills the first.
  Status take_buffered() {
    for (;;) {
      size_t read = 0;
      RdbItem item;
      while (read < kBatch && decoder_.next_buffered(item)) {
        read++;
        gather(item);
      }
      if (read == 0) return {};
      tell_origin();
      if (auto status = store_gathered(); !status) return status;
    }
  }

  Status take(const RdbItem& item) {
    switch (item.kind) {
      case RdbItem::Kind::kEntry:
        gather(item);
        return store_gathered();
      case RdbItem::Kind::kSelectDatabase:
        return select(item.number);
      case RdbItem::Kind::kResizeDatabase:
        reserve(item.number);
        break;
      case RdbItem::Kind::kAux:
        take_aux(item);
        break;
      case RdbItem::Kind::kUnread:
        return take_unread(item);
      case RdbItem::Kind::kFunction:
        return take_function(item);
      case RdbItem::Kind::kModuleAux:
        warn(fmt::format("Data of module '{}' was skipped", item.name));
        module_data_skipped_++;
        break;
      case RdbItem::Kind::kEnd:
        break;
    }
    return {};
  }

  // Keys whose values are no strings.
  Status take_unread(const RdbItem& item) {
    if (CollectionReader::reads(item.type)) return take_collection(item);
    if (!options_.skip_unknown_types) return refused(decoder_.refuse_value(item.type).error());
    auto skipped = skip_value(decoder_, item.type);
    if (!skipped) return std::unexpected(std::move(skipped.error()));
    warn(fmt::format("Skipped key {} in database {}: a {} cannot be held yet", shown(item.key), database_, *skipped));
    report_.keys_skipped++;
    skipped_[item.type]++;
    return {};
  }

  Status take_collection(const RdbItem& item) {
    if (options_.key_delay_us) wait_before_key(options_.key_delay_us());
    if (is_left_out(item)) return skip_expired_collection(item);
    store::Database& db = keyspace_.database(database_);
    db.prefetch(db.hash(item.key));
    auto made = aggregates_.read(item.type, db, item.key, item.expire_at_ms);
    if (!made) return std::unexpected(std::move(made.error()));
    if (!*made) return leave_out_empty(item.key);
    report_.keys_loaded++;
    const bool twice =
        db.load(std::move(**made), {.key = item.key, .idle_seconds = item.idle_seconds, .frequency = item.frequency});
    if (!twice || options_.replace_existing) return {};
    return key_twice(item.key, decoder_.offset());
  }

  // Parsed all the same: behind it, the file goes on.
  Status skip_expired_collection(const RdbItem& item) {
    DiscardingSink nowhere;
    const auto elements = collections_.read(item.type, nowhere);
    if (!elements) return std::unexpected(elements.error());
    if (*elements == 0) return leave_out_empty(item.key);
    report_.keys_expired++;
    return {};
  }

  // Whether it has expired.
  bool is_left_out(const RdbItem& item) const {
    return options_.skip_expired && item.expire_at_ms != store::kNoExpiry && item.expire_at_ms < options_.now_ms;
  }

  Status leave_out_empty(std::string_view key) {
    warn(fmt::format("Skipped key {} in database {}: its value has no elements", shown(key), database_));
    report_.keys_empty++;
    return {};
  }

  Status take_function(const RdbItem& item) {
    store::StringView::Scratch scratch;
    const std::string_view source = item.value.text(scratch);
    const std::string_view first_line = source.substr(0, source.find('\n'));
    const std::string what = fmt::format("The function library that begins with {}", shown(first_line));
    if (!options_.skip_unknown_types) {
      return refused(
          {ErrorCode::kUnsupported, fmt::format("{} cannot be held yet, at offset {}", what, decoder_.offset())});
    }
    warn(fmt::format("Skipped: {}", what));
    functions_skipped_++;
    return {};
  }

  // An Error that the setting could have averted.
  static std::unexpected<Error> refused(Error error) {
    if (error.code == ErrorCode::kUnsupported) error.message += " (rdb-skip-unknown-types yes leaves out such data)";
    return std::unexpected(std::move(error));
  }

  // Of very many, warn() has told of the first ones only.
  void sum_up_skipped() {
    const auto sum_up = [this](std::string_view what, uint64_t count) {
      if (warnings_held_back_ == 0 || count == 0) return;
      report_.warnings.push_back(fmt::format("{} that were skipped and are missing now: {}", what, count));
    };
    sum_up("Function libraries", functions_skipped_);
    sum_up("Pieces of modules' data", module_data_skipped_);
    if (report_.keys_skipped == 0) return;
    std::string types;
    for (const auto& [type, keys] : skipped_) {
      types += fmt::format("{}{} of type {}", types.empty() ? "" : ", ", keys, rdb_type_name(type));
    }
    report_.warnings.push_back(
        fmt::format("Keys that were skipped and are missing now: {} ({})", report_.keys_skipped, types));
  }

  static std::string shown(std::string_view key) { return quoted(key.substr(0, kKeyBytesShown)); }

  void tell_origin() {
    if (options_.on_origin && !origin_told_) options_.on_origin(report_);
    origin_told_ = true;
  }

  // A hostile file may hold a million of them.
  void warn(std::string message) {
    constexpr size_t kMostWarnings = 100;
    if (report_.warnings.size() < kMostWarnings) {
      report_.warnings.push_back(std::move(message));
    } else {
      warnings_held_back_++;
    }
  }

  Status select(uint64_t number) {
    if (number >= static_cast<uint64_t>(keyspace_.count())) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("The file has keys in database {}, but there are only {} databases (offset {})", number,
                              keyspace_.count(), decoder_.offset()));
    }
    database_ = static_cast<int>(number);
    return {};
  }

  void reserve(uint64_t keys) {
    if (total_ != 0) keys = std::min(keys, total_ / kLeastBytesPerKey);
    constexpr uint64_t kMostOfUnknownSource = 1'000'000;
    if (total_ == 0) keys = std::min(keys, kMostOfUnknownSource);
    store::Database& database = keyspace_.database(database_);
    if (database.size() != 0) return;  // grows by itself
    for (uint64_t reserved = 0; reserved < keys;) {
      reserved = std::min(keys, reserved + kReservedAtATime);
      database.reserve(reserved);
      source_.tell_progress();
    }
  }

  // What RESIZEDB promised may have expired, or never been there. In a table of empty buckets RANDOMKEY draws long, and
  // SCAN walks long.
  void shrink_indexes() {
    for (int number = 0; number < keyspace_.count(); number++) {
      while (keyspace_.database(number).upkeep(kShrinkSliceUs)) source_.tell_progress();
    }
  }

  void wait_before_key(int64_t delay_us) const {
    const auto keys_seen = static_cast<int64_t>(report_.keys_loaded + report_.keys_expired);
    if (delay_us < 0) delay_us = keys_seen % -delay_us == 0 ? 1 : 0;
    if (delay_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
  }

  void gather(const RdbItem& item) {
    if (options_.key_delay_us) wait_before_key(options_.key_delay_us());
    if (is_left_out(item)) {
      report_.keys_expired++;
      return;
    }
    offsets_[gathered_] = decoder_.offset();
    batch_[gathered_++] = {.key = item.key,
                           .value = item.value,
                           .expire_at_ms = item.expire_at_ms,
                           .idle_seconds = item.idle_seconds,
                           .frequency = item.frequency};
    report_.keys_loaded++;
  }

  Status store_gathered() {
    const auto batch = std::span(batch_).first(std::exchange(gathered_, 0));
    const auto twice = keyspace_.database(database_).load(batch);
    if (!twice || options_.replace_existing) return {};
    return key_twice(batch[*twice].key, offsets_[*twice]);
  }

  std::unexpected<Error> key_twice(std::string_view key, uint64_t offset) const {
    return fail(ErrorCode::kCorrupt, fmt::format("The RDB data has the key {} twice in database {} (offset {})",
                                                 shown(key), database_, offset));
  }

  void take_aux(const RdbItem& item) {
    store::StringView::Scratch scratch;
    const std::string_view value = item.value.text(scratch);
    const auto number = parse_int64(value).value_or(0);
    if (item.name == "redis-ver") report_.redis_version = value.substr(0, 64);
    if (item.name == "ctime") report_.created_unix_seconds = number;
    if (item.name == "used-mem") report_.used_memory_bytes = static_cast<uint64_t>(std::max<int64_t>(number, 0));
    if (item.name == "aof-base") report_.aof_base = number != 0;
  }

  store::Keyspace& keyspace_;
  CountingSource& source_;
  const uint64_t total_;
  const LoadOptions& options_;
  RdbDecoder decoder_;
  CollectionReader collections_{decoder_};
  AggregateReader aggregates_;
  std::map<uint8_t, uint64_t> skipped_;  // keys, by RdbType
  uint64_t functions_skipped_ = 0, module_data_skipped_ = 0, warnings_held_back_ = 0;
  std::array<store::LoadedKey, kBatch> batch_;
  std::array<uint64_t, kBatch> offsets_ = {};  // where each of them ends in the file, for messages
  size_t gathered_ = 0;
  LoadReport report_;
  int database_ = 0;
  bool origin_told_ = false;
};

}  // namespace

Result<LoadReport> load_rdb(store::Keyspace& keyspace, ByteSource& source, uint64_t bytes_total,
                            const LoadOptions& options, OnLoadProgress on_progress) {
  CountingSource counting(source, bytes_total, options.progress_every_bytes, on_progress);
  return Loader(keyspace, counting, bytes_total, options).run();
}

Result<LoadReport> load_rdb(store::Keyspace& keyspace, FileSystem& files, const std::string& path,
                            const LoadOptions& options, OnLoadProgress on_progress) {
  auto file = files.open(path);
  if (!file) return std::unexpected(std::move(file.error()));
  FileSource source(**file);
  auto report = load_rdb(keyspace, source, (*file)->size(), options, std::move(on_progress));
  if (!report && report.error().code != ErrorCode::kIo) {
    report.error().message = fmt::format("{}: {}", path, report.error().message);
  }
  return report;
}

}  // namespace cowslip::persistence
