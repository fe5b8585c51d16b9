// Databases as wholes: empty them, exchange them.
#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

// Whether the memory is to be freed in the background: as the option says, otherwise as the configuration does.
std::optional<bool> flush_in_background(CommandContext& c) {
  if (c.args.size() == 1) return c.host.limits().lazyfree_lazy_user_flush;
  if (c.args.size() == 2 && is_option(c.args[1], "ASYNC")) return true;
  if (c.args.size() == 2 && is_option(c.args[1], "SYNC")) return false;
  c.reply.error(kSyntaxError);
  return std::nullopt;
}

void cmd_flushdb(CommandContext& c) {
  const auto in_background = flush_in_background(c);
  if (!in_background) return;
  c.keyspace.add_dirty(c.keyspace.flush(c.session.database, *in_background));
  c.reply.ok();
}

void cmd_flushall(CommandContext& c) {
  const auto in_background = flush_in_background(c);
  if (!in_background) return;
  c.keyspace.add_dirty(c.keyspace.flush_all(*in_background));
  c.host.on_flush_all();
  c.reply.ok();
}

void cmd_swapdb(CommandContext& c) {
  const auto first = int_argument(c, 1, "ERR invalid first DB index");
  if (!first) return;
  const auto second = int_argument(c, 2, "ERR invalid second DB index");
  if (!second) return;
  const auto exists = [&](int number) { return number >= 0 && number < c.keyspace.count(); };
  if (!exists(*first) || !exists(*second)) return c.reply.error(kDatabaseOutOfRange);
  c.keyspace.swap(*first, *second);
  c.keyspace.add_dirty(1);
  c.reply.ok();
}

constexpr CommandSpec kSpecs[] = {
    {.name = "flushdb",
     .arity = -1,
     .flags = kWrite,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) for N keys in the database",
     .summary = "Deletes all keys of the database.",
     .syntax = "[flush-type= ASYNC | SYNC]",
     .handler = cmd_flushdb,
     .categories = "@keyspace @dangerous",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "flushall",
     .arity = -1,
     .flags = kWrite,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) for N keys in all databases",
     .summary = "Deletes all keys of all databases.",
     .syntax = "[flush-type= ASYNC | SYNC]",
     .handler = cmd_flushall,
     .categories = "@keyspace @dangerous",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "swapdb",
     .arity = 3,
     .flags = kWrite | kFast,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Exchanges two databases, for all clients at once.",
     .syntax = "index1:integer index2:integer",
     .handler = cmd_swapdb,
     .categories = "@keyspace @dangerous"},
};

}  // namespace

std::span<const CommandSpec> database_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
