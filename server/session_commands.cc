// Commands about who the client is and how it is spoken to.
#include <fmt/format.h>

#include <optional>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "persistence/rdb_format.h"
#include "server/config.h"
#include "server/connection.h"
#include "server/monitor_feed.h"
#include "server/secret.h"
#include "server/server.h"
#include "server/server_families.h"

namespace cowslip::server {

namespace {

using commands::CommandContext;
using commands::CommandSpec;
using commands::is_option;

constexpr std::string_view kWrongPassword = "WRONGPASS invalid username-password pair or user is disabled.";
constexpr std::string_view kNoPasswordConfigured =
    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration "
    "is correct?";
constexpr std::string_view kHelloNeedsAuthentication =
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> "
    "option can be used to authenticate the client and select the RESP protocol version at the same time";
constexpr std::string_view kDefaultUser = "default";

bool authenticate(CommandContext& c, std::string_view user, std::string_view password) {
  Server& server = server_of(c);
  const std::string& secret = server.config().requirepass;
  if (user == kDefaultUser && (secret.empty() || is_same_secret(password, secret))) {
    c.session.authenticated = true;
    c.session.user = kDefaultUser;
    return true;
  }
  server.statistics().access_denied_auth++;
  c.reply.error(kWrongPassword);
  return false;
}

void cmd_auth(CommandContext& c) {
  if (c.args.size() > 3) return c.reply.error(commands::kSyntaxError);
  const bool only_password = c.args.size() == 2;
  if (only_password && server_of(c).config().requirepass.empty()) return c.reply.error(kNoPasswordConfigured);
  if (authenticate(c, only_password ? kDefaultUser : c.args[1], c.args.back())) c.reply.ok();
}

struct HelloRequest {
  std::optional<int> protocol;
  std::optional<std::string_view> user;
  std::string_view password;
  std::optional<std::string_view> name;
};

std::optional<HelloRequest> parse_hello(CommandContext& c) {
  HelloRequest request;
  if (c.args.size() == 1) return request;
  const auto version = parse_int64(c.args[1]);
  if (!version) {
    c.reply.error("ERR Protocol version is not an integer or out of range");
    return {};
  }
  if (*version != protocol::kResp2 && *version != protocol::kResp3) {
    c.reply.error("NOPROTO unsupported protocol version");
    return {};
  }
  request.protocol = static_cast<int>(*version);
  for (size_t i = 2; i < c.args.size();) {
    const size_t left = c.args.size() - 1 - i;
    if (is_option(c.args[i], "auth") && left >= 2) {
      request.user = c.args[i + 1];
      request.password = c.args[i + 2];
      i += 3;
    } else if (is_option(c.args[i], "setname") && left >= 1) {
      request.name = c.args[i + 1];
      if (!is_valid_client_name(*request.name)) {
        c.reply.error(kInvalidClientName);
        return {};
      }
      i += 2;
    } else {
      c.reply.error(fmt::format("ERR Syntax error in HELLO option '{}'", c.args[i]));
      return {};
    }
  }
  return request;
}

void reply_hello(CommandContext& c) {
  c.reply.map(7);
  c.reply.bulk("server");
  c.reply.bulk("redis");
  c.reply.bulk("version");
  c.reply.bulk(persistence::kRedisVersion);
  c.reply.bulk("proto");
  c.reply.integer(c.session.resp_version);
  c.reply.bulk("id");
  c.reply.integer(static_cast<int64_t>(c.session.id));
  c.reply.bulk("mode");
  c.reply.bulk("standalone");
  c.reply.bulk("role");
  c.reply.bulk("master");
  c.reply.bulk("modules");
  c.reply.array(0);
}

void cmd_hello(CommandContext& c) {
  const auto request = parse_hello(c);
  if (!request) return;
  if (request->user && !authenticate(c, *request->user, request->password)) return;
  const bool password_needed = !server_of(c).config().requirepass.empty();
  if (password_needed && !c.session.authenticated) return c.reply.error(kHelloNeedsAuthentication);
  if (request->name) c.session.name = *request->name;
  if (request->protocol) {
    c.session.resp_version = *request->protocol;
    c.reply.set_resp_version(*request->protocol);
  }
  reply_hello(c);
}

void cmd_reset(CommandContext& c) {
  Server& server = server_of(c);
  if (c.session.monitor && server.current_client() != nullptr) server.monitors().remove(*server.current_client());
  c.session.discard_transaction();
  c.session.monitor = false;
  server.pub_sub().leave(c.session);
  if (server.current_client() != nullptr) server.stop_tracking(*server.current_client());
  c.session.database = 0;
  c.session.resp_version = protocol::kResp2;
  c.session.reply_mode = commands::ReplyMode::kOn;
  c.session.no_touch = false;
  c.session.no_evict = false;
  c.session.name.clear();
  c.session.user = kDefaultUser;
  c.session.authenticated = server.config().requirepass.empty();
  c.reply.set_resp_version(protocol::kResp2);
  c.reply.simple("RESET");
}

void cmd_quit(CommandContext& c) {
  c.session.close_after_reply = true;
  c.reply.ok();
}

void cmd_monitor(CommandContext& c) {
  Server& server = server_of(c);
  if (server.current_client() == nullptr) return c.reply.error("ERR MONITOR isn't allowed for this client");
  if (c.session.in_exec) return c.reply.error("ERR MONITOR isn't allowed for DENY BLOCKING client");
  c.session.monitor = true;
  server.monitors().add(*server.current_client());
  c.reply.ok();
}

using enum commands::CommandFlag;

constexpr uint32_t kBeforeAuthentication = kNoScript | kLoading | kStale | kFast | kNoAuth | kAllowBusy;

constexpr CommandSpec kSpecs[] = {
    {.name = "auth",
     .arity = -2,
     .flags = kBeforeAuthentication,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(N) where N is the number of passwords defined for the user",
     .summary = "Proves with a password who the client is.",
     .syntax = "[username] password",
     .handler = cmd_auth,
     .categories = "@connection"},
    {.name = "hello",
     .arity = -1,
     .flags = kBeforeAuthentication,
     .group = "connection",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Agrees on the protocol's version, and introduces client and server to each other.",
     .syntax = "[arguments= protover:integer [AUTH <username_password= username password>] [SETNAME clientname]]",
     .handler = cmd_hello,
     .categories = "@connection"},
    {.name = "reset",
     .arity = 1,
     .flags = kBeforeAuthentication | kNotQueued | kEndsMulti | kInSubscriberMode,
     .group = "connection",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Puts the connection back into the state of a new one.",
     .handler = cmd_reset,
     .categories = "@connection"},
    {.name = "quit",
     .arity = -1,
     .flags = kBeforeAuthentication | kNotQueued | kEndsMulti | kInSubscriberMode,
     .group = "connection",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Closes the connection, after the reply.",
     .handler = cmd_quit,
     .categories = "@connection",
     .deprecated_since = "7.2.0",
     .replaced_by = "just closing the connection"},
    {.name = "monitor",
     .arity = 1,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "1.0.0",
     .summary = "Shows every command that the server executes, as it happens.",
     .handler = cmd_monitor},
};

}  // namespace

std::span<const CommandSpec> session_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
