#include "persistence/compression_predictor.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cowslip::persistence {
namespace {

constexpr size_t kSamples = 32;
// Samples are taken in so many places, some neighbours at each: one load, and a structure that repeats shows.
constexpr size_t kPlaces = 8;
constexpr size_t kPerPlace = kSamples / kPlaces;
static_assert(kPerPlace == sizeof(uint32_t));

constexpr uint32_t kUnit = 1 << 16;
// A class that saves this much or more has every string tried.
constexpr uint32_t kPays = kUnit / 32;
// Bytes at which an attempt is so dear, and a success says so much, that a class is given up eight times as fast.
constexpr size_t kLargeString = 4 * 1024;

}  // namespace

// Every class starts as one that just pays, so that the first strings are tried.
CompressionPredictor::CompressionPredictor() : last_(classes_.data()) {
  classes_.fill({.gain = kPays});
}

size_t CompressionPredictor::different_bytes(std::string_view text) {
  if (++round_ == 0) {
    seen_.fill(0);
    round_ = 1;
  }
  size_t different = 0;
  const auto see = [&](uint8_t byte) {
    different += seen_[byte] != round_;
    seen_[byte] = round_;
  };
  if (text.size() < kSamples) {
    for (const char c : text) see(static_cast<uint8_t>(c));
    return different * kSamples / std::max<size_t>(text.size(), 1);
  }
  const size_t step = (text.size() - kPerPlace) / (kPlaces - 1);
  for (size_t place = 0; place < kPlaces; place++) {
    uint32_t four;
    std::memcpy(&four, text.data() + place * step, sizeof four);
    for (size_t i = 0; i < kPerPlace; i++) see(static_cast<uint8_t>(four >> (8 * i)));
  }
  return different;
}

size_t CompressionPredictor::looks(std::string_view text) {
  return different_bytes(text) * (kLooks - 1) / kSamples;
}

bool CompressionPredictor::worth_trying(std::string_view text) {
  const size_t size = std::min<size_t>(std::bit_width(text.size() / 32), kSizes - 1);
  Class& its = classes_[size * kLooks + looks(text)];
  if (++its.skipped < its.interval) return false;
  its.skipped = 0;
  last_ = &its;
  return true;
}

void CompressionPredictor::tried(size_t plain, size_t compressed) {
  // Up fast and down slowly: a class where one string of ten shrinks to the half pays well.
  const auto saved = compressed == 0 ? 0u : static_cast<uint32_t>((plain - compressed) * uint64_t{kUnit} / plain);
  uint32_t& gain = last_->gain;
  if (saved > gain) {
    gain += (saved - gain + 15) / 16;
  } else {
    gain -= (gain - saved) / (plain < kLargeString ? 64 : 8);
  }
  const uint64_t shortfall = kPays / std::max(gain, 1u);
  last_->interval = static_cast<uint32_t>(std::clamp<uint64_t>(shortfall * shortfall, 1, kLongestInterval));
}

}  // namespace cowslip::persistence
