#include "server/command_latency.h"

#include <algorithm>

namespace cowslip::server {

void CommandLatency::Recorded::record(int64_t duration_us, uint64_t times) {
  histogram.record_us(duration_us, times);
  max_us = std::max(max_us, duration_us);
}

LatencySummary CommandLatency::Recorded::summary() const {
  const auto percentile_us = [this](double percentile) {
    const uint64_t ns = histogram.percentile_ns(percentile);
    // The last bucket is for everything longer than it can tell; and no figure exceeds the longest.
    if (ns >= LatencyHistogram::kMaxNs) return max_us;
    return std::min(static_cast<int64_t>(ns / 1000), max_us);
  };
  return {.count = histogram.count(),
          .p50_us = percentile_us(50),
          .p99_us = percentile_us(99),
          .p999_us = percentile_us(99.9),
          .max_us = max_us};
}

void CommandLatency::Recorded::clear() {
  histogram.clear();
  max_us = 0;
}

LatencySummary CommandLatency::take_interval() {
  const LatencySummary summary = interval_.summary();
  interval_.clear();
  return summary;
}

void CommandLatency::reset() {
  inside_.clear();
  outside_.clear();
  interval_.clear();
}

void CommandLatency::on_wake(int64_t now_us, bool slept) {
  ++turn_;
  waiting_since_us_ = slept || turn_ == 1 ? now_us : woke_us_;
  woke_us_ = now_us;
}

void CommandLatency::on_turn_end(int64_t now_us) {
  const bool inside = child_in_turn_;
  child_in_turn_ = child_alive_;
  if (prompt_ > 0) record(now_us - woke_us_, prompt_, inside);
  if (waiting_ > 0) record(now_us - waiting_since_us_, waiting_, inside);
  prompt_ = waiting_ = 0;
}

void CommandLatency::record(int64_t duration_us, uint64_t commands, bool inside) {
  (inside ? inside_ : outside_).record(duration_us, commands);
  interval_.record(duration_us, commands);
}

}  // namespace cowslip::server
