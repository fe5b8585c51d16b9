// Keys of any type: are they there, what are they, delete, rename, copy and move them.
#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/key_prefetch.h"

namespace cowslip::commands {
namespace {

using store::Database;
using store::Entry;
using store::Lookup;

// Replies with how many keys `act` was true for.
template <typename Act>
int64_t reply_count(CommandContext& c, Act&& act) {
  int64_t count = 0;
  KeysAhead ahead(c.db(), c.args, c.spec.keys.step);
  for (size_t i = 1; i < c.args.size(); i++) {
    ahead.reach(i);
    count += act(c.args[i]) ? 1 : 0;
  }
  c.reply.integer(count);
  return count;
}

// A key's blocks go back to their arena, which takes the same time whatever their size; of the many blocks that a big
// aggregate has, UNLINK leaves the freeing for later.
void delete_keys(CommandContext& c, store::Freeing freeing) {
  const int64_t deleted = reply_count(c, [&](std::string_view key) {
    if (!c.db().erase(key, freeing)) return false;
    c.notify(EventClass::kGeneric, "del", key);
    return true;
  });
  c.keyspace.add_dirty(static_cast<uint64_t>(deleted));
}

void cmd_del(CommandContext& c) {
  delete_keys(c, c.host.limits().lazyfree_lazy_user_del ? store::Freeing::kLater : store::Freeing::kNow);
}

void cmd_unlink(CommandContext& c) {
  delete_keys(c, store::Freeing::kLater);
}

void cmd_exists(CommandContext& c) {
  reply_count(c, [&](std::string_view key) { return c.db().exists(key); });
}

// Touching is what the command is for, so CLIENT NO-TOUCH does not keep it from doing so.
void cmd_touch(CommandContext& c) {
  reply_count(c, [&](std::string_view key) { return c.db().find(key, Lookup::kRead) != nullptr; });
}

void cmd_type(CommandContext& c) {
  const Entry* entry = c.db().find(c.args[1], Lookup::kReadNoTouch);
  c.reply.simple(entry != nullptr ? store::type_name(entry->type()) : "none");
}

// ---- other names, other databases ----

// Renames the key. Null when there is no such key; false when the new name is taken and may not be replaced.
std::optional<bool> op_rename(CommandContext& c, std::string_view from, std::string_view to, bool replace) {
  if (c.db().find(from, Lookup::kWrite) == nullptr) return std::nullopt;
  if (from == to) return replace;
  // Also where it is going to be replaced: if its time has come, that is how it ends.
  const bool taken = c.db().find(to, Lookup::kWrite) != nullptr;
  if (taken && !replace) return false;
  c.db().rename(from, to);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kGeneric, "rename_from", from);
  c.notify(EventClass::kGeneric, "rename_to", to);
  return true;
}

void cmd_rename(CommandContext& c) {
  if (!op_rename(c, c.args[1], c.args[2], true)) return c.reply.error(kNoSuchKey);
  c.reply.ok();
}

void cmd_renamenx(CommandContext& c) {
  const auto renamed = op_rename(c, c.args[1], c.args[2], false);
  if (!renamed) return c.reply.error(kNoSuchKey);
  c.reply.integer(*renamed);
}

struct CopyOptions {
  int database;
  bool replace = false;
};

std::optional<CopyOptions> parse_copy_options(CommandContext& c) {
  CopyOptions options{c.session.database};
  for (size_t i = 3; i < c.args.size(); i++) {
    if (is_option(c.args[i], "REPLACE")) {
      options.replace = true;
    } else if (is_option(c.args[i], "DB") && i + 1 < c.args.size()) {
      const auto number = database_argument(c, ++i);
      if (!number) return std::nullopt;
      options.database = *number;
    } else {
      c.reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  return options;
}

void cmd_copy(CommandContext& c) {
  const auto options = parse_copy_options(c);
  if (!options) return;
  const std::string_view from = c.args[1];
  const std::string_view to = c.args[2];
  if (options->database == c.session.database && from == to) return c.reply.error(kSameObject);
  Database& target = c.keyspace.database(options->database);
  if (c.db().find(from, c.read_lookup()) == nullptr) return c.reply.integer(0);
  if (target.find(to, Lookup::kWrite) != nullptr && !options->replace) return c.reply.integer(0);
  c.db().copy_to(target, from, to);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kGeneric, "copy_to", options->database, to);
  c.reply.integer(1);
}

void cmd_move(CommandContext& c) {
  const auto number = database_argument(c, 2);
  if (!number) return;
  if (*number == c.session.database) return c.reply.error(kSameObject);
  const std::string_view key = c.args[1];
  Database& target = c.keyspace.database(*number);
  const bool possible = c.db().find(key, Lookup::kWrite) != nullptr && target.find(key, Lookup::kWrite) == nullptr;
  const bool moved = possible && c.db().move_to(target, key);
  c.keyspace.add_dirty(moved);
  if (moved) {
    c.notify(EventClass::kGeneric, "move_from", key);
    c.notify(EventClass::kGeneric, "move_to", *number, key);
  }
  c.reply.integer(moved);
}

constexpr KeySpec kRenameKeys[] = {
    {.range = kOneKey, .flags = kKeyRW | kKeyAccess | kKeyDelete},
    {.range = {2, 2, 1}, .flags = kKeyOW | kKeyUpdate},
};
constexpr KeySpec kRenamenxKeys[] = {
    {.range = kOneKey, .flags = kKeyRW | kKeyAccess | kKeyDelete},
    {.range = {2, 2, 1}, .flags = kKeyOW | kKeyInsert},
};
constexpr KeySpec kCopyKeys[] = {
    {.range = kOneKey, .flags = kKeyRO | kKeyAccess},
    {.range = {2, 2, 1}, .flags = kKeyOW | kKeyUpdate},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "del",
     .arity = -2,
     .flags = kWrite,
     .keys = kAllKeys,
     .key_flags = kKeyRM | kKeyDelete,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N) for N keys, and O(M) for each value of M elements",
     .summary = "Deletes keys.",
     .syntax = "key ...",
     .handler = cmd_del,
     .categories = "@keyspace",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "unlink",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kAllKeys,
     .key_flags = kKeyRM | kKeyDelete,
     .group = "generic",
     .since = "4.0.0",
     .complexity = "O(N) for N keys; large values are freed in the background",
     .summary = "Deletes keys, and lets another thread free what is large.",
     .syntax = "key ...",
     .handler = cmd_unlink,
     .categories = "@keyspace",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "exists",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = kAllKeys,
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(N) for N keys",
     .summary = "Counts the keys that are there.",
     .syntax = "key ...",
     .handler = cmd_exists,
     .categories = "@keyspace",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "touch",
     .arity = -2,
     .flags = kReadonly | kFast,
     .keys = kAllKeys,
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "3.2.1",
     .complexity = "O(N) for N keys",
     .summary = "Makes keys count as just used, and counts those that are there.",
     .syntax = "key ...",
     .handler = cmd_touch,
     .categories = "@keyspace",
     .tips = "request_policy:multi_shard response_policy:agg_sum"},
    {.name = "type",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells which type of value a key holds.",
     .syntax = "key",
     .handler = cmd_type,
     .categories = "@keyspace"},
    {.name = "rename",
     .arity = 3,
     .flags = kWrite,
     .keys = {1, 2, 1},
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key another name, and replaces what had it.",
     .syntax = "key newkey:key",
     .handler = cmd_rename,
     .categories = "@keyspace",
     .key_specs = kRenameKeys},
    {.name = "renamenx",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = {1, 2, 1},
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Gives a key another name, if no other key has it.",
     .syntax = "key newkey:key",
     .handler = cmd_renamenx,
     .categories = "@keyspace",
     .key_specs = kRenamenxKeys},
    {.name = "copy",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = {1, 2, 1},
     .group = "generic",
     .since = "6.2.0",
     .complexity = "O(N) for a value of N elements",
     .summary = "Copies a key's value and expiry to another key.",
     .syntax = "source:key destination:key [DB destination-db:integer] [REPLACE]",
     .handler = cmd_copy,
     .categories = "@keyspace",
     .key_specs = kCopyKeys},
    {.name = "move",
     .arity = 3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate,
     .group = "generic",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Moves a key to another database, if it is not there already.",
     .syntax = "key db:integer",
     .handler = cmd_move,
     .categories = "@keyspace"},
};

}  // namespace

std::span<const CommandSpec> key_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
