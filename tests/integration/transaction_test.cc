// Transactions through real connections: what other clients, MONITOR, SLOWLOG, CLIENT LIST and saves see of them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string field(const std::string& line, const std::string& name) {
  const size_t at = line.find(" " + name + "=");
  if (at == std::string::npos) return {};
  const size_t start = at + name.size() + 2;
  return line.substr(start, line.find_first_of(" \n", start) - start);
}

void queue(Connection& client, std::initializer_list<Arguments> commands) {
  ASSERT_TRUE(client("MULTI").is_ok());
  for (const Arguments& command : commands) ASSERT_EQ(client.command(command), Reply::simple("QUEUED"));
}

TEST(Transaction, OthersSeeAllOfItOrNothing) {
  const ServerProcess server;
  Connection writer = server.connection();
  Connection reader = server.connection();
  queue(writer, {{"SET", "a", "1"}, {"SET", "b", "1"}});
  EXPECT_TRUE(reader("GET", "a").is_null());
  EXPECT_EQ(writer("EXEC").elements.size(), 2u);
  EXPECT_EQ(reader("MGET", "a", "b").strings(), (std::vector<std::string>{"1", "1"}));
}

// Only their encoding is another one afterwards. As redis-server does it, which answers the same questions.
TEST(Transaction, WritesThatChangeNothingAreNotNoticed) {
  const ServerProcess cowslip;
  const ServerProcess redis({.binary = kRedisBinary});
  for (const ServerProcess* server : {&cowslip, &redis}) {
    Connection watcher = server->connection();
    Client other = server->client();
    for (const Arguments& command : {Arguments{"SETBIT", "k", "1", "1"},
                                     {"BITFIELD", "k", "SET", "u8", "0", "255"},
                                     {"PFADD", "hll", "a"},
                                     {"PFCOUNT", "hll"}}) {
      other("SET", "k", "\xff");
      other("PFADD", "made", "a");
      other("PFCOUNT", "made");
      other("SET", "hll", other("GET", "made").text);  // not raw
      watcher("WATCH", "k", "hll");
      EXPECT_NE(other("OBJECT", "ENCODING", command[1]).text, "raw");
      other.command(command);
      EXPECT_EQ(other("OBJECT", "ENCODING", command[1]).text, "raw");
      queue(watcher, {{"PING"}});
      EXPECT_EQ(watcher("EXEC").elements.size(), 1u) << describe(command) << (server == &redis ? " redis" : "");
    }
  }
}

TEST(Transaction, ALostUpdateIsNoticed) {
  const ServerProcess server;
  constexpr int kEach = 200;
  const auto add = [&server] {
    Connection client = server.connection();
    for (int done = 0; done < kEach;) {
      client("WATCH", "n");
      const Reply value = client("GET", "n");
      const int n = value.is_null() ? 0 : std::stoi(value.text);
      client("MULTI");
      client("SET", "n", std::to_string(n + 1));
      if (!client("EXEC").is_null()) done++;
    }
  };
  std::vector<std::thread> clients;
  for (int i = 0; i < 3; ++i) clients.emplace_back(add);
  for (auto& client : clients) client.join();
  EXPECT_EQ(server.client()("GET", "n"), Reply::bulk(std::to_string(3 * kEach)));
}

TEST(Transaction, AKeyThatExpiresBeforeExecStopsIt) {
  const ServerProcess server;
  Connection client = server.connection();
  client("SET", "k", "v", "PX", "20");
  client("WATCH", "k");
  sleep_ms(60);
  queue(client, {{"PING"}});
  EXPECT_EQ(client("EXEC").kind, Reply::Kind::kNullArray);
}

TEST(Transaction, EndsWithItsConnection) {
  const ServerProcess server;
  {
    Connection client = server.connection();
    client("WATCH", "k");
    queue(client, {{"SET", "k", "v"}});
  }
  Connection client = server.connection();
  EXPECT_TRUE(client("SET", "k", "w").is_ok());
  EXPECT_EQ(client("GET", "k"), Reply::bulk("w"));
}

