// The guard from outside, by a growth limit instead of a control group (tests/container/guard_test.py has that): saves
// that are stopped, refused and postponed, and what is told of them.
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// 20,000 keys of a kilobyte, saved so slowly that the writes of a test come in time.
const std::vector<std::string> kSlow = {"--rdb-key-save-delay", "200", "--save", "3600 1000000"};
constexpr int kKeys = 20'000;

int64_t guard_number(const ServerProcess& server, const std::string& name) {
  return info_number(server.info("snapshot"), "snapshot_guard_" + name);
}

// Overwrites everything while a save runs under a limit of 8 MB, until it has ended.
void have_a_save_stopped(const ServerProcess& server) {
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "8mb").is_ok());
  // There is no history that would speak against it.
  ASSERT_EQ(client("BGSAVE"), Reply::simple("Background saving started"));
  populate(server, kKeys, 1000);
  EXPECT_EQ(wait_for_save(server), "err");
}

TEST(Guard, StopsASaveAtTheGrowthLimitAndRefusesNoWrites) {
  ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  const std::string info = server.info("snapshot");
  EXPECT_EQ(info_field(info, "snapshot_state"), "stopped by guard");
  EXPECT_TRUE(info_field(info, "snapshot_error").contains("snapshot-growth-limit is 8.0 MB")) << info;
  EXPECT_EQ(guard_number(server, "stopped"), 1);
  EXPECT_GT(guard_number(server, "retry_in_ms"), 0);
  EXPECT_TRUE(server.log_has("Background saving is stopped by the guard: it had made memory grow by"));
  EXPECT_TRUE(server.running());
  Client client = server.client();
  EXPECT_TRUE(client("SET", "k", "v").is_ok()) << "stop-writes-on-bgsave-error is about the disk";
  EXPECT_TRUE(eventually([&] {
    for (const auto& name : list_directory(server.directory())) {
      if (name.starts_with("temp")) return false;
    }
    return true;
  }));
}

TEST(Guard, RefusesWithTheFiguresAndCanBeOverruled) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  EXPECT_EQ(client("BGSAVE", "CANCEL"), Reply::simple("Scheduled background saving cancelled"));
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "1").is_ok());
  const Reply refused = client("BGSAVE");
  EXPECT_TRUE(refused.text.starts_with("ERR Background save refused by snapshot-guard: the save is expected to take "))
      << refused.text;
  EXPECT_TRUE(refused.text.contains("learned from 1 save")) << refused.text;
  EXPECT_EQ(guard_number(server, "refused"), 1);
  EXPECT_TRUE(refused.text.ends_with("BGSAVE FORCE saves all the same, BGSAVE SCHEDULE when it fits")) << refused.text;
  EXPECT_EQ(client("BGSAVE", "FORCE", "SCHEDULE"), Reply::error("ERR syntax error"));
  ASSERT_TRUE(client("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  EXPECT_EQ(client("BGSAVE", "FORCE"), Reply::simple("Background saving started"));
  EXPECT_EQ(wait_for_save(server), "ok");
  EXPECT_EQ(info_field(server.info("snapshot"), "snapshot_reason"), "BGSAVE FORCE command");
  client("MULTI");
  client("BGSAVE", "FORCE");
  EXPECT_EQ(client("EXEC").elements.at(0), Reply::simple("Background saving scheduled"));
  EXPECT_TRUE(eventually(
      [&] { return info_field(server.info("snapshot"), "snapshot_reason") == "BGSAVE FORCE, after a transaction"; }));
  EXPECT_EQ(wait_for_save(server), "ok");
}

TEST(Guard, AScheduledSaveBeginsWhenItFits) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  EXPECT_EQ(client("BGSAVE", "CANCEL"), Reply::simple("Scheduled background saving cancelled"));
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "1", "rdb-key-save-delay", "0").is_ok());
  EXPECT_EQ(client("BGSAVE", "SCHEDULE"), Reply::simple("Background saving scheduled"));
  EXPECT_TRUE(server.log_has("The save (BGSAVE SCHEDULE) is postponed by snapshot-guard: "));
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "0").is_ok());
  EXPECT_EQ(wait_for_save(server), "err") << "the one that was stopped";
  EXPECT_TRUE(eventually([&] { return info_field(server.info("persistence"), "rdb_last_bgsave_status") == "ok"; },
                         std::chrono::seconds(30)));
  EXPECT_EQ(info_field(server.info("snapshot"), "snapshot_reason"), "BGSAVE SCHEDULE");
}

