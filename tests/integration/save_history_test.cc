// What a save cost, as the server remembers it: in cow-history.jsonl and after a restart, against /proc.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "persistence/save_record_json.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using persistence::SaveRecord;
using persistence::SaveResult;

std::vector<SaveRecord> history_of(const std::string& folder) {
  std::vector<SaveRecord> records;
  std::istringstream lines(read_file(folder + "/cow-history.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    auto record = persistence::from_json_line(line);
    if (record) records.push_back(std::move(*record));
  }
  return records;
}

int64_t private_dirty(pid_t pid) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  const size_t at = text.find("\nPrivate_Dirty:");
  return at == std::string::npos ? -1 : std::atoll(text.c_str() + at + 15) * 1024;
}

ServerOptions with(std::vector<std::string> directives) {
  return ServerOptions{.directives = std::move(directives)};
}

class SaveHistory : public ::testing::Test {
 protected:
  void save(ServerProcess& server) {
    const size_t before = history_of(server.directory()).size();
    ASSERT_FALSE(server.client()("BGSAVE").is_error());
    ASSERT_TRUE(eventually([&] { return history_of(server.directory()).size() > before; }));
  }
};

void expect_sums(const SaveRecord& record) {
  uint64_t copied = 0, fresh = 0, reused = 0;
  for (const persistence::CauseRow& cause : record.causes) {
    copied += cause.copied, fresh += cause.fresh, reused += cause.reused;
  }
  EXPECT_EQ(copied, record.copied_total);
  EXPECT_EQ(fresh, record.fresh);
  EXPECT_EQ(reused, record.reused);
}

TEST_F(SaveHistory, ARecordForEachSaveAndOverRestarts) {
  ServerProcess server(with({"--snapshot-history-length", "3"}));
  populate(server, 1000, 100);
  for (uint64_t id = 1; id <= 4; id++) {
    ASSERT_NO_FATAL_FAILURE(save(server));
    const SaveRecord record = history_of(server.directory()).back();
    EXPECT_EQ(record.id, id);
    EXPECT_EQ(record.result, SaveResult::kOk);
    EXPECT_EQ(record.reason, "BGSAVE command");
    EXPECT_EQ(record.keys_total, 1000u);
    EXPECT_EQ(record.keys_written, 1000u);
    EXPECT_GE(record.timeline.size(), 2u);
    EXPECT_EQ(record.timeline.front().at_ms, 0);
    EXPECT_GT(record.timeline.front().parent_resident, 0u);
    expect_sums(record);
  }
  EXPECT_EQ(info_number(server.info("snapshot"), "snapshot_remembered"), 3);
  ASSERT_EQ(server.terminate(), 0);
  server.start_again();
  const std::string info = server.info("snapshot");
  EXPECT_EQ(info_number(info, "snapshot_remembered"), 3);
  EXPECT_EQ(info_number(info, "snapshot_id"), 4);
  EXPECT_EQ(info_field(info, "snapshot_state"), "ok") << "of the save with that number";
  EXPECT_EQ(info_field(info, "snapshot_reason"), "BGSAVE command");
  EXPECT_EQ(info_number(info, "snapshot_written_bytes"),
            static_cast<int64_t>(history_of(server.directory()).back().bytes_written));
  ASSERT_NO_FATAL_FAILURE(save(server));
  EXPECT_EQ(history_of(server.directory()).back().id, 5u);
}

TEST_F(SaveHistory, ATornLineIsPassedOverAndTheNextBeginsAnew) {
  ServerProcess server;
  ASSERT_NO_FATAL_FAILURE(save(server));
  ASSERT_EQ(server.terminate(), 0);
  const std::string path = server.file("cow-history.jsonl");
  const std::string line = read_file(path);
  write_file(path, line + line.substr(0, line.size() / 2));
  server.start_again();
  EXPECT_TRUE(server.log_has("lines passed over that make no sense, torn by a crash or of another program: 1"));
  ASSERT_NO_FATAL_FAILURE(save(server));
  const auto records = history_of(server.directory());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records.back().id, 2u);
}

TEST_F(SaveHistory, CanBeSwitchedOff) {
  ServerProcess server(with({"--snapshot-history-file", "no"}));
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return info_number(server.info("snapshot"), "snapshot_remembered") == 1; }));
  ASSERT_EQ(server.terminate(), 0);
  EXPECT_FALSE(std::filesystem::exists(server.file("cow-history.jsonl")));
}

TEST_F(SaveHistory, GoesAlongToAnotherFolder) {
  ServerProcess server(with({"--enable-protected-configs", "yes"}));
  ASSERT_NO_FATAL_FAILURE(save(server));
  const std::string other = server.file("other");
  std::filesystem::create_directory(other);
  SaveRecord there;
  there.id = 40;
  write_file(other + "/cow-history.jsonl", persistence::to_json_line(there) + "\n");
  ASSERT_TRUE(server.client()("CONFIG", "SET", "dir", other).is_ok());
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return history_of(other).size() == 2; }));
  EXPECT_EQ(history_of(other).back().id, 41u);
  EXPECT_EQ(history_of(server.directory()).size(), 1u);
  EXPECT_EQ(info_number(server.info("snapshot"), "snapshot_remembered"), 2);
}

