// What a client may not do: enter without a password, stay idle, take memory without end, keep others waiting.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

TEST(Authentication, NothingWorksBeforeIt) {
  const ServerProcess server({.directives = {"--requirepass", "sesame"}});
  Client client = server.client();
  EXPECT_EQ(client("GET", "k"), Reply::error("NOAUTH Authentication required."));
  EXPECT_EQ(client("AUTH", "wrong"), Reply::error("WRONGPASS invalid username-password pair or user is disabled."));
  EXPECT_EQ(client("AUTH", "nobody", "sesame"),
            Reply::error("WRONGPASS invalid username-password pair or user is disabled."));
  EXPECT_TRUE(client("AUTH", "sesame").is_ok());
  EXPECT_TRUE(client("SET", "k", "v").is_ok());
  EXPECT_EQ(client("RESET"), Reply::simple("RESET"));
  EXPECT_EQ(client("GET", "k"), Reply::error("NOAUTH Authentication required."));
}

TEST(Authentication, HelloDoesBothAtOnce) {
  const ServerProcess server({.directives = {"--requirepass", "sesame"}});
  Connection connection = server.connection();
  EXPECT_TRUE(connection("HELLO", "3").text.starts_with("NOAUTH HELLO must be called"));
  EXPECT_TRUE(connection("HELLO", "3", "AUTH", "default", "wrong").text.starts_with("WRONGPASS"));
  EXPECT_EQ(connection("HELLO", "3", "AUTH", "default", "sesame").kind, Reply::Kind::kMap);
}

TEST(Authentication, LimitsAreSmallerBeforeIt) {
  const ServerProcess server({.directives = {"--requirepass", "sesame"}});
  Connection many = server.connection();
  many.send("*11\r\n");
  EXPECT_EQ(many.read(), Reply::error("ERR Protocol error: unauthenticated multibulk length"));
  EXPECT_TRUE(many.closed());
  Connection large = server.connection();
  large.send("*2\r\n$4\r\nAUTH\r\n$16385\r\n");
  EXPECT_EQ(large.read(), Reply::error("ERR Protocol error: unauthenticated bulk length"));
  EXPECT_TRUE(large.closed());
}

TEST(Authentication, ChangingThePasswordKeepsWhoIsIn) {
  const ServerProcess server;
  Client inside = server.client();
  EXPECT_TRUE(inside("CONFIG", "SET", "requirepass", "new").is_ok());
  EXPECT_TRUE(inside("SET", "k", "v").is_ok());
  EXPECT_TRUE(server.client()("GET", "k").text.starts_with("NOAUTH"));
}

// A network of this process's own, in which the loopback device has a second address that is not a loopback address.
class PrivateNetwork {
 public:
  PrivateNetwork() : outside_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    ready_ = ::unshare(CLONE_NEWNET) == 0;
    if (!ready_) return;
    try {
      ready_ = run_program({"ip", "link", "set", "lo", "up"}).exit_code == 0 &&
               run_program({"ip", "address", "add", "10.9.8.7/32", "dev", "lo"}).exit_code == 0;
    } catch (const HarnessFailure&) {
      ready_ = false;
    }
  }
  ~PrivateNetwork() { ::setns(outside_.get(), CLONE_NEWNET); }
  bool ready() const { return ready_; }

 private:
  UniqueFd outside_;
  bool ready_ = false;
};

TEST(ProtectedMode, StrangersAreTurnedAway) {
  const PrivateNetwork network;
  if (!network.ready()) GTEST_SKIP() << "needs the right to make a network namespace, and the ip program";
  const ServerProcess server({.directives = {"--bind", "0.0.0.0"}});
  const Endpoint outside{.host = "10.9.8.7", .port = server.endpoint().port};
  Connection stranger(outside);
  EXPECT_TRUE(stranger.read().text.starts_with("DENIED"));
  EXPECT_TRUE(stranger.closed());
  ASSERT_TRUE(server.client()("CONFIG", "SET", "protected-mode", "no").is_ok());
  Connection guest(outside);
  EXPECT_EQ(guest("PING"), Reply::simple("PONG"));
}

