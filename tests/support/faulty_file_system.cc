#include "tests/support/faulty_file_system.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cowslip::testing {
namespace {

Status outcome(int os_errno, const std::string& what) {
  if (os_errno != 0) return fail_errno(what, os_errno);
  return {};
}

class FaultyWritableFile final : public WritableFile {
 public:
  FaultyWritableFile(FaultyFileSystem& system, std::string path, std::unique_ptr<WritableFile> file)
      : system_(system), path_(std::move(path)), file_(std::move(file)) {}

  Status append(std::string_view data) override {
    system_.calls.push_back("append " + std::to_string(data.size()));
    const auto limit = system_.faults.write_limit_bytes;
    if (!limit || written_ + data.size() <= *limit) return pass_on(data);
    if (auto status = pass_on(data.substr(0, *limit - std::min(*limit, written_))); !status) return status;
    return outcome(system_.faults.write_errno, path_);
  }
  Status sync() override {
    system_.calls.push_back("sync");
    if (system_.faults.sync_errno != 0) return outcome(system_.faults.sync_errno, path_);
    return file_->sync();
  }
  void start_writeback(uint64_t offset, uint64_t bytes) override {
    tell_range("writeback", offset, bytes);
    file_->start_writeback(offset, bytes);
  }
  Status finish_writeback(uint64_t offset, uint64_t bytes) override {
    tell_range("wait", offset, bytes);
    if (const auto limit = system_.faults.writeback_limit_bytes; limit && offset + bytes > *limit) {
      return outcome(EIO, path_);
    }
    return file_->finish_writeback(offset, bytes);
  }
  void drop_cache(uint64_t offset, uint64_t bytes) override {
    tell_range("drop", offset, bytes);
    file_->drop_cache(offset, bytes);
  }
  Status close() override {
    system_.calls.push_back("close");
    if (system_.faults.close_errno != 0) return outcome(system_.faults.close_errno, path_);
    return file_->close();
  }

 private:
  void tell_range(std::string call, uint64_t offset, uint64_t bytes) {
    call += " " + std::to_string(offset) + " " + std::to_string(bytes);
    system_.calls.push_back(std::move(call));
  }
  Status pass_on(std::string_view data) {
    written_ += data.size();
    return file_->append(data);
  }

  FaultyFileSystem& system_;
  const std::string path_;
  std::unique_ptr<WritableFile> file_;
  uint64_t written_ = 0;
};

class FaultyReadableFile final : public ReadableFile {
 public:
  FaultyReadableFile(FaultyFileSystem& system, std::string path, std::unique_ptr<ReadableFile> file)
      : system_(system), path_(std::move(path)), file_(std::move(file)) {}

  Result<size_t> read(std::span<char> into) override {
    if (const auto limit = system_.faults.read_limit_bytes) {
      if (read_ >= *limit) return fail_errno(path_, EIO);
      into = into.subspan(0, std::min<uint64_t>(into.size(), *limit - read_));
    }
    auto got = file_->read(into);
    if (got) read_ += *got;
    return got;
  }
  uint64_t size() const override { return file_->size(); }

 private:
  FaultyFileSystem& system_;
  const std::string path_;
  std::unique_ptr<ReadableFile> file_;
  uint64_t read_ = 0;
};

}  // namespace

Result<std::unique_ptr<WritableFile>> FaultyFileSystem::create(const std::string& path) {
  calls.push_back("create " + path);
  if (faults.create_errno != 0) return fail_errno(path, faults.create_errno);
  auto file = real_.create(path);
  if (!file) return file;
  return std::make_unique<FaultyWritableFile>(*this, path, std::move(*file));
}

Result<std::unique_ptr<ReadableFile>> FaultyFileSystem::open(const std::string& path) {
  if (faults.open_errno != 0) return fail_errno(path, faults.open_errno);
  auto file = real_.open(path);
  if (!file) return file;
  return std::make_unique<FaultyReadableFile>(*this, path, std::move(*file));
}

Status FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  calls.push_back("rename " + from + " " + to);
  if (faults.rename_errno != 0) return outcome(faults.rename_errno, from);
  return real_.rename(from, to);
}

Status FaultyFileSystem::remove(const std::string& path) {
  calls.push_back("remove " + path);
  if (faults.remove_errno != 0) return outcome(faults.remove_errno, path);
  return real_.remove(path);
}

Status FaultyFileSystem::sync_directory(const std::string& directory) {
  calls.push_back("sync_directory " + directory);
  if (faults.sync_directory_errno != 0) return outcome(faults.sync_directory_errno, directory);
  return real_.sync_directory(directory);
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& directory) {
  if (faults.list_errno != 0) return fail_errno(directory, faults.list_errno);
  return real_.list(directory);
}

}  // namespace cowslip::testing
