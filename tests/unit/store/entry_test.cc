#include "store/entry.h"

#include <gtest/gtest.h>

#include <string>

namespace cowslip::store {
namespace {

class EntryTest : public testing::Test {
 protected:
  void TearDown() override {
    if (entry_ != nullptr) factory_.free(entry_);
    EXPECT_EQ(heap_.used_bytes(), 0u) << "every block was given back";
    EXPECT_EQ(heap_.blocks(), 0u);
  }
  std::string text() {
    StringView::Scratch scratch;
    return std::string(entry_->string().text(scratch));
  }

  memory::BlockHeap heap_;
  EntryFactory factory_{heap_};
  Entry* entry_ = nullptr;
};

TEST_F(EntryTest, CanonicalIntegersAreHeldAsIntegers) {
  entry_ = factory_.make_string("k", "-9223372036854775808", kNoExpiry);
  EXPECT_EQ(entry_->encoding(), Encoding::kInteger);
  EXPECT_EQ(entry_->string().integer(), INT64_MIN);
}

TEST_F(EntryTest, OtherDigitsStayText) {
  for (const char* not_canonical : {"007", "+1", "-0", " 1", "1 ", "9223372036854775808", ""}) {
    entry_ = factory_.make_string("k", not_canonical, kNoExpiry);
    EXPECT_EQ(entry_->encoding(), Encoding::kEmbedded) << not_canonical;
    EXPECT_EQ(text(), not_canonical);
    factory_.free(entry_);
    entry_ = nullptr;
  }
}

TEST_F(EntryTest, TextStaysTextEvenIfItIsANumber) {
  entry_ = factory_.make_text("k", "12", kNoExpiry);
  EXPECT_EQ(entry_->encoding(), Encoding::kEmbedded);
  EXPECT_EQ(text(), "12");
}

TEST_F(EntryTest, EncodingChangesAtFortyFourBytes) {
  entry_ = factory_.make_string("k", std::string(44, 'x'), kNoExpiry);
  EXPECT_EQ(entry_->encoding(), Encoding::kEmbedded);
  factory_.free(entry_);
  entry_ = factory_.make_string("k", std::string(45, 'x'), kNoExpiry);
  EXPECT_EQ(entry_->encoding(), Encoding::kRaw);
}

TEST_F(EntryTest, KeysAndValuesMayHoldAnyBytes) {
  const std::string binary("\0\r\n\xff k", 6);
  entry_ = factory_.make_string(binary, binary, 99);
  EXPECT_EQ(entry_->key(), binary);
  EXPECT_EQ(text(), binary);
  EXPECT_EQ(entry_->expire_at_ms(), 99);
}

TEST_F(EntryTest, LargeValuesAreNotCopiedForANewExpiryOrName) {
  const std::string large(1 << 20, 'v');
  entry_ = factory_.make_string("k", large, kNoExpiry);
  ASSERT_TRUE(entry_->has_external_value());
  const char* bytes = entry_->string().bytes().data();
  entry_ = factory_.with_expiry(entry_, 1234);
  entry_ = factory_.with_key(entry_, "another, longer name");
  EXPECT_EQ(entry_->string().bytes().data(), bytes);
  EXPECT_EQ(entry_->expire_at_ms(), 1234);
  EXPECT_EQ(entry_->key(), "another, longer name");
  entry_ = factory_.with_expiry(entry_, kNoExpiry);
  EXPECT_FALSE(entry_->has_expiry());
  EXPECT_EQ(text(), large);
}

TEST_F(EntryTest, ResizeKeepsBytesAndFillsWithZeros) {
  for (const size_t before : {0u, 3u, 44u, 45u, 1023u, 1024u, 1025u, 5000u}) {
    for (const size_t after : {0u, 1u, 45u, 1024u, 1025u, 9000u}) {
      const std::string value(before, 'v');
      entry_ = factory_.make_string("key", value, 77);
      entry_ = factory_.resize_string(entry_, after);
      std::string expected = value;
      expected.resize(after);
      EXPECT_EQ(text(), expected) << before << " -> " << after;
      EXPECT_EQ(entry_->encoding(), Encoding::kRaw);
      EXPECT_EQ(entry_->expire_at_ms(), 77);
      EXPECT_EQ(entry_->key(), "key");
      factory_.free(entry_);
      entry_ = nullptr;
    }
  }
}

// An inline value may fill its block's last bytes, past the length at which a new value goes to a block of its own.
TEST_F(EntryTest, ValuesGrownInPlaceSurviveANewExpiry) {
  const std::string key(100, 'k');  // 1116 bytes: a block of 1280 in jemalloc, so 164 to grow into
  for (size_t length = 1000; length < 1300; length++) {
    entry_ = factory_.make_string(key, std::string(1000, 'v'), kNoExpiry);
    entry_ = factory_.resize_string(entry_, length);
    const std::string before = text();
    entry_ = factory_.with_expiry(entry_, 5);
    EXPECT_EQ(text(), before);
    factory_.free(entry_);
    entry_ = nullptr;
  }
}

TEST_F(EntryTest, ShrinkingThenGrowingShowsZerosAgain) {
  entry_ = factory_.make_string("k", std::string(2000, 'v'), kNoExpiry);
  entry_ = factory_.resize_string(entry_, 10);
  entry_ = factory_.resize_string(entry_, 1500);
  EXPECT_EQ(text(), std::string(10, 'v') + std::string(1490, '\0'));
}

TEST_F(EntryTest, ResizingAnIntegerKeepsItsDigits) {
  entry_ = factory_.make_string("k", "12345", kNoExpiry);
  entry_ = factory_.resize_string(entry_, 7);
  EXPECT_EQ(text(), std::string("12345\0\0", 7));
}

TEST_F(EntryTest, AppendingPieceByPieceIsLinear) {
  entry_ = factory_.make_raw("k", 0, kNoExpiry);
  int moved = 0;
  const char* last = nullptr;
  for (size_t length = 1; length <= 1'000'000; length++) {
    entry_ = factory_.resize_string(entry_, length);
    const char* bytes = entry_->string().bytes().data();
    moved += bytes != last;
    last = bytes;
  }
  EXPECT_LT(moved, 40) << "growth takes room ahead";
}

TEST_F(EntryTest, CopiesAreIndependent) {
  entry_ = factory_.make_string("k", std::string(3000, 'v'), 5);
  Entry* twin = factory_.copy(*entry_, "twin", entry_->expire_at_ms());
  twin = factory_.resize_string(twin, 3000);
  factory_.writable_bytes(*twin)[0] = 'X';
  EXPECT_EQ(text()[0], 'v');
  EXPECT_EQ(twin->key(), "twin");
  EXPECT_EQ(twin->expire_at_ms(), 5);
  factory_.free(twin);
}

}  // namespace
}  // namespace cowslip::store
