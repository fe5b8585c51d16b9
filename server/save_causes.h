// What the ledger counted, with the names that people know.
#pragma once

#include <cstdint>
#include <vector>

#include "commands/command_table.h"
#include "memory/cow_ledger.h"
#include "persistence/save_record.h"

namespace cowslip::server {

// The largest first: by what was copied and taken anew, then by what was taken in memory that the child had given back.
// `outside` bytes that the kernel says were copied outside of what the ledger knows become a row of their own, kind
// "outside", command "(outside)", if there are any. Of more than 200 rows the smallest are summed up as "(others)".
std::vector<persistence::CauseRow> cause_rows(const std::vector<memory::LedgerRow>& rows, uint64_t outside,
                                              const commands::CommandTable& table);

}  // namespace cowslip::server
