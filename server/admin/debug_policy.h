// DEBUG SNAPSHOT-POLICY: switches what makes a snapshot cheap off and on, to see what each policy is good for.
#pragma once

#include "commands/command.h"

namespace cowslip::server {

// DEBUG SNAPSHOT-POLICY [<policy> [0|1]]: without the last argument replies 1 or 0; without both, all of them with
// their state.
void debug_snapshot_policy(commands::CommandContext& c);

}  // namespace cowslip::server
