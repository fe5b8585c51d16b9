// How long something took, counted with two significant digits.
//
// Values are nanoseconds. Below 256 each value has a counter; above, every power of two is divided into 128 equal
// parts:
//
//     value      0 ... 255 | 256 ... 511 | 512 ... 1023 | ... | 2^29 ... 2^30 - 1
//     width of a
//     counter       1      |      2      |      4       | ... |     2^22
//
// So a figure is at most 0.8 % above the truth. These are the buckets of an HdrHistogram (the field's standard, which
// Redis uses too) with two significant digits from 1 ns to 1 s, so the figures are the same. The scheme is this page;
// no library is needed for it. 24 KB each. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace cowslip::server {

class LatencyHistogram {
 public:
  static constexpr uint64_t kMinNs = 1;
  static constexpr uint64_t kMaxNs = 1'000'000'000;  // what takes longer counts as this

  LatencyHistogram();
  void record_us(int64_t duration_us) { record_us(duration_us, 1); }
  // `times` values of this duration at once.
  void record_us(int64_t duration_us, uint64_t times);
  void add(const LatencyHistogram& other);
  void clear();  // 24 KB are written, unless it is empty
  uint64_t count() const { return count_; }
  // The value that `percentile` percent of the recorded ones do not exceed, nanoseconds; 0 when there are none.
  uint64_t percentile_ns(double percentile) const;
  // All of them together, at most 0.8 % too high.
  uint64_t sum_ns() const;
  // For each power of two from 1024 ns: its upper end in microseconds, and how many values do not exceed it. Those that
  // add nothing to the one before are left out.
  std::vector<std::pair<uint64_t, uint64_t>> cumulative_by_powers_of_two() const;

 private:
  static size_t bucket_of(uint64_t ns);
  static uint64_t highest_in(size_t bucket);

  uint64_t count_ = 0;
  std::vector<uint64_t> buckets_;
};

}  // namespace cowslip::server