TEST_F(SaveHistory, AFileThatCannotBeWrittenIsOneWarning) {
  ServerProcess server;
  std::filesystem::create_directory(server.file("cow-history.jsonl"));
  for (int i = 1; i <= 3; i++) {
    ASSERT_FALSE(server.client()("BGSAVE").is_error());
    ASSERT_TRUE(eventually([&] { return info_number(server.info("snapshot"), "snapshot_remembered") == i; }));
  }
  const std::string log = server.log();
  const size_t first = log.find("history of saves cannot be written");
  ASSERT_NE(first, std::string::npos);
  EXPECT_EQ(log.find("history of saves cannot be written", first + 1), std::string::npos);
  EXPECT_FALSE(server.client()("PING").is_error());
}

TEST_F(SaveHistory, ACancelledAndAKilledSaveAreRemembered) {
  ServerProcess server(with({"--rdb-key-save-delay", "10000"}));
  populate(server, 1000, 100);
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return server.child() != 0; }));
  ASSERT_FALSE(server.client()("BGSAVE", "CANCEL").is_error());
  ASSERT_TRUE(eventually([&] { return history_of(server.directory()).size() == 1; }));
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return server.child() != 0; }));
  ::kill(server.child(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return history_of(server.directory()).size() == 2; }));
  const auto records = history_of(server.directory());
  EXPECT_EQ(records[0].result, SaveResult::kCancelled);
  EXPECT_EQ(records[1].result, SaveResult::kKilled);
  EXPECT_EQ(records[0].error, "");
  EXPECT_EQ(records[1].error, "signal 9");
}

// 100,000-byte values are changed in place, so the kernel copies. The child is held up while they are.
TEST_F(SaveHistory, TimelineAndCausesOfASaveUnderWrites) {
  if (sanitized()) GTEST_SKIP() << "a sanitizer's shadow memory counts as well, and moves";
  ServerProcess server(with({"--rdb-key-save-delay", "2000", "--snapshot-timeline-interval", "50"}));
  populate(server, 300, 100'000);
  Client client = server.client();
  pid_t child = 0;
  ASSERT_FALSE(client("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return (child = server.child()) != 0; }));
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  for (int key = 100; key < 300; key++) {
    for (size_t at = 0; at < 100'000; at += 4096) {
      client("SETRANGE", "key:" + std::to_string(key), std::to_string(at), "x");
    }
  }
  const auto seen = static_cast<double>(private_dirty(child));
  // A look after the last write, and one of the kernel's; then it may go on.
  const int64_t readings = info_number(server.info("snapshot"), "snapshot_exact_readings");
  ASSERT_TRUE(
      eventually([&] { return info_number(server.info("snapshot"), "snapshot_exact_readings") > readings + 1; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  ASSERT_EQ(::kill(child, SIGCONT), 0);
  ASSERT_TRUE(eventually([&] { return history_of(server.directory()).size() == 1; }));

  const SaveRecord record = history_of(server.directory()).front();
  EXPECT_EQ(record.result, SaveResult::kOk);
  expect_sums(record);
  EXPECT_NEAR(static_cast<double>(record.copied_peak), seen, 0.05 * seen + (512 << 10));
  ASSERT_TRUE(record.cross_check.rollup_copied.has_value());
  EXPECT_NEAR(static_cast<double>(*record.cross_check.rollup_copied), seen, 0.05 * seen + (512 << 10));
  ASSERT_TRUE(record.cross_check.rollup_difference.has_value());
  EXPECT_LE(std::abs(*record.cross_check.rollup_difference), 0.05);
  ASSERT_FALSE(record.causes.empty());
  EXPECT_EQ(record.causes.front().command, "setrange");
  EXPECT_EQ(record.causes.front().kind, "large_value");
  EXPECT_EQ(record.causes.front().reason, "in_place");
  EXPECT_EQ(record.causes.front().database, 0);
  EXPECT_GE(record.changes, 200u * 25);

  ASSERT_GE(record.timeline.size(), 4u);
  double changes = 0;
  bool seen_too = false;
  for (size_t i = 1; i < record.timeline.size(); i++) {
    const persistence::TimelinePoint &before = record.timeline[i - 1], &point = record.timeline[i];
    EXPECT_LT(before.at_ms, point.at_ms);
    EXPECT_LE(before.keys_written, point.keys_written);
    EXPECT_LE(before.parent_minor_faults, point.parent_minor_faults);
    changes += point.writes_per_second * static_cast<double>(point.at_ms - before.at_ms) / 1000;
    seen_too = seen_too || std::abs(static_cast<double>(point.copied) - seen) <= 0.05 * seen;
  }
  EXPECT_NEAR(changes, static_cast<double>(record.changes), 1 + 0.01 * static_cast<double>(record.changes));
  // Between two exact readings it is an estimate, which a chunk that the parent gives back puts off by 2 MiB.
  EXPECT_TRUE(seen_too);
  EXPECT_EQ(record.timeline.back().keys_written, 300u);
  EXPECT_LE(record.timeline.back().at_ms, record.duration_ms + 1);
}

}  // namespace
}  // namespace cowslip::testing
