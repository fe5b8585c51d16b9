// What the commands on bits cost while a save is at work: as little of a large value as they change.
#include <gtest/gtest.h>

#include <map>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

constexpr int64_t kPage = 4096;

// Two bitmaps of 4 MiB, and a save that stays at work: its child takes a minute for each key, and the first one is
// neither of the two.
class BitmapSave : public ::testing::Test {
 protected:
  void SetUp() override {
    // Of the size of their entries, so that it lies before them.
    ASSERT_EQ(client_("SETBIT", "first", "33554431", "1").integer, 0);
    for (const char* key : {"one", "other"}) ASSERT_EQ(client_("SETBIT", key, "33554431", "1").integer, 0);
    ASSERT_TRUE(client_("CONFIG", "SET", "rdb-key-save-delay", "60000000").is_ok());
    ASSERT_FALSE(client_("BGSAVE").is_error());
    // What it lets go before its first key is no copy.
    ASSERT_TRUE(
        eventually([&] { return info_number(server_.info("persistence"), "current_save_keys_processed") == 1; }));
  }

  // Bytes of large values that the kernel copied, by command.
  std::map<std::string, int64_t> copied() {
    std::map<std::string, int64_t> bytes;
    const Reply causes = client_("SNAPSHOT", "CAUSES");
    for (const Reply& row : causes.find("causes")->elements) {
      if (row.find("kind")->text != "large_value") continue;
      bytes[row.find("command")->text] += row.find("copied_bytes")->integer;
    }
    return bytes;
  }

  ServerProcess server_;
  Client client_ = server_.client();
};

TEST_F(BitmapSave, OneBitIsOnePage) {
  EXPECT_EQ(client_("SETBIT", "one", "12345678", "1").integer, 0);
  EXPECT_EQ(copied()["setbit"], kPage);
  EXPECT_EQ(client_("SETBIT", "one", "12345679", "1").integer, 0);
  EXPECT_EQ(copied()["setbit"], kPage) << "the same page again";
  EXPECT_EQ(client_("SETBIT", "one", "0", "1").integer, 0);
  EXPECT_EQ(copied()["setbit"], 2 * kPage);
}

TEST_F(BitmapSave, WhatDoesNotChangeIsNotWritten) {
  EXPECT_EQ(client_("SETBIT", "one", "1234567", "0").integer, 0);
  EXPECT_EQ(client_("BITFIELD", "one", "SET", "u8", "800000", "0").elements.at(0).integer, 0);
  EXPECT_EQ(client_("BITCOUNT", "one").integer, 1);
  EXPECT_TRUE(copied().empty());
}

TEST_F(BitmapSave, AFieldIsThePagesItLiesIn) {
  client_("BITFIELD", "one", "INCRBY", "u16", "#5000", "1", "GET", "u16", "#900000", "SET", "i64", "#100000", "-1");
  EXPECT_EQ(copied()["bitfield"], 2 * kPage);
  client_("BITFIELD", "other", "SET", "u32", std::to_string(7 * kPage * 8 - 16), "4294967295");
  EXPECT_EQ(copied()["bitfield"], 4 * kPage) << "two bytes before the border of a page, two behind it";
}

TEST_F(BitmapSave, CombinedBitsAreNew) {
  EXPECT_EQ(client_("BITOP", "OR", "one", "one", "other").integer, 4 << 20);
  EXPECT_EQ(copied()["bitop"], 0);
}

}  // namespace
}  // namespace cowslip::testing
