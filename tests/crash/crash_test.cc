// SIGKILL at random moments of a save, of the server and of its child, round after round on the same folder.
//
// The dataset is one counter, written over and over as the value of every key: round r sets all keys to its number r,
// then saves, and something is killed. At any time the promise is:
//
//   1. The server starts again, and dump.rdb is a whole file.
//   2. All keys hold one and the same number s: a snapshot is one moment, and between two rounds' writes there is no
//      other moment a save can have seen.
//   3. s is at least the number of the last round whose save was reported successful, and at most the number of the
//      last round that started one (a save may succeed and the report be lost with the server).
//   4. After the start no temporary file is left, whoever's it was.
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "base/random.h"
#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

constexpr int kKeys = 60;

class CrashRounds {
 public:
  CrashRounds(uint64_t seed, std::vector<std::string> directives)
      : random_(seed), directives_(std::move(directives)), server_({.directives = directives_}) {}

  // One round; false when an invariant broke, which has then been reported.
  bool run(bool kill_server);

 private:
  void write_round();
  bool start_save();
  void check_after_start();

  Random random_;
  std::vector<std::string> directives_;
  ServerProcess server_;
  int64_t round_ = 0;
  int64_t last_saved_ = 0;    // acknowledged
  int64_t last_started_ = 0;  // a save of this round's data was begun
};

void CrashRounds::write_round() {
  ++round_;
  Client client = server_.client();
  for (int i = 0; i < kKeys; ++i) client.append({"SET", "key:" + std::to_string(i), std::to_string(round_)});
  for (int i = 0; i < kKeys; ++i) ASSERT_TRUE(client.read().is_ok());
}

bool CrashRounds::start_save() {
  const Reply reply = server_.client()("BGSAVE");
  if (!reply.is_error()) last_started_ = round_;
  return !reply.is_error();
}

void CrashRounds::check_after_start() {
  for (const auto& name : list_directory(server_.directory())) {
    EXPECT_EQ(name.find("temp"), std::string::npos) << name << " survived the start of round " << round_;
  }
  Client client = server_.client();
  const int64_t keys = client("DBSIZE").integer;
  if (keys == 0) {
    EXPECT_EQ(last_saved_, 0) << "acknowledged data is gone";
    return;
  }
  EXPECT_EQ(keys, kKeys);
  const std::string number = client("GET", "key:0").text;
  for (int i = 1; i < kKeys; ++i) EXPECT_EQ(client("GET", "key:" + std::to_string(i)).text, number);
  EXPECT_GE(std::stoll(number), last_saved_);
  EXPECT_LE(std::stoll(number), last_started_);
  last_saved_ = std::stoll(number);  // it is in the file, so it has to stay there
}

bool CrashRounds::run(bool kill_server) {
  write_round();
  EXPECT_TRUE(start_save());
  // A save takes about 15 ms here, so the blow falls before, into and after it, renaming included.
  const int64_t delay_us = static_cast<int64_t>(random_.below(25'000));
  std::this_thread::sleep_for(std::chrono::microseconds(delay_us));
  if (kill_server) {
    const bool acknowledged = random_.below(4) == 0 && wait_for_save(server_) == "ok";
    if (acknowledged) last_saved_ = round_;
    server_.kill_hard();
    if (file_exists(server_.snapshot_path()) && random_.below(10) == 0) {
      EXPECT_EQ(check_rdb(server_.snapshot_path()), "");
    }
    server_.start_again();
    check_after_start();
  } else {
    if (const pid_t child = server_.child(); child != 0) ::kill(child, SIGKILL);
    if (wait_for_save(server_) == "ok") last_saved_ = round_;
  }
  return !::testing::Test::HasFailure();
}

void run_rounds(int rounds, int server_kills_percent) {
  const uint64_t seed = announced_seed("Crash");
  Random random(seed);
  CrashRounds crash(random.next(), {"--rdb-key-save-delay", "200"});
  for (int round = 0; round < rounds; ++round) {
    const bool kill_server = random.below(100) < static_cast<uint64_t>(server_kills_percent);
    ASSERT_TRUE(crash.run(kill_server)) << "in round " << round << " of COWSLIP_SEED=" << seed;
  }
  // The last word: with nothing in the way a save works, and what it saved comes back.
  ASSERT_TRUE(crash.run(true));
}

int rounds(int usual) {
  return static_cast<int>(environment_integer("COWSLIP_CRASH_ROUNDS", sanitized() ? usual / 4 : usual));
}

TEST(Crash, ServerKilledDuringSaves) {
  run_rounds(rounds(100), 100);
}

TEST(Crash, ChildKilledDuringSaves) {
  run_rounds(rounds(100), 0);
}

TEST(Crash, EitherKilledDuringSaves) {
  run_rounds(rounds(60), 50);
}

// The same when the save runs in the server itself: SAVE, cut short.
TEST(Crash, ServerKilledDuringForegroundSaves) {
  Random random(announced_seed("Crash"));
  ServerProcess server({.directives = {"--rdb-key-save-delay", "200"}});
  populate(server, kKeys, 20);
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  for (int round = 0; round < rounds(20); ++round) {
    Connection connection = server.connection();
    connection.send(encode({"SAVE"}));
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
    server.kill_hard();
    ASSERT_EQ(check_rdb(server.snapshot_path()), "");
    server.start_again();
    ASSERT_EQ(server.client()("DBSIZE").integer, kKeys);
    for (const auto& name : list_directory(server.directory())) ASSERT_EQ(name.find("temp"), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace cowslip::testing
