#include "server/timed_file_system.h"

#include <utility>

namespace cowslip::server {

namespace {

Status timed(const Clock& clock, int64_t& total_us, auto call) {
  const int64_t start_us = clock.monotonic_us();
  Status status = call();
  total_us += clock.monotonic_us() - start_us;
  return status;
}

}  // namespace

class TimedFileSystem::TimedFile final : public WritableFile {
 public:
  TimedFile(std::unique_ptr<WritableFile> file, TimedFileSystem& owner) : file_(std::move(file)), owner_(owner) {}

  Status append(std::string_view data) override { return file_->append(data); }
  Status sync() override {
    return timed(owner_.clock_, owner_.fsync_us_, [&] { return file_->sync(); });
  }
  void start_writeback(uint64_t offset, uint64_t bytes) override { file_->start_writeback(offset, bytes); }
  Status finish_writeback(uint64_t offset, uint64_t bytes) override { return file_->finish_writeback(offset, bytes); }
  void drop_cache(uint64_t offset, uint64_t bytes) override { file_->drop_cache(offset, bytes); }
  Status close() override { return file_->close(); }

 private:
  std::unique_ptr<WritableFile> file_;
  TimedFileSystem& owner_;
};

Result<std::unique_ptr<WritableFile>> TimedFileSystem::create(const std::string& path) {
  auto file = files_.create(path);
  if (!file) return std::unexpected(std::move(file.error()));
  return std::make_unique<TimedFile>(std::move(*file), *this);
}

Status TimedFileSystem::rename(const std::string& from, const std::string& to) {
  return timed(clock_, rename_us_, [&] { return files_.rename(from, to); });
}

Status TimedFileSystem::sync_directory(const std::string& directory) {
  return timed(clock_, fsync_us_, [&] { return files_.sync_directory(directory); });
}

}  // namespace cowslip::server
