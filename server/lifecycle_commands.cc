// Commands about the server's own life: saving and ending it, and its place among others.
#include <fmt/format.h>

#include <optional>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "server/config.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/server_families.h"
#include "server/shutdown.h"
#include "server/snapshot_feed.h"

namespace cowslip::server {

namespace {

using commands::CommandContext;
using commands::CommandSpec;
using commands::is_option;

constexpr std::string_view kWaysAround = ". BGSAVE FORCE saves all the same, BGSAVE SCHEDULE when it fits";
constexpr std::string_view kSaveInProgress = "ERR Background save already in progress";

void cmd_save(CommandContext& c) {
  SaveControl& saves = server_of(c).saves();
  if (saves.child_running()) return c.reply.error(kSaveInProgress);
  const Status saved = saves.save();
  if (!saved) return c.reply.error("ERR " + saved.error().message);
  c.reply.ok();
}

void start_background_save(CommandContext& c, SaveControl::Admission admission, bool or_schedule) {
  SaveControl& saves = server_of(c).saves();
  const bool forced = admission == SaveControl::Admission::kForced;
  const Status started = saves.start_background(forced ? "BGSAVE FORCE command" : "BGSAVE command", admission);
  if (started) return c.reply.simple("Background saving started");
  const bool does_not_fit = started.error().code == ErrorCode::kLimit;
  if (does_not_fit && or_schedule) {
    saves.schedule();
    return c.reply.simple("Background saving scheduled");
  }
  c.reply.error(fmt::format("ERR {}{}", started.error().message, does_not_fit ? kWaysAround : ""));
}

void cancel_background_save(CommandContext& c) {
  Server& server = server_of(c);
  if (server.saves().child_running()) {
    server.log().notice("Background saving will be aborted due to user request");
    server.saves().cancel();
    return c.reply.simple("Background saving cancelled");
  }
  if (server.saves().unschedule()) {
    server.log().notice("Scheduled background saving will be cancelled due to user request");
    return c.reply.simple("Scheduled background saving cancelled");
  }
  c.reply.error("ERR Background saving is currently not in progress or scheduled");
}

// A snapshot holds the whole of a transaction or nothing of it.
void schedule_after_transaction(CommandContext& c, SaveControl::Admission admission) {
  server_of(c).saves().schedule(admission);
  c.reply.simple("Background saving scheduled");
}

void cmd_bgsave(CommandContext& c) {
  Server& server = server_of(c);
  const bool schedule = c.args.size() == 2 && is_option(c.args[1], "schedule");
  const bool cancel = c.args.size() == 2 && is_option(c.args[1], "cancel");
  // Ours: saves although the guard expects it not to fit.
  const bool force = c.args.size() == 2 && is_option(c.args[1], "force");
  if (c.args.size() > 1 && !schedule && !cancel && !force) return c.reply.error(commands::kSyntaxError);
  if (cancel) return cancel_background_save(c);
  using enum SaveControl::Admission;
  if (c.session.in_exec && !server.saves().child_running())
    return schedule_after_transaction(c, force ? kForced : kGuarded);
  if (!server.saves().child_running()) {
    return start_background_save(c, force ? kForced : kGuarded, schedule);
  }
  // A child that serves a SYNC is not the save that was asked for, so one may be scheduled after it.
  if (!schedule || !server.snapshot_feed().owns_child()) return c.reply.error(kSaveInProgress);
  server.saves().schedule();
  c.reply.simple("Background saving scheduled");
}

void cmd_lastsave(CommandContext& c) {
  c.reply.integer(server_of(c).saves().state().last_save_unix_s);
}

struct ShutdownRequest {
  ShutdownFlags flags;
  bool abort = false;
};

std::optional<ShutdownRequest> parse_shutdown(std::span<const std::string_view> options) {
  ShutdownRequest request;
  for (const std::string_view option : options) {
    if (is_option(option, "nosave")) {
      request.flags.nosave = true;
    } else if (is_option(option, "save")) {
      request.flags.save = true;
    } else if (is_option(option, "now")) {
      request.flags.now = true;
    } else if (is_option(option, "force")) {
      request.flags.force = true;
    } else if (is_option(option, "abort")) {
      request.abort = true;
    } else {
      return {};
    }
  }
  const bool contradiction = (request.flags.save && request.flags.nosave) || (request.abort && options.size() > 1);
  return contradiction ? std::nullopt : std::optional(request);
}

void cmd_shutdown(CommandContext& c) {
  const auto request = parse_shutdown(c.args.subspan(1));
  if (!request) return c.reply.error(commands::kSyntaxError);
  // Nothing here takes long enough to be aborted: there are no replicas to wait for.
  if (request->abort) return c.reply.error("ERR No shutdown in progress.");
  if (!server_of(c).shutdown().prepare(request->flags)) {
    return c.reply.error("ERR Errors trying to SHUTDOWN. Check logs.");
  }
  // Success has no reply: the connection ends.
}

void cmd_role(CommandContext& c) {
  c.reply.array(3);
  c.reply.bulk("master");
  c.reply.integer(0);
  c.reply.array(0);
}

void cmd_wait(CommandContext& c) {
  if (!commands::integer_argument(c, 1)) return;
  const auto timeout = commands::integer_argument(c, 2, "ERR timeout is not an integer or out of range");
  if (!timeout) return;
  if (*timeout < 0) return c.reply.error("ERR timeout is negative");
  c.reply.integer(0);  // there are no replicas that a write could have reached
}

using enum commands::CommandFlag;

constexpr CommandSpec kSpecs[] = {
    {.name = "save",
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) where N is the total number of keys in all databases",
     .summary = "Saves the dataset while all clients wait.",
     .handler = cmd_save},
    {.name = "bgsave",
     .arity = -1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Saves the dataset in the background, later, or not after all.",
     .syntax = "[operation= SCHEDULE | CANCEL | FORCE]",
     .handler = cmd_bgsave},
    {.name = "lastsave",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells when the dataset was last saved, in seconds since 1970.",
     .handler = cmd_lastsave,
     .categories = "@admin @dangerous",
     .tips = "nondeterministic_output"},
    {.name = "shutdown",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kNoMulti | kAllowBusy,
     .group = "server",
     .since = "1.0.0",
     .complexity = "O(N) when saving, where N is the total number of keys in all databases when saving data, "
                   "otherwise O(1)",
     .summary = "Saves the dataset if there are save points, and ends the server.",
     .syntax = "[nosave_save= NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
     .handler = cmd_shutdown},
    {.name = "role",
     .arity = 1,
     .flags = kNoScript | kLoading | kStale | kFast,
     .group = "server",
     .since = "2.8.12",
     .complexity = "O(1)",
     .summary = "Tells the server's place in replication.",
     .handler = cmd_role,
     .categories = "@admin @dangerous"},
    {.name = "wait",
     .arity = 3,
     .flags = kNoScript,
     .group = "generic",
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Waits until so many replicas have this client's writes; tells how many have.",
     .syntax = "numreplicas:integer timeout:integer",
     .handler = cmd_wait,
     .categories = "@connection",
     .tips = "request_policy:all_shards response_policy:agg_min"},
};

}  // namespace

std::span<const CommandSpec> lifecycle_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
