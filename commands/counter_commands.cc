// Strings as numbers.
#include <cmath>
#include <limits>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ExpiryChange;
using store::Lookup;
using store::StringView;

std::optional<int64_t> as_integer(const StringView& value) {
  return value.is_integer() ? value.integer() : parse_int64(value.bytes());
}

std::optional<long double> as_real(const StringView& value) {
  return value.is_integer() ? static_cast<long double>(value.integer()) : parse_long_double(value.bytes());
}

// ---- integers ----

void add_and_reply(CommandContext& c, int64_t increment) {
  const std::string_view key = c.args[1];
  int64_t value = 0;
  if (const Entry* entry = c.db().find(key, Lookup::kWrite)) {
    if (!is_string(*entry)) return c.reply.error(kWrongType);
    const auto number = as_integer(entry->string());
    if (!number) return c.reply.error(kNotAnInteger);
    value = *number;
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    return c.reply.error("ERR increment or decrement would overflow");
  }
  c.db().set_integer(key, value);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kString, "incrby", key);
  c.reply.integer(value);
}

void cmd_incr(CommandContext& c) {
  add_and_reply(c, 1);
}
void cmd_decr(CommandContext& c) {
  add_and_reply(c, -1);
}

void cmd_incrby(CommandContext& c) {
  if (const auto increment = integer_argument(c, 2)) add_and_reply(c, *increment);
}

void cmd_decrby(CommandContext& c) {
  const auto decrement = integer_argument(c, 2);
  if (!decrement) return;
  if (*decrement == std::numeric_limits<int64_t>::min()) return c.reply.error("ERR decrement would overflow");
  add_and_reply(c, -*decrement);
}

// ---- fractions ----

void cmd_incrbyfloat(CommandContext& c) {
  const std::string_view key = c.args[1];
  const Entry* entry = c.db().find(key, Lookup::kWrite);
  if (entry != nullptr && !is_string(*entry)) return c.reply.error(kWrongType);
  const auto value = entry != nullptr ? as_real(entry->string()) : 0.0L;
  const auto increment = parse_long_double(c.args[2]);
  if (!value || !increment) return c.reply.error(kNotAFloat);
  const long double sum = *value + *increment;
  if (!std::isfinite(sum)) return c.reply.error("ERR increment would produce NaN or Infinity");

  const std::string text = format_long_double(sum);
  c.db().set_text(key, text, ExpiryChange::keep());
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kString, "incrbyfloat", key);
  c.reply.bulk(text);
}

constexpr uint16_t kCounterKey = kKeyRW | kKeyAccess | kKeyUpdate;

constexpr CommandSpec kSpecs[] = {
    {.name = "incr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds one to the integer at a key, which starts as 0.",
     .syntax = "key",
     .handler = cmd_incr,
     .categories = "@string"},
    {.name = "decr",
     .arity = 2,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Subtracts one from the integer at a key, which starts as 0.",
     .syntax = "key",
     .handler = cmd_decr,
     .categories = "@string"},
    {.name = "incrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Adds to the integer at a key, which starts as 0.",
     .syntax = "key increment:integer",
     .handler = cmd_incrby,
     .categories = "@string"},
    {.name = "decrby",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Subtracts from the integer at a key, which starts as 0.",
     .syntax = "key decrement:integer",
     .handler = cmd_decrby,
     .categories = "@string"},
    {.name = "incrbyfloat",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "string",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds a fraction to the number at a key, which starts as 0.",
     .syntax = "key increment:double",
     .handler = cmd_incrbyfloat,
     .categories = "@string"},
};

}  // namespace

std::span<const CommandSpec> counter_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
