#include "server/save_causes.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

namespace cowslip::server {
namespace {

constexpr uint64_t kPageBytes = 4096;
// There can be one for each command, database, kind and reason.
constexpr size_t kMostRows = 200;

std::string command_name(uint16_t cause, const commands::CommandTable& table) {
  if (cause == memory::kServerCause) return "(server)";
  const commands::Command* command = table.find_number(cause);
  return command != nullptr ? command->full_name : fmt::format("({})", cause);
}

// The smallest become one row.
void sum_up_the_rest(std::vector<persistence::CauseRow>& causes) {
  if (causes.size() <= kMostRows) return;
  persistence::CauseRow rest{.command = "(others)", .kind = "others", .reason = "others"};
  for (size_t i = kMostRows - 1; i < causes.size(); i++) {
    rest.copied += causes[i].copied;
    rest.fresh += causes[i].fresh;
    rest.reused += causes[i].reused;
    rest.blocks += causes[i].blocks;
  }
  causes.resize(kMostRows - 1);
  causes.push_back(std::move(rest));
}

}  // namespace

std::vector<persistence::CauseRow> cause_rows(const std::vector<memory::LedgerRow>& rows, uint64_t outside,
                                              const commands::CommandTable& table) {
  std::vector<persistence::CauseRow> causes;
  for (const memory::LedgerRow& row : rows) {
    causes.push_back({.command = command_name(row.cause, table),
                      .database = row.database,
                      .kind = std::string(memory::name(row.kind)),
                      .reason = std::string(memory::name(row.reason)),
                      .copied = row.copied_pages * kPageBytes,
                      .fresh = row.fresh_bytes,
                      .reused = row.reused_bytes,
                      .blocks = row.blocks});
  }
  if (outside > 0) {
    causes.push_back({.command = "(outside)",
                      .database = memory::kNoDatabase,
                      .kind = std::string(memory::name(memory::MemoryKind::kOutside)),
                      .reason = std::string(memory::name(memory::WriteReason::kInPlace)),
                      .copied = outside,
                      .fresh = 0,
                      .reused = 0,
                      .blocks = 0});
  }
  std::ranges::stable_sort(causes, [](const auto& a, const auto& b) {
    const uint64_t growth_a = a.copied + a.fresh, growth_b = b.copied + b.fresh;
    return growth_a != growth_b ? growth_a > growth_b : a.reused > b.reused;
  });
  sum_up_the_rest(causes);
  return causes;
}

}  // namespace cowslip::server
