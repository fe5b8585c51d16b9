// COMMAND: the table of commands, shown to clients.
#include <algorithm>

#include "commands/acl_categories.h"
#include "commands/arguments.h"
#include "commands/command_keys.h"
#include "commands/command_replies.h"
#include "commands/command_table.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

// ---- COUNT, INFO, DOCS ----

void cmd_count(CommandContext& c) {
  c.reply.integer(static_cast<int64_t>(c.host.commands().all().size()));
}

void cmd_command(CommandContext& c) {
  const auto& all = c.host.commands().all();
  c.reply.array(all.size());
  for (const auto& command : all) reply_command_info(c.reply, *command);
}

void cmd_info(CommandContext& c) {
  if (c.args.size() == 2) return cmd_command(c);
  const auto names = c.args.subspan(2);
  c.reply.array(names.size());
  for (const std::string_view name : names) {
    if (const Command* command = c.host.commands().find_full(name)) {
      reply_command_info(c.reply, *command);
    } else {
      c.reply.null();
    }
  }
}

// Names that are no command's are left out.
void cmd_docs(CommandContext& c) {
  const auto mark = c.reply.begin_aggregate();
  size_t count = 0;
  const auto add = [&](const Command* command) {
    if (command == nullptr) return;
    reply_command_docs(c.reply, *command);
    count++;
  };
  for (const std::string_view name : c.args.subspan(2)) add(c.host.commands().find_full(name));
  if (c.args.size() == 2) {
    for (const auto& command : c.host.commands().all()) add(command.get());
  }
  c.reply.end_map(mark, count);
}

// ---- LIST ----

// Replies with the full names of all commands and subcommands for which `wanted` is true.
template <typename Wanted>
void reply_names(CommandContext& c, Wanted&& wanted) {
  const auto mark = c.reply.begin_aggregate();
  size_t count = 0;
  const auto add = [&](const Command& command) {
    if (!wanted(command)) return;
    c.reply.bulk(command.full_name);
    count++;
  };
  for (const auto& command : c.host.commands().all()) {
    add(*command);
    for (const auto& subcommand : command->subcommands) add(*subcommand);
  }
  c.reply.end_array(mark, count);
}

void cmd_list(CommandContext& c) {
  if (c.args.size() == 2) return reply_names(c, [](const Command&) { return true; });
  if (c.args.size() != 5 || !is_option(c.args[2], "FILTERBY")) return c.reply.error(kSyntaxError);
  const std::string_view value = c.args[4];
  if (is_option(c.args[3], "MODULE")) return reply_names(c, [](const Command&) { return false; });  // there are none
  if (is_option(c.args[3], "ACLCAT")) {
    const uint32_t category = acl_category_bit(value).value_or(0);
    return reply_names(c, [&](const Command& command) { return (acl_categories_of(*command.spec) & category) != 0; });
  }
  if (is_option(c.args[3], "PATTERN")) {
    return reply_names(c, [&](const Command& command) { return glob_match(value, command.full_name, true); });
  }
  c.reply.error(kSyntaxError);
}

// ---- GETKEYS ----

// A name that is only treated like a key is none.
bool has_keys(const CommandSpec& spec) {
  return std::ranges::any_of(key_specs_of(spec), [](const KeySpec& keys) { return (keys.flags & kKeyNotKey) == 0; });
}

// The command that the arguments from the third on name, or null after an error reply.
const Command* find_command_with_keys(CommandContext& c) {
  const auto args = c.args.subspan(2);
  const Command* command = c.host.commands().resolve(args);
  if (command == nullptr) {
    c.reply.error("ERR Invalid command specified");
  } else if (!has_keys(*command->spec)) {
    c.reply.error("ERR The command has no key arguments");
  } else if (!command->spec->takes(args.size())) {
    c.reply.error("ERR Invalid number of arguments specified for command");
  } else {
    return command;
  }
  return nullptr;
}

