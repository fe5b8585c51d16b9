// Client-side caching over real connections: what makes a cached key out of date, where the messages go, and what
// becomes of those who do not read them. The modes and their errors are compared with redis-server's in
// differential/tracking_test.cc.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

Reply names(std::initializer_list<std::string_view> keys) {
  Reply reply{Reply::Kind::kArray, {}, 0, {}};
  for (const std::string_view key : keys) reply.elements.push_back(Reply::bulk(key));
  return reply;
}
Reply invalidation(std::initializer_list<std::string_view> keys) {
  return {Reply::Kind::kPush, {}, 0, {Reply::bulk("invalidate"), names(keys)}};
}
Reply invalidation_of_all() {
  return {Reply::Kind::kPush, {}, 0, {Reply::bulk("invalidate"), Reply::null()}};
}
Reply message(const Reply& what) {
  return {Reply::Kind::kArray, {}, 0, {Reply::bulk("message"), Reply::bulk("__redis__:invalidate"), what}};
}

std::string id_of(Connection& client) {
  return std::to_string(client("CLIENT", "ID").integer);
}

int64_t stat(const ServerProcess& server, std::string_view field) {
  return info_number(server.info(), field);
}

// A client of RESP3 that tracks.
Connection tracking_client(const ServerProcess& server, Arguments options = {}) {
  Connection client = server.connection3();
  options.insert(options.begin(), {"CLIENT", "TRACKING", "ON"});
  EXPECT_TRUE(client.command(options).is_ok());
  return client;
}

TEST(Tracking, WhateverChangesAKeyInvalidatesIt) {
  const ServerProcess server;
  Client other = server.client();
  Connection client = tracking_client(server);
  const std::vector<Arguments> changes = {{"SET", "k", "1"},
                                          {"INCR", "k"},
                                          {"EXPIRE", "k", "1000"},
                                          {"PERSIST", "k"},
                                          {"SETRANGE", "k", "2", "x"},
                                          {"SETBIT", "k", "100", "1"},
                                          {"RENAME", "k", "l"},
                                          {"COPY", "l", "k"},
                                          {"MOVE", "k", "1"},
                                          {"RENAME", "l", "k"},
                                          {"DEL", "k"},
                                          {"MSET", "k", "1"},
                                          {"PEXPIRE", "k", "-1"},
                                          {"PFADD", "k", "x"}};
  for (const Arguments& change : changes) {
    client("GET", "k");
    EXPECT_FALSE(other.command(change).is_error()) << change[0];
    EXPECT_EQ(client.read(), invalidation({"k"})) << change[0];
  }
  EXPECT_TRUE(client.silent_for(milliseconds(50)));
}

TEST(Tracking, ExpiryAndEvictionInvalidate) {
  const ServerProcess server({.directives = {"--maxmemory-policy", "allkeys-random"}});
  Client other = server.client();
  Connection client = tracking_client(server);
  Connection broad = tracking_client(server, {"BCAST", "PREFIX", "short"});
  other("SET", "short", "v", "PX", "30");
  EXPECT_EQ(broad.read(), invalidation({"short"}));
  client("GET", "short");
  EXPECT_EQ(client.read(), invalidation({"short"})) << "nobody asked for it";
  EXPECT_EQ(broad.read(), invalidation({"short"}));

  other("SET", "k", "v");
  client("GET", "k");
  ASSERT_TRUE(other("CONFIG", "SET", "maxmemory", "1").is_ok());
  EXPECT_EQ(client.read(), invalidation({"k"}));
  EXPECT_EQ(stat(server, "evicted_keys"), 1);
}

// Eviction makes room before the command of the very client that is told of it.
TEST(Tracking, EvictionBeforeOnesOwnCommandIsToldBeforeItsReply) {
  const ServerProcess server({.directives = {"--maxmemory-policy", "allkeys-random"}});
  Connection client = tracking_client(server);
  client("SET", "k", "v");
  client("GET", "k");
  client.send(encode({"CONFIG", "SET", "maxmemory", "1"}) + encode({"GET", "k"}));
  EXPECT_TRUE(client.read().is_ok());
  EXPECT_EQ(client.read(), invalidation({"k"}));
  EXPECT_EQ(client.read(), Reply::null());
}

TEST(Tracking, OnesOwnChangesComeBehindTheReplyAndBehindExec) {
  const ServerProcess server;
  Connection client = tracking_client(server);
  client.send(encode({"GET", "k"}) + encode({"SET", "k", "1"}) + encode({"GET", "k"}) + encode({"MULTI"}) +
              encode({"SET", "k", "2"}) + encode({"GET", "k"}) + encode({"DEL", "k"}) + encode({"EXEC"}));
  EXPECT_TRUE(client.read().is_null());
  EXPECT_TRUE(client.read().is_ok());
  EXPECT_EQ(client.read(), invalidation({"k"}));
  EXPECT_EQ(client.read(), Reply::bulk("1"));
  for (int i = 0; i < 4; i++) client.read();
  EXPECT_EQ(client.read().elements.size(), 3u);
  EXPECT_EQ(client.read(), invalidation({"k"}));
  EXPECT_EQ(client.read(), invalidation({"k"})) << "it was read again in between";

  client("CLIENT", "TRACKING", "ON", "NOLOOP");
  client("GET", "k");
  client("SET", "k", "3");
  EXPECT_EQ(client("PING"), Reply::simple("PONG"));
}

