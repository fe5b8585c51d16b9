// Stalls by page faults, from a thread's accounts as the test makes them up.
#include "server/page_fault_stall.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <thread>

#include "server/latency_monitor.h"

namespace cowslip::server {
namespace {

constexpr ThreadUsage kBefore = {
    .user_us = 1'000'000, .system_us = 500'000, .page_faults = 70, .voluntary_switches = 9};

ThreadUsage after(int64_t user_us, int64_t system_us, uint64_t faults, uint64_t switches) {
  return {.user_us = kBefore.user_us + user_us,
          .system_us = kBefore.system_us + system_us,
          .page_faults = kBefore.page_faults + faults,
          .voluntary_switches = kBefore.voluntary_switches + switches};
}

TEST(StallOfATurn, IsTheKernelsWorkAndItsWait) {
  EXPECT_EQ(stall_us(kBefore, after(1'000, 7'000, 3, 0), 8'000), 7'000);
  EXPECT_EQ(stall_us(kBefore, after(1'000, 2'000, 3, 1), 20'000), 19'000);  // 17 ms of it asleep in the kernel
}

TEST(StallOfATurn, IsNoneWithoutAFault) {
  EXPECT_EQ(stall_us(kBefore, after(0, 7'000, 0, 1), 50'000), 0);
}

TEST(StallOfATurn, DoesNotCountBeingPushedAside) {
  EXPECT_EQ(stall_us(kBefore, after(1'000, 500, 1, 0), 50'000), 500);
}

TEST(StallOfATurn, DoesNotCountACommandThatIsBusyItself) {
  EXPECT_EQ(stall_us(kBefore, after(50'000, 100, 2, 1), 50'100), 100);
}

TEST(StallOfATurn, NeverExceedsTheTurn) {
  EXPECT_EQ(stall_us(kBefore, after(0, 9'000, 1, 1), 8'000), 8'000);  // the two clocks need not agree
  EXPECT_EQ(stall_us(kBefore, after(9'000, 0, 1, 1), 8'000), 0);
}

class PageFaultStallTest : public testing::Test {
 protected:
  PageFaultStallTest() { config_.latency_monitor_threshold_ms = 5; }

  // One turn of so long, of which `usage_` becomes `at_end`. Whether there is an event after it.
  bool stalls(int64_t took_us, const ThreadUsage& at_end) {
    usage_ = kBefore;
    monitor_.on_wake();
    usage_ = at_end;
    monitor_.on_turn_end(took_us);
    return monitor_.find("page-fault-stall") != nullptr;
  }

  ServerConfig config_;
  ManualClock clock_;
  ThreadUsage usage_;
  int readings_ = 0;
  LatencyMonitor monitor_{config_, clock_, [this] {
                            ++readings_;
                            return usage_;
                          }};
};

TEST_F(PageFaultStallTest, IsAnEventInASaveOnly) {
  EXPECT_FALSE(stalls(20'000, after(0, 12'000, 1, 0)));
  EXPECT_EQ(readings_, 0) << "outside of saves nothing is read";
  monitor_.set_child_alive(true);
  EXPECT_TRUE(stalls(20'000, after(0, 12'000, 1, 0)));
  EXPECT_EQ(monitor_.find("page-fault-stall")->worst_ms, 12);
  EXPECT_EQ(readings_, 2);
}

TEST_F(PageFaultStallTest, IsNoneBelowTheThreshold) {
  monitor_.set_child_alive(true);
  EXPECT_FALSE(stalls(4'999, after(0, 4'999, 1, 0)));
  EXPECT_EQ(readings_, 1) << "a short turn is not looked at again";
  EXPECT_FALSE(stalls(9'000, after(5'000, 4'000, 1, 0)));
}

TEST_F(PageFaultStallTest, IsNotWatchedWithoutAThreshold) {
  config_.latency_monitor_threshold_ms = 0;
  monitor_.set_child_alive(true);
  EXPECT_FALSE(stalls(20'000, after(0, 12'000, 1, 0)));
  EXPECT_EQ(readings_, 0);
}

TEST_F(PageFaultStallTest, TheTurnsOfForkAndEndAreNotJudged) {
  monitor_.on_wake();
  monitor_.set_child_alive(true);
  usage_ = after(0, 12'000, 1, 0);
  monitor_.on_turn_end(20'000);
  usage_ = kBefore;
  monitor_.on_wake();
  monitor_.set_child_alive(false);
  usage_ = after(0, 12'000, 1, 0);
  monitor_.on_turn_end(20'000);
  EXPECT_EQ(monitor_.find("page-fault-stall"), nullptr);
}

TEST(ThreadUsageOfTheKernel, CountsFaultsAndWaits) {
  constexpr size_t kBytes = 64 * 4096;
  const ThreadUsage before = read_thread_usage();
  void* const pages = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  ASSERT_EQ(madvise(pages, kBytes, MADV_NOHUGEPAGE), 0);
  for (size_t at = 0; at < kBytes; at += 4096) static_cast<volatile char*>(pages)[at] = 1;
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const ThreadUsage after = read_thread_usage();
  munmap(pages, kBytes);
  EXPECT_GE(after.page_faults, before.page_faults + 64);
  EXPECT_GT(after.voluntary_switches, before.voluntary_switches);
}

}  // namespace
}  // namespace cowslip::server
