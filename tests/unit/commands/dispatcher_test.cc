#include "commands/dispatcher.h"

#include <gmock/gmock.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

void reply_ok(CommandContext& c) {
  c.reply.ok();
}
void take_time(CommandContext& c) {
  static_cast<TestHost&>(c.host).clock_.advance_us(1500);
  c.reply.error("WRONGTYPE no");
}
// CLIENT REPLY, as the server has it.
void set_reply_mode(CommandContext& c) {
  ReplyMode& mode = c.session.reply_mode;
  if (c.args[1] == "off") {
    mode = ReplyMode::kOff;
  } else if (c.args[1] == "skip") {
    if (mode != ReplyMode::kOff) mode = ReplyMode::kSkipNext;
  } else {
    mode = ReplyMode::kOn;
    c.reply.ok();
  }
}

constexpr CommandSpec kSubcommands[] = {
    {.name = "get", .arity = -3, .group = "server", .handler = reply_ok},
    {.name = "no-touch", .arity = 2, .group = "server", .handler = reply_ok},
};
constexpr CommandSpec kSpecs[] = {
    {.name = "config", .arity = -2, .group = "server", .subcommands = kSubcommands},
    {.name = "auth", .arity = -1, .flags = kNoAuth | kLoading, .group = "connection", .handler = reply_ok},
    {.name = "debug", .arity = -1, .flags = kProtected | kLoading, .group = "server", .handler = reply_ok},
    {.name = "slow", .arity = 1, .group = "server", .handler = take_time},
    {.name = "replymode", .arity = 2, .group = "connection", .handler = set_reply_mode},
};

class DispatcherTest : public CommandTest {
 protected:
  DispatcherTest() { host_.table_.add(kSpecs); }
  const CommandStatistics& statistics(std::string_view name) { return host_.table_.find_full(name)->statistics; }
};

// ---- lookup and arity ----

TEST_F(DispatcherTest, TakesNamesInAnyCase) {
  EXPECT_EQ(run("PING"), "+PONG");
  EXPECT_EQ(run("pInG"), "+PONG");
  EXPECT_EQ(run("Config NO-TOUCH"), "+OK");
}

TEST_F(DispatcherTest, QuotesAnUnknownCommand) {
  EXPECT_EQ(run("foo"), "-ERR unknown command 'foo', with args beginning with: ");
  EXPECT_EQ(run("foo a b"), "-ERR unknown command 'foo', with args beginning with: 'a' 'b' ");
  EXPECT_EQ(run({"", "a"}), "-ERR unknown command '', with args beginning with: 'a' ");
  EXPECT_EQ(run({"a\r\nb", "c\nd"}), "-ERR unknown command 'a  b', with args beginning with: 'c d' ");
  EXPECT_EQ(run("pin"), "-ERR unknown command 'pin', with args beginning with: ");
  EXPECT_EQ(run("get|x k"), "-ERR unknown command 'get|x', with args beginning with: 'k' ");
}

TEST_F(DispatcherTest, CutsWhatItQuotes) {
  const std::string longest(128, 'x');
  EXPECT_EQ(run({longest + "y"}), "-ERR unknown command '" + longest + "', with args beginning with: ");
  const std::string hundred(100, 'a');
  EXPECT_EQ(run({"foo", hundred, hundred, "never"}),
            "-ERR unknown command 'foo', with args beginning with: '" + hundred + "' '" + std::string(25, 'a') + "' ");
  EXPECT_EQ(run({"foo", std::string_view("a\0b", 3)}), "-ERR unknown command 'foo', with args beginning with: 'a' ");
}

TEST_F(DispatcherTest, NamesAnUnknownSubcommand) {
  EXPECT_EQ(run("config foo"), "-ERR unknown subcommand 'foo'. Try CONFIG HELP.");
  EXPECT_EQ(run("Object Foo k"), "-ERR unknown subcommand 'Foo'. Try OBJECT HELP.");
}

