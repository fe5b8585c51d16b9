// Searches around a place: what was asked for, and what is found. For the commands in geo_search_commands.cc.
//
//     GEOSEARCH key FROMMEMBER m | FROMLONLAT x y  BYRADIUS r km | BYBOX w h km  [ASC | DESC] [COUNT n [ANY]] [WITH...]
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "commands/geo_hash.h"
#include "store/sorted_set.h"

namespace cowslip::commands {

enum class GeoOrder : uint8_t { kNone, kNearestFirst, kFarthestFirst };

struct GeoSearch {
  GeoShape shape = {};
  double unit = 1;  // meters
  GeoOrder order = GeoOrder::kNone;
  uint64_t count = 0;  // 0: all
  bool any = false;    // the first ones that are found will do
};

// A place that was found. The member is a view into the set.
struct GeoFound {
  store::ScoredMember scored;
  GeoPosition position;
  double distance = 0;  // meters
};

// In the order that was asked for; where nobody asked, square by square (GeoCover), unless only the nearest are wanted.
std::vector<GeoFound> geo_search(const store::SortedSetView& set, const GeoSearch& search);

}  // namespace cowslip::commands
