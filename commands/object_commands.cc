// OBJECT: how a value is held, and how it has been used.
#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::Lookup;

constexpr std::string_view kNeedsLfu =
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    "between policies at runtime LRU and LFU data will take some time to adjust.";
constexpr std::string_view kNeedsLru =
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between policies "
    "at runtime LRU and LFU data will take some time to adjust.";

// Integers below this are shared between keys in Redis, and have no count that means anything.
constexpr int64_t kSharedIntegers = 10'000;
constexpr int64_t kSharedReferences = INT32_MAX;

// The key's entry, or null after a null reply. Asking how a key is used does not count as a use.
const Entry* find_or_reply(CommandContext& c) {
  const Entry* entry = c.db().find(c.args[2], Lookup::kInspect);
  if (entry == nullptr) c.reply.null();
  return entry;
}

void cmd_encoding(CommandContext& c) {
  if (const Entry* entry = find_or_reply(c)) c.reply.bulk(store::encoding_name(entry->encoding()));
}

void cmd_freq(CommandContext& c) {
  if (find_or_reply(c) == nullptr) return;
  if (!c.keyspace.access_clock().lfu()) return c.reply.error(kNeedsLfu);
  c.reply.integer(c.db().frequency(c.args[2]));
}

void cmd_idletime(CommandContext& c) {
  if (find_or_reply(c) == nullptr) return;
  if (c.keyspace.access_clock().lfu()) return c.reply.error(kNeedsLru);
  c.reply.integer(static_cast<int64_t>(c.db().idle_seconds(c.args[2])));
}

// Values are never shared here. Small integers still report what clients of Redis have come to know.
void cmd_refcount(CommandContext& c) {
  const Entry* entry = find_or_reply(c);
  if (entry == nullptr) return;
  const bool small_integer = is_string(*entry) && entry->string().is_integer() && entry->string().integer() >= 0 &&
                             entry->string().integer() < kSharedIntegers;
  c.reply.integer(small_integer && c.host.limits().integers_shared ? kSharedReferences : 1);
}

void cmd_help(CommandContext& c) {
  static constexpr std::string_view kLines[] = {
      "ENCODING <key>", "    Name the representation that the value of <key> has in memory.",
      "FREQ <key>",     "    Tell how often <key> has been used lately, on a logarithmic scale.",
      "IDLETIME <key>", "    Tell for how many seconds <key> has not been used.",
      "REFCOUNT <key>", "    Tell how many references there are to the value of <key>.",
  };
  reply_help(c, "OBJECT", kLines);
}

constexpr CommandSpec kSubcommands[] = {
    {.name = "encoding",
     .arity = 3,
     .flags = kReadonly,
     .keys = {2, 2, 1},
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Names the representation that a value has in memory.",
     .syntax = "key",
     .handler = cmd_encoding,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
    {.name = "freq",
     .arity = 3,
     .flags = kReadonly,
     .keys = {2, 2, 1},
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells how often a key has been used lately.",
     .syntax = "key",
     .handler = cmd_freq,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "generic",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_help,
     .categories = "@keyspace"},
    {.name = "idletime",
     .arity = 3,
     .flags = kReadonly,
     .keys = {2, 2, 1},
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells for how long a key has not been used.",
     .syntax = "key",
     .handler = cmd_idletime,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
    {.name = "refcount",
     .arity = 3,
     .flags = kReadonly,
     .keys = {2, 2, 1},
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "2.2.3",
     .complexity = "O(1)",
     .summary = "Tells how many references there are to a value.",
     .syntax = "key",
     .handler = cmd_refcount,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "object",
     .arity = -2,
     .group = "generic",
     .since = "2.2.3",
     .complexity = "Depends on the subcommand.",
     .summary = "Looks inside a value: its representation and its use.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> object_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
