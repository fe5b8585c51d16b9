// The protocol as bytes on the wire: whatever way they arrive.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

TEST(Wire, PipelineInOneWriteIsAnsweredInOrder) {
  const ServerProcess server;
  Connection connection = server.connection();
  std::string requests;
  for (int i = 0; i < 10'000; ++i) requests += encode({"INCR", "n"});
  ASSERT_TRUE(connection.send(requests));
  for (int i = 1; i <= 10'000; ++i) ASSERT_EQ(connection.read(), Reply::of_integer(i));
}

TEST(Wire, RepliesOfOnePipelineShareTheirWrites) {
  const ServerProcess server;
  Connection connection = server.connection();
  const int64_t before = info_number(connection("INFO", "stats").text, "total_writes_processed");
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += encode({"PING"});
  connection.send(requests);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(connection.read(), Reply::simple("PONG"));
  EXPECT_LT(info_number(connection("INFO", "stats").text, "total_writes_processed") - before, 50);
}

TEST(Wire, RequestMayBeSplitAnywhere) {
  const ServerProcess server;
  Connection connection = server.connection();
  const std::string requests = encode({"SET", "key", "va\r\nlue"}) + encode({"GET", "key"}) + "PING inline\r\n";
  for (size_t at = 1; at < requests.size(); ++at) {
    connection.send(requests.substr(0, at));
    sleep_ms(1);
    connection.send(requests.substr(at));
    ASSERT_TRUE(connection.read().is_ok()) << at;
    ASSERT_EQ(connection.read(), Reply::bulk("va\r\nlue")) << at;
    ASSERT_EQ(connection.read(), Reply::bulk("inline")) << at;
  }
}

TEST(Wire, RequestMayComeByteByByte) {
  const ServerProcess server;
  Connection connection = server.connection();
  for (const char byte : encode({"SET", "k", "v"}) + encode({"GET", "k"})) connection.send(std::string(1, byte));
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_EQ(connection.read(), Reply::bulk("v"));
}

TEST(Wire, InlineCommands) {
  const ServerProcess server;
  Connection connection = server.connection();
  connection.send("PING\r\nSET k \"a b\\x41\\n\"\nGET k\r\n\r\n\nset q 'it\\'s'\r\nget q\r\n   echo   spaced  \r\n");
  EXPECT_EQ(connection.read(), Reply::simple("PONG"));
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_EQ(connection.read(), Reply::bulk("a bA\n"));
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_EQ(connection.read(), Reply::bulk("it's"));
  EXPECT_EQ(connection.read(), Reply::bulk("spaced"));
}

struct Refusal {
  std::string bytes;
  std::string error;
};

TEST(Wire, ProtocolErrorsAreNamedAndEndTheConnection) {
  const ServerProcess server;
  const std::vector<Refusal> refusals = {
      {"*abc\r\n", "ERR Protocol error: invalid multibulk length"},
      {"*2147483648\r\n", "ERR Protocol error: invalid multibulk length"},
      {"*1\r\n+PING\r\n", "ERR Protocol error: expected '$', got '+'"},
      {"*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"},
      {"*1\r\n$abc\r\n", "ERR Protocol error: invalid bulk length"},
      {"*1\r\n$536870913\r\n", "ERR Protocol error: invalid bulk length"},
      {"SET k \"open\r\n", "ERR Protocol error: unbalanced quotes in request"},
      {std::string(70'000, 'x'), "ERR Protocol error: too big inline request"},
      {"*" + std::string(70'000, '1'), "ERR Protocol error: too big mbulk count string"},
      {"*1\r\n$" + std::string(70'000, '1'), "ERR Protocol error: too big bulk count string"},
  };
  for (const auto& [bytes, error] : refusals) {
    Connection connection = server.connection();
    connection.send(bytes);
    EXPECT_EQ(connection.read(), Reply::error(error));
    EXPECT_TRUE(connection.closed()) << error;
  }
  EXPECT_EQ(server.client()("PING"), Reply::simple("PONG"));
}

TEST(Wire, CommandsBeforeAProtocolErrorAreExecuted) {
  const ServerProcess server;
  Connection connection = server.connection();
  connection.send(encode({"SET", "k", "v"}) + "*1\r\n!\r\n");
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_TRUE(connection.read().is_error());
  EXPECT_EQ(server.client()("GET", "k"), Reply::bulk("v"));
}

TEST(Wire, EmptyAndNegativeArraysAreSkipped) {
  const ServerProcess server;
  Connection connection = server.connection();
  connection.send("*0\r\n*-1\r\n*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(connection.read(), Reply::simple("PONG"));
}

TEST(Wire, ValuesOfManyMegabytesComeBackWhole) {
  const ServerProcess server;
  Client client = server.client();
  for (const size_t megabytes : {1, 8, 64}) {
    std::string value(megabytes << 20, '\0');
    std::iota(value.begin(), value.end(), '\1');
    ASSERT_TRUE(client("SET", "big", value).is_ok());
    EXPECT_EQ(client("STRLEN", "big").integer, static_cast<int64_t>(value.size()));
    EXPECT_TRUE(client("GET", "big").text == value) << megabytes;
  }
}

TEST(Wire, BulkLimitHoldsToTheByte) {
  const ServerProcess server({.directives = {"--proto-max-bulk-len", "1mb"}});
  Client client = server.client();
  const std::string at_limit(1 << 20, 'x');
  EXPECT_TRUE(client("SET", "k", at_limit).is_ok());
  EXPECT_EQ(client("APPEND", "k", "y"), Reply::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
  EXPECT_EQ(client("SETRANGE", "k", "1048576", "y"),
            Reply::error("ERR string exceeds maximum allowed size (proto-max-bulk-len)"));
  Connection connection = server.connection();
  connection.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048577\r\n");
  EXPECT_EQ(connection.read(), Reply::error("ERR Protocol error: invalid bulk length"));
  EXPECT_TRUE(connection.closed());
}

TEST(Wire, Resp3TypesAreUsed) {
  const ServerProcess server;
  Connection connection = server.connection3();
  EXPECT_EQ(connection("HELLO").kind, Reply::Kind::kMap);
  EXPECT_EQ(connection("CONFIG", "GET", "port").kind, Reply::Kind::kMap);
  EXPECT_EQ(connection("INFO", "server").kind, Reply::Kind::kVerbatim);
  connection.send(encode({"GET", "missing"}));
  EXPECT_EQ(connection.read_bytes(3), "_\r\n");
}

TEST(Wire, ManyClientsAtOnce) {
  const ServerProcess server;
  std::vector<Connection> connections;
  for (int i = 0; i < 100; ++i) connections.push_back(server.connection());
  for (int round = 0; round < 20; ++round) {
    for (auto& connection : connections) connection.send(encode({"INCR", "shared"}));
    for (auto& connection : connections) ASSERT_TRUE(connection.read().is_integer());
  }
  EXPECT_EQ(server.client()("GET", "shared"), Reply::bulk("2000"));
}

TEST(Transport, UnixSocket) {
  const ServerProcess server({.directives = {"--unixsocketperm", "700"}, .unix_socket = true});
  EXPECT_EQ(server.client()("PING"), Reply::simple("PONG"));
  EXPECT_NE(server.client()("CLIENT", "INFO").text.find("addr=" + server.endpoint().unix_path + ":0"),
            std::string::npos);
}

TEST(Transport, Ipv6) {
  const ServerProcess server({.directives = {"--bind", "127.0.0.1", "::1"}});
  Connection connection({.host = "::1", .port = server.endpoint().port});
  EXPECT_EQ(connection("PING"), Reply::simple("PONG"));
  EXPECT_NE(connection("CLIENT", "INFO").text.find("addr=[::1]:"), std::string::npos);
}

}  // namespace
}  // namespace cowslip::testing
