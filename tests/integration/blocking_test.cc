// Commands that wait for a key, over sockets: who is served, by what, and when a wait ends otherwise.
// (blocked_client_test.cc: what happens beside the wait.)
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/integration/waiters.h"

namespace cowslip::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

Reply null_array() {
  Reply reply;
  reply.kind = Reply::Kind::kNullArray;
  return reply;
}

TEST(Blocking, ServesTheLongestWaitingFirst) {
  const ServerProcess server;
  Client client = server.client();
  std::vector<Connection> waiters;
  for (int i = 0; i < 3; i++) {
    waiters.push_back(server.connection());
    wait_in(server, waiters.back(), {i == 1 ? "BRPOP" : "BLPOP", "l", "0"});
  }
  EXPECT_EQ(client("RPUSH", "l", "a", "b", "c", "d"), Reply::of_integer(4));
  EXPECT_EQ(waiters[0].read(), pair("l", "a"));
  EXPECT_EQ(waiters[1].read(), pair("l", "d"));
  EXPECT_EQ(waiters[2].read(), pair("l", "b"));
  EXPECT_EQ(client("LRANGE", "l", "0", "-1").strings(), std::vector<std::string>{"c"});
  EXPECT_EQ(waiting(server), 0);
}

TEST(Blocking, SortedSetsHaveTheirShapesInBothProtocols) {
  const ServerProcess server;
  Client client = server.client();
  Connection two = server.connection();
  Connection three = server.connection3();
  wait_in(server, two, {"BZPOPMIN", "z", "0"});
  wait_in(server, three, {"BZPOPMAX", "z", "0"});
  client("ZADD", "z", "1.5", "a", "2.5", "b", "3.5", "c");
  EXPECT_EQ(describe(two.read()), R"(["z", "a", "1.5"])");
  const Reply served = three.read();
  ASSERT_EQ(served.elements.size(), 3u);
  EXPECT_EQ(served.elements[2].kind, Reply::Kind::kDouble);
  EXPECT_EQ(served.elements[2].text, "3.5");
  client("DEL", "z");
  wait_in(server, three, {"BZMPOP", "0", "2", "y", "z", "MAX", "COUNT", "2"});
  client("ZADD", "z", "1", "a", "2", "b", "3", "c");
  const Reply several = three.read();
  ASSERT_EQ(several.elements.size(), 2u);
  EXPECT_EQ(several.elements[0].text, "z");
  ASSERT_EQ(several.elements[1].elements.size(), 2u);
  EXPECT_EQ(several.elements[1].elements[0].elements.at(0).text, "c");
  EXPECT_EQ(several.elements[1].elements[1].elements.at(1).text, "2");
}

// ---- time ----

TEST(Blocking, EndsWithItsTimeAndNotBefore) {
  const ServerProcess server;
  for (const Arguments& command :
       {Arguments{"BLPOP", "l", "0.15"}, Arguments{"BLMOVE", "l", "m", "LEFT", "RIGHT", "0.15"},
        Arguments{"BRPOPLPUSH", "l", "m", "0.15"}, Arguments{"BLMPOP", "0.15", "1", "l", "LEFT"},
        Arguments{"BZPOPMIN", "l", "0.15"}, Arguments{"BZMPOP", "0.15", "1", "l", "MIN"}}) {
    for (const bool resp3 : {false, true}) {
      Connection connection = resp3 ? server.connection3() : server.connection();
      const auto start = steady_clock::now();
      const Reply reply = connection.command(command);
      EXPECT_TRUE(reply.is_null()) << reply;
      EXPECT_GE(steady_clock::now() - start, milliseconds(150)) << command[0];
    }
  }
  Connection two = server.connection();
  EXPECT_EQ(two("BLMOVE", "l", "m", "LEFT", "RIGHT", "0.01"), null_array()) << "not the null of LMOVE";
}

