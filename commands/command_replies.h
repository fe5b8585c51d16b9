// What COMMAND INFO and COMMAND DOCS tell of one command. Private to the COMMAND family.
#pragma once

#include "commands/command_table.h"
#include "protocol/reply_writer.h"

namespace cowslip::commands {

// The array of ten elements of COMMAND INFO, subcommands included.
void reply_command_info(protocol::ReplyWriter& reply, const Command& command);

// The name and the map of documentation, as one pair of COMMAND DOCS' map.
void reply_command_docs(protocol::ReplyWriter& reply, const Command& command);

// A set of status replies: the names of `flags`. Returns nothing for unnamed ones.
void reply_flags(protocol::ReplyWriter& reply, std::span<const FlagName> names, uint32_t flags);

}  // namespace cowslip::commands
