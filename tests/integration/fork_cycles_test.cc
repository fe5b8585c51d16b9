// A thousand background saves under small writes leave the server as it was: nothing is lost a little each time.
//
// The writes are the same in each cycle and change no sizes, so after a warm-up every figure should stand still. The
// snapshots go to memory (/dev/shm), without compression or checksum: it is the cycle that is tested, not the disk.
//
// COWSLIP_FORK_CYCLES says how many cycles there are.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

constexpr int kKeys = 12'500;
constexpr size_t kValueBytes = 4000;
constexpr int kSmallKeys = 5000;
constexpr size_t kSmallValueBytes = 100;
constexpr int64_t kWarmUpCycles = 100;
constexpr int kWritesAtOnce = 5;

// What a process holds, as the kernel counts it.
struct Holdings {
  int64_t resident_kib = 0;
  int64_t page_table_kib = 0;
  int64_t threads = 0;
  int64_t mappings = 0;
  int64_t descriptors = 0;
};

int64_t status_number(const std::string& status, const std::string& field) {
  const size_t at = status.find("\n" + field + ":");
  if (at == std::string::npos) throw HarnessFailure("/proc does not tell " + field);
  return std::atoll(status.c_str() + at + field.size() + 2);
}

Holdings holdings(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  const std::string status = read_file(folder + "/status");
  const std::string maps = read_file(folder + "/maps");
  return {.resident_kib = status_number(status, "VmRSS"),
          .page_table_kib = status_number(status, "VmPTE"),
          .threads = status_number(status, "Threads"),
          .mappings = std::count(maps.begin(), maps.end(), '\n'),
          .descriptors = static_cast<int64_t>(list_directory(folder + "/fd").size())};
}

std::string describe(const Holdings& held) {
  return fmt::format("{} KiB resident, {} KiB of page tables, {} mappings, {} descriptors, {} threads",
                     held.resident_kib, held.page_table_kib, held.mappings, held.descriptors, held.threads);
}

class Cycles {
 public:
  explicit Cycles(const ServerProcess& server) : client_(server.client()) {}

  // BGSAVE, and writes until it has ended.
  void run(int64_t count) {
    for (int64_t i = 0; i < count && !::testing::Test::HasFatalFailure(); ++i) run_one();
  }

 private:
  void run_one() {
    const Reply started = client_("BGSAVE");
    ASSERT_EQ(started, Reply::simple("Background saving started"));
    std::string info;
    do {
      write();
      sleep_ms(2);
      info = client_("INFO", "persistence").text;
    } while (info_number(info, "rdb_bgsave_in_progress") == 1);
    ASSERT_EQ(info_field(info, "rdb_last_bgsave_status"), "ok");
  }

  // Values of one size, and keys that come and go in turn.
  void write() {
    for (int i = 0; i < kWritesAtOnce; ++i) {
      client_.append({"SET", "key:" + std::to_string(next_ * 7919 % kKeys), std::string(kValueBytes, 'w')});
      client_.append({"SET", "small:" + std::to_string(next_ * 7919 % kSmallKeys), std::string(kSmallValueBytes, 'w')});
      client_.append({next_ % 2 == 0 ? "SET" : "DEL", "passing", "v"});
      ++next_;
    }
    for (int i = 0; i < 3 * kWritesAtOnce; ++i) ASSERT_FALSE(client_.read().is_error());
  }

  Client client_;
  int64_t next_ = 0;
};

void expect_no_drift(const Holdings& early, const Holdings& late) {
  // Descriptors and threads are counted one by one: the first saves have started all that a save needs.
  EXPECT_EQ(late.descriptors, early.descriptors);
  EXPECT_EQ(late.threads, early.threads);
  // An allocator takes and gives back a piece now and then, two megabytes at a time at most: four of those. What loses
  // ten kilobytes in each cycle goes past it.
  EXPECT_LE(late.resident_kib, early.resident_kib + (8 << 10));
  // A page of tables for each of them, and for the directories above.
  EXPECT_LE(late.page_table_kib, early.page_table_kib + 32);
  // Their mappings may be of different kinds, so that they do not merge. One that is lost in every tenth cycle shows.
  EXPECT_LE(late.mappings, early.mappings + 16);
}

TEST(ForkCycles, LeaveTheServerAsItWas) {
  if (sanitized()) GTEST_SKIP() << "a sanitizer keeps what is freed for a while";
  const int64_t cycles = std::max(environment_integer("COWSLIP_FORK_CYCLES", 1000), 2 * kWarmUpCycles);
  const TempDir folder(::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
  const ServerProcess server({.directives = {"--rdbcompression", "no", "--rdbchecksum", "no"}});
  populate(server, kKeys, kValueBytes);
  populate(server, kSmallKeys, kSmallValueBytes, "small:");
  ASSERT_TRUE(server.client()("CONFIG", "SET", "dir", folder.path()).is_ok());
  Cycles run(server);
  run.run(kWarmUpCycles);
  const Holdings early = holdings(server.pid());
  run.run(cycles - kWarmUpCycles);
  const Holdings late = holdings(server.pid());
  std::cout << fmt::format("after cycle {}: {}\nafter cycle {}: {}\n", kWarmUpCycles, describe(early), cycles,
                           describe(late));
  expect_no_drift(early, late);
  EXPECT_EQ(info_number(server.info(), "total_forks"), cycles);
  EXPECT_EQ(check_rdb(folder.file("dump.rdb")), "");
}

}  // namespace
}  // namespace cowslip::testing
