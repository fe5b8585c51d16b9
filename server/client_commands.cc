// CLIENT: who is connected, and what may be asked of a connection.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "base/numbers.h"
#include "base/text.h"
#include "commands/arguments.h"
#include "server/admin/admin_arguments.h"
#include "server/blocked_clients.h"
#include "server/client_registry.h"
#include "server/client_text.h"
#include "server/connection.h"
#include "server/event_loop.h"
#include "server/pause_control.h"
#include "server/server.h"
#include "server/server_families.h"

namespace cowslip::server {

bool is_valid_client_name(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return c >= '!' && c <= '~'; });
}

namespace {

using commands::CommandContext;
using commands::CommandSpec;
using commands::is_option;

constexpr std::string_view kUnblocked = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

int64_t now_ms(CommandContext& c) {
  return c.host.clock().monotonic_us() / 1000;
}

void cmd_client_id(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(c.session.id));
}

void cmd_client_info(CommandContext& c) {
  const Connection* client = server_of(c).current_client();
  c.reply.verbatim(client == nullptr ? std::string() : client_line(*client, now_ms(c)) + '\n');
}

// ---- CLIENT LIST ----

void list_of_type(CommandContext& c, ClientType type) {
  std::string lines;
  server_of(c).clients().for_each([&](Connection& client) {
    if (client_type_of(client) == type) lines += client_line(client, now_ms(c)) + '\n';
  });
  c.reply.verbatim(lines);
}

void list_of_ids(CommandContext& c, std::span<const std::string_view> ids) {
  std::string lines;
  for (const std::string_view text : ids) {
    const auto id = parse_int64(text);
    if (!id) return c.reply.error("ERR Invalid client ID");
    const Connection* client = server_of(c).clients().find(static_cast<uint64_t>(*id));
    if (client != nullptr) lines += client_line(*client, now_ms(c)) + '\n';
  }
  c.reply.verbatim(lines);
}

void cmd_client_list(CommandContext& c) {
  if (c.args.size() == 4 && is_option(c.args[2], "type")) {
    const auto type = parse_client_type(c.args[3]);
    if (!type) return c.reply.error(fmt::format("ERR Unknown client type '{}'", c.args[3]));
    return list_of_type(c, *type);
  }
  if (c.args.size() > 3 && is_option(c.args[2], "id")) return list_of_ids(c, c.args.subspan(3));
  if (c.args.size() != 2) return c.reply.error(commands::kSyntaxError);
  std::string lines;
  server_of(c).clients().for_each([&](Connection& client) { lines += client_line(client, now_ms(c)) + '\n'; });
  c.reply.verbatim(lines);
}

// ---- names ----

void cmd_client_getname(CommandContext& c) {
  if (c.session.name.empty()) return c.reply.null();
  c.reply.bulk(c.session.name);
}

void cmd_client_setname(CommandContext& c) {
  if (!is_valid_client_name(c.args[2])) return c.reply.error(kInvalidClientName);
  c.session.name = c.args[2];
  c.reply.ok();
}

void cmd_client_setinfo(CommandContext& c) {
  std::string* field = is_option(c.args[2], "lib-name")  ? &c.session.library_name
                       : is_option(c.args[2], "lib-ver") ? &c.session.library_version
                                                         : nullptr;
  if (field == nullptr) return c.reply.error(fmt::format("ERR Unrecognized option '{}'", c.args[2]));
  if (!is_valid_client_name(c.args[3])) {
    return c.reply.error(fmt::format("ERR {} cannot contain spaces, newlines or special characters.", c.args[2]));
  }
  *field = c.args[3];
  c.reply.ok();
}

// ---- modes of the connection ----

// The value of an argument that is ON or OFF, or an error reply.
std::optional<bool> switch_argument(CommandContext& c) {
  if (is_option(c.args[2], "on")) return true;
  if (is_option(c.args[2], "off")) return false;
  c.reply.error(commands::kSyntaxError);
  return {};
}

void cmd_client_no_evict(CommandContext& c) {
  const auto on = switch_argument(c);
  if (!on) return;
  c.session.no_evict = *on;
  c.reply.ok();
}

void cmd_client_no_touch(CommandContext& c) {
  const auto on = switch_argument(c);
  if (!on) return;
  c.session.no_touch = *on;
  c.reply.ok();
}

void cmd_client_reply(CommandContext& c) {
  using commands::ReplyMode;
  if (is_option(c.args[2], "on")) {
    c.session.reply_mode = ReplyMode::kOn;
    c.reply.ok();
  } else if (is_option(c.args[2], "off")) {
    c.session.reply_mode = ReplyMode::kOff;
  } else if (is_option(c.args[2], "skip")) {
    if (c.session.reply_mode != ReplyMode::kOff) c.session.reply_mode = ReplyMode::kSkipNext;
  } else {
    c.reply.error(commands::kSyntaxError);
  }
}

// ---- pausing ----

