// Places on the earth as scores of a sorted set: a geohash of 52 bits, the same as Redis's.
//
//     longitude, latitude ──► x, y: 26 bits each, of the range that Mercator maps have ──► bits in turn: x y x y ... x
//     y
//
// So places in one square of a grid have scores that follow each other, and a search around a place looks into the
// square that it is in and its neighbours. The grid of step n has 2^n squares on each side. Distances are those on a
// sphere (haversine). Angles are in degrees, distances in meters. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "store/sorted_set.h"

namespace cowslip::commands {

struct GeoPosition {
  double longitude = 0;
  double latitude = 0;
};

// Beyond these latitudes there is no Mercator map (EPSG:900913).
inline constexpr double kGeoMaxLongitude = 180;
inline constexpr double kGeoMaxLatitude = 85.05112878;

constexpr bool on_the_map(const GeoPosition& at) {
  return at.longitude >= -kGeoMaxLongitude && at.longitude <= kGeoMaxLongitude && at.latitude >= -kGeoMaxLatitude &&
         at.latitude <= kGeoMaxLatitude;
}

// REQUIRES: on_the_map(at).
double geo_score(const GeoPosition& at);
// The middle of the square that the score names; anything, but on the map, for scores that name none.
GeoPosition geo_position(double score);

// The hash as others write it (Niemeyer, geohash.org): eleven characters, of all latitudes up to the poles.
using GeoText = std::array<char, 11>;
GeoText geo_text(const GeoPosition& at);

double geo_distance(const GeoPosition& a, const GeoPosition& b);

// What a search looks into: a circle, or a box along the meridians.
struct GeoShape {
  GeoPosition center = {};
  bool box = false;
  double radius = 0;  // of a circle
  double width = 0;   // of a box
  double height = 0;
};

// How far from the center a place is; nothing when it is outside.
std::optional<double> distance_inside(const GeoShape& shape, const GeoPosition& at);

// The scores of the squares that cover a shape: the middle one, then those to the north, south, east, west, north-east,
// north-west, south-east and south-west, as far as they are needed. This is the order of results that nobody sorts.
class GeoCover {
 public:
  explicit GeoCover(const GeoShape& shape);
  std::span<const store::ScoreRange> ranges() const { return {ranges_.data(), count_}; }

 private:
  std::array<store::ScoreRange, 9> ranges_;
  size_t count_ = 0;
};

}  // namespace cowslip::commands
