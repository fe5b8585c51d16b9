// Saving that works: by command, by save point, by signal, at the end.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <csignal>

#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// A save that lasts until it is ended: a second for each of the keys.
const std::vector<std::string> kEndlessSave = {"--rdb-key-save-delay", "1000000"};

void start_endless_save(const ServerProcess& server) {
  populate(server, 100, 10);
  const Reply reply = server.client()("BGSAVE");
  ASSERT_EQ(reply, Reply::simple("Background saving started"));
  ASSERT_TRUE(eventually([&] { return server.child() != 0; }));
}

std::string temporary_file(const ServerProcess& server) {
  for (const auto& name : list_directory(server.directory())) {
    if (name.find("temp") != std::string::npos) return name;
  }
  return "";
}

void expect_no_temporary_file(const ServerProcess& server) {
  EXPECT_EQ(temporary_file(server), "");
}

TEST(Save, SaveWritesAFileThatOthersAccept) {
  const ServerProcess server;
  populate(server, 1000, 50);
  EXPECT_TRUE(server.client()("SAVE").is_ok());
  EXPECT_EQ(check_rdb(server.snapshot_path()), "");
  EXPECT_EQ(info_number(server.info("persistence"), "rdb_changes_since_last_save"), 0);
  expect_no_temporary_file(server);
}

TEST(Save, BackgroundSaveMovesTheCounters) {
  const ServerProcess server;
  populate(server, 1000, 50);
  const int64_t before = server.client()("LASTSAVE").integer;
  EXPECT_EQ(info_number(server.info("persistence"), "rdb_changes_since_last_save"), 1000);
  sleep_ms(1100);  // LASTSAVE counts seconds
  EXPECT_EQ(background_save(server), "ok");
  EXPECT_GT(server.client()("LASTSAVE").integer, before);
  const std::string info = server.info();
  EXPECT_EQ(info_number(info, "rdb_changes_since_last_save"), 0);
  EXPECT_EQ(info_number(info, "rdb_saves"), 1);
  EXPECT_EQ(info_number(info, "total_forks"), 1);
  EXPECT_GT(info_number(info, "latest_fork_usec"), 0);
  EXPECT_GE(info_number(info, "rdb_last_bgsave_time_sec"), 0);
  EXPECT_EQ(check_rdb(server.snapshot_path()), "");
  EXPECT_TRUE(server.log_has("Background saving started by pid"));
  EXPECT_TRUE(server.log_has("Background saving terminated with success"));
}

TEST(Save, ChangesDuringTheSaveStayUnsaved) {
  const ServerProcess server({.directives = {"--rdb-key-save-delay", "3000"}});
  populate(server, 200, 10);
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  populate(server, 7, 10, "later:");
  EXPECT_EQ(wait_for_save(server), "ok");
  EXPECT_EQ(info_number(server.info("persistence"), "rdb_changes_since_last_save"), 7);
}

TEST(Save, SnapshotIsTheDatasetAtTheFork) {
  ServerProcess server({.directives = {"--rdb-key-save-delay", "2000"}});
  populate(server, 300, 10);
  const Dataset at_fork = read_dataset(server);
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  Client client = server.client();
  for (int i = 0; i < 300; ++i) client("SET", "key:" + std::to_string(i), "changed during the save");
  for (int i = 0; i < 50; ++i) client("DEL", "key:" + std::to_string(i));
  client("SWAPDB", "0", "1");
  EXPECT_EQ(wait_for_save(server), "ok");
  server.kill_hard();
  server.start_again({});
  EXPECT_EQ(describe_difference(read_dataset(server), at_fork, {.expiry_ms = 0, .encoding = true}), "");
}

TEST(Save, OnlyOneAtATime) {
  const ServerProcess server({.directives = kEndlessSave});
  start_endless_save(server);
  Client client = server.client();
  EXPECT_EQ(client("BGSAVE"), Reply::error("ERR Background save already in progress"));
  EXPECT_EQ(client("SAVE"), Reply::error("ERR Background save already in progress"));
  EXPECT_EQ(info_number(client("INFO", "persistence").text, "rdb_bgsave_in_progress"), 1);
}

// When memory runs out, the kernel is to take the child and not the server.
TEST(Save, ChildIsTheFirstToBeKilledWhenMemoryRunsOut) {
  const ServerProcess server({.directives = kEndlessSave});
  start_endless_save(server);
  const auto score = [](pid_t pid) { return std::stoi(read_file("/proc/" + std::to_string(pid) + "/oom_score_adj")); };
  const pid_t child = server.child();
  EXPECT_TRUE(eventually([&] { return score(child) >= score(server.pid()) + 200; }, std::chrono::seconds(5)))
      << score(child) << " | " << score(server.pid());
}

