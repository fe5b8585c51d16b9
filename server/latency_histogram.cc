#include "server/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>

namespace cowslip::server {
namespace {

constexpr int kUnitBits = 8;                      // values of so few bits have a counter each
constexpr size_t kParts = 1u << (kUnitBits - 1);  // of each power of two above
constexpr int kMaxBits = 30;                      // 2^30 > kMaxNs
constexpr size_t kBuckets = (1u << kUnitBits) + (kMaxBits - kUnitBits) * kParts;
static_assert(LatencyHistogram::kMaxNs < (1ull << kMaxBits));

}  // namespace

LatencyHistogram::LatencyHistogram() : buckets_(kBuckets) {}

size_t LatencyHistogram::bucket_of(uint64_t ns) {
  const auto bits = static_cast<int>(std::bit_width(ns));
  if (bits <= kUnitBits) return ns;
  const int shift = bits - kUnitBits;
  // The top eight bits are 128 ... 255; each further power of two adds 128 buckets.
  return static_cast<size_t>(shift) * kParts + (ns >> shift);
}

uint64_t LatencyHistogram::highest_in(size_t bucket) {
  if (bucket < 2 * kParts) return bucket;
  const size_t shift = bucket / kParts - 1;
  const uint64_t part = bucket - shift * kParts;
  return ((part + 1) << shift) - 1;
}

void LatencyHistogram::record_us(int64_t duration_us, uint64_t times) {
  const uint64_t ns = duration_us <= 0 ? kMinNs : std::min(static_cast<uint64_t>(duration_us), kMaxNs / 1000) * 1000;
  buckets_[bucket_of(ns)] += times;
  count_ += times;
}

void LatencyHistogram::add(const LatencyHistogram& other) {
  std::ranges::transform(buckets_, other.buckets_, buckets_.begin(), std::plus());
  count_ += other.count_;
}

void LatencyHistogram::clear() {
  if (count_ == 0) return;
  std::ranges::fill(buckets_, 0);
  count_ = 0;
}

uint64_t LatencyHistogram::percentile_ns(double percentile) const {
  if (count_ == 0) return 0;
  const double wanted = std::min(percentile, 100.0) / 100.0 * static_cast<double>(count_);
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(wanted + 0.5));
  uint64_t seen = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); bucket++) {
    seen += buckets_[bucket];
    if (seen >= rank) return highest_in(bucket);
  }
  return kMaxNs;
}

uint64_t LatencyHistogram::sum_ns() const {
  uint64_t sum = 0;
  for (size_t bucket = 0; bucket < buckets_.size(); bucket++) sum += buckets_[bucket] * highest_in(bucket);
  return sum;
}

std::vector<std::pair<uint64_t, uint64_t>> LatencyHistogram::cumulative_by_powers_of_two() const {
  std::vector<std::pair<uint64_t, uint64_t>> result;
  uint64_t seen = 0;
  uint64_t reported = 0;
  size_t bucket = 0;
  for (uint64_t level = 1024; reported < count_; level *= 2) {
    const size_t last = std::min(bucket_of(level), buckets_.size() - 1);
    for (; bucket <= last; bucket++) seen += buckets_[bucket];
    if (seen > reported) result.emplace_back(highest_in(last) / 1000, seen);
    reported = seen;
  }
  return result;
}

}  // namespace cowslip::server