TEST(Blocking, EachWaitHasATimeOfItsOwn) {
  const ServerProcess server;
  std::vector<Connection> waiters;
  for (const char* seconds : {"0.3", "0.1", "0", "0.2", "100000000"}) {
    waiters.push_back(server.connection());
    wait_in(server, waiters.back(), {"BLPOP", "l", seconds});
  }
  EXPECT_EQ(info_number(server.info("clients"), "clients_in_timeout_table"), 4);
  EXPECT_TRUE(waiters[1].read().is_null());
  EXPECT_TRUE(waiters[3].read().is_null());
  EXPECT_TRUE(waiters[0].read().is_null());
  EXPECT_TRUE(waiters[2].silent_for(kQuiet));
  EXPECT_TRUE(waiters[4].silent_for(kQuiet));
  EXPECT_EQ(info_number(server.info("clients"), "clients_in_timeout_table"), 1);
}

TEST(Blocking, TheTimeOfAWaitThatWasServedIsNoMore) {
  const ServerProcess server;
  Client client = server.client();
  Connection idle = server.connection(), waits_again = server.connection();
  wait_in(server, idle, {"BLPOP", "l", "0.3"});
  wait_in(server, waits_again, {"BLPOP", "l", "0.3"});
  client("RPUSH", "l", "a", "b");
  EXPECT_EQ(idle.read(), pair("l", "a"));
  EXPECT_EQ(waits_again.read(), pair("l", "b"));
  EXPECT_EQ(info_number(server.info("clients"), "clients_in_timeout_table"), 0);
  wait_in(server, waits_again, {"BLPOP", "l", "0"});
  EXPECT_TRUE(waits_again.silent_for(milliseconds(500)));
  client("RPUSH", "l", "c");
  EXPECT_EQ(waits_again.read(), pair("l", "c"));
}

