// The copy-on-write report against the kernel's own books, read from outside: INFO's "# Snapshot" and Redis's fields.
//
// The child is stopped by a signal while the parent is written to, so that the figures hold still to be compared. A
// stopped child also stands for one that is held up by a single huge key: it can report nothing itself.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <csignal>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// 60 MB of values so large that they are changed in place: only there does the kernel copy for a snapshot.
constexpr int kKeys = 600;
constexpr size_t kValueBytes = 100'000;
constexpr size_t kWriteEvery = 4096;
constexpr double kTolerance = 0.05;
// What moves while we look: buffers of the connection that asks, a sampling thread's stack.
constexpr double kSlackBytes = 512 << 10;

// A line of /proc/PID/smaps_rollup, in bytes.
int64_t rollup(pid_t pid, const std::string& field) {
  const std::string text = read_file("/proc/" + std::to_string(pid) + "/smaps_rollup");
  const size_t at = text.find("\n" + field + ":");
  return at == std::string::npos ? -1 : std::atoll(text.c_str() + at + field.size() + 2) * 1024;
}

struct Outside {
  int64_t copied;
  int64_t parent_resident;
  int64_t child_resident;
};

Outside look_from_outside(const ServerProcess& server, pid_t child) {
  return {rollup(child, "Private_Dirty"), rollup(server.pid(), "Rss"), rollup(child, "Rss")};
}

bool close_to(int64_t reported, int64_t expected) {
  const auto difference = static_cast<double>(std::abs(reported - expected));
  return difference <= kTolerance * static_cast<double>(expected) + kSlackBytes;
}

std::string compare(const std::string& info, const Outside& outside) {
  std::string text;
  const auto check = [&](const char* field, int64_t expected) {
    const int64_t reported = info_number(info, field);
    if (reported < 0 || !close_to(reported, expected)) {
      text +=
          std::string(field) + " is " + std::to_string(reported) + ", /proc says " + std::to_string(expected) + "; ";
    }
  };
  check("snapshot_copied_bytes", outside.copied);
  check("current_cow_size", outside.copied);
  check("snapshot_parent_resident_bytes", outside.parent_resident);
  check("snapshot_child_resident_bytes", outside.child_resident);
  const int64_t at_fork = info_number(info, "snapshot_parent_resident_at_fork_bytes");
  check("snapshot_growth_bytes", outside.parent_resident - at_fork + outside.copied);
  return text;
}

class SnapshotFigures : public ::testing::Test {
 protected:
  void SetUp() override {
    if (sanitized()) GTEST_SKIP() << "a sanitizer's shadow memory counts as well, and moves";
  }

  // Forks, stops the child, and writes a byte into every page of a third of the values.
  void start_and_write() {
    populate(server_, kKeys, kValueBytes);
    begin();
  }
  void fork_and_stop() {
    ASSERT_FALSE(server_.client()("BGSAVE").is_error());
    ASSERT_TRUE(eventually([&] { return (child_ = server_.child()) != 0; }));
    ASSERT_EQ(::kill(child_, SIGSTOP), 0);
  }
  void begin() {
    ASSERT_NO_FATAL_FAILURE(fork_and_stop());
    Client client = server_.client();
    for (int key = 0; key < kKeys / 3; key++) {
      for (size_t at = 0; at < kValueBytes; at += kWriteEvery) {
        client("SETRANGE", "key:" + std::to_string(key), std::to_string(at), "x");
      }
    }
  }

  // The report follows within seconds of the last write. Until then the parent may still be at work as well: memory is
  // made ready, buffers are given back.
  void expect_figures_settle() {
    std::string difference;
    EXPECT_TRUE(eventually([&] {
      outside_ = look_from_outside(server_, child_);
      difference = compare(server_.info(), outside_);
      return difference.empty();
    })) << difference;
    EXPECT_GT(outside_.copied, 1 << 20) << "the writes copied nothing, so nothing was compared";
  }

  ServerProcess server_{ServerOptions{.directives = {"--rdb-key-save-delay", "5000", "--enable-debug-command", "yes"}}};
  pid_t child_ = 0;
  Outside outside_{};
};

TEST_F(SnapshotFigures, DuringASaveUnderWrites) {
  start_and_write();
  expect_figures_settle();
  const std::string info = server_.info();
  EXPECT_GE(info_number(info, "current_cow_peak"), info_number(info, "current_cow_size"));
  EXPECT_GT(info_number(info, "snapshot_parent_minor_faults"), 100);
  EXPECT_GT(info_number(info, "snapshot_parent_page_table_bytes"), 0);
  ::kill(child_, SIGKILL);
}

