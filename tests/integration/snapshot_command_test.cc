// SNAPSHOT on a real server, in RESP2 through hiredis and in RESP3: what it says before, during and after saves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

int64_t number(const Reply& map, std::string_view name) {
  const Reply* value = map.find(name);
  EXPECT_NE(value, nullptr) << name << " in " << map;
  return value == nullptr ? -1 : value->integer;
}
std::string text(const Reply& map, std::string_view name) {
  const Reply* value = map.find(name);
  EXPECT_NE(value, nullptr) << name << " in " << map;
  return value == nullptr ? std::string() : value->text;
}

// A save that stays at work: its child takes a second for each key.
void start_slow_save(const ServerProcess& server) {
  ASSERT_TRUE(server.client()("CONFIG", "SET", "rdb-key-save-delay", "1000000").is_ok());
  ASSERT_FALSE(server.client()("BGSAVE").is_error());
}

TEST(SnapshotCommand, WithoutASaveIsEmptyAndStillOfUse) {
  const ServerProcess server;
  Client client = server.client();
  const Reply status = client("SNAPSHOT", "STATUS");
  EXPECT_EQ(text(status, "state"), "none");
  EXPECT_THAT(text(status, "summary"), HasSubstr("BGSAVE"));
  EXPECT_EQ(status.find("id"), nullptr);
  EXPECT_GE(number(status, "forecast_fork_us"), 0);
  EXPECT_TRUE(client("SNAPSHOT", "HISTORY").elements.empty());
  EXPECT_TRUE(client("SNAPSHOT", "CAUSES").find("causes")->elements.empty());
  EXPECT_TRUE(client("SNAPSHOT", "TIMELINE").find("points")->elements.empty());
  EXPECT_EQ(number(client("SNAPSHOT", "FORECAST"), "learned_from_saves"), 0);
}

TEST(SnapshotCommand, ShowsTheSaveAtWork) {
  const ServerProcess server;
  populate(server, 2000, 1000);
  ASSERT_NO_FATAL_FAILURE(start_slow_save(server));
  Client client = server.client();
  for (int i = 0; i < 500; ++i) client("SET", "key:" + std::to_string(i), std::string(1000, 'x'));
  const Reply status = client("SNAPSHOT", "STATUS");
  EXPECT_EQ(text(status, "state"), "running");
  EXPECT_EQ(number(status, "id"), 1);
  EXPECT_EQ(text(status, "reason"), "BGSAVE command");
  EXPECT_EQ(number(status, "keys_total"), 2000);
  EXPECT_EQ(number(status, "changes"), 500);
  EXPECT_GT(number(status, "fork_us"), 0);
  EXPECT_THAT(text(status, "summary"), StartsWith("Save 1 (BGSAVE command)"));
  EXPECT_TRUE(client("SNAPSHOT", "HISTORY").elements.empty()) << "only saves that have ended are history";
  EXPECT_EQ(text(client("SNAPSHOT", "CAUSES", "1"), "state"), "running");
}

TEST(SnapshotCommand, RemembersHowSavesEnded) {
  const ServerProcess server;
  populate(server, 100, 100);
  ASSERT_EQ(background_save(server), "ok");
  ASSERT_NO_FATAL_FAILURE(start_slow_save(server));
  ASSERT_FALSE(server.client()("BGSAVE", "CANCEL").is_error());
  wait_for_save(server);
  Client client = server.client();
  const Reply history = client("SNAPSHOT", "HISTORY");
  ASSERT_EQ(history.elements.size(), 2u);
  EXPECT_EQ(number(history.elements[0], "id"), 2);
  EXPECT_EQ(text(history.elements[0], "state"), "cancelled");
  EXPECT_EQ(number(history.elements[1], "id"), 1);
  EXPECT_EQ(text(history.elements[1], "state"), "ok");
  EXPECT_EQ(number(history.elements[1], "keys_written"), 100);
  EXPECT_GT(number(history.elements[1], "bytes_written"), 100 * 100);
  EXPECT_EQ(client("SNAPSHOT", "HISTORY", "1").elements.size(), 1u);
  EXPECT_EQ(client("SNAPSHOT", "HISTORY", "-1").elements.size(), 2u);
  EXPECT_EQ(number(client("SNAPSHOT", "CAUSES", "1"), "id"), 1);
  EXPECT_EQ(number(client("SNAPSHOT", "TIMELINE"), "id"), 2);
  EXPECT_EQ(text(client("SNAPSHOT", "STATUS"), "state"), "cancelled");
}

