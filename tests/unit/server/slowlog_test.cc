// What the slow log keeps, and what it hides.
#include "server/slowlog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

using testing::ElementsAre;
using Arguments = std::vector<std::string_view>;

class SlowlogTest : public testing::Test {
 protected:
  std::vector<std::string> kept(const Arguments& arguments) {
    log_.add(arguments, 20000, 1700000000, "127.0.0.1:5", "me");
    return log_.entries().front().arguments;
  }

  ServerConfig config_;
  Slowlog log_{config_};
};

TEST_F(SlowlogTest, ThresholdAndSwitch) {
  EXPECT_TRUE(log_.wants(10000));
  EXPECT_FALSE(log_.wants(9999));
  config_.slowlog_log_slower_than_us = 0;
  EXPECT_TRUE(log_.wants(0));
  config_.slowlog_log_slower_than_us = -1;
  EXPECT_FALSE(log_.wants(1'000'000));
  config_.slowlog_log_slower_than_us = 0;
  config_.slowlog_max_len = 0;
  EXPECT_FALSE(log_.wants(1'000'000));
}

TEST_F(SlowlogTest, NewestFirstAndNoMoreThanAllowed) {
  config_.slowlog_max_len = 2;
  for (const std::string_view name : {"a", "b", "c"}) kept({name});
  ASSERT_EQ(log_.entries().size(), 2);
  EXPECT_EQ(log_.entries()[0].id, 2);
  EXPECT_THAT(log_.entries()[1].arguments, ElementsAre("b"));
  EXPECT_EQ(log_.entries()[0].client_address, "127.0.0.1:5");
  config_.slowlog_max_len = 1;
  log_.trim();
  EXPECT_EQ(log_.entries().size(), 1);
  log_.reset();
  kept({"d"});
  EXPECT_EQ(log_.entries()[0].id, 3);  // ids go on
}

TEST_F(SlowlogTest, LongArgumentsAreTrimmed) {
  const std::string exact(128, 'x');
  const std::string longer(200, 'x');
  EXPECT_THAT(kept({"set", exact, longer}), ElementsAre("set", exact, exact + "... (72 more bytes)"));
}

TEST_F(SlowlogTest, ManyArgumentsAreTrimmed) {
  const Arguments fits(32, "x");
  EXPECT_EQ(kept(fits).size(), 32);
  EXPECT_EQ(kept(fits).back(), "x");
  const Arguments more(41, "x");
  EXPECT_EQ(kept(more).size(), 32);
  EXPECT_EQ(kept(more).back(), "... (10 more arguments)");
}

TEST_F(SlowlogTest, SecretsAreHidden) {
  EXPECT_THAT(kept({"AUTH", "pw"}), ElementsAre("AUTH", "(redacted)"));
  EXPECT_THAT(kept({"config", "set", "requirepass", "pw", "timeout", "5"}),
              ElementsAre("config", "set", "requirepass", "(redacted)", "timeout", "5"));
  EXPECT_THAT(kept({"hello", "3", "auth", "default", "pw", "setname", "x"}),
              ElementsAre("hello", "3", "auth", "(redacted)", "(redacted)", "setname", "x"));
  EXPECT_THAT(kept({"config", "get", "requirepass", "x"}), ElementsAre("config", "get", "requirepass", "x"));
  EXPECT_THAT(kept({"set", "auth", "x"}), ElementsAre("set", "auth", "x"));
}

}  // namespace
}  // namespace cowslip::server