// Calls reply(key, flags) for each key of the command given, inside an array.
template <typename Reply>
void reply_keys(CommandContext& c, Reply&& reply) {
  const Command* command = find_command_with_keys(c);
  if (command == nullptr) return;
  const auto args = c.args.subspan(2);
  const auto keys = keys_of(*command->spec, args);
  if (!keys) return c.reply.error("ERR Invalid arguments specified for command");
  c.reply.array(keys->size());
  for (const auto& [index, flags] : *keys) reply(args[index], flags);
}

void cmd_getkeys(CommandContext& c) {
  reply_keys(c, [&](std::string_view key, uint16_t) { c.reply.bulk(key); });
}

void cmd_getkeysandflags(CommandContext& c) {
  reply_keys(c, [&](std::string_view key, uint16_t flags) {
    c.reply.array(2);
    c.reply.bulk(key);
    reply_flags(c.reply, key_flag_names(), flags);
  });
}

void cmd_help(CommandContext& c) {
  static constexpr std::string_view kLines[] = {
      "(no subcommand)",
      "    Describe all commands.",
      "COUNT",
      "    Count the commands.",
      "DOCS [<command-name> ...]",
      "    Document the commands named, or all.",
      "GETKEYS <full-command>",
      "    List the keys among the arguments of a command.",
      "GETKEYSANDFLAGS <full-command>",
      "    List the keys among the arguments of a command, and what it does with them.",
      "INFO [<command-name> ...]",
      "    Describe the commands named, or all.",
      "LIST [FILTERBY (MODULE <module>|ACLCAT <category>|PATTERN <pattern>)]",
      "    List the names of commands and subcommands.",
  };
  reply_help(c, "COMMAND", kLines);
}

constexpr uint32_t kFlags = kLoading | kStale;

constexpr CommandSpec kSubcommands[] = {
    {.name = "count",
     .arity = 2,
     .flags = kFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(1)",
     .summary = "Counts the commands.",
     .handler = cmd_count,
     .categories = "@connection"},
    {.name = "docs",
     .arity = -2,
     .flags = kFlags,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) for N commands",
     .summary = "Documents commands.",
     .syntax = "[command-name ...]",
     .handler = cmd_docs,
     .categories = "@connection",
     .tips = "nondeterministic_output_order"},
    {.name = "getkeys",
     .arity = -3,
     .flags = kFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(N) for N arguments",
     .summary = "Lists the keys among the arguments of a command.",
     .syntax = "command [arg ...]",
     .handler = cmd_getkeys,
     .categories = "@connection"},
    {.name = "getkeysandflags",
     .arity = -3,
     .flags = kFlags,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) for N arguments",
     .summary = "Lists the keys among the arguments of a command, and what it does with them.",
     .syntax = "command [arg ...]",
     .handler = cmd_getkeysandflags,
     .categories = "@connection"},
    {.name = "help",
     .arity = 2,
     .flags = kFlags,
     .group = "server",
     .since = "5.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_help,
     .categories = "@connection"},
    {.name = "info",
     .arity = -2,
     .flags = kFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(N) for N commands",
     .summary = "Describes commands: their arity, flags, keys and categories.",
     .syntax = "[command-name ...]",
     .handler = cmd_info,
     .categories = "@connection",
     .tips = "nondeterministic_output_order"},
    {.name = "list",
     .arity = -2,
     .flags = kFlags,
     .group = "server",
     .since = "7.0.0",
     .complexity = "O(N) for N commands",
     .summary = "Lists the names of commands.",
     .syntax = "[FILTERBY <filterby= MODULE module-name | ACLCAT category | PATTERN pattern>]",
     .handler = cmd_list,
     .categories = "@connection",
     .tips = "nondeterministic_output_order"},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "command",
     .arity = -1,
     .flags = kFlags,
     .group = "server",
     .since = "2.8.13",
     .complexity = "O(N) for N commands",
     .summary = "Describes all commands.",
     .handler = cmd_command,
     .subcommands = kSubcommands,
     .categories = "@connection",
     .tips = "nondeterministic_output_order"},
};

}  // namespace

std::span<const CommandSpec> introspection_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
