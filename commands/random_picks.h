// Random choices among the elements of an aggregate, each equally likely: HRANDFIELD, SRANDMEMBER, SPOP, ZRANDMEMBER.
//
// A view is what store/ reads an aggregate with: size(), at(rank), and for_each(visit), both of the elements in the
// same order. Where at() gives a pair, visit gets both halves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/random.h"
#include "commands/arguments.h"

namespace cowslip::commands {

// `count` different ranks below `size`, ascending. REQUIRES: count <= size, better far below. Draws again in place of
// those that it has already, so all choices are equally likely.
inline std::vector<uint64_t> random_ranks(Random& random, uint64_t size, uint64_t count) {
  std::vector<uint64_t> ranks;
  ranks.reserve(count);
  while (ranks.size() < count) {
    for (uint64_t missing = count - ranks.size(); missing > 0; missing--) ranks.push_back(random.below(size));
    std::ranges::sort(ranks);
    ranks.erase(std::ranges::unique(ranks).begin(), ranks.end());
  }
  return ranks;
}

// Says of `size` elements, one after the other, which are among the `count` chosen ones. (Knuth, The Art of Computer
// Programming 2, 3.4.2, algorithm S.)
class RandomSelection {
 public:
  RandomSelection(Random& random, uint64_t size, uint64_t count) : random_(random), left_(size), wanted_(count) {}
  bool next() {
    const bool taken = wanted_ > 0 && random_.below(left_) < wanted_;
    left_--;
    wanted_ -= taken;
    return taken;
  }

 private:
  Random& random_;
  uint64_t left_, wanted_;
};

// The count at `index`, negative where elements may come again; or an error reply. Never the least of all integers.
inline std::optional<int64_t> random_count_argument(CommandContext& c, size_t index) {
  const auto count = integer_argument(c, index);
  if (!count || *count != std::numeric_limits<int64_t>::min()) return count;
  c.reply.error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
  return std::nullopt;
}

namespace internal {

template <typename Element, typename Visit>
void visit_element(const Element& element, Visit& visit) {
  if constexpr (requires { std::tuple_size<Element>::value; }) {
    std::apply(visit, element);
  } else {
    visit(element);
  }
}

// Up to this size a walk is cheaper than anything else; and one blob has no quick at().
inline constexpr uint64_t kWalked = 512;

}  // namespace internal

// Calls visit(element) for `count` different elements, in the view's order; for all where there are not so many.
template <typename View, typename Visit>
void for_random_distinct(const View& view, Random& random, uint64_t count, Visit&& visit) {
  const uint64_t size = view.size();
  if (count >= size) return view.for_each(visit);
  if (size <= internal::kWalked || count > size / 8) {
    RandomSelection selection(random, size, count);
    view.for_each([&](const auto&... element) {
      if (selection.next()) visit(element...);
    });
    return;
  }
  for (const uint64_t rank : random_ranks(random, size, count)) internal::visit_element(view.at(rank), visit);
}

// Calls visit(element) `count` times, each time for any of them. REQUIRES: size() > 0.
template <typename View, typename Visit>
void for_random_repeated(const View& view, Random& random, uint64_t count, Visit&& visit) {
  using Element = std::remove_cvref_t<decltype(view.at(0))>;
  const uint64_t size = view.size();
  if (size > internal::kWalked || count < 3) {
    while (count-- > 0) internal::visit_element(view.at(random.below(size)), visit);
    return;
  }
  std::vector<Element> elements;
  elements.reserve(size);
  view.for_each([&](const auto&... element) { elements.push_back(Element{element...}); });
  while (count-- > 0) internal::visit_element(elements[random.below(size)], visit);
}

}  // namespace cowslip::commands
