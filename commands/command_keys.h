// Where a command's keys are.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace cowslip::commands {

// The key specifications of a command; empty when it takes no keys.
std::vector<KeySpec> key_specs_of(const CommandSpec& spec);

// The keys of one request; nothing when it says that there are more than it has, or none. REQUIRES: args fits the
// command's arity.
std::optional<std::vector<KeyReference>> keys_of(const CommandSpec& spec, std::span<const std::string_view> args);

}  // namespace cowslip::commands
