#include "store/access_clock.h"

#include <algorithm>

namespace cowslip::store {
namespace {

constexpr uint32_t kStampBits = 24;
constexpr uint32_t kStampMask = (1u << kStampBits) - 1;
constexpr uint32_t kMinutesMask = 0xffff;

uint32_t lru_clock(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 1000) & kStampMask;
}
uint32_t lfu_minutes(int64_t now_ms) {
  return static_cast<uint32_t>(now_ms / 60'000) & kMinutesMask;
}
uint32_t lfu_stamp(uint32_t minutes, uint8_t counter) {
  return minutes << 8 | counter;
}

}  // namespace

uint32_t AccessClock::fresh(int64_t now_ms) const {
  return lfu_ ? lfu_stamp(lfu_minutes(now_ms), kInitialFrequency) : lru_clock(now_ms);
}

uint32_t AccessClock::touched(uint32_t stamp, int64_t now_ms, Random& random) const {
  if (!lfu_) return lru_clock(now_ms);
  uint8_t counter = frequency(stamp, now_ms);
  if (counter < UINT8_MAX) {
    const double base = std::max(0, counter - kInitialFrequency);
    if (random.unit() < 1.0 / (base * log_factor_ + 1)) counter++;
  }
  return lfu_stamp(lfu_minutes(now_ms), counter);
}

uint64_t AccessClock::idle_seconds(uint32_t stamp, int64_t now_ms) const {
  return (lru_clock(now_ms) - stamp) & kStampMask;
}

uint8_t AccessClock::frequency(uint32_t stamp, int64_t now_ms) const {
  const auto counter = static_cast<uint8_t>(stamp & 0xff);
  if (decay_minutes_ == 0) return counter;
  const uint32_t elapsed = (lfu_minutes(now_ms) - (stamp >> 8)) & kMinutesMask;
  const uint32_t periods = elapsed / static_cast<uint32_t>(decay_minutes_);
  return periods >= counter ? 0 : static_cast<uint8_t>(counter - periods);
}

uint32_t AccessClock::from_idle_seconds(uint64_t idle, int64_t now_ms) const {
  return (lru_clock(now_ms) - static_cast<uint32_t>(std::min<uint64_t>(idle, kStampMask))) & kStampMask;
}

uint32_t AccessClock::from_frequency(uint8_t frequency, int64_t now_ms) const {
  return lfu_stamp(lfu_minutes(now_ms), frequency);
}

}  // namespace cowslip::store