int niceness(pid_t pid) {
  return ::getpriority(PRIO_PROCESS, static_cast<id_t>(pid));
}

// It runs where nobody else wants to; this one sleeps nearly all the time, which looks just like a full machine.
TEST(Save, ChildYieldsButIsNotStarved) {
  const ServerProcess server({.directives = {"--rdb-key-save-delay", "10000"}});
  if (info_field(server.info("engine"), "engine_child_runs") != "where nobody else does") {
    GTEST_SKIP() << "the kernel does not let this user leave SCHED_IDLE";
  }
  populate(server, 300, 10);
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  pid_t child = 0;
  ASSERT_TRUE(eventually([&] { return (child = server.child()) != 0; }));
  EXPECT_TRUE(eventually([&] { return ::sched_getscheduler(child) == SCHED_IDLE; }, std::chrono::milliseconds(400)));
  EXPECT_TRUE(eventually([&] { return ::sched_getscheduler(child) == SCHED_OTHER; }, std::chrono::seconds(2)));
  EXPECT_EQ(niceness(child), 15);
  EXPECT_EQ(::sched_getscheduler(server.pid()), SCHED_OTHER);
  EXPECT_EQ(wait_for_save(server), "ok");
}

TEST(Save, ChildThatCouldNotComeBackDoesNotGoIdle) {
  if (!may_change_user()) GTEST_SKIP() << "needs root, to start the server as a user who may not";
  const ServerProcess server({.directives = kEndlessSave, .run_as = kUnprivilegedUser});
  start_endless_save(server);
  const pid_t child = server.child();
  EXPECT_TRUE(eventually([&] { return niceness(child) == 15; }));
  EXPECT_EQ(::sched_getscheduler(child), SCHED_OTHER);
  EXPECT_EQ(info_field(server.info("engine"), "engine_child_runs"), "at nice 15");
}

TEST(Save, ProgressIsReported) {
  const ServerProcess server({.directives = {"--rdb-key-save-delay", "20000"}});
  populate(server, 150, 10);
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  EXPECT_TRUE(eventually([&] {
    const std::string info = server.info("persistence");
    return info_number(info, "current_save_keys_total") == 150 &&
           info_number(info, "current_save_keys_processed") > 0 &&
           info_number(info, "current_save_keys_processed") < 150 && info_field(info, "current_fork_perc") != "0.00";
  }));
  EXPECT_EQ(wait_for_save(server), "ok");
  EXPECT_EQ(info_number(server.info("persistence"), "current_save_keys_processed"), 0);
}