TEST(Transaction, ResetAndQuitLeaveIt) {
  const ServerProcess server;
  Connection client = server.connection();
  client("WATCH", "k");
  queue(client, {{"PING"}});
  EXPECT_EQ(client("RESET"), Reply::simple("RESET"));
  EXPECT_EQ(client("EXEC"), Reply::error("ERR EXEC without MULTI"));
  server.client()("SET", "k", "v");
  queue(client, {});
  EXPECT_EQ(client("EXEC").kind, Reply::Kind::kArray) << "RESET ends the watch, too";
  queue(client, {{"PING"}});
  EXPECT_TRUE(client("QUIT").is_ok());
  EXPECT_TRUE(client.closed());
}

TEST(Transaction, SomeCommandsAreNotForIt) {
  const ServerProcess server;
  Connection client = server.connection();
  for (const char* command : {"SAVE", "SHUTDOWN", "SYNC"}) {
    client("MULTI");
    EXPECT_EQ(client(command), Reply::error("ERR Command not allowed inside a transaction")) << command;
    EXPECT_EQ(client("EXEC"), Reply::error("EXECABORT Transaction discarded because of previous errors."));
  }
  queue(client, {{"MONITOR"}, {"WAIT", "1", "0"}});
  const Reply reply = client("EXEC");
  ASSERT_EQ(reply.elements.size(), 2u);
  EXPECT_EQ(reply.elements[0], Reply::error("ERR MONITOR isn't allowed for DENY BLOCKING client"));
  EXPECT_EQ(reply.elements[1], Reply::of_integer(0));
}

