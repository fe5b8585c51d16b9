// Publish and subscribe over real connections: who hears what in which order, and what becomes of slow subscribers.
// How replies and messages look is compared with redis-server's in differential/pubsub_test.cc.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using std::chrono::milliseconds;

Reply words(Reply::Kind kind, std::initializer_list<std::string_view> texts) {
  Reply reply{kind, {}, 0, {}};
  for (const std::string_view text : texts) reply.elements.push_back(Reply::bulk(text));
  return reply;
}
Reply message(std::string_view channel, std::string_view text) {
  return words(Reply::Kind::kArray, {"message", channel, text});
}
Reply pushed(std::string_view channel, std::string_view text) {
  return words(Reply::Kind::kPush, {"message", channel, text});
}

std::string own_line(Connection& connection) {
  return connection("CLIENT", "INFO").text;
}

int64_t stat(const ServerProcess& server, std::string_view field) {
  return info_number(server.info("stats"), field);
}

TEST(PubSub, MessagesArriveInTheOrderOfPublishingBetweenReplies) {
  const ServerProcess server;
  Connection subscriber = server.connection();
  Client publisher = server.client();
  subscriber.send(encode({"SUBSCRIBE", "c"}) + encode({"PING", "1"}));
  EXPECT_EQ(subscriber.read().elements.size(), 3u);
  EXPECT_EQ(subscriber.read(), words(Reply::Kind::kArray, {"pong", "1"}));
  for (int i = 0; i < 1000; i++) publisher.append({"PUBLISH", "c", std::to_string(i)});
  for (int i = 0; i < 1000; i++) ASSERT_EQ(publisher.read(), Reply::of_integer(1));
  for (int i = 0; i < 1000; i++) ASSERT_EQ(subscriber.read(), message("c", std::to_string(i)));
}

// As in Redis 7.2: a message to oneself never stands before or in the reply of the command that sent it.
TEST(PubSub, AMessageToOneselfComesBehindTheReply) {
  const ServerProcess server;
  Connection client = server.connection3();
  client.send(encode({"SUBSCRIBE", "c"}) + encode({"PUBLISH", "c", "m"}) + encode({"PING"}));
  EXPECT_EQ(client.read().kind, Reply::Kind::kPush);
  EXPECT_EQ(client.read(), Reply::of_integer(1));
  EXPECT_EQ(client.read(), pushed("c", "m"));
  EXPECT_EQ(client.read(), Reply::simple("PONG"));

  client("CONFIG", "SET", "notify-keyspace-events", "E$g");
  client("SUBSCRIBE", "__keyevent@0__:set", "__keyevent@0__:expire");
  client.read();
  client.send(encode({"SET", "k", "v", "EX", "100"}) + encode({"GET", "k"}));
  EXPECT_TRUE(client.read().is_ok());
  EXPECT_EQ(client.read(), pushed("__keyevent@0__:set", "k"));
  EXPECT_EQ(client.read(), pushed("__keyevent@0__:expire", "k"));
  EXPECT_EQ(client.read(), Reply::bulk("v"));
}

TEST(PubSub, MessagesComeEvenWithRepliesOff) {
  const ServerProcess server;
  Connection client = server.connection3();
  client.send(encode({"CLIENT", "REPLY", "OFF"}) + encode({"SUBSCRIBE", "c"}) + encode({"PUBLISH", "c", "m"}));
  EXPECT_EQ(client.read().elements.at(0).text, "subscribe");
  EXPECT_EQ(client.read(), pushed("c", "m"));
  EXPECT_TRUE(client.silent_for(milliseconds(50)));
}

TEST(PubSub, HiredisHearsWhatItsUsersDo) {
  const ServerProcess server;
  Client subscriber = server.client();
  Client publisher = server.client();
  EXPECT_EQ(subscriber("PSUBSCRIBE", "news.*").elements.at(2), Reply::of_integer(1));
  EXPECT_EQ(publisher("PUBLISH", "news.it", "ciao"), Reply::of_integer(1));
  EXPECT_EQ(subscriber.read(), words(Reply::Kind::kArray, {"pmessage", "news.*", "news.it", "ciao"}));
  EXPECT_EQ(subscriber("PUNSUBSCRIBE").elements.at(2), Reply::of_integer(0));
  EXPECT_TRUE(subscriber("SET", "k", "v").is_ok());
}

