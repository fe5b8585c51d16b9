// The file system's faulty twin: passes everything on to a real one until it is told to fail.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"

namespace cowslip::testing {

// Which calls fail, and with which errno; 0: they do not.
struct FileFaults {
  int create_errno = 0;
  // A write that would take a file past so many bytes writes up to there and fails, as on a full disk.
  std::optional<uint64_t> write_limit_bytes;
  int write_errno = 28;  // ENOSPC
  // Waiting for a range past so many bytes to be written back fails with EIO, as on a broken disk.
  std::optional<uint64_t> writeback_limit_bytes;
  int sync_errno = 0;
  int close_errno = 0;
  int rename_errno = 0;
  int remove_errno = 0;
  int sync_directory_errno = 0;
  int list_errno = 0;
  int open_errno = 0;
  // A read that would go past so many bytes of a file fails with EIO.
  std::optional<uint64_t> read_limit_bytes;
};

// One thread at a time; files it handed out keep to the faults of the moment of each call. Works in a forked child,
// whose calls() the parent does not see.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& real = real_file_system()) : real_(real) {}

  FileFaults faults;
  // What was called, in order: "create /x/temp-1.rdb", "append 10", "sync", "writeback 0 100", "wait 0 100",
  // "drop 0 0" (ranges are offset and bytes), "close", "rename /a /b", "remove /a", "sync_directory /x".
  std::vector<std::string> calls;

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Status sync_directory(const std::string& directory) override;
  Result<std::vector<std::string>> list(const std::string& directory) override;

 private:
  FileSystem& real_;
};

}  // namespace cowslip::testing
