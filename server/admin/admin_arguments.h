// What several containers of this folder make of their subcommands' arguments.
#pragma once

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "commands/arguments.h"

namespace cowslip::server {

// For a container that looks at the number of its subcommand's arguments itself. `subcommand` as the client wrote it.
inline std::string bad_subcommand(std::string_view subcommand, std::string_view container) {
  return fmt::format("ERR unknown subcommand or wrong number of arguments for '{:.128}'. Try {} HELP.", subcommand,
                     container);
}

// How many of the newest to show, the one argument that the subcommand takes: 10 without it, no bound for -1. Empty: an
// error is replied.
inline std::optional<size_t> count_argument(commands::CommandContext& c, std::string_view container) {
  constexpr std::string_view kBadCount = "ERR count should be greater than or equal to -1";
  if (c.args.size() == 2) return 10;
  if (c.args.size() > 3) {
    c.reply.error(bad_subcommand(c.args[1], container));
    return {};
  }
  const auto count = commands::integer_argument(c, 2, kBadCount);
  if (!count) return {};
  if (*count < -1) {
    c.reply.error(kBadCount);
    return {};
  }
  return *count == -1 ? std::numeric_limits<size_t>::max() : static_cast<size_t>(*count);
}

}  // namespace cowslip::server