TEST(Blocking, TheTimeoutOfIdleClientsIsNotForThoseThatWait) {
  const ServerProcess server({.directives = {"--timeout", "1"}});
  Connection waiter = server.connection();
  Connection idle = server.connection();
  waiter.send(encode({"BLPOP", "l", "0"}));
  EXPECT_TRUE(idle.closed());
  sleep_ms(1500);
  Client client = server.client();
  client("LPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), pair("l", "a"));
}

// ---- other ends ----

TEST(Blocking, ClientUnblockEndsAWait) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  const std::string id = std::to_string(waiter("CLIENT", "ID").integer);
  EXPECT_EQ(client("CLIENT", "UNBLOCK", id), Reply::of_integer(0)) << "it does not wait";
  for (const char* reason : {"", "TIMEOUT", "ERROR", "error"}) {
    wait_in(server, waiter, {"BLPOP", "l", "0"});
    const Arguments command =
        *reason == '\0' ? Arguments{"CLIENT", "UNBLOCK", id} : Arguments{"CLIENT", "UNBLOCK", id, reason};
    EXPECT_EQ(client.command(command), Reply::of_integer(1));
    const bool error = std::string(reason) == "ERROR" || std::string(reason) == "error";
    EXPECT_EQ(waiter.read(), error ? Reply::error("UNBLOCKED client unblocked via CLIENT UNBLOCK") : null_array());
    EXPECT_EQ(client.command(command), Reply::of_integer(0));
  }
  EXPECT_EQ(client("CLIENT", "UNBLOCK", id, "NOW"),
            Reply::error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
  EXPECT_EQ(client("CLIENT", "UNBLOCK", "123456"), Reply::of_integer(0));
  EXPECT_EQ(info_field(server.info("errorstats"), "errorstat_UNBLOCKED"), "count=2");
  client("LPUSH", "l", "a");
  EXPECT_TRUE(waiter("PING") == Reply::simple("PONG"));
  EXPECT_EQ(client("LLEN", "l"), Reply::of_integer(1));
}

TEST(Blocking, WhoHangsUpOrIsKilledTakesNothing) {
  const ServerProcess server;
  Client client = server.client();
  {
    Connection gone = server.connection();
    wait_in(server, gone, {"BLPOP", "l", "k", "0"});
  }
  EXPECT_TRUE(eventually([&] { return waiting(server) == 0; }));
  Connection killed = server.connection();
  const std::string id = std::to_string(killed("CLIENT", "ID").integer);
  wait_in(server, killed, {"BLPOP", "l", "k", "100"});
  EXPECT_EQ(client("CLIENT", "KILL", "ID", id), Reply::of_integer(1));
  EXPECT_TRUE(killed.closed());
  EXPECT_EQ(waiting(server), 0);
  const std::string info = server.info("clients");
  EXPECT_EQ(info_number(info, "total_blocking_keys"), 0);
  EXPECT_EQ(info_number(info, "clients_in_timeout_table"), 0);
  EXPECT_EQ(client("LPUSH", "l", "a"), Reply::of_integer(1));
  EXPECT_EQ(client("LLEN", "l"), Reply::of_integer(1));
}

TEST(Blocking, AShutdownDoesNotWaitForThem) {
  ServerProcess server({.directives = {"--save", "3600 1000"}});
  Connection waiter = server.connection();
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  Connection timed = server.connection();
  wait_in(server, timed, {"BZPOPMIN", "l", "100"});
  EXPECT_EQ(server.terminate(), 0);
  EXPECT_TRUE(waiter.closed());
}

// ---- what wakes ----

TEST(Blocking, WritesOfEveryKindWake) {
  const ServerProcess server;
  Client client = server.client();
  client("RPUSH", "src", "a");
  client("SET", "text", "t");
  const std::string dump = client("DUMP", "src").text;
  Connection waiter = server.connection();
  const std::vector<std::vector<Arguments>> writes = {
      {{"RENAME", "src", "l"}},
      {{"RENAMENX", "src", "l"}},
      {{"COPY", "src", "l"}},
      {{"RESTORE", "l", "0", dump}},
      {{"LMOVE", "src", "l", "LEFT", "LEFT"}},
      {{"RPOPLPUSH", "src", "l"}},
      {{"SORT", "src", "ALPHA", "STORE", "l"}},
      {{"SELECT", "1"}, {"RPUSH", "l", "a"}, {"MOVE", "l", "0"}, {"SELECT", "0"}},
      {{"SELECT", "1"}, {"FLUSHDB"}, {"RPUSH", "l", "a"}, {"SWAPDB", "0", "1"}, {"SWAPDB", "0", "1"}, {"SELECT", "0"}},
      {{"MULTI"}, {"RPUSH", "l", "x"}, {"DEL", "l"}, {"RPUSH", "l", "a"}, {"EXEC"}},
      {{"SET", "l", "t"}, {"RENAME", "src", "l"}},
      {{"SET", "l", "t"}, {"SORT", "src", "ALPHA", "STORE", "l"}},
      {{"SET", "l", "t", "PX", "1"}, {"DEBUG", "SLEEP", "0.01"}, {"RPUSH", "l", "a"}},
      {{"FLUSHALL"}, {"RPUSH", "l", "a"}},
  };
  for (const std::vector<Arguments>& commands : writes) {
    client("DEL", "l", "src");
    client("RPUSH", "src", "a");
    wait_in(server, waiter, {"BLPOP", "l", "0"});
    for (const Arguments& command : commands) EXPECT_FALSE(client.command(command).is_error()) << describe(command);
    EXPECT_EQ(waiter.read(), pair("l", "a")) << describe(commands.back());
    EXPECT_EQ(client("EXISTS", "l"), Reply::of_integer(0));
  }
}

TEST(Blocking, OtherTypesDoNotWakeUnlessTheyComeBeforeInTheArguments) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  wait_in(server, waiter, {"BLPOP", "k", "l", "0"});
  client("SET", "k", "text");
  client("DEL", "k");
  client("ZADD", "k", "1", "m");
  EXPECT_TRUE(waiter.silent_for(kQuiet));
  client("RPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), Reply::error("WRONGTYPE Operation against a key holding the wrong kind of value"));
  EXPECT_EQ(client("LLEN", "l"), Reply::of_integer(1));
}

TEST(Blocking, AMoveOntoAnotherTypeFailsAndTakesNothing) {
  const ServerProcess server;
  Client client = server.client();
  client("SET", "to", "text");
  Connection mover = server.connection();
  Connection waiter = server.connection();
  wait_in(server, mover, {"BLMOVE", "l", "to", "LEFT", "RIGHT", "0"});
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  client("RPUSH", "l", "a");
  EXPECT_EQ(mover.read(), Reply::error("WRONGTYPE Operation against a key holding the wrong kind of value"));
  EXPECT_EQ(waiter.read(), pair("l", "a"));
}

TEST(Blocking, AKeyThatExpiresBeforeItIsTakenIsWaitedForOn) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  const auto start = steady_clock::now();
  wait_in(server, waiter, {"BLPOP", "l", "0.6"});
  for (const Arguments& command :
       {Arguments{"MULTI"}, {"RPUSH", "l", "a"}, {"PEXPIRE", "l", "50"}, {"DEBUG", "SLEEP", "0.2"}, {"EXEC"}}) {
    client.command(command);
  }
  EXPECT_EQ(waiting(server), 1);
  EXPECT_EQ(waiter.read(), null_array());
  const auto waited = steady_clock::now() - start;
  EXPECT_GE(waited, milliseconds(600));
  EXPECT_LT(waited, milliseconds(790)) << "the time began anew";
}

