#include "base/file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <thread>

#include "tests/unit/base/temp_folder.h"

namespace cowslip {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

FileSystem& fs() {
  return real_file_system();
}

void write_file(const std::string& path, std::string_view content) {
  auto file = fs().create(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_TRUE((*file)->append(content).has_value());
  ASSERT_TRUE((*file)->close().has_value());
}

std::string read_file(const std::string& path, size_t at_a_time = 7) {
  auto file = fs().open(path);
  if (!file) return "error: " + file.error().message;
  std::string content;
  std::vector<char> buffer(at_a_time);
  for (;;) {
    const auto got = (*file)->read(buffer);
    if (!got) return "error: " + got.error().message;
    if (*got == 0) return content;
    content.append(buffer.data(), *got);
  }
}

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

TEST(UniqueFd, ClosesExactlyOnce) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    UniqueFd first(ends[0]);
    UniqueFd second(ends[1]);
    UniqueFd moved(std::move(first));
    EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that is the question
    EXPECT_EQ(moved.get(), ends[0]);
    moved = std::move(second);
    EXPECT_FALSE(is_open(ends[0]));
    EXPECT_EQ(moved.get(), ends[1]);
  }
  EXPECT_FALSE(is_open(ends[1]));
}

TEST(UniqueFd, ReleaseGivesItUp) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  UniqueFd reader(ends[0]);
  int writer = -1;
  {
    writer = UniqueFd(ends[1]).release();
  }
  EXPECT_TRUE(is_open(writer));
  ::close(writer);
}

TEST(RealFileSystem, GivesBackWhatWasWritten) {
  const TempFolder folder;
  const std::string path = folder.file("a.rdb");
  auto file = fs().create(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_TRUE((*file)->append("hello ").has_value());
  (*file)->start_writeback(0, 6);
  EXPECT_TRUE((*file)->append("").has_value());
  EXPECT_TRUE((*file)->append("world").has_value());
  (*file)->start_writeback(6, 5);
  EXPECT_TRUE((*file)->finish_writeback(0, 11).has_value());
  (*file)->drop_cache(0, 11);
  EXPECT_TRUE((*file)->sync().has_value());
  (*file)->drop_cache(0, 0);
  EXPECT_TRUE((*file)->close().has_value());
  EXPECT_TRUE((*file)->close().has_value());
  EXPECT_EQ(read_file(path), "hello world");
  EXPECT_EQ(fs().open(path).value()->size(), 11u);
  struct stat info;
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777 & ~0644u, 0u);
}

TEST(RealFileSystem, CreateTruncates) {
  const TempFolder folder;
  write_file(folder.file("a"), "a long story");
  write_file(folder.file("a"), "short");
  EXPECT_EQ(read_file(folder.file("a")), "short");
}

TEST(RealFileSystem, DescriptorsDoNotLeakIntoOtherPrograms) {
  const TempFolder folder;
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);  // the next descriptor the kernel hands out is the lowest free one
  ::close(ends[1]);
  const auto file = fs().create(folder.file("a"));
  EXPECT_EQ(::fcntl(ends[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ::close(ends[0]);
}

TEST(RealFileSystem, OpenTellsMissingFromForbidden) {
  const TempFolder folder;
  const auto missing = fs().open(folder.file("none"));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().os_errno, 0);
  EXPECT_THAT(missing.error().message, HasSubstr(folder.file("none")));
  const auto directory = fs().open(folder.path());
  ASSERT_FALSE(directory.has_value());
  EXPECT_EQ(directory.error().code, ErrorCode::kIo);
  EXPECT_EQ(directory.error().os_errno, EISDIR);
}

TEST(RealFileSystem, CreateInAMissingFolderIsAnIoError) {
  const TempFolder folder;
  const auto file = fs().create(folder.file("none/a"));
  ASSERT_FALSE(file.has_value());
  EXPECT_EQ(file.error().code, ErrorCode::kIo);
  EXPECT_EQ(file.error().os_errno, ENOENT);
  EXPECT_THAT(file.error().message, HasSubstr(folder.file("none/a")));
}

TEST(RealFileSystem, AFullDiskIsReported) {
  auto file = fs().create("/dev/full");
  ASSERT_TRUE(file.has_value()) << file.error().message;
  const Status status = (*file)->append("x");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().os_errno, ENOSPC);
  EXPECT_EQ(status.error().message, "cannot write /dev/full: No space left on device");
}

