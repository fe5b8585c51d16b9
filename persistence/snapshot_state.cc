#include "persistence/snapshot_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace cowslip::persistence {
namespace {

// INFO is made of lines; a file name in an error may hold anything.
std::string one_line(std::string text) {
  std::replace_if(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

double percent(int64_t part, int64_t whole) {
  return whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> snapshot_info_fields(const SnapshotState& state) {
  const CowFigures& cow = state.cow.last;
  const auto text = [](auto value) { return std::to_string(value); };
  return {
      {"snapshot_state", state.last_outcome},
      {"snapshot_reason", one_line(state.last_reason)},
      {"snapshot_error", one_line(state.last_error)},
      {"snapshot_written_bytes", text(state.current_save_bytes)},
      {"snapshot_copied_bytes", text(cow.copied_bytes)},
      {"snapshot_copied_peak_bytes", text(state.cow.peak_bytes)},
      {"snapshot_growth_bytes", text(cow.growth_bytes)},
      {"snapshot_parent_resident_bytes", text(cow.parent_resident)},
      {"snapshot_parent_resident_at_fork_bytes", text(state.parent_resident_at_fork)},
      {"snapshot_child_resident_bytes", text(cow.child_resident)},
      {"snapshot_parent_minor_faults", text(cow.parent_minor_faults)},
      {"snapshot_parent_page_table_bytes", text(cow.parent_page_tables)},
      {"snapshot_child_page_table_bytes", text(cow.child_page_tables)},
      {"snapshot_measured_age_ms", text(state.cow_age_us / 1000)},
      {"snapshot_exact_age_ms", text(state.cow_exact_age_us / 1000)},
      {"snapshot_exact_readings", text(state.cow.exact_readings)},
      {"snapshot_sampling_percent", fmt::format("{:.3f}", percent(state.cow.sampling_us, state.cow.watched_us))},
      {"snapshot_fork_gib_per_second", fmt::format("{:.2f}", state.latest_fork_gib_per_second)},
  };
}

}  // namespace cowslip::persistence
