// The command families of this folder. Each function returns the table at the end of its file.
#pragma once

#include <span>

#include "commands/command.h"

namespace cowslip::server {

std::span<const commands::CommandSpec> client_commands();
std::span<const commands::CommandSpec> session_commands();    // AUTH, HELLO, RESET, QUIT, MONITOR
std::span<const commands::CommandSpec> lifecycle_commands();  // SAVE, BGSAVE, SHUTDOWN, ...
std::span<const commands::CommandSpec> sync_commands();       // SYNC, PSYNC, REPLCONF

// CLIENT KILL, in both of its forms; a part of client_commands().
void cmd_client_kill(commands::CommandContext& c);

// Client-side caching; parts of client_commands().
void cmd_client_tracking(commands::CommandContext& c);
void cmd_client_trackinginfo(commands::CommandContext& c);
void cmd_client_caching(commands::CommandContext& c);
void cmd_client_getredir(commands::CommandContext& c);

// Whether `name` may name a client or a library: printable ASCII without spaces.
bool is_valid_client_name(std::string_view name);
inline constexpr std::string_view kInvalidClientName =
    "ERR Client names cannot contain spaces, newlines or special characters.";

}  // namespace cowslip::server