TEST_F(DispatcherTest, ChecksTheArity) {
  EXPECT_EQ(run("get"), "-ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(run("GET a b"), "-ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(run("set a"), "-ERR wrong number of arguments for 'set' command");
  EXPECT_EQ(run("config"), "-ERR wrong number of arguments for 'config' command");
  EXPECT_EQ(run("config GET"), "-ERR wrong number of arguments for 'config|get' command");
}

// ---- gates ----

TEST_F(DispatcherTest, WantsAuthentication) {
  dispatcher_.gates().authentication_required = true;
  EXPECT_EQ(run("get k"), "-NOAUTH Authentication required.");
  EXPECT_EQ(run("get"), "-ERR wrong number of arguments for 'get' command") << "arity comes first";
  EXPECT_EQ(run("auth secret"), "+OK");
  session_.authenticated = true;
  EXPECT_EQ(run("get k"), "nil");
}

TEST_F(DispatcherTest, RefusesWhatNeedsMemoryWhenThereIsNone) {
  dispatcher_.gates().out_of_memory = true;
  EXPECT_EQ(run("set k v"), "-OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(run("get k"), "nil");
  EXPECT_EQ(run("del k"), ":0");
}

TEST_F(DispatcherTest, RefusesWritesThatCannotBeSaved) {
  dispatcher_.gates().writes_stopped = true;
  EXPECT_EQ(
      run("set k v"),
      "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands "
      "that may modify the data set are disabled, because this instance is configured to report errors during "
      "writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for "
      "details about the RDB error.");
  EXPECT_THAT(run("ping"), StartsWith("-MISCONF ")) << "so that health checks notice";
  EXPECT_EQ(run("get k"), "nil");
}

TEST_F(DispatcherTest, RefusesMostWhileLoading) {
  dispatcher_.gates().loading = true;
  EXPECT_EQ(run("get k"), "-LOADING Redis is loading the dataset in memory");
  EXPECT_EQ(run("echo hi"), "\"hi\"");
}

TEST_F(DispatcherTest, ChecksTheGatesInRedisOrder) {
  Gates& gates = dispatcher_.gates();
  gates = {.authentication_required = true, .loading = true, .out_of_memory = true, .writes_stopped = true};
  EXPECT_THAT(run("set k v"), StartsWith("-NOAUTH "));
  gates.authentication_required = false;
  EXPECT_THAT(run("set k v"), StartsWith("-OOM "));
  gates.out_of_memory = false;
  EXPECT_THAT(run("set k v"), StartsWith("-MISCONF "));
  gates.writes_stopped = false;
  EXPECT_THAT(run("set k v"), StartsWith("-LOADING "));
}

TEST_F(DispatcherTest, AsksForPermissionToDebugBeforeAnythingElse) {
  dispatcher_.gates().debug_allowed = false;
  dispatcher_.gates().authentication_required = true;
  EXPECT_EQ(
      run("debug jmap"),
      "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it from "
      "a local connection, otherwise you need to set this option in the configuration file, and then restart the "
      "server.");
}

TEST_F(DispatcherTest, LetsTheServerItselfThroughTheGates) {
  dispatcher_.gates() = {
      .authentication_required = true, .loading = true, .out_of_memory = true, .writes_stopped = true};
  session_.internal = true;
  EXPECT_EQ(run("set k v"), "+OK");
}

// ---- execution ----

TEST_F(DispatcherTest, CountsCallsAndTheirTime) {
  run("slow");
  run("slow");
  run("slow down");
  EXPECT_EQ(statistics("slow").calls, 2u);
  EXPECT_EQ(statistics("slow").usec, 3000u);
  EXPECT_EQ(statistics("slow").failed_calls, 2u);
  EXPECT_EQ(statistics("slow").rejected_calls, 1u);
}

TEST_F(DispatcherTest, CountsSubcommandsAndNotTheirContainers) {
  run("config get x");
  run("config get");
  run("config nothing");
  EXPECT_EQ(statistics("config|get").calls, 1u);
  EXPECT_EQ(statistics("config|get").rejected_calls, 1u);
  EXPECT_EQ(statistics("config").calls, 0u);
  EXPECT_EQ(statistics("config").rejected_calls, 0u);
}

TEST_F(DispatcherTest, TellsTheObserver) {
  run("slow");
  EXPECT_THAT(observer_.events_, ElementsAre("before slow", "error WRONGTYPE", "after slow 1500 us failed"));
  observer_.events_.clear();
  run("nothing");
  EXPECT_THAT(observer_.events_, ElementsAre("error ERR"));
  observer_.events_.clear();
  dispatcher_.gates().loading = true;
  run("get k");
  EXPECT_THAT(observer_.events_, ElementsAre("error LOADING"));
}

TEST_F(DispatcherTest, RemembersTheLastCommand) {
  run("config get x");
  EXPECT_EQ(session_.last_command, "config|get");
  run("GET");
  EXPECT_EQ(session_.last_command, "get") << "even one that was refused";
  run("nothing");
  EXPECT_EQ(session_.last_command, "");
}

TEST_F(DispatcherTest, SetsTheTimeForEveryCommand) {
  run("ping");
  EXPECT_EQ(keyspace_.now_ms(), now_ms());
  for (const int64_t step_ms : {1, 3, 9, 11, 5000}) {
    advance_ms(step_ms);
    run("ping");
    EXPECT_EQ(keyspace_.now_ms(), now_ms());
  }
}

TEST_F(DispatcherTest, SilencesClientsThatWantItSo) {
  EXPECT_EQ(run("replymode off"), "(nothing)");
  EXPECT_EQ(run("ping"), "(nothing)");
  EXPECT_EQ(run("nothing"), "(nothing)");
  EXPECT_EQ(run("replymode skip"), "(nothing)");
  EXPECT_EQ(run("ping"), "(nothing)");
  EXPECT_EQ(run("ping"), "(nothing)");
  EXPECT_EQ(run("replymode on"), "+OK");
  EXPECT_EQ(run("ping"), "+PONG");
}

TEST_F(DispatcherTest, SkipsOneReply) {
  EXPECT_EQ(run("replymode skip"), "(nothing)");
  EXPECT_EQ(run("ping"), "(nothing)");
  EXPECT_EQ(run("ping"), "+PONG");
  run("replymode skip");
  EXPECT_EQ(run("nothing"), "(nothing)") << "errors too";
  EXPECT_EQ(run("ping"), "+PONG");
  run("replymode skip");
  EXPECT_EQ(run("replymode skip"), "(nothing)");
  EXPECT_EQ(run("ping"), "(nothing)");
  EXPECT_EQ(run("ping"), "+PONG");
  run("replymode skip");
  EXPECT_EQ(run("replymode on"), "+OK");
}

TEST_F(DispatcherTest, KeepsRepliesThatWereThereBefore) {
  std::string out = "+EARLIER\r\n";
  protocol::ReplyWriter writer(out, protocol::kResp2);
  session_.reply_mode = ReplyMode::kOff;
  const std::string_view args[] = {"ping"};
  dispatcher_.execute(args, session_, writer);
  EXPECT_EQ(out, "+EARLIER\r\n");
}

// ---- the table ----

TEST(CommandTable, FindsEveryCommandByItsNames) {
  TestHost host;
  for (const auto& command : host.table_.all()) {
    EXPECT_EQ(host.table_.find(command->full_name), command.get());
    for (const auto& subcommand : command->subcommands) {
      EXPECT_EQ(host.table_.find_full(subcommand->full_name), subcommand.get());
      EXPECT_EQ(subcommand->parent, command.get());
    }
  }
  EXPECT_EQ(host.table_.find_full("object|freq|more"), nullptr);
  EXPECT_EQ(host.table_.find_full("get|more"), nullptr);
}

TEST(CommandTable, ComparesWholeNames) {
  TestHost host;
  // Bit 5 is all that distinguishes these from the names of commands.
  EXPECT_EQ(host.table_.find("GET"), host.table_.find("get"));
  constexpr CommandSpec kDashed[] = {{.name = "a-command", .arity = 1, .group = "server", .handler = reply_ok}};
  host.table_.add(kDashed);
  EXPECT_NE(host.table_.find("A-COMMAND"), nullptr);
  EXPECT_EQ(host.table_.find("a\rcommand"), nullptr);
  EXPECT_EQ(host.table_.find(std::string(1000, 'a')), nullptr);
}

TEST(CommandTable, IsInOrder) {
  TestHost host;
  for (size_t i = 1; i < host.table_.all().size(); i++) {
    EXPECT_LT(host.table_.all()[i - 1]->full_name, host.table_.all()[i]->full_name);
  }
}

TEST_F(DispatcherTest, ForgetsItsStatistics) {
  run("slow");
  run("config get x");
  host_.table_.reset_statistics();
  EXPECT_EQ(statistics("slow").calls, 0u);
  EXPECT_EQ(statistics("config|get").calls, 0u);
}

}  // namespace
}  // namespace cowslip::commands
