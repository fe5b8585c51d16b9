// When keys expire: set it, ask for it, take it away.
#include <fmt/format.h>

#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::kNoExpiry;
using store::Lookup;

// ---- setting ----

struct Conditions {
  bool only_if_none = false;     // NX
  bool only_if_some = false;     // XX
  bool only_if_greater = false;  // GT
  bool only_if_less = false;     // LT
};

std::optional<Conditions> parse_conditions(CommandContext& c) {
  Conditions conditions;
  for (const std::string_view argument : c.args.subspan(3)) {
    if (is_option(argument, "NX")) {
      conditions.only_if_none = true;
    } else if (is_option(argument, "XX")) {
      conditions.only_if_some = true;
    } else if (is_option(argument, "GT")) {
      conditions.only_if_greater = true;
    } else if (is_option(argument, "LT")) {
      conditions.only_if_less = true;
    } else {
      c.reply.error(fmt::format("ERR Unsupported option {}", argument));
      return std::nullopt;
    }
  }
  const bool other = conditions.only_if_some || conditions.only_if_greater || conditions.only_if_less;
  if (conditions.only_if_none && other) {
    c.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return std::nullopt;
  }
  if (conditions.only_if_greater && conditions.only_if_less) {
    c.reply.error("ERR GT and LT options at the same time are not compatible");
    return std::nullopt;
  }
  return conditions;
}

// A key without expiry counts as one that lasts for ever.
bool holds(const Conditions& conditions, int64_t current_ms, int64_t wanted_ms) {
  const bool lasts = current_ms == kNoExpiry;
  if (conditions.only_if_none && !lasts) return false;
  if (conditions.only_if_some && lasts) return false;
  if (conditions.only_if_greater && (lasts || wanted_ms <= current_ms)) return false;
  return !conditions.only_if_less || lasts || wanted_ms < current_ms;
}

void expire(CommandContext& c, TimeForm form) {
  const std::string_view key = c.args[1];
  const auto conditions = parse_conditions(c);
  if (!conditions) return;
  const auto at_ms = moment_argument(c, 2, form);
  if (!at_ms) return;
  const Entry* entry = c.db().find(key, Lookup::kWrite);
  if (entry == nullptr || !holds(*conditions, entry->expire_at_ms(), *at_ms)) return c.reply.integer(0);
  const bool past = *at_ms <= c.keyspace.now_ms();
  if (past) {
    c.db().erase(key);
  } else {
    c.db().set_expiry(key, *at_ms);
  }
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kGeneric, past ? "del" : "expire", key);
  c.reply.integer(1);
}

void cmd_expire(CommandContext& c) {
  expire(c, TimeForm::kSeconds);
}
void cmd_pexpire(CommandContext& c) {
  expire(c, TimeForm::kMilliseconds);
}
void cmd_expireat(CommandContext& c) {
  expire(c, TimeForm::kUnixSeconds);
}
void cmd_pexpireat(CommandContext& c) {
  expire(c, TimeForm::kUnixMilliseconds);
}

void cmd_persist(CommandContext& c) {
  const bool changed = c.db().find(c.args[1], Lookup::kWrite) != nullptr && c.db().persist(c.args[1]);
  c.keyspace.add_dirty(changed);
  if (changed) c.notify(EventClass::kGeneric, "persist", c.args[1]);
  c.reply.integer(changed);
}

// ---- asking ----

constexpr int64_t kReplyNoKey = -2;
constexpr int64_t kReplyNoExpiry = -1;

// Replies with what `convert` makes of the key's deadline.
void reply_deadline(CommandContext& c, int64_t (*convert)(int64_t deadline_ms, int64_t now_ms)) {
  const Entry* entry = c.db().find(c.args[1], Lookup::kReadNoTouch);
  if (entry == nullptr) return c.reply.integer(kReplyNoKey);
  if (!entry->has_expiry()) return c.reply.integer(kReplyNoExpiry);
  c.reply.integer(convert(entry->expire_at_ms(), c.keyspace.now_ms()));
}

int64_t rounded_seconds(int64_t ms) {
  return ms / 1000 + (ms % 1000 >= 500);
}
int64_t remaining_ms(int64_t deadline_ms, int64_t now_ms) {
  return deadline_ms > now_ms ? deadline_ms - now_ms : 0;
}

void cmd_ttl(CommandContext& c) {
  reply_deadline(c, [](int64_t at_ms, int64_t now_ms) { return rounded_seconds(remaining_ms(at_ms, now_ms)); });
}
void cmd_pttl(CommandContext& c) {
  reply_deadline(c, remaining_ms);
}
void cmd_expiretime(CommandContext& c) {
  reply_deadline(c, [](int64_t at_ms, int64_t) { return rounded_seconds(at_ms); });
}
void cmd_pexpiretime(CommandContext& c) {
  reply_deadline(c, [](int64_t at_ms, int64_t) { return at_ms; });
}

constexpr CommandSpec kSpecs[] = {
    {.name = "expire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(log(N)) for N keys with an expiry",
     .summary = "Lets a key expire after some seconds.",
     .syntax = "key seconds:integer [condition= NX | XX | GT | LT]",
     .handler = cmd_expire,
     .categories = "@keyspace"},
    {.name = "pexpire",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(log(N)) for N keys with an expiry",
     .summary = "Lets a key expire after some milliseconds.",
     .syntax = "key milliseconds:integer [condition= NX | XX | GT | LT]",
     .handler = cmd_pexpire,
     .categories = "@keyspace"},
    {.name = "expireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "generic",
     .since = "1.2.0",
     .complexity = "O(log(N)) for N keys with an expiry",
     .summary = "Lets a key expire at a moment, in seconds since 1970.",
     .syntax = "key unix-time-seconds:unix-time [condition= NX | XX | GT | LT]",
     .handler = cmd_expireat,
     .categories = "@keyspace"},
    {.name = "pexpireat",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(log(N)) for N keys with an expiry",
     .summary = "Lets a key expire at a moment, in milliseconds since 1970.",
     .syntax = "key unix-time-milliseconds:unix-time [condition= NX | XX | GT | LT]",
     .handler = cmd_pexpireat,
     .categories = "@keyspace"},
    {.name = "persist",
     .arity = 2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "generic",
     .since = "2.2.0",
     .complexity = "O(log(N)) for N keys with an expiry",
     .summary = "Lets a key stay for ever.",
     .syntax = "key",
     .handler = cmd_persist,
     .categories = "@keyspace"},
    {.name = "ttl",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells the seconds that a key has left.",
     .syntax = "key",
     .handler = cmd_ttl,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
    {.name = "pttl",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Tells the milliseconds that a key has left.",
     .syntax = "key",
     .handler = cmd_pttl,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
    {.name = "expiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "generic",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells when a key expires, in seconds since 1970.",
     .syntax = "key",
     .handler = cmd_expiretime,
     .categories = "@keyspace"},
    {.name = "pexpiretime",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "generic",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Tells when a key expires, in milliseconds since 1970.",
     .syntax = "key",
     .handler = cmd_pexpiretime,
     .categories = "@keyspace"},
};

}  // namespace

std::span<const CommandSpec> expiry_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