// At the limit the kernel first takes a part of the data, then refuses: the short write must not pass for the whole.
TEST(RealFileSystem, AShortWriteIsContinuedUntilTheErrorShows) {
  const TempFolder folder;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limited{1000, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  auto file = fs().create(folder.file("a"));
  ASSERT_TRUE(file.has_value());
  const Status status = (*file)->append(std::string(1500, 'x'));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().os_errno, EFBIG);
  EXPECT_EQ(read_file(folder.file("a")).size(), 1000u);
}

// Signals without SA_RESTART, every millisecond, for as long as one of these lives.
class SignalStorm {
 public:
  SignalStorm() {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &before_);
    const itimerval each_ms{{0, 1000}, {0, 1000}};
    ::setitimer(ITIMER_REAL, &each_ms, nullptr);
  }
  SignalStorm(const SignalStorm&) = delete;
  SignalStorm& operator=(const SignalStorm&) = delete;
  ~SignalStorm() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  struct sigaction before_{};
};

TEST(RealFileSystem, SignalsInterruptNothing) {
  const TempFolder folder;
  const std::string path = folder.file("pipe");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::string sent(1 << 20, '\0');
  for (size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 31 >> 3);
  std::string received;
  const SignalStorm storm;
  std::jthread reader([&] {
    // The reader is slow, so that the writer waits in the kernel where signals find it. It takes them as well.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    auto file = fs().open(path);
    std::vector<char> buffer(16 << 10);
    while (file) {
      const auto got = (*file)->read(buffer);
      if (!got || *got == 0) break;
      received.append(buffer.data(), *got);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  auto file = fs().create(path);
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_TRUE((*file)->append(sent).has_value());
  EXPECT_TRUE((*file)->close().has_value());
  reader.join();
  EXPECT_TRUE(received == sent) << received.size() << " bytes of " << sent.size();
}

TEST(RealFileSystem, RenameReplaces) {
  const TempFolder folder;
  write_file(folder.file("temp"), "new");
  write_file(folder.file("dump"), "old");
  EXPECT_TRUE(fs().rename(folder.file("temp"), folder.file("dump")).has_value());
  EXPECT_EQ(read_file(folder.file("dump")), "new");
  EXPECT_TRUE(fs().sync_directory(folder.path()).has_value());
  const Status again = fs().rename(folder.file("temp"), folder.file("dump"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kIo);
  EXPECT_EQ(again.error().os_errno, ENOENT);
  EXPECT_THAT(again.error().message, HasSubstr(folder.file("temp") + " to " + folder.file("dump")));
}

TEST(RealFileSystem, RemoveTellsMissing) {
  const TempFolder folder;
  write_file(folder.file("a"), "x");
  EXPECT_TRUE(fs().remove(folder.file("a")).has_value());
  const Status again = fs().remove(folder.file("a"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code, ErrorCode::kNotFound);
}

TEST(RealFileSystem, ListsNames) {
  const TempFolder folder;
  EXPECT_TRUE(fs().list(folder.path()).value().empty());
  write_file(folder.file("a"), "");
  write_file(folder.file(".hidden"), "");
  EXPECT_THAT(fs().list(folder.path()).value(), UnorderedElementsAre("a", ".hidden"));
  EXPECT_EQ(fs().list(folder.file("none")).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(fs().list(folder.file("a")).error().os_errno, ENOTDIR);
}

TEST(RealFileSystem, AnEmptyDirectoryNameIsTheWorkingDirectory) {
  EXPECT_TRUE(fs().sync_directory("").has_value());
  EXPECT_TRUE(fs().list("").has_value());
  EXPECT_FALSE(fs().sync_directory("/none/such").has_value());
}

}  // namespace
}  // namespace cowslip
