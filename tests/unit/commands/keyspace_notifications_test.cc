// Keyspace notifications: the setting's letters, and which events the commands report in which order.
#include "commands/keyspace_notifications.h"

#include <gmock/gmock.h>

#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string round_trip(std::string_view letters) {
  const auto flags = parse_notification_flags(letters);
  return flags ? notification_flags_text(*flags) : "(refused)";
}

// What redis-server 7.0.15 makes of them.
TEST(NotificationFlags, ComeBackInRedisOrder) {
  EXPECT_EQ(round_trip(""), "");
  EXPECT_EQ(round_trip("KEA"), "AKE");
  EXPECT_EQ(round_trip("An"), "A");
  EXPECT_EQ(round_trip("AKEm"), "AKEm");
  EXPECT_EQ(round_trip("Ag$lshzxeKEtmdn"), "AKEm");
  EXPECT_EQ(round_trip("g$lshzxetd"), "A");
  EXPECT_EQ(round_trip("dtexzhsl$"), "$lshzxetd");
  EXPECT_EQ(round_trip("nKm"), "nKm");
  EXPECT_EQ(round_trip("KEx"), "xKE");
  EXPECT_EQ(round_trip("q"), "(refused)");
  EXPECT_EQ(round_trip("K E"), "(refused)");
}

class NotificationTest : public CommandTest {
 protected:
  NotificationTest() {
    listener_.id = 1;
    host_.pub_sub_.subscribe(listener_, SubscriptionKind::kPattern, "__keyevent@*");
    configure("EAmn");
  }
  void configure(std::string_view letters) {
    notifications_.configure(*parse_notification_flags(letters), keyspace_.events());
  }
  // The events of one command, "<database> <event> <key>".
  std::vector<std::string> events_of(std::string_view line) {
    host_.outlet_.messages_.clear();
    run(line);
    std::vector<std::string> events;
    for (const std::string& message : host_.outlet_.messages_) {
      const size_t database = message.rfind("\"__keyevent@") + 12;
      const size_t event = message.find("__:", database);
      const size_t end = message.find("\", \"", event);
      const std::string key = message.substr(end + 4, message.size() - end - 6);
      events.push_back(message.substr(database, event - database) + " " + message.substr(event + 3, end - event - 3) +
                       " " + key);
    }
    return events;
  }

  Session listener_;
  KeyspaceNotifications notifications_{host_.pub_sub_};
};

TEST_F(NotificationTest, StringsTellWhatWasDoneToThem) {
  EXPECT_THAT(events_of("SET k v"), ElementsAre("0 new k", "0 set k"));
  EXPECT_THAT(events_of("SET k v EX 100"), ElementsAre("0 set k", "0 expire k"));
  EXPECT_THAT(events_of("SET k v KEEPTTL"), ElementsAre("0 set k"));
  EXPECT_THAT(events_of("SET k v NX"), IsEmpty());
  EXPECT_THAT(events_of("SETNX k v"), IsEmpty());
  EXPECT_THAT(events_of("SETNX k2 v"), ElementsAre("0 new k2", "0 set k2"));
  EXPECT_THAT(events_of("SETEX k 100 v"), ElementsAre("0 set k", "0 expire k"));
  EXPECT_THAT(events_of("PSETEX k 0 v"), IsEmpty());
  EXPECT_THAT(events_of("GETSET k w"), ElementsAre("0 set k"));
  EXPECT_THAT(events_of("MSET k 1 m 2"), ElementsAre("0 set k", "0 new m", "0 set m"));
  EXPECT_THAT(events_of("MSETNX k 1 z 2"), IsEmpty());
  EXPECT_THAT(events_of("INCR k"), ElementsAre("0 incrby k"));
  EXPECT_THAT(events_of("DECRBY n 5"), ElementsAre("0 new n", "0 incrby n"));
  EXPECT_THAT(events_of("INCRBYFLOAT k 1.5"), ElementsAre("0 incrbyfloat k"));
  EXPECT_THAT(events_of("APPEND k x"), ElementsAre("0 append k"));
  EXPECT_THAT(events_of("APPEND a x"), ElementsAre("0 new a", "0 append a"));
  EXPECT_THAT(events_of("SETRANGE r 3 x"), ElementsAre("0 new r", "0 setrange r"));
  EXPECT_THAT(events_of("INCR a"), IsEmpty());  // an error
  EXPECT_THAT(events_of("GETDEL k"), ElementsAre("0 del k"));
}

