// CONFIG: get, set, rewrite, resetstat, help.
#include <fmt/format.h>

#include "commands/arguments.h"
#include "server/admin/admin_families.h"
#include "server/config_store.h"
#include "server/connection.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;

void cmd_config_get(CommandContext& c) {
  const auto found = server_of(c).settings().get(c.args.subspan(2));
  c.reply.map(found.size());
  for (const auto& [name, value] : found) {
    c.reply.bulk(name);
    c.reply.bulk(value);
  }
}

void cmd_config_set(CommandContext& c) {
  if (c.args.size() % 2 != 0) return c.reply.error(kSyntaxError);
  Server& server = server_of(c);
  std::vector<ConfigStore::Setting> settings;
  for (size_t i = 2; i < c.args.size(); i += 2) settings.push_back({c.args[i], c.args[i + 1]});
  const Connection* client = server.current_client();
  const Status set = server.settings().set(settings, client == nullptr || client->local);
  if (!set) return c.reply.error("ERR " + set.error().message);
  c.reply.ok();
}

void cmd_config_rewrite(CommandContext& c) {
  Server& server = server_of(c);
  if (server.settings().file().empty()) return c.reply.error("ERR The server is running without a config file");
  if (const Status written = server.settings().rewrite(); !written) {
    server.log().warning("CONFIG REWRITE failed: {}", written.error().message);
    return c.reply.error("ERR Rewriting config file: " + written.error().message);
  }
  server.log().notice("CONFIG REWRITE executed with success.");
  c.reply.ok();
}

void cmd_config_resetstat(CommandContext& c) {
  server_of(c).reset_statistics();
  c.reply.ok();
}

void cmd_config_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "GET <pattern> [<pattern> ...]",
      "    Show the directives whose names match any of the glob patterns.",
      "SET <directive> <value> [<directive> <value> ...]",
      "    Change directives: all of them, or none when one is refused.",
      "RESETSTAT",
      "    Set the counters that INFO reports back to zero.",
      "REWRITE",
      "    Put the present values into the configuration file.",
  };
  reply_help(c, "CONFIG", kLines);
}

constexpr uint32_t kAdminFlags = kAdmin | kNoScript | kLoading | kStale;

constexpr CommandSpec kSubcommands[] = {
    {.name = "get",
     .arity = -3,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.0.0",
     .complexity = "O(N) for N directives",
     .summary = "Shows directives and their values.",
     .syntax = "parameter ...",
     .handler = cmd_config_get},
    {.name = "set",
     .arity = -4,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.0.0",
     .complexity = "O(N) for N directives",
     .summary = "Changes directives while the server runs.",
     .syntax = "<data= parameter value> ...",
     .handler = cmd_config_set,
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "rewrite",
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.8.0",
     .complexity = "O(N) for N lines of the file",
     .summary = "Puts the present values into the configuration file.",
     .handler = cmd_config_rewrite,
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "resetstat",
     .arity = 2,
     .flags = kAdminFlags,
     .group = "server",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets the counters that INFO reports back to zero.",
     .handler = cmd_config_resetstat,
     .tips = "request_policy:all_nodes response_policy:all_succeeded"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_config_help},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "config",
     .arity = -2,
     .group = "server",
     .since = "2.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Reads and changes the server's settings.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> config_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
