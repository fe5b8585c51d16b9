// The command families of this library. Each function returns the table at the end of its file.
#pragma once

#include <span>

#include "commands/command.h"

namespace cowslip::commands {

std::span<const CommandSpec> string_commands();
std::span<const CommandSpec> string_range_commands();
std::span<const CommandSpec> counter_commands();
std::span<const CommandSpec> lcs_commands();
std::span<const CommandSpec> bitmap_commands();
std::span<const CommandSpec> bitfield_commands();
std::span<const CommandSpec> hyperloglog_commands();
std::span<const CommandSpec> list_commands();
std::span<const CommandSpec> list_element_commands();
std::span<const CommandSpec> sort_commands();
std::span<const CommandSpec> sorted_set_commands();
std::span<const CommandSpec> sorted_set_range_commands();
std::span<const CommandSpec> sorted_set_algebra_commands();
std::span<const CommandSpec> sorted_set_pop_commands();
std::span<const CommandSpec> geo_commands();
std::span<const CommandSpec> geo_search_commands();
std::span<const CommandSpec> hash_commands();
std::span<const CommandSpec> hash_walk_commands();
std::span<const CommandSpec> set_commands();
std::span<const CommandSpec> set_algebra_commands();
std::span<const CommandSpec> blocking_list_commands();
std::span<const CommandSpec> blocking_sorted_set_commands();
std::span<const CommandSpec> expiry_commands();
std::span<const CommandSpec> key_commands();
std::span<const CommandSpec> walk_commands();
std::span<const CommandSpec> database_commands();
std::span<const CommandSpec> object_commands();
std::span<const CommandSpec> connection_commands();
std::span<const CommandSpec> introspection_commands();
std::span<const CommandSpec> transaction_commands();
std::span<const CommandSpec> pubsub_commands();

}  // namespace cowslip::commands
