// Places: known ones, and the arithmetic of the grid.
#include <cmath>

#include "base/random.h"
#include "commands/geo_hash.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class GeoCommands : public CommandTest {
 protected:
  void SetUp() override {
    run("GEOADD sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania 13.583333 37.316667 Agrigento");
  }
};

TEST_F(GeoCommands, KnowsSicily) {
  EXPECT_EQ(run("GEODIST sicily Palermo Catania"), "\"166274.1516\"");
  EXPECT_EQ(run("GEODIST sicily Palermo Catania km"), "\"166.2742\"");
  EXPECT_EQ(run("GEODIST sicily Palermo Palermo"), "\"0.0000\"");
  EXPECT_EQ(run("GEODIST sicily Palermo Roma"), "nil");
  EXPECT_EQ(run("GEOHASH sicily Palermo Roma Catania"), "[\"sqc8b49rny0\", nil, \"sqdtr74hyu0\"]");
  EXPECT_EQ(run("GEOPOS sicily Palermo Roma"), "[[\"13.36138933897018433\", \"38.11555639549629859\"], nil-array]");
  EXPECT_EQ(run("GEOSEARCH sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC COUNT 2 WITHDIST WITHHASH"),
            "[[\"Catania\", \"56.4413\", :3479447370796909], [\"Agrigento\", \"130.4235\", :3479030013248308]]");
  use_resp3();
  EXPECT_EQ(run("GEOPOS sicily Palermo Roma"), "[[,13.36138933897018433, ,38.11555639549629859], null]");
  EXPECT_EQ(run("GEODIST sicily Palermo Catania mi"), "\"103.3182\"");
}

TEST_F(GeoCommands, StoresAndCountsEachPlace) {
  EXPECT_EQ(dirty_of("GEOSEARCHSTORE near sicily FROMMEMBER Catania BYBOX 400 400 km"), 3u);
  EXPECT_EQ(dirty_of("GEORADIUS sicily 15 37 100 km STOREDIST near"), 1u);
  EXPECT_EQ(run("ZRANGE near 0 -1"), "[\"Catania\"]");
  EXPECT_EQ(dirty_of("GEORADIUSBYMEMBER nowhere Catania 100 km STORE near"), 1u);
  EXPECT_EQ(run("EXISTS near"), ":0");
}

TEST_F(GeoCommands, NamesTheKeysThatItFinds) {
  EXPECT_EQ(run("COMMAND GETKEYS GEORADIUS sicily 15 37 1 km STORE near"), "[\"sicily\", \"near\"]");
  EXPECT_EQ(run("COMMAND GETKEYS GEORADIUSBYMEMBER sicily a 1 km STOREDIST near"), "[\"sicily\", \"near\"]");
}

GeoPosition anywhere(Random& random) {
  return {360 * random.unit() - 180, 2 * kGeoMaxLatitude * random.unit() - kGeoMaxLatitude};
}

TEST(GeoHash, APositionIsNearWhatItsScoreSays) {
  Random random(test_seed());
  for (int i = 0; i < 10'000; i++) {
    const GeoPosition at = anywhere(random);
    const GeoPosition found = geo_position(geo_score(at));
    EXPECT_NEAR(found.longitude, at.longitude, 360.0 / (1 << 26));
    EXPECT_NEAR(found.latitude, at.latitude, 180.0 / (1 << 26));
    EXPECT_EQ(geo_score(found), geo_score(at));
  }
}

// What is inside has a score in the cover, for shapes that do not reach around a pole or the edge of the map.
TEST(GeoHash, ACoverLeavesNothingOut) {
  Random random(test_seed());
  for (int i = 0; i < 3000; i++) {
    const GeoPosition center{340 * random.unit() - 170, 120 * random.unit() - 60};
    const double reach = std::pow(10, 1 + 4.5 * random.unit());
    const bool box = random.below(2) == 0;
    const GeoShape shape{.center = center, .box = box, .radius = reach, .width = 2 * reach, .height = reach};
    const GeoCover cover(shape);
    for (int j = 0; j < 30; j++) {
      const double degrees = reach / 111'000 * 1.5;
      const GeoPosition at{center.longitude + degrees * (2 * random.unit() - 1),
                           center.latitude + degrees * (2 * random.unit() - 1)};
      if (!distance_inside(shape, at)) continue;
      const double score = geo_score(at);
      bool covered = false;
      for (const auto& range : cover.ranges()) covered |= range.above_min(score) && range.below_max(score);
      EXPECT_TRUE(covered) << at.longitude << " " << at.latitude << " around " << center.longitude << " "
                           << center.latitude << ", " << reach << (box ? " box" : " circle");
    }
  }
}

TEST(GeoHash, AnyScoreIsSomewhereOnTheMap) {
  for (const double score : {0.0, -1.0, 1.5, 4503599627370496.0, 1e18, 9.3e18, 2e19, -1e19, HUGE_VAL, -HUGE_VAL}) {
    EXPECT_TRUE(on_the_map(geo_position(score))) << score;
  }
}

}  // namespace
}  // namespace cowslip::commands
