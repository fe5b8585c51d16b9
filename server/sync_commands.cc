// SYNC and what goes before it: as much of the replication protocol as fetching a snapshot takes. Replication itself is
// not there yet, so a client that says it is a replica (it announces a port) is refused rather than left with a dataset
// that is never brought up to date.
#include <fmt/format.h>

#include "base/text.h"
#include "commands/arguments.h"
#include "server/connection.h"
#include "server/server.h"
#include "server/server_families.h"
#include "server/snapshot_feed.h"

namespace cowslip::server {

namespace {

using commands::CommandContext;
using commands::CommandSpec;
using commands::is_option;

constexpr std::string_view kNoReplication = "ERR Replication is not supported: snapshots can be fetched, not followed";

bool may_sync(CommandContext& c, const Connection* client) {
  if (client != nullptr && !client->announced_replica) return true;
  c.reply.error(kNoReplication);
  return false;
}

void cmd_sync(CommandContext& c) {
  Server& server = server_of(c);
  if (may_sync(c, server.current_client())) server.snapshot_feed().enqueue(*server.current_client());
}

void cmd_psync(CommandContext& c) {
  Server& server = server_of(c);
  if (!may_sync(c, server.current_client())) return;
  c.reply.simple(fmt::format("FULLRESYNC {} 0", server.replication_id()));
  server.snapshot_feed().enqueue(*server.current_client());
}

// False: an error reply was written.
bool set_replica_option(CommandContext& c, Connection& client, std::string_view option, std::string_view value) {
  if (is_option(option, "listening-port") || is_option(option, "ip-address")) {
    client.announced_replica = true;
  } else if (is_option(option, "capa")) {
    if (is_option(value, "eof")) client.accepts_eof = true;
  } else if (is_option(option, "rdb-filter-only")) {
    c.reply.error(fmt::format("ERR Unsupported rdb-filter-only option: {}", value));
    return false;
  } else if (!is_option(option, "rdb-only")) {  // which is all that we send anyway
    c.reply.error(fmt::format("ERR Unrecognized REPLCONF option: {}", option));
    return false;
  }
  return true;
}

void cmd_replconf(CommandContext& c) {
  Connection* client = server_of(c).current_client();
  if (c.args.size() % 2 == 0 || client == nullptr) return c.reply.error(commands::kSyntaxError);
  for (size_t i = 1; i < c.args.size(); i += 2) {
    if (is_option(c.args[i], "ack") || is_option(c.args[i], "getack")) return;  // neither has a reply
    if (!set_replica_option(c, *client, c.args[i], c.args[i + 1])) return;
  }
  c.reply.ok();
}

using enum commands::CommandFlag;

constexpr CommandSpec kSpecs[] = {
    {.name = "sync",
     .arity = 1,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "1.0.0",
     .summary = "Sends a snapshot of the dataset over this connection.",
     .handler = cmd_sync},
    {.name = "psync",
     .arity = -3,
     .flags = kAdmin | kNoScript | kNoAsyncLoading | kNoMulti,
     .group = "server",
     .since = "2.8.0",
     .summary = "Sends a snapshot of the dataset over this connection, with its place in the history.",
     .syntax = "replicationid offset:integer",
     .handler = cmd_psync},
    {.name = "replconf",
     .arity = -1,
     .flags = kAdmin | kNoScript | kLoading | kStale | kAllowBusy | kSystemCommand,
     .group = "server",
     .since = "3.0.0",
     .complexity = "O(1)",
     .summary = "Tells what the receiver of a snapshot can do. For internal use.",
     .handler = cmd_replconf},
};

}  // namespace

std::span<const CommandSpec> sync_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
