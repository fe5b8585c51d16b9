#include "commands/blocking.h"

#include <cmath>
#include <limits>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "commands/dispatcher.h"
#include "commands/key_waits.h"

namespace cowslip::commands {

namespace {

constexpr int64_t kLongest = std::numeric_limits<int64_t>::max();

std::nullopt_t refuse(CommandContext& c, std::string_view error) {
  c.reply.error(error);
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> wait_deadline_argument(CommandContext& c, size_t index) {
  const auto seconds = parse_long_double(c.args[index]);
  if (!seconds) return refuse(c, "ERR timeout is not a float or out of range");
  const long double ms = std::ceil(*seconds * 1000);
  if (ms > static_cast<long double>(kLongest)) return refuse(c, "ERR timeout is out of range");
  if (ms < 0) return refuse(c, "ERR timeout is negative");
  const auto timeout_ms = static_cast<int64_t>(ms);
  if (timeout_ms == 0) return KeyWaits::kForEver;
  // Redis has the end as a time of the day.
  if (timeout_ms > kLongest - c.keyspace.now_ms()) return refuse(c, "ERR timeout is out of range");
  return (c.host.clock().monotonic_us() + 999) / 1000 + timeout_ms;  // rather a little later than too early
}

bool wait_for_keys(CommandContext& c, store::ObjectType type, size_t first_key, size_t keys, int64_t deadline_ms) {
  if (c.session.in_exec || c.session.internal) return false;
  c.dispatcher.key_waits().wait(c.session, type, c.args, first_key, keys, deadline_ms);
  return true;
}

}  // namespace cowslip::commands