TEST(Transaction, IsShownInTheClientList) {
  const ServerProcess server;
  Connection client = server.connection();
  std::string line = client("CLIENT", "INFO").text;
  EXPECT_EQ(field(line, "multi"), "-1");
  EXPECT_EQ(field(line, "multi-mem"), "0");
  const int64_t before = std::stoll(field(line, "tot-mem"));
  client("WATCH", "k");
  queue(client, {{"SET", "k", std::string(50'000, 'x')}, {"CLIENT", "INFO"}});
  ASSERT_EQ(client("PING"), Reply::simple("QUEUED"));
  line = server.connection()("CLIENT", "LIST", "ID", field(" " + line, "id")).text;
  EXPECT_EQ(field(line, "multi"), "3");
  EXPECT_EQ(field(line, "flags"), "x");
  EXPECT_GT(std::stoll(field(line, "multi-mem")), 50'000);
  EXPECT_GT(std::stoll(field(line, "tot-mem")), before + 50'000);
  const Reply reply = client("EXEC");
  ASSERT_EQ(reply.elements.size(), 3u);
  EXPECT_EQ(field(reply.elements[1].text, "cmd"), "exec");
  EXPECT_EQ(field(reply.elements[1].text, "multi"), "3");
  EXPECT_EQ(field(client("CLIENT", "INFO").text, "multi"), "-1");
  client("WATCH", "k");
  server.client()("DEL", "k");
  EXPECT_EQ(field(client("CLIENT", "INFO").text, "flags"), "d");
}

TEST(Transaction, IsShownByMonitorWhenItRuns) {
  const ServerProcess server;
  Connection client = server.connection();
  Connection monitor = server.connection();
  ASSERT_TRUE(monitor("MONITOR").is_ok());
  queue(client, {{"SET", "a", "1"}, {"GET", "a"}});
  client("EXEC");
  client("EXEC", "x");
  for (const char* shown : {"\"MULTI\"", "\"SET\" \"a\" \"1\"", "\"GET\" \"a\"", "\"EXEC\"", "\"EXEC\" \"x\""}) {
    EXPECT_TRUE(monitor.read().text.ends_with("] " + std::string(shown))) << shown;
  }
}

TEST(Transaction, ItsCommandsAreInTheSlowLogAndItIsNot) {
  const ServerProcess server({.directives = {"--slowlog-log-slower-than", "0"}});
  Connection client = server.connection();
  queue(client, {{"SET", "a", "1"}, {"AUTH", "x"}});
  client("EXEC");
  const std::string log = describe(client("SLOWLOG", "GET", "4"));
  EXPECT_THAT(log, HasSubstr("\"SET\", \"a\""));
  EXPECT_THAT(log, HasSubstr("\"AUTH\", \"(redacted)\""));
  EXPECT_THAT(log, Not(HasSubstr("EXEC")));
  const std::string stats = server.info("commandstats");
  EXPECT_THAT(stats, HasSubstr("cmdstat_exec:calls=1,"));
  EXPECT_THAT(stats, HasSubstr("cmdstat_set:calls=1,"));
}

TEST(Transaction, CannotQueueWithoutEnd) {
  const ServerProcess server({.directives = {"--client-query-buffer-limit", "1mb"}});
  Connection client = server.connection();
  client("MULTI");
  Reply reply;
  for (int i = 0; i < 100 && reply.kind != Reply::Kind::kClosed; ++i) {
    if (!client.send(encode({"SET", "k", std::string(50'000, 'x')}))) break;
    reply = client.read();
  }
  EXPECT_EQ(reply.kind, Reply::Kind::kClosed);
  EXPECT_TRUE(server.log_has("reached max query buffer length"));
  EXPECT_EQ(info_number(server.info("stats"), "client_query_buffer_limit_disconnections"), 1);
}

TEST(Transaction, WaitsAsAWholeForThePauseOfWrites) {
  const ServerProcess server;
  Connection writer = server.connection();
  Connection reader = server.connection();
  queue(writer, {{"SET", "k", "v"}});
  queue(reader, {{"GET", "k"}});
  server.client()("CLIENT", "PAUSE", "60000", "WRITE");
  EXPECT_EQ(reader("EXEC").kind, Reply::Kind::kArray);
  writer.send(encode({"EXEC"}));
  EXPECT_TRUE(writer.silent_for(std::chrono::milliseconds(100)));
  server.client()("CLIENT", "UNPAUSE");
  EXPECT_EQ(writer.read().elements.size(), 1u);
}

// ---- saves ----

// Every transaction gives all keys of its group one and the same value.
constexpr int kGroups = 20;
constexpr int kKeysOfGroup = 10;

std::string key_of(int group, int i) {
  return fmt::format("group:{}:{}", group, i);
}

void expect_whole(const std::string& snapshot) {
  const ServerProcess copy({.binary = kRedisBinary, .snapshot = snapshot});
  Client client = copy.client();
  for (int group = 0; group < kGroups; ++group) {
    Arguments get = {"MGET"};
    for (int i = 0; i < kKeysOfGroup; ++i) get.push_back(key_of(group, i));
    const auto values = client.command(get).strings();
    for (const std::string& value : values) ASSERT_EQ(value, values[0]) << "half of a transaction in group " << group;
  }
}

TEST(Transaction, IsNeverHalfInASnapshot) {
  const ServerProcess server;
  server.client()("CONFIG", "SET", "rdb-key-save-delay", "300");
  std::atomic<bool> done = false;
  std::atomic<int> executed = 0;
  const auto write = [&](int first_group) {
    Connection client = server.connection();
    for (int round = 0; !done; ++round) {
      std::string bytes = encode({"MULTI"});
      const int group = first_group + 2 * (round % (kGroups / 2));
      // Long enough that a snapshot of a moment inside of it would be likely, if there were such a moment.
      const std::string value = std::to_string(round) + std::string(round % 7 * 100, 'x');
      for (int i = 0; i < kKeysOfGroup; ++i) bytes += encode({"SET", key_of(group, i), value});
      bytes += encode({"EXEC"});
      client.send(bytes);
      for (int i = 0; i < kKeysOfGroup + 1; ++i) client.read();
      if (client.read().elements.size() == kKeysOfGroup) ++executed;
    }
  };
  std::thread even(write, 0);
  std::thread odd(write, 1);
  int executed_during_saves = 0;
  for (int i = 0; i < 6; ++i) {
    sleep_ms(50);
    const int before = executed;
    ASSERT_EQ(background_save(server), "ok");
    executed_during_saves += executed - before;
    expect_whole(read_file(server.snapshot_path()));
  }
  done = true;
  even.join();
  odd.join();
  EXPECT_GT(executed_during_saves, 100);
}

// A BGSAVE that is itself in the transaction begins when all of it is done.
TEST(Transaction, ABackgroundSaveInsideIsScheduled) {
  const ServerProcess server;
  Connection client = server.connection();
  for (int round = 0; round < 3; ++round) {
    const std::string value = std::to_string(round);
    client("MULTI");
    for (int group = 0; group < kGroups; ++group) {
      for (int i = 0; i < kKeysOfGroup; ++i) {
        if (group == 5 && i == 5) client("BGSAVE");
        client("SET", key_of(group, i), value);
      }
    }
    const Reply reply = client("EXEC");
    ASSERT_EQ(reply.elements.at(5 * kKeysOfGroup + 5), Reply::simple("Background saving scheduled"));
    ASSERT_TRUE(eventually([&] { return info_number(server.info("persistence"), "rdb_saves") == round + 1; }));
    const std::string snapshot = read_file(server.snapshot_path());
    expect_whole(snapshot);
    const ServerProcess copy({.binary = kRedisBinary, .snapshot = snapshot});
    EXPECT_EQ(copy.client()("GET", key_of(5, 0)), Reply::bulk(value));
  }
}

// DEBUG RELOAD has to save in the middle, but what lies there in the end is the whole.
TEST(Transaction, AReloadInsideSavesWhatFollowsAsWell) {
  const ServerProcess server({.directives = {"--enable-debug-command", "yes"}});
  Connection client = server.connection();
  queue(client, {{"SET", "a", "v"}, {"DEBUG", "RELOAD"}, {"GET", "a"}, {"SET", "b", "v"}});
  const Reply reply = client("EXEC");
  EXPECT_TRUE(reply.elements.at(1).is_ok());
  EXPECT_EQ(reply.elements.at(2), Reply::bulk("v"));
  const ServerProcess copy({.binary = kRedisBinary, .snapshot = read_file(server.snapshot_path())});
  EXPECT_EQ(copy.client()("DBSIZE"), Reply::of_integer(2));
}

// The very bytes of redis-server: what is held back is missing from the array that EXEC has announced.
TEST(Transaction, ClientReplyHoldsBackFromItsPlaceOn) {
  const ServerProcess ours;
  const ServerProcess theirs({.binary = kRedisBinary});
  const std::vector<Arguments> scripts = {
      {"MULTI", "SET a 1", "CLIENT REPLY OFF", "GET a", "EXEC", "PING", "CLIENT REPLY ON", "PING"},
      {"MULTI", "SET a 1", "CLIENT REPLY SKIP", "GET a", "EXEC", "ECHO 1", "ECHO 2"},
      {"MULTI", "SET a 1", "CLIENT REPLY OFF", "GET a", "CLIENT REPLY ON", "GET a", "EXEC", "ECHO 1"},
      {"CLIENT REPLY OFF", "MULTI", "SET a 1", "CLIENT REPLY ON", "GET a", "EXEC", "ECHO 1"},
      {"CLIENT REPLY SKIP", "MULTI", "SET a 1", "CLIENT REPLY ON", "GET a", "EXEC", "ECHO 1"},
      {"MULTI", "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "GET a", "CLIENT REPLY ON", "EXEC", "ECHO 1"},
      {"CLIENT REPLY SKIP", "EXEC", "PING", "MULTI", "CLIENT REPLY OFF", "SUBSCRIBE c", "EXEC"},
      {"WATCH a", "SET a 2", "MULTI", "CLIENT REPLY SKIP", "EXEC", "PING"},
      {"MULTI", "NOSUCH", "CLIENT REPLY SKIP", "EXEC", "PING"},
  };
  for (const Arguments& script : scripts) {
    std::string lines;
    for (const std::string& line : script) lines += line + "\r\n";
    lines += "QUIT\r\n";
    const auto answer = [&](const ServerProcess& server) {
      Connection connection = server.connection();
      connection.send(lines);
      std::string bytes;
      for (std::string more = connection.read_bytes(1 << 16); !more.empty(); more = connection.read_bytes(1 << 16)) {
        bytes += more;
      }
      return bytes;
    };
    EXPECT_EQ(answer(ours), answer(theirs)) << lines;
  }
}

// FLUSHALL saves when there are save points; in a transaction, at its end.
TEST(Transaction, AFlushInsideSavesWhatFollowsAsWell) {
  const ServerProcess server({.directives = {"--save", "3600 1"}});
  Connection client = server.connection();
  client("SET", "old", "v");
  queue(client, {{"FLUSHALL"}, {"SET", "new", "v"}});
  EXPECT_TRUE(client("EXEC").elements.at(0).is_ok());
  const ServerProcess copy({.binary = kRedisBinary, .snapshot = read_file(server.snapshot_path())});
  EXPECT_EQ(copy.client()("KEYS", "*").strings(), std::vector<std::string>{"new"});
}

}  // namespace
}  // namespace cowslip::testing
