#include "persistence/snapshot_file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>

#include "tests/support/faulty_file_system.h"
#include "tests/support/harness.h"

namespace cowslip::persistence {
namespace {

using testing::FaultyFileSystem;
using testing::file_exists;
using testing::list_directory;
using testing::read_file;
using testing::TempDir;
using testing::write_file;

class SnapshotFileTest : public ::testing::Test {
 protected:
  SnapshotFileTest() { write_file(path_, "the old snapshot"); }

  Status save(std::string_view bytes) {
    auto file = SnapshotFile::create(files_, path_, {.window_bytes = 100, .windows_in_flight = 2});
    if (!file) return std::unexpected(file.error());
    for (; !bytes.empty(); bytes.remove_prefix(std::min<size_t>(bytes.size(), 30))) {
      if (auto status = (*file)->append(bytes.substr(0, 30)); !status) return status;
    }
    return (*file)->publish();
  }

  // Saving fails with `os_errno`, and all is as it was before.
  void expect_untouched(int os_errno, std::string_view step) {
    const Status status = save(std::string(1000, 'n'));
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().os_errno, os_errno);
    EXPECT_NE(status.error().message.find(step), std::string::npos) << status.error().message;
    EXPECT_EQ(read_file(path_), "the old snapshot");
    EXPECT_EQ(list_directory(folder_.path()), std::vector<std::string>{"dump.rdb"});
  }

  TempDir folder_;
  const std::string path_ = folder_.file("dump.rdb");
  FaultyFileSystem files_;
};

TEST_F(SnapshotFileTest, PublishesInTheOnlySafeOrder) {
  ASSERT_TRUE(save("the new snapshot").has_value());
  EXPECT_EQ(read_file(path_), "the new snapshot");
  const std::string temporary = folder_.file("temp-" + std::to_string(getpid()) + ".rdb");
  EXPECT_EQ(files_.calls, (std::vector<std::string>{"create " + temporary, "append 16", "sync", "drop 0 0",
                                                    "rename " + temporary + " " + path_, "close",
                                                    "sync_directory " + folder_.path()}));
}

TEST_F(SnapshotFileTest, NothingIsVisibleBeforePublish) {
  auto file = SnapshotFile::create(files_, path_);
  ASSERT_TRUE((*file)->append("half").has_value());
  EXPECT_EQ(read_file(path_), "the old snapshot");
  file->reset();
  EXPECT_EQ(read_file(path_), "the old snapshot");
  EXPECT_EQ(list_directory(folder_.path()).size(), 1u) << "an unpublished file goes with its object";
}

// The calls that pace the write-out of `bytes` bytes in pieces of `piece`.
std::vector<std::string> pacing(FaultyFileSystem& files, const std::string& path, SnapshotFileOptions options,
                                size_t bytes, size_t piece) {
  auto file = SnapshotFile::create(files, path, options);
  for (; bytes > 0; bytes -= std::min(bytes, piece)) {
    EXPECT_TRUE((*file)->append(std::string(std::min(bytes, piece), 'x')).has_value());
  }
  std::vector<std::string> calls;
  std::ranges::copy_if(files.calls, std::back_inserter(calls), [](const std::string& call) {
    return call.starts_with("writeback") || call.starts_with("wait") || call.starts_with("drop");
  });
  files.calls.clear();
  return calls;
}

TEST_F(SnapshotFileTest, WindowsAreStartedThenWaitedForThenDropped) {
  const std::vector<std::string> expected = {
      "writeback 0 100", "writeback 100 100", "writeback 200 100", "wait 0 100",   "drop 0 100",  "writeback 300 100",
      "wait 100 100",    "drop 100 100",      "writeback 400 100", "wait 200 100", "drop 200 100"};
  for (const size_t piece : {1, 30, 100}) {
    EXPECT_EQ(pacing(files_, path_, {.window_bytes = 100, .windows_in_flight = 2}, 599, piece), expected) << piece;
  }
  EXPECT_TRUE(pacing(files_, path_, {.window_bytes = 0}, 599, 30).empty());
}

TEST_F(SnapshotFileTest, EveryWindowSizeIsStartedOnceAndWaitedForLate) {
  for (const uint64_t window : {1u, 7u, 64u, 100u, 999u, 1000u, 1001u}) {
    for (const uint64_t in_flight : {0u, 1u, 8u, 2000u}) {
      const auto calls = pacing(files_, path_, {.window_bytes = window, .windows_in_flight = in_flight}, 1000, 30);
      const auto count = [&](std::string_view name) {
        return static_cast<uint64_t>(std::ranges::count_if(calls, [&](auto& call) { return call.starts_with(name); }));
      };
      const uint64_t windows = 1000 / window;
      EXPECT_EQ(count("writeback"), windows);
      EXPECT_EQ(count("wait"), windows - std::min(windows, in_flight));
      EXPECT_EQ(count("drop"), count("wait"));
    }
  }
}

TEST_F(SnapshotFileTest, DataLostWhileWritingBackFailsTheSave) {
  for (const uint64_t limit : {0u, 250u, 700u}) {
    files_.faults.writeback_limit_bytes = limit;
    expect_untouched(EIO, "Write error saving DB on disk");
    EXPECT_EQ(std::ranges::count(files_.calls, "sync"), 0);
  }
}

TEST_F(SnapshotFileTest, CreateFailsOnAReadOnlyFolder) {
  files_.faults.create_errno = EROFS;
  expect_untouched(EROFS, "Failed opening the temp RDB file");
}

TEST_F(SnapshotFileTest, DiskFullAtEveryByte) {
  for (uint64_t limit = 0; limit < 1000; limit += 37) {
    files_.faults.write_limit_bytes = limit;
    expect_untouched(ENOSPC, "Write error saving DB on disk");
  }
}

TEST_F(SnapshotFileTest, FsyncFails) {
  files_.faults.sync_errno = EIO;
  expect_untouched(EIO, "Write error saving DB on disk");
}

TEST_F(SnapshotFileTest, RenameFails) {
  files_.faults.rename_errno = EACCES;
  expect_untouched(EACCES, "Error moving temp DB file");
}

TEST_F(SnapshotFileTest, FolderSyncFailsAfterTheFileIsInPlace) {
  files_.faults.sync_directory_errno = EIO;
  const Status status = save("the new snapshot");
  ASSERT_FALSE(status.has_value()) << "nobody may be told that it is saved";
  EXPECT_EQ(read_file(path_), "the new snapshot");
  EXPECT_EQ(list_directory(folder_.path()).size(), 1u);
}

TEST(SnapshotPaths, BesideTheTarget) {
  EXPECT_EQ(temporary_path_for("dump.rdb", 7), "temp-7.rdb");
  EXPECT_EQ(temporary_path_for("/data/dump.rdb", 7), "/data/temp-7.rdb");
  EXPECT_EQ(directory_of("dump.rdb"), ".");
  EXPECT_EQ(directory_of("/dump.rdb"), "/");
  EXPECT_EQ(directory_of("/data/dump.rdb"), "/data");
}

// ---- leftovers ----

// A process that has `path` open (if any) until the object goes.
class OtherProcess {
 public:
  explicit OtherProcess(const std::string& path) {
    pid_ = ::fork();
    if (pid_ != 0) return;
    (void)!std::freopen(path.empty() ? "/dev/null" : path.c_str(), "a", stdin);
    for (;;) ::pause();
  }
  ~OtherProcess() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Descriptor 0 of the process is the file.
bool has_open_file(pid_t pid, const std::string& path) {
  char seen[4096] = {};
  const std::string link = "/proc/" + std::to_string(pid) + "/fd/0";
  return ::readlink(link.c_str(), seen, sizeof seen - 1) > 0 && path == seen;
}

class StaleFilesTest : public ::testing::Test {
 protected:
  std::string leave(const std::string& name) {
    write_file(folder_.file(name), "half a snapshot");
    return folder_.file(name);
  }
  std::string temporary(pid_t pid) { return "temp-" + std::to_string(pid) + ".rdb"; }
  std::vector<std::string> removed() {
    return remove_stale_temporary_files(files_, folder_.path()).value_or(std::vector<std::string>{"an error"});
  }