TEST(Limits, MaxClients) {
  const ServerProcess server({.directives = {"--maxclients", "5"}});
  std::vector<Connection> inside;
  for (int i = 0; i < 5; ++i) {
    inside.push_back(server.connection());
    ASSERT_EQ(inside.back()("PING"), Reply::simple("PONG")) << i;
  }
  Connection late = server.connection();
  EXPECT_EQ(late.read(), Reply::error("ERR max number of clients reached"));
  EXPECT_TRUE(late.closed());
  EXPECT_EQ(info_number(inside[0]("INFO", "stats").text, "rejected_connections"), 1);
  inside.pop_back();
  EXPECT_TRUE(eventually([&] { return server.connection()("PING").text == "PONG"; }));
}

TEST(Limits, IdleClientsAreClosed) {
  const ServerProcess server({.directives = {"--timeout", "1"}});
  Connection idle = server.connection();
  EXPECT_EQ(idle("PING"), Reply::simple("PONG"));
  EXPECT_TRUE(idle.closed());
  Connection busy = server.connection();
  for (int i = 0; i < 25; ++i) {
    ASSERT_EQ(busy("PING"), Reply::simple("PONG")) << i;
    sleep_ms(100);
  }
}

TEST(Limits, OutputBufferOfAClientThatDoesNotRead) {
  const ServerProcess server({.directives = {"--client-output-buffer-limit", "normal 1mb 0 0"}});
  ASSERT_TRUE(server.client()("SET", "big", std::string(512 << 10, 'x')).is_ok());
  Connection lazy = server.connection();
  for (int i = 0; i < 200; ++i) lazy.send(encode({"GET", "big"}));
  EXPECT_TRUE(eventually([&] {
    return info_number(server.info("clients"), "connected_clients") == 1;  // the one that asks
  }));
  EXPECT_TRUE(lazy.closed());
}

TEST(Limits, QueryBuffer) {
  const ServerProcess server({.directives = {"--client-query-buffer-limit", "1mb"}});
  Connection greedy = server.connection();
  greedy.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$400000000\r\n");
  for (int i = 0; i < 64; ++i) greedy.send(std::string(64 << 10, 'x'));
  EXPECT_TRUE(greedy.closed());
  EXPECT_EQ(server.client()("PING"), Reply::simple("PONG"));
}

TEST(Limits, AnnouncedBytesTakeNoMemoryUntilTheyCome) {
  const ServerProcess server;
  Client client = server.client();
  const int64_t before = info_number(client("INFO", "memory").text, "used_memory");
  std::vector<Connection> announcers;
  for (int i = 0; i < 20; ++i) {
    announcers.push_back(server.connection());
    announcers.back().send("*2147483647\r\n$536870912\r\nx");
  }
  sleep_ms(200);
  EXPECT_LT(info_number(client("INFO", "memory").text, "used_memory") - before, 64 << 20);
}

TEST(Limits, QueryThatNeverCompletesIsClosedByTheTimeout) {
  const ServerProcess server({.directives = {"--timeout", "2"}});
  Connection slow = server.connection();
  slow.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n");
  // A byte now and then does not make the query complete, and must not keep other clients from being served.
  for (int i = 0; i < 3; ++i) {
    slow.send("x");
    EXPECT_EQ(server.client()("PING"), Reply::simple("PONG"));
  }
  EXPECT_TRUE(slow.closed());
}

// Sends commands without end and reads the replies, until told to stop.
class Flood {
 public:
  explicit Flood(const Endpoint& endpoint)
      : connection_(endpoint), writer_([this] { write(); }), reader_([this] { read(); }) {}
  ~Flood() {
    stop_ = true;
    writer_.join();
    reader_.join();
  }

 private:
  void write() {
    std::string batch;
    for (int i = 0; i < 1000; ++i) batch += encode({"SET", "flood", "value"});
    while (!stop_ && connection_.send(batch)) {
    }
    connection_.send(encode({"QUIT"}));
  }
  void read() {
    while (!connection_.read_bytes(1 << 20).empty()) {
    }
  }

  std::atomic<bool> stop_ = false;
  Connection connection_;
  std::thread writer_;
  std::thread reader_;
};

TEST(Fairness, EndlessPipelinersDoNotStarveOthers) {
  const ServerProcess server;
  const Flood first(server.endpoint());
  const Flood second(server.endpoint());
  Client client = server.client();
  sleep_ms(200);
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 50; ++i) ASSERT_EQ(client("PING"), Reply::simple("PONG"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, patience(std::chrono::seconds(10)));
}

}  // namespace
}  // namespace cowslip::testing
