// SORT ... ALPHA in the order of a locale: that of the configuration, or of the environment, as redis-server has it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

using Texts = std::vector<std::string>;

// A locale made for the test, which the servers find through their environment. In it, case and accents come last.
class Locale : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = ::testing::TempDir() + "cowslip-locales-" + std::to_string(getpid());
    std::filesystem::create_directories(folder);
    const std::string made = folder + "/en_US.UTF-8";
    const std::string make = "localedef --no-archive --quiet -i en_US -f UTF-8 '" + made + "'";
    ASSERT_EQ(std::system(make.c_str()), 0) << "Debian's package \"locales\" has what this needs";
    ::setenv("LOCPATH", folder.c_str(), 1);
    folder_ = folder;
  }
  void TearDown() override {
    ::unsetenv("LOCPATH");
    ::unsetenv("LC_ALL");
    std::filesystem::remove_all(folder_);
  }

  static void fill(const ServerProcess& server) {
    server.client()("RPUSH", "words", "b", "Zoo", "\xc3\xa4h", "a", "B", "az");
    for (const char* word : {"b", "Zoo", "a", "B"}) server.client()("SET", std::string("by:") + word, word);
  }
  static Texts sorted(const ServerProcess& server) { return server.client()("SORT", "words", "ALPHA").strings(); }

  const Texts by_bytes_ = {"B", "Zoo", "a", "az", "b", "\xc3\xa4h"};
  const Texts by_locale_ = {"a", "\xc3\xa4h", "az", "b", "B", "Zoo"};

 private:
  std::string folder_;
};

TEST_F(Locale, TheEnvironmentsIsUsedAsByRedis) {
  ::setenv("LC_ALL", "en_US.UTF-8", 1);
  const ServerProcess cowslip, redis({.binary = kRedisBinary});
  for (const ServerProcess* server : {&cowslip, &redis}) {
    fill(*server);
    EXPECT_EQ(sorted(*server), by_locale_);
    EXPECT_EQ(server->client()("SORT", "words", "BY", "by:*", "ALPHA", "DESC", "LIMIT", "0", "3").strings(),
              (Texts{"Zoo", "B", "b"}));
    // What is stored is to be the same everywhere.
    server->client()("SORT", "words", "ALPHA", "STORE", "stored");
    EXPECT_EQ(server->client()("LRANGE", "stored", "0", "-1").strings(), by_bytes_);
  }
}

TEST_F(Locale, TheConfiguredOneComesFirst) {
  const ServerProcess server;
  fill(server);
  Client client = server.client();
  EXPECT_EQ(sorted(server), by_bytes_);
  EXPECT_TRUE(client("CONFIG", "SET", "locale-collate", "en_US.UTF-8").is_ok());
  EXPECT_EQ(sorted(server), by_locale_);
  EXPECT_EQ(client("CONFIG", "SET", "locale-collate", "xx_XX").text,
            "ERR CONFIG SET failed (possibly related to argument 'locale-collate') - Invalid locale name");
  EXPECT_EQ(sorted(server), by_locale_);
  EXPECT_TRUE(client("CONFIG", "SET", "locale-collate", "C").is_ok());
  EXPECT_EQ(sorted(server), by_bytes_);
}

TEST_F(Locale, AnUnknownOneOfTheEnvironmentIsNoReasonNotToStart) {
  ::setenv("LC_ALL", "xx_XX", 1);
  const ServerProcess server;
  fill(server);
  EXPECT_EQ(sorted(server), by_bytes_);
}

}  // namespace
}  // namespace cowslip::testing
