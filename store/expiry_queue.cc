#include "store/expiry_queue.h"

#include <algorithm>

namespace cowslip::store {

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
