// Client-side caching without connections: who is told what when keys change.
#include "commands/tracking.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "commands/command_table.h"

namespace cowslip::commands {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Log = std::vector<std::string>;

// Writes down what is sent: "<client> <names>", the names' line ends as commas.
class TestTrackingOutlet final : public TrackingOutlet {
 public:
  void forget_keys(Tracker& tracker, std::string_view names) override {
    std::string line = std::to_string(tracker.client) + " " + std::string(names);
    for (size_t at = line.find("\r\n"); at != std::string::npos; at = line.find("\r\n")) line.replace(at, 2, ",");
    log_.push_back(line);
  }
  void forget_all(Tracker& tracker) override { log_.push_back(std::to_string(tracker.client) + " all"); }
  uint64_t current_client() const override { return current_; }
  bool loading() const override { return loading_; }

  Log log_;
  uint64_t current_ = 0;
  bool loading_ = false;
};

class TrackingTest : public ::testing::Test {
 protected:
  static constexpr CommandSpec kGet = {.name = "mget", .arity = -2, .flags = kReadonly, .keys = kAllKeys};

  void read(const Tracker& tracker, std::vector<std::string_view> keys) {
    keys.insert(keys.begin(), "mget");
    tracking_.remember(tracker, kGet, keys);
  }
  void write(std::string_view key, int database = 0) { keyspace_.database(database).set_string(key, "v"); }
  Log told() { return std::exchange(outlet_.log_, {}); }

