// Errors that several commands of this folder reply.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace cowslip::server {

// For a container that looks at the number of its subcommand's arguments itself. `subcommand` as the client wrote it.
inline std::string bad_subcommand(std::string_view subcommand, std::string_view container) {
  return fmt::format("ERR unknown subcommand or wrong number of arguments for '{:.128}'. Try {} HELP.", subcommand,
                     container);
}

}  // namespace cowslip::server
