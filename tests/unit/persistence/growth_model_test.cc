#include "persistence/growth_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "persistence/snapshot_forecast.h"

namespace cowslip::persistence {
namespace {

constexpr double kKeys = 1e6;

// Where new memory is after each hundredth of a save with evenly arriving changes.
std::vector<double> course_of(const WriterKind& kind, double changes) {
  GrowthCourse course(kind);
  std::vector<double> fresh;
  for (int i = 1; i <= 100; i++) {
    course.advance(i / 100.0, changes * i / 100);
    fresh.push_back(course.fresh());
  }
  return fresh;
}

// Few writes, evenly spread: p (1 - p) of them have a frozen block when the child is at p, a quarter at most.
TEST(GrowthCourse, WhatTheChildGivesBackIsTakenFirst) {
  const std::vector<double> fresh = course_of({.keys = kKeys}, 1000);
  EXPECT_NEAR(fresh[24], 187, 5);
  EXPECT_NEAR(fresh[49], 250, 5);
  EXPECT_NEAR(fresh[99], 250, 5);
}

TEST(GrowthCourse, WithoutReuseEveryUnsavedKeyTakesNewMemory) {
  const std::vector<double> fresh = course_of({.keys = kKeys, .reusing = false}, 1000);
  EXPECT_NEAR(fresh[49], 375, 5);
  EXPECT_NEAR(fresh[99], 500, 5);
}

TEST(GrowthCourse, KeysAddedAndBlocksOfAnotherSizeTakeNewMemoryToTheEnd) {
  const std::vector<double> added = course_of({.keys = kKeys, .added_share = 1}, 5e6);
  EXPECT_NEAR(added[49], 2.5e6, 1);
  EXPECT_NEAR(added[99], 5e6, 1);
  const std::vector<double> resized = course_of({.keys = kKeys, .resizing = true}, 1000);
  EXPECT_NEAR(resized[99], 1000, 5);
  const std::vector<double> again = course_of({.keys = kKeys, .resizing = true}, 10e6);
  EXPECT_NEAR(again[99], kKeys, 0.02 * kKeys) << "a key's second block is that of another";
}

TEST(GrowthCourse, ItDependsOnTheWayAndNotOnHowOftenOneLooks) {
  GrowthCourse once({.keys = kKeys});
  once.advance(1, 800'000);
  EXPECT_NEAR(once.fresh(), course_of({.keys = kKeys}, 800'000).back(), 0.03 * once.fresh());
}

TEST(FitCourse, FindsOutWhatKindOfWritersTheyAre) {
  const WriterKind kinds[] = {{.keys = kKeys},
                              {.keys = kKeys, .exponent = 0.6},
                              {.keys = kKeys, .added_share = 0.5},
                              {.keys = kKeys, .resizing = true}};
  for (const WriterKind& kind : kinds) {
    GrowthCourse real(kind);
    std::vector<GrowthLook> looks(1);
    for (int i = 1; i <= 40; i++) {
      const double progress = i / 100.0;
      real.advance(progress, 800'000 * progress);
      looks.push_back({.progress = progress, .changes = 800'000 * progress, .fresh = 1e6 + 120 * real.fresh()});
    }
    FittedCourse fitted = fit_course(looks, &GrowthLook::fresh, 0, kinds_of_blocks(kKeys, kind.added_share));
    real.advance(1, 800'000);
    fitted.course.advance(1, 800'000);
    const double end = 120 * real.fresh();
    EXPECT_NEAR(fitted.unit * fitted.course.fresh(), end, 0.1 * end) << kind.exponent << kind.resizing;
    EXPECT_NEAR(fitted.base, 1e6, 0.1 * end);
  }
}

// ---- saves of a real server, recorded ----

struct Recorded {
  SaveFacts facts;
  double duration_ms = 0;
  double growth_peak = 0;
  std::vector<SaveSample> samples;
};

Recorded recorded(const std::string& name) {
  Recorded save;
  std::ifstream file(COWSLIP_SOURCE_DIR "/tests/unit/persistence/data/forecast/" + name + ".txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string what;
    words >> what;
    if (what == "save") {
      words >> save.facts.keys_total >> save.facts.parent_resident_at_fork >> save.duration_ms >> save.growth_peak;
    } else if (what == "sample") {
      SaveSample& sample = save.samples.emplace_back();
      words >> sample.at_ms >> sample.keys_written >> sample.changes >> sample.keys_added >> sample.growth >>
          sample.copied >> sample.fresh;
    }
  }
  return save;
}

// Relative errors of growth as forecast from a quarter of the save on, sorted.
std::vector<double> errors_of(const Recorded& save) {
  std::vector<double> errors;
  for (size_t count = 2; count <= save.samples.size(); count++) {
    const auto forecast = forecast_running(save.facts, std::span(save.samples).first(count));
    if (!forecast || forecast->progress < 0.25) continue;
    errors.push_back(std::abs(static_cast<double>(forecast->growth) - save.growth_peak) / save.growth_peak);
    EXPECT_LE(forecast->growth_low, save.growth_peak) << forecast->progress;
    EXPECT_GE(forecast->growth_high, save.growth_peak) << forecast->progress;
  }
  std::ranges::sort(errors);
  return errors;
}

TEST(RecordedSaves, AreForecastFromAQuarterOn) {
  for (const char* name : {"append", "set", "zipf", "newkeys"}) {
    const std::vector<double> errors = errors_of(recorded(name));
    ASSERT_GT(errors.size(), 30u) << name;
    EXPECT_LT(errors[errors.size() / 2], 0.05) << name;
    EXPECT_LT(errors[errors.size() * 9 / 10], 0.12) << name;
  }
}

}  // namespace
}  // namespace cowslip::persistence
