#include "store/hyperloglog_runs.h"

#include <array>

namespace cowslip::store {
namespace {

// How many registers a run has by its first byte; 0 where that takes two.
constexpr std::array<uint8_t, 256> kShortLengths = [] {
  std::array<uint8_t, 256> lengths = {};
  for (size_t first = 0; first < 0x40; first++) lengths[first] = static_cast<uint8_t>(first + 1);
  for (size_t first = 0x80; first < 0x100; first++) lengths[first] = static_cast<uint8_t>((first & 3) + 1);
  return lengths;
}();

}  // namespace

void append_run(std::string& bytes, Run run) {
  if (run.value != 0) {
    bytes += static_cast<char>(0x80 | (run.value - 1) << 2 | static_cast<int>(run.length - 1));
  } else if (run.length <= kLongestShortZeroRun) {
    bytes += static_cast<char>(run.length - 1);
  } else {
    bytes += static_cast<char>(0x40 | (run.length - 1) >> 8);
    bytes += static_cast<char>(run.length - 1);
  }
}

// Adding an element walks over half of the runs: for those of one byte a table is faster than to ask which kind it is.
std::optional<FoundRun> find_run(std::string_view bytes, size_t from, size_t index) {
  size_t before = from;
  size_t first = 0;
  for (size_t at = from; at < bytes.size();) {
    const size_t short_length = kShortLengths[static_cast<uint8_t>(bytes[at])];
    const size_t length = short_length != 0 ? short_length : run_at(bytes, at).length;
    if (index < first + length) return FoundRun{at, before, first, run_at(bytes, at)};
    before = at;
    at += short_length != 0 ? 1 : 2;
    first += length;
  }
  return std::nullopt;
}

std::string split_run(const FoundRun& found, size_t index, uint8_t value) {
  const size_t left = index - found.index;
  const size_t right = found.run.length - left - 1;
  std::string runs;
  if (left > 0) append_run(runs, {found.run.value, left});
  append_run(runs, {value, 1});
  if (right > 0) append_run(runs, {found.run.value, right});
  return runs;
}

void merge_runs(std::string& bytes, size_t from) {
  constexpr int kLooks = 5;
  size_t at = from;
  for (int look = 0; look < kLooks && at < bytes.size(); look++) {
    const Run run = run_at(bytes, at);
    const size_t next = at + run.bytes;
    if (run.value != 0 && next < bytes.size()) {
      const Run neighbour = run_at(bytes, next);
      if (neighbour.value == run.value && run.length + neighbour.length <= kLongestValueRun) {
        std::string joined;
        append_run(joined, {run.value, run.length + neighbour.length});
        bytes.replace(at, run.bytes + neighbour.bytes, joined);
        continue;  // what was joined may have another such neighbour
      }
    }
    at = next;
  }
}

}  // namespace cowslip::store
