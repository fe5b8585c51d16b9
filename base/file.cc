#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace cowslip {
namespace {

// Repeats a system call for as long as signals interrupt it.
template <typename Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

std::unexpected<Error> fail_path(std::string_view action, std::string_view path, int os_errno = errno) {
  return fail_errno(fmt::format("cannot {} {}", action, path), os_errno);
}

// The same, for calls that can find nothing at `path`, which callers tell apart from trouble.
std::unexpected<Error> fail_missing(std::string_view action, std::string_view path, int os_errno = errno) {
  auto failure = fail_path(action, path, os_errno);
  if (os_errno == ENOENT) failure.error().code = ErrorCode::kNotFound, failure.error().os_errno = 0;
  return failure;
}

const char* directory_path(const std::string& directory) {
  return directory.empty() ? "." : directory.c_str();
}

class RealWritableFile final : public WritableFile {
 public:
  RealWritableFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Status append(std::string_view data) override {
    while (!data.empty()) {
      const ssize_t written = retry_interrupted([&] { return ::write(fd_.get(), data.data(), data.size()); });
      if (written < 0) return fail_path("write", path_);
      if (written == 0) return fail_path("write", path_, EIO);  // would go round forever otherwise
      data.remove_prefix(static_cast<size_t>(written));
    }
    return {};
  }

  Status sync() override {
    if (lost_errno_ != 0) return fail_path("fsync", path_, lost_errno_);
    if (retry_interrupted([&] { return ::fsync(fd_.get()); }) < 0) return fail_path("fsync", path_);
    return {};
  }

  void start_writeback(uint64_t offset, uint64_t bytes) override {
    ::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes), SYNC_FILE_RANGE_WRITE);
  }

  Status finish_writeback(uint64_t offset, uint64_t bytes) override {
    constexpr unsigned kAll = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    if (::sync_file_range(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes), kAll) == 0) return {};
    if (is_refusal(errno)) return {};
    // This wait has taken the error off the descriptor: fsync would not see it any more.
    lost_errno_ = errno;
    return fail_path("write back", path_, lost_errno_);
  }

  void drop_cache(uint64_t offset, uint64_t bytes) override {
    ::posix_fadvise(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(bytes), POSIX_FADV_DONTNEED);
  }

  Status close() override {
    if (!fd_) return {};
    // Linux frees the descriptor before anything can interrupt the call, so a second attempt could only close the
    // descriptor of another thread.
    if (::close(fd_.release()) < 0 && errno != EINTR) return fail_path("close", path_);
    return {};
  }

 private:
  // sync_file_range() is not to be had here (a pipe, a sandbox), which says nothing about the data.
  static bool is_refusal(int os_errno) {
    return os_errno == EINVAL || os_errno == ESPIPE || os_errno == ENOSYS || os_errno == EOPNOTSUPP ||
           os_errno == EPERM || os_errno == EINTR;
  }

  UniqueFd fd_;
  const std::string path_;
  int lost_errno_ = 0;  // data could not be written back
};

class RealReadableFile final : public ReadableFile {
 public:
  RealReadableFile(UniqueFd fd, std::string path, uint64_t size)
      : fd_(std::move(fd)), path_(std::move(path)), size_(size) {}

  Result<size_t> read(std::span<char> into) override {
    const ssize_t got = retry_interrupted([&] { return ::read(fd_.get(), into.data(), into.size()); });
    if (got < 0) return fail_path("read", path_);
    return static_cast<size_t>(got);
  }

  uint64_t size() const override { return size_; }

 private:
  UniqueFd fd_;
  const std::string path_;
  const uint64_t size_;
};

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    UniqueFd fd(
        retry_interrupted([&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644); }));
    if (!fd) return fail_path("create", path);
    return std::make_unique<RealWritableFile>(std::move(fd), path);
  }

  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override {
    UniqueFd fd(retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
    if (!fd) return fail_missing("open", path);
    struct stat info;
    if (::fstat(fd.get(), &info) < 0) return fail_path("open", path);
    if (S_ISDIR(info.st_mode)) return fail_path("open", path, EISDIR);  // open(2) alone does not mind
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::make_unique<RealReadableFile>(std::move(fd), path, static_cast<uint64_t>(info.st_size));
  }

  Status rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) < 0) return fail_path("rename", fmt::format("{} to {}", from, to));
    return {};
  }

  Status remove(const std::string& path) override {
    if (::unlink(path.c_str()) < 0) return fail_missing("remove", path);
    return {};
  }

  Status sync_directory(const std::string& directory) override {
    const char* const path = directory_path(directory);
    const UniqueFd fd(retry_interrupted([&] { return ::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!fd) return fail_path("open directory", path);
    const int synced = retry_interrupted([&] { return ::fsync(fd.get()); });
    // EINVAL: this file system has no such operation for folders, which leaves nothing to be done about it.
    if (synced < 0 && errno != EINVAL) return fail_path("fsync directory", path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& directory) override {
    const char* const path = directory_path(directory);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path), ::closedir);
    if (!folder) return fail_missing("list directory", path);
    std::vector<std::string> names;
    errno = 0;  // the only way to tell the end from an error
    while (const dirent* entry = ::readdir(folder.get())) {
      const std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    if (errno != 0) return fail_path("list directory", path);
    return names;
  }
};

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  if (this != &other) reset(other.release());
  return *this;
}

void UniqueFd::reset(int fd) {
  const int old = std::exchange(fd_, fd);
  if (old >= 0) ::close(old);
}

FileSystem& real_file_system() {
  static RealFileSystem instance;
  return instance;
}

}  // namespace cowslip
