// A file system that notes how long its slow steps took: what SAVE, which runs in the event loop, tells the latency
// monitor. One save at a time, one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"

namespace cowslip::server {

class TimedFileSystem final : public FileSystem {
 public:
  // Both outlive the object, and the object its files.
  TimedFileSystem(FileSystem& files, const Clock& clock) : files_(files), clock_(clock) {}

  int64_t fsync_us() const { return fsync_us_; }    // of files and folders, in all
  int64_t rename_us() const { return rename_us_; }  // in all

  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override;
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return files_.open(path); }
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override { return files_.remove(path); }
  Status sync_directory(const std::string& directory) override;
  Result<std::vector<std::string>> list(const std::string& directory) override { return files_.list(directory); }

 private:
  class TimedFile;

  FileSystem& files_;
  const Clock& clock_;
  int64_t fsync_us_ = 0;
  int64_t rename_us_ = 0;
};

}  // namespace cowslip::server