  store::Keyspace keyspace_{4, 1};
  TestTrackingOutlet outlet_;
  Tracking tracking_{keyspace_, outlet_};
};

TEST_F(TrackingTest, ListensOnlyWhileSomebodyTracks) {
  EXPECT_TRUE(keyspace_.observers().empty());
  tracking_.start(1, {});
  EXPECT_FALSE(keyspace_.observers().empty());
  EXPECT_TRUE(tracking_.follows_reads());
  tracking_.start(2, {.broadcast = true});
  tracking_.stop(1);
  EXPECT_TRUE(tracking_.active());
  EXPECT_FALSE(tracking_.follows_reads());
  tracking_.stop(2);
  EXPECT_TRUE(keyspace_.observers().empty());
}

TEST_F(TrackingTest, AReaderIsToldOnce) {
  const Tracker& one = tracking_.start(1, {});
  const Tracker& two = tracking_.start(2, {});
  read(one, {"a", "b", "a"});
  read(two, {"a"});
  EXPECT_EQ(tracking_.table().keys(), 2u);
  EXPECT_EQ(tracking_.table().items(), 3u);
  write("a", 3);  // the name counts, wherever the key is
  EXPECT_THAT(told(), ElementsAre("1 *1,$1,a,", "2 *1,$1,a,"));
  write("a");
  EXPECT_THAT(told(), IsEmpty());
  keyspace_.database(3).erase("a");
  keyspace_.database(0).rename("a", "b");
  EXPECT_THAT(told(), ElementsAre("1 *1,$1,b,"));
  EXPECT_EQ(tracking_.table().items(), 0u);
}

TEST_F(TrackingTest, OnesOwnChangesComeAfterTheCommandUnlessNoLoop) {
  const Tracker& one = tracking_.start(1, {});
  const Tracker& two = tracking_.start(2, {.no_loop = true});
  for (const Tracker* tracker : {&one, &two}) read(*tracker, {"a"});
  outlet_.current_ = 1;
  write("a");
  EXPECT_THAT(told(), ElementsAre("2 *1,$1,a,"));
  tracking_.after_command();
  EXPECT_THAT(told(), ElementsAre("1 *1,$1,a,"));

  for (const Tracker* tracker : {&one, &two}) read(*tracker, {"a"});
  outlet_.current_ = 2;
  write("a");
  tracking_.after_command();
  EXPECT_THAT(told(), ElementsAre("1 *1,$1,a,"));
}

TEST_F(TrackingTest, OptInAndOptOutChooseWhatCounts) {
  Tracker& in = tracking_.start(1, {.opt_in = true});
  Tracker& out = tracking_.start(2, {.opt_out = true});
  read(in, {"a"});
  read(out, {"b"});
  in.caching = out.caching = true;
  read(in, {"c"});
  read(out, {"d"});
  for (const char* key : {"a", "b", "c", "d"}) write(key);
  EXPECT_THAT(told(), ElementsAre("2 *1,$1,b,", "1 *1,$1,c,"));
}

TEST_F(TrackingTest, PrefixesHearOfEachKeyOnceATurnInOrder) {
  tracking_.start(1, {.broadcast = true, .prefixes = {"user:", "x"}});
  tracking_.start(2, {.broadcast = true});
  for (const char* key : {"user:2", "user:1", "user:2", "x", "use", ""}) write(key);
  EXPECT_THAT(told(), IsEmpty());
  tracking_.end_of_turn();
  EXPECT_THAT(told(),
              ElementsAre("2 *5,$0,,$3,use,$6,user:1,$6,user:2,$1,x,", "1 *2,$6,user:1,$6,user:2,", "1 *1,$1,x,"));
  tracking_.end_of_turn();
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(tracking_.prefixes(), 3u);
  tracking_.stop(1);
  EXPECT_EQ(tracking_.prefixes(), 1u);
}

TEST_F(TrackingTest, WithPrefixesTheLastAuthorCounts) {
  tracking_.start(1, {.broadcast = true, .no_loop = true});
  outlet_.current_ = 1;
  write("mine");
  write("theirs");
  keyspace_.database(0).set_string("gone", "v", store::ExpiryChange::set(1));
  outlet_.current_ = 2;
  write("theirs");
  outlet_.current_ = 1;
  keyspace_.set_now_ms(2);
  EXPECT_EQ(keyspace_.database(0).find("gone"), nullptr);
  tracking_.end_of_turn();
  EXPECT_THAT(told(), ElementsAre("1 *2,$4,gone,$6,theirs,"));
  write("mine");
  tracking_.end_of_turn();
  EXPECT_THAT(told(), IsEmpty()) << "not even an empty list";
}

TEST_F(TrackingTest, AFlushAndASwapAreToldAsAll) {
  const Tracker& one = tracking_.start(1, {});
  tracking_.start(2, {.broadcast = true, .prefixes = {"x"}});
  read(one, {"a"});
  outlet_.current_ = 1;
  keyspace_.flush_all(false);
  EXPECT_THAT(told(), ElementsAre("2 all")) << "once for all databases";
  EXPECT_EQ(tracking_.table().keys(), 0u);
  tracking_.after_command();
  EXPECT_THAT(told(), ElementsAre("1 all"));
  outlet_.current_ = 0;
  keyspace_.swap(0, 1);
  EXPECT_THAT(told(), ElementsAre("1 all", "2 all"));
}

TEST_F(TrackingTest, WhoHasGoneIsNotTold) {
  read(tracking_.start(1, {}), {"a"});
  tracking_.start(2, {});
  tracking_.stop(1);
  EXPECT_EQ(tracking_.table().items(), 1u) << "it goes with the key";
  write("a");
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_EQ(tracking_.table().items(), 0u);
  // Nor for what it read before it changed to prefixes.
  read(tracking_.start(1, {}), {"b"});
  tracking_.stop(1);
  tracking_.start(1, {.broadcast = true, .prefixes = {"nothing"}});
  write("b");
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(TrackingTest, LoadingIsNoNews) {
  read(tracking_.start(1, {}), {"a"});
  tracking_.start(2, {.broadcast = true});
  outlet_.loading_ = true;
  write("a");
  tracking_.end_of_turn();
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(TrackingTest, TooManyKeysAreForgottenWithMoreAndMoreEffort) {
  const Tracker& one = tracking_.start(1, {});
  for (int i = 0; i < 1000; i++) read(one, {"key:" + std::to_string(i)});
  tracking_.limit_keys(0);
  tracking_.limit_keys(1000);
  EXPECT_THAT(told(), IsEmpty());
  tracking_.limit_keys(10);
  EXPECT_EQ(told().size(), 100u);
  tracking_.limit_keys(10);
  EXPECT_EQ(told().size(), 200u);
  tracking_.limit_keys(650);
  EXPECT_EQ(told().size(), 50u) << "no more than need be";
  tracking_.limit_keys(500);
  EXPECT_EQ(told().size(), 100u) << "the effort begins anew";
}

TEST_F(TrackingTest, ALargeTableIsFreedElsewhere) {
  const Tracker& one = tracking_.start(1, {});
  for (int i = 0; i < 50'000; i++) read(one, {"key:" + std::to_string(i)});
  EXPECT_GT(tracking_.memory_bytes(), 50'000u * 50);
  keyspace_.flush(0, false);
  keyspace_.lazy_free().drain();
  EXPECT_EQ(tracking_.table().keys(), 0u);
  EXPECT_LT(tracking_.memory_bytes(), 100'000u);
}

}  // namespace
}  // namespace cowslip::commands
