#include "memory/process_memory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace cowslip::memory {
namespace {

constexpr size_t kBytes = 32 * 1024 * 1024;

// So much memory, each page written once, in small pages.
class Touched {
 public:
  Touched()
      : memory_(
            static_cast<char*>(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    ::madvise(memory_, kBytes, MADV_NOHUGEPAGE);
    for (size_t at = 0; at < kBytes; at += 4096) memory_[at] = 1;
  }
  ~Touched() { ::munmap(memory_, kBytes); }

 private:
  char* memory_;
};

TEST(ProcessMemory, CountersFollowWhatIsTouched) {
  const auto before = read_process_counters();
  ASSERT_TRUE(before.has_value());
  const Touched touched;
  const auto after = read_process_counters();
  ASSERT_TRUE(after.has_value());
  EXPECT_NEAR(static_cast<double>(after->resident - before->resident), kBytes, kBytes * 0.1);
  EXPECT_NEAR(static_cast<double>(after->resident_anon - before->resident_anon), kBytes, kBytes * 0.1);
  EXPECT_GE(after->minor_faults - before->minor_faults, kBytes / 4096);
  EXPECT_GT(after->page_tables, before->page_tables);
}

TEST(ProcessMemory, RollupFollowsWhatIsTouched) {
  const auto before = read_memory_rollup();
  const Touched touched;
  const auto after = read_memory_rollup();
  ASSERT_TRUE(before.has_value() && after.has_value());
  EXPECT_NEAR(static_cast<double>(after->private_dirty - before->private_dirty), kBytes, kBytes * 0.1);
  EXPECT_GE(after->resident, after->private_dirty);
  EXPECT_GT(after->proportional, 0u);
}

TEST(ProcessMemory, AForkedChildSharesUntilSomebodyWrites) {
  const Touched touched;
  const pid_t child = ::fork();
  if (child == 0) {
    for (;;) ::pause();
  }
  const auto rollup = read_memory_rollup(child);
  ASSERT_TRUE(rollup.has_value());
  EXPECT_LT(rollup->private_dirty, kBytes / 4);
  EXPECT_GE(rollup->shared_dirty, kBytes * 9 / 10);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(ProcessMemory, AProcessThatIsGoneIsNotFound) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(read_memory_rollup(child).has_value()) << "ended, not yet waited for";
  EXPECT_FALSE(read_process_counters(child).has_value());
  ::waitpid(child, nullptr, 0);
  const auto counters = read_process_counters(child);
  ASSERT_FALSE(counters.has_value());
  EXPECT_EQ(counters.error().code, ErrorCode::kNotFound);
  MemoryRollup untouched{.resident = 7};
  EXPECT_FALSE(read_memory_rollup_signal_safe(child, untouched));
  EXPECT_EQ(untouched.resident, 7u);
}

TEST(ProcessMemory, TheMachineHasMemory) {
  EXPECT_GT(total_system_memory(), kBytes);
}

}  // namespace
}  // namespace cowslip::memory
