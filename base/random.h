// Randomness enters the project here, so that tests can repeat it.
#pragma once

#include <cstdint>
#include <string>

namespace cowslip {

// xoshiro256** seeded through splitmix64 (Blackman and Vigna): fast, not for secrets. Not thread-safe.
class Random {
 public:
  explicit Random(uint64_t seed);
  uint64_t next();
  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t below(uint64_t bound);
  // Uniform in [0, 1).
  double unit();

  using result_type = uint64_t;  // usable with <random> and std::shuffle
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return UINT64_MAX; }
  uint64_t operator()() { return next(); }

 private:
  uint64_t state_[4];
};

// Bits from the operating system (getrandom). Thread-safe.
uint64_t os_random_u64();
// `bytes` random bytes as lower-case hexadecimal (run ids, replication ids: 20 bytes, 40 characters).
std::string os_random_hex(size_t bytes);

}  // namespace cowslip
