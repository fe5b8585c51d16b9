// The ledger's rows as a save's causes: named, sorted, and not without end.
#include "server/save_causes.h"

#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

using memory::LedgerRow;
using memory::MemoryKind;
using memory::WriteReason;

TEST(SaveCauses, TheLargestFirstAndTheOutsideAmongThem) {
  const commands::CommandTable table;
  const std::vector<LedgerRow> rows = {
      {.cause = 0, .database = 3, .kind = MemoryKind::kEntry, .reason = WriteReason::kUpkeep, .fresh_bytes = 100},
      {.cause = 9999, .kind = MemoryKind::kLargeValue, .reason = WriteReason::kInPlace, .copied_pages = 2}};
  const auto causes = cause_rows(rows, 4096, table);
  ASSERT_EQ(causes.size(), 3u);
  EXPECT_EQ(causes[0].command, "(9999)");
  EXPECT_EQ(causes[0].copied, 8192u);
  EXPECT_EQ(causes[0].kind, "large_value");
  EXPECT_EQ(causes[1].command, "(outside)");
  EXPECT_EQ(causes[1].copied, 4096u);
  EXPECT_EQ(causes[2].command, "(server)");
  EXPECT_EQ(causes[2].database, 3);
  EXPECT_EQ(causes[2].reason, "upkeep");
}

TEST(SaveCauses, ManySmallOnesAreSummedUp) {
  const commands::CommandTable table;
  std::vector<LedgerRow> rows;
  uint64_t fresh = 0;
  for (uint16_t i = 1; i <= 1000; i++) {
    rows.push_back({.cause = i, .fresh_bytes = i, .blocks = 1});
    fresh += i;
  }
  const auto causes = cause_rows(rows, 0, table);
  ASSERT_EQ(causes.size(), 200u);
  EXPECT_EQ(causes.front().fresh, 1000u);
  EXPECT_EQ(causes.back().command, "(others)");
  EXPECT_EQ(causes.back().blocks, 801u);
  uint64_t sum = 0;
  for (const auto& cause : causes) sum += cause.fresh;
  EXPECT_EQ(sum, fresh);
}

}  // namespace
}  // namespace cowslip::server
