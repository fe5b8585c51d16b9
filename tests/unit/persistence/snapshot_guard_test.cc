#include "persistence/snapshot_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace cowslip::persistence {
namespace {

constexpr uint64_t kMegabyte = 1 << 20;
constexpr uint64_t kResident = 400 * kMegabyte;

memory::MemoryLimits group_of(uint64_t limit, uint64_t usage) {
  memory::MemoryLimits limits;
  limits.machine_total = 64 * 1024 * kMegabyte;
  limits.machine_available = 32 * 1024 * kMegabyte;
  limits.cgroup.version = memory::CgroupVersion::kV1;
  limits.cgroup.limit = limit;
  limits.cgroup.usage = usage;
  return limits;
}

Forecast expecting(int64_t growth, int learned_from) {
  Forecast forecast;
  forecast.growth = growth;
  forecast.learned_from = learned_from;
  forecast.peak_memory = kResident + static_cast<uint64_t>(growth);
  return forecast;
}

constexpr GuardSettings kSettings{.growth_limit = {}, .reserve = 32 * kMegabyte};

TEST(JudgeBeforeFork, FitsOrNotByWhatIsLeftBesideTheReserve) {
  const auto limits = group_of(500 * kMegabyte, 392 * kMegabyte);
  EXPECT_TRUE(judge_before_fork(expecting(68 * kMegabyte, 3), limits, kSettings, kResident).fits);
  const Verdict verdict = judge_before_fork(expecting(69 * kMegabyte, 3), limits, kSettings, kResident);
  EXPECT_FALSE(verdict.fits);
  EXPECT_EQ(verdict.limit_name, "cgroup v1 limit");
  EXPECT_EQ(verdict.limit, 500 * kMegabyte);
  EXPECT_EQ(verdict.headroom, 68 * kMegabyte);
  EXPECT_EQ(
      verdict.reason,
      "the save is expected to take 69.0 MB (learned from 3 saves), and 68.0 MB can be taken before the cgroup v1 "
      "limit of 500 MB (40.0 MB are kept free)");
}

TEST(JudgeBeforeFork, ReclaimableCacheIsRoom) {
  auto limits = group_of(500 * kMegabyte, 500 * kMegabyte);
  EXPECT_FALSE(judge_before_fork(expecting(10 * kMegabyte, 1), limits, kSettings, kResident).fits);
  limits.cgroup.reclaimable_cache = 100 * kMegabyte;
  EXPECT_TRUE(judge_before_fork(expecting(10 * kMegabyte, 1), limits, kSettings, kResident).fits);
}

TEST(JudgeBeforeFork, WhereAllAreKilledTogetherTheUpperEndHasToFit) {
  auto limits = group_of(500 * kMegabyte, 392 * kMegabyte);
  Forecast forecast = expecting(50 * kMegabyte, 3);
  forecast.growth_high = 70 * kMegabyte;
  EXPECT_TRUE(judge_before_fork(forecast, limits, kSettings, kResident).fits);
  limits.cgroup.kills_together = true;
  const Verdict verdict = judge_before_fork(forecast, limits, kSettings, kResident);
  EXPECT_FALSE(verdict.fits);
  EXPECT_TRUE(verdict.reason.contains("70.0 MB at most is what has to fit, for memory.oom.group is set"))
      << verdict.reason;
  forecast.growth_high = 68 * kMegabyte;
  EXPECT_TRUE(judge_before_fork(forecast, limits, kSettings, kResident).fits);
  limits.cgroup.limit = memory::kUnlimited;  // then it is the machine's memory, and the child alone is killed
  EXPECT_FALSE(judge_before_fork(forecast, limits, kSettings, kResident).reason.contains("oom.group"));
}

TEST(JudgeBeforeFork, FiguresFromTenGigabytesOnAreInGigabytes) {
  const Verdict verdict = judge_before_fork(expecting(64 * kMegabyte, 1), group_of(22016 * kMegabyte, 400 * kMegabyte),
                                            kSettings, kResident);
  EXPECT_TRUE(
      verdict.reason.contains("64.0 MB (learned from 1 save), and 21.1 GB can be taken before the cgroup v1 "
                              "limit of 21.5 GB (40.0 MB are kept"))
      << verdict.reason;
}

TEST(JudgeBeforeFork, WithoutHistoryOnlyWhatCannotFitIsRefused) {
  EXPECT_TRUE(
      judge_before_fork(expecting(900 * kMegabyte, 0), group_of(500 * kMegabyte, 392 * kMegabyte), kSettings, kResident)
          .fits);
  const Verdict full =
      judge_before_fork(expecting(5 * kMegabyte, 0), group_of(500 * kMegabyte, 470 * kMegabyte), kSettings, kResident);
  EXPECT_FALSE(full.fits);
  EXPECT_TRUE(full.reason.contains("there is no save to learn from")) << full.reason;
}

TEST(JudgeBeforeFork, GrowthLimitInBytesAndPercent) {
  const auto roomy = group_of(4000 * kMegabyte, 400 * kMegabyte);
  GuardSettings settings = kSettings;
  settings.growth_limit.bytes = 50 * kMegabyte;
  EXPECT_TRUE(judge_before_fork(expecting(50 * kMegabyte, 1), roomy, settings, kResident).fits);
  EXPECT_FALSE(judge_before_fork(expecting(51 * kMegabyte, 1), roomy, settings, kResident).fits);
  settings.growth_limit = {.percent = 25};
  EXPECT_TRUE(judge_before_fork(expecting(99 * kMegabyte, 1), roomy, settings, kResident).fits);
  const Verdict verdict = judge_before_fork(expecting(101 * kMegabyte, 1), roomy, settings, kResident);
  EXPECT_FALSE(verdict.fits);
  EXPECT_EQ(verdict.limit_name, "snapshot-growth-limit");
  EXPECT_EQ(verdict.limit, 100 * kMegabyte);
}

TEST(JudgeBeforeFork, TheNearerOfRoomAndGrowthLimitIsNamedAlsoWhenItFits) {
  GuardSettings settings = kSettings;
  settings.growth_limit.bytes = 50 * kMegabyte;
  const auto roomy = group_of(4000 * kMegabyte, 400 * kMegabyte);
  for (const int learned_from : {0, 1}) {
    const Verdict own = judge_before_fork(expecting(5 * kMegabyte, learned_from), roomy, settings, kResident);
    EXPECT_TRUE(own.fits);
    EXPECT_EQ(own.limit_name, "snapshot-growth-limit");
    EXPECT_EQ(own.limit, 50 * kMegabyte);
    EXPECT_EQ(own.headroom, 50 * kMegabyte);
    EXPECT_TRUE(own.reason.contains("snapshot-growth-limit is 50.0 MB")) << own.reason;
  }
  const auto tight = group_of(500 * kMegabyte, 428 * kMegabyte);  // 40 MB beside the reserve
  EXPECT_EQ(judge_before_fork(expecting(5 * kMegabyte, 1), tight, settings, kResident).limit_name, "cgroup v1 limit");
  EXPECT_EQ(judge_before_fork(expecting(60 * kMegabyte, 1), tight, settings, kResident).limit_name, "cgroup v1 limit");
  settings.growth_limit.bytes = kMegabyte;
  const auto full = group_of(500 * kMegabyte, 466 * kMegabyte);
  EXPECT_FALSE(judge_before_fork(expecting(kMegabyte, 0), full, settings, kResident).fits) << "no room at all";
  EXPECT_EQ(judge_before_fork(expecting(5 * kMegabyte, 1), {}, settings, kResident).limit_name,
            "snapshot-growth-limit");
}

TEST(JudgeBeforeFork, AForkThatCannotBeCommittedIsCertain) {
  auto limits = group_of(4000 * kMegabyte, 400 * kMegabyte);
  limits.commit_limit = 1000 * kMegabyte;
  limits.committed = 700 * kMegabyte;
  limits.data_used = 400 * kMegabyte;
  EXPECT_TRUE(judge_before_fork(expecting(kMegabyte, 0), limits, kSettings, kResident).fits) << "overcommit is allowed";
  limits.overcommit = memory::Overcommit::kNever;
  const Verdict verdict = judge_before_fork(expecting(kMegabyte, 0), limits, kSettings, kResident);
  EXPECT_FALSE(verdict.fits);
  EXPECT_TRUE(verdict.limit_name.contains("vm.overcommit_memory=2"));
  EXPECT_TRUE(verdict.reason.contains("300 MB of the commit limit of 1000 MB")) << verdict.reason;
}

TEST(JudgeBeforeFork, MaxmemoryIsNamedAndBoundsNothing) {
  GuardSettings settings = kSettings;
  settings.maxmemory = 420 * kMegabyte;
  const Verdict verdict =
      judge_before_fork(expecting(30 * kMegabyte, 2), group_of(4000 * kMegabyte, 400 * kMegabyte), settings, kResident);
  EXPECT_TRUE(verdict.fits);
  EXPECT_TRUE(verdict.reason.contains("above maxmemory of 420 MB")) << verdict.reason;
}

// ---- a save at work ----

GuardReading reading(int64_t at_ms, uint64_t grown, uint64_t room) {
  return {.at_ms = at_ms,
          .growth = static_cast<int64_t>(grown),
          .headroom = {.bytes = room, .total = 500 * kMegabyte, .limit = "cgroup v1 limit"}};
}

// Growth of `per_tick` every 20 ms with `room` at the beginning. Returns the room at which the guard stops; 0: never.
uint64_t room_when_stopped(uint64_t per_tick, uint64_t room, const GuardSettings& settings = kSettings) {
  SnapshotGuard guard;
  guard.begin(kResident, false);
  for (uint64_t tick = 1; tick * per_tick < room; tick++) {
    const uint64_t left = room - tick * per_tick;
    if (guard.check(reading(static_cast<int64_t>(tick) * 20, tick * per_tick, left), settings)) return left;
  }
  return 0;
}

TEST(SnapshotGuardTest, StopsEarlyEnoughForWhatStillComes) {
  const uint64_t slow = room_when_stopped(kMegabyte / 10, 100 * kMegabyte);
  EXPECT_NEAR(static_cast<double>(slow) / kMegabyte, 32 + 8 + 1, 2);
  const uint64_t fast = room_when_stopped(4 * kMegabyte, 300 * kMegabyte);  // 200 MB a second
  EXPECT_NEAR(static_cast<double>(fast) / kMegabyte, 32 + 8 + 40, 5);
}

TEST(SnapshotGuardTest, GoesOnWhileThereIsRoom) {
  SnapshotGuard guard;
  guard.begin(kResident, false);
  for (int64_t tick = 1; tick < 1000; tick++) {
    EXPECT_FALSE(guard.check(reading(tick * 20, 40 * kMegabyte, 60 * kMegabyte), kSettings));
    EXPECT_FALSE(guard.check({.at_ms = tick * 20, .growth = 1 << 30, .headroom = {}}, kSettings))
        << "no limit is known";
  }
}

TEST(SnapshotGuardTest, StopsAtTheGrowthLimit) {
  SnapshotGuard guard;
  guard.begin(kResident, false);
  GuardSettings settings = kSettings;
  settings.growth_limit = {.percent = 10};
  EXPECT_FALSE(guard.check(reading(20, 40 * kMegabyte, 1000 * kMegabyte), settings));
  const auto reason = guard.check(reading(40, 41 * kMegabyte, 1000 * kMegabyte), settings);
  ASSERT_TRUE(reason);
  EXPECT_EQ(*reason, "it had made memory grow by 41.0 MB, and snapshot-growth-limit is 40.0 MB");
}

// A verdict and the guard go by the same line: what fits is not stopped as long as nobody writes.
TEST(SnapshotGuardTest, WhatFitsIsNotStoppedAtOnce) {
  for (uint64_t room = kMegabyte; room < 60 * kMegabyte; room += kMegabyte) {
    const auto limits = group_of(500 * kMegabyte, 500 * kMegabyte - room);
    for (const int learned_from : {0, 2}) {
      const Verdict verdict = judge_before_fork(expecting(kMegabyte, learned_from), limits, kSettings, kResident);
      SnapshotGuard guard;
      guard.begin(kResident, false);
      const bool stopped = guard.check(reading(20, 0, room), kSettings).has_value();
      EXPECT_FALSE(verdict.fits && stopped) << room / kMegabyte;
      EXPECT_EQ(stopped, room < 40 * kMegabyte);
    }
  }
}

TEST(SnapshotGuardTest, AForcedSaveMayTakeAQuarterOfWhatItFinds) {
  SnapshotGuard guard;
  guard.begin(kResident, true);
  EXPECT_FALSE(guard.check(reading(20, 0, 20 * kMegabyte), kSettings));
  EXPECT_FALSE(guard.check(reading(2000, 5 * kMegabyte, 15 * kMegabyte + kMegabyte), kSettings));
  guard.begin(kResident, true);
  EXPECT_FALSE(guard.check(reading(20, 0, 20 * kMegabyte), kSettings));
  const auto reason = guard.check(reading(90'000, 5 * kMegabyte, 15 * kMegabyte - 1), kSettings);
  ASSERT_TRUE(reason);
  EXPECT_THAT(*reason, testing::HasSubstr("(15.0 MB are kept free)"));
  // With more room than the reserve it keeps the reserve, as every save does.
  guard.begin(kResident, true);
  EXPECT_FALSE(guard.check(reading(20, 0, 200 * kMegabyte), kSettings));
  EXPECT_TRUE(guard.check(reading(90'000, 160 * kMegabyte, 39 * kMegabyte), kSettings));
}

TEST(SnapshotGuardTest, AForcedSaveKnowsNoGrowthLimit) {
  GuardSettings settings = kSettings;
  settings.growth_limit = {.percent = 10};
  SnapshotGuard guard;
  guard.begin(kResident, true);
  EXPECT_FALSE(guard.check(reading(20, 300 * kMegabyte, 1000 * kMegabyte), settings));
}

TEST(SnapshotGuardTest, DoesNothingWhenItIsOff) {
  GuardSettings settings = kSettings;
  settings.enabled = false;
  settings.growth_limit.bytes = 1;
  EXPECT_EQ(room_when_stopped(4 * kMegabyte, 300 * kMegabyte, settings), 0u);
}

TEST(SnapshotGuardTest, CountsWhatOthersTakeFromTheSameRoom) {
  SnapshotGuard guard;
  guard.begin(kResident, false);
  for (int64_t tick = 1; tick <= 10; tick++) {
    (void)guard.check(reading(tick * 20, 0, (1000 - static_cast<uint64_t>(tick) * 4) * kMegabyte), kSettings);
  }
  EXPECT_NEAR(guard.consumption() * 1000 / kMegabyte, 200, 10);
}

// 1000 MB of the machine are left, and somebody else takes 40 MB of them in each tick for a while: 2 GB a second.
TEST(SnapshotGuardTest, ANeighboursBurstEndsNoSaveThatFits) {
  for (const bool of_machine : {true, false}) {
    SnapshotGuard guard;
    guard.begin(kResident, false);
    bool stopped = false;
    for (int64_t tick = 1; tick <= 20; tick++) {
      GuardReading now = reading(tick * 20, kMegabyte, (1000 - static_cast<uint64_t>(tick) * 40) * kMegabyte);
      now.headroom.of_machine = of_machine;
      stopped |= guard.check(now, kSettings).has_value();
    }
    EXPECT_EQ(stopped, !of_machine) << "in a group of its own there is nobody else to stop";
    GuardReading end = reading(420, kMegabyte, 42 * kMegabyte);
    end.headroom.of_machine = of_machine;
    EXPECT_TRUE(guard.check(end, kSettings)) << "there has to be room all the same";
  }
}

TEST(SnapshotGuardTest, ACorrectedEstimateIsNoGrowth) {
  SnapshotGuard guard;
  guard.begin(kResident, false);
  for (int64_t tick = 1; tick <= 50; tick++) {
    GuardReading now = reading(tick * 20, (tick < 25 ? 1 : 60) * kMegabyte, 1000 * kMegabyte);
    now.exact_at_ms = tick < 25 ? 0 : 500;
    (void)guard.check(now, kSettings);
  }
  EXPECT_EQ(guard.consumption(), 0);
  // Exact readings that come all the time are as good as any.
  guard.begin(kResident, false);
  for (int64_t tick = 1; tick <= 50; tick++) {
    GuardReading now = reading(tick * 20, static_cast<uint64_t>(tick) * kMegabyte, 1000 * kMegabyte);
    now.exact_at_ms = tick * 20 - 5;
    (void)guard.check(now, kSettings);
  }
  EXPECT_NEAR(guard.consumption() * 1000 / kMegabyte, 50, 1);
}

TEST(PostponementTest, ATryIsDueAfterOneTwoFourFiveMinutes) {
  Postponement postponement;
  std::vector<int64_t> tries, warnings;
  for (int64_t minute = 0; minute <= 20; minute++) {
    const auto answer = postponement.does_not_fit(1'000'000 + minute * 60'000);
    EXPECT_EQ(answer.first, minute == 0);
    if (answer.try_it) tries.push_back(minute);
    if (answer.warn) warnings.push_back(minute);
  }
  EXPECT_EQ(tries, (std::vector<int64_t>{1, 3, 7, 12, 17}));
  EXPECT_EQ(warnings, (std::vector<int64_t>{0, 3, 6, 9, 12, 15, 18}));
}

TEST(PostponementTest, ATryThatWasStoppedMakesItWaitLonger) {
  Postponement postponement;
  (void)postponement.does_not_fit(0);
  EXPECT_TRUE(postponement.does_not_fit(60'000).try_it);
  postponement.over();
  EXPECT_FALSE(postponement.waiting());
  EXPECT_TRUE(postponement.does_not_fit(65'000).first);
  EXPECT_FALSE(postponement.does_not_fit(130'000).try_it);
  EXPECT_TRUE(postponement.does_not_fit(185'000).try_it);
  postponement.succeeded();
  (void)postponement.does_not_fit(200'000);
  EXPECT_TRUE(postponement.does_not_fit(260'000).try_it);
}

TEST(StopBackoffTest, WaitsTwiceAsLongEachTime) {
  StopBackoff backoff;
  EXPECT_TRUE(backoff.may_try(0));
  backoff.stopped(1000);
  EXPECT_FALSE(backoff.may_try(5999));
  EXPECT_TRUE(backoff.may_try(6000));
  backoff.stopped(6000);
  EXPECT_FALSE(backoff.may_try(15'999));
  EXPECT_TRUE(backoff.may_try(16'000));
  for (int i = 0; i < 100; i++) backoff.stopped(0);
  EXPECT_TRUE(backoff.may_try(StopBackoff::kLongestMs));
  backoff.succeeded();
  EXPECT_TRUE(backoff.may_try(0));
}

}  // namespace
}  // namespace cowslip::persistence
