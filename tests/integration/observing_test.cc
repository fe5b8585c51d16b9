// What a person sees from outside: MONITOR, SLOWLOG, LATENCY, INFO.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

TEST(Monitor, ShowsWhatOthersDo) {
  const ServerProcess server;
  Connection monitor = server.connection();
  ASSERT_TRUE(monitor("MONITOR").is_ok());
  Client client = server.client();
  client("SELECT", "2");
  client("SET", "a b", std::string("\"\x01\r\n", 4));
  client("GET", "a b");
  monitor.read();
  const std::string set = monitor.read().text;
  EXPECT_NE(set.find(" [2 127.0.0.1:"), std::string::npos) << set;
  EXPECT_TRUE(set.ends_with("] \"SET\" \"a b\" \"\\\"\\x01\\r\\n\"")) << set;
  EXPECT_TRUE(monitor.read().text.ends_with("] \"GET\" \"a b\""));
}

TEST(Monitor, HidesPasswordsAndAdministration) {
  const ServerProcess server({.directives = {"--requirepass", "sesame"}});
  Connection monitor = server.connection();
  monitor("AUTH", "sesame");
  ASSERT_TRUE(monitor("MONITOR").is_ok());
  Client client = server.client();
  client("AUTH", "sesame");
  client("CONFIG", "SET", "requirepass", "sesame");
  client("PING");
  std::string seen;
  do seen = monitor.read().text;
  while (seen.find("sesame") == std::string::npos && !seen.ends_with("\"PING\""));
  EXPECT_EQ(seen.find("sesame"), std::string::npos) << seen;
}

TEST(Monitor, ResetEndsIt) {
  const ServerProcess server;
  Connection monitor = server.connection();
  ASSERT_TRUE(monitor("MONITOR").is_ok());
  EXPECT_EQ(monitor("RESET"), Reply::simple("RESET"));
  server.client()("PING");
  EXPECT_TRUE(monitor.silent_for(std::chrono::milliseconds(100)));
}

TEST(Slowlog, RemembersAndTrims) {
  const ServerProcess server({.directives = {"--slowlog-log-slower-than", "0", "--slowlog-max-len", "4"}});
  Client client = server.client();
  client("CLIENT", "SETNAME", "slow-one");
  Arguments many = {"MGET"};
  for (int i = 0; i < 50; ++i) many.push_back(std::to_string(i));
  client.command(many);
  client("SET", "k", std::string(500, 'x'));
  const Reply log = client("SLOWLOG", "GET");
  ASSERT_GE(log.elements.size(), 2u);
  const Reply& set = log.elements[0];
  ASSERT_EQ(set.elements.size(), 6u);
  EXPECT_EQ(set.elements[0].integer, log.elements[1].elements[0].integer + 1);
  EXPECT_EQ(set.elements[3].strings(),
            (std::vector<std::string>{"SET", "k", std::string(128, 'x') + "... (372 more bytes)"}));
  EXPECT_TRUE(set.elements[4].text.starts_with("127.0.0.1:"));
  EXPECT_EQ(set.elements[5].text, "slow-one");
  const auto mget = log.elements[1].elements[3].strings();
  ASSERT_EQ(mget.size(), 32u);
  EXPECT_EQ(mget.back(), "... (20 more arguments)");
  for (int i = 0; i < 10; ++i) client("PING");
  EXPECT_EQ(client("SLOWLOG", "LEN").integer, 4);
  EXPECT_TRUE(client("SLOWLOG", "RESET").is_ok());
  EXPECT_LE(client("SLOWLOG", "LEN").integer, 1);
}

TEST(Latency, SpikesAreRecorded) {
  const ServerProcess server({.directives = {"--latency-monitor-threshold", "20"}});
  Client client = server.client();
  ASSERT_TRUE(client("DEBUG", "SLEEP", "0.05").is_ok());
  const Reply latest = client("LATENCY", "LATEST");
  ASSERT_FALSE(latest.elements.empty());
  EXPECT_EQ(latest.elements[0].elements.at(0).text, "command");
  EXPECT_GE(latest.elements[0].elements.at(2).integer, 50);
  EXPECT_GE(client("LATENCY", "HISTORY", "command").elements.at(0).elements.at(1).integer, 50);
  EXPECT_NE(client("LATENCY", "GRAPH", "command").text.find("command - high"), std::string::npos);
  EXPECT_EQ(client("LATENCY", "RESET", "command").integer, 1);
  EXPECT_TRUE(client("LATENCY", "HISTORY", "command").elements.empty());
}

TEST(Latency, ForkIsAnEvent) {
  const ServerProcess server({.directives = {"--latency-monitor-threshold", "1"}});
  populate(server, 1000, 1000);
  ASSERT_TRUE(server.client()("DEBUG", "SLEEP", "0.005").is_ok());
  EXPECT_EQ(background_save(server), "ok");
  EXPECT_FALSE(server.client()("LATENCY", "DOCTOR").text.empty());
}

TEST(Latency, HistogramCounts) {
  const ServerProcess server;
  Connection connection = server.connection3();
  for (int i = 0; i < 10; ++i) connection("SET", "k", "v");
  const Reply histogram = connection("LATENCY", "HISTOGRAM", "set");
  const Reply* set = histogram.find("set");
  ASSERT_NE(set, nullptr) << histogram;
  EXPECT_EQ(set->find("calls")->integer, 10);
  EXPECT_FALSE(set->find("histogram_usec")->elements.empty());
}

// Section -> fields, and the order of the sections.
struct ParsedInfo {
  std::vector<std::string> sections;
  std::map<std::string, std::vector<std::string>> fields;
};

