#include "commands/tracking_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/unit/base/seed.h"

namespace cowslip::commands {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TrackingTable, KeepsWhoHasReadWhat) {
  TrackingTable table;
  for (const uint64_t client : {7u, 3u, 7u, 5u, 3u}) table.add("k", client);
  table.add("", 1);
  EXPECT_EQ(table.keys(), 2u);
  EXPECT_EQ(table.items(), 4u);
  EXPECT_THAT(table.take("k"), ElementsAre(3, 5, 7));
  EXPECT_THAT(table.take("k"), IsEmpty());
  EXPECT_THAT(table.take(""), ElementsAre(1));
  EXPECT_EQ(table.items(), 0u);
}

// Against a map of sets, with keys of all lengths.
TEST(TrackingTable, IsAMapOfSets) {
  Random random(test_seed());
  TrackingTable table;
  std::map<std::string, std::set<uint64_t>> model;
  size_t items = 0;
  for (int step = 0; step < 30'000; step++) {
    const std::string key(random.below(40), static_cast<char>('a' + random.below(26)));
    if (random.below(8) != 0) {
      const uint64_t client = 1 + random.below(5);
      table.add(key, client);
      items += model[key].insert(client).second;
    } else {
      const auto clients = model.extract(key);
      if (clients.empty()) {
        ASSERT_THAT(table.take(key), IsEmpty());
      } else {
        items -= clients.mapped().size();
        ASSERT_THAT(table.take(key), ::testing::ElementsAreArray(clients.mapped()));
      }
    }
    ASSERT_EQ(table.keys(), model.size());
    ASSERT_EQ(table.items(), items);
    if (table.keys() == 0) continue;
    ASSERT_TRUE(model.contains(std::string(table.random_key(random))));
  }
}

// What is counted follows what is held: all gone, all given back but the empty tables.
TEST(TrackingTable, CountsItsMemory) {
  TrackingTable table;
  const size_t empty = table.memory_bytes();
  for (int i = 0; i < 20'000; i++) table.add("a key that needs a block of its own: " + std::to_string(i), 1);
  const size_t one_each = table.memory_bytes();
  EXPECT_GT(one_each - empty, 20'000u * 90);
  EXPECT_LT(one_each - empty, 20'000u * 160);
  for (int i = 0; i < 20'000; i++) table.add("a key that needs a block of its own: " + std::to_string(i), 2);
  EXPECT_GT(table.memory_bytes(), one_each + 20'000u * 16);
  for (int i = 0; i < 20'000; i++) table.take("a key that needs a block of its own: " + std::to_string(i));
  EXPECT_LT(table.memory_bytes(), empty + 256u * 16 * sizeof(void*));
}

TEST(TrackingTable, AnyKeyMayBeTheRandomOne) {
  TrackingTable table;
  constexpr int kKeys = 200;
  for (int i = 0; i < kKeys; i++) table.add(std::to_string(i), 1);
  Random random(3);
  std::map<std::string, int> seen;
  constexpr int kDraws = 200 * kKeys;
  for (int i = 0; i < kDraws; i++) seen[std::string(table.random_key(random))]++;
  EXPECT_EQ(seen.size(), static_cast<size_t>(kKeys));
  for (const auto& [key, times] : seen) EXPECT_LT(times, 200 * 10) << key << " comes ten times too often";
}

// A table that was large has no long search for its last key.
TEST(TrackingTable, BecomesSmallAgain) {
  TrackingTable table;
  for (int i = 0; i < 200'000; i++) table.add(std::to_string(i), 1);
  for (int i = 1; i < 200'000; i++) table.take(std::to_string(i));
  Random random(1);
  for (int i = 0; i < 1000; i++) ASSERT_EQ(table.random_key(random), "0");
}

}  // namespace
}  // namespace cowslip::commands