TEST(Save, CancelEndsTheChildAndKeepsTheOldFile) {
  const ServerProcess server({.directives = kEndlessSave});
  ASSERT_TRUE(server.client()("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  const std::string old_file = read_file(server.snapshot_path());
  ASSERT_TRUE(server.client()("CONFIG", "SET", "rdb-key-save-delay", "1000000").is_ok());
  start_endless_save(server);
  EXPECT_FALSE(server.client()("BGSAVE", "CANCEL").is_error());
  EXPECT_TRUE(eventually([&] { return server.child() == 0; }));
  wait_for_save(server);
  EXPECT_EQ(read_file(server.snapshot_path()), old_file);
  EXPECT_TRUE(server.client()("BGSAVE", "CANCEL").is_error());
  expect_no_temporary_file(server);
}

TEST(SavePoints, SaveByThemselves) {
  const ServerProcess server({.directives = {"--save", "1", "5"}});
  populate(server, 4, 10);
  sleep_ms(2500);
  EXPECT_FALSE(file_exists(server.snapshot_path()));
  populate(server, 1, 10, "fifth:");
  EXPECT_TRUE(server.log_has("5 changes in 1 seconds. Saving..."));
  EXPECT_TRUE(eventually([&] { return file_exists(server.snapshot_path()); }));
  EXPECT_EQ(wait_for_save(server), "ok");
}

TEST(SavePoints, FlushAllSavesTheEmptySet) {
  ServerProcess server({.directives = {"--save", "3600", "1"}});
  populate(server, 10, 10);
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  ASSERT_TRUE(server.client()("FLUSHALL").is_ok());
  server.kill_hard();
  server.start_again();
  EXPECT_EQ(server.client()("DBSIZE").integer, 0);
}

TEST(SavePoints, FlushAllEndsTheSaveUnderWay) {
  const ServerProcess server({.directives = kEndlessSave});
  start_endless_save(server);
  ASSERT_TRUE(server.client()("FLUSHALL").is_ok());
  EXPECT_TRUE(eventually([&] { return server.child() == 0; }));
  EXPECT_EQ(server.client()("PING"), Reply::simple("PONG"));
}

struct Ending {
  const char* description;
  std::vector<std::string> save;      // the directive
  std::vector<std::string> shutdown;  // the command, or empty for a signal
  int signal;
  bool saved;
};

class Endings : public ::testing::TestWithParam<Ending> {};

TEST_P(Endings, KeepOrDropTheData) {
  const Ending& ending = GetParam();
  ServerProcess server({.directives = ending.save});
  populate(server, 20, 10);
  if (ending.shutdown.empty()) {
    server.signal(ending.signal);
  } else {
    EXPECT_EQ(server.client().command(ending.shutdown).kind, Reply::Kind::kClosed);
  }
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_EQ(file_exists(server.snapshot_path()), ending.saved);
  expect_no_temporary_file(server);
  EXPECT_NE(server.log().find("bye bye"), std::string::npos);
  server.start_again();
  EXPECT_EQ(server.client()("DBSIZE").integer, ending.saved ? 20 : 0);
}

const std::vector<std::string> kSavePoints = {"--save", "3600", "1"};
INSTANTIATE_TEST_SUITE_P(
    , Endings,
    ::testing::Values(
        Ending{"ShutdownWithSavePoints", kSavePoints, {"SHUTDOWN"}, 0, true},
        Ending{"ShutdownWithoutSavePoints", {}, {"SHUTDOWN"}, 0, false},
        Ending{"ShutdownSave", {}, {"SHUTDOWN", "SAVE"}, 0, true},
        Ending{"ShutdownNosave", kSavePoints, {"SHUTDOWN", "NOSAVE"}, 0, false},
        Ending{"ShutdownNowForce", kSavePoints, {"SHUTDOWN", "SAVE", "NOW", "FORCE"}, 0, true},
        Ending{"SigtermWithSavePoints", kSavePoints, {}, SIGTERM, true},
        Ending{"SigtermWithoutSavePoints", {}, {}, SIGTERM, false},
        Ending{"SigintWithSavePoints", kSavePoints, {}, SIGINT, true},
        Ending{"SigtermToldToSave", {"--shutdown-on-sigterm", "save"}, {}, SIGTERM, true},
        Ending{"SigtermToldNotToSave", {"--save", "3600", "1", "--shutdown-on-sigterm", "nosave"}, {}, SIGTERM, false}),
    [](const auto& test) { return test.param.description; });

TEST(Shutdown, EndsTheSaveUnderWayAndLeavesNothingBehind) {
  ServerProcess server({.directives = {"--rdb-key-save-delay", "1000000", "--save", ""}});
  start_endless_save(server);
  const pid_t child = server.child();
  server.signal(SIGTERM);
  EXPECT_EQ(server.wait_exit(), 0);
  EXPECT_TRUE(eventually([&] { return ::kill(child, 0) != 0; }));
  expect_no_temporary_file(server);
}

TEST(Shutdown, ASecondSigintDuringTheLastSaveLeavesNothingBehind) {
  ServerProcess server({.directives = {"--save", "3600", "1", "--rdb-key-save-delay", "1000"}});
  populate(server, 20'000, 10);
  server.signal(SIGINT);
  ASSERT_TRUE(eventually([&] { return !temporary_file(server).empty(); }));
  server.signal(SIGINT);
  EXPECT_EQ(server.wait_exit(), 1);
  expect_no_temporary_file(server);
  EXPECT_EQ(read_file(server.snapshot_path()), "");
}

TEST(Reload, DebugReloadKeepsEverything) {
  const ServerProcess server;
  Client client = server.client();
  populate(server, 500, 30);
  client("SET", "number", "12345");
  client("SET", "mortal", "v", "EX", "10000");
  client("SELECT", "9");
  client("SET", "elsewhere", std::string(3000, 'z'));
  const Dataset before = read_dataset(server);
  const Reply digest = client("DEBUG", "DIGEST");
  EXPECT_TRUE(client("DEBUG", "RELOAD").is_ok());
  EXPECT_EQ(describe_difference(read_dataset(server), before, {.expiry_ms = 0, .encoding = true}), "");
  EXPECT_EQ(client("DEBUG", "DIGEST"), digest);
}

}  // namespace
}  // namespace cowslip::testing