TEST_F(NotificationTest, HashesTellWhatWasDoneToThem) {
  EXPECT_THAT(events_of("HSET h a 1 b 2"), ElementsAre("0 new h", "0 hset h"));
  EXPECT_THAT(events_of("HSET h a 1"), ElementsAre("0 hset h"));
  EXPECT_THAT(events_of("HMSET h a 1"), ElementsAre("0 hset h"));
  EXPECT_THAT(events_of("HSETNX h a 1"), IsEmpty());
  EXPECT_THAT(events_of("HSETNX h c 1"), ElementsAre("0 hset h"));
  EXPECT_THAT(events_of("HINCRBY h a 1"), ElementsAre("0 hincrby h"));
  EXPECT_THAT(events_of("HINCRBYFLOAT h a 1.5"), ElementsAre("0 hincrbyfloat h"));
  EXPECT_THAT(events_of("HINCRBY h a 1"), IsEmpty());  // an error
  EXPECT_THAT(events_of("HDEL h x"), IsEmpty());
  EXPECT_THAT(events_of("HDEL h a x"), ElementsAre("0 hdel h"));
  EXPECT_THAT(events_of("HDEL h b c"), ElementsAre("0 hdel h", "0 del h"));
}

TEST_F(NotificationTest, SetsTellWhatWasDoneToThem) {
  EXPECT_THAT(events_of("SADD s 1 2 3"), ElementsAre("0 new s", "0 sadd s"));
  EXPECT_THAT(events_of("SADD s 1"), IsEmpty());
  EXPECT_THAT(events_of("SREM s 9"), IsEmpty());
  EXPECT_THAT(events_of("SREM s 3"), ElementsAre("0 srem s"));
  EXPECT_THAT(events_of("SMOVE s t 1"), ElementsAre("0 srem s", "0 new t", "0 sadd t"));
  EXPECT_THAT(events_of("SMOVE s t 2"), ElementsAre("0 srem s", "0 del s", "0 sadd t"));
  EXPECT_THAT(events_of("SMOVE t t 2"), IsEmpty());
  EXPECT_THAT(events_of("SUNIONSTORE u t"), ElementsAre("0 new u", "0 sunionstore u"));
  EXPECT_THAT(events_of("SINTERSTORE u t"), ElementsAre("0 sinterstore u"));
  EXPECT_THAT(events_of("SDIFFSTORE v t none"), ElementsAre("0 keymiss none", "0 new v", "0 sdiffstore v"));
  EXPECT_THAT(events_of("SDIFFSTORE u t t"), ElementsAre("0 del u"));
  EXPECT_THAT(events_of("SDIFFSTORE u t t"), IsEmpty());
  EXPECT_THAT(events_of("SPOP t"), ElementsAre("0 spop t"));
  EXPECT_THAT(events_of("SPOP t"), ElementsAre("0 spop t", "0 del t"));
  EXPECT_THAT(events_of("SPOP v 5"), ElementsAre("0 spop v", "0 del v"));
  EXPECT_THAT(events_of("SPOP v 5"), IsEmpty());
}

TEST_F(NotificationTest, ExpiriesTellHowTheyEnd) {
  run("MSET k v e v");
  EXPECT_THAT(events_of("EXPIRE k 100"), ElementsAre("0 expire k"));
  EXPECT_THAT(events_of("EXPIRE k 100 NX"), IsEmpty());
  EXPECT_THAT(events_of("PERSIST k"), ElementsAre("0 persist k"));
  EXPECT_THAT(events_of("PERSIST k"), IsEmpty());
  EXPECT_THAT(events_of("GETEX k EX 10"), ElementsAre("0 expire k"));
  EXPECT_THAT(events_of("GETEX k PERSIST"), ElementsAre("0 persist k"));
  EXPECT_THAT(events_of("GETEX k PERSIST"), IsEmpty());
  EXPECT_THAT(events_of("GETEX k PXAT 1"), ElementsAre("0 del k"));
  EXPECT_THAT(events_of("EXPIRE e -1"), ElementsAre("0 del e"));
}