TEST(PubSub, ClientListAndInfoCountSubscriptions) {
  const ServerProcess server;
  Connection client = server.connection3();
  Client other = server.client();
  client("SUBSCRIBE", "a");
  client("PSUBSCRIBE", "p*");
  client("PSUBSCRIBE", "q*");
  client("SSUBSCRIBE", "s");
  const std::string line = own_line(client);
  EXPECT_NE(line.find(" flags=P "), std::string::npos) << line;
  EXPECT_NE(line.find(" sub=1 psub=2 ssub=1 "), std::string::npos) << line;
  EXPECT_EQ(other("CLIENT", "LIST", "TYPE", "pubsub").text.find("sub=1 psub=2") == std::string::npos, false);
  EXPECT_EQ(other("CLIENT", "LIST", "TYPE", "normal").text.find("sub=1 psub=2"), std::string::npos);
  EXPECT_EQ(stat(server, "pubsub_channels"), 1);
  EXPECT_EQ(stat(server, "pubsub_patterns"), 2);
  EXPECT_EQ(stat(server, "pubsubshard_channels"), 1);
}

TEST(PubSub, SubscriptionsEndWithResetQuitKillAndTheConnection) {
  const ServerProcess server;
  Client other = server.client();
  const auto nobody = [&] { return stat(server, "pubsub_channels") == 0; };
  Connection client = server.connection();
  client("SUBSCRIBE", "c");
  EXPECT_FALSE(nobody());
  EXPECT_EQ(client("RESET"), Reply::simple("RESET"));
  EXPECT_TRUE(nobody());
  EXPECT_EQ(client("PING"), Reply::simple("PONG"));

  client("SUBSCRIBE", "c");
  EXPECT_TRUE(client("QUIT").is_ok());
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(eventually(nobody));

  Connection victim = server.connection();
  victim("SUBSCRIBE", "c");
  EXPECT_EQ(other("CLIENT", "KILL", "TYPE", "pubsub"), Reply::of_integer(1));
  EXPECT_TRUE(victim.closed());
  EXPECT_TRUE(nobody());

  {
    Connection gone = server.connection();
    gone("SUBSCRIBE", "c");
  }
  EXPECT_TRUE(eventually(nobody));
  EXPECT_EQ(other("PUBLISH", "c", "m"), Reply::of_integer(0));
}

TEST(PubSub, SubscribersComeAndGoWhileOthersPublish) {
  const ServerProcess server;
  Client publisher = server.client();
  Connection faithful = server.connection();
  faithful("SUBSCRIBE", "c");
  const std::string text(1000, 'x');
  int heard = 0;
  for (int round = 0; round < 50; round++) {
    std::vector<Connection> others;
    for (int i = 0; i < 5; i++) {
      others.push_back(server.connection());
      others.back().send(encode({"SUBSCRIBE", "c"}) + encode({"PSUBSCRIBE", "*"}));
      others.back().read();
    }
    for (int i = 0; i < 20; i++) publisher.append({"PUBLISH", "c", text});
    others.clear();  // with messages still on their way
    for (int i = 0; i < 20; i++) ASSERT_GE(publisher.read().integer, 1);
    for (int i = 0; i < 20; i++, heard++) ASSERT_EQ(faithful.read(), message("c", text)) << heard;
  }
  EXPECT_TRUE(eventually([&] { return stat(server, "pubsub_patterns") == 0; }));
  EXPECT_EQ(publisher("PUBLISH", "c", "last"), Reply::of_integer(1));
}

