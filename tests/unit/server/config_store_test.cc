// Directives: what is taken, what is refused and in which words, and that a refusal changes nothing.
#include "server/config_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "server/config_directives.h"

namespace cowslip::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::UnorderedElementsAre;

class ConfigStoreTest : public testing::Test {
 protected:
  ConfigStoreTest() {
    std::string pattern = testing::TempDir() + "cowslip_config_XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  ~ConfigStoreTest() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  std::string load(const std::string& text) {
    const Status loaded = store_.load_text(text, "test");
    return loaded ? "" : loaded.error().message;
  }
  std::string start(std::vector<std::string> arguments) {
    const Status loaded = store_.load(arguments);
    return loaded ? "" : loaded.error().message;
  }
  std::string set(std::vector<ConfigStore::Setting> settings) {
    const Status done = store_.set(settings);
    return done ? "" : done.error().message;
  }
  std::string refusal(std::string_view name, std::string_view value) {
    const std::string message = set({{name, value}});
    const std::string start = "CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - ";
    EXPECT_THAT(message, testing::StartsWith(start));
    return message.substr(std::min(start.size(), message.size()));
  }
  std::string get(std::string_view name) { return store_.get(name); }

  ConfigStore store_;
  std::string folder_;
  const std::filesystem::path before_ = std::filesystem::current_path();
};

