// What the server says of the machine it is on: --check-system, the log at the start, MEMORY DOCTOR. In a real control
// group where one can be made.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::Not;

// A memory control group of 64 MiB. Empty where none can be made.
class SmallGroup {
 public:
  SmallGroup() {
    for (const std::string top : {"/sys/fs/cgroup/memory", "/sys/fs/cgroup"}) {
      const std::string folder = top + "/cowslip-check-" + std::to_string(::getpid());
      std::error_code error;
      if (!std::filesystem::create_directory(folder, error)) continue;
      for (const char* limit : {"/memory.limit_in_bytes", "/memory.max"}) {
        if (!file_exists(folder + limit)) continue;
        write_file(folder + limit, "67108864");
        folder_ = folder;
        return;
      }
      ::rmdir(folder.c_str());
    }
  }
  ~SmallGroup() {
    // Processes that have just ended may still be leaving.
    if (made()) eventually([&] { return ::rmdir(folder_.c_str()) == 0; });
  }
  SmallGroup(const SmallGroup&) = delete;
  SmallGroup& operator=(const SmallGroup&) = delete;

  bool made() const { return !folder_.empty(); }
  // The command line of a shell that joins the group and becomes `program`.
  std::vector<std::string> inside(const std::string& program) const {
    return {"sh", "-c", "echo $$ > " + folder_ + "/cgroup.procs && exec " + program};
  }
  void add(pid_t pid) const { write_file(folder_ + "/cgroup.procs", std::to_string(pid)); }

 private:
  std::string folder_;
};

std::string doctor(const ServerProcess& server) {
  return server.client()("MEMORY", "DOCTOR").text;
}

TEST(SystemCheck, TellsWhatWasLookedAt) {
  const ProgramResult result = run_program({cowslip_binary(), "--check-system", "--maxmemory", "64mb"});
  EXPECT_THAT(result.exit_code, AnyOf(0, 1));
  EXPECT_EQ(result.exit_code == 1, result.output.find("\nWARNING ") != std::string::npos) << result.output;
  for (const char* subject : {"huge pages", "kernel", "overcommit", "memory", "maxmemory", "OOM killer", "swap"}) {
    EXPECT_THAT(result.output, HasSubstr(subject));
  }
  EXPECT_THAT(result.output, HasSubstr("64.00M, of ")) << "the settings are taken from the command line";
}

TEST(SystemCheck, SettingsAreReadAsAlways) {
  const TempDir folder;
  write_file(folder.file("my.conf"), "oom-score-adj absolute\noom-score-adj-values 900 900 800\n");
  const ProgramResult warned = run_program({cowslip_binary(), folder.file("my.conf"), "--check-system"});
  EXPECT_EQ(warned.exit_code, 1) << warned.output;
  EXPECT_THAT(warned.output, HasSubstr("The server's oom_score_adj is 900"));
  const ProgramResult refused = run_program({cowslip_binary(), "--check-system", "--no-such-thing", "1"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("Bad directive"));
}

TEST(SystemCheck, NothingIsStarted) {
  const ServerProcess server;  // has the port
  const ProgramResult result =
      run_program({cowslip_binary(), "--check-system", "--port", std::to_string(server.endpoint().port)});
  EXPECT_THAT(result.output, Not(HasSubstr("Address already in use")));
}

TEST(SystemCheck, HugePagesThatAreForbiddenAreAWarning) {
  const ServerProcess server({.huge_pages_disabled = true});
  EXPECT_TRUE(server.log_has("# WARNING Huge pages are off: "));
  EXPECT_THAT(doctor(server), HasSubstr(" * Huge pages are off: "));
}

TEST(SystemCheck, CollapsingThatIsRefusedIsAWarning) {
  const ServerProcess server({.refused_advice = {25}});  // MADV_COLLAPSE
  if (server.log_has("# WARNING Huge pages are off", std::chrono::milliseconds(0))) GTEST_SKIP() << "no huge pages";
  EXPECT_THAT(server.log(), HasSubstr("MADV_COLLAPSE is missing"));
}

TEST(SystemCheck, AFileTooLargeForTheGroupIsForeseen) {
  const SmallGroup group;
  if (!group.made()) GTEST_SKIP() << "no memory control group can be made here";
  ServerProcess server;
  populate(server, 100'000, 800);
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  const ProgramResult result =
      run_program(group.inside(cowslip_binary() + " --check-system --dir " + server.directory()));
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.output, HasSubstr("The dataset in the snapshot file took "));
  EXPECT_THAT(result.output, HasSubstr("of 64.00M can still be taken (cgroup v"));
  EXPECT_THAT(result.output, HasSubstr("maxmemory is not set, and there is a cgroup v"));
}

TEST(SystemCheck, ARunningServerSeesTheLimitItIsGiven) {
  const SmallGroup group;
  if (!group.made()) GTEST_SKIP() << "no memory control group can be made here";
  ServerProcess server({.directives = {"--maxmemory", "1gb"}});
  const std::string before = doctor(server);
  EXPECT_THAT(before, Not(HasSubstr("cgroup")));
  group.add(server.pid());
  EXPECT_THAT(doctor(server), HasSubstr("maxmemory is 1.00G, and the server can have "));
  EXPECT_EQ(server.terminate(), 0);
}

}  // namespace
}  // namespace cowslip::testing