// Between exact readings, which would hide it, the estimate stands alone: memory that is new, of keys and of a growing
// index, must not count as copied. The index grows from 786,432 keys on.
TEST_F(SnapshotFigures, NewMemoryIsAtNoReadingCopiedMemory) {
  ASSERT_TRUE(server_.client()("DEBUG", "POPULATE", "780000", "old", "100").is_ok());
  ASSERT_NO_FATAL_FAILURE(fork_and_stop());
  for (int batch = 0; batch < 10; batch++) {
    populate(server_, 10'000, 100, "new:" + std::to_string(batch) + ":");
    const auto written = std::chrono::steady_clock::now();
    std::string info;
    ASSERT_TRUE(eventually([&] {
      const auto since_ms = (std::chrono::steady_clock::now() - written) / std::chrono::milliseconds(1);
      info = server_.info("snapshot");
      return info_number(info, "snapshot_measured_age_ms") < since_ms;
    }));
    const int64_t reported = info_number(info, "snapshot_copied_bytes");
    const int64_t copied = look_from_outside(server_, child_).copied;
    EXPECT_TRUE(reported <= copied || close_to(reported, copied)) << reported << ", /proc says " << copied;
    // An estimate may be too low by what is new; the next exact reading, with nothing written meanwhile, may not.
    ASSERT_TRUE(eventually([&] {
      const auto since_ms = (std::chrono::steady_clock::now() - written) / std::chrono::milliseconds(1);
      info = server_.info("snapshot");
      return info_number(info, "snapshot_exact_age_ms") < since_ms;
    }));
    EXPECT_TRUE(close_to(info_number(info, "snapshot_copied_bytes"), look_from_outside(server_, child_).copied));
  }
  ::kill(child_, SIGKILL);
}

// Small pages, a child that gives back what it has written, a parent that writes there: one fault each, and no copy.
TEST(SnapshotFiguresOfSmallPages, WhatTheChildGaveBackIsNotCopied) {
  if (sanitized()) GTEST_SKIP() << "a sanitizer's shadow memory counts as well, and moves";
  // The child sleeps after every tenth key: about two seconds in all, and no exact reading in the first of them.
  ServerProcess server(
      {.directives = {"--rdb-key-save-delay", "-10", "--enable-debug-command", "yes"}, .huge_pages_disabled = true});
  constexpr int kSmallKeys = 400'000;
  ASSERT_TRUE(server.client()("DEBUG", "POPULATE", std::to_string(kSmallKeys), "key", "100").is_ok());
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
  pid_t child = 0;
  ASSERT_TRUE(eventually([&] { return (child = server.child()) != 0; }));
  const int64_t at_fork = rollup(child, "Rss");
  Client client = server.client();
  // Its order is that of the addresses, so the first quarter is what it gives back first.
  ASSERT_TRUE(eventually([&] { return rollup(child, "Rss") < at_fork - at_fork / 3; }));
  ASSERT_EQ(::kill(child, SIGSTOP), 0);
  for (int i = 0; i < kSmallKeys / 4; i += 10) client("SET", "key:" + std::to_string(i), std::string(100, 'n'));
  sleep_ms(50);
  const std::string info = server.info("snapshot");
  const int64_t copied = rollup(child, "Private_Dirty");
  EXPECT_TRUE(close_to(info_number(info, "snapshot_copied_bytes"), copied))
      << info_field(info, "snapshot_copied_bytes") << ", /proc says " << copied;
  EXPECT_GT(info_number(info, "snapshot_parent_minor_faults") * 4096, 2 * copied) << "nothing to be mistaken about";
  ::kill(child, SIGKILL);
}

TEST_F(SnapshotFigures, AfterASaveTheLastOnesStay) {
  start_and_write();
  expect_figures_settle();
  ASSERT_TRUE(server_.client()("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());  // too late for this child
  ::kill(child_, SIGCONT);
  ::kill(child_, SIGKILL);
  EXPECT_EQ(wait_for_save(server_), "err");
  const std::string info = server_.info();
  EXPECT_TRUE(close_to(info_number(info, "snapshot_copied_bytes"), outside_.copied));
  EXPECT_TRUE(close_to(info_number(info, "rdb_last_cow_size"), outside_.copied));
  EXPECT_EQ(info_number(info, "current_cow_size"), 0);
}

TEST_F(SnapshotFigures, AfterASaveThatSucceeds) {
  ASSERT_TRUE(server_.client()("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  start_and_write();
  expect_figures_settle();
  const auto exact_readings = [&] { return info_number(server_.info("snapshot"), "snapshot_exact_readings"); };
  const int64_t readings = exact_readings();
  ASSERT_TRUE(eventually([&] { return exact_readings() > readings; })) << "a peak is what was read exactly";
  ::kill(child_, SIGCONT);
  EXPECT_EQ(wait_for_save(server_), "ok");
  const std::string info = server_.info();
  // The child's own buffers come on top of what the writes copied. In the end it has given back what it has written,
  // the originals of copied pages with it: the peak is what the save has cost.
  EXPECT_GE(info_number(info, "rdb_last_cow_size"), outside_.copied - outside_.copied / 20);
  EXPECT_LE(info_number(info, "rdb_last_cow_size"), outside_.copied + (16 << 20));
  EXPECT_EQ(info_number(info, "snapshot_copied_peak_bytes"), info_number(info, "rdb_last_cow_size"));
  EXPECT_LT(info_number(info, "snapshot_copied_bytes"), outside_.copied / 2);
}

TEST_F(SnapshotFigures, OneHugeKeyDoesNotBlindTheReport) {
  populate(server_, 1, 60 << 20, "huge:");
  ASSERT_TRUE(server_.client()("CONFIG", "SET", "rdb-key-save-delay", "0").is_ok());
  ASSERT_FALSE(server_.client()("BGSAVE").is_error());
  ASSERT_TRUE(eventually([&] { return (child_ = server_.child()) != 0; }));
  ASSERT_EQ(::kill(child_, SIGSTOP), 0);
  Client client = server_.client();
  for (int offset = 0; offset < (60 << 20); offset += 8192) client("SETRANGE", "huge:0", std::to_string(offset), "x");
  expect_figures_settle();
  ::kill(child_, SIGCONT);
  EXPECT_EQ(wait_for_save(server_), "ok");
}

TEST_F(SnapshotFigures, SamplingIsCheap) {
  start_and_write();
  sleep_ms(3000);
  const std::string percent = info_field(server_.info("snapshot"), "snapshot_sampling_percent");
  ASSERT_FALSE(percent.empty());
  EXPECT_LE(std::stod(percent), 1.5);  // one percent is promised; the first reading of a short save weighs more
  ::kill(child_, SIGKILL);
}

}  // namespace
}  // namespace cowslip::testing