TEST_F(NotificationTest, AKeyThatALookupFindsExpiredTellsSo) {
  run("SET k v PX 10");
  advance_ms(11);
  EXPECT_THAT(events_of("GET k"), ElementsAre("0 expired k", "0 keymiss k"));
  run("SET k v PX 10");
  advance_ms(11);
  EXPECT_THAT(events_of("SET k v"), ElementsAre("0 expired k", "0 new k", "0 set k"));
  run("SET gone v PX 10");
  advance_ms(11);
  EXPECT_THAT(events_of("RENAME k gone"),
              ElementsAre("0 expired gone", "0 new gone", "0 rename_from k", "0 rename_to gone"));
}

TEST_F(NotificationTest, KeysFoundExpiredWithoutALookupTellSo) {
  run("SELECT 3");
  run("SET a v PX 10");
  run("SET b v PX 10");
  advance_ms(11);
  keyspace_.set_now_ms(now_ms());
  host_.outlet_.messages_.clear();
  EXPECT_EQ(keyspace_.database(3).delete_expired(10), 2u);
  EXPECT_EQ(keyspace_.statistics().expired_keys, 2u);
  EXPECT_THAT(host_.outlet_.messages_,
              testing::UnorderedElementsAre("1 [\"pmessage\", \"__keyevent@*\", \"__keyevent@3__:expired\", \"a\"]",
                                            "1 [\"pmessage\", \"__keyevent@*\", \"__keyevent@3__:expired\", \"b\"]"));
}

TEST_F(NotificationTest, KeysThatAreDeletedOrMovedTellSo) {
  run("MSET a 1 b 2 c 3");
  EXPECT_THAT(events_of("DEL a nosuch b"), ElementsAre("0 del a", "0 del b"));
  EXPECT_THAT(events_of("RENAME c d"), ElementsAre("0 new d", "0 rename_from c", "0 rename_to d"));
  EXPECT_THAT(events_of("RENAME d d"), IsEmpty());
  EXPECT_THAT(events_of("COPY d e DB 2"), ElementsAre("2 new e", "2 copy_to e"));
  EXPECT_THAT(events_of("COPY d e DB 2"), IsEmpty());
  EXPECT_THAT(events_of("MOVE d 1"), ElementsAre("1 new d", "0 move_from d", "1 move_to d"));
  EXPECT_THAT(events_of("UNLINK d"), IsEmpty());
  EXPECT_THAT(events_of("FLUSHALL"), IsEmpty());
}

TEST_F(NotificationTest, ReadsTellWhatTheyDoNotFind) {
  for (const std::string_view line : {"GET k", "STRLEN k", "EXISTS k", "TTL k", "TYPE k", "TOUCH k", "GETDEL k",
                                      "GETEX k", "GETRANGE k 0 1", "MGET k", "SET k v XX GET", "COPY k x"}) {
    EXPECT_THAT(events_of(line), ElementsAre("0 keymiss k")) << line;
  }
  for (const std::string_view line :
       {"OBJECT ENCODING k", "DEL k", "EXPIRE k 10", "PERSIST k", "RENAME k x", "MOVE k 1", "SET k v XX"}) {
    EXPECT_THAT(events_of(line), IsEmpty()) << line;
  }
}

TEST_F(NotificationTest, OnlyWhatTheSettingAsksForIsPublished) {
  configure("A");  // neither of the channels
  EXPECT_THAT(events_of("SET k v"), IsEmpty());
  configure("Eg");
  EXPECT_THAT(events_of("SET k v EX 10"), ElementsAre("0 expire k"));
  configure("");
  EXPECT_THAT(events_of("DEL k"), IsEmpty());
}

TEST_F(NotificationTest, TheKeyspaceChannelNamesTheKeyAndComesFirst) {
  host_.pub_sub_.subscribe(listener_, SubscriptionKind::kChannel, "__keyspace@0__:k");
  configure("KE$");
  host_.outlet_.messages_.clear();
  run("SET k v");
  EXPECT_THAT(host_.outlet_.messages_,
              ElementsAre("1 [\"message\", \"__keyspace@0__:k\", \"set\"]",
                          "1 [\"pmessage\", \"__keyevent@*\", \"__keyevent@0__:set\", \"k\"]"));
}

}  // namespace
}  // namespace cowslip::commands
