// ACL, as far as it is true of a server with one user who may do everything.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "commands/arguments.h"
#include "commands/command_table.h"
#include "server/admin/admin_arguments.h"
#include "server/admin/admin_families.h"
#include "server/config.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;

constexpr std::string_view kCategories[] = {
    "keyspace", "read",   "write",       "set",       "sortedset",  "list",        "hash",
    "string",   "bitmap", "hyperloglog", "geo",       "stream",     "pubsub",      "admin",
    "fast",     "slow",   "blocking",    "dangerous", "connection", "transaction", "scripting"};

void cmd_acl_whoami(CommandContext& c) {
  c.reply.bulk(c.session.user);
}

void cmd_acl_users(CommandContext& c) {
  c.reply.array(1);
  c.reply.bulk("default");
}

void cmd_acl_list(CommandContext& c) {
  c.reply.array(1);
  // The password's hash is not shown: requirepass is a setting, and CONFIG GET is the place to see it.
  const bool password = !server_of(c).config().requirepass.empty();
  c.reply.bulk(fmt::format("user default on {} ~* &* +@all", password ? "sanitize-payload" : "nopass"));
}

// Whether the flags alone put the command into `category`.
bool implied(const CommandSpec& spec, std::string_view category) {
  const auto has = [&](uint32_t flag) { return (spec.flags & flag) != 0; };
  if (category == "read") return has(kReadonly);
  if (category == "write") return has(kWrite);
  if (category == "admin") return has(kAdmin);
  if (category == "dangerous") return has(kAdmin);
  if (category == "pubsub") return has(kPubSub);
  if (category == "blocking") return has(kBlocking);
  if (category == "fast") return has(kFast);
  return category == "slow" && !has(kFast);
}

bool belongs(const CommandSpec& spec, std::string_view category) {
  if (implied(spec, category)) return true;
  std::string_view rest = spec.categories;
  while (!rest.empty()) {
    const size_t space = rest.find(' ');
    if (rest.substr(0, space) == fmt::format("@{}", category)) return true;
    if (space == std::string_view::npos) break;
    rest.remove_prefix(space + 1);
  }
  return false;
}

void collect(const std::vector<std::unique_ptr<Command>>& commands, std::string_view category,
             std::vector<std::string_view>& names) {
  for (const auto& command : commands) {
    if (belongs(*command->spec, category)) names.push_back(command->full_name);
    collect(command->subcommands, category, names);
  }
}

void reply_names(CommandContext& c, std::span<const std::string_view> names) {
  c.reply.array(names.size());
  for (const std::string_view name : names) c.reply.bulk(name);
}

void cmd_acl_cat(CommandContext& c) {
  if (c.args.size() > 3) return c.reply.error(bad_subcommand(c.args[1], "ACL"));
  if (c.args.size() == 2) return reply_names(c, kCategories);
  const std::string category = to_lower(c.args[2]);
  if (std::ranges::find(kCategories, category) == std::end(kCategories)) {
    return c.reply.error(fmt::format("ERR Unknown category '{:.128}'", c.args[2]));
  }
  std::vector<std::string_view> names;
  collect(c.host.commands().all(), category, names);
  reply_names(c, names);
}

void cmd_acl_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "CAT [<category>]",
      "    List the categories, or the commands of one.",
      "LIST",
      "    Show the users as a configuration file would describe them.",
      "USERS",
      "    List the names of the users.",
      "WHOAMI",
      "    Tell the user of this connection.",
  };
  reply_help(c, "ACL", kLines);
}

constexpr CommandSpec kSubcommands[] = {
    {.name = "whoami",
     .arity = 2,
     .flags = kNoScript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Tells the user of this connection.",
     .handler = cmd_acl_whoami},
    {.name = "users",
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Lists the names of the users.",
     .handler = cmd_acl_users},
    {.name = "list",
     .arity = 2,
     .flags = kAdmin | kNoScript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Describes the users.",
     .handler = cmd_acl_list},
    {.name = "cat",
     .arity = -2,
     .flags = kNoScript | kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(N) for N commands",
     .summary = "Lists the categories of commands, or the commands of one.",
     .syntax = "[category]",
     .handler = cmd_acl_cat},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "6.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_acl_help},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "acl",
     .arity = -2,
     .group = "server",
     .since = "6.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Shows who may do what.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> acl_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
