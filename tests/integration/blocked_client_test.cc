// A client that waits for a key: what else it sends, gets and is held to meanwhile, and what others see of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/waiters.h"

namespace cowslip::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string line_of(Client& client, const std::string& id) {
  return client("CLIENT", "LIST", "ID", id).text;
}

Reply invalidation(std::string_view key) {
  return {Reply::Kind::kPush, {}, 0, {Reply::bulk("invalidate"), {Reply::Kind::kArray, {}, 0, {Reply::bulk(key)}}}};
}

TEST(BlockedClient, TheCommandsBehindWaitToo) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  waiter.send(encode({"PING"}) + encode({"BLPOP", "l", "0"}) + encode({"PING", "1"}) + encode({"BLPOP", "m", "0"}));
  waiter.send(encode({"RPUSH", "n", "x"}) + "*1\r\n$4\r\nPI");
  EXPECT_EQ(waiter.read(), Reply::simple("PONG"));
  EXPECT_TRUE(waiter.silent_for(kQuiet));
  EXPECT_EQ(client("EXISTS", "n"), Reply::of_integer(0));
  client("RPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), pair("l", "a"));
  EXPECT_EQ(waiter.read(), Reply::bulk("1"));
  EXPECT_TRUE(waiter.silent_for(kQuiet));
  waiter.send("NG\r\n");
  client("RPUSH", "m", "b");
  EXPECT_EQ(waiter.read(), pair("m", "b"));
  EXPECT_EQ(waiter.read(), Reply::of_integer(1));
  EXPECT_EQ(waiter.read(), Reply::simple("PONG"));
}

