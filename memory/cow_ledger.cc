#include "memory/cow_ledger.h"

#include <array>

namespace cowslip::memory {

std::string_view name(MemoryKind kind) {
  static constexpr std::array<std::string_view, kMemoryKinds> kNames = {"entry", "large_value", "node",
                                                                        "index", "metadata",    "outside"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view name(WriteReason reason) {
  static constexpr std::array<std::string_view, kWriteReasons> kNames = {"fresh_write", "in_place", "delete",
                                                                         "expire",      "evict",    "upkeep"};
  return kNames[static_cast<size_t>(reason)];
}

LedgerTotals CowLedger::totals() const {
  return {};
}

std::vector<LedgerRow> CowLedger::rows() const {
  return {};
}

}  // namespace cowslip::memory