ParsedInfo parse_info(const std::string& text) {
  ParsedInfo parsed;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# "))
      parsed.sections.push_back(line.substr(2, line.size() - 3));
    else if (const size_t colon = line.find(':'); colon != std::string::npos)
      parsed.fields[parsed.sections.back()].push_back(line.substr(0, colon));
  }
  return parsed;
}

// Statistics of single commands, and a database's keys: their names depend on what was done.
bool depends_on_history(const std::string& section) {
  return section == "Commandstats" || section == "Errorstats" || section == "Latencystats" || section == "Keyspace";
}

TEST(Info, EveryFieldOfRedisIsThereInItsSection) {
  const ServerProcess server;
  const ServerProcess redis({.binary = kRedisBinary});
  const ParsedInfo ours = parse_info(server.info());
  const ParsedInfo theirs = parse_info(redis.info());
  for (const auto& [section, fields] : theirs.fields) {
    if (depends_on_history(section)) continue;
    const auto found = ours.fields.find(section);
    ASSERT_NE(found, ours.fields.end()) << section;
    const std::set<std::string> known(found->second.begin(), found->second.end());
    for (const auto& field : fields) EXPECT_TRUE(known.contains(field)) << section << ": " << field;
  }
}

// redis-cli looks for a field with a plain search for its name: ours must neither hold one of Redis's names nor come
// before it. (Nobody looks for the few names of three letters and less, such as "os" and "hz", in that way.)
TEST(Info, OurOwnFieldsCannotBeTakenForRedisFields) {
  const ServerProcess server;
  const ServerProcess redis({.binary = kRedisBinary});
  const ParsedInfo ours = parse_info(server.info());
  const ParsedInfo theirs = parse_info(redis.info());
  const std::set<std::string> redis_sections(theirs.sections.begin(), theirs.sections.end());
  size_t last_redis_section = 0;
  size_t first_own_section = ours.sections.size();
  for (size_t i = 0; i < ours.sections.size(); ++i) {
    if (redis_sections.contains(ours.sections[i]))
      last_redis_section = i;
    else
      first_own_section = std::min(first_own_section, i);
  }
  EXPECT_GT(first_own_section, last_redis_section);
  ASSERT_LT(first_own_section, ours.sections.size());
  for (size_t i = first_own_section; i < ours.sections.size(); ++i) {
    for (const auto& own : ours.fields.at(ours.sections[i])) {
      for (const auto& [section, fields] : theirs.fields) {
        for (const auto& field : fields) {
          if (field.size() <= 3 || section == "Keyspace") continue;
          EXPECT_EQ(own.find(field), std::string::npos) << own << field;
        }
      }
    }
  }
}

TEST(Info, SectionsCanBeChosen) {
  const ServerProcess server;
  Client client = server.client();
  EXPECT_EQ(parse_info(client("INFO", "server").text).sections, (std::vector<std::string>{"Server"}));
  EXPECT_EQ(parse_info(client("INFO", "CPU", "memory").text).sections.size(), 2u);
  EXPECT_EQ(client("INFO", "nosuch").text, "");
  EXPECT_TRUE(info_field(client("INFO", "server").text, "redis_version").starts_with("7.2."));
  EXPECT_FALSE(info_field(client("INFO", "server").text, "cowslip_version").empty() &&
               info_field(server.info(), "cowslip_version").empty());
  EXPECT_EQ(parse_info(client("INFO").text).fields.count("Commandstats"), 0u);
  EXPECT_EQ(parse_info(client("INFO", "all").text).fields.count("Commandstats"), 1u);
}

TEST(Info, NumbersFollowWhatHappens) {
  const ServerProcess server;
  Client client = server.client();
  client("SET", "k", "v");
  client("GET", "k");
  client("GET", "missing");
  client("INCR", "k");
  client("SELECT", "5");
  client("SET", "m", "v", "EX", "1000");
  const std::string info = client("INFO", "everything").text;
  EXPECT_EQ(info_number(info, "keyspace_hits"), 1);
  EXPECT_EQ(info_number(info, "keyspace_misses"), 1);
  EXPECT_TRUE(info_field(info, "db0").starts_with("keys=1,expires=0"));
  EXPECT_TRUE(info_field(info, "db5").starts_with("keys=1,expires=1,avg_ttl="));
  EXPECT_TRUE(info_field(info, "cmdstat_get").starts_with("calls=2,usec="));
  EXPECT_TRUE(info_field(info, "cmdstat_incr").ends_with("rejected_calls=0,failed_calls=1"));
  EXPECT_EQ(info_field(info, "errorstat_ERR"), "count=1");
  EXPECT_EQ(info_number(info, "process_id"), server.pid());
  EXPECT_EQ(info_number(info, "tcp_port"), server.endpoint().port);
  EXPECT_EQ(info_field(info, "role"), "master");
  EXPECT_GT(info_number(info, "used_memory"), 0);
}

TEST(Info, UsedMemoryFollowsTheData) {
  const ServerProcess server;
  const int64_t before = info_number(server.info("memory"), "used_memory");
  populate(server, 1000, 10'000);
  const int64_t grown = info_number(server.info("memory"), "used_memory") - before;
  EXPECT_GT(grown, 10'000'000);
  EXPECT_LT(grown, 20'000'000);
  server.client()("FLUSHALL");
  EXPECT_LT(info_number(server.info("memory"), "used_memory") - before, 2'000'000);
  EXPECT_GT(info_number(server.info("memory"), "used_memory_peak") - before, 10'000'000);
}

}  // namespace
}  // namespace cowslip::testing
