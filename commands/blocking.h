// What the commands that wait for a key have in common: BLPOP, BLMOVE, BZMPOP and so on (docs/decisions/0012).
//
// Such a handler looks for a key that it can take from. Where there is none, it says what it waits for, and returns
// without a reply: the same handler runs again, with the same arguments, when one of the keys is there. Where it may
// not wait, it replies at once what it would reply when its time is up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "commands/command.h"

namespace cowslip::commands {

// The end of the wait that the argument at `index` allows, in seconds, with fractions; 0: none (KeyWaits::kForEver).
// Milliseconds of the monotonic clock. Nothing: an error reply was written.
std::optional<int64_t> wait_deadline_argument(CommandContext& c, size_t index);

// Lets the client wait until one of the `keys` arguments from `first_key` on is of `type`. False when it may not,
// inside of a transaction: then the handler replies.
[[nodiscard]] bool wait_for_keys(CommandContext& c, store::ObjectType type, size_t first_key, size_t keys,
                                 int64_t deadline_ms);

}  // namespace cowslip::commands
