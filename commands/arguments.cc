#include "commands/arguments.h"

#include <fmt/format.h>

#include <limits>

#include "base/numbers.h"

namespace cowslip::commands {

std::optional<int64_t> integer_argument(CommandContext& c, size_t index, std::string_view error) {
  const auto value = parse_int64(c.args[index]);
  if (!value) c.reply.error(error);
  return value;
}

std::optional<int> int_argument(CommandContext& c, size_t index, std::string_view error) {
  constexpr int kMin = std::numeric_limits<int>::min();
  constexpr int kMax = std::numeric_limits<int>::max();
  const auto value = integer_argument(c, index, error.empty() ? kNotAnInteger : error);
  if (!value) return std::nullopt;
  if (*value >= kMin && *value <= kMax) return static_cast<int>(*value);
  c.reply.error(error.empty() ? fmt::format("ERR value is out of range, value must between {} and {}", kMin, kMax)
                              : std::string(error));
  return std::nullopt;
}

std::optional<int> database_argument(CommandContext& c, size_t index) {
  const auto number = int_argument(c, index);
  if (!number) return std::nullopt;
  if (*number >= 0 && *number < c.keyspace.count()) return number;
  c.reply.error(kDatabaseOutOfRange);
  return std::nullopt;
}

std::optional<std::span<const std::string_view>> counted_keys(CommandContext& c, size_t index, std::string_view too_few,
                                                              std::string_view too_many) {
  const auto count = parse_int64(c.args[index]);
  const auto behind = c.args.subspan(index + 1);
  if (count && *count >= 1 && static_cast<uint64_t>(*count) <= behind.size()) {
    return behind.first(static_cast<size_t>(*count));
  }
  c.reply.error(count && *count >= 1 ? too_many : too_few);
  return std::nullopt;
}

namespace {

std::optional<int64_t> unix_ms_argument(CommandContext& c, size_t index, TimeForm form, int64_t smallest) {
  const auto amount = integer_argument(c, index);
  if (!amount) return std::nullopt;
  const bool in_seconds = form == TimeForm::kSeconds || form == TimeForm::kUnixSeconds;
  int64_t at_ms = 0;
  const bool overflows = __builtin_mul_overflow(*amount, in_seconds ? 1000 : 1, &at_ms) ||
                         __builtin_add_overflow(at_ms, is_relative(form) ? c.keyspace.now_ms() : 0, &at_ms);
  if (*amount >= smallest && !overflows) return at_ms;
  c.reply.error(invalid_expire_time(c.spec.name));
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> moment_argument(CommandContext& c, size_t index, TimeForm form) {
  return unix_ms_argument(c, index, form, std::numeric_limits<int64_t>::min());
}

std::optional<int64_t> deadline_argument(CommandContext& c, size_t index, TimeForm form) {
  return unix_ms_argument(c, index, form, 1);
}

void reply_help(CommandContext& c, std::string_view command, std::span<const std::string_view> lines) {
  c.reply.array(lines.size() + 3);
  c.reply.simple(fmt::format("{} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:", command));
  for (const std::string_view line : lines) c.reply.simple(line);
  c.reply.simple("HELP");
  c.reply.simple("    Show these lines.");
}

}  // namespace cowslip::commands
