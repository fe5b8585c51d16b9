#include <gmock/gmock.h>

#include "commands/acl_categories.h"
#include "commands/command_keys.h"
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using CommandCommandTest = CommandTest;

TEST_F(CommandCommandTest, CountsCommands) {
  const size_t count = host_.table_.all().size();
  EXPECT_EQ(run("command count"), ":" + std::to_string(count));
  EXPECT_EQ(occurrences(run("command"), "begin_search"), occurrences(run("command info"), "begin_search"));
}

TEST_F(CommandCommandTest, InfoHasRedisShape) {
  use_resp3();
  EXPECT_EQ(
      run("command info mget"),
      "[[\"mget\", :-2, ~[+readonly, +fast], :1, :-1, :1, ~[+@read, +@string, +@fast], "
      "~[\"request_policy:multi_shard\"], ~[{\"flags\": ~[+RO, +access], "
      "\"begin_search\": {\"type\": \"index\", \"spec\": {\"index\": :1}}, "
      "\"find_keys\": {\"type\": \"range\", \"spec\": {\"lastkey\": :-1, \"keystep\": :1, \"limit\": :0}}}], ~[]]]");
  EXPECT_EQ(run("command info time"),
            "[[\"time\", :1, ~[+loading, +stale, +fast], :0, :0, :0, ~[+@fast], ~[\"nondeterministic_output\"], ~[], "
            "~[]]]");
}

TEST_F(CommandCommandTest, InfoGivesUnknownNamesANull) {
  EXPECT_EQ(run("command info nothing"), "[nil]");
  use_resp3();
  EXPECT_EQ(run("command info nothing object|nothing"), "[null, null]");
}

TEST_F(CommandCommandTest, InfoShowsSubcommands) {
  EXPECT_THAT(run("command info object|freq"), StartsWith("[[\"object|freq\", :3, [+readonly], :2, :2, :1, "));
  const std::string object = run("command info OBJECT");
  EXPECT_THAT(object, StartsWith("[[\"object\", :-2, [], :0, :0, :0, [+@slow], [], [], [[\"object|encoding\", :3, "));
  EXPECT_EQ(occurrences(object, "object|"), 5u);
}

TEST_F(CommandCommandTest, InfoDescribesKeysThatDiffer) {
  const std::string rename = run("command info rename");
  EXPECT_THAT(rename, HasSubstr(":1, :2, :1"));
  EXPECT_THAT(rename, HasSubstr("[+RW, +access, +delete]"));
  EXPECT_THAT(rename, HasSubstr("[+OW, +update]"));
  EXPECT_THAT(run("command info lcs"), HasSubstr("[\"lastkey\", :1, "));
}

TEST_F(CommandCommandTest, ListFilters) {
  EXPECT_EQ(run("command list filterby pattern get*"),
            "[\"get\", \"getbit\", \"getdel\", \"getex\", \"getrange\", \"getset\"]");
  EXPECT_EQ(run("command list FILTERBY PATTERN OBJECT|F*"), "[\"object|freq\"]");
  EXPECT_EQ(run("command list filterby aclcat dangerous"),
            "[\"flushall\", \"flushdb\", \"keys\", \"pfselftest\", \"sort\", \"sort_ro\", \"swapdb\"]");
  EXPECT_EQ(run("command list filterby aclcat nonsense"), "[]");
  EXPECT_EQ(run("command list filterby module x"), "[]");
  EXPECT_THAT(run("command list"), HasSubstr("\"command|list\""));
  EXPECT_EQ(run("command list filterby x y"), "-ERR syntax error");
  EXPECT_EQ(run("command list foo"), "-ERR syntax error");
}

TEST_F(CommandCommandTest, GetkeysFindsKeys) {
  EXPECT_EQ(run("command getkeys set k v"), "[\"k\"]");
  EXPECT_EQ(run("command getkeys mset a 1 b 2"), "[\"a\", \"b\"]");
  EXPECT_EQ(run("command getkeys lcs a b LEN"), "[\"a\", \"b\"]");
  EXPECT_EQ(run("command getkeys object freq k"), "[\"k\"]");
  EXPECT_EQ(run("command getkeys nothing k"), "-ERR Invalid command specified");
  EXPECT_EQ(run("command getkeys object nothing k"), "-ERR Invalid command specified");
  EXPECT_EQ(run("command getkeys ping"), "-ERR The command has no key arguments");
  EXPECT_EQ(run("command getkeys get"), "-ERR Invalid number of arguments specified for command");
}