  TempDir folder_;
  FaultyFileSystem files_;
};

TEST_F(StaleFilesTest, OfADeadProcessAreRemoved) {
  OtherProcess other("");
  const pid_t pid = other.pid();
  other.end();
  leave(temporary(pid));
  EXPECT_EQ(removed(), std::vector<std::string>{temporary(pid)});
  EXPECT_TRUE(list_directory(folder_.path()).empty());
}

TEST_F(StaleFilesTest, OfThisProcessAreRemoved) {
  leave(temporary(getpid()));
  EXPECT_EQ(removed().size(), 1u);
}

TEST_F(StaleFilesTest, OfALivingWriterAreKept) {
  // The name needs the pid, and the process opens the file when it starts: so it is renamed meanwhile, still the same
  // file.
  const std::string path = leave("being-written");
  OtherProcess writer(path);
  ASSERT_TRUE(testing::eventually([&] { return has_open_file(writer.pid(), path); }));
  ASSERT_TRUE(files_.rename(path, folder_.file(temporary(writer.pid()))).has_value());
  EXPECT_TRUE(removed().empty());
  EXPECT_EQ(list_directory(folder_.path()).size(), 1u);
}

TEST_F(StaleFilesTest, OfAPidThatWasReusedAreRemoved) {
  OtherProcess bystander("");
  leave(temporary(bystander.pid()));
  EXPECT_EQ(removed().size(), 1u);
}

TEST_F(StaleFilesTest, OtherNamesAreNeverTouched) {
  for (const char* name : {"temp-.rdb", "temp-1x.rdb", "temp-01.rdb", "temp--1.rdb", "xtemp-999999.rdb",
                           "temp-999999.rdb.bak", "temp-999999.aof", "dump.rdb", "temp-99999999999.rdb"}) {
    leave(name);
  }
  EXPECT_TRUE(removed().empty());
  EXPECT_EQ(list_directory(folder_.path()).size(), 9u);
}

TEST_F(StaleFilesTest, AFileThatCannotBeRemovedIsAnError) {
  leave(temporary(getpid()));
  files_.faults.remove_errno = EPERM;
  EXPECT_FALSE(remove_stale_temporary_files(files_, folder_.path()).has_value());
}

TEST_F(StaleFilesTest, AFolderThatCannotBeListedIsAnError) {
  files_.faults.list_errno = EACCES;
  EXPECT_FALSE(remove_stale_temporary_files(files_, folder_.path()).has_value());
}

}  // namespace
}  // namespace cowslip::persistence