TEST(Guard, PostponesASavePointAndMakesUpForIt) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  EXPECT_EQ(client("BGSAVE", "CANCEL"), Reply::simple("Scheduled background saving cancelled"));
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "1").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "save", "1 1").is_ok());
  EXPECT_TRUE(server.log_has("The save (save point 1 1) is postponed by snapshot-guard: "));
  EXPECT_EQ(guard_number(server, "waiting"), 1);
  EXPECT_EQ(guard_number(server, "deferred"), 1);
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "0").is_ok());
  EXPECT_TRUE(server.log_has("The postponed save (save point 1 1) fits now"));
  EXPECT_EQ(wait_for_save(server), "ok");
  EXPECT_EQ(guard_number(server, "waiting"), 0);
}

TEST(Guard, TriesABgsaveAgainThatItStopped) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "0").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  EXPECT_TRUE(eventually([&] { return info_field(server.info("persistence"), "rdb_last_bgsave_status") == "ok"; },
                         std::chrono::seconds(30)));
  EXPECT_EQ(client("BGSAVE", "CANCEL"),
            Reply::error("ERR Background saving is currently not in progress or scheduled"));
}

TEST(Guard, ASaveDoneOtherwiseIsNotTriedAgain) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  ASSERT_TRUE(client("SAVE").is_ok());
  EXPECT_EQ(client("BGSAVE", "CANCEL"),
            Reply::error("ERR Background saving is currently not in progress or scheduled"));
}

TEST(Guard, NothingWaitsWhenNothingIsDueAnyMore) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  EXPECT_EQ(client("BGSAVE", "CANCEL"), Reply::simple("Scheduled background saving cancelled"));
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "1").is_ok());
  ASSERT_TRUE(client("CONFIG", "SET", "save", "1 1").is_ok());
  ASSERT_TRUE(eventually([&] { return guard_number(server, "waiting") == 1; }, std::chrono::seconds(30)));
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-guard", "no").is_ok());
  EXPECT_EQ(guard_number(server, "waiting"), 0);
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-guard", "yes", "save", "").is_ok());
  EXPECT_TRUE(eventually([&] { return guard_number(server, "waiting") == 0; }));
}

TEST(Guard, ARefusedSyncIsToldTheFigures) {
  const ServerProcess server({.directives = kSlow});
  populate(server, kKeys, 1000);
  have_a_save_stopped(server);
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "SET", "snapshot-growth-limit", "1").is_ok());
  const Reply refused = client("SYNC");
  EXPECT_TRUE(
      refused.text.starts_with("ERR Unable to perform background save: Background save refused by "
                               "snapshot-guard: the save is expected to take "))
      << refused.text;
}

TEST(Guard, TheChildsOutOfMemoryScoreIsTheHighestUnlessConfigured) {
  const auto score_of_child = [](const ServerProcess& server) {
    EXPECT_EQ(server.client()("BGSAVE"), Reply::simple("Background saving started"));
    pid_t child = 0;
    EXPECT_TRUE(eventually([&] { return (child = server.child()) != 0; }));
    const std::string path = "/proc/" + std::to_string(child) + "/oom_score_adj";
    EXPECT_TRUE(eventually([&] { return read_file(path) != "0\n"; }));
    return read_file(path);
  };
  const ServerProcess server({.directives = kSlow});
  populate(server, 1000, 10);
  EXPECT_EQ(score_of_child(server), "1000\n");
  const ServerProcess configured({.directives = {"--rdb-key-save-delay", "200", "--oom-score-adj", "yes",
                                                 "--oom-score-adj-values", "0", "0", "700"}});
  populate(configured, 1000, 10);
  EXPECT_EQ(score_of_child(configured), "700\n");
}

TEST(Guard, ARelativeOutOfMemoryScoreOfTheChildCountsFromWhatTheServerWasStartedWith) {
  const std::string ours = "/proc/self/oom_score_adj";  // the server inherits it
  const int before = std::stoi(read_file(ours));
  if (before < 0 || before > 200) GTEST_SKIP() << "no room above " << before;
  write_file(ours, std::to_string(before + 100));
  const ServerProcess server({.directives = {"--rdb-key-save-delay", "10000", "--oom-score-adj", "relative",
                                             "--oom-score-adj-values", "50", "0", "600"}});
  write_file(ours, std::to_string(before));
  populate(server, 1000, 10);
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  const auto score = [](pid_t pid) { return std::stoi(read_file("/proc/" + std::to_string(pid) + "/oom_score_adj")); };
  EXPECT_EQ(score(server.pid()), before + 150);
  EXPECT_TRUE(eventually([&] { return score(server.child()) == before + 700; })) << score(server.child());
}

}  // namespace
}  // namespace cowslip::testing
