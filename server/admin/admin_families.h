// The command families of this folder. Each function returns the table at the end of its file; add_admin_commands()
// (server/server.h) puts them all into the server's table.
#pragma once

#include <span>

#include "commands/command.h"

namespace cowslip::server {

std::span<const commands::CommandSpec> acl_commands();
std::span<const commands::CommandSpec> config_commands();
std::span<const commands::CommandSpec> debug_commands();
std::span<const commands::CommandSpec> dump_commands();
std::span<const commands::CommandSpec> info_commands();
std::span<const commands::CommandSpec> latency_commands();
std::span<const commands::CommandSpec> memory_commands();
std::span<const commands::CommandSpec> slowlog_commands();
std::span<const commands::CommandSpec> snapshot_commands();

}  // namespace cowslip::server
