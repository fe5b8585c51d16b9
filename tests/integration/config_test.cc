// Configuration: files, command line, CONFIG GET, SET and REWRITE, and what becomes of mistakes.
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

std::string setting(Client& client, const std::string& name) {
  const Reply reply = client("CONFIG", "GET", name);
  return reply.elements.size() == 2 ? reply.elements[1].text : "(" + describe(reply) + ")";
}

TEST(Config, GetTakesPatterns) {
  const ServerProcess server;
  Client client = server.client();
  const Reply reply = client("CONFIG", "GET", "rdb*", "maxmemory");
  EXPECT_NE(reply.find("rdbcompression"), nullptr);
  EXPECT_NE(reply.find("rdbchecksum"), nullptr);
  EXPECT_NE(reply.find("maxmemory"), nullptr);
  EXPECT_EQ(reply.find("port"), nullptr);
  EXPECT_TRUE(client("CONFIG", "GET", "nosuch").elements.empty());
  EXPECT_GT(client("CONFIG", "GET", "*").elements.size(), 100u);
}

// Every directive of redis-server is there, or its absence is stated here.
TEST(Config, DirectivesOfWhatIsBuiltAreKnown) {
  const ServerProcess server;
  Client client = server.client();
  for (const char* name : {"bind",
                           "port",
                           "unixsocket",
                           "unixsocketperm",
                           "timeout",
                           "tcp-keepalive",
                           "tcp-backlog",
                           "loglevel",
                           "logfile",
                           "databases",
                           "save",
                           "stop-writes-on-bgsave-error",
                           "rdbcompression",
                           "rdbchecksum",
                           "dbfilename",
                           "dir",
                           "rdb-save-incremental-fsync",
                           "rdb-key-save-delay",
                           "key-load-delay",
                           "requirepass",
                           "maxclients",
                           "maxmemory",
                           "maxmemory-policy",
                           "hz",
                           "client-output-buffer-limit",
                           "client-query-buffer-limit",
                           "proto-max-bulk-len",
                           "slowlog-log-slower-than",
                           "slowlog-max-len",
                           "latency-monitor-threshold",
                           "protected-mode",
                           "daemonize",
                           "pidfile",
                           "always-show-logo",
                           "lazyfree-lazy-user-del",
                           "lfu-log-factor",
                           "lfu-decay-time",
                           "appendonly",
                           "enable-debug-command",
                           "shutdown-on-sigterm",
                           "shutdown-on-sigint",
                           "shutdown-timeout",
                           "oom-score-adj"}) {
    EXPECT_EQ(client("CONFIG", "GET", name).elements.size(), 2u) << name;
  }
}

TEST(Config, SetIsAllOrNothing) {
  const ServerProcess server;
  Client client = server.client();
  EXPECT_TRUE(client("CONFIG", "SET", "timeout", "77", "hz", "20").is_ok());
  EXPECT_EQ(setting(client, "timeout"), "77");
  EXPECT_EQ(setting(client, "hz"), "20");
  EXPECT_TRUE(client("CONFIG", "SET", "timeout", "88", "hz", "abc").is_error());
  EXPECT_TRUE(client("CONFIG", "SET", "timeout", "88", "nosuch", "1").is_error());
  EXPECT_TRUE(client("CONFIG", "SET", "timeout", "88", "dir", "/no/such/folder").is_error());
  EXPECT_EQ(setting(client, "timeout"), "77");
}

TEST(Config, MemoryUnitsAndSavePoints) {
  const ServerProcess server;
  Client client = server.client();
  EXPECT_TRUE(client("CONFIG", "SET", "maxmemory", "1gb").is_ok());
  EXPECT_EQ(setting(client, "maxmemory"), "1073741824");
  EXPECT_TRUE(client("CONFIG", "SET", "save", "900 1 300 10").is_ok());
  EXPECT_EQ(setting(client, "save"), "900 1 300 10");
  EXPECT_TRUE(client("CONFIG", "SET", "save", "900").is_error());
  EXPECT_TRUE(client("CONFIG", "SET", "save", "").is_ok());
  EXPECT_EQ(setting(client, "save"), "");
}

