#include "commands/argument_syntax.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "commands/command_keys.h"
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

std::string show(const std::vector<Argument>& arguments);

// token=name:type#keyspec?*+(children), the marks only where they hold.
std::string show(const Argument& argument) {
  std::string text = argument.token.empty() ? "" : argument.token + "=";
  text += argument.name + ":" + argument.type;
  if (argument.key_spec_index >= 0) text += fmt::format("#{}", argument.key_spec_index);
  if (argument.optional) text += "?";
  if (argument.multiple) text += "*";
  if (argument.multiple_token) text += "+";
  if (argument.is_group()) text += "(" + show(argument.arguments) + ")";
  return text;
}

std::string show(const std::vector<Argument>& arguments) {
  std::string text;
  for (const Argument& argument : arguments) text += (text.empty() ? "" : " ") + show(argument);
  return text;
}

std::string parsed(std::string_view syntax, size_t key_specs = 1) {
  const auto arguments = parse_argument_syntax(syntax, key_specs);
  return arguments ? show(*arguments) : arguments.error().message;
}

TEST(ArgumentSyntax, KnowsNamesAndTypes) {
  EXPECT_EQ(parsed(""), "");
  EXPECT_EQ(parsed("key value"), "key:key#0 value:string");
  EXPECT_EQ(parsed("seconds:integer pattern"), "seconds:integer pattern:pattern");
}

TEST(ArgumentSyntax, KnowsTokens) {
  EXPECT_EQ(parsed("[REPLACE]"), "REPLACE=replace:pure-token?");
  EXPECT_EQ(parsed("[COUNT count:integer]"), "COUNT=count:integer?");
  EXPECT_EQ(parsed("<ON> <OFF> x"), "ON=on:pure-token OFF=off:pure-token x:string");
  EXPECT_EQ(parsed("[trim= '=' | '~']"), "trim:oneof?(===:pure-token ~=~:pure-token)");
}

TEST(ArgumentSyntax, KnowsGroups) {
  EXPECT_EQ(parsed("[condition= NX | XX]"), "condition:oneof?(NX=nx:pure-token XX=xx:pure-token)");
  EXPECT_EQ(parsed("[NX|XX]"), "nx:oneof?(NX=nx:pure-token XX=xx:pure-token)");
  EXPECT_EQ(parsed("<data= key value> ..."), "data:block*(key:key#0 value:string)");
  EXPECT_EQ(parsed("[LIMIT <limit= offset:integer count:integer>]"),
            "LIMIT=limit:block?(offset:integer count:integer)");
  EXPECT_EQ(parsed("[expiration= EX seconds:integer | KEEPTTL]"),
            "expiration:oneof?(EX=seconds:integer KEEPTTL=keepttl:pure-token)");
  EXPECT_EQ(parsed("<a b | c>"), "a:oneof(a:block(a:string b:string) c:string)");
}

TEST(ArgumentSyntax, KnowsRepetition) {
  EXPECT_EQ(parsed("key ..."), "key:key#0*");
  EXPECT_EQ(parsed("[key ...]"), "key:key#0?*");
  EXPECT_EQ(parsed("[GET pattern] ..."), "GET=pattern:pattern?*+");
}

TEST(ArgumentSyntax, CountsKeySpecifications) {
  EXPECT_EQ(parsed("key newkey:key", 2), "key:key#0 newkey:key#1");
  EXPECT_EQ(parsed("key1:key key2:key", 1), "key1:key#0 key2:key#0");
  EXPECT_EQ(parsed("key", 0), "key:key");
}

TEST(ArgumentSyntax, SaysWhatIsWrong) {
  EXPECT_EQ(parsed("[a"), "argument syntax: unexpected '' before ''");
  EXPECT_EQ(parsed("a ] b"), "argument syntax: unexpected ']' before ' b'");
  EXPECT_EQ(parsed("<>"), "argument syntax: unexpected '>' before ''");
  EXPECT_EQ(parsed("a:number"), "argument syntax: no type 'number'");
  EXPECT_EQ(parsed("a 'b"), "argument syntax: unexpected '' before ''b'");
  EXPECT_EQ(parsed("... a"), "argument syntax: unexpected '...' before ' a'");
}

void check(const Command& command) {
  const auto arguments = parse_argument_syntax(command.spec->syntax, key_specs_of(*command.spec).size());
  EXPECT_TRUE(arguments) << command.full_name << ": " << arguments.error().message;
  for (const auto& subcommand : command.subcommands) check(*subcommand);
}

TEST(ArgumentSyntax, IsFollowedByEveryCommand) {
  const TestHost host;
  for (const auto& command : host.table_.all()) check(*command);
}

}  // namespace
}  // namespace cowslip::commands
