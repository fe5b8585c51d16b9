// The model's lists, sets, hashes and sorted sets (model.h).
#pragma once

#include <optional>

#include "tests/exactness/model.h"

namespace cowslip::testing {

// Executes a command on an aggregate and returns the reply; nothing when it is not one of the table in
// aggregate_model.cc. REQUIRES: arguments that are right, a key that is absent or of the command's type.
std::optional<Reply> apply_to_aggregate(Keys& keys, const Arguments& command);

}  // namespace cowslip::testing
