#include "store/hyperloglog.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>

#include "store/hyperloglog_runs.h"

namespace cowslip::store {
namespace {

constexpr std::string_view kMagic = "HYLL";
constexpr size_t kEncodingAt = 4;
constexpr char kDense = 0;
constexpr char kSparse = 1;

constexpr uint64_t kHashSeed = 0xadc83b19;
constexpr unsigned kRankBits = 64 - kHllIndexBits;  // of the hash, for the rank
constexpr unsigned kHighestRank = kRankBits + 1;
constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2), for any number of registers

uint64_t load_word(const char* bytes) {
  uint64_t word;
  std::memcpy(&word, bytes, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

// MurmurHash64A, as Austin Appleby placed it in the public domain.
uint64_t murmur_hash(std::string_view bytes, uint64_t seed) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr unsigned kShift = 47;
  uint64_t hash = seed ^ (bytes.size() * kFactor);
  while (bytes.size() >= sizeof(uint64_t)) {
    uint64_t word = load_word(bytes.data()) * kFactor;
    word = (word ^ word >> kShift) * kFactor;
    hash = (hash ^ word) * kFactor;
    bytes.remove_prefix(sizeof word);
  }
  if (!bytes.empty()) {
    uint64_t rest = 0;
    for (size_t i = bytes.size(); i-- > 0;) rest = rest << 8 | static_cast<uint8_t>(bytes[i]);
    hash = (hash ^ rest) * kFactor;
  }
  hash = (hash ^ hash >> kShift) * kFactor;
  return hash ^ hash >> kShift;
}

// How many registers have each value. Six bits allow more values than there are ranks.
using Histogram = std::array<uint32_t, 1u << kHllRegisterBits>;

// The two sums of Ertl's improved estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017,
// section 4): over the registers that are 0, and over those that cannot rise. Both go on until a double cannot tell the
// difference.
double sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double sum = x;
  double before = 0;
  double weight = 1;
  do {
    x *= x;
    before = sum;
    sum += x * weight;
    weight += weight;
  } while (sum != before);
  return sum;
}

double tau(double x) {
  if (x == 0 || x == 1) return 0;
  double sum = 1 - x;
  double before = 0;
  double weight = 1;
  do {
    x = std::sqrt(x);
    before = sum;
    weight *= 0.5;
    sum -= (1 - x) * (1 - x) * weight;
  } while (sum != before);
  return sum / 3;
}

uint64_t estimate(const Histogram& histogram) {
  constexpr double kRegisters = kHllRegisters;
  double sum = kRegisters * tau((kRegisters - histogram[kHighestRank]) / kRegisters);
  for (size_t rank = kRankBits; rank >= 1; rank--) sum = (sum + histogram[rank]) * 0.5;
  sum += kRegisters * sigma(histogram[0] / kRegisters);
  return static_cast<uint64_t>(std::llround(kAlpha * kRegisters * kRegisters / sum));
}

// Calls visit(index, register) for all registers of a dense one, eight of them from six bytes at a time.
template <typename Visit>
void for_each_dense(std::string_view hll, Visit&& visit) {
  constexpr size_t kGroup = 8;
  constexpr size_t kGroupBytes = kGroup * kHllRegisterBits / 8;
  const char* at = hll.data() + kHllHeaderBytes;
  for (size_t i = 0; i < kHllRegisters; i += kGroup, at += kGroupBytes) {
    // Two bytes more than needed, which the last group does not have: it begins two earlier.
    const bool last = i + kGroup == kHllRegisters;
    const uint64_t six = last ? load_word(at - 2) >> 16 : load_word(at);
    for (size_t k = 0; k < kGroup; k++) {
      visit(i + k, static_cast<uint8_t>(six >> (kHllRegisterBits * k) & 0x3f));
    }
  }
}

Histogram dense_histogram(std::string_view hll) {
  std::array<Histogram, 4> parts = {};  // neighbours often have the same value, and would wait for each other
  for_each_dense(hll, [&](size_t i, uint8_t value) { parts[i % 4][value]++; });
  for (size_t value = 0; value < parts[0].size(); value++) {
    parts[0][value] += parts[1][value] + parts[2][value] + parts[3][value];
  }
  return parts[0];
}

std::string_view runs_of(std::string_view hll) {
  return hll.substr(kHllHeaderBytes);
}

HllChange raise_dense(std::string& hll, HllElement element) {
  if (hll_dense_register(hll, element.index) >= element.rank) return HllChange::kNone;
  const HllPlace place = hll_dense_place(element.index);
  hll_set_dense_register(std::span(hll).subspan(place.first, place.count), element.index, element.rank);
  return HllChange::kRaised;
}

HllChange raise_after_growth(std::string& hll, HllElement element) {
  return hll_make_dense(hll) ? raise_dense(hll, element) : HllChange::kCorrupted;
}

}  // namespace

