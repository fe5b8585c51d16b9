// Time enters the project here, so that tests can hold it still.
#pragma once

#include <cstdint>

namespace cowslip {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall-clock time since the Unix epoch. May jump.
  virtual int64_t unix_us() const = 0;
  // Time since an arbitrary start. Never goes back.
  virtual int64_t monotonic_us() const = 0;

  int64_t unix_ms() const { return unix_us() / 1000; }
};

// The machine's clocks. Thread-safe.
class SystemClock final : public Clock {
 public:
  int64_t unix_us() const override;
  int64_t monotonic_us() const override;
};

// A clock that moves when told to. For tests; not thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t start_unix_us = 1'700'000'000'000'000) : unix_us_(start_unix_us) {}
  int64_t unix_us() const override { return unix_us_; }
  int64_t monotonic_us() const override { return monotonic_us_; }
  void advance_us(int64_t by_us) { unix_us_ += by_us, monotonic_us_ += by_us; }
  void advance_ms(int64_t by_ms) { advance_us(by_ms * 1000); }

 private:
  int64_t unix_us_;
  int64_t monotonic_us_ = 0;
};

}  // namespace cowslip
