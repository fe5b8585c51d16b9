// Where a command's keys are.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace cowslip::commands {

// The key specifications of a command; empty when it takes no keys.
std::vector<KeySpec> key_specs_of(const CommandSpec& spec);

struct KeyReference {
  size_t index;    // among the arguments
  uint16_t flags;  // KeyFlag, as they hold for this request
};

// The keys of one request. REQUIRES: args fits the command's arity.
std::vector<KeyReference> keys_of(const CommandSpec& spec, std::span<const std::string_view> args);

}  // namespace cowslip::commands
