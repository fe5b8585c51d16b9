// The runs of registers of which a sparse HyperLogLog consists: the drawing is in store/hyperloglog.h.
//
// How a run is split and which neighbours are joined again is part of the format: other servers that were told the same
// elements have the same bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/hyperloglog.h"

namespace cowslip::store {

inline constexpr uint8_t kHighestRunValue = 32;
inline constexpr size_t kLongestValueRun = 4;
inline constexpr size_t kLongestShortZeroRun = 64;

struct Run {
  uint8_t value;     // of all its registers
  size_t length;     // in registers
  size_t bytes = 0;  // that it takes, where it was read from bytes
};

// The run that begins at `at`. One of two bytes whose second is missing has no length. REQUIRES: at < bytes.size().
inline Run run_at(std::string_view bytes, size_t at) {
  const auto first = static_cast<uint8_t>(bytes[at]);
  if ((first & 0x80) != 0) return {static_cast<uint8_t>((first >> 2 & 0x1f) + 1), (first & 3u) + 1, 1};
  if ((first & 0x40) == 0) return {0, size_t{first} + 1, 1};
  if (at + 1 == bytes.size()) return {0, 0, 1};
  return {0, ((first & 0x3fu) << 8 | static_cast<uint8_t>(bytes[at + 1])) + 1, 2};
}

// Adds the bytes of a run. REQUIRES: a value of at most kHighestRunValue, in at most kLongestValueRun registers if it
// is not 0; a length of at least 1.
void append_run(std::string& bytes, Run run);

// Where a register was found.
struct FoundRun {
  size_t at;      // from the start of the bytes
  size_t before;  // the run before it; its own place if it is the first
  size_t index;   // its first register
  Run run;
};
// The run that has the register with this index, in the runs from `from` on; nothing if there is none.
std::optional<FoundRun> find_run(std::string_view bytes, size_t from, size_t index);

// The runs that take the place of the one that was found when one of its registers gets another value.
std::string split_run(const FoundRun& found, size_t index, uint8_t value);

// Joins runs of the same value that are neighbours, among the five from `from` on: as far as a change reaches.
void merge_runs(std::string& bytes, size_t from);

// Calls visit(index, run) for all runs, `index` being the first register. Returns whether they are just the registers
// there are; a run that leads beyond the last one is not visited.
template <typename Visit>
bool for_each_run(std::string_view runs, Visit&& visit) {
  size_t index = 0;
  for (size_t at = 0; at < runs.size();) {
    const Run run = run_at(runs, at);
    if (run.length == 0 || index + run.length > kHllRegisters) return false;
    visit(index, run);
    index += run.length;
    at += run.bytes;
  }
  return index == kHllRegisters;
}

}  // namespace cowslip::store
