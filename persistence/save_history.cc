#include "persistence/save_history.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "persistence/save_record_json.h"

namespace cowslip::persistence {
namespace {

// More of a file than this is not read: it is none of ours then, or has many more lines than anybody wants.
constexpr off_t kMostBytesRead = 64 << 20;

std::string path_in(const std::string& folder) {
  return fmt::format("{}/{}", folder, kHistoryFileName);
}

void block_signals() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// The end of the file, or all of it. Empty when there is none.
Result<std::string> read_end_of(const std::string& path) {
  // Without waiting: somebody might have put a FIFO there.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::string();
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0) return fail_errno(fmt::format("reading {}", path));
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kIo, fmt::format("reading {}: not a file", path));
  off_t at = std::max<off_t>(info.st_size - kMostBytesRead, 0);
  const bool from_middle = at > 0;
  std::string text(static_cast<size_t>(info.st_size - at), '\0');
  size_t length = 0;
  while (length < text.size()) {
    const ssize_t got = ::pread(file.get(), text.data() + length, text.size() - length, at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(fmt::format("reading {}", path));
    if (got == 0) break;
    length += static_cast<size_t>(got);
    at += got;
  }
  text.resize(length);
  if (from_middle) text.erase(0, text.find('\n'));
  return text;
}

// Takes records from the text's end until there are `count`. Newest first.
void take_newest(std::string_view text, size_t count, SaveHistoryFile::Loaded& into) {
  while (!text.empty() && into.records.size() < count) {
    if (text.ends_with('\n')) text.remove_suffix(1);
    const size_t before = text.rfind('\n');
    const std::string_view line = before == std::string_view::npos ? text : text.substr(before + 1);
    text = before == std::string_view::npos ? std::string_view() : text.substr(0, before + 1);
    if (line.empty()) continue;
    auto record = from_json_line(line);
    if (record) {
      into.highest_id = std::max(into.highest_id, record->id);
      into.records.push_back(std::move(*record));
    } else {
      into.skipped++;
    }
  }
}

Status write_all(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(fmt::format("writing {}", path));
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

// A crash left half a line, or a full disk did.
bool ends_torn(int fd, off_t size) {
  char last = '\n';
  return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

Status append_history_line(const SaveHistoryFile::Place& place, std::string_view line) {
  const std::string path = path_in(place.folder);
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
      static_cast<uint64_t>(info.st_size) + line.size() + 1 > place.max_bytes) {
    if (::rename(path.c_str(), (path + ".1").c_str()) != 0) return fail_errno(fmt::format("renaming {}", path));
  }
  // Without waiting: it may be a FIFO that nobody reads.
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644));
  if (!file || ::fstat(file.get(), &info) != 0) return fail_errno(fmt::format("opening {}", path));
  if (!S_ISREG(info.st_mode)) return fail(ErrorCode::kIo, fmt::format("opening {}: not a file", path));
  std::string bytes;
  bytes.reserve(line.size() + 2);
  if (ends_torn(file.get(), info.st_size)) bytes += '\n';
  bytes += line;
  bytes += '\n';
  return write_all(file.get(), bytes, path);
}

SaveHistoryFile::Loaded SaveHistoryFile::load(const std::string& folder, size_t count) const {
  Loaded loaded;
  const std::string path = path_in(folder);
  for (const std::string& each : {path, path + ".1"}) {
    if (loaded.records.size() >= count) break;
    const auto text = read_end_of(each);
    if (text) {
      take_newest(*text, count, loaded);
    } else {
      log_.warning("The history of saves cannot be read: {}", text.error().message);
    }
  }
  std::ranges::reverse(loaded.records);
  if (loaded.skipped > 0) {
    log_.notice("{}: lines passed over that make no sense, torn by a crash or of another program: {}", path,
                loaded.skipped);
  }
  return loaded;
}

// ---- writing ----

SaveHistoryFile::~SaveHistoryFile() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SaveHistoryFile::append(Place place, SaveRecord record) {
  const std::lock_guard lock(mutex_);
  if (!thread_.joinable()) {
    try {
      thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& error) {
      // No thread to be had: this save is remembered in memory only.
      log_.warning("The history of saves cannot be written: {}", error.what());
      return;
    }
  }
  jobs_.push_back({std::move(place), std::move(record)});
  changed_.notify_all();
}

void SaveHistoryFile::flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return jobs_.empty() && !busy_; });
}

void SaveHistoryFile::run() {
  block_signals();
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    busy_ = true;
    lock.unlock();
    note(append_history_line(job.place, to_json_line(job.record)));
    lock.lock();
    busy_ = false;
    changed_.notify_all();
  }
}

void SaveHistoryFile::note(const Status& written) {
  if (!written && !failing_) {
    log_.warning("The history of saves cannot be written: {}. The server goes on without it.", written.error().message);
  }
  failing_ = !written;
}

}  // namespace cowslip::persistence