TEST(Config, RewriteSurvivesARestart) {
  ServerProcess server({.config_text = "# a remark to keep\ntimeout 10\n\n# another\nhz 15\nsave 3600 1\n"});
  Client client = server.client();
  EXPECT_EQ(setting(client, "timeout"), "10");
  EXPECT_TRUE(client("CONFIG", "SET", "timeout", "25", "maxmemory", "64mb", "save", "60 1000 10 5").is_ok());
  EXPECT_TRUE(client("CONFIG", "SET", "requirepass", "two words").is_ok());
  EXPECT_TRUE(client("CONFIG", "REWRITE").is_ok());
  EXPECT_EQ(server.terminate(), 0);
  const std::string text = read_file(server.file("cowslip.conf"));
  EXPECT_NE(text.find("# a remark to keep"), std::string::npos);
  EXPECT_NE(text.find("# another"), std::string::npos);
  server.start_again();
  Client again = server.client();
  ASSERT_TRUE(again("AUTH", "two words").is_ok());
  EXPECT_EQ(setting(again, "timeout"), "25");
  EXPECT_EQ(setting(again, "maxmemory"), "67108864");
  EXPECT_EQ(setting(again, "save"), "60 1000 10 5");
  EXPECT_EQ(setting(again, "hz"), "15");
}

TEST(Config, CommandLineWinsOverTheFile) {
  const ServerProcess server({.directives = {"--timeout", "30"}, .config_text = "timeout 10\nhz 15\n"});
  Client client = server.client();
  EXPECT_EQ(setting(client, "timeout"), "30");
  EXPECT_EQ(setting(client, "hz"), "15");
}

TEST(Config, IncludedFilesAreRead) {
  const TempDir directory;
  write_file(directory.file("more.conf"), "timeout 41\n");
  const ServerProcess server({.config_text = "hz 15\ninclude " + directory.file("more.conf") + "\n"});
  Client client = server.client();
  EXPECT_EQ(setting(client, "timeout"), "41");
}

struct Mistake {
  std::string config_text;
  std::vector<std::string> directives;
  std::vector<std::string> told;
};

TEST(Config, MistakesEndTheStartAndNameTheLine) {
  const std::vector<Mistake> mistakes = {
      {"hz 10\nnosuch 1\n", {}, {"FATAL CONFIG FILE ERROR", "at line 2", "nosuch 1"}},
      {"timeout abc\n", {}, {"FATAL CONFIG FILE ERROR", "at line 1", "timeout abc"}},
      {"maxclients\n", {}, {"FATAL CONFIG FILE ERROR", "at line 1"}},
      {"# fine\n\nhz \"10\n", {}, {"FATAL CONFIG FILE ERROR", "at line 3"}},
      {"", {"--nosuch", "1"}, {"FATAL CONFIG FILE ERROR", "nosuch"}},
      {"include /no/such/file.conf\n", {}, {"/no/such/file.conf"}},
  };
  for (const auto& mistake : mistakes) {
    ServerProcess server(
        {.directives = mistake.directives, .config_text = mistake.config_text, .wait = ServerOptions::Wait::kNothing});
    EXPECT_EQ(server.wait_exit(), 1) << mistake.config_text;
    for (const auto& text : mistake.told) EXPECT_NE(server.log().find(text), std::string::npos) << server.log();
  }
}

TEST(Config, RewriteWithoutAFileIsRefused) {
  const ServerProcess server;
  EXPECT_EQ(server.client()("CONFIG", "REWRITE"), Reply::error("ERR The server is running without a config file"));
}

TEST(Config, ResetStatForgets) {
  const ServerProcess server;
  Client client = server.client();
  client("GET", "missing");
  client("NOSUCH");
  EXPECT_EQ(info_number(client("INFO", "stats").text, "keyspace_misses"), 1);
  EXPECT_TRUE(client("CONFIG", "RESETSTAT").is_ok());
  const std::string info = client("INFO", "everything").text;
  EXPECT_EQ(info_number(info, "keyspace_misses"), 0);
  EXPECT_EQ(info_number(info, "total_error_replies"), 0);
  EXPECT_TRUE(info_field(info, "cmdstat_get").empty());
}

TEST(Config, DebugIsForbiddenByDefault) {
  const ServerProcess server({.directives = {"--enable-debug-command", "no"}});
  Client client = server.client();
  EXPECT_TRUE(client("DEBUG", "SLEEP", "0").text.starts_with("ERR DEBUG command not allowed."));
  EXPECT_TRUE(client("CONFIG", "SET", "enable-debug-command", "yes").is_error());
}

}  // namespace
}  // namespace cowslip::testing