TEST_F(ConfigStoreTest, DefaultsAreRediss) {
  EXPECT_EQ(get("save"), "3600 1 300 100 60 10000");
  EXPECT_EQ(get("bind"), "* -::*");
  EXPECT_EQ(get("client-output-buffer-limit"), "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
  EXPECT_EQ(get("latency-tracking-info-percentiles"), "50 99 99.9");
  EXPECT_EQ(get("shutdown-on-sigterm"), "default");
  EXPECT_EQ(get("appendonly"), "no");
  EXPECT_EQ(get("unixsocketperm"), "0");
  EXPECT_EQ(get("oom-score-adj-values"), "0 200 800");
  EXPECT_EQ(get("dir"), std::filesystem::current_path());
}

TEST_F(ConfigStoreTest, EveryDirectiveTakesItsOwnText) {
  for (const Directive& directive : all_directives()) {
    ServerConfig config;
    const std::string text = directive_text(directive, config);
    for (const std::string& line : directive_lines(directive, config)) {
      ConfigStore other;
      EXPECT_TRUE(other.load_text(line, "test")) << line;
    }
    ConfigStore other;
    std::string all;
    for (const std::string& line : directive_lines(directive, config)) all += line + "\n";
    EXPECT_TRUE(other.load_text(all, "test"));
    EXPECT_EQ(other.get(directive.name), text) << directive.name;
  }
}

TEST_F(ConfigStoreTest, NamesAreUnique) {
  std::set<std::string_view> names;
  for (const Directive& directive : all_directives()) {
    EXPECT_TRUE(names.insert(directive.name).second) << directive.name;
    EXPECT_TRUE(directive.alias.empty() || names.insert(directive.alias).second) << directive.alias;
  }
}

TEST_F(ConfigStoreTest, FileWithComments) {
  EXPECT_EQ(load("# comment\n\n  PORT 7000  \nrequirepass \"a b\"\r\nhash-max-ziplist-entries 7\nmaxmemory 1gb"), "");
  EXPECT_EQ(store_.values().port, 7000);
  EXPECT_EQ(store_.values().requirepass, "a b");
  EXPECT_EQ(store_.values().encoding.hash_max_listpack_entries, 7);
  EXPECT_EQ(store_.values().maxmemory, 1ull << 30);
}

TEST_F(ConfigStoreTest, SavePointsReplaceTheDefaultsThenAddUp) {
  EXPECT_EQ(load("save 900 1\nsave 5 6"), "");
  EXPECT_EQ(get("save"), "900 1 5 6");
  EXPECT_EQ(load("save \"\""), "");
  EXPECT_EQ(get("save"), "");
  EXPECT_EQ(load("save 3 4"), "");
  EXPECT_EQ(get("save"), "3 4");
}

TEST_F(ConfigStoreTest, ErrorsNameTheLine) {
  EXPECT_EQ(load("port 1\nfoo bar"),
            "\n*** FATAL CONFIG FILE ERROR (Cowslip " COWSLIP_VERSION
            ") ***\nReading the configuration file, at line 2\n>>> 'foo bar'\nBad directive or wrong number of "
            "arguments\n");
  EXPECT_THAT(load("\nport"), HasSubstr("at line 2\n>>> 'port'\nwrong number of arguments"));
  EXPECT_THAT(load("port 1 2"), HasSubstr("wrong number of arguments"));
  EXPECT_THAT(load("port \"1"), HasSubstr("Unbalanced quotes in configuration line"));
  EXPECT_THAT(load("save 1 x"), HasSubstr("Invalid save parameters"));
  EXPECT_THAT(load("dir /nonexistent"), HasSubstr("No such file or directory"));
  EXPECT_THAT(load("databases 0"), HasSubstr("argument must be between 1 and 2147483647 inclusive"));
}

TEST_F(ConfigStoreTest, WhatThisVersionLacksIsRefusedInSoManyWords) {
  EXPECT_EQ(load("appendonly no\nreplicaof no one\ncluster-enabled no\nnotify-keyspace-events \"\""), "");
  EXPECT_THAT(load("appendonly yes"), HasSubstr("appendonly is not supported in this version"));
  EXPECT_THAT(load("slaveof host 6379"), HasSubstr("replicaof is not supported in this version"));
  EXPECT_THAT(load("loadmodule /x.so"), HasSubstr("loadmodule is not supported in this version"));
  EXPECT_EQ(load("slave-priority 5"), "");
  EXPECT_EQ(get("replica-priority"), "5");
}

TEST_F(ConfigStoreTest, IncludesFollowPatternsAndNameTheirFile) {
  write("a.conf", "port 1\n");
  write("b.conf", "port 2\ntimeout 3\n");
  const std::string main = write("main.conf", "include " + folder_ + "/[ab].conf\ninclude " + folder_ + "/no*.conf\n");
  EXPECT_EQ(start({main, "--timeout", "4"}), "");
  EXPECT_EQ(get("port"), "2");
  EXPECT_EQ(get("timeout"), "4");
  EXPECT_EQ(store_.file(), main);
  const std::string bad = write("bad.conf", "\nport x\n");
  EXPECT_THAT(load("include " + bad), HasSubstr("at line 2 of " + bad));
  EXPECT_THAT(load("include /nonexistent.conf"), HasSubstr("can't open config file '/nonexistent.conf'"));
  const std::string loop = write("loop.conf", "include " + folder_ + "/loop.conf\n");
  EXPECT_THAT(load("include " + loop), HasSubstr("include each other"));
}

TEST_F(ConfigStoreTest, CommandLineErrorsQuoteTheOption) {
  EXPECT_THAT(start({"--port", "abc"}),
              HasSubstr("Reading the command line\n>>> 'port \"abc\"'\nargument couldn't be parsed into an integer"));
  EXPECT_THAT(start({"-x"}), HasSubstr("Bad directive"));
}

TEST_F(ConfigStoreTest, StartChangesToTheFolder) {
  EXPECT_EQ(start({"--dir", folder_}), "");
  EXPECT_EQ(std::filesystem::current_path(), std::filesystem::canonical(folder_));
  EXPECT_EQ(store_.values().dir, std::filesystem::canonical(folder_));
}

TEST_F(ConfigStoreTest, SetRefusesInRediss) {
  EXPECT_EQ(refusal("maxmemory", "abc"), "argument must be a memory value");
  EXPECT_EQ(refusal("port", "99999"), "argument must be between 0 and 65535 inclusive");
  EXPECT_EQ(refusal("port", "abc"), "argument couldn't be parsed into an integer");
  EXPECT_EQ(refusal("rdbcompression", "maybe"), "argument must be 'yes' or 'no'");
  EXPECT_EQ(refusal("databases", "5"), "can't set immutable config");
  EXPECT_EQ(refusal("dir", "/tmp"), "can't set protected config");
  EXPECT_EQ(refusal("save", "0 1"), "Invalid save parameters");
  EXPECT_EQ(refusal("save", "900  1"), "Invalid save parameters");
  EXPECT_EQ(refusal("oom-score-adj", "x"), "argument(s) must be one of the following: no, yes, relative, absolute");
  EXPECT_EQ(refusal("maxmemory-clients", "110%"), "percentage argument must be less or equal to 100");
  EXPECT_EQ(refusal("maxmemory-clients", "5%"),
            "maxmemory-clients is not supported in this version, it can only be '0'");
  EXPECT_EQ(refusal("maxmemory-clients", "x"), "argument must be a memory or percent value");
  EXPECT_EQ(refusal("proc-title-template", "{foo}"), "template format is invalid or contains unknown variables");
  EXPECT_EQ(refusal("shutdown-on-sigint", "save nosave"),
            "shutdown options SAVE and NOSAVE can't be used simultaneously");
  EXPECT_EQ(refusal("client-output-buffer-limit", "foo 1 2 3"),
            "Invalid client class specified in buffer limit configuration.");
  EXPECT_EQ(refusal("maxmemory-policy", "foo"),
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, volatile-ttl, "
            "allkeys-lru, allkeys-lfu, allkeys-random, noeviction");
  EXPECT_EQ(set({{"foo", "bar"}}), "Unknown option or number of arguments for CONFIG SET - 'foo'");
}

TEST_F(ConfigStoreTest, SetIsAllOrNothing) {
  EXPECT_THAT(set({{"timeout", "5"}, {"maxmemory", "abc"}}), HasSubstr("'maxmemory'"));
  EXPECT_EQ(get("timeout"), "0");
  EXPECT_THAT(set({{"maxmemory", "1"}, {"MAXMEMORY", "2"}}), HasSubstr("'MAXMEMORY') - duplicate parameter"));
  EXPECT_EQ(get("maxmemory"), "0");
  EXPECT_EQ(set({{"timeout", "5"}, {"maxmemory", "2mb"}}), "");
  EXPECT_EQ(get("timeout"), "5");
  EXPECT_EQ(get("maxmemory"), "2097152");
}

TEST_F(ConfigStoreTest, AHookThatFailsTakesEverythingBack) {
  std::vector<int64_t> timeouts;
  store_.on_change("timeout", [&](const ServerConfig& config) {
    timeouts.push_back(config.timeout_seconds);
    return Status();
  });
  store_.on_change("bind", [&](const ServerConfig& config) -> Status {
    if (config.bind.size() == 1) return fail(ErrorCode::kIo, "Failed to bind to specified addresses.");
    return {};
  });
  EXPECT_EQ(set({{"timeout", "5"}, {"bind", "1.2.3.4"}, {"hz", "20"}}),
            "CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.");
  EXPECT_THAT(timeouts, ElementsAre(5, 0));
  EXPECT_EQ(get("bind"), "* -::*");
  EXPECT_EQ(get("hz"), "10");
}

TEST_F(ConfigStoreTest, SetReplacesSavePoints) {
  EXPECT_EQ(set({{"save", "900 1 300 10"}}), "");
  EXPECT_EQ(get("save"), "900 1 300 10");
  EXPECT_EQ(set({{"save", "60 5"}}), "");
  EXPECT_EQ(get("save"), "60 5");
  EXPECT_EQ(set({{"save", ""}}), "");
  EXPECT_EQ(get("save"), "");
}

TEST_F(ConfigStoreTest, HzIsMovedIntoReach) {
  EXPECT_EQ(set({{"hz", "100000"}}), "");
  EXPECT_EQ(get("hz"), "500");
  EXPECT_EQ(set({{"hz", "0"}}), "");
  EXPECT_EQ(get("hz"), "1");
}

TEST_F(ConfigStoreTest, ProtectedDirectivesWhenAllowed) {
  EXPECT_EQ(load("enable-protected-configs local"), "");
  const std::vector<ConfigStore::Setting> settings = {{"dbfilename", "x.rdb"}};
  EXPECT_FALSE(store_.set(settings, false));
  EXPECT_TRUE(store_.set(settings, true));
  EXPECT_EQ(refusal("dbfilename", "a/b"), "dbfilename can't be a path, just a filename");
  EXPECT_EQ(refusal("dir", "/nonexistent"), "No such file or directory");
  EXPECT_EQ(set({{"dir", folder_}}), "");
  EXPECT_EQ(std::filesystem::current_path(), std::filesystem::canonical(folder_));
}

TEST_F(ConfigStoreTest, GetMatchesPatternsAndOldNames) {
  const std::string_view both[] = {"hash-max-*-entries", "TIMEOUT", "timeout", "no-such"};
  EXPECT_THAT(store_.get(both),
              UnorderedElementsAre(Pair("hash-max-listpack-entries", "512"), Pair("hash-max-ziplist-entries", "512"),
                                   Pair("TIMEOUT", "0"), Pair("timeout", "0")));
  const std::string_view upper[] = {"LFU-*"};
  EXPECT_EQ(store_.get(upper).size(), 2);
}

}  // namespace
}  // namespace cowslip::server
