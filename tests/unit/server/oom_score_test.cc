#include "server/oom_score.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace cowslip::server {
namespace {

class OomScoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(::mkdtemp(folder_), nullptr);
    path_ = std::string(folder_) + "/oom_score_adj";
    write("100\n");
  }
  void TearDown() override {
    ::remove(path_.c_str());
    ::rmdir(folder_);
  }
  void write(const std::string& text) { std::ofstream(path_) << text; }
  std::string read() {
    std::string text;
    std::ifstream(path_) >> text;
    return text.substr(0, 4);
  }

  char folder_[32] = "/tmp/cowslip-oom-XXXXXX";
  std::string path_;
};

TEST_F(OomScoreTest, NoTouchesNothing) {
  OomScore score(path_);
  write("7");
  ASSERT_TRUE(score.apply(OomScoreMode::kNo, 500).has_value());
  EXPECT_EQ(read(), "7");
}

TEST_F(OomScoreTest, RelativeCountsFromTheStart) {
  OomScore score(path_);
  write("");
  ASSERT_TRUE(score.apply(OomScoreMode::kRelative, 250).has_value());
  EXPECT_EQ(read(), "350");
  ASSERT_TRUE(score.apply(OomScoreMode::kRelative, 2000).has_value());
  EXPECT_EQ(read(), "1000");
}

TEST_F(OomScoreTest, AbsoluteIsWhatItSays) {
  OomScore score(path_);
  write("");
  ASSERT_TRUE(score.apply(OomScoreMode::kAbsolute, 999).has_value());
  EXPECT_EQ(read(), "999");
}

TEST_F(OomScoreTest, NoGoesBackToTheStart) {
  OomScore score(path_);
  ASSERT_TRUE(score.apply(OomScoreMode::kAbsolute, 999).has_value());
  ASSERT_TRUE(score.apply(OomScoreMode::kNo, 999).has_value());
  EXPECT_EQ(read(), "100");
}

TEST_F(OomScoreTest, AChildsCountsFromTheSameStart) {
  const OomScore score(path_);
  ServerConfig config;
  EXPECT_EQ(score.of_child(config), 1000);
  config.oom_score_adj = OomScoreMode::kAbsolute;
  EXPECT_EQ(score.of_child(config), 800);
  config.oom_score_adj = OomScoreMode::kRelative;
  EXPECT_EQ(score.of_child(config), 900);
  config.oom_score_adj_values[kChildOomScore] = 901;
  EXPECT_EQ(score.of_child(config), 1000);
}

TEST_F(OomScoreTest, ARefusalIsAnError) {
  OomScore score(path_);
  ::remove(path_.c_str());
  EXPECT_FALSE(score.apply(OomScoreMode::kAbsolute, -500).has_value());
}

}  // namespace
}  // namespace cowslip::server