TEST(BlockedClient, WhatArrivesMeanwhileIsHeldToTheLimit) {
  const ServerProcess server({.directives = {"--client-query-buffer-limit", "1mb"}});
  Connection waiter = server.connection();
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  const std::string much(300'000, 'x');
  for (int i = 0; i < 10; i++) {
    if (!waiter.send(encode({"SET", "k", much}))) break;
  }
  EXPECT_TRUE(waiter.closed());
  EXPECT_EQ(waiting(server), 0);
}

TEST(BlockedClient, MessagesArriveMeanwhile) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection3();
  waiter("SUBSCRIBE", "c");
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  client("PUBLISH", "c", "m");
  EXPECT_EQ(waiter.read().kind, Reply::Kind::kPush);
  client("RPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), pair("l", "a"));
}

TEST(BlockedClient, MessagesOfTheServedCommandItselfStandBehindItsReply) {
  const ServerProcess server({.directives = {"--notify-keyspace-events", "El"}});
  Client client = server.client();
  Connection waiter = server.connection3();
  waiter("SUBSCRIBE", "__keyevent@0__:lpop");
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  client("RPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), pair("l", "a"));
  EXPECT_EQ(waiter.read().kind, Reply::Kind::kPush);
}

TEST(BlockedClient, RepliesThatAreNotWantedDoNotCome) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  waiter.send(encode({"CLIENT", "REPLY", "SKIP"}) + encode({"BLPOP", "l", "0"}) + encode({"ECHO", "1"}));
  EXPECT_TRUE(eventually([&] { return waiting(server) == 1; }));
  client("RPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), Reply::bulk("1"));
  waiter.send(encode({"CLIENT", "REPLY", "OFF"}) + encode({"BLPOP", "l", "0.05"}) + encode({"ECHO", "1"}) +
              encode({"CLIENT", "REPLY", "ON"}));
  EXPECT_TRUE(waiter.read().is_ok());
}

TEST(BlockedClient, APauseOfWritesHoldsTheServingBack) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  Connection timed = server.connection();
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  wait_in(server, timed, {"BLPOP", "m", "0.2"});
  for (const Arguments& command :
       {Arguments{"MULTI"}, {"RPUSH", "l", "a"}, {"CLIENT", "PAUSE", "100000", "WRITE"}, {"EXEC"}}) {
    client.command(command);
  }
  EXPECT_TRUE(timed.read().is_null()) << "time goes on";
  EXPECT_TRUE(waiter.silent_for(kQuiet));
  EXPECT_EQ(client("LLEN", "l"), Reply::of_integer(1));
  client("CLIENT", "UNPAUSE");
  EXPECT_EQ(waiter.read(), pair("l", "a"));
  // And when its time ends it.
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  for (const Arguments& command :
       {Arguments{"MULTI"}, {"RPUSH", "l", "b"}, {"CLIENT", "PAUSE", "200", "WRITE"}, {"EXEC"}}) {
    client.command(command);
  }
  EXPECT_EQ(waiter.read(), pair("l", "b"));
}

TEST(BlockedClient, ClientsThatWaitForTheEndOfAPauseCountAsBlocked) {
  const ServerProcess server;
  Client client = server.client();
  Connection writer = server.connection();
  client("CLIENT", "PAUSE", "100000", "WRITE");
  wait_in(server, writer, {"SET", "k", "v"});
  client("CLIENT", "UNPAUSE");
  EXPECT_TRUE(writer.read().is_ok());
  EXPECT_EQ(waiting(server), 0);
}

TEST(BlockedClient, InsideOfATransactionNothingWaits) {
  const ServerProcess server;
  Connection client = server.connection();
  client("MULTI");
  for (const Arguments& command : {Arguments{"BLPOP", "l", "0"},
                                   {"BLMOVE", "l", "m", "LEFT", "LEFT", "0"},
                                   {"BRPOPLPUSH", "l", "m", "0"},
                                   {"BLMPOP", "0", "1", "l", "LEFT"},
                                   {"BZPOPMAX", "l", "0"},
                                   {"BZMPOP", "0", "1", "l", "MIN"}}) {
    EXPECT_EQ(client.command(command), Reply::simple("QUEUED"));
  }
  EXPECT_EQ(describe(client("EXEC")), "[(null array), (null), (null), (null array), (null array), (null array)]");
}

// As redis-server does it, which answers the same questions.
class BlockingAndTracking : public ::testing::TestWithParam<const char*> {};

TEST_P(BlockingAndTracking, InvalidationsArriveMeanwhile) {
  const ServerProcess server({.binary = GetParam()});
  Client client = server.client();
  Connection waiter = server.connection3();
  waiter("CLIENT", "TRACKING", "ON");
  waiter("GET", "k");
  waiter("LLEN", "l");
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  client("SET", "k", "v");
  EXPECT_EQ(waiter.read(), invalidation("k"));
  EXPECT_TRUE(waiter.silent_for(kQuiet));
  client("RPUSH", "l", "a", "b");
  EXPECT_EQ(waiter.read(), invalidation("l")) << "by the push";
  EXPECT_EQ(waiter.read(), pair("l", "a"));
  EXPECT_TRUE(waiter.silent_for(kQuiet)) << "a wait caches nothing";
}

TEST_P(BlockingAndTracking, WhatAServedClientChangesIsInvalidated) {
  const ServerProcess server({.binary = GetParam()});
  Client client = server.client();
  Connection waiter = server.connection();
  Connection cache = server.connection3();
  cache("CLIENT", "TRACKING", "ON");
  wait_in(server, waiter, {"BLMOVE", "l", "m", "LEFT", "LEFT", "0"});
  cache("LLEN", "m");
  client("RPUSH", "l", "a");
  EXPECT_EQ(waiter.read(), Reply::bulk("a"));
  EXPECT_EQ(cache.read(), invalidation("m"));
}

INSTANTIATE_TEST_SUITE_P(Servers, BlockingAndTracking, ::testing::Values("", kRedisBinary),
                         [](const auto& server) { return *server.param == 0 ? "Cowslip" : "Redis"; });

// ---- what is seen of it ----

TEST(BlockedClient, IsSeenInClientListAndInfo) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  const std::string id = std::to_string(waiter("CLIENT", "ID").integer);
  EXPECT_THAT(line_of(client, id), HasSubstr(" flags=N "));
  wait_in(server, waiter, {"BLPOP", "a", "b", "a", "0"});
  Connection other = server.connection();
  wait_in(server, other, {"BZPOPMIN", "b", "c", "0"});
  const std::string line = line_of(client, id);
  EXPECT_THAT(line, HasSubstr(" flags=b "));
  EXPECT_THAT(line, HasSubstr(" cmd=blpop "));
  EXPECT_THAT(line, Not(HasSubstr(" argv-mem=0 ")));
  const std::string info = server.info("clients");
  EXPECT_EQ(info_number(info, "blocked_clients"), 2);
  EXPECT_EQ(info_number(info, "total_blocking_keys"), 3);
  EXPECT_EQ(info_number(info, "total_blocking_keys_on_nokey"), 0);
  client("RPUSH", "b", "x");
  waiter.read();
  EXPECT_THAT(line_of(client, id), HasSubstr(" flags=N "));
}

