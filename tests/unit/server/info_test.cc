// INFO's shape: Redis's fields in Redis's order, and none of ours in the way of a substring search for one of them.
#include "server/info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "server/config_store.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::string_view kRedisFields[] = {
#include "tests/unit/server/redis_7_0_15_info_fields.inc"
};
// Of Redis 7.2, which no list of 7.0 has.
constexpr std::string_view kNewerFields[] = {"total_blocking_keys",
                                             "total_blocking_keys_on_nokey",
                                             "client_query_buffer_limit_disconnections",
                                             "eventloop_cycles",
                                             "eventloop_duration_sum",
                                             "client_output_buffer_limit_disconnections",
                                             "eventloop_duration_cmd_sum",
                                             "instantaneous_eventloop_cycles_per_sec",
                                             "instantaneous_eventloop_duration_usec",
                                             "acl_access_denied_auth",
                                             "acl_access_denied_cmd",
                                             "acl_access_denied_key",
                                             "acl_access_denied_channel",
                                             "listener0",
                                             "listener1"};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const size_t end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  return lines;
}

class InfoTest : public testing::Test {
 protected:
  InfoTest() { logger_.set_level(LogLevel::kNothing); }
  std::string info(std::vector<std::string_view> names) { return make_info(server_, names); }
  std::vector<std::string> sections(std::vector<std::string_view> names) {
    std::vector<std::string> found;
    for (const std::string& line : lines_of(info(std::move(names)))) {
      if (line.starts_with("# ")) found.push_back(line.substr(2));
    }
    return found;
  }
  std::vector<std::string> fields(std::vector<std::string_view> names) {
    std::vector<std::string> found;
    for (const std::string& line : lines_of(info(std::move(names)))) {
      if (line.contains(':')) found.push_back(line.substr(0, line.find(':')));
    }
    return found;
  }

  ConfigStore settings_;
  Logger logger_;
  ManualClock clock_;
  Server server_{settings_, {.executable = "/bin/cowslip-server"}, logger_, clock_};
};

TEST_F(InfoTest, SectionsByName) {
  EXPECT_THAT(sections({"CPU", "server"}), ElementsAre("Server", "CPU"));
  EXPECT_THAT(info({"nothing"}), "");
  EXPECT_THAT(info({"cluster"}), "# Cluster\r\ncluster_enabled:0\r\n");
  EXPECT_THAT(info({"modules", "cluster"}), "# Modules\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n");
}

TEST_F(InfoTest, DefaultLeavesTheLongSectionsOut) {
  EXPECT_THAT(sections({}),
              ElementsAre("Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules",
                          "Errorstats", "Cluster", "Keyspace", "Cowslip", "Snapshot", "Engine"));
  EXPECT_EQ(sections({"default"}), sections({}));
  EXPECT_EQ(sections({"all"}).size(), info_sections().size());
  EXPECT_EQ(sections({"Everything"}).size(), info_sections().size());
  EXPECT_EQ(sections({"default", "commandstats"}).size(), sections({}).size() + 1);
}

TEST_F(InfoTest, EveryFieldOfRedissPlainInfoIsThere) {
  const std::vector<std::string> ours = fields({"everything"});
  const std::set<std::string> names(ours.begin(), ours.end());
  EXPECT_EQ(names.size(), ours.size()) << "a field comes twice";
  // What redis-server prints only as a replica, with an append-only file, or while it loads or defragments.
  const auto conditional = [](std::string_view name) {
    return name.starts_with("aof_") || name.starts_with("loading_") || name.starts_with("slave") ||
           name.starts_with("replica_") || name.starts_with("master_") || name.starts_with("current_") ||
           name.starts_with("module_fork_");
  };
  for (const std::string_view field : kRedisFields) {
    EXPECT_TRUE(conditional(field) || names.contains(std::string(field))) << field;
  }
}

TEST_F(InfoTest, NoNameOfOursHoldsARedisFieldsName) {
  std::set<std::string_view> rediss(std::begin(kRedisFields), std::end(kRedisFields));
  rediss.insert(std::begin(kNewerFields), std::end(kNewerFields));
  for (const std::string& ours : fields({"everything"})) {
    if (rediss.contains(ours)) continue;
    for (const std::string_view field : rediss) EXPECT_THAT(ours, Not(HasSubstr(std::string(field))));
  }
}

TEST_F(InfoTest, OurSectionsComeLast) {
  const std::string text = info({"everything"});
  const size_t keyspace = text.find("# Keyspace");
  const size_t cowslip = text.find("# Cowslip\r\ncowslip_version:");
  EXPECT_LT(keyspace, cowslip);
  EXPECT_LT(cowslip, text.find("# Snapshot"));
  EXPECT_LT(text.find("# Snapshot"), text.find("# Engine"));
  EXPECT_EQ(text.find("# ", text.find("# Engine") + 1), std::string::npos);
}

TEST_F(InfoTest, EngineCountsKeysAndLargeValues) {
  server_.keyspace().database(3).set_string("a", "b");
  server_.keyspace().database(4).set_string("a", std::string(100'000, 'b'));
  const std::string text = info({"engine"});
  EXPECT_THAT(text, HasSubstr("engine_entries:2\r\n"));
  EXPECT_THAT(text, HasSubstr("engine_large_values:1\r\n"));
  EXPECT_THAT(text, HasSubstr("engine_huge_pages:o"));
}

TEST_F(InfoTest, Keyspace) {
  server_.keyspace().set_now_ms(1'000'000);
  server_.keyspace().database(3).set_string("a", "b", store::ExpiryChange::set(1'005'000));
  EXPECT_EQ(info({"keyspace"}), "# Keyspace\r\ndb3:keys=1,expires=1,avg_ttl=5000\r\n");
}

TEST_F(InfoTest, CommandsErrorsAndLatencies) {
  const commands::Command& get = *server_.table().find("get");
  get.statistics = {.calls = 3, .usec = 10, .rejected_calls = 1, .failed_calls = 2};
  server_.statistics().count_error("ERR");
  EXPECT_EQ(info({"commandstats"}),
            "# Commandstats\r\ncmdstat_get:calls=3,usec=10,usec_per_call=3.33,rejected_calls=1,failed_calls=2\r\n");
  EXPECT_EQ(info({"errorstats"}), "# Errorstats\r\nerrorstat_ERR:count=1\r\n");
  EXPECT_EQ(info({"latencystats"}), "# Latencystats\r\n");
}

}  // namespace
}  // namespace cowslip::server
