#include "commands/errors.h"

#include <fmt/format.h>

namespace cowslip::commands {

std::string wrong_arity(std::string_view full_name) {
  return fmt::format("ERR wrong number of arguments for '{}' command", full_name);
}

std::string invalid_expire_time(std::string_view full_name) {
  return fmt::format("ERR invalid expire time in '{}' command", full_name);
}

}  // namespace cowslip::commands
