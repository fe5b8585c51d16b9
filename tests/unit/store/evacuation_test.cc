// Holes that deletions leave go back to the system, nothing is changed by it, and it comes to an end.
#include "store/evacuation.h"

#include <gtest/gtest.h>

#include <string>

#include "base/clock.h"
#include "store/keyspace.h"

namespace cowslip::store {
namespace {

constexpr size_t kPage = memory::kPageBytes;
constexpr EvacuationLimits kLimits{.tolerated_share = 0.04, .tolerated_bytes = 1 << 20};

class EvacuationTest : public ::testing::Test {
 protected:
  void fill(int keys, size_t value_bytes) {
    for (int i = 0; i < keys; i++) db_.set_string(name(i), value(i, value_bytes));
  }
  // False when it went on and on.
  bool evacuate() {
    for (int slices = 0; slices < 10'000; slices++) {
      if (!keyspace_.evacuate(kLimits, SystemClock().monotonic_us() + 500)) return true;
    }
    return false;
  }
  uint64_t chunk_bytes() const { return keyspace_.chunks().statistics().chunk_bytes; }

  static std::string name(int i) { return "key:" + std::to_string(i); }
  static std::string value(int i, size_t bytes) {
    std::string text = std::to_string(i) + ":";
    text.resize(bytes, static_cast<char>('a' + i % 26));
    return text;
  }
  void expect_value(int i, size_t bytes) {
    const Entry* entry = db_.find(name(i));
    ASSERT_NE(entry, nullptr) << name(i);
    EXPECT_EQ(entry->string().bytes(), value(i, bytes)) << name(i);
  }

  Keyspace keyspace_{2, 42};
  Database& db_ = keyspace_.database(0);
};

TEST_F(EvacuationTest, ReturnsTheHolesBetweenEntries) {
  constexpr int kKeys = 200'000;
  fill(kKeys, 100);
  const uint64_t full = chunk_bytes();
  for (int i = 0; i < kKeys; i++) {
    if (i % 3 != 0) db_.erase(name(i));
  }
  EXPECT_EQ(chunk_bytes(), full) << "every chunk still holds something";
  EXPECT_TRUE(evacuate());
  EXPECT_LT(chunk_bytes(), full / 2);
  for (int i = 0; i < kKeys; i += 3) expect_value(i, 100);
  EXPECT_GT(keyspace_.evacuation().entries_moved, 0u);
}

TEST_F(EvacuationTest, ReturnsTheHolesBetweenLargeValues) {
  constexpr int kKeys = 400;
  constexpr size_t kBytes = 100'000;
  fill(kKeys, kBytes);
  const uint64_t full = chunk_bytes();
  for (int i = 0; i < kKeys; i++) {
    if (i % 4 != 0) db_.erase(name(i));
  }
  EXPECT_TRUE(evacuate());
  EXPECT_LT(chunk_bytes(), full / 2);
  for (int i = 0; i < kKeys; i += 4) expect_value(i, kBytes);
  EXPECT_GT(keyspace_.evacuation().values_moved, 0u);
}

TEST_F(EvacuationTest, ValuesThatCannotBeBroughtTogetherDoNotKeepEntriesFromIt) {
  constexpr int kValues = 20;
  for (int i = 0; i < kValues; i++) db_.set_string("large:" + std::to_string(i), std::string(3'000'000, 'v'));
  EXPECT_TRUE(evacuate()) << "their tails are not movable";
  constexpr int kKeys = 200'000;
  for (int round = 0; round < 3; round++) {
    fill(kKeys, 100);
    const uint64_t full = chunk_bytes();
    for (int i = 0; i < kKeys; i += 2) db_.erase(name(i));
    EXPECT_TRUE(evacuate());
    EXPECT_LT(chunk_bytes(), full - (8 << 20)) << "round " << round;
  }
}

TEST_F(EvacuationTest, EndsWhereMovesGainNothing) {
  // Runs of free pages of one class, of which only some are long enough for the block that is to be moved.
  const auto set = [&](const std::string& key, size_t pages) { db_.set_string(key, std::string(pages * kPage, 'v')); };
  set("fits", 512 + 200);
  for (int i = 0; i < 7; i++) set("too short:" + std::to_string(i), 512 + 242);
  set("to be moved", 300);
  EXPECT_TRUE(evacuate());
  EXPECT_LE(keyspace_.evacuation().values_moved, 10u);
}

TEST_F(EvacuationTest, HoldsStillDuringASnapshotAndGoesOnAfterIt) {
  fill(100'000, 100);
  for (int i = 0; i < 100'000; i += 2) db_.erase(name(i));
  keyspace_.evacuate(kLimits, SystemClock().monotonic_us() + 50);  // in the midst of a chunk
  keyspace_.chunks().begin_snapshot();
  for (int i = 1; i < 100'000; i += 2) db_.set_string(name(i), value(i, 100));
  keyspace_.chunks().end_snapshot();
  EXPECT_TRUE(evacuate());
  for (int i = 1; i < 100'000; i += 2) expect_value(i, 100);
}

}  // namespace
}  // namespace cowslip::store
