// CLIENT, as far as it takes more than one client to see what it does.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

std::string client_id(Client& client) {
  return std::to_string(client("CLIENT", "ID").integer);
}

TEST(ClientCommand, ListNamesEveryClientAndItsFields) {
  const ServerProcess server;
  Client first = server.client();
  Client second = server.client();
  EXPECT_TRUE(second("CLIENT", "SETNAME", "worker").is_ok());
  EXPECT_TRUE(second("CLIENT", "SETINFO", "LIB-NAME", "test-library").is_ok());
  EXPECT_TRUE(second("CLIENT", "SETINFO", "lib-ver", "1.2.3").is_ok());
  second("SELECT", "3");
  const std::string list = first("CLIENT", "LIST").text;
  EXPECT_NE(list.find("id=" + client_id(second)), std::string::npos) << list;
  for (const char* field : {" name=worker",
                            " db=3",
                            " cmd=select",
                            " lib-name=test-library",
                            " lib-ver=1.2.3",
                            " user=default",
                            " resp=2",
                            " cmd=client|list",
                            " laddr=127.0.0.1:",
                            " fd=",
                            " age=",
                            " idle=",
                            " flags=N",
                            " sub=0",
                            " psub=0",
                            " ssub=0",
                            " multi=-1",
                            " qbuf=",
                            " qbuf-free=",
                            " argv-mem=",
                            " multi-mem=",
                            " rbs=",
                            " rbp=",
                            " obl=",
                            " oll=",
                            " omem=",
                            " tot-mem=",
                            " events=",
                            " redir=-1"}) {
    EXPECT_NE(list.find(field), std::string::npos) << field << " in\n" << list;
  }
  EXPECT_EQ(std::count(list.begin(), list.end(), '\n'), 2);
  const std::string one = first("CLIENT", "LIST", "ID", client_id(second)).text;
  EXPECT_EQ(std::count(one.begin(), one.end(), '\n'), 1);
}

TEST(ClientCommand, SetInfoRefusals) {
  const ServerProcess server;
  Client client = server.client();
  EXPECT_EQ(client("CLIENT", "SETINFO", "colour", "blue"), Reply::error("ERR Unrecognized option 'colour'"));
  EXPECT_EQ(client("CLIENT", "SETINFO", "LIB-name", "two words"),
            Reply::error("ERR LIB-name cannot contain spaces, newlines or special characters."));
  EXPECT_TRUE(client("CLIENT", "SETINFO", "lib-name").is_error());
}

TEST(ClientCommand, KillById) {
  const ServerProcess server;
  Client killer = server.client();
  Connection victim = server.connection();
  const std::string id = std::to_string(victim("CLIENT", "ID").integer);
  EXPECT_EQ(killer("CLIENT", "KILL", "ID", id), Reply::of_integer(1));
  EXPECT_TRUE(victim.closed());
  EXPECT_EQ(killer("CLIENT", "KILL", "ID", id), Reply::of_integer(0));
}

TEST(ClientCommand, KillByAddressOldAndNewForm) {
  const ServerProcess server;
  Client killer = server.client();
  for (const bool old_form : {true, false}) {
    Connection victim = server.connection();
    const std::string info = victim("CLIENT", "INFO").text;
    const size_t start = info.find("addr=") + 5;
    const std::string address = info.substr(start, info.find(' ', start) - start);
    if (old_form) {
      EXPECT_TRUE(killer("CLIENT", "KILL", address).is_ok());
    } else {
      EXPECT_EQ(killer("CLIENT", "KILL", "ADDR", address), Reply::of_integer(1));
    }
    EXPECT_TRUE(victim.closed());
  }
}

TEST(ClientCommand, KillSparesTheCallerUnlessToldNotTo) {
  const ServerProcess server;
  Connection killer = server.connection();
  Connection victim = server.connection();
  victim("PING");
  EXPECT_EQ(killer("CLIENT", "KILL", "TYPE", "normal"), Reply::of_integer(1));
  EXPECT_TRUE(victim.closed());
  EXPECT_EQ(killer("PING"), Reply::simple("PONG"));
  EXPECT_EQ(killer("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"), Reply::of_integer(1));
  EXPECT_TRUE(killer.closed());
}

TEST(ClientCommand, PauseWriteHoldsWritesOnly) {
  const ServerProcess server;
  Client boss = server.client();
  Connection writer = server.connection();
  EXPECT_TRUE(boss("CLIENT", "PAUSE", "100000", "WRITE").is_ok());
  EXPECT_TRUE(boss("GET", "k").is_null());
  writer.send(encode({"SET", "k", "v"}));
  EXPECT_TRUE(writer.silent_for(std::chrono::milliseconds(200)));
  EXPECT_TRUE(boss("GET", "k").is_null());
  EXPECT_TRUE(boss("CLIENT", "UNPAUSE").is_ok());
  EXPECT_TRUE(writer.read().is_ok());
  EXPECT_EQ(boss("GET", "k"), Reply::bulk("v"));
}

TEST(ClientCommand, PauseAllEndsByItself) {
  const ServerProcess server;
  Client client = server.client();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(client("CLIENT", "PAUSE", "300").is_ok());
  EXPECT_EQ(client("PING"), Reply::simple("PONG"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(250));
}

TEST(ClientCommand, ReplyOffAndSkip) {
  const ServerProcess server;
  Connection connection = server.connection();
  connection.send(encode({"CLIENT", "REPLY", "SKIP"}) + encode({"SET", "a", "1"}) + encode({"GET", "a"}));
  EXPECT_EQ(connection.read(), Reply::bulk("1"));
  connection.send(encode({"CLIENT", "REPLY", "OFF"}) + encode({"SET", "a", "2"}) + encode({"NOSUCH"}));
  EXPECT_TRUE(connection.silent_for(std::chrono::milliseconds(100)));
  connection.send(encode({"CLIENT", "REPLY", "ON"}) + encode({"GET", "a"}));
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_EQ(connection.read(), Reply::bulk("2"));
}

TEST(ClientCommand, NoTouchLeavesTheIdleTimeAlone) {
  const ServerProcess server;
  Client client = server.client();
  client("SET", "source", "v");
  const std::string payload = client("DUMP", "source").text;
  ASSERT_TRUE(client("RESTORE", "old", "0", payload, "IDLETIME", "1000").is_ok());
  EXPECT_TRUE(client("CLIENT", "NO-TOUCH", "on").is_ok());
  EXPECT_EQ(client("GET", "old"), Reply::bulk("v"));
  EXPECT_GE(client("OBJECT", "IDLETIME", "old").integer, 990);
  EXPECT_TRUE(client("CLIENT", "NO-TOUCH", "off").is_ok());
  EXPECT_EQ(client("GET", "old"), Reply::bulk("v"));
  EXPECT_LT(client("OBJECT", "IDLETIME", "old").integer, 100);
  EXPECT_TRUE(client("CLIENT", "NO-TOUCH", "maybe").is_error());
}

TEST(ClientCommand, InfoKnowsHowManyAreConnected) {
  const ServerProcess server;
  Client client = server.client();
  {
    Client other = server.client();
    EXPECT_EQ(other("PING"), Reply::simple("PONG"));  // the server has taken it in
    EXPECT_EQ(info_number(client("INFO", "clients").text, "connected_clients"), 2);
  }
  EXPECT_TRUE(eventually([&] { return info_number(client("INFO", "clients").text, "connected_clients") == 1; }));
}

}  // namespace
}  // namespace cowslip::testing
