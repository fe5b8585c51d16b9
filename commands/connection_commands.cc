// What concerns a connection but needs nothing of the server. AUTH, HELLO, CLIENT and their like are in server/.
#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

void cmd_ping(CommandContext& c) {
  if (c.args.size() > 2) return c.reply.error(wrong_arity(c.spec.name));
  if (c.session.in_subscriber_mode()) {  // in the form of a message
    c.reply.array(2);
    c.reply.bulk("pong");
    return c.reply.bulk(c.args.size() == 2 ? c.args[1] : std::string_view());
  }
  if (c.args.size() == 2) return c.reply.bulk(c.args[1]);
  c.reply.simple("PONG");
}

void cmd_echo(CommandContext& c) {
  c.reply.bulk(c.args[1]);
}

void cmd_select(CommandContext& c) {
  const auto number = database_argument(c, 1);
  if (!number) return;
  c.session.database = *number;
  c.reply.ok();
}

void cmd_time(CommandContext& c) {
  constexpr int64_t kSecond = 1'000'000;
  const int64_t now_us = c.host.clock().unix_us();
  c.reply.array(2);
  c.reply.bulk_integer(now_us / kSecond);
  c.reply.bulk_integer(now_us % kSecond);
}

constexpr CommandSpec kSpecs[] = {
    {.name = "ping",
     .arity = -1,
     .flags = kFast | kInSubscriberMode,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Asks for a sign of life: PONG, or the message sent.",
     .syntax = "[message]",
     .handler = cmd_ping,
     .categories = "@connection",
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "echo",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Replies with the message sent.",
     .syntax = "message",
     .handler = cmd_echo,
     .categories = "@connection"},
    {.name = "select",
     .arity = 2,
     .flags = kLoading | kStale | kFast,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Chooses the database that this connection works on.",
     .syntax = "index:integer",
     .handler = cmd_select,
     .categories = "@connection"},
    {.name = "time",
     .arity = 1,
     .flags = kLoading | kStale | kFast,
     .group = "server",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Tells the server's time: seconds since 1970, and microseconds of the present one.",
     .handler = cmd_time,
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> connection_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
