// The registry of subscriptions, and the commands around it, with an outlet that writes the messages down.
#include "commands/pub_sub.h"

#include <gmock/gmock.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using enum SubscriptionKind;

class PubSubTest : public testing::Test {
 protected:
  PubSubTest() {
    for (uint64_t id = 0; id < 3; id++) clients_[id].id = id;
    clients_[2].resp_version = protocol::kResp3;
  }
  std::vector<std::string> take() { return std::exchange(outlet_.messages_, {}); }

  Session clients_[3];
  TestOutlet outlet_;
  PubSub pub_sub_{outlet_};
};

TEST_F(PubSubTest, AMessageReachesTheSubscribersOfItsChannelInTheOrderOfTheirComing) {
  pub_sub_.subscribe(clients_[1], kChannel, "news");
  pub_sub_.subscribe(clients_[0], kChannel, "news");
  pub_sub_.subscribe(clients_[2], kChannel, "other");
  EXPECT_EQ(pub_sub_.publish("news", "hi"), 2u);
  EXPECT_THAT(take(), ElementsAre("1 [\"message\", \"news\", \"hi\"]", "0 [\"message\", \"news\", \"hi\"]"));
  EXPECT_EQ(pub_sub_.publish("NEWS", "hi"), 0u);
  EXPECT_THAT(take(), IsEmpty());
}

TEST_F(PubSubTest, EachGetsItInItsOwnProtocolVersion) {
  for (Session& client : clients_) pub_sub_.subscribe(client, kChannel, "c");
  EXPECT_EQ(pub_sub_.publish("c", ""), 3u);
  EXPECT_THAT(take(), ElementsAre("0 [\"message\", \"c\", \"\"]", "1 [\"message\", \"c\", \"\"]",
                                  "2 >[\"message\", \"c\", \"\"]"));
}

TEST_F(PubSubTest, AClientWithSeveralMatchingPatternsGetsItSeveralTimes) {
  pub_sub_.subscribe(clients_[0], kChannel, "news.it");
  pub_sub_.subscribe(clients_[0], kPattern, "news.*");
  pub_sub_.subscribe(clients_[0], kPattern, "*.it");
  pub_sub_.subscribe(clients_[0], kPattern, "*.fr");
  EXPECT_EQ(pub_sub_.publish("news.it", "m"), 3u);
  const auto messages = take();
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0], "0 [\"message\", \"news.it\", \"m\"]");  // channels come first
  EXPECT_THAT(messages, UnorderedElementsAre(messages[0], "0 [\"pmessage\", \"news.*\", \"news.it\", \"m\"]",
                                             "0 [\"pmessage\", \"*.it\", \"news.it\", \"m\"]"));
}

TEST_F(PubSubTest, ShardChannelsAreAWorldOfTheirOwn) {
  pub_sub_.subscribe(clients_[0], kShardChannel, "c");
  pub_sub_.subscribe(clients_[0], kPattern, "*");
  EXPECT_EQ(pub_sub_.publish_to_shard("c", "m"), 1u);
  EXPECT_THAT(take(), ElementsAre("0 [\"smessage\", \"c\", \"m\"]"));
  EXPECT_EQ(pub_sub_.publish("c", "m"), 1u);
  EXPECT_THAT(take(), ElementsAre("0 [\"pmessage\", \"*\", \"c\", \"m\"]"));
}

TEST_F(PubSubTest, SubscribingTwiceIsOnce) {
  EXPECT_TRUE(pub_sub_.subscribe(clients_[0], kChannel, "c"));
  EXPECT_FALSE(pub_sub_.subscribe(clients_[0], kChannel, "c"));
  EXPECT_EQ(pub_sub_.publish("c", "m"), 1u);
  EXPECT_TRUE(pub_sub_.unsubscribe(clients_[0], kChannel, "c"));
  EXPECT_FALSE(pub_sub_.unsubscribe(clients_[0], kChannel, "c"));
  EXPECT_EQ(pub_sub_.publish("c", "m"), 0u);
}

TEST_F(PubSubTest, NamesWithoutSubscribersAreForgotten) {
  EXPECT_TRUE(pub_sub_.nobody_listens());
  pub_sub_.subscribe(clients_[0], kChannel, "c");
  pub_sub_.subscribe(clients_[1], kChannel, "c");
  EXPECT_EQ(pub_sub_.names(kChannel), 1u);
  EXPECT_EQ(pub_sub_.subscribers(kChannel, "c"), 2u);
  pub_sub_.unsubscribe(clients_[0], kChannel, "c");
  EXPECT_FALSE(clients_[0].is_subscriber());
  EXPECT_TRUE(clients_[1].is_subscriber());
  EXPECT_FALSE(pub_sub_.nobody_listens());
  pub_sub_.unsubscribe(clients_[1], kChannel, "c");
  EXPECT_EQ(pub_sub_.names(kChannel), 0u);
  EXPECT_EQ(pub_sub_.subscribers(kChannel, "c"), 0u);
  EXPECT_TRUE(pub_sub_.nobody_listens());
}

