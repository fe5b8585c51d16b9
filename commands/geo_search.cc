#include "commands/geo_search.h"

#include <algorithm>

namespace cowslip::commands {
namespace {

using store::ScoredMember;
using store::SortedSetView;

// Adds what of the range lies inside of the shape, until there are `most`.
void search_range(const SortedSetView& set, const store::ScoreRange& range, const GeoShape& shape, size_t most,
                  std::vector<GeoFound>& found) {
  set.for_each_of(range, [&](const ScoredMember& scored) {
    const GeoPosition at = geo_position(scored.score);
    if (const auto distance = distance_inside(shape, at)) found.push_back({scored, at, *distance});
    return found.size() < most;
  });
}

// Brings the first `count` of `found` in order. Equal distances stay as they are, where all are sorted.
void sort_first(std::vector<GeoFound>& found, size_t count, bool nearest_first) {
  const auto nearer = [](const GeoFound& a, const GeoFound& b) { return a.distance < b.distance; };
  const auto farther = [](const GeoFound& a, const GeoFound& b) { return a.distance > b.distance; };
  const auto end = found.begin() + static_cast<ptrdiff_t>(count);
  if (count == found.size()) {
    nearest_first ? std::ranges::stable_sort(found, nearer) : std::ranges::stable_sort(found, farther);
  } else {
    nearest_first ? std::ranges::partial_sort(found, end, nearer) : std::ranges::partial_sort(found, end, farther);
  }
}

}  // namespace

std::vector<GeoFound> geo_search(const SortedSetView& set, const GeoSearch& search) {
  std::vector<GeoFound> found;
  const size_t most = search.any ? search.count : SIZE_MAX;
  const GeoCover cover(search.shape);
  for (const store::ScoreRange& range : cover.ranges()) {
    if (found.size() >= most) break;
    search_range(set, range, search.shape, most, found);
  }
  const size_t count = search.count == 0 ? found.size() : std::min<size_t>(found.size(), search.count);
  // The nearest are wanted even where the order is not.
  const bool sorted = search.order != GeoOrder::kNone || (search.count > 0 && !search.any);
  if (sorted) sort_first(found, count, search.order != GeoOrder::kFarthestFirst);
  found.resize(count);
  return found;
}

}  // namespace cowslip::commands
