#include "persistence/snapshot_forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

namespace cowslip::persistence {
namespace {

constexpr double kMegabyte = 1 << 20;
constexpr uint64_t kKeys = 1'000'000;

// ---- while it runs: saves of a made-up server whose end is known ----

struct Course {
  double seconds = 4;
  double writes_per_second = 200'000;
  double bytes_per_change = 120;
  // The share of changes that make something new, by progress and changes so far.
  std::function<double(double progress, double changes)> counts = [](double progress, double changes) {
    return (1 - progress) * std::exp(-changes / kKeys);
  };
  bool ledger = true;
  bool reuse = true;      // blocks that the child has saved are taken again
  double burst_from = 0;  // of the time: nobody writes before
};

struct Trace {
  std::vector<SaveSample> samples;
  double growth = 0;  // at the end
};

Trace trace_of(const Course& course) {
  Trace run;
  double changes = 0, frozen = 0, given = 0;
  const double end_ms = course.seconds * 1000;
  for (double ms = 0; ms <= end_ms; ms += 1) {
    const double progress = ms / end_ms;
    const double now = progress < course.burst_from ? 0 : course.writes_per_second / 1000;
    changes += now;
    const double needed = now * course.bytes_per_change * course.counts(progress, changes);
    const double saved = course.reuse && progress < 1 ? frozen / (end_ms * (1 - progress)) : 0;
    frozen += needed - saved;
    given += saved;
    const double again = std::min(given, needed);
    given -= again;
    run.growth += needed - again;
    if (static_cast<int64_t>(ms) % 20 != 0) continue;
    // The child speaks up every 50 ms, and chunks of 2 MiB are handed out whole.
    const double told = std::floor(ms / 50) * 50 / end_ms;
    const double chunks = std::ceil(run.growth / (2 * kMegabyte)) * 2 * kMegabyte;
    run.samples.push_back({.at_ms = static_cast<int64_t>(ms),
                           .keys_written = static_cast<uint64_t>(told * kKeys),
                           .changes = static_cast<uint64_t>(changes),
                           .growth = static_cast<int64_t>(chunks),
                           .fresh = course.ledger ? static_cast<uint64_t>(run.growth) : 0});
  }
  return run;
}

// The largest relative errors of the forecasts from a quarter on.
struct Errors {
  double growth = 0;
  double duration = 0;
};

Errors errors_of(const Course& course) {
  const Trace run = trace_of(course);
  Errors errors;
  for (size_t count = run.samples.size() / 4; count < run.samples.size(); count++) {
    const auto forecast = forecast_running({.keys_total = kKeys}, std::span(run.samples).first(count));
    if (!forecast) continue;
    const double growth = static_cast<double>(forecast->growth), end_ms = course.seconds * 1000;
    const double came = static_cast<double>(run.samples.back().growth);
    errors.growth = std::max(errors.growth, std::abs(growth - came) / came);
    errors.duration = std::max(errors.duration, std::abs(static_cast<double>(forecast->duration_ms) - end_ms) / end_ms);
  }
  return errors;
}

TEST(ForecastRunning, SaysNothingBeforeThereIsSomethingToSay) {
  EXPECT_FALSE(forecast_running({.keys_total = 0}, {}));
  const std::vector<SaveSample> none(10);
  EXPECT_FALSE(forecast_running({.keys_total = kKeys}, none));
  const Trace run = trace_of({});
  EXPECT_FALSE(forecast_running({.keys_total = kKeys}, std::span(run.samples).first(3)));
  EXPECT_TRUE(forecast_running({.keys_total = kKeys}, std::span(run.samples).first(50)));
}

TEST(ForecastRunning, UniformWrites) {
  for (const double rate : {50e3, 200e3, 1e6}) {
    const Errors errors = errors_of({.writes_per_second = rate});
    EXPECT_LT(errors.growth, 0.15) << rate;
    EXPECT_LT(errors.duration, 0.10) << rate;
    EXPECT_LT(errors_of({.writes_per_second = rate, .ledger = false}).growth, 0.25) << rate;
    EXPECT_LT(errors_of({.writes_per_second = rate, .reuse = false}).growth, 0.15) << rate;
  }
}

TEST(ForecastRunning, NewKeysGrowToTheEnd) {
  const Course course{.counts = [](double, double) { return 1.0; }, .reuse = false};
  Trace run = trace_of(course);
  for (SaveSample& sample : run.samples) sample.keys_added = static_cast<int64_t>(sample.changes);
  const auto quarter = forecast_running({.keys_total = kKeys}, std::span(run.samples).first(run.samples.size() / 4));
  ASSERT_TRUE(quarter);
  EXPECT_NEAR(static_cast<double>(quarter->growth), run.growth, 0.1 * run.growth);
}

TEST(ForecastRunning, SkewedWritesSaturate) {
  const Errors errors = errors_of({.writes_per_second = 500e3, .counts = [](double progress, double changes) {
                                     return (1 - progress) * std::pow(std::max(changes, 1.0) / 10'000, -0.4);
                                   }});
  EXPECT_LT(errors.growth, 0.3);
  const Errors even = errors_of(
      {.writes_per_second = 500e3, .counts = [](double progress, double) { return 1 - progress; }, .reuse = false});
  EXPECT_LT(even.growth, 0.3);
}

TEST(ForecastRunning, ABurstIsSeenSoonAfterItBegan) {
  const Course course{.burst_from = 0.4};
  const Trace run = trace_of(course);
  const auto forecast =
      forecast_running({.keys_total = kKeys}, std::span(run.samples).first(run.samples.size() * 6 / 10));
  ASSERT_TRUE(forecast);
  EXPECT_NEAR(static_cast<double>(forecast->growth), run.growth, 0.3 * run.growth);
}

// Who has stopped writing does not go on.
TEST(ForecastRunning, ABurstThatIsOverIsOver) {
  constexpr double kBurst = 60'000 * 150.0;  // bytes
  std::vector<SaveSample> samples;
  for (int64_t ms = 0; ms <= 8000; ms += 20) {
    const double written = std::min(1.0, static_cast<double>(ms) / 600);
    samples.push_back({.at_ms = ms,
                       .keys_written = static_cast<uint64_t>(kKeys * static_cast<double>(ms) / 16000),
                       .changes = static_cast<uint64_t>(60'000 * written),
                       .growth = static_cast<int64_t>(kBurst * written),
                       .fresh = static_cast<uint64_t>(kBurst * written)});
  }
  for (const size_t known : {samples.size() / 4, samples.size() / 2, samples.size()}) {
    const auto forecast = forecast_running({.keys_total = kKeys}, std::span(samples).first(known));
    ASSERT_TRUE(forecast);
    EXPECT_NEAR(static_cast<double>(forecast->growth), kBurst, 0.1 * kBurst) << known;
  }
}

// Pages that were copied are gone again when the child has saved them: the peak lies in the middle.
TEST(ForecastRunning, CopiedPagesAreGivenBack) {
  std::vector<SaveSample> samples;
  double copied = 0, peak = 0;
  for (int64_t ms = 0; ms <= 4000; ms += 20) {
    const double progress = static_cast<double>(ms) / 4000;
    copied += 4e6 * (1 - progress);                                       // a tick's copies
    if (progress < 1) copied -= copied * 0.005 / (1 - progress + 0.005);  // and what was saved meanwhile
    peak = std::max(peak, copied);
    samples.push_back({.at_ms = ms,
                       .keys_written = static_cast<uint64_t>(progress * kKeys),
                       .changes = static_cast<uint64_t>(ms * 50),
                       .growth = static_cast<int64_t>(copied),
                       .copied = static_cast<uint64_t>(copied)});
  }
  const auto forecast = forecast_running({.keys_total = kKeys}, std::span(samples).first(samples.size() * 3 / 10));
  ASSERT_TRUE(forecast);
  EXPECT_NEAR(static_cast<double>(forecast->growth), peak, 0.25 * peak);
}

TEST(ForecastRunning, CopiesThatAreThereAllTheTimeStay) {
  constexpr int64_t kStay = 64 << 20;
  Trace run = trace_of({});
  for (SaveSample& sample : run.samples) {
    sample.growth += kStay;
    sample.copied = kStay;
  }
  const auto forecast =
      forecast_running({.keys_total = kKeys}, std::span(run.samples).first(run.samples.size() * 3 / 10));
  ASSERT_TRUE(forecast);
  const double came = static_cast<double>(run.samples.back().growth);
  EXPECT_NEAR(static_cast<double>(forecast->growth), came, 0.05 * came);
}

TEST(ForecastRunning, TheTailIsAddedAndUsedUp) {
  std::vector<SaveSample> samples = trace_of({}).samples;
  const SaveFacts facts{.keys_total = kKeys, .tail_ms = 500};
  const auto half = forecast_running(facts, std::span(samples).first(samples.size() / 2));
  ASSERT_TRUE(half);
  EXPECT_NEAR(static_cast<double>(half->duration_ms), 4500, 200);
  samples.back().keys_written = kKeys;
  for (int i = 1; i <= 10; i++) {
    SaveSample next = samples.back();
    next.at_ms += 20;
    samples.push_back(next);
  }
  const auto end = forecast_running(facts, samples);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->remaining_ms, 300);
  EXPECT_EQ(end->progress, 1);
}

TEST(ForecastRunning, TheBandHoldsTheForecast) {
  const Trace run = trace_of({});
  for (size_t count = 50; count < run.samples.size(); count++) {
    const auto forecast = forecast_running({.keys_total = kKeys}, std::span(run.samples).first(count));
    ASSERT_TRUE(forecast);
    EXPECT_LE(forecast->growth_low, forecast->growth);
    EXPECT_GE(forecast->growth_high, forecast->growth);
  }
}

// ---- before the fork ----

SaveRecord save_with(uint64_t changes, int64_t growth) {
  SaveRecord record;
  record.result = SaveResult::kOk;
  record.duration_ms = 2000;
  record.fork_us = 1260;
  record.keys_total = record.keys_written = kKeys;
  record.dataset_bytes = 200 << 20;
  record.parent_resident_at_fork = 400u << 20;
  record.changes = changes;
  record.growth_peak = growth;
  return record;
}

constexpr Present kPresent{
    .resident = 400u << 20, .keys = kKeys, .dataset_bytes = 200 << 20, .writes_per_second = 50'000, .huge_pages = true};

TEST(ForecastBeforeFork, WithoutHistoryItSaysThatItAssumes) {
  const Forecast huge = forecast_before_fork({}, kPresent);
  EXPECT_EQ(huge.learned_from, 0);
  EXPECT_TRUE(huge.basis.contains("no save to learn from")) << huge.basis;
  EXPECT_GT(huge.duration_ms, 0);
  EXPECT_GT(huge.growth, 0);
  Present small = kPresent;
  small.huge_pages = false;
  EXPECT_GT(forecast_before_fork({}, small).fork_us, 10 * huge.fork_us);
}

TEST(ForecastBeforeFork, ForkAndDurationGrowWithTheDataset) {
  Present twice = kPresent;
  twice.resident *= 2;
  twice.dataset_bytes *= 2;
  const std::deque<SaveRecord> history{save_with(100'000, 10 << 20)};
  EXPECT_EQ(forecast_before_fork(history, kPresent).fork_us, 1260);
  EXPECT_EQ(forecast_before_fork(history, kPresent).duration_ms, 2000);
  EXPECT_EQ(forecast_before_fork(history, twice).fork_us, 2260);
  EXPECT_EQ(forecast_before_fork(history, twice).duration_ms, 4000);
}

TEST(ForecastBeforeFork, TheSameLoadGrowsTheSame) {
  const std::deque<SaveRecord> history{save_with(100'000, 10 << 20), save_with(100'000, 10 << 20)};
  const Forecast forecast = forecast_before_fork(history, kPresent);
  EXPECT_EQ(forecast.learned_from, 2);
  EXPECT_NEAR(static_cast<double>(forecast.growth), 10 * kMegabyte, 0.02 * 10 * kMegabyte);
  EXPECT_LT(forecast.growth_low, forecast.growth);
  EXPECT_GT(forecast.growth_high, forecast.growth);
  EXPECT_EQ(forecast.peak_memory, kPresent.resident + static_cast<uint64_t>(forecast.growth));
}

TEST(ForecastBeforeFork, GrowthFollowsTheWriteRateAndSaturates) {
  const std::deque<SaveRecord> history{save_with(100'000, 10 << 20)};
  const auto growth = [&](double rate) {
    Present now = kPresent;
    now.writes_per_second = rate;
    return static_cast<double>(forecast_before_fork(history, now).growth);
  };
  EXPECT_GT(growth(100e3), 1.6 * growth(50e3));
  EXPECT_LT(growth(20e6), 1.2 * growth(10e6)) << "every key is remade once";
  EXPECT_LT(growth(0), 4 * kMegabyte);
}

// A thousand keys, and four hundred times as many were added while they were saved.
SaveRecord unusual_save() {
  SaveRecord record = save_with(400'000, 65 << 20);
  record.duration_ms = 1300;
  record.keys_total = record.keys_written = 1000;
  record.dataset_bytes = 200 << 10;
  record.parent_resident_at_fork = 20 << 20;
  return record;
}

TEST(ForecastBeforeFork, OneUnusualSaveTeachesNothingAbsurd) {
  SaveRecord record = unusual_save();
  for (const int64_t added : {0, 400'000}) {
    record.keys_added = added;
    for (const uint64_t times : {1, 8, 1000}) {
      Present now = kPresent;
      now.keys = 1000 * times;
      now.dataset_bytes = record.dataset_bytes * times;
      now.resident = (20 << 20) + now.dataset_bytes;
      now.writes_per_second = 300'000;
      const Forecast forecast = forecast_before_fork({record}, now);
      EXPECT_LT(forecast.growth, 600 * kMegabyte) << added << " " << times;
      EXPECT_LT(forecast.duration_ms, 8 * 1300 + 1) << added << " " << times;
      EXPECT_EQ(forecast.learned_from, times == 1000 ? 0 : 1);
    }
  }
}

TEST(ForecastBeforeFork, KeysThatAreAddedCostAsOften) {
  SaveRecord record = save_with(400'000, 43 << 20);  // 100 bytes each, and the base
  record.keys_total = record.keys_written = 100'000;
  record.keys_added = 400'000;
  Present now = kPresent;
  now.keys = 100'000;
  now.writes_per_second = 200'000;
  EXPECT_NEAR(static_cast<double>(forecast_before_fork({record}, now).growth), 43 * kMegabyte, kMegabyte);
  now.keys = kKeys;
  EXPECT_NEAR(static_cast<double>(forecast_before_fork({record}, now).growth), 43 * kMegabyte, kMegabyte);
}

TEST(ForecastBeforeFork, EveryKeyIsRemadeAtMostOnceHoweverManyWrites) {
  const std::deque<SaveRecord> history{save_with(100'000, 10 << 20)};
  double before = 0;
  for (double rate = 1000; rate < 1e10; rate *= 3) {
    Present now = kPresent;
    now.writes_per_second = rate;
    const auto growth = static_cast<double>(forecast_before_fork(history, now).growth);
    EXPECT_GE(growth, before) << rate;
    before = growth;
  }
  EXPECT_LT(before, 200 * kMegabyte);
  EXPECT_GT(before, 60 * kMegabyte);
}

TEST(ForecastBeforeFork, GrowthIsAtMostEverythingCopiedAndEveryWriteInNewMemory) {
  SaveRecord record = save_with(1000, 300 << 20);  // 300 KB each: how could that be
  Present now = kPresent;
  now.writes_per_second = 10;
  EXPECT_LT(forecast_before_fork({record}, now).growth, 420 * kMegabyte);
}

TEST(ForecastBeforeFork, WhatComesAfterTheLastKeyDoesNotGrowWithTheDataset) {
  SaveRecord record = save_with(0, 0);
  record.timeline.resize(1);
  record.timeline[0].at_ms = 1000;
  record.timeline[0].keys_written = kKeys;
  Present now = kPresent;
  EXPECT_EQ(forecast_before_fork({record}, now).duration_ms, 2000);
  now.dataset_bytes *= 4;
  EXPECT_EQ(forecast_before_fork({record}, now).duration_ms, 5000);
}

TEST(ForecastBeforeFork, AStoppedSaveTeachesWhatItWouldHaveTaken) {
  SaveRecord stopped = save_with(50'000, 8 << 20);
  stopped.result = SaveResult::kStoppedByGuard;
  stopped.keys_written = kKeys / 2;
  stopped.duration_ms = 1000;
  const Forecast forecast = forecast_before_fork({stopped}, kPresent);
  EXPECT_EQ(forecast.learned_from, 1);
  EXPECT_NEAR(static_cast<double>(forecast.duration_ms), 2000, 10);
  EXPECT_GT(forecast.growth, 9 << 20);
}

// Each was stopped so early that it tells neither a speed nor what a key costs.
TEST(ForecastBeforeFork, SavesThatWereStoppedEarlyAreLowerBounds) {
  SaveRecord stopped = save_with(30'000, 40 << 20);
  stopped.result = SaveResult::kStoppedByGuard;
  stopped.keys_written = kKeys / 200;
  stopped.duration_ms = 600;
  const Forecast forecast = forecast_before_fork({stopped, stopped}, kPresent);
  EXPECT_GE(forecast.duration_ms, 600 * 50);
  EXPECT_GE(forecast.growth, 40 << 20);
  stopped.keys_written = 0;
  EXPECT_GE(forecast_before_fork({stopped}, kPresent).duration_ms, 600);
  stopped.changes = 900;  // too few to tell what a key costs
  Present now = kPresent;
  now.writes_per_second = 1500;
  EXPECT_GE(forecast_before_fork({stopped}, now).growth, 40 << 20);
  now.writes_per_second = 0;
  EXPECT_LT(forecast_before_fork({stopped}, now).growth, 4 << 20) << "the load is gone";
  SaveRecord ok = save_with(30'000, 4 << 20);
  EXPECT_LT(forecast_before_fork({stopped, ok}, kPresent).duration_ms, 2500) << "what followed knows better";
}

TEST(ForecastBeforeFork, FailuresTeachNothing) {
  SaveRecord failed = save_with(100'000, 10 << 20);
  failed.result = SaveResult::kError;
  SaveRecord cancelled = save_with(100'000, 10 << 20);
  cancelled.result = SaveResult::kCancelled;
  EXPECT_EQ(forecast_before_fork({failed, cancelled}, kPresent).learned_from, 0);
}

TEST(ExpectedTail, IsWhatFollowedTheLastKey) {
  SaveRecord record = save_with(0, 0);
  EXPECT_EQ(expected_tail({}, 200 << 20).saves, 0);
  record.timeline.resize(2);
  record.timeline[0].at_ms = 1000;
  record.timeline[0].keys_written = kKeys / 2;
  record.timeline[1].at_ms = 1800;
  record.timeline[1].keys_written = kKeys;
  EXPECT_EQ(expected_tail({record}, 200 << 20).ms, 200);
  EXPECT_EQ(expected_tail({record}, 400 << 20).ms, 400);
  EXPECT_EQ(expected_tail({record}, 4000ull << 20).saves, 0) << "of a dataset many times smaller";
}

}  // namespace
}  // namespace cowslip::persistence
