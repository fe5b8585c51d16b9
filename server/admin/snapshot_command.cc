// SNAPSHOT: status, history, causes, forecast, timeline, help. Not a command of Redis.
//
// Like INFO, it only looks, names no key and belongs to whoever watches over the server: it is in @slow and @dangerous
// (figures of the whole server are not for every client), but not in @admin, which a user for monitoring need not be
// given. It answers while the dataset is loading: the history is there already.
#include <fmt/format.h>

#include "commands/arguments.h"
#include "server/admin/admin_arguments.h"
#include "server/admin/admin_families.h"
#include "server/admin/snapshot_replies.h"
#include "server/observatory.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;
using persistence::SaveRecord;

SnapshotView look(Server& server) {
  Observatory& observatory = server.observatory();
  SnapshotView view;
  const SaveRecord* current = observatory.current();  // first: it brings everything up to date
  view.save = current != nullptr ? current : observatory.latest();
  if (current != nullptr) view.running = observatory.forecast_running();
  view.next = observatory.forecast_next();
  view.verdict = observatory.verdict_next();
  view.writes_per_second = observatory.writes_per_second();
  view.guard = server.saves().guard().state();
  view.inside = server.command_latency().inside();
  view.outside = server.command_latency().outside();
  return view;
}

void cmd_snapshot_status(CommandContext& c) {
  reply_status(c.reply, look(server_of(c)));
}

void cmd_snapshot_forecast(CommandContext& c) {
  Server& server = server_of(c);
  reply_forecast(c.reply, look(server), server.observatory().history());
}

void cmd_snapshot_history(CommandContext& c) {
  const auto count = count_argument(c, "SNAPSHOT");
  if (count) reply_history(c.reply, server_of(c).observatory().history(), *count);
}

// Calls reply(writer, save) for the save that the client named, or the last one, which may be null.
template <typename ReplySave>
void with_save(CommandContext& c, ReplySave reply) {
  if (c.args.size() > 3) return c.reply.error(bad_subcommand(c.args[1], "SNAPSHOT"));
  Observatory& observatory = server_of(c).observatory();
  const SaveRecord* current = observatory.current();
  if (c.args.size() == 2) return reply(c.reply, current != nullptr ? current : observatory.latest());
  const auto id = integer_argument(c, 2);
  if (!id) return;
  const SaveRecord* save = *id > 0 ? observatory.find(static_cast<uint64_t>(*id)) : nullptr;
  if (save == nullptr) return c.reply.error(fmt::format("ERR no save with id {} is known", *id));
  reply(c.reply, save);
}

void cmd_snapshot_causes(CommandContext& c) {
  with_save(c, reply_causes);
}

void cmd_snapshot_timeline(CommandContext& c) {
  with_save(c, reply_timeline);
}

void cmd_snapshot_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "CAUSES [<id>]",
      "    Show what made memory grow during a save, the largest cause first: command,",
      "    database, kind of memory, and why. The last save unless <id> says otherwise.",
      "FORECAST",
      "    Tell what a save that begins now would cost, and whether memory allows it.",
      "HISTORY [<count>]",
      "    Show the newest saves: 10 unless <count> says otherwise, all of them for -1.",
      "STATUS",
      "    Show the save at work, or the last one, what it costs, and what is left.",
      "TIMELINE [<id>]",
      "    Show how memory, writes and latency went during a save, a row for each look.",
      "    The last save unless <id> says otherwise.",
  };
  reply_help(c, "SNAPSHOT", kLines);
}

constexpr uint32_t kLookFlags = kLoading | kStale;
constexpr std::string_view kNodeTips = "nondeterministic_output request_policy:all_nodes response_policy:special";
constexpr std::string_view kSince = "0.1.0";  // Cowslip's own version

constexpr CommandSpec kSubcommands[] = {
    {.name = "status",
     .arity = 2,
     .flags = kLookFlags,
     .group = "server",
     .since = kSince,
     .complexity = "O(N) for N points of the save's timeline",
     .summary = "Shows the background save at work, or the last one, and what it costs.",
     .handler = cmd_snapshot_status,
     .categories = "@dangerous",
     .tips = kNodeTips},
    {.name = "history",
     .arity = -2,
     .flags = kLookFlags,
     .group = "server",
     .since = kSince,
     .complexity = "O(N) for N points of the timelines of the saves shown",
     .summary = "Shows the newest background saves, and what each of them cost.",
     .syntax = "[count:integer]",
     .handler = cmd_snapshot_history,
     .categories = "@dangerous",
     .tips = kNodeTips},
    {.name = "causes",
     .arity = -2,
     .flags = kLookFlags,
     .group = "server",
     .since = kSince,
     .complexity = "O(N) for N causes",
     .summary = "Shows which commands made memory grow during a save, and how.",
     .syntax = "[id:integer]",
     .handler = cmd_snapshot_causes,
     .categories = "@dangerous",
     .tips = kNodeTips},
    {.name = "forecast",
     .arity = 2,
     .flags = kLookFlags,
     .group = "server",
     .since = kSince,
     .complexity = "O(N) for N saves in the history",
     .summary = "Tells what a background save that begins now would cost, and whether memory allows it.",
     .handler = cmd_snapshot_forecast,
     .categories = "@dangerous",
     .tips = kNodeTips},
    {.name = "timeline",
     .arity = -2,
     .flags = kLookFlags,
     .group = "server",
     .since = kSince,
     .complexity = "O(N) for N points of the save's timeline",
     .summary = "Shows how memory, writes and latency went during a save.",
     .syntax = "[id:integer]",
     .handler = cmd_snapshot_timeline,
     .categories = "@dangerous",
     .tips = kNodeTips},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = kSince,
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_snapshot_help},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "snapshot",
     .arity = -2,
     .group = "server",
     .since = kSince,
     .complexity = "Depends on subcommand.",
     .summary = "Shows what background saves cost: now, before, and next time.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> snapshot_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
