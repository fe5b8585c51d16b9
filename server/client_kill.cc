// CLIENT KILL: which connections fit, and their end.
#include <fmt/format.h>

#include <optional>
#include <string_view>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "server/client_registry.h"
#include "server/client_text.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/server_families.h"

namespace cowslip::server {

namespace {

using commands::CommandContext;
using commands::is_option;

// What a connection has to be; what is not set does not matter.
struct KillFilter {
  std::optional<uint64_t> id;
  std::optional<ClientType> type;
  std::optional<std::string_view> user;
  std::optional<std::string_view> address;
  std::optional<std::string_view> local_address;
  std::optional<int64_t> min_age_ms;
  bool skip_me = true;

  bool fits(const Connection& client, int64_t now_ms) const {
    if (id && client.session.id != *id) return false;
    if (type && client_type_of(client) != *type) return false;
    if (user && (client.session.user != *user || !client.session.authenticated)) return false;
    if (address && client.address != *address) return false;
    if (local_address && server::local_address(client) != *local_address) return false;
    return !min_age_ms || now_ms - client.created_ms >= *min_age_ms;
  }
};

// Sets the filter's field for one option. False: an error reply was written.
bool take_option(CommandContext& c, KillFilter& filter, std::string_view option, std::string_view value) {
  const auto refuse = [&](std::string_view error) {
    c.reply.error(error);
    return false;
  };
  if (is_option(option, "id")) {
    const auto id = parse_int64(value);
    if (!id || *id < 1) return refuse("ERR client-id should be greater than 0");
    filter.id = static_cast<uint64_t>(*id);
  } else if (is_option(option, "type")) {
    filter.type = parse_client_type(value);
    if (!filter.type) return refuse(fmt::format("ERR Unknown client type '{}'", value));
  } else if (is_option(option, "user")) {
    if (value != "default") return refuse(fmt::format("ERR No such user '{}'", value));
    filter.user = value;
  } else if (is_option(option, "addr")) {
    filter.address = value;
  } else if (is_option(option, "laddr")) {
    filter.local_address = value;
  } else if (is_option(option, "maxage")) {
    const auto seconds = parse_int64(value);
    if (!seconds) return refuse("ERR maxage is not an integer or out of range");
    if (*seconds <= 0) return refuse("ERR maxage should be greater than 0");
    filter.min_age_ms = *seconds > INT64_MAX / 1000 ? INT64_MAX : *seconds * 1000;
  } else if (is_option(option, "skipme") && (is_option(value, "yes") || is_option(value, "no"))) {
    filter.skip_me = is_option(value, "yes");
  } else {
    return refuse(commands::kSyntaxError);
  }
  return true;
}

// A client that ends its own connection gets the reply before.
size_t kill(CommandContext& c, const KillFilter& filter) {
  Server& server = server_of(c);
  const int64_t now_ms = server.clock().monotonic_us() / 1000;
  size_t killed = 0;
  server.clients().for_each([&](Connection& client) {
    const bool is_me = &client == server.current_client();
    if ((is_me && filter.skip_me) || !filter.fits(client, now_ms)) return;
    killed++;
    if (is_me) {
      client.session.close_after_reply = true;
    } else {
      server.close_client(client);
    }
  });
  return killed;
}

}  // namespace

void cmd_client_kill(CommandContext& c) {
  KillFilter filter;
  if (c.args.size() == 3) {
    filter.address = c.args[2];
    filter.skip_me = false;
    if (kill(c, filter) == 0) return c.reply.error("ERR No such client");
    return c.reply.ok();
  }
  if (c.args.size() % 2 != 0) return c.reply.error(commands::kSyntaxError);
  for (size_t i = 2; i < c.args.size(); i += 2) {
    if (!take_option(c, filter, c.args[i], c.args[i + 1])) return;
  }
  c.reply.integer(static_cast<int64_t>(kill(c, filter)));
}

}  // namespace cowslip::server