HllElement hll_element(std::string_view element) {
  const uint64_t hash = murmur_hash(element, kHashSeed);
  const uint64_t rest = hash >> kHllIndexBits | uint64_t{1} << kRankBits;
  return {hash % kHllRegisters, static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

bool is_hyperloglog(std::string_view bytes) {
  if (bytes.size() < kHllHeaderBytes || !bytes.starts_with(kMagic)) return false;
  if (bytes[kEncodingAt] == kSparse) return true;
  return bytes[kEncodingAt] == kDense && bytes.size() == kHllDenseBytes;
}

bool hll_is_dense(std::string_view hll) {
  return hll[kEncodingAt] == kDense;
}

std::string empty_hyperloglog() {
  std::string hll(kHllHeaderBytes, '\0');
  kMagic.copy(hll.data(), kMagic.size());
  hll[kEncodingAt] = kSparse;
  append_run(hll, {.value = 0, .length = kHllRegisters});
  return hll;
}

// ---- changes ----

HllChange hll_raise(std::string& hll, HllElement element, size_t sparse_max_bytes) {
  if (hll_is_dense(hll)) return raise_dense(hll, element);
  if (element.rank > kHighestRunValue) return raise_after_growth(hll, element);
  const auto found = find_run(hll, kHllHeaderBytes, element.index);
  if (!found) return HllChange::kCorrupted;
  if (found->run.value >= element.rank) return HllChange::kNone;
  const std::string replacement = split_run(*found, element.index, element.rank);
  const size_t length = hll.size() - found->run.bytes + replacement.size();
  if (replacement.size() > found->run.bytes && length > sparse_max_bytes) return raise_after_growth(hll, element);
  hll.replace(found->at, found->run.bytes, replacement);
  merge_runs(hll, found->before);
  hll_mark_stale(hll);
  return HllChange::kRaised;
}

void hll_mark_stale(std::string& hll) {
  hll[kHllStaleByte] = static_cast<char>(static_cast<uint8_t>(hll[kHllStaleByte]) | kHllStale);
}

bool hll_make_dense(std::string& hll) {
  if (hll_is_dense(hll)) return true;
  std::string dense(kHllDenseBytes, '\0');
  hll.copy(dense.data(), kHllHeaderBytes);
  dense[kEncodingAt] = kDense;
  const bool whole = for_each_run(runs_of(hll), [&](size_t index, Run run) {
    if (run.value == 0) return;
    for (size_t i = index; i < index + run.length; i++) {
      const HllPlace place = hll_dense_place(i);
      hll_set_dense_register(std::span(dense).subspan(place.first, place.count), i, run.value);
    }
  });
  if (whole) hll = std::move(dense);
  return whole;
}

HllPlace hll_dense_place(size_t index) {
  const size_t bit = index * kHllRegisterBits;
  return {kHllHeaderBytes + bit / 8, (bit % 8 + kHllRegisterBits + 7) / 8};
}

uint8_t hll_dense_register(std::string_view hll, size_t index) {
  const HllPlace place = hll_dense_place(index);
  unsigned bits = static_cast<uint8_t>(hll[place.first]);
  if (place.count == 2) bits |= static_cast<unsigned>(static_cast<uint8_t>(hll[place.first + 1])) << 8;
  return bits >> (index * kHllRegisterBits % 8) & 0x3f;
}

void hll_set_dense_register(std::span<char> place, size_t index, uint8_t rank) {
  const unsigned shift = index * kHllRegisterBits % 8;
  const unsigned mask = 0x3fu << shift;
  const unsigned bits = unsigned{rank} << shift;
  for (size_t i = 0; i < place.size(); i++) {
    const auto old = static_cast<uint8_t>(place[i]);
    place[i] = static_cast<char>((old & ~(mask >> 8 * i)) | (bits >> 8 * i));
  }
}

// ---- estimates ----

std::optional<uint64_t> hll_kept_cardinality(std::string_view hll) {
  if ((static_cast<uint8_t>(hll[kHllStaleByte]) & kHllStale) != 0) return std::nullopt;
  return load_word(hll.data() + kHllCardinalityAt);
}

std::array<char, 8> hll_cardinality_bytes(uint64_t cardinality) {
  std::array<char, 8> bytes;
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<char>(cardinality >> 8 * i);
  return bytes;
}

std::optional<uint64_t> hll_estimate(std::string_view hll) {
  if (hll_is_dense(hll)) return estimate(dense_histogram(hll));
  Histogram histogram = {};
  const bool whole =
      for_each_run(runs_of(hll), [&](size_t, Run run) { histogram[run.value] += static_cast<uint32_t>(run.length); });
  return whole ? std::optional(estimate(histogram)) : std::nullopt;
}

uint64_t hll_estimate(const HllRegisters& registers) {
  std::array<Histogram, 4> parts = {};
  for (size_t i = 0; i < registers.size(); i++) parts[i % 4][registers[i]]++;
  for (size_t value = 0; value < parts[0].size(); value++) {
    parts[0][value] += parts[1][value] + parts[2][value] + parts[3][value];
  }
  return estimate(parts[0]);
}

bool hll_merge(HllRegisters& registers, std::string_view hll) {
  if (hll_is_dense(hll)) {
    for_each_dense(hll, [&](size_t i, uint8_t value) { registers[i] = std::max(registers[i], value); });
    return true;
  }
  return for_each_run(runs_of(hll), [&](size_t index, Run run) {
    for (size_t i = index; run.value != 0 && i < index + run.length; i++) {
      registers[i] = std::max(registers[i], run.value);
    }
  });
}

}  // namespace cowslip::store
