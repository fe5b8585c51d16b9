// Which keys are asked for before they are looked up, in which order, and when none are.
#include "commands/key_prefetch.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace cowslip::commands {
namespace {

// Writes down what it is asked for. A key's hash is its number.
struct RecordingStore {
  size_t keys = kKeysWorthPrefetching;
  mutable std::vector<uint64_t> buckets = {}, entries = {};

  size_t size() const { return keys; }
  uint64_t hash(std::string_view key) const { return std::stoull(std::string(key)); }
  void prefetch(uint64_t hash) const { buckets.push_back(hash); }
  void prefetch_entry(uint64_t hash) const { entries.push_back(hash); }
};

using Numbers = std::vector<uint64_t>;

std::vector<std::string> numbered(std::string_view command, int arguments) {
  std::vector<std::string> words = {std::string(command)};
  for (int i = 1; i <= arguments; i++) words.push_back(std::to_string(i));
  return words;
}

std::vector<std::string_view> views(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

TEST(KeysAhead, AsksForABatchAtATime) {
  const RecordingStore store;
  const auto words = numbered("mget", 40);
  const auto args = views(words);
  KeysAhead ahead(store, args, 1);
  std::vector<size_t> asked;
  for (size_t i = 1; i < args.size(); i++) {
    ahead.reach(i);
    ASSERT_GE(store.entries.size(), i) << "before it is looked up";
    asked.push_back(store.buckets.size());
  }
  EXPECT_EQ(asked.front(), 16u);
  EXPECT_EQ(asked[15], 16u);
  EXPECT_EQ(asked[16], 32u);
  EXPECT_EQ(asked.back(), 40u);
  EXPECT_EQ(store.buckets, store.entries);
  for (uint64_t i = 0; i < 40; i++) EXPECT_EQ(store.buckets[i], i + 1);
}

TEST(KeysAhead, AsksForKeysAndNotForValues) {
  const RecordingStore store;
  const auto words = numbered("mset", 8);
  const auto args = views(words);
  KeysAhead ahead(store, args, 2);
  for (size_t i = 1; i < args.size(); i += 2) ahead.reach(i);
  EXPECT_EQ(store.entries, (Numbers{1, 3, 5, 7}));
}

TEST(KeysAhead, LeavesASingleKeyAndASmallDatabaseAlone) {
  const RecordingStore large, small{.keys = kKeysWorthPrefetching - 1};
  const auto one = numbered("mget", 1), pair = numbered("mset", 2), many = numbered("mget", 40);
  const auto one_args = views(one);
  KeysAhead(large, one_args, 1).reach(1);
  const auto pair_args = views(pair), many_args = views(many);
  KeysAhead(large, pair_args, 2).reach(1);
  EXPECT_EQ(large.buckets, Numbers{});
  KeysAhead ahead(small, many_args, 1);
  for (size_t i = 1; i < many_args.size(); i++) ahead.reach(i);
  EXPECT_EQ(small.buckets, Numbers{});
}

class KeyPrefetchTest : public testing::Test {
 protected:
  KeyPrefetchTest() { add_data_commands(table_); }
  Numbers asked_for(const std::vector<std::vector<std::string>>& requests) {
    const RecordingStore store;
    KeyPrefetch prefetch(table_, store);
    for (const auto& request : requests) prefetch.add(views(request));
    EXPECT_EQ(store.entries, Numbers{}) << "not before all buckets are on their way";
    prefetch.finish();
    EXPECT_EQ(store.buckets, store.entries);
    return store.entries;
  }
  CommandTable table_;
};

TEST_F(KeyPrefetchTest, AsksForTheKeysOfEveryRequest) {
  EXPECT_EQ(asked_for({{"GET", "1"}, {"set", "2", "v"}, {"RENAME", "3", "4"}, {"MSET", "5", "v", "6", "v"}}),
            (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(asked_for({{"DEL", "1", "2"}, {"EXISTS", "3", "4", "5"}, {"PING"}, {"NOSUCH", "x"}, {"GET"}}),
            (Numbers{1, 2, 3, 4, 5}));
}

TEST_F(KeyPrefetchTest, LeavesMostOfManyKeysToTheCommandItself) {
  std::vector<std::vector<std::string>> requests(16, numbered("mget", 100));
  const Numbers asked = asked_for(requests);
  EXPECT_EQ(asked.size(), 16u * 4);
  EXPECT_EQ((Numbers{asked.begin(), asked.begin() + 5}), (Numbers{1, 2, 3, 4, 1}));
}

}  // namespace
}  // namespace cowslip::commands
