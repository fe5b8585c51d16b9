// Looking at requests early: what is held, where it stops, when it is dropped.
#include "server/look_ahead.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "store/keyspace.h"

namespace cowslip::server {
namespace {

std::string request(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return bytes;
}

class LookAheadTest : public testing::Test {
 protected:
  LookAheadTest() { commands::add_data_commands(table_); }

  void look(std::string bytes) {
    bytes_ = std::move(bytes);
    ahead_.look(bytes_, limits_, table_, keyspace_.database(0));
  }
  // What is held, a line for each request, and how many bytes it took.
  std::vector<std::string> take_all() {
    std::vector<std::string> lines;
    while (!ahead_.empty()) {
      const protocol::RespParser& taken = ahead_.take();
      std::string line;
      for (const auto word : taken.arguments()) line += (line.empty() ? "" : " ") + std::string(word);
      lines.push_back(line);
      consumed_ += taken.consumed();
    }
    return lines;
  }

  using Lines = std::vector<std::string>;
  protocol::ParserLimits limits_;
  commands::CommandTable table_;
  store::Keyspace keyspace_{1, 42};
  std::string bytes_;
  LookAhead ahead_;
  size_t consumed_ = 0;
};

TEST_F(LookAheadTest, HoldsWholeRequestsInOrder) {
  const std::string bytes =
      request({"SET", "a", "1"}) + "get b\r\n" + request({"NOSUCH"}) + "*0\r\n" + request({"GET"});
  look(bytes);
  EXPECT_EQ(take_all(), (Lines{"SET a 1", "get b", "NOSUCH", "", "GET"}));
  EXPECT_EQ(consumed_, bytes.size());
  EXPECT_TRUE(ahead_.empty());
}

TEST_F(LookAheadTest, HoldsNoMoreThanABatch) {
  std::string bytes;
  for (int i = 0; i < 100; i++) bytes += request({"GET", std::to_string(i)});
  look(bytes);
  const Lines first = take_all();
  EXPECT_EQ(first.size(), LookAhead::kMostRequests);
  look(bytes.substr(consumed_));
  EXPECT_EQ(take_all().front(), "GET " + std::to_string(LookAhead::kMostRequests));
}

TEST_F(LookAheadTest, StopsBeforeWhatIsIncomplete) {
  const std::string whole = request({"GET", "a"}), last = request({"SET", "b", "value"});
  for (size_t length = 0; length < last.size(); length++) {
    consumed_ = 0;
    look(whole + last.substr(0, length));
    ASSERT_EQ(take_all(), Lines{"GET a"}) << length;
    ASSERT_EQ(consumed_, whole.size());
    look(whole + last);  // nothing is left of what was incomplete
    ASSERT_EQ(take_all(), (Lines{"GET a", "SET b value"})) << length;
  }
}

TEST_F(LookAheadTest, StopsBeforeWhatIsWrong) {
  look(request({"GET", "a"}) + "*1\r\n!\r\n" + request({"GET", "b"}));
  EXPECT_EQ(take_all(), Lines{"GET a"});
  look(request({"GET", "c"}) + request({"GET", "d"}));
  EXPECT_EQ(take_all(), (Lines{"GET c", "GET d"}));
}

TEST_F(LookAheadTest, IsDroppedWhenOtherLimitsHold) {
  const std::string bytes = request({"AUTH", "x"}) + request({"GET", "a"});
  limits_.authenticated = false;
  look(bytes);
  ahead_.take();
  ahead_.drop_unless(limits_);
  EXPECT_FALSE(ahead_.empty());
  limits_.authenticated = true;
  ahead_.drop_unless(limits_);
  EXPECT_TRUE(ahead_.empty());
}

TEST_F(LookAheadTest, LeavesStatisticsAndKeysAlone) {
  keyspace_.database(0).set_string("dead", "v", store::ExpiryChange::set(1));
  keyspace_.database(0).set_string("live", "v");
  look(request({"GET", "dead"}) + request({"GET", "live"}) + request({"GET", "none"}) + request({"DEL", "live"}));
  EXPECT_EQ(take_all().size(), 4u);
  EXPECT_EQ(keyspace_.database(0).size(), 2u);
  EXPECT_EQ(keyspace_.statistics().hits + keyspace_.statistics().misses, 0u);
}

}  // namespace
}  // namespace cowslip::server
