// HyperLogLog: an estimate of how many different elements a set has had, in at most 12 KiB, to within about 0.81 %.
// The value is a string in Redis's own format, byte for byte, so that dumps and GET carry it between servers.
//
//     0        4          5        8                16
//     +--------+----------+--------+----------------+-- ... --+
//     | "HYLL" | encoding | unused | cardinality, 64|registers|     little endian
//     +--------+----------+--------+----------------+-- ... --+
//
//     cardinality   what the last count gave; its highest bit says that registers have changed since
//     encoding 0    dense: 16384 registers of 6 bits; register i has bits 6i to 6i+5, lowest bit of a byte first
//     encoding 1    sparse: runs of registers, in order
//                       00nnnnnn              n + 1 registers of 0          (1 to 64)
//                       01nnnnnn nnnnnnnn     n + 1 registers of 0          (1 to 16384)
//                       1vvvvvnn              n + 1 registers of v + 1      (1 to 4, of 1 to 32)
//
// An element's hash (MurmurHash64A) gives the register, its lowest 14 bits, and the rank that the register is raised
// to: the number of the lowest bit of the rest that is 1, counted from 1.
//
// Pure functions: the bytes are somebody else's. All of them take any bytes that is_hyperloglog() has accepted, and say
// so when the runs turn out to make no sense.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace cowslip::store {

inline constexpr unsigned kHllIndexBits = 14;
inline constexpr size_t kHllRegisters = size_t{1} << kHllIndexBits;
inline constexpr unsigned kHllRegisterBits = 6;
inline constexpr size_t kHllHeaderBytes = 16;
inline constexpr size_t kHllDenseBytes = kHllHeaderBytes + kHllRegisters * kHllRegisterBits / 8;
// Where the cached cardinality lies.
inline constexpr size_t kHllCardinalityAt = 8;
inline constexpr size_t kHllStaleByte = 15;  // the one with its highest bit
inline constexpr uint8_t kHllStale = 0x80;

// Which register an element concerns, and what it raises it to.
struct HllElement {
  size_t index;
  uint8_t rank;  // 1 to 51
};
HllElement hll_element(std::string_view element);

// Whether a string may be a HyperLogLog, by its header and length.
bool is_hyperloglog(std::string_view bytes);
bool hll_is_dense(std::string_view hll);
// A sparse one of which nothing is known.
std::string empty_hyperloglog();

// ---- changes ----

enum class HllChange { kNone, kRaised, kCorrupted };

// Raises a register. A sparse one becomes dense when the rank or a length of more than `sparse_max_bytes` demands it.
// The cached cardinality is marked as stale except where only a dense register changed: the caller sees to that.
HllChange hll_raise(std::string& hll, HllElement element, size_t sparse_max_bytes);
void hll_mark_stale(std::string& hll);
// False when the runs are corrupted, and nothing has changed.
bool hll_make_dense(std::string& hll);

// A dense one in place: the bytes that a register touches, and what they become. REQUIRES: hll_is_dense(hll).
struct HllPlace {
  size_t first;  // from the start of the string
  size_t count;  // 1 or 2
};
HllPlace hll_dense_place(size_t index);
uint8_t hll_dense_register(std::string_view hll, size_t index);
void hll_set_dense_register(std::span<char> place, size_t index, uint8_t rank);

// ---- estimates ----

// The cardinality that was kept, unless it is stale.
std::optional<uint64_t> hll_kept_cardinality(std::string_view hll);
// The cardinality as the header keeps it.
std::array<char, 8> hll_cardinality_bytes(uint64_t cardinality);
// Nothing when the runs are corrupted.
std::optional<uint64_t> hll_estimate(std::string_view hll);

using HllRegisters = std::array<uint8_t, kHllRegisters>;
uint64_t hll_estimate(const HllRegisters& registers);
// Makes each register the larger of the two. False when the runs are corrupted.
bool hll_merge(HllRegisters& registers, std::string_view hll);

}  // namespace cowslip::store
