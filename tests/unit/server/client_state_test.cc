// What is known of clients and said about them, without a socket.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/client_text.h"
#include "server/connection.h"
#include "server/monitor_feed.h"
#include "server/pause_control.h"
#include "server/server_families.h"

namespace cowslip::server {
namespace {

sockaddr_storage ipv4(const char* address, uint16_t port) {
  sockaddr_storage storage = {};
  auto& in = reinterpret_cast<sockaddr_in&>(storage);
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  inet_pton(AF_INET, address, &in.sin_addr);
  return storage;
}

sockaddr_storage ipv6(const char* address, uint16_t port) {
  sockaddr_storage storage = {};
  auto& in6 = reinterpret_cast<sockaddr_in6&>(storage);
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  inet_pton(AF_INET6, address, &in6.sin6_addr);
  return storage;
}

TEST(Address, IsWrittenAsClientListShowsIt) {
  EXPECT_EQ(address_text(ipv4("10.1.2.3", 6379)), "10.1.2.3:6379");
  EXPECT_EQ(address_text(ipv6("::1", 50000)), "[::1]:50000");
}

TEST(Address, LoopbackIsTheWholeNetworkAndTheMappedOne) {
  EXPECT_TRUE(is_loopback(ipv4("127.0.0.1", 1)));
  EXPECT_TRUE(is_loopback(ipv4("127.9.9.9", 1)));
  EXPECT_TRUE(is_loopback(ipv6("::1", 1)));
  EXPECT_TRUE(is_loopback(ipv6("::ffff:127.0.0.1", 1)));
  EXPECT_FALSE(is_loopback(ipv4("128.0.0.1", 1)));
  EXPECT_FALSE(is_loopback(ipv6("::ffff:10.0.0.1", 1)));
  EXPECT_FALSE(is_loopback(ipv6("fe80::1", 1)));
}

TEST(Pause, EndsAtItsTime) {
  PauseControl pauses;
  pauses.pause(PauseControl::Mode::kWrites, 1000);
  EXPECT_FALSE(pauses.expire(999));
  EXPECT_EQ(pauses.mode(), PauseControl::Mode::kWrites);
  EXPECT_TRUE(pauses.expire(1000));
  EXPECT_EQ(pauses.mode(), PauseControl::Mode::kNone);
  EXPECT_FALSE(pauses.expire(2000));  // there is nothing to end any more
}

TEST(Pause, KeepsTheStricterModeAndTheLaterEnd) {
  PauseControl pauses;
  pauses.pause(PauseControl::Mode::kAll, 1000);
  pauses.pause(PauseControl::Mode::kWrites, 500);
  EXPECT_EQ(pauses.mode(), PauseControl::Mode::kAll);
  EXPECT_EQ(pauses.until_ms(), 1000);
}

TEST(Pause, LeavesNothingBehindForTheNextOne) {
  PauseControl pauses;
  pauses.pause(PauseControl::Mode::kAll, 100'000);
  pauses.end();
  pauses.pause(PauseControl::Mode::kWrites, 500);
  EXPECT_EQ(pauses.mode(), PauseControl::Mode::kWrites);
  EXPECT_EQ(pauses.until_ms(), 500);
}

TEST(MonitorLine, HasTimeDatabaseClientAndQuotedArguments) {
  const std::vector<std::string_view> arguments = {"set", "a\"b", "\x01"};
  EXPECT_EQ(monitor_line(1339518083'000412, 9, "127.0.0.1:60866", arguments),
            "1339518083.000412 [9 127.0.0.1:60866] \"set\" \"a\\\"b\" \"\\x01\"");
}

TEST(ClientName, IsPrintableWithoutSpaces) {
  EXPECT_TRUE(is_valid_client_name("worker-1"));
  EXPECT_TRUE(is_valid_client_name(""));
  EXPECT_FALSE(is_valid_client_name("two words"));
  EXPECT_FALSE(is_valid_client_name("line\nbreak"));
  EXPECT_FALSE(is_valid_client_name("caf\xc3\xa9"));
}

TEST(ClientFlags, NameWhatIsSpecialAboutAClient) {
  Connection connection;
  EXPECT_EQ(client_flags(connection), "N");
  connection.session.monitor = true;
  EXPECT_EQ(client_flags(connection), "O");
  connection.unix_socket = true;
  connection.session.no_evict = true;
  connection.session.no_touch = true;
  EXPECT_EQ(client_flags(connection), "OUeT");
}

TEST(ClientFlags, ASubscriberIsAClassOfItsOwn) {
  Connection connection;
  EXPECT_EQ(client_type_of(connection), ClientType::kNormal);
  connection.session.subscriptions = std::make_unique<commands::Subscriptions>();
  connection.session.subscriptions->of(commands::SubscriptionKind::kPattern).insert("news.*");
  EXPECT_EQ(client_flags(connection), "P");
  EXPECT_EQ(client_type_of(connection), ClientType::kPubSub);
  EXPECT_EQ(connection.client_class(), ClientClass::kPubSub);
  EXPECT_NE(client_line(connection, 0).find(" sub=0 psub=1 ssub=0 "), std::string::npos);
}

TEST(ClientLine, HasEveryFieldOfRedisInItsOrder) {
  Connection connection;
  connection.unix_socket = true;
  connection.address = "/tmp/s:0";
  connection.session.id = 7;
  connection.session.name = "bob";
  connection.session.last_command = "client|list";
  connection.created_ms = 1000;
  connection.last_active_ms = 4000;
  const std::string line = client_line(connection, 6500);
  EXPECT_TRUE(line.starts_with("id=7 addr=/tmp/s:0 laddr=/tmp/s:0 fd=-1 name=bob age=5 idle=2 flags=U db=0 ")) << line;
  EXPECT_TRUE(line.ends_with(" cmd=client|list user=default redir=-1 resp=2 lib-name= lib-ver=")) << line;
}

TEST(ClientType, KnowsBothWordsForAReplica) {
  EXPECT_EQ(parse_client_type("SLAVE"), ClientType::kReplica);
  EXPECT_EQ(parse_client_type("replica"), ClientType::kReplica);
  EXPECT_EQ(parse_client_type("nobody"), std::nullopt);
}

}  // namespace
}  // namespace cowslip::server
