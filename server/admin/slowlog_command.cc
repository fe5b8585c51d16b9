// SLOWLOG: get, len, reset, help.
#include <algorithm>

#include "commands/arguments.h"
#include "server/admin/admin_arguments.h"
#include "server/admin/admin_families.h"
#include "server/server.h"
#include "server/slowlog.h"

namespace cowslip::server {
namespace {

using namespace commands;

void reply_entry(CommandContext& c, const Slowlog::Entry& entry) {
  c.reply.array(6);
  c.reply.integer(static_cast<int64_t>(entry.id));
  c.reply.integer(entry.unix_seconds);
  c.reply.integer(entry.duration_us);
  c.reply.array(entry.arguments.size());
  for (const std::string& argument : entry.arguments) c.reply.bulk(argument);
  c.reply.bulk(entry.client_address);
  c.reply.bulk(entry.client_name);
}

void cmd_slowlog_get(CommandContext& c) {
  const auto count = count_argument(c, "SLOWLOG");
  if (!count) return;
  const auto& entries = server_of(c).slowlog().entries();
  const size_t shown = std::min(*count, entries.size());
  c.reply.array(shown);
  for (size_t i = 0; i < shown; i++) reply_entry(c, entries[i]);
}

void cmd_slowlog_len(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(server_of(c).slowlog().entries().size()));
}

void cmd_slowlog_reset(CommandContext& c) {
  server_of(c).slowlog().reset();
  c.reply.ok();
}

void cmd_slowlog_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "GET [<count>]",
      "    Show the newest entries: 10 unless <count> says otherwise, all of them for -1.",
      "    An entry is: id, time, duration in microseconds, arguments, address and",
      "    name of the client.",
      "LEN",
      "    Tell the number of entries.",
      "RESET",
      "    Forget all entries.",
  };
  reply_help(c, "SLOWLOG", kLines);
}

constexpr uint32_t kAdminFlags = kAdmin | kLoading | kStale;

constexpr CommandSpec kSubcommands[] = {
    {.name = "get",
     .arity = -2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.2.12",
     .complexity = "O(N) for N entries shown",
     .summary = "Shows the newest entries of the slow log.",
     .syntax = "[count:integer]",
     .handler = cmd_slowlog_get,
     .tips = "request_policy:all_nodes nondeterministic_output"},
    {.name = "len",
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.2.12",
     .complexity = "O(1)",
     .summary = "Tells how many entries the slow log has.",
     .handler = cmd_slowlog_len,
     .tips = "request_policy:all_nodes response_policy:agg_sum nondeterministic_output"},
    {.name = "reset",
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.2.12",
     .complexity = "O(N) for N entries",
     .summary = "Empties the slow log.",
     .handler = cmd_slowlog_reset,
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_slowlog_help},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "slowlog",
     .arity = -2,
     .group = "server",
     .since = "2.2.12",
     .complexity = "Depends on subcommand.",
     .summary = "Shows the commands that took long.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> slowlog_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
