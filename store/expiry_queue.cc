#include "store/expiry_queue.h"

#include <algorithm>
#include <bit>

namespace cowslip::store {

// A search that tosses a coin for each comparison ends at each item in one way, after c tosses, so with a probability
// of 2^-c. Where the tree is thinner than elsewhere (at its end, when deadlines are added in their order) c is small:
// such items are sent back as often as makes up for it.
ExpiryQueue::Item ExpiryQueue::random(Random& random) const {
  const auto fair_tosses = static_cast<int>(std::bit_width(items_.size()));
  for (;;) {
    Coin coin{random.next()};
    const auto drawn = items_.lower_bound(Anywhere{&coin});
    if (drawn == items_.end()) continue;
    const int missing = fair_tosses - coin.tosses;
    if (missing <= 0 || random.next() >> (64 - missing) == 0) return *drawn;
  }
}

int64_t ExpiryQueue::average_ttl_ms(int64_t now_ms) const {
  if (items_.empty()) return 0;
  // The order is known, its middle is not: walk a bounded stretch from both ends and take their mean.
  constexpr size_t kStretch = 16;
  const size_t stretch = std::min(kStretch, items_.size());
  double sum_ms = 0;  // deadlines may lie at the end of time, where two of them exceed 64 bits
  const auto left_ms = [now_ms](const Item& item) {
    return static_cast<double>(std::max<int64_t>(0, item.expire_at_ms - now_ms));
  };
  auto front = items_.begin();
  auto back = items_.rbegin();
  for (size_t i = 0; i < stretch; i++, ++front, ++back) {
    sum_ms += left_ms(*front) + left_ms(*back);
  }
  return static_cast<int64_t>(sum_ms / static_cast<double>(2 * stretch));
}

}  // namespace cowslip::store