TEST(BlockedClient, CountsAsOneCallWithoutTheWait) {
  const ServerProcess server({.directives = {"--slowlog-log-slower-than", "0"}});
  Client client = server.client();
  Connection waiter = server.connection();
  waiter("CLIENT", "SETNAME", "waiter");
  client("CONFIG", "RESETSTAT");
  client("SLOWLOG", "RESET");
  wait_in(server, waiter, {"BLPOP", "l", "0"});
  EXPECT_EQ(info_field(server.info("commandstats"), "cmdstat_blpop"), "");
  sleep_ms(300);
  client("RPUSH", "l", "a");
  waiter.read();
  const auto statistics = [&] { return info_field(server.info("commandstats"), "cmdstat_blpop"); };
  EXPECT_THAT(statistics(), HasSubstr("calls=1,usec="));
  const std::string usec = statistics().substr(std::string("calls=1,usec=").size());
  EXPECT_LT(std::stoll(usec), 250'000);
  EXPECT_THAT(statistics(), HasSubstr(",rejected_calls=0,failed_calls=0"));
  waiter("BLPOP", "l", "0.01");
  EXPECT_THAT(statistics(), HasSubstr("calls=2,"));
  int logged = 0;
  for (const Reply& entry : client("SLOWLOG", "GET", "-1").elements) {
    if (entry.elements.at(3).elements.at(0).text != "BLPOP") continue;
    logged++;
    EXPECT_EQ(entry.elements.at(5).text, "waiter");
    EXPECT_LT(entry.elements.at(2).integer, 250'000);
  }
  EXPECT_EQ(logged, 2);
}

TEST(BlockedClient, MonitorShowsItOnceWhenItComes) {
  const ServerProcess server;
  Client client = server.client();
  Connection monitor = server.connection();
  monitor("MONITOR");
  Connection waiter = server.connection();
  waiter.send(encode({"BLPOP", "l", "0"}));
  EXPECT_THAT(monitor.read().text, HasSubstr(R"("BLPOP" "l" "0")"));
  client("RPUSH", "l", "a");
  EXPECT_THAT(monitor.read().text, HasSubstr(R"("RPUSH" "l" "a")"));
  waiter.read();
  waiter("PING");
  EXPECT_THAT(monitor.read().text, HasSubstr(R"("PING")"));
}

TEST(BlockedClient, WatchersNoticeWhatAServedClientTakes) {
  const ServerProcess server;
  Client client = server.client();
  Connection waiter = server.connection();
  Connection watcher = server.connection();
  wait_in(server, waiter, {"BLMOVE", "l", "m", "LEFT", "LEFT", "0"});
  watcher("WATCH", "m");
  client("RPUSH", "l", "a");
  watcher("MULTI");
  EXPECT_TRUE(watcher("EXEC").is_null());
}

TEST(BlockedClient, EventsAndChangesAreThoseOfAnOrdinaryPop) {
  const ServerProcess server({.directives = {"--notify-keyspace-events", "EA"}});
  Client client = server.client();
  Connection listener = server.connection();
  listener("PSUBSCRIBE", "*");
  Connection waiter = server.connection();
  wait_in(server, waiter, {"BLMOVE", "l", "m", "LEFT", "LEFT", "0"});
  const auto changes = [&] { return info_number(server.info("persistence"), "rdb_changes_since_last_save"); };
  const int64_t before = changes();
  client("RPUSH", "l", "a");
  std::vector<std::string> events;
  for (int i = 0; i < 4; i++) events.push_back(listener.read().elements.at(2).text);
  EXPECT_THAT(events,
              ElementsAre("__keyevent@0__:rpush", "__keyevent@0__:lpush", "__keyevent@0__:lpop", "__keyevent@0__:del"));
  EXPECT_EQ(changes(), before + 2);
}

}  // namespace
}  // namespace cowslip::testing
