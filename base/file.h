// The seam between the project and the file system. Everything that must survive a crash is written through here, and
// tests put a faulty twin in its place (tests/support/faulty_file_system.h).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace cowslip {

// Owner of one file descriptor; closes it when it goes.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

// A file being written from its start. Errors carry errno and the file's path.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  // Appends all of `data`, however many write(2) calls that takes.
  virtual Status append(std::string_view data) = 0;
  // Data and metadata are on the disk when this returns.
  virtual Status sync() = 0;
  // Asks the kernel to start writing back `bytes` of the file from `offset` on, without waiting for it. Best effort.
  virtual void start_writeback(uint64_t offset, uint64_t bytes) = 0;
  // Waits until they are written back; a kernel or file system that cannot do so does nothing. An Error means that data
  // was lost: the kernel tells that once, so this object remembers, and sync() fails, too.
  virtual Status finish_writeback(uint64_t offset, uint64_t bytes) = 0;
  // Tells the kernel that these cached pages will not be needed again; 0 bytes: all up to the end. Pages that are not
  // written back yet stay. Best effort.
  virtual void drop_cache(uint64_t offset, uint64_t bytes) = 0;
  // Reports what the kernel only tells now (a full quota on a network disk). The destructor closes without telling.
  virtual Status close() = 0;
};

// A file being read from its start.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  // Reads up to `into.size()` bytes; 0 means the end.
  virtual Result<size_t> read(std::span<char> into) = 0;
  // Of the file when it was opened.
  virtual uint64_t size() const = 0;
};

// Errors name the path. Directories are named as paths are; an empty name is the working directory, so that the folder
// part of a bare file name can be handed on as it is.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  // Creates or truncates (mode 0644).
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;  // kNotFound when there is none
  // Atomic replacement of `to`.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove(const std::string& path) = 0;  // kNotFound when there is none
  // The folder's entries themselves (a rename, say) are on the disk when this returns.
  virtual Status sync_directory(const std::string& directory) = 0;
  // Names (not paths) of the folder's entries without "." and "..", unsorted. kNotFound when there is no such folder.
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;
};

// The machine's files. Thread-safe; the objects it hands out are not.
FileSystem& real_file_system();

}  // namespace cowslip