TEST(Blocking, MovesGoFromOneWaitingClientToTheNext) {
  const ServerProcess server;
  Client client = server.client();
  std::vector<Connection> chain;
  constexpr int kLength = 50;
  for (int i = kLength; i-- > 0;) {
    chain.push_back(server.connection());
    wait_in(server, chain.back(),
            {"BLMOVE", "k" + std::to_string(i), "k" + std::to_string(i + 1), "LEFT", "RIGHT", "0"});
  }
  client("RPUSH", "k0", "a");
  for (Connection& link : chain) EXPECT_EQ(link.read(), Reply::bulk("a"));
  EXPECT_EQ(client("LRANGE", "k50", "0", "-1").strings(), std::vector<std::string>{"a"});
  EXPECT_EQ(client("DBSIZE"), Reply::of_integer(1));
}

TEST(Blocking, AReloadServesAfterItself) {
  const ServerProcess server({.directives = {"--enable-debug-command", "yes"}});
  Client client = server.client();
  client("RPUSH", "l", "a");
  client("SAVE");
  client("DEL", "l");
  Connection waiter = server.connection();
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  EXPECT_TRUE(client("DEBUG", "RELOAD", "NOSAVE").is_ok());
  EXPECT_EQ(waiter.read(), pair("l", "a"));
}

// ---- what else the client does ----

TEST(Blocking, ManyClientsAreServedAtOnce) {
  const ServerProcess server;
  Client client = server.client();
  std::vector<Connection> waiters;
  constexpr int kMany = 200;
  for (int i = 0; i < kMany; i++) {
    waiters.push_back(server.connection());
    waiters.back().send(encode({"BLPOP", "l", "0"}));
    // In their order.
    ASSERT_TRUE(eventually([&] { return waiting(server) == i + 1; }));
  }
  Arguments push = {"RPUSH", "l"};
  for (int i = 0; i < kMany + 1; i++) push.push_back(std::to_string(i));
  client.command(push);
  for (int i = 0; i < kMany; i++) EXPECT_EQ(waiters[static_cast<size_t>(i)].read(), pair("l", std::to_string(i)));
  EXPECT_EQ(client("LLEN", "l"), Reply::of_integer(1));
}

}  // namespace
}  // namespace cowslip::testing