// CLIENT REPLY OFF does not hold back what is no reply.
TEST(Tracking, WithoutRepliesMessagesStillCome) {
  const ServerProcess server;
  Connection client = tracking_client(server);
  client("GET", "k");
  client.send(encode({"CLIENT", "REPLY", "OFF"}) + encode({"SET", "k", "1"}));
  EXPECT_EQ(client.read(), invalidation({"k"}));
}

TEST(Tracking, FlushesAndSwapsSayForgetAll) {
  const ServerProcess server;
  Client other = server.client();
  Connection client = tracking_client(server);
  client("GET", "k");
  for (const Arguments& change :
       {Arguments{"FLUSHALL"}, Arguments{"FLUSHDB", "ASYNC"}, Arguments{"SWAPDB", "0", "1"}}) {
    EXPECT_TRUE(other.command(change).is_ok());
    EXPECT_EQ(client.read(), invalidation_of_all()) << change[0];
  }
  EXPECT_EQ(stat(server, "tracking_total_keys"), 0);
  other("SET", "k", "v");
  EXPECT_TRUE(client.silent_for(milliseconds(50)));
}

// A reload empties the dataset and fills it again: the first is told, the second is not, key by key.
TEST(Tracking, AReloadIsOneFlush) {
  const ServerProcess server({.directives = {"--enable-debug-command", "yes"}});
  populate(server, 10, 10);
  Connection client = tracking_client(server, {"BCAST"});
  ASSERT_TRUE(server.client()("DEBUG", "RELOAD").is_ok());
  EXPECT_EQ(client.read(), invalidation_of_all());
  EXPECT_TRUE(client.silent_for(milliseconds(50)));
}

TEST(Tracking, ASubscriberOfResp2GetsMessagesForOthers) {
  const ServerProcess server;
  Connection subscriber = server.connection();
  Connection client = server.connection();
  const std::string id = id_of(subscriber);
  subscriber("SUBSCRIBE", "__redis__:invalidate");
  ASSERT_TRUE(client("CLIENT", "TRACKING", "ON", "REDIRECT", id).is_ok());
  EXPECT_EQ(client("CLIENT", "GETREDIR"), Reply::of_integer(std::stoll(id)));
  EXPECT_THAT(client("CLIENT", "INFO").text, HasSubstr(" flags=t "));
  EXPECT_THAT(client("CLIENT", "INFO").text, HasSubstr(" redir=" + id + " "));
  client("GET", "k");
  client("SET", "k", "1");
  EXPECT_EQ(subscriber.read(), message(names({"k"})));
  server.client()("FLUSHALL");
  Reply null = Reply::null();
  EXPECT_EQ(subscriber.read(), message(null));

  // From a client of RESP3, too, and in the receiver's version.
  Connection newer = tracking_client(server, {"REDIRECT", id});
  server.client()("FLUSHALL");
  EXPECT_EQ(subscriber.read(), message(null));
  EXPECT_EQ(subscriber.read(), message(null));
  EXPECT_TRUE(newer.silent_for(milliseconds(50)));
  // Who has unsubscribed cannot be told.
  subscriber("UNSUBSCRIBE");
  client("GET", "k");
  client("SET", "k", "1");
  EXPECT_TRUE(subscriber.silent_for(milliseconds(50)));
}

TEST(Tracking, ABrokenRedirectionIsToldEachTime) {
  const ServerProcess server;
  Client other = server.client();
  auto receiver = std::make_unique<Connection>(server.connection3());
  const std::string id = id_of(*receiver);
  Connection client = tracking_client(server, {"REDIRECT", id});
  client("GET", "k");
  client("GET", "l");
  other("SET", "k", "1");
  EXPECT_EQ(receiver->read(), invalidation({"k"}));
  client("GET", "k");
  receiver.reset();
  ASSERT_TRUE(eventually([&] { return other("CLIENT", "LIST", "ID", id).text.empty(); }));
  const Reply broken = {
      Reply::Kind::kPush, {}, 0, {Reply::bulk("tracking-redir-broken"), Reply::of_integer(std::stoll(id))}};
  for (const char* key : {"k", "l"}) {
    other("SET", key, "2");
    EXPECT_EQ(client.read(), broken);
  }
  EXPECT_THAT(client("CLIENT", "INFO").text, HasSubstr(" flags=tR "));
  ASSERT_TRUE(client("CLIENT", "TRACKING", "ON").is_ok());
  EXPECT_THAT(client("CLIENT", "INFO").text, HasSubstr(" flags=t "));
  EXPECT_THAT(client("CLIENT", "INFO").text, HasSubstr(" redir=0 "));
}

