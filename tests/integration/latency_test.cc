// LATENCY's events and what clients waited, in a server that saves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <regex>
#include <set>
#include <thread>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

std::set<std::string> latest_events(Client& client) {
  std::set<std::string> names;
  for (const Reply& event : client("LATENCY", "LATEST").elements) names.insert(event.elements.at(0).text);
  return names;
}

struct Waits {
  int64_t commands = 0;
  int64_t median_us = 0;
  int64_t longest_us = 0;
};

// LATENCY DOCTOR's line that begins with `when`; zeros when there is none.
Waits waits(const std::string& doctor, const std::string& when) {
  const std::regex line(when + R"( of saves: half of (\d+) commands within (\d+) us, .*, the longest (\d+) us\.)");
  std::smatch found;
  if (!std::regex_search(doctor, found, line)) return {};
  return {std::stoll(found[1]), std::stoll(found[2]), std::stoll(found[3])};
}

int64_t fork_us(const ServerProcess& server) {
  return std::stoll(info_field(server.info("stats"), "latest_fork_usec"));
}

TEST(LatencyEvents, AForegroundSaveIsToldByItsSteps) {
  const ServerProcess server({.directives = {"--latency-monitor-threshold", "1", "--enable-debug-command", "yes"}});
  populate(server, 2000, 10'000);
  Client client = server.client();
  client("LATENCY", "RESET");
  ASSERT_TRUE(client("SAVE").is_ok());
  EXPECT_THAT(latest_events(client), Contains("rdb-save"));
  EXPECT_THAT(latest_events(client), Contains("command"));
  EXPECT_GE(client("LATENCY", "HISTORY", "rdb-save").elements.at(0).elements.at(1).integer, 1);
  EXPECT_THAT(client("LATENCY", "DOCTOR").text, HasSubstr("SAVE, which keeps every client waiting"));
  EXPECT_THAT(client("LATENCY", "GRAPH", "rdb-save").text, HasSubstr("rdb-save - high"));
  EXPECT_EQ(client("LATENCY", "RESET", "rdb-save").integer, 1);
  EXPECT_THAT(latest_events(client), Not(Contains("rdb-save")));
  EXPECT_THAT(latest_events(client), Not(Contains("rdb-load")));
  ASSERT_TRUE(client("DEBUG", "RELOAD").is_ok());
  EXPECT_THAT(latest_events(client), Contains("rdb-load"));
  EXPECT_THAT(latest_events(client), Contains("rdb-save"));
}

TEST(LatencyEvents, AForkIsOneWhenItTookSoLong) {
  // 4 KiB pages, so that it takes milliseconds.
  const ServerProcess server({.directives = {"--latency-monitor-threshold", "1"}, .huge_pages_disabled = true});
  populate(server, 4000, 40'000);
  Client client = server.client();
  client("LATENCY", "RESET");
  ASSERT_EQ(background_save(server), "ok");
  EXPECT_EQ(latest_events(client).contains("fork"), fork_us(server) >= 1000) << fork_us(server) << " us";
  if (fork_us(server) >= 1000) {
    EXPECT_EQ(client("LATENCY", "HISTORY", "fork").elements.at(0).elements.at(1).integer, fork_us(server) / 1000);
    EXPECT_THAT(client("LATENCY", "DOCTOR").text, HasSubstr("fork"));
  }
}

// A real one, whatever the machine: the kernel copies all pages of a large value in one turn of the loop.
TEST(LatencyEvents, PagesThatAreCopiedForAWriteAreAPageFaultStall) {
  constexpr size_t kBytes = size_t{64} << 20;
  const ServerProcess server({.directives = {"--latency-monitor-threshold", "5", "--rdb-key-save-delay", "1000000"},
                              .huge_pages_disabled = true});
  populate(server, 1000, 10);
  Client client = server.client();
  for (const char* key : {"one", "other"}) ASSERT_TRUE(client("SET", key, std::string(kBytes, 'a')).is_ok());
  client("LATENCY", "RESET");
  ASSERT_FALSE(client("BGSAVE").is_error());
  EXPECT_EQ(latest_events(client).count("page-fault-stall"), 0);
  // Two, because a value that the child has saved already, and given back, is not copied.
  for (const char* key : {"one", "other"}) client("SETRANGE", key, "0", std::string(kBytes, 'b'));
  EXPECT_GE(info_number(server.info("snapshot"), "snapshot_copied_bytes"), static_cast<int64_t>(kBytes));
  EXPECT_THAT(latest_events(client), Contains("page-fault-stall"));
  EXPECT_THAT(client("LATENCY", "DOCTOR").text, HasSubstr("page-fault-stall: "));
}

TEST(ClientWaits, AForkIsWaitedForInsideOfASave) {
  const ServerProcess server({.huge_pages_disabled = true});
  populate(server, 2000, 40'000);
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "RESETSTAT").is_ok());
  EXPECT_EQ(waits(client("LATENCY", "DOCTOR").text, "Inside").commands, 0);
  ASSERT_EQ(background_save(server), "ok");
  const Waits inside = waits(client("LATENCY", "DOCTOR").text, "Inside");
  EXPECT_GE(inside.commands, 1);
  EXPECT_GE(inside.longest_us, fork_us(server));
  EXPECT_LT(waits(client("LATENCY", "DOCTOR").text, "Outside").longest_us, inside.longest_us);
}

TEST(ClientWaits, WhoeverAskedWhileTheServerWasBusyIsCounted) {
  const ServerProcess server({.directives = {"--enable-debug-command", "yes"}});
  Client slow = server.client();
  std::vector<Connection> others;
  for (int i = 0; i < 5; i++) others.push_back(server.connection());
  for (Connection& other : others) EXPECT_EQ(other("PING"), Reply::simple("PONG"));
  ASSERT_TRUE(slow("CONFIG", "RESETSTAT").is_ok());
  std::thread sleeper([&] { EXPECT_TRUE(slow("DEBUG", "SLEEP", "0.3").is_ok()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  for (Connection& other : others) EXPECT_TRUE(other.send(encode({"PING"})));
  for (Connection& other : others) EXPECT_EQ(other.read(), Reply::simple("PONG"));
  sleeper.join();
  // Execution times know of one slow command; clients waited for six.
  const Waits outside = waits(slow("LATENCY", "DOCTOR").text, "Outside");
  EXPECT_GE(outside.commands, 6);
  EXPECT_LE(outside.commands, 8);
  EXPECT_GE(outside.median_us, 290'000);
  EXPECT_GE(outside.longest_us, 300'000);
  EXPECT_LT(outside.longest_us, 2'000'000);
}

TEST(ClientWaits, SleepingClientsDoNotCountTheServersIdleTime) {
  const ServerProcess server;
  Client client = server.client();
  ASSERT_TRUE(client("CONFIG", "RESETSTAT").is_ok());
  for (int i = 0; i < 20; i++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    client("PING");
  }
  const Waits outside = waits(client("LATENCY", "DOCTOR").text, "Outside");
  EXPECT_GE(outside.commands, 20);
  EXPECT_LT(outside.median_us, 10'000);
}

TEST(LatencyHistogramCommand, CountsExecutionsInAndOutOfSaves) {
  const ServerProcess server({.directives = {"--rdb-key-save-delay", "2000"}});
  Connection connection = server.connection3();
  for (int i = 0; i < 100; ++i) connection("SET", "k" + std::to_string(i), "v");
  connection("BGSAVE");
  for (int i = 0; i < 20; ++i) connection("SET", "k", "v");
  EXPECT_EQ(info_field(server.info("persistence"), "rdb_bgsave_in_progress"), "1");
  EXPECT_EQ(wait_for_save(server), "ok");
  connection("SET", "k", "v");
  EXPECT_EQ(connection("LATENCY", "HISTOGRAM", "set").find("set")->find("calls")->integer, 121);
  connection("CONFIG", "RESETSTAT");
  EXPECT_EQ(connection("LATENCY", "HISTOGRAM", "set").find("set"), nullptr);
}

}  // namespace
}  // namespace cowslip::testing