TEST_F(CommandCommandTest, GetkeysandflagsKnowsWhatSetReads) {
  use_resp3();
  EXPECT_EQ(run("command getkeysandflags set k v"), "[[\"k\", ~[+OW, +update]]]");
  EXPECT_EQ(run("command getkeysandflags set k v get"), "[[\"k\", ~[+RW, +access, +update]]]");
  EXPECT_EQ(run("command getkeysandflags rename a b"), "[[\"a\", ~[+RW, +access, +delete]], [\"b\", ~[+OW, +update]]]");
}

TEST_F(CommandCommandTest, DocsDescribeArguments) {
  use_resp3();
  EXPECT_THAT(run("command docs expire"),
              HasSubstr("\"arguments\": [{\"name\": \"key\", \"type\": \"key\", \"display_text\": \"key\", "
                        "\"key_spec_index\": :0}, {\"name\": \"seconds\", \"type\": \"integer\", \"display_text\": "
                        "\"seconds\"}, {\"name\": \"condition\", \"type\": \"oneof\", \"flags\": ~[+optional], "
                        "\"arguments\": [{\"name\": \"nx\", \"type\": \"pure-token\", \"display_text\": \"nx\", "
                        "\"token\": \"NX\"}, "));
  EXPECT_THAT(run("command docs del"), HasSubstr("\"flags\": ~[+multiple]"));
  EXPECT_THAT(run("command docs getset"),
              HasSubstr("\"doc_flags\": ~[+deprecated], \"deprecated_since\": \"6.2.0\", \"replaced_by\": "));
  EXPECT_THAT(run("command docs pfselftest"), HasSubstr("\"doc_flags\": ~[+syscmd]"));
  EXPECT_THAT(run("command docs object"), HasSubstr("\"subcommands\": {\"object|encoding\": {\"summary\": "));
}

TEST_F(CommandCommandTest, DocsLeaveOutWhatIsNoCommand) {
  use_resp3();
  EXPECT_EQ(run("command docs nothing"), "{}");
  EXPECT_THAT(run("command docs nothing OBJECT|freq"), StartsWith("{\"object|freq\": {\"summary\": "));
  EXPECT_EQ(occurrences(run("command docs"), "\"complexity\": "), occurrences(run("command list"), ", ") + 1);
}

TEST_F(CommandCommandTest, HelpsAndRefuses) {
  EXPECT_THAT(run("command help"), StartsWith("[+COMMAND <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, "));
  EXPECT_EQ(run("command foo"), "-ERR unknown subcommand 'foo'. Try COMMAND HELP.");
  EXPECT_EQ(run("command getkeys"), "-ERR wrong number of arguments for 'command|getkeys' command");
}

// ---- what holds for every spec of this library ----

void check(const Command& command) {
  const CommandSpec& spec = *command.spec;
  SCOPED_TRACE(command.full_name);
  EXPECT_NE(spec.arity, 0);
  EXPECT_FALSE(spec.group.empty());
  EXPECT_FALSE(spec.since.empty());
  EXPECT_FALSE(spec.complexity.empty());
  EXPECT_TRUE(spec.summary.ends_with('.'));
  EXPECT_TRUE(spec.handler != nullptr || !spec.subcommands.empty());
  EXPECT_FALSE((spec.flags & kWrite) != 0 && (spec.flags & kReadonly) != 0);
  for (const KeySpec& keys : key_specs_of(spec)) {
    EXPECT_TRUE(keys.search == KeySearch::kUnknown || keys.range.step > 0);
    EXPECT_NE(keys.flags & (kKeyRO | kKeyRW | kKeyOW | kKeyRM | kKeyNotKey), 0);
  }
  EXPECT_EQ(acl_categories_of(spec) >> acl_category_names().size(), 0u);
  for (const auto& subcommand : command.subcommands) check(*subcommand);
}

TEST(CommandSpecs, AreComplete) {
  const TestHost host;
  for (const auto& command : host.table_.all()) check(*command);
}

}  // namespace
}  // namespace cowslip::commands
