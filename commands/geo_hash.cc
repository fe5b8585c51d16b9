#include "commands/geo_hash.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

namespace cowslip::commands {
namespace {

constexpr unsigned kSteps = 26;
constexpr double kEarthRadius = 6372797.560856;
// Half of the length of the equator on a Mercator map.
constexpr double kMercatorMax = 20037726.37;
constexpr double kRadians = std::numbers::pi / 180.0;

struct Interval {
  double min, max;
};
constexpr Interval kLongitudes = {-kGeoMaxLongitude, kGeoMaxLongitude};
constexpr Interval kLatitudes = {-kGeoMaxLatitude, kGeoMaxLatitude};
constexpr Interval kAllLatitudes = {-90, 90};

// A square of the grid of some step.
struct Cell {
  uint32_t x, y;
  unsigned step;

  friend bool operator==(const Cell&, const Cell&) = default;
};
struct Area {
  Interval longitude, latitude;
};

// ---- bits in turn ----

// Puts a zero bit before each bit, by moving ever smaller groups apart.
uint64_t spread(uint32_t bits) {
  uint64_t value = bits;
  value = (value | value << 16) & 0x0000ffff0000ffff;
  value = (value | value << 8) & 0x00ff00ff00ff00ff;
  value = (value | value << 4) & 0x0f0f0f0f0f0f0f0f;
  value = (value | value << 2) & 0x3333333333333333;
  return (value | value << 1) & 0x5555555555555555;
}

// Every second bit, the lowest first.
uint32_t gather(uint64_t value) {
  value &= 0x5555555555555555;
  value = (value | value >> 1) & 0x3333333333333333;
  value = (value | value >> 2) & 0x0f0f0f0f0f0f0f0f;
  value = (value | value >> 4) & 0x00ff00ff00ff00ff;
  value = (value | value >> 8) & 0x0000ffff0000ffff;
  return static_cast<uint32_t>(value | value >> 16);
}

uint64_t bits_of(const Cell& cell) {
  return spread(cell.y) | spread(cell.x) << 1;
}

// ---- squares ----

uint32_t coordinate(double value, const Interval& whole, unsigned step) {
  return static_cast<uint32_t>((value - whole.min) / (whole.max - whole.min) * static_cast<double>(1ull << step));
}

Cell cell_at(const GeoPosition& at, unsigned step, const Interval& latitudes = kLatitudes) {
  return {coordinate(at.longitude, kLongitudes, step), coordinate(at.latitude, latitudes, step), step};
}

Interval interval_of(uint32_t coordinate, const Interval& whole, unsigned step) {
  const auto steps = static_cast<double>(1ull << step);
  const double scale = whole.max - whole.min;
  return {whole.min + coordinate / steps * scale, whole.min + (coordinate + 1) / steps * scale};
}

Area area_of(const Cell& cell) {
  return {interval_of(cell.x, kLongitudes, cell.step), interval_of(cell.y, kLatitudes, cell.step)};
}

// Around the world, where it ends.
uint32_t moved(uint32_t coordinate, int by, unsigned step) {
  return by == 0 ? coordinate : (coordinate + static_cast<uint32_t>(by)) & ((1u << step) - 1);
}

Cell neighbour(const Cell& cell, int east, int north) {
  return {moved(cell.x, east, cell.step), moved(cell.y, north, cell.step), cell.step};
}

// The number that a score stands for, of any double.
uint64_t bits_of_score(double score) {
  constexpr double kHalf = 9223372036854775808.0;  // 2^63
  if (score >= 2 * kHalf) return 0;
  if (score >= kHalf) return static_cast<uint64_t>(score);
  return static_cast<uint64_t>(score >= -kHalf ? static_cast<int64_t>(score) : INT64_MIN);
}

double meridian_distance(double latitude_a, double latitude_b) {
  return kEarthRadius * std::fabs(latitude_b * kRadians - latitude_a * kRadians);
}

// ---- which squares cover a shape ----

// Where the shape ends in each direction. Meridians come together towards the poles, so the side that is nearer to one
// counts.
Area bounds_of(const GeoShape& shape) {
  const double height = shape.box ? shape.height / 2 : shape.radius, width = shape.box ? shape.width / 2 : shape.radius;
  const auto& [longitude, latitude] = shape.center;
  const double north = height / kEarthRadius / kRadians;
  const double nearer = latitude < 0 ? latitude - north : latitude + north;
  const double east = width / kEarthRadius / std::cos(nearer * kRadians) / kRadians;
  return {{longitude - east, longitude + east}, {latitude - north, latitude + north}};
}

// The finest grid of which nine squares should be enough.
unsigned step_for(const GeoShape& shape) {
  double radius = shape.radius;
  if (shape.box) radius = std::sqrt(shape.width / 2 * (shape.width / 2) + shape.height / 2 * (shape.height / 2));
  if (radius == 0) return kSteps;
  int step = 1;
  for (; radius < kMercatorMax; radius *= 2) step++;
  step -= 2;
  const double latitude = std::fabs(shape.center.latitude);
  if (latitude > 66) step--;
  if (latitude > 80) step--;
  return static_cast<unsigned>(std::clamp(step, 1, int{kSteps}));
}

bool neighbours_suffice(const Cell& cell, const Area& bounds) {
  return area_of(neighbour(cell, 0, 1)).latitude.max >= bounds.latitude.max &&
         area_of(neighbour(cell, 0, -1)).latitude.min <= bounds.latitude.min &&
         area_of(neighbour(cell, 1, 0)).longitude.max >= bounds.longitude.max &&
         area_of(neighbour(cell, -1, 0)).longitude.min <= bounds.longitude.min;
}

store::ScoreRange scores_of(const Cell& cell) {
  const unsigned shift = 2 * (kSteps - cell.step);
  const uint64_t bits = bits_of(cell);
  return {
      .min = static_cast<double>(bits << shift), .max = static_cast<double>((bits + 1) << shift), .max_excluded = true};
}

}  // namespace

double geo_score(const GeoPosition& at) {
  return static_cast<double>(bits_of(cell_at(at, kSteps)));
}

GeoPosition geo_position(double score) {
  const uint64_t bits = bits_of_score(score);
  const Area area = area_of({gather(bits >> 1), gather(bits), kSteps});
  const auto middle = [](const Interval& interval, const Interval& whole) {
    return std::clamp((interval.min + interval.max) / 2, whole.min, whole.max);
  };
  return {middle(area.longitude, kLongitudes), middle(area.latitude, kLatitudes)};
}

GeoText geo_text(const GeoPosition& at) {
  constexpr std::string_view kAlphabet = "0123456789bcdefghjkmnpqrstuvwxyz";
  const uint64_t bits = bits_of(cell_at(at, kSteps, kAllLatitudes));
  GeoText text;
  // 52 bits are ten characters and a bit; the last one is always the same.
  for (size_t i = 0; i + 1 < text.size(); i++) text[i] = kAlphabet[bits >> (2 * kSteps - 5 * (i + 1)) & 0x1f];
  text.back() = kAlphabet[0];
  return text;
}

double geo_distance(const GeoPosition& a, const GeoPosition& b) {
  const double v = std::sin((b.longitude * kRadians - a.longitude * kRadians) / 2);
  if (v == 0) return meridian_distance(a.latitude, b.latitude);
  const double from = a.latitude * kRadians, to = b.latitude * kRadians;
  const double u = std::sin((to - from) / 2);
  return 2.0 * kEarthRadius * std::asin(std::sqrt(u * u + std::cos(from) * std::cos(to) * v * v));
}

std::optional<double> distance_inside(const GeoShape& shape, const GeoPosition& at) {
  // Most that are outside are too far north or south, which costs no trigonometry to see. No rounding is as large.
  constexpr double kBeyondDoubt = 1 + 1e-9;
  const double along_meridian = meridian_distance(at.latitude, shape.center.latitude);
  if (shape.box) {
    if (along_meridian > shape.height / 2) return std::nullopt;
    if (geo_distance(at, {shape.center.longitude, at.latitude}) > shape.width / 2) return std::nullopt;
    return geo_distance(shape.center, at);
  }
  if (along_meridian > shape.radius * kBeyondDoubt) return std::nullopt;
  const double distance = geo_distance(shape.center, at);
  return distance > shape.radius ? std::nullopt : std::optional(distance);
}

GeoCover::GeoCover(const GeoShape& shape) {
  const Area bounds = bounds_of(shape);
  unsigned step = step_for(shape);
  if (step > 1 && !neighbours_suffice(cell_at(shape.center, step), bounds)) step--;
  const Cell middle = cell_at(shape.center, step);
  const Area area = area_of(middle);
  const bool coarse = step < 2;
  const bool north = coarse || area.latitude.max <= bounds.latitude.max;
  const bool south = coarse || area.latitude.min >= bounds.latitude.min;
  const bool east = coarse || area.longitude.max <= bounds.longitude.max;
  const bool west = coarse || area.longitude.min >= bounds.longitude.min;
  const struct {
    int east, north;
    bool wanted;
  } around[] = {{0, 1, north},         {0, -1, south},         {1, 0, east},           {-1, 0, west},
                {1, 1, north && east}, {-1, 1, north && west}, {1, -1, south && east}, {-1, -1, south && west}};
  ranges_[count_++] = scores_of(middle);
  std::optional<Cell> last;
  for (const auto& [to_east, to_north, wanted] : around) {
    const Cell cell = neighbour(middle, to_east, to_north);
    // On a coarse grid, a square may be the neighbour on both sides.
    if (!wanted || cell == last) continue;
    ranges_[count_++] = scores_of(cell);
    last = cell;
  }
}

}  // namespace cowslip::commands
