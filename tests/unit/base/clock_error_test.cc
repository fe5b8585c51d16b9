#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/error.h"

namespace cowslip {
namespace {

TEST(SystemClock, KnowsThisCenturyAndDoesNotGoBack) {
  const SystemClock clock;
  EXPECT_GT(clock.unix_ms(), 1'600'000'000'000);
  const int64_t before = clock.monotonic_us();
  EXPECT_GE(clock.monotonic_us(), before);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  ManualClock clock(5'000'000);
  EXPECT_EQ(clock.unix_us(), 5'000'000);
  clock.advance_ms(3);
  EXPECT_EQ(clock.unix_us(), 5'003'000);
  EXPECT_EQ(clock.unix_ms(), 5003);
  EXPECT_EQ(clock.monotonic_us(), 3000);
}

TEST(Error, OfASystemCallSaysWhatAndWhy) {
  const Status status = fail_errno("cannot write x.rdb", ENOSPC);
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_EQ(status.error().os_errno, ENOSPC);
  EXPECT_EQ(status.error().message, "cannot write x.rdb: No space left on device");
}

TEST(Error, OfOursHasNoErrno) {
  errno = EIO;
  const Result<int> result = fail(ErrorCode::kCorrupt, "bad length");
  EXPECT_EQ(result.error().os_errno, 0);
  EXPECT_EQ(result.error().message, "bad length");
}

}  // namespace
}  // namespace cowslip
