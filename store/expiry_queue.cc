#include "store/expiry_queue.h"

#include <algorithm>

namespace cowslip::store {

int64_t ExpiryQueue::average_ttl_ms(int64_t now_ms) const {
  if (items_.empty()) return 0;
  // The order is known, its middle is not: walk a bounded stretch from both ends and take their mean.
  constexpr size_t kStretch = 16;
  const size_t stretch = std::min(kStretch, items_.size());
  int64_t sum_ms = 0;
  auto front = items_.begin();
  auto back = items_.rbegin();
  for (size_t i = 0; i < stretch; i++, ++front, ++back) {
    sum_ms += std::max<int64_t>(0, front->expire_at_ms - now_ms) + std::max<int64_t>(0, back->expire_at_ms - now_ms);
  }
  return sum_ms / static_cast<int64_t>(2 * stretch);
}

}  // namespace cowslip::store
