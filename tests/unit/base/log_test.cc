#include "base/log.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <regex>
#include <vector>

#include "base/file.h"
#include "tests/unit/base/temp_folder.h"

namespace cowslip {
namespace {

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

// Runs `work` in a forked child and waits for it.
template <typename Work>
void in_child(Work work) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    work();
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

class LoggerTest : public testing::Test {
 protected:
  LoggerTest() { EXPECT_TRUE(log_.set_file(path_).has_value()); }

  std::string only_line() const {
    const auto lines = lines_of(path_);
    EXPECT_EQ(lines.size(), 1u);
    return lines.empty() ? "" : lines.front();
  }

  const TempFolder folder_;
  const std::string path_ = folder_.file("log");
  Logger log_;
};

TEST_F(LoggerTest, WritesTheFormatOfRedis) {
  log_.notice("Ready to accept connections {}", "tcp");
  const std::regex format(std::to_string(::getpid()) +
                          R"(:M \d\d (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20\d\d )"
                          R"(\d\d:\d\d:\d\d\.\d\d\d \* Ready to accept connections tcp)");
  EXPECT_TRUE(std::regex_match(only_line(), format)) << only_line();
}

TEST_F(LoggerTest, MarksLevelsAndRole) {
  log_.set_level(LogLevel::kDebug);
  log_.set_role('C');
  log_.debug("a");
  log_.verbose("b");
  log_.notice("c");
  log_.warning("d");
  const auto lines = lines_of(path_);
  ASSERT_EQ(lines.size(), 4u);
  const char* const ends[] = {" . a", " - b", " * c", " # d"};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_TRUE(lines[i].ends_with(ends[i])) << lines[i];
    EXPECT_NE(lines[i].find(":C "), std::string::npos) << lines[i];
  }
}

TEST_F(LoggerTest, LeavesOutWhatIsBelowItsLevel) {
  log_.debug("too small");
  log_.verbose("too small");
  log_.set_level(LogLevel::kNothing);
  log_.warning("not even this");
  log_.write(LogLevel::kNothing, "nor this");
  EXPECT_TRUE(lines_of(path_).empty());
}

TEST_F(LoggerTest, WritesTheWallTime) {
  const time_t before = ::time(nullptr);
  log_.notice("now");
  const time_t after = ::time(nullptr);
  const std::string line = only_line();
  bool found = false;
  for (time_t t = before; t <= after; ++t) {
    char text[64];
    tm local{};
    ::localtime_r(&t, &local);
    ASSERT_GT(::strftime(text, sizeof(text), " %d %b %Y %H:%M:%S.", &local), 0u);
    found |= line.find(text) != std::string::npos;
  }
  EXPECT_TRUE(found) << line;
}

TEST_F(LoggerTest, KeepsLongMessagesWhole) {
  const std::string message(100'000, 'x');
  log_.notice("{}", message);
  EXPECT_TRUE(only_line().ends_with(" * " + message));
}

TEST_F(LoggerTest, GoesOnInANewFileAfterRotation) {
  log_.notice("before");
  ASSERT_TRUE(real_file_system().rename(path_, folder_.file("log.1")).has_value());
  log_.notice("after");
  EXPECT_TRUE(lines_of(folder_.file("log.1")).at(0).ends_with("before"));
  EXPECT_TRUE(only_line().ends_with("after"));
}

TEST_F(LoggerTest, RefusesAFileItCannotOpenAndKeepsTheOldOne) {
  const Status status = log_.set_file(folder_.file("none/log"));
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().os_errno, ENOENT);
  EXPECT_NE(status.error().message.find(folder_.file("none/log")), std::string::npos);
  log_.notice("still here");
  EXPECT_TRUE(only_line().ends_with("still here"));
}

TEST_F(LoggerTest, AForkedChildWritesItsOwnPidAndRole) {
  in_child([&] {
    log_.set_role('C');
    log_.notice("pid {}", ::getpid());
  });
  const std::string line = only_line();
  const std::string pid = line.substr(line.rfind(' ') + 1);
  EXPECT_TRUE(line.starts_with(pid + ":C ")) << line;
  EXPECT_NE(pid, std::to_string(::getpid()));
}

TEST_F(LoggerTest, LinesOfSeveralProcessesDoNotMix) {
  constexpr int kChildren = 4;
  constexpr int kLines = 200;
  std::vector<pid_t> children;
  for (int child = 0; child < kChildren; ++child) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (int i = 0; i < kLines; ++i) log_.notice("{}", std::string(1000, static_cast<char>('a' + child)));
      ::_exit(0);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  const auto lines = lines_of(path_);
  EXPECT_EQ(lines.size(), size_t{kChildren} * kLines);
  for (const std::string& line : lines) {
    const std::string text = line.substr(line.size() - std::min<size_t>(line.size(), 1000));
    ASSERT_EQ(text, std::string(1000, text[0]));
  }
}

TEST(Logger, WritesToStandardOutputWithoutAFile) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  in_child([&] {
    ::dup2(writer.get(), STDOUT_FILENO);
    Logger().warning("to the terminal");
  });
  writer.reset();
  char text[200];
  const ssize_t got = ::read(reader.get(), text, sizeof(text));
  ASSERT_GT(got, 0);
  EXPECT_TRUE(std::string_view(text, static_cast<size_t>(got)).ends_with(" # to the terminal\n"));
}

// The C library reads TZ once, so the zone needs a process of its own: the threadsafe style starts the test's program
// anew. "East" is 5:45 ahead of UTC.
TEST(LoggerDeathTest, WritesLocalTimeAlsoInAForkedChild) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const std::string path = testing::TempDir() + "cowslip_log_zone_test";
  ::setenv("TZ", "EAST-5:45", 1);
  const time_t before = ::time(nullptr);
  EXPECT_EXIT(
      {
        in_child([&] {  // writes the process's first line
          Logger log;
          log.set_role('C');
          if (!log.set_file(path)) ::_exit(1);
          log.notice("x");
        });
        ::_exit(0);
      },
      testing::ExitedWithCode(0), "");
  const time_t after = ::time(nullptr);
  ::unsetenv("TZ");
  const auto lines = lines_of(path);
  ::unlink(path.c_str());
  ASSERT_EQ(lines.size(), 1u);
  bool found = false;
  for (time_t t = before; t <= after; ++t) {
    char text[64];
    tm shifted{};
    const time_t ahead = t + (5 * 60 + 45) * 60;
    ::gmtime_r(&ahead, &shifted);
    ASSERT_GT(::strftime(text, sizeof(text), " %d %b %Y %H:%M:%S.", &shifted), 0u);
    found |= lines[0].find(text) != std::string::npos;
  }
  EXPECT_TRUE(found) << lines[0];
}

}  // namespace
}  // namespace cowslip