TEST(PubSub, WhoDoesNotReadIsClosedAtTheHardLimit) {
  const ServerProcess server;
  Client publisher = server.client();
  ASSERT_TRUE(publisher("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1000000 0 0").is_ok());
  Connection slow = server.connection();
  slow("SUBSCRIBE", "c");
  const std::string text(50'000, 'x');
  int published = 0;
  // What the kernel takes on both sides comes on top of the limit.
  while (published < 2000 && publisher("PUBLISH", "c", text).integer == 1) published++;
  EXPECT_GE(published, 20);
  EXPECT_LT(published, 2000);
  EXPECT_EQ(stat(server, "client_output_buffer_limit_disconnections"), 1);
  EXPECT_TRUE(server.log_has("overcoming of output buffer limits"));
  EXPECT_TRUE(slow.closed());
}

TEST(PubSub, WhoDoesNotReadForTooLongIsClosedAtTheSoftLimit) {
  const ServerProcess server;
  Client publisher = server.client();
  ASSERT_TRUE(publisher("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 100000 1").is_ok());
  Connection slow = server.connection();
  slow("SUBSCRIBE", "c");
  const std::string text(500'000, 'x');
  for (int i = 0; i < 40; i++) publisher("PUBLISH", "c", text);
  EXPECT_EQ(publisher("PUBLISH", "c", "m"), Reply::of_integer(1));  // over the limit, but not for long yet
  EXPECT_TRUE(eventually([&] { return publisher("PUBLISH", "c", "m").integer == 0; }));
  EXPECT_EQ(stat(server, "client_output_buffer_limit_disconnections"), 1);
}

TEST(PubSub, AReaderIsNotClosedHoweverMuchIsPublished) {
  const ServerProcess server;
  Client publisher = server.client();
  ASSERT_TRUE(publisher("CONFIG", "SET", "client-output-buffer-limit", "pubsub 2000000 0 0").is_ok());
  Connection reader = server.connection();
  reader("SUBSCRIBE", "c");
  const std::string text(100'000, 'x');
  for (int i = 0; i < 100; i++) {
    ASSERT_EQ(publisher("PUBLISH", "c", text), Reply::of_integer(1));
    ASSERT_EQ(reader.read(), message("c", text));
  }
}

TEST(PubSub, PublishWaitsForTheEndOfAPauseOfWrites) {
  const ServerProcess server;
  Client boss = server.client();
  Connection subscriber = server.connection();
  subscriber("SUBSCRIBE", "c");
  Connection publisher = server.connection();
  boss("CLIENT", "PAUSE", "100000", "WRITE");
  publisher.send(encode({"PUBLISH", "c", "m"}));
  EXPECT_TRUE(subscriber.silent_for(milliseconds(100)));
  boss("CLIENT", "UNPAUSE");
  EXPECT_EQ(publisher.read(), Reply::of_integer(1));
  EXPECT_EQ(subscriber.read(), message("c", "m"));
}

TEST(PubSub, SubscribersAreNotIdle) {
  const ServerProcess server({.directives = {"--timeout", "1"}});
  Connection subscriber = server.connection();
  Connection idler = server.connection();
  subscriber("SUBSCRIBE", "c");
  idler("PING");
  EXPECT_TRUE(idler.closed());
  Client publisher = server.client();
  EXPECT_EQ(publisher("PUBLISH", "c", "m"), Reply::of_integer(1));
  EXPECT_EQ(subscriber.read(), message("c", "m"));
}

TEST(KeyspaceNotifications, KeysThatExpireByThemselvesTellSo) {
  const ServerProcess server({.directives = {"--notify-keyspace-events", "Ex"}});
  Connection listener = server.connection();
  Client client = server.client();
  listener("PSUBSCRIBE", "__keyevent@*__:expired");
  client("SELECT", "2");
  client("SET", "k", "v", "PX", "10");
  EXPECT_EQ(listener.read(),
            words(Reply::Kind::kArray, {"pmessage", "__keyevent@*__:expired", "__keyevent@2__:expired", "k"}));
  EXPECT_TRUE(listener.silent_for(milliseconds(50)));
}

TEST(KeyspaceNotifications, TheSettingIsKeptInTheFile) {
  const ServerProcess server({.config_text = "notify-keyspace-events Kg\n"});
  Client client = server.client();
  EXPECT_EQ(client("CONFIG", "GET", "notify-keyspace-events").elements.at(1), Reply::bulk("gK"));
  EXPECT_EQ(client("CONFIG", "SET", "notify-keyspace-events", "huh"),
            Reply::error("ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid "
                         "event class character. Use 'Ag$lshzxeKEtmdn'."));
  EXPECT_TRUE(client("CONFIG", "SET", "notify-keyspace-events", "AKEm").is_ok());
  EXPECT_TRUE(client("CONFIG", "REWRITE").is_ok());
  EXPECT_NE(read_file(server.file("cowslip.conf")).find("notify-keyspace-events AKEm\n"), std::string::npos);
}

TEST(KeyspaceNotifications, RestoreTellsWhatItDid) {
  const ServerProcess server({.directives = {"--notify-keyspace-events", "KEAn"}});
  Connection listener = server.connection();
  Client client = server.client();
  client("SET", "k", "v");
  const std::string payload = client("DUMP", "k").text;
  listener("PSUBSCRIBE", "__keyevent@*");
  const auto next = [&] {
    const Reply heard = listener.read();
    return heard.elements.at(2).text + " " + heard.elements.at(3).text;
  };
  EXPECT_TRUE(client("RESTORE", "r", "0", payload).is_ok());
  EXPECT_EQ(next(), "__keyevent@0__:new r");
  EXPECT_EQ(next(), "__keyevent@0__:restore r");
  EXPECT_TRUE(client("RESTORE", "r", "1", payload, "REPLACE", "ABSTTL").is_ok());
  EXPECT_EQ(next(), "__keyevent@0__:del r");
}

}  // namespace
}  // namespace cowslip::testing