TEST(SnapshotCommand, Resp3HasTypes) {
  const ServerProcess server;
  populate(server, 10, 100);
  ASSERT_EQ(background_save(server), "ok");
  Connection client = server.connection3();
  const Reply status = client("SNAPSHOT", "STATUS");
  ASSERT_EQ(status.kind, Reply::Kind::kMap);
  EXPECT_EQ(status.find("progress")->kind, Reply::Kind::kDouble);
  EXPECT_EQ(status.find("fits")->kind, Reply::Kind::kBoolean);
  EXPECT_EQ(status.find("bytes_written")->kind, Reply::Kind::kInteger);
  EXPECT_EQ(client("SNAPSHOT", "FORECAST").kind, Reply::Kind::kMap);
  EXPECT_EQ(client("SNAPSHOT", "HISTORY").elements.at(0).kind, Reply::Kind::kMap);
  const Reply timeline = client("SNAPSHOT", "TIMELINE");
  ASSERT_EQ(timeline.kind, Reply::Kind::kMap);
  const size_t columns = timeline.find("columns")->elements.size();
  for (const Reply& point : timeline.find("points")->elements) EXPECT_EQ(point.elements.size(), columns);
}

TEST(SnapshotCommand, RefusesWhatItDoesNotKnow) {
  const ServerProcess server;
  Client client = server.client();
  const std::pair<Arguments, const char*> cases[] = {
      {{"SNAPSHOT"}, "ERR wrong number of arguments for 'snapshot' command"},
      {{"SNAPSHOT", "huh"}, "ERR unknown subcommand 'huh'. Try SNAPSHOT HELP."},
      {{"SNAPSHOT", "STATUS", "x"}, "ERR wrong number of arguments for 'snapshot|status' command"},
      {{"SNAPSHOT", "FORECAST", "x"}, "ERR wrong number of arguments for 'snapshot|forecast' command"},
      {{"SNAPSHOT", "HISTORY", "x"}, "ERR count should be greater than or equal to -1"},
      {{"SNAPSHOT", "HISTORY", "-2"}, "ERR count should be greater than or equal to -1"},
      {{"SNAPSHOT", "HISTORY", "1", "2"},
       "ERR unknown subcommand or wrong number of arguments for 'HISTORY'. Try SNAPSHOT HELP."},
      {{"SNAPSHOT", "CAUSES", "7"}, "ERR no save with id 7 is known"},
      {{"SNAPSHOT", "TIMELINE", "0"}, "ERR no save with id 0 is known"},
      {{"SNAPSHOT", "TIMELINE", "-1"}, "ERR no save with id -1 is known"},
      {{"SNAPSHOT", "CAUSES", "one"}, "ERR value is not an integer or out of range"},
      {{"SNAPSHOT", "CAUSES", "1", "2"},
       "ERR unknown subcommand or wrong number of arguments for 'CAUSES'. Try SNAPSHOT HELP."},
  };
  for (const auto& [command, error] : cases) EXPECT_EQ(client.command(command), Reply::error(error));
}

TEST(SnapshotCommand, IsDescribed) {
  const ServerProcess server;
  Connection client = server.connection3();
  EXPECT_THAT(client("SNAPSHOT", "HELP").strings(), Contains("HISTORY [<count>]"));
  const Reply docs = client("COMMAND", "DOCS", "snapshot");
  const Reply* subcommands = docs.elements.at(1).find("subcommands");
  ASSERT_NE(subcommands, nullptr);
  EXPECT_EQ(subcommands->elements.size(), 2 * 6u);
  const Reply info = client("COMMAND", "INFO", "snapshot|status").elements.at(0);
  EXPECT_THAT(info.elements.at(2).strings(), Contains("loading"));
  const auto categories = info.elements.at(6).strings();
  EXPECT_THAT(categories, Contains("@dangerous"));
  EXPECT_THAT(categories, ::testing::Not(Contains("@admin")));
}

TEST(SnapshotCommand, AnswersWhileLoading) {
  ServerOptions options{.directives = {"--key-load-delay", "1000", "--loading-process-events-interval-bytes", "4096"},
                        .wait = ServerOptions::Wait::kAnswering};
  {
    const ServerProcess writer;
    populate(writer, 20000, 20);
    ASSERT_EQ(background_save(writer), "ok");
    options.snapshot = read_file(writer.snapshot_path());
  }
  const ServerProcess server(options);
  Client client = server.client();
  ASSERT_EQ(client("GET", "key:1"), Reply::error("LOADING Redis is loading the dataset in memory"));
  EXPECT_EQ(text(client("SNAPSHOT", "STATUS"), "state"), "none");
  EXPECT_FALSE(client("SNAPSHOT", "FORECAST").is_error());
}

}  // namespace
}  // namespace cowslip::testing