TEST_F(PubSubTest, WhoLeavesIsInNoList) {
  for (Session& client : clients_) {
    for (const std::string_view name : {"a", "b"}) {
      for (const auto kind : {kChannel, kPattern, kShardChannel}) pub_sub_.subscribe(client, kind, name);
    }
  }
  pub_sub_.leave(clients_[1]);
  pub_sub_.leave(clients_[1]);  // again does no harm
  EXPECT_FALSE(clients_[1].is_subscriber());
  EXPECT_EQ(pub_sub_.publish("a", "m"), 4u);
  for (const std::string& message : take()) EXPECT_NE(message[0], '1') << message;
  pub_sub_.leave(clients_[0]);
  pub_sub_.leave(clients_[2]);
  for (const auto kind : {kChannel, kPattern, kShardChannel}) EXPECT_EQ(pub_sub_.names(kind), 0u);
}

// What a client is subscribed to are views of the registry's names, so they must outlast the growth of its tables.
TEST_F(PubSubTest, ManyChannelsComeAndGo) {
  constexpr int kMany = 5000;
  const auto name = [](int i) { return "channel:" + std::to_string(i); };
  for (int i = 0; i < kMany; i++) {
    pub_sub_.subscribe(clients_[0], kChannel, name(i));
    if (i % 2 == 0) pub_sub_.subscribe(clients_[1], kChannel, name(i));
  }
  for (int i = 0; i < kMany; i += 3) EXPECT_TRUE(pub_sub_.unsubscribe(clients_[0], kChannel, name(i)));
  for (int i = 0; i < kMany; i++) {
    const size_t expected = (i % 3 == 0 ? 0 : 1) + (i % 2 == 0 ? 1 : 0);
    ASSERT_EQ(pub_sub_.publish(name(i), "m"), expected) << i;
  }
  pub_sub_.leave(clients_[0]);
  EXPECT_EQ(pub_sub_.names(kChannel), static_cast<size_t>(kMany / 2));
}

// ---- the commands ----

class PubSubCommandTest : public CommandTest {
 protected:
  // Of replies that come several at a time, the rest stays as it is on the wire.
  std::string last_count(std::string_view line) {
    const std::string reply = run(line);
    return reply.substr(reply.rfind(", :") + 2);
  }
};

TEST_F(PubSubCommandTest, EachNameGetsAReplyThatCountsChannelsAndPatterns) {
  EXPECT_EQ(run("SUBSCRIBE a"), "[\"subscribe\", \"a\", :1]");
  EXPECT_EQ(run("PSUBSCRIBE a*"), "[\"psubscribe\", \"a*\", :2]");
  EXPECT_EQ(run("SSUBSCRIBE s"), "[\"ssubscribe\", \"s\", :1]");
  EXPECT_THAT(run("SUBSCRIBE b c"), HasSubstr("[\"subscribe\", \"b\", :3]*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:4"));
  EXPECT_EQ(run("SUBSCRIBE b"), "[\"subscribe\", \"b\", :4]");
  EXPECT_EQ(run("UNSUBSCRIBE never"), "[\"unsubscribe\", \"never\", :4]");
  EXPECT_EQ(run("PUNSUBSCRIBE a*"), "[\"punsubscribe\", \"a*\", :3]");
  EXPECT_EQ(run("SUNSUBSCRIBE s"), "[\"sunsubscribe\", \"s\", :0]");
}

TEST_F(PubSubCommandTest, UnsubscribingFromAllTellsEachNameOrNull) {
  EXPECT_EQ(run("UNSUBSCRIBE"), "[\"unsubscribe\", nil, :0]");
  run("SUBSCRIBE a b");
  run("PSUBSCRIBE p");
  const std::string reply = run("UNSUBSCRIBE");
  EXPECT_THAT(reply, HasSubstr(":2]*3"));
  EXPECT_THAT(reply, HasSubstr(":1\r\n"));
  EXPECT_EQ(run("UNSUBSCRIBE"), "[\"unsubscribe\", nil, :1]");
  EXPECT_EQ(run("PUNSUBSCRIBE"), "[\"punsubscribe\", \"p\", :0]");
  EXPECT_EQ(run("SUNSUBSCRIBE"), "[\"sunsubscribe\", nil, :0]");
}

TEST_F(PubSubCommandTest, InRESP3RepliesArePushes) {
  use_resp3();
  EXPECT_EQ(run("SUBSCRIBE a"), ">[\"subscribe\", \"a\", :1]");
  EXPECT_EQ(run("UNSUBSCRIBE"), ">[\"unsubscribe\", \"a\", :0]");
  EXPECT_EQ(run("UNSUBSCRIBE"), ">[\"unsubscribe\", null, :0]");
}