TEST(Tracking, PrefixesHearOfATurnInOneMessage) {
  const ServerProcess server;
  Connection client = tracking_client(server, {"BCAST", "PREFIX", "user:", "PREFIX", "x"});
  EXPECT_THAT(client("CLIENT", "INFO").text, HasSubstr(" flags=tB "));
  EXPECT_EQ(stat(server, "tracking_total_prefixes"), 2);
  Client other = server.client();
  other("MSET", "user:b", "1", "user:a", "1", "other", "1", "x", "1");
  EXPECT_EQ(client.read(), invalidation({"user:a", "user:b"}));
  EXPECT_EQ(client.read(), invalidation({"x"}));
  const Reply refused = client("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "b", "PREFIX", "c", "PREFIX", "cd");
  EXPECT_EQ(refused, Reply::error("ERR Prefix 'c' overlaps with another provided prefix 'cd'. Prefixes for a single "
                                  "client must not overlap."));
  EXPECT_EQ(client("CLIENT", "TRACKINGINFO").find("prefixes")->elements.size(), 2u) << "nothing was changed";
}

TEST(Tracking, TheTableKeepsToItsLimit) {
  const ServerProcess server({.directives = {"--tracking-table-max-keys", "100"}});
  Connection client = tracking_client(server);
  int64_t forgotten = 0;
  for (int i = 0; i < 1000; i++) {
    client.send(encode({"GET", "key:" + std::to_string(i)}));
    for (Reply reply = client.read(); !reply.is_null(); reply = client.read()) forgotten++;
  }
  for (Reply reply = client("PING"); reply.kind == Reply::Kind::kPush; reply = client.read()) forgotten++;
  EXPECT_EQ(stat(server, "tracking_total_keys"), 100);
  EXPECT_EQ(forgotten, 900);
  // A lower limit is reached without commands.
  ASSERT_TRUE(server.client()("CONFIG", "SET", "tracking-table-max-keys", "10").is_ok());
  for (int i = 0; i < 90; i++) EXPECT_EQ(client.read().kind, Reply::Kind::kPush);
  EXPECT_EQ(stat(server, "tracking_total_keys"), 10);
}

TEST(Tracking, FiguresFollow) {
  const ServerProcess server;
  Client observer = server.client();
  EXPECT_EQ(observer("MEMORY", "STATS").find("clients.tracking")->integer, 0);
  {
    Connection one = tracking_client(server);
    Connection two = tracking_client(server);
    for (int i = 0; i < 100; i++) one("GET", "key:" + std::to_string(i));
    two("GET", "key:1");
    EXPECT_EQ(stat(server, "tracking_clients"), 2);
    EXPECT_EQ(stat(server, "tracking_total_keys"), 100);
    EXPECT_EQ(stat(server, "tracking_total_items"), 101);
    EXPECT_GT(observer("MEMORY", "STATS").find("clients.tracking")->integer, 100 * 50);
    EXPECT_EQ(two("RESET"), Reply::simple("RESET"));
    EXPECT_EQ(stat(server, "tracking_clients"), 1);
  }
  EXPECT_TRUE(eventually([&] { return stat(server, "tracking_clients") == 0; }));
  EXPECT_EQ(stat(server, "tracking_total_keys"), 0);
  EXPECT_EQ(observer("MEMORY", "STATS").find("clients.tracking")->integer, 0);
}

// Who does not read what it is told is closed by its output limit, and is no trouble to the others.
TEST(Tracking, WhoDoesNotReadIsClosed) {
  const ServerProcess server({.directives = {"--client-output-buffer-limit", "normal 1mb 0 0"}});
  Connection lazy = tracking_client(server, {"BCAST"});
  Connection diligent = tracking_client(server, {"BCAST", "PREFIX", "the end"});
  Client writer = server.client();
  const std::string name(10'000, 'n');
  for (int i = 0; i < 3000; i++) writer("SET", name + std::to_string(i), "");
  EXPECT_TRUE(eventually([&] { return stat(server, "client_output_buffer_limit_disconnections") == 1; }));
  EXPECT_EQ(stat(server, "tracking_clients"), 1);
  writer("SET", "the end", "");
  EXPECT_EQ(diligent.read(), invalidation({"the end"}));
}

// Clients come, read, and go, in the midst of everything; what they leave behind goes as well.
TEST(Tracking, ClientsComeAndGo) {
  const ServerProcess server;
  Connection stays = tracking_client(server);
  Client writer = server.client();
  for (int round = 0; round < 50; round++) {
    Connection one = tracking_client(server);
    Connection two = tracking_client(server, {"BCAST", "PREFIX", std::to_string(round)});
    one("GET", "k");
    two.send(encode({"GET", "k"}) + encode({"SET", std::to_string(round), "v"}));
    stays("GET", "k");
    if (round % 3 == 0) continue;
    writer("SET", "k", std::to_string(round));
    EXPECT_EQ(stays.read(), invalidation({"k"}));
    EXPECT_EQ(one.read(), invalidation({"k"}));
  }
  EXPECT_TRUE(eventually([&] { return stat(server, "tracking_clients") == 1; }));
  EXPECT_EQ(stat(server, "tracking_total_prefixes"), 0);
}

}  // namespace
}  // namespace cowslip::testing
