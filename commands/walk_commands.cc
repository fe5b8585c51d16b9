// Walking a database: all keys, some at a time, or any one.
#include <algorithm>
#include <charconv>
#include <vector>

#include "commands/arguments.h"
#include "commands/families.h"

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

struct ScanOptions {
  std::string_view pattern = "*";
  std::string_view type;
  bool any_type = true;
  int64_t count = 10;
};

// What strtoul takes, which is more than what SCAN hands out: nothing at all, a sign, leading zeros.
std::optional<uint64_t> parse_cursor(std::string_view text) {
  const bool negative = text.starts_with('-');
  const bool has_sign = negative || text.starts_with('+');
  const std::string_view digits = text.substr(has_sign ? 1 : 0);
  if (digits.empty()) return has_sign ? std::nullopt : std::optional<uint64_t>(0);
  uint64_t cursor = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cursor);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return negative ? 0 - cursor : cursor;
}

std::optional<ScanOptions> parse_scan_options(CommandContext& c) {
  ScanOptions options;
  for (size_t i = 2; i < c.args.size(); i += 2) {
    const bool has_value = i + 1 < c.args.size();
    if (is_option(c.args[i], "COUNT") && has_value) {
      const auto count = integer_argument(c, i + 1);
      if (!count) return std::nullopt;
      options.count = *count;
    } else if (is_option(c.args[i], "MATCH") && has_value) {
      options.pattern = c.args[i + 1];
    } else if (is_option(c.args[i], "TYPE") && has_value) {
      options.type = c.args[i + 1];
      options.any_type = false;
    } else {
      options.count = 0;
    }
    if (options.count >= 1) continue;
    c.reply.error(kSyntaxError);
    return std::nullopt;
  }
  return options;
}

// Collects what is under the next cursor positions until about `count` keys were looked at. The keys are valid until
// the database is changed.
uint64_t op_scan(CommandContext& c, uint64_t cursor, const ScanOptions& options, std::vector<std::string_view>& keys) {
  // A table that was emptied a short while ago has many positions without keys: they cost time as well.
  constexpr int64_t kPositionsPerKey = 10;
  int64_t positions_left = std::min(options.count, INT64_MAX / kPositionsPerKey) * kPositionsPerKey;
  int64_t seen = 0;
  do {
    cursor = c.db().scan(cursor, [&](const Entry& entry) {
      seen++;
      const bool right_type = options.any_type || equals_ignore_case(options.type, store::type_name(entry.type()));
      if (right_type && matches(options.pattern, entry.key())) keys.push_back(entry.key());
    });
  } while (cursor != 0 && seen < options.count && --positions_left > 0);
  return cursor;
}

void cmd_scan(CommandContext& c) {
  const auto cursor = parse_cursor(c.args[1]);
  if (!cursor) return c.reply.error("ERR invalid cursor");
  const auto options = parse_scan_options(c);
  if (!options) return;
  std::vector<std::string_view> keys;
  const uint64_t next = op_scan(c, *cursor, *options, keys);
  char digits[kInt64Digits];
  const char* end = std::to_chars(digits, digits + sizeof digits, next).ptr;
  c.reply.array(2);
  c.reply.bulk({digits, end});
  c.reply.array(keys.size());
  for (const std::string_view key : keys) c.reply.bulk(key);
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
