#include <cassert>

#include "commands/argument_syntax.h"
#include "commands/command_keys.h"
#include "commands/command_replies.h"
#include "protocol/map_reply.h"

namespace cowslip::commands {
namespace {

using protocol::MapReply;
using protocol::ReplyWriter;

enum ArgumentFlag : uint32_t { kOptional = 1, kMultiple = 2, kMultipleToken = 4 };
constexpr FlagName kArgumentFlagNames[] = {
    {kOptional, "optional"}, {kMultiple, "multiple"}, {kMultipleToken, "multiple_token"}};

uint32_t flags_of(const Argument& argument) {
  return (argument.optional ? kOptional : 0u) | (argument.multiple ? kMultiple : 0u) |
         (argument.multiple_token ? kMultipleToken : 0u);
}

constexpr uint32_t kDeprecated = 1;
constexpr FlagName kDocumentFlagNames[] = {{kDeprecated, "deprecated"}, {kSystemCommand, "syscmd"}};

uint32_t document_flags_of(const CommandSpec& spec) {
  return (spec.flags & kSystemCommand) | (spec.deprecated_since.empty() ? 0 : kDeprecated);
}

void reply_arguments(ReplyWriter& reply, const std::vector<Argument>& arguments);

void reply_argument(ReplyWriter& reply, const Argument& argument) {
  MapReply map(reply);
  map.text("name", argument.name);
  map.text("type", argument.type);
  if (!argument.is_group()) map.text("display_text", argument.name);
  if (argument.key_spec_index >= 0) map.name("key_spec_index").integer(argument.key_spec_index);
  map.text_if_any("token", argument.token);
  if (const uint32_t flags = flags_of(argument)) reply_flags(map.name("flags"), kArgumentFlagNames, flags);
  if (argument.is_group()) reply_arguments(map.name("arguments"), argument.arguments);
}

void reply_arguments(ReplyWriter& reply, const std::vector<Argument>& arguments) {
  reply.array(arguments.size());
  for (const Argument& argument : arguments) reply_argument(reply, argument);
}

}  // namespace

void reply_command_docs(ReplyWriter& reply, const Command& command) {
  const CommandSpec& spec = *command.spec;
  reply.bulk(command.full_name);
  MapReply map(reply);
  map.text("summary", spec.summary);
  map.text("since", spec.since);
  map.text("group", spec.group);
  map.text_if_any("complexity", spec.complexity);
  if (const uint32_t flags = document_flags_of(spec)) reply_flags(map.name("doc_flags"), kDocumentFlagNames, flags);
  if (!spec.deprecated_since.empty()) {
    map.text("deprecated_since", spec.deprecated_since);
    map.text_if_any("replaced_by", spec.replaced_by);
  }
  const auto arguments = parse_argument_syntax(spec.syntax, key_specs_of(spec).size());
  assert(arguments);  // a test parses the syntax of every command
  if (arguments && !arguments->empty()) reply_arguments(map.name("arguments"), *arguments);
  if (command.subcommands.empty()) return;
  map.name("subcommands").map(command.subcommands.size());
  for (const auto& subcommand : command.subcommands) reply_command_docs(reply, *subcommand);
}

}  // namespace cowslip::commands
