#include "server/save_causes.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>
#include <tuple>
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
  std::ranges::sort(causes, std::ranges::greater(), [](const persistence::CauseRow& cause) {
    return std::tuple(cause.copied + cause.fresh, cause.reused, std::string_view(cause.command), cause.database,
                      std::string_view(cause.kind), std::string_view(cause.reason));
  });
  sum_up_the_rest(causes);
  return causes;
}

}  // namespace cowslip::server
