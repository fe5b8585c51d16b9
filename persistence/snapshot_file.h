// Atomic publishing of a snapshot file.
//
// Problem: a save may fail at any byte, and the machine at any moment; whoever opens dump.rdb must find a whole
// snapshot, the old one or the new one. Solution, in this order: (1) write temp-<pid>.rdb beside it, (2) fsync it, (3)
// rename it over the old file, (4) fsync the folder. Until (3) the old snapshot is untouched; every failure removes the
// temporary file.
//
// A process that is killed cannot remove its file: remove_stale_temporary_files() does, at start and after a child
// died.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "persistence/byte_sink.h"

namespace cowslip::persistence {

// rdb-save-incremental-fsync. Problem: left alone, the kernel collects a gigabyte of dirty pages and has it all written
// by the fsync at the end: the disk idles first, then everybody waits behind it, and a memory limit is filled with
// cache. Solution: the file is written back in windows. A full window is started at once; then the one
// `windows_in_flight` before it is waited for and dropped from the cache. So the disk is always busy, at most
// windows_in_flight + 1 windows are dirty or cached, and the fsync has little left.
struct SnapshotFileOptions {
  uint64_t window_bytes = 8 * 1024 * 1024;  // 0: leave it to the kernel and the fsync
  uint64_t windows_in_flight = 4;
};

// One file being written. Not published unless publish() returned success; the destructor of an unpublished one removes
// the temporary file. One thread at a time; used in a forked child as well.
class SnapshotFile final : public ByteSink {
 public:
  // `path` is the file to be published. Errors name it and the step that failed.
  static Result<std::unique_ptr<SnapshotFile>> create(FileSystem& files, const std::string& path,
                                                      SnapshotFileOptions options = {});
  ~SnapshotFile() override;

  Status append(std::string_view data) override;
  Status publish();
  // Removes the temporary file. Harmless after publish().
  void discard();

  const std::string& temporary_path() const { return temporary_path_; }
  uint64_t bytes() const { return bytes_; }

 private:
  SnapshotFile(FileSystem& files, std::string path, std::unique_ptr<WritableFile> file, SnapshotFileOptions options);

  Status pace();

  FileSystem& files_;
  const std::string path_;
  const std::string temporary_path_;
  const SnapshotFileOptions options_;
  std::unique_ptr<WritableFile> file_;
  uint64_t bytes_ = 0;
  uint64_t started_ = 0;   // up to here write-back has been started,
  uint64_t finished_ = 0;  // and up to here it has been waited for
  bool temporary_exists_ = true;
};

// "." for a plain name.
std::string directory_of(std::string_view path);
// The temporary file that process `pid` uses for a snapshot to be published as `path`.
std::string temporary_path_for(std::string_view path, pid_t pid);

// Removes the temporary snapshot files in `directory` that no living process is writing: those named temp-<pid>.rdb
// whose process is gone, or is some other program that does not have the file open, or is this one (REQUIRES: this
// process itself is writing none now). Other files are never touched. Returns the names removed; a folder that cannot
// be listed or a file that cannot be removed is an Error after everything was tried.
Result<std::vector<std::string>> remove_stale_temporary_files(FileSystem& files, const std::string& directory);
// Whether there is a temporary file of anybody's, alive or not.
bool has_temporary_files(FileSystem& files, const std::string& directory);

}  // namespace cowslip::persistence
