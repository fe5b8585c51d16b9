#include "server/slowlog.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "server/config_directives.h"

namespace cowslip::server {
namespace {

std::string trimmed_argument(std::string_view argument) {
  if (argument.size() <= Slowlog::kMaxArgumentBytes) return std::string(argument);
  return fmt::format("{}... ({} more bytes)", argument.substr(0, Slowlog::kMaxArgumentBytes),
                     argument.size() - Slowlog::kMaxArgumentBytes);
}

std::vector<std::string> kept_arguments(std::span<const std::string_view> arguments) {
  const bool all = arguments.size() <= Slowlog::kMaxArguments;
  const size_t shown = all ? arguments.size() : Slowlog::kMaxArguments - 1;
  std::vector<std::string> kept;
  for (size_t i = 0; i < shown; i++) {
    kept.push_back(is_secret(arguments, i) ? std::string(kRedacted) : trimmed_argument(arguments[i]));
  }
  if (!all) kept.push_back(fmt::format("... ({} more arguments)", arguments.size() - shown));
  return kept;
}

// HELLO 3 AUTH user password: both words after AUTH.
bool follows_auth(std::span<const std::string_view> arguments, size_t index) {
  for (size_t back = 1; back <= 2 && back < index; back++) {
    if (equals_ignore_case(arguments[index - back], "auth")) return true;
  }
  return false;
}

}  // namespace

bool is_secret(std::span<const std::string_view> arguments, size_t index) {
  if (index == 0 || arguments.size() < 2) return false;
  const std::string_view command = arguments[0];
  if (equals_ignore_case(command, "auth")) return true;
  if (equals_ignore_case(command, "hello")) return index >= 3 && follows_auth(arguments, index);
  if (index < 3 || !equals_ignore_case(command, "config") || !equals_ignore_case(arguments[1], "set")) return false;
  const Directive* directive = index % 2 == 1 ? find_directive(arguments[index - 1]) : nullptr;
  return directive != nullptr && directive->is(kSensitive);
}

void Slowlog::add(std::span<const std::string_view> arguments, int64_t duration_us, int64_t unix_seconds,
                  std::string_view client_address, std::string_view client_name) {
  entries_.push_front({next_id_++, unix_seconds, duration_us, kept_arguments(arguments), std::string(client_address),
                       std::string(client_name)});
  trim();
}

void Slowlog::trim() {
  const auto limit = static_cast<size_t>(std::max<int64_t>(config_.slowlog_max_len, 0));
  while (entries_.size() > limit) entries_.pop_back();
}

}  // namespace cowslip::server
