// The ACL categories: Redis's sets of commands, of which a command is in several.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "commands/command.h"

namespace cowslip::commands {

// The categories' names without '@', in the order in which COMMAND INFO and ACL CAT list them.
std::span<const std::string_view> acl_category_names();

// Bit n is set when the command is in the n-th category: those that its flags imply and those that its spec names.
uint32_t acl_categories_of(const CommandSpec& spec);

// The bit of the category of that name (any case, without '@').
std::optional<uint32_t> acl_category_bit(std::string_view name);

}  // namespace cowslip::commands
