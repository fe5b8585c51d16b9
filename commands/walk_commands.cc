// Walking a database: all keys, some at a time, or any one.
#include <algorithm>

#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/scan_arguments.h"

namespace cowslip::commands {
namespace {

using store::Entry;

bool matches(std::string_view pattern, std::string_view key) {
  return pattern == "*" || glob_match(pattern, key);
}

void cmd_keys(CommandContext& c) {
  const auto mark = c.reply.begin_aggregate();
  size_t count = 0;
  c.db().for_each([&](const Entry& entry) {
    if (!matches(c.args[1], entry.key()) || c.db().is_expired(entry)) return;
    c.reply.bulk(entry.key());
    count++;
  });
  c.reply.end_array(mark, count);
}

void cmd_randomkey(CommandContext& c) {
  const Entry* entry = c.db().random_entry();
  if (entry == nullptr) return c.reply.null();
  c.reply.bulk(entry->key());
}

void cmd_dbsize(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(c.db().size()));
}

// ---- SCAN ----

// Looks at what is under the next cursor positions, until about `count` keys were.
uint64_t op_scan(CommandContext& c, uint64_t cursor, const ScanOptions& options, ScanReply& reply) {
  // A table that was emptied a short while ago has many positions without keys: they cost time as well.
  constexpr uint64_t kPositionsPerKey = 10;
  uint64_t positions_left = std::min(options.count, UINT64_MAX / kPositionsPerKey) * kPositionsPerKey;
  uint64_t seen = 0;
  do {
    cursor = c.db().scan(cursor, [&](const Entry& entry) {
      seen++;
      const bool right_type = !options.type || equals_ignore_case(*options.type, store::type_name(entry.type()));
      if (right_type && options.matches(entry.key())) reply.add(entry.key());
    });
  } while (cursor != 0 && seen < options.count && --positions_left > 0);
  return cursor;
}

void cmd_scan(CommandContext& c) {
  const auto cursor = cursor_argument(c, 1);
  if (!cursor) return;
  const auto options = scan_options(c, 2, true);
  if (!options) return;
  ScanReply reply(c);
  reply.end(op_scan(c, *cursor, *options, reply));
}

constexpr CommandSpec kSpecs[] = {
    {.name = "keys",
     .arity = 2,
     .flags = kReadonly | kTouchesArbitraryKeys,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N) for N keys in the database",
     .summary = "Lists all keys that match a pattern. Everybody waits meanwhile: SCAN is gentler.",
     .syntax = "pattern",
     .handler = cmd_keys,
     .categories = "@keyspace @dangerous",
     .tips = "request_policy:all_shards nondeterministic_output_order"},
    {.name = "scan",
     .arity = -2,
     .flags = kReadonly | kTouchesArbitraryKeys,
     .group = "generic",
     .since = "2.8.0",
     .complexity = "O(1) for a call, O(N) for a whole round over N keys",
     .summary = "Lists some keys, and the cursor to go on with. A round sees every key that is there all the time.",
     .syntax = "cursor:integer [MATCH pattern] [COUNT count:integer] [TYPE type]",
     .handler = cmd_scan,
     .categories = "@keyspace",
     .tips = "nondeterministic_output request_policy:special response_policy:special"},
    {.name = "randomkey",
     .arity = 1,
     .flags = kReadonly | kTouchesArbitraryKeys,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Replies with any one of the keys.",
     .handler = cmd_randomkey,
     .categories = "@keyspace",
     .tips = "request_policy:all_shards response_policy:special nondeterministic_output"},
    {.name = "dbsize",
     .arity = 1,
     .flags = kReadonly | kFast,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Counts the keys of the database.",
     .handler = cmd_dbsize,
     .categories = "@keyspace",
     .tips = "request_policy:all_shards response_policy:agg_sum"},
};

}  // namespace

std::span<const CommandSpec> walk_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