void cmd_client_pause(CommandContext& c) {
  auto mode = PauseControl::Mode::kAll;
  if (c.args.size() > 4) return c.reply.error(bad_subcommand(c.args[1], "CLIENT"));
  if (c.args.size() == 4) {
    if (is_option(c.args[3], "write")) {
      mode = PauseControl::Mode::kWrites;
    } else if (!is_option(c.args[3], "all")) {
      return c.reply.error("ERR CLIENT PAUSE mode must be WRITE or ALL");
    }
  }
  const auto timeout_ms = commands::integer_argument(c, 2, "ERR timeout is not an integer or out of range");
  if (!timeout_ms) return;
  if (*timeout_ms < 0) return c.reply.error("ERR timeout is negative");
  const int64_t now = now_ms(c);
  if (*timeout_ms > std::numeric_limits<int64_t>::max() - now) return c.reply.error("ERR timeout is out of range");
  server_of(c).pauses().pause(mode, now + *timeout_ms);
  c.keyspace.set_deletes_expired(false);
  c.reply.ok();
}

void cmd_client_unpause(CommandContext& c) {
  Server& server = server_of(c);
  server.pauses().end();
  server.resume_paused_clients();
  c.reply.ok();
}

void cmd_client_unblock(CommandContext& c) {
  if (c.args.size() > 4) return c.reply.error(bad_subcommand(c.args[1], "CLIENT"));
  if (c.args.size() == 4 && !is_option(c.args[3], "timeout") && !is_option(c.args[3], "error")) {
    return c.reply.error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  const auto id = commands::integer_argument(c, 2);
  if (!id) return;
  const bool with_error = c.args.size() == 4 && is_option(c.args[3], "error");
  Connection* client = server_of(c).clients().find(static_cast<uint64_t>(*id));
  const bool unblocked = client != nullptr && server_of(c).blocked().unblock(*client, with_error ? kUnblocked : "");
  c.reply.integer(unblocked ? 1 : 0);
}

void cmd_client_help(CommandContext& c) {
  static constexpr std::string_view kLines[] = {
      "CACHING (YES|NO)",
      "    With tracking in OPTIN or OPTOUT mode: follow what the next command reads, or do not.",
      "GETREDIR",
      "    Tell the number of the connection that gets this one's invalidation messages.",
      "GETNAME",
      "    Tell the name of this connection.",
      "ID",
      "    Tell the number of this connection.",
      "INFO",
      "    Describe this connection.",
      "KILL <ip:port>",
      "    Close the connection made from <ip:port>.",
      "KILL <option> <value> [<option> <value> [...]]",
      "    Close all connections that fit every option:",
      "    * ADDR (<ip:port>|<unixsocket>:0)",
      "      Made from this address",
      "    * LADDR (<ip:port>|<unixsocket>:0)",
      "      Made to this address",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Of this type",
      "    * USER <username>",
      "      Authenticated as this user",
      "    * ID <client-id>",
      "      With this number",
      "    * MAXAGE <seconds>",
      "      At least this old",
      "    * SKIPME (YES|NO)",
      "      Spare this connection (default: yes)",
      "LIST [options ...]",
      "    Describe the connections, one a line. Options:",
      "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
      "      Those of this type",
      "    * ID <client-id> [<client-id> ...]",
      "      Those with these numbers",
      "NO-EVICT (ON|OFF)",
      "    Spare this connection when clients are evicted.",
      "NO-TOUCH (ON|OFF)",
      "    Let this connection's reads leave no trace in the keys' access times.",
      "PAUSE <timeout> [WRITE|ALL]",
      "    Make all clients, or those that write, wait for <timeout> milliseconds.",
      "REPLY (ON|OFF|SKIP)",
      "    Say whether this connection gets replies.",
      "SETINFO <option> <value>",
      "    Tell about the client. Options:",
      "    * LIB-NAME: the client library's name",
      "    * LIB-VER: the client library's version",
      "SETNAME <name>",
      "    Name this connection.",
      "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]] [OPTIN] [OPTOUT] [NOLOOP]",
      "    Say whether this connection hears of changes of the keys that it caches.",
      "TRACKINGINFO",
      "    Tell how tracking is set up for this connection.",
      "UNBLOCK <clientid> [TIMEOUT|ERROR]",
      "    End the wait of a client in a blocking command.",
      "UNPAUSE",
      "    End a pause.",
  };
  commands::reply_help(c, "CLIENT", kLines);
}

using enum commands::CommandFlag;

constexpr uint32_t kOwn = kNoScript | kLoading | kStale;              // about the connection itself
constexpr uint32_t kOthers = kAdmin | kNoScript | kLoading | kStale;  // about others' connections

constexpr CommandSpec kSubcommands[] = {
    {.name = "caching",
     .arity = 3,
     .flags = kOwn,
     .group = "connection",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Says whether the keys that the next command reads are followed for the connection.",
     .syntax = "<mode= YES | NO>",
     .handler = cmd_client_caching,
     .categories = "@connection"},
    {.name = "getname",
     .arity = 2,
     .flags = kOwn,
     .group = "connection",
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Tells the connection's name.",
     .handler = cmd_client_getname,
     .categories = "@connection"},
    {.name = "getredir",
     .arity = 2,
     .flags = kOwn,
     .group = "connection",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Tells which connection gets the messages of client-side caching instead of this one.",
     .handler = cmd_client_getredir,
     .categories = "@connection"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "connection",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_client_help,
     .categories = "@connection"},
    {.name = "id",
     .arity = 2,
     .flags = kOwn,
     .group = "connection",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Tells the connection's number, which is never given twice.",
     .handler = cmd_client_id,
     .categories = "@connection"},
    {.name = "info",
     .arity = 2,
     .flags = kOwn,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Describes the connection.",
     .handler = cmd_client_info,
     .categories = "@connection",
     .tips = "nondeterministic_output"},
    {.name = "kill",
     .arity = -3,
     .flags = kOthers,
     .group = "connection",
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .summary = "Closes connections.",
     .syntax = "<filter= old-format | <new-format= [ID client-id:integer] [TYPE <NORMAL | MASTER | SLAVE | REPLICA | "
               "PUBSUB>] [USER username] [ADDR addr] [LADDR laddr] [SKIPME <YES | NO>] [MAXAGE maxage:integer]> ...>",
     .handler = cmd_client_kill,
     .categories = "@connection"},
    {.name = "list",
     .arity = -2,
     .flags = kOthers,
     .group = "connection",
     .since = "2.4.0",
     .complexity = "O(N) where N is the number of client connections",
     .summary = "Describes the connections.",
     .syntax = "[TYPE <client-type= NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id:integer ...]",
     .handler = cmd_client_list,
     .categories = "@connection",
     .tips = "nondeterministic_output"},
    {.name = "no-evict",
     .arity = 3,
     .flags = kOthers,
     .group = "connection",
     .since = "7.0.0",
     .complexity = "O(1)",
     .summary = "Spares the connection when clients are evicted.",
     .syntax = "<enabled= ON | OFF>",
     .handler = cmd_client_no_evict,
     .categories = "@connection"},
    {.name = "no-touch",
     .arity = 3,
     .flags = kOwn,
     .group = "connection",
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Lets the connection's reads leave the keys' access times alone.",
     .syntax = "<enabled= ON | OFF>",
     .handler = cmd_client_no_touch,
     .categories = "@connection"},
    {.name = "pause",
     .arity = -3,
     .flags = kOthers,
     .group = "connection",
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Makes clients' commands wait.",
     .syntax = "timeout:integer [mode= WRITE | ALL]",
     .handler = cmd_client_pause,
     .categories = "@connection"},
    {.name = "reply",
     .arity = 3,
     .flags = kOwn,
     .group = "connection",
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Says whether the connection gets replies.",
     .syntax = "<action= ON | OFF | SKIP>",
     .handler = cmd_client_reply,
     .categories = "@connection"},
    {.name = "setinfo",
     .arity = 4,
     .flags = kOwn,
     .group = "connection",
     .since = "7.2.0",
     .complexity = "O(1)",
     .summary = "Tells the server which library the client uses.",
     .syntax = "<attr= LIB-NAME libname | LIB-VER libver>",
     .handler = cmd_client_setinfo,
     .categories = "@connection",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "setname",
     .arity = 3,
     .flags = kOwn,
     .group = "connection",
     .since = "2.6.9",
     .complexity = "O(1)",
     .summary = "Names the connection.",
     .syntax = "connection-name",
     .handler = cmd_client_setname,
     .categories = "@connection",
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "tracking",
     .arity = -3,
     .flags = kOwn,
     .group = "connection",
     .since = "6.0.0",
     .complexity = "O(1). Some options may introduce additional complexity.",
     .summary = "Switches on or off that the connection is told when keys that it has read, or that have its prefixes, "
                "change.",
     .syntax = "<status= ON | OFF> [REDIRECT client-id:integer] [PREFIX prefix ...] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
     .handler = cmd_client_tracking,
     .categories = "@connection"},
    {.name = "trackinginfo",
     .arity = 2,
     .flags = kOwn,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Tells how client-side caching is set up for the connection.",
     .handler = cmd_client_trackinginfo,
     .categories = "@connection"},
    {.name = "unblock",
     .arity = -3,
     .flags = kOthers,
     .group = "connection",
     .since = "5.0.0",
     .complexity = "O(log N) where N is the number of client connections",
     .summary = "Ends a client's wait in a blocking command.",
     .syntax = "client-id:integer [unblock-type= TIMEOUT | ERROR]",
     .handler = cmd_client_unblock,
     .categories = "@connection"},
    {.name = "unpause",
     .arity = 2,
     .flags = kOthers,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(N) Where N is the number of paused clients",
     .summary = "Ends a pause.",
     .handler = cmd_client_unpause,
     .categories = "@connection"},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "client",
     .arity = -2,
     .group = "connection",
     .since = "2.4.0",
     .complexity = "Depends on subcommand.",
     .summary = "Commands about connections.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> client_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
