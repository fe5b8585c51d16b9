#include "persistence/snapshot_file.h"

#include <dirent.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "base/numbers.h"

namespace cowslip::persistence {
namespace {

constexpr std::string_view kPrefix = "temp-";
constexpr std::string_view kSuffix = ".rdb";

// The Error of a file system call with the step it belonged to in front.
Status at_step(std::string_view step, Status status) {
  if (!status) status.error().message = fmt::format("{}: {}", step, status.error().message);
  return status;
}

}  // namespace

std::string directory_of(std::string_view path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return std::string(path.substr(0, slash == 0 ? 1 : slash));
}

std::string temporary_path_for(std::string_view path, pid_t pid) {
  const size_t slash = path.rfind('/');
  const std::string_view folder = slash == std::string_view::npos ? "" : path.substr(0, slash + 1);
  return fmt::format("{}{}{}{}", folder, kPrefix, pid, kSuffix);
}

// ---- SnapshotFile ----

Result<std::unique_ptr<SnapshotFile>> SnapshotFile::create(FileSystem& files, const std::string& path,
                                                           SnapshotFileOptions options) {
  auto file = files.create(temporary_path_for(path, ::getpid()));
  if (!file) {
    file.error().message = fmt::format("Failed opening the temp RDB file for saving: {}", file.error().message);
    return std::unexpected(std::move(file.error()));
  }
  return std::unique_ptr<SnapshotFile>(new SnapshotFile(files, path, std::move(*file), options));
}

SnapshotFile::SnapshotFile(FileSystem& files, std::string path, std::unique_ptr<WritableFile> file,
                           SnapshotFileOptions options)
    : files_(files),
      path_(std::move(path)),
      temporary_path_(temporary_path_for(path_, ::getpid())),
      options_(options),
      file_(std::move(file)) {}

SnapshotFile::~SnapshotFile() {
  discard();
}

void SnapshotFile::discard() {
  if (!temporary_exists_) return;
  temporary_exists_ = false;
  (void)file_->close();
  (void)files_.remove(temporary_path_);  // what cannot be removed now is removed at the next start
}

Status SnapshotFile::append(std::string_view data) {
  if (auto status = at_step("Write error saving DB on disk", file_->append(data)); !status) return status;
  bytes_ += data.size();
  return options_.window_bytes == 0 ? Status() : pace();
}

Status SnapshotFile::pace() {
  const uint64_t window = options_.window_bytes;
  for (; bytes_ - started_ >= window; started_ += window) file_->start_writeback(started_, window);
  for (; started_ - finished_ > options_.windows_in_flight * window; finished_ += window) {
    if (auto status = at_step("Write error saving DB on disk", file_->finish_writeback(finished_, window)); !status) {
      return status;
    }
    file_->drop_cache(finished_, window);
  }
  return {};
}

Status SnapshotFile::publish() {
  // 1. The bytes, before the name can point at them.
  if (auto status = at_step("Write error saving DB on disk", file_->sync()); !status) return status;
  // The next reader is a restart, if there ever is one: the cache has better uses.
  file_->drop_cache(0, 0);
  // 2. The name. The file stays open meanwhile, so remove_stale_temporary_files() of another process sees its owner.
  if (auto status =
          at_step("Error moving temp DB file on the final destination", files_.rename(temporary_path_, path_));
      !status) {
    return status;
  }
  temporary_exists_ = false;
  // 3. The name's own durability. An fsync that succeeded leaves nothing for close to lose.
  (void)file_->close();
  return at_step("The snapshot is in place but its folder could not be synced",
                 files_.sync_directory(directory_of(path_)));
}

// ---- leftovers ----

namespace {

// The pid in "temp-<pid>.rdb"; empty for any other name.
std::optional<pid_t> pid_of(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return {};
  if (name.size() <= kPrefix.size() + kSuffix.size()) return {};
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  const auto pid = parse_int64(name);
  if (!pid || *pid <= 0 || *pid > INT32_MAX) return {};
  return static_cast<pid_t>(*pid);
}

// Whether `pid` has the file at `path` open. Empty when its descriptors may not be looked at.
std::optional<bool> has_open(pid_t pid, const std::string& path) {
  struct stat wanted, seen;
  if (::stat(path.c_str(), &wanted) != 0) return {};
  const std::string folder = fmt::format("/proc/{}/fd", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
  if (!listing) return {};
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string descriptor = fmt::format("{}/{}", folder, entry->d_name);
    if (::stat(descriptor.c_str(), &seen) == 0 && seen.st_dev == wanted.st_dev && seen.st_ino == wanted.st_ino) {
      return true;
    }
  }
  return false;
}

// A pid that lives may have been reused (in a container it almost always is), so its open files decide. Where they may
// not be looked at, the file is left alone.
bool is_stale(pid_t pid, const std::string& path) {
  if (pid == ::getpid()) return true;
  if (::kill(pid, 0) != 0 && errno == ESRCH) return true;
  return has_open(pid, path) == false;
}

}  // namespace

Result<std::vector<std::string>> remove_stale_temporary_files(FileSystem& files, const std::string& directory) {
  auto names = files.list(directory);
  if (!names) return names;
  std::vector<std::string> removed;
  std::optional<Error> failure;
  for (const std::string& name : *names) {
    const auto pid = pid_of(name);
    const std::string path = directory.empty() ? name : fmt::format("{}/{}", directory, name);
    if (!pid || !is_stale(*pid, path)) continue;
    auto status = files.remove(path);
    if (status) removed.push_back(name);
    if (!status && status.error().code != ErrorCode::kNotFound) failure = status.error();
  }
  if (failure) return std::unexpected(*failure);
  return removed;
}

bool has_temporary_files(FileSystem& files, const std::string& directory) {
  const auto names = files.list(directory);
  return names && std::ranges::any_of(*names, [](const std::string& name) { return pid_of(name).has_value(); });
}

}  // namespace cowslip::persistence
