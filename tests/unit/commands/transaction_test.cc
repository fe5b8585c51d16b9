// MULTI, EXEC, DISCARD, WATCH, UNWATCH, as one connection sees them; other clients are sessions beside it.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

using testing::ElementsAre;
using testing::StartsWith;

class TransactionTest : public CommandTest {
 protected:
  // A command of somebody else.
  std::string other(std::string_view line) {
    std::vector<std::string_view> args;
    while (!line.empty()) {
      const size_t end = std::min(line.find(' '), line.size());
      args.push_back(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    std::string bytes;
    protocol::ReplyWriter writer(bytes, protocol::kResp2);
    dispatcher_.execute(args, other_session_, writer);
    return readable(bytes);
  }
  // WATCH k, the commands of somebody else, and what EXEC says.
  std::string exec_after(std::initializer_list<std::string_view> commands) {
    run("watch k");
    for (const std::string_view command : commands) other(command);
    run("multi");
    run("ping");
    return run("exec");
  }

  static constexpr std::string_view kRan = "[+PONG]";
  static constexpr std::string_view kDidNotRun = "nil-array";
  Session other_session_;
};

// ---- queueing ----

TEST_F(TransactionTest, RunsWhatWasQueued) {
  EXPECT_EQ(run("multi"), "+OK");
  EXPECT_EQ(run("set a 1"), "+QUEUED");
  EXPECT_EQ(run("incr a"), "+QUEUED");
  EXPECT_EQ(run({"set", "b", ""}), "+QUEUED");
  EXPECT_EQ(run("get b"), "+QUEUED");
  EXPECT_EQ(other("get a"), "nil") << "nothing has run";
  EXPECT_EQ(run("exec"), "[+OK, :2, +OK, \"\"]");
  EXPECT_EQ(run("exec"), "-ERR EXEC without MULTI");
  EXPECT_EQ(run("get a"), "\"2\"");
}

TEST_F(TransactionTest, MayBeEmpty) {
  run("multi");
  EXPECT_EQ(run("exec"), "[]");
}

TEST_F(TransactionTest, GoesOnAfterAnErrorOfItsCommands) {
  run("set a text");
  run("multi");
  run("incr a");
  run("set b 1");
  EXPECT_EQ(run("exec"), "[-ERR value is not an integer or out of range, +OK]");
}

TEST_F(TransactionTest, IsDiscarded) {
  EXPECT_EQ(run("discard"), "-ERR DISCARD without MULTI");
  run("multi");
  run("set a 1");
  EXPECT_EQ(run("discard"), "+OK");
  EXPECT_EQ(run("get a"), "nil");
}

TEST_F(TransactionTest, IsNotNested) {
  run("multi");
  EXPECT_EQ(run("multi"), "-ERR MULTI calls can not be nested");
  EXPECT_EQ(run("watch a"), "-ERR WATCH inside MULTI is not allowed");
  run("set a 1");
  EXPECT_EQ(run("exec"), "[+OK]") << "neither of them does harm";
}

TEST_F(TransactionTest, IsAbortedByAnErrorWhileQueueing) {
  for (const char* wrong : {"get", "nosuch", "object nosuch", "watch", "multi x", "discard x"}) {
    run("multi");
    run("set a 1");
    EXPECT_THAT(run(wrong), StartsWith("-ERR ")) << wrong;
    EXPECT_EQ(run("set b 1"), "+QUEUED");
    EXPECT_EQ(run("exec"), "-EXECABORT Transaction discarded because of previous errors.") << wrong;
    EXPECT_EQ(run("exec"), "-ERR EXEC without MULTI");
  }
  EXPECT_EQ(run("exists a b"), ":0");
}

TEST_F(TransactionTest, EndsWithAnExecThatIsWrong) {
  const std::string refusal =
      "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command";
  EXPECT_EQ(run("exec x"), refusal);
  run("multi");
  run("set a 1");
  EXPECT_EQ(run("exec x"), refusal);
  EXPECT_EQ(run("get a"), "nil");
}

TEST_F(TransactionTest, RepliesInTheProtocolOfTheMoment) {
  use_resp3();
  run("multi");
  run("get none");
  EXPECT_EQ(run("exec"), "[null]");
  run("watch k");
  other("set k v");
  run("multi");
  EXPECT_EQ(run("exec"), "null");
}

TEST_F(TransactionTest, StaysInTheDatabaseThatItSelects) {
  run("multi");
  run("select 3");
  run("set a 1");
  EXPECT_EQ(run("exec"), "[+OK, +OK]");
  EXPECT_EQ(run("get a"), "\"1\"");
  EXPECT_EQ(keyspace_.database(3).size(), 1u);
}

TEST_F(TransactionTest, CopiesArguments) {
  std::string key = "some key";
  std::string value(100'000, 'v');
  run("multi");
  run({"set", key, value});
  key.assign(key.size(), 'x');
  value.assign(value.size(), 'x');
  for (int i = 0; i < 100; i++) run({"set", "k" + std::to_string(i), std::to_string(i)});
  EXPECT_GT(session_.transaction.memory_bytes(), 100'000u);
  run("exec");
  EXPECT_EQ(session_.transaction.memory_bytes(), 0u);
  EXPECT_EQ(run({"strlen", "some key"}), ":100000");
  EXPECT_EQ(run("get k77"), "\"77\"");
}

// ---- gates ----

TEST_F(TransactionTest, LooksAtTheGatesWhenItIsExecuted) {
  Gates& gates = dispatcher_.gates();
  const auto refusal_of_write = [&](bool Gates::* gate) {
    run("multi");
    EXPECT_EQ(run("set a 1"), "+QUEUED");
    gates.*gate = true;
    std::string refusal = run("exec");
    gates.*gate = false;
    EXPECT_EQ(run("exec"), "-ERR EXEC without MULTI");
    return refusal;
  };
  EXPECT_EQ(refusal_of_write(&Gates::out_of_memory),
            "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_THAT(refusal_of_write(&Gates::writes_stopped),
              StartsWith("-EXECABORT Transaction discarded because of: MISCONF "));
  EXPECT_EQ(refusal_of_write(&Gates::loading),
            "-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory");
  EXPECT_EQ(refusal_of_write(&Gates::authentication_required),
            "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.");
  EXPECT_EQ(run("get a"), "nil");
}

TEST_F(TransactionTest, ExecutesWhatTheGatesLetThrough) {
  run("multi");
  run("echo hi");
  dispatcher_.gates() = {.loading = true, .out_of_memory = true, .writes_stopped = true};
  EXPECT_EQ(run("exec"), "[\"hi\"]");
}

TEST_F(TransactionTest, QueuesNothingWithoutMemory) {
  run("multi");
  dispatcher_.gates().out_of_memory = true;
  EXPECT_THAT(run("get a"), StartsWith("-OOM ")) << "although outside it would run";
  EXPECT_EQ(run("exec"), "-EXECABORT Transaction discarded because of previous errors.");
  run("multi");
  EXPECT_EQ(run("discard"), "+OK");
}

TEST_F(TransactionTest, IsAbortedByARefusalWhileQueueing) {
  run("multi");
  dispatcher_.gates().writes_stopped = true;
  EXPECT_THAT(run("set a 1"), StartsWith("-MISCONF "));
  dispatcher_.gates().writes_stopped = false;
  EXPECT_THAT(run("exec"), StartsWith("-EXECABORT "));
}

// ---- what is counted ----

TEST_F(TransactionTest, CountsEachCommandAndEachErrorOnce) {
  run("set a text");
  host_.table_.reset_statistics();
  run("multi");
  run("incr a");
  run("incr a");
  run("ping");
  EXPECT_EQ(host_.table_.find("ping")->statistics.calls, 0u) << "queued is not called";
  observer_.events_.clear();
  run("exec");
  EXPECT_THAT(observer_.events_,
              ElementsAre("before exec", "before incr", "error ERR", "after incr 0 us failed", "before incr",
                          "error ERR", "after incr 0 us failed", "before ping", "after ping 0 us", "after exec 0 us"));
  EXPECT_EQ(host_.table_.find("incr")->statistics.calls, 2u);
  EXPECT_EQ(host_.table_.find("incr")->statistics.failed_calls, 2u);
  EXPECT_EQ(host_.table_.find("exec")->statistics.failed_calls, 0u);
  run("exec");
  EXPECT_EQ(host_.table_.find("exec")->statistics.failed_calls, 1u);
  run("incr a");
  EXPECT_EQ(host_.table_.find("incr")->statistics.failed_calls, 3u);
}

TEST_F(TransactionTest, RunsAtOneAndTheSameTime) {
  static TestHost* host = nullptr;
  host = &host_;
  static constexpr CommandSpec kSpecs[] = {
      {.name = "waste", .arity = 1, .group = "server", .handler = [](CommandContext& c) {
         host->clock_.advance_ms(50);
         c.reply.ok();
       }}};
  host_.table_.add(kSpecs);
  run("set k v px 20");
  run("multi");
  run("waste");
  run("get k");
  EXPECT_EQ(run("exec"), "[+OK, \"v\"]") << "time stands still inside";
  EXPECT_EQ(run("get k"), "nil");
}

// ---- watching ----

TEST_F(TransactionTest, RunsWhenNothingChanged) {
  run("set k v");
  EXPECT_EQ(exec_after({"get k", "set another v", "persist k", "del none", "object encoding k"}), kRan);
  EXPECT_EQ(exec_after({"select 1", "set k v", "flushdb", "select 0"}), kRan) << "of another database";
}

TEST_F(TransactionTest, DoesNotRunWhenAWatchedKeyChanged) {
  for (const char* change : {"set k v", "append k x", "incr k", "setrange k 0 x", "del k", "unlink k", "expire k 100",
                             "pexpireat k 1", "rename k l", "rename l k", "move k 2", "copy l k replace", "getdel k",
                             "getex k ex 100", "flushdb", "flushall", "swapdb 0 1", "mset l 1 k 2"}) {
    run("flushall");
    run("mset k 1 l 2");
    EXPECT_EQ(exec_after({change}), kDidNotRun) << change;
    EXPECT_EQ(exec_after({}), kRan) << "the watch is over";
  }
  EXPECT_TRUE(keyspace_.observers().empty());
}

TEST_F(TransactionTest, NoticesAKeyThatComes) {
  EXPECT_EQ(exec_after({"set k v"}), kDidNotRun);
  run("del k");
  EXPECT_EQ(exec_after({"set k v", "del k"}), kDidNotRun) << "even if it went again";
}

TEST_F(TransactionTest, NoticesItsOwnWrites) {
  run("watch k");
  run("set k v");
  run("multi");
  EXPECT_EQ(run("exec"), "nil-array");
  run("watch k");
  run("multi");
  run("set k w");
  EXPECT_EQ(run("exec"), "[+OK]") << "but not those of the transaction";
}

TEST_F(TransactionTest, ForgetsWhatItWatched) {
  for (const char* way : {"unwatch", "discard", "exec"}) {
    run("watch k k l");
    if (way != std::string_view("unwatch")) run("multi");
    run(way);
    EXPECT_EQ(session_.watcher.size(), 0u);
    EXPECT_TRUE(keyspace_.observers().empty());
    other("set k v");
    run("multi");
    EXPECT_EQ(run("exec"), "[]") << way;
  }
}

TEST_F(TransactionTest, ForgetsWhatChanged) {
  run("watch k");
  other("set k v");
  EXPECT_TRUE(session_.watcher.dirty());
  EXPECT_EQ(session_.watcher.size(), 0u) << "it knows enough";
  EXPECT_EQ(run("watch l"), "+OK");
  EXPECT_EQ(session_.watcher.size(), 0u);
  run("unwatch");
  run("multi");
  run("unwatch");
  EXPECT_EQ(run("exec"), "[+OK]");
}

TEST_F(TransactionTest, AnErrorWhileQueueingWinsOverAChange) {
  run("watch k");
  other("set k v");
  run("multi");
  run("get");
  EXPECT_THAT(run("exec"), StartsWith("-EXECABORT "));
}

TEST_F(TransactionTest, WatchesForEachClient) {
  Session second;
  dispatcher_.watched_keys().watch(second.watcher, 0, "k");
  {
    Session third;
    dispatcher_.watched_keys().watch(third.watcher, 0, "k");
    run("watch k l");
  }
  other("set l v");
  EXPECT_TRUE(session_.watcher.dirty());
  EXPECT_FALSE(second.watcher.dirty());
  other("set k v");
  EXPECT_TRUE(second.watcher.dirty());
  EXPECT_TRUE(keyspace_.observers().empty());
}

// ---- expiry ----

TEST_F(TransactionTest, AKeyThatExpiresHasChanged) {
  run("set k v px 10");
  run("watch k");
  advance_ms(11);
  run("multi");
  EXPECT_EQ(run("exec"), "nil-array") << "though nobody has found it";
  run("set k v px 10");
  run("watch k");
  advance_ms(11);
  other("get k");
  run("multi");
  EXPECT_EQ(run("exec"), "nil-array");
}

// For the client it is not there, so its end is no change, and its return is one.
TEST_F(TransactionTest, AKeyThatHadExpiredBeforeHasNot) {
  const auto expired = [this] {
    run("set k v px 10");
    advance_ms(11);
  };
  expired();
  EXPECT_EQ(exec_after({}), kRan);
  EXPECT_EQ(exec_after({"get k"}), kRan) << "it is deleted now";
  expired();
  EXPECT_EQ(exec_after({"flushall"}), kRan);
  expired();
  EXPECT_EQ(exec_after({"swapdb 0 1"}), kRan);
  expired();
  EXPECT_EQ(exec_after({"set k v"}), kDidNotRun);
  expired();
  run("set l v");
  EXPECT_EQ(exec_after({"rename l k"}), kDidNotRun);
  expired();
  EXPECT_EQ(exec_after({"get k", "set k v"}), kDidNotRun);
}

TEST_F(TransactionTest, ADatabaseThatComesBringsKeysOrNot) {
  other("select 1");
  other("set k v");
  other("select 0");
  EXPECT_EQ(exec_after({"swapdb 0 1"}), kDidNotRun) << "k has come";
  EXPECT_EQ(exec_after({"swapdb 2 3"}), kRan);
  EXPECT_EQ(exec_after({"swapdb 0 1"}), kDidNotRun) << "k has gone";
  EXPECT_EQ(exec_after({"swapdb 0 2"}), kRan) << "there is no k in either";
  run("select 4");
  run("set k v px 10");
  run("select 5");
  advance_ms(11);
  EXPECT_EQ(exec_after({"swapdb 4 5"}), kRan) << "what came had expired";
}

}  // namespace
}  // namespace cowslip::commands
