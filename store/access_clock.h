// Access stamps: when or how often a key was used, in 24 bits.
//
//   LRU:  | seconds since the epoch, modulo 2^24 (194 days)      |
//   LFU:  | minutes of the last decay, 16 bits | counter, 8 bits |
//
// The LFU counter is logarithmic (Morris): it rises with probability 1 / (counter * lfu-log-factor + 1) and decays by
// one for every lfu-decay-time minutes without access.
#pragma once

#include <cstdint>

#include "base/random.h"

namespace cowslip::store {

class AccessClock {
 public:
  static constexpr uint8_t kInitialFrequency = 5;

  bool lfu() const { return lfu_; }
  void set_lfu(bool on) { lfu_ = on; }
  void set_lfu_log_factor(int factor) { log_factor_ = factor; }
  void set_lfu_decay_minutes(int minutes) { decay_minutes_ = minutes; }

  uint32_t fresh(int64_t now_ms) const;                                    // stamp of a new key
  uint32_t touched(uint32_t stamp, int64_t now_ms, Random& random) const;  // stamp after one more access
  uint64_t idle_seconds(uint32_t stamp, int64_t now_ms) const;             // LRU
  uint8_t frequency(uint32_t stamp, int64_t now_ms) const;                 // LFU, aged to now
  uint32_t from_idle_seconds(uint64_t idle, int64_t now_ms) const;
  uint32_t from_frequency(uint8_t frequency, int64_t now_ms) const;

 private:
  bool lfu_ = false;
  int log_factor_ = 10;
  int decay_minutes_ = 1;
};

}  // namespace cowslip::store