TEST_F(PubSubCommandTest, ASubscriberOfRESP2MayOnlySubscribeAndPing) {
  run("SSUBSCRIBE s");
  EXPECT_EQ(run("GET k"),
            "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in "
            "this context");
  EXPECT_THAT(run("PUBSUB CHANNELS"), HasSubstr("Can't execute 'pubsub|channels'"));
  EXPECT_EQ(run("NOSUCH"), "-ERR unknown command 'NOSUCH', with args beginning with: ");
  EXPECT_EQ(run("GET"), "-ERR wrong number of arguments for 'get' command");
  EXPECT_EQ(run("PING"), "[\"pong\", \"\"]");
  EXPECT_EQ(run("PING hi"), "[\"pong\", \"hi\"]");
  run("SUNSUBSCRIBE s");
  EXPECT_EQ(run("PING"), "+PONG");
  EXPECT_EQ(run("GET k"), "nil");
}

TEST_F(PubSubCommandTest, InRESP3NothingIsForbidden) {
  use_resp3();
  run("SUBSCRIBE a");
  EXPECT_EQ(run("PING"), "+PONG");
  EXPECT_EQ(run("PUBLISH a m"), ":1");
}

TEST_F(PubSubCommandTest, RepliesThatAreMessagesComeEvenWithRepliesOff) {
  session_.reply_mode = ReplyMode::kOff;
  EXPECT_EQ(run("SUBSCRIBE a"), "[\"subscribe\", \"a\", :1]");
  EXPECT_EQ(run("SUBSCRIBE"), "(nothing)");
  EXPECT_EQ(run("PING"), "(nothing)");
}

TEST_F(PubSubCommandTest, PublishCountsItsReceivers) {
  Session other;
  other.id = 7;
  host_.pub_sub_.subscribe(other, kChannel, "a");
  host_.pub_sub_.subscribe(other, kPattern, "*");
  host_.pub_sub_.subscribe(other, kShardChannel, "a");
  EXPECT_EQ(run("PUBLISH a hello"), ":2");
  EXPECT_THAT(host_.outlet_.messages_,
              ElementsAre("7 [\"message\", \"a\", \"hello\"]", "7 [\"pmessage\", \"*\", \"a\", \"hello\"]"));
  EXPECT_EQ(run("SPUBLISH a hello"), ":1");
  EXPECT_EQ(run("SPUBLISH b hello"), ":0");
  EXPECT_EQ(run("PUBLISH a"), "-ERR wrong number of arguments for 'publish' command");
}

TEST_F(PubSubCommandTest, PubsubTellsWhoListensToWhat) {
  Session other;
  host_.pub_sub_.subscribe(other, kChannel, "a1");
  host_.pub_sub_.subscribe(other, kChannel, "b1");
  host_.pub_sub_.subscribe(other, kPattern, "p*");
  host_.pub_sub_.subscribe(other, kShardChannel, "s1");
  EXPECT_EQ(run("PUBSUB CHANNELS a*"), "[\"a1\"]");
  EXPECT_EQ(run("PUBSUB channels").size(), std::string("[\"a1\", \"b1\"]").size());
  EXPECT_EQ(run("PUBSUB SHARDCHANNELS"), "[\"s1\"]");
  EXPECT_EQ(run("PUBSUB SHARDCHANNELS a*"), "[]");
  EXPECT_EQ(run("PUBSUB NUMSUB a1 s1 a1"), "[\"a1\", :1, \"s1\", :0, \"a1\", :1]");
  EXPECT_EQ(run("PUBSUB NUMSUB"), "[]");
  EXPECT_EQ(run("PUBSUB SHARDNUMSUB a1 s1"), "[\"a1\", :0, \"s1\", :1]");
  EXPECT_EQ(run("PUBSUB NUMPAT"), ":1");
  EXPECT_EQ(run("PUBSUB Channels a b"),
            "-ERR unknown subcommand or wrong number of arguments for 'Channels'. Try PUBSUB HELP.");
  EXPECT_EQ(run("PUBSUB NUMPAT x"), "-ERR wrong number of arguments for 'pubsub|numpat' command");
  EXPECT_EQ(run("PUBSUB huh"), "-ERR unknown subcommand 'huh'. Try PUBSUB HELP.");
  EXPECT_THAT(run("PUBSUB HELP"), HasSubstr("SHARDNUMSUB"));
}

TEST_F(PubSubCommandTest, ShardChannelsAreNoKeys) {
  EXPECT_EQ(run("COMMAND GETKEYS SPUBLISH c m"), "-ERR The command has no key arguments");
}

}  // namespace
}  // namespace cowslip::commands
