// Entries: what they hold at every limit of their layout, and that frozen ones are never written.
#include "store/entry.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "memory/chunk_pool.h"
#include "store/entry_factory.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

class EntryTest : public testing::Test {
 protected:
  ~EntryTest() override { drop(); }
  void drop() {
    if (entry_ != nullptr) factory_.free(entry_);
    entry_ = nullptr;
  }
  std::string text() const { return text_of(*entry_); }
  static std::string text_of(const Entry& entry) {
    StringView::Scratch scratch;
    return std::string(entry.string().text(scratch));
  }
  bool external() const { return entry_->value_block() != nullptr; }

  memory::ChunkPool pool_{{.keeper = false}};
  memory::Arena arena_{pool_};
  EntryFactory factory_{arena_};
  Entry* entry_ = nullptr;
};

// ---- values ----

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
    drop();
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
  drop();
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

// ---- layout ----

TEST_F(EntryTest, ACommonKeyAndValueFillTheirSlot) {
  entry_ = factory_.make_string(std::string(16, 'k'), std::string(100, 'v'), kNoExpiry);
  EXPECT_EQ(entry_->memory_bytes(pool_), 120u);
}

// Every limit of the header and of what a slot holds, and one byte to both sides of it.
TEST_F(EntryTest, HoldsKeysAndValuesAtEveryLimit) {
  for (const size_t key_bytes : {0, 1, 254, 255, 256, 257, 16'000, 16'383, 16'384, 65'535, 65'536, 3'000'000}) {
    for (const size_t value_bytes : {0, 1, 16'000, 16'368, 16'379, 16'382, 16'383, 16'384, 16'385, 65'536, 3'000'000}) {
      for (const int64_t expire_at_ms : {kNoExpiry, int64_t{0}, INT64_MAX}) {
        SCOPED_TRACE(testing::Message() << key_bytes << " + " << value_bytes << " bytes, expiry " << expire_at_ms);
        const std::string key(key_bytes, 'k');
        const std::string value(value_bytes, 'v');
        entry_ = factory_.make_text(key, value, expire_at_ms);
        EXPECT_TRUE(entry_->key() == key);
        EXPECT_TRUE(text() == value);
        EXPECT_EQ(entry_->expire_at_ms(), expire_at_ms);
        EXPECT_EQ(entry_->type(), ObjectType::kString);
        EXPECT_EQ(external(), value_bytes > 16'383);
        EXPECT_GE(entry_->memory_bytes(pool_), 4 + key_bytes + value_bytes);
        drop();
      }
    }
  }
  EXPECT_EQ(pool_.used_bytes(), 0u);
}

TEST_F(EntryTest, HalfAGigabyteOfKeyOrOfValue) {
  const std::string large(512u << 20, 'x');
  entry_ = factory_.make_text(large, "v", kNoExpiry);
  EXPECT_TRUE(entry_->key() == large);
  EXPECT_EQ(text(), "v");
  drop();
  entry_ = factory_.make_text("k", large, 7);
  EXPECT_TRUE(entry_->string().bytes() == large);
  EXPECT_EQ(entry_->key(), "k");
}

TEST_F(EntryTest, ALargeValuesBlockKnowsItsEntry) {
  const auto owner = [&] { return arena_.page_block_owner(entry_->value_block()); };
  const auto reference = [&] {
    return static_cast<uint64_t>(reinterpret_cast<const char*>(entry_) - pool_.base()) / 8;
  };
  entry_ = factory_.make_text("k", std::string(20'000, 'v'), kNoExpiry);
  EXPECT_EQ(owner(), reference());
  entry_ = factory_.with_key(entry_, std::string(1000, 'k'));
  EXPECT_EQ(owner(), reference());
  entry_ = factory_.resize_string(entry_, 1'000'000);
  EXPECT_EQ(owner(), reference());
}

// ---- changes ----

TEST_F(EntryTest, LargeValuesAreNotCopiedForANewExpiryOrName) {
  const std::string large(1 << 20, 'v');
  entry_ = factory_.make_string("k", large, kNoExpiry);
  ASSERT_TRUE(external());
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
  for (const size_t before : {0u, 3u, 44u, 45u, 1023u, 5000u, 16'382u, 16'383u, 16'384u, 50'000u}) {
    for (const size_t after : {0u, 1u, 45u, 1025u, 9000u, 16'383u, 16'384u, 16'385u, 100'000u}) {
      const std::string value(before, 'v');
      entry_ = factory_.make_string("key", value, 77);
      entry_ = factory_.resize_string(entry_, after);
      std::string expected = value;
      expected.resize(after);
      EXPECT_TRUE(text() == expected) << before << " -> " << after;
      EXPECT_TRUE(entry_->encoding() == Encoding::kRaw || before == after);
      EXPECT_EQ(entry_->expire_at_ms(), 77);
      EXPECT_EQ(entry_->key(), "key");
      drop();
    }
  }
}

// Fourteen bits say how long a value in its entry is: it moves out before it is longer, whatever room there is.
TEST_F(EntryTest, GrowsPastTheLongestValueInItsEntryByteByByte) {
  for (const size_t key_bytes : {1, 250, 256, 20'000}) {
    entry_ = factory_.make_raw(std::string(key_bytes, 'k'), 16'300, kNoExpiry);
    for (size_t length = 16'300; length <= 16'500; length++) {
      entry_ = factory_.resize_string(entry_, length);
      factory_.writable_range(*entry_, length - 1, 1)[0] = static_cast<char>(length);
      ASSERT_EQ(entry_->string().bytes().size(), length);
      ASSERT_EQ(external(), length > kInlineValueBytes);
    }
    for (size_t length = 16'300; length <= 16'500; length++) {
      ASSERT_EQ(entry_->string().bytes()[length - 1], static_cast<char>(length));
    }
    drop();
  }
}

TEST_F(EntryTest, ValuesGrownInPlaceSurviveANewExpiry) {
  const std::string key(100, 'k');
  for (size_t length = 1000; length < 1300; length++) {
    entry_ = factory_.make_string(key, std::string(1000, 'v'), kNoExpiry);
    entry_ = factory_.resize_string(entry_, length);
    const std::string before = text();
    entry_ = factory_.with_expiry(entry_, 5);
    EXPECT_EQ(text(), before);
    drop();
  }
}

TEST_F(EntryTest, ShrinkingThenGrowingShowsZerosAgain) {
  for (const size_t length : {2000u, 40'000u}) {
    entry_ = factory_.make_string("k", std::string(length, 'v'), kNoExpiry);
    entry_ = factory_.resize_string(entry_, 10);
    entry_ = factory_.resize_string(entry_, 1500);
    EXPECT_EQ(text(), std::string(10, 'v') + std::string(1490, '\0'));
    drop();
  }
}

TEST_F(EntryTest, ResizingAnIntegerKeepsItsDigits) {
  entry_ = factory_.make_string("k", "12345", kNoExpiry);
  entry_ = factory_.resize_string(entry_, 7);
  EXPECT_EQ(text(), std::string("12345\0\0", 7));
}

TEST_F(EntryTest, AppendingPieceByPieceIsLinear) {
  entry_ = factory_.make_raw("k", 0, kNoExpiry);
  size_t copied = 0;
  const char* last = nullptr;
  for (size_t length = 1; length <= 1'000'000; length++) {
    entry_ = factory_.resize_string(entry_, length);
    const char* bytes = entry_->string().bytes().data();
    if (bytes != last) copied += length;
    last = bytes;
    if (length == kInlineValueBytes) {
      EXPECT_LT(copied, 32 * length);
    }
  }
  EXPECT_LT(copied, 4'000'000u);
}

TEST_F(EntryTest, ASmallStringThatGrowsTakesNoMoreThanItNeeds) {
  entry_ = factory_.make_string("0123456789abcdef", std::string(100, 'v'), kNoExpiry);
  entry_ = factory_.resize_string(entry_, 108);
  EXPECT_EQ(pool_.capacity(entry_), 128u);
}

TEST_F(EntryTest, CopiesAreIndependent) {
  for (const size_t length : {3000u, 30'000u}) {
    entry_ = factory_.make_string("k", std::string(length, 'v'), 5);
    Entry* twin = factory_.copy(*entry_, "twin", entry_->expire_at_ms());
    twin = factory_.resize_string(twin, length);
    factory_.writable_range(*twin, 0, 1)[0] = 'X';
    EXPECT_EQ(text()[0], 'v');
    EXPECT_EQ(twin->key(), "twin");
    EXPECT_EQ(twin->expire_at_ms(), 5);
    factory_.free(twin);
    drop();
  }
}

// ---- fresh writes ----

// An entry made before a snapshot and changed during it; its block's bytes are compared before and after.
class FrozenEntryTest : public EntryTest {
 protected:
  ~FrozenEntryTest() override {
    if (pool_.snapshot_running()) pool_.end_snapshot();
  }
  // Makes an entry, freezes it, lets `change` work on it, and checks that the old block is as it was.
  template <typename Change>
  void changes(Entry* entry, Change&& change) {
    pool_.begin_snapshot();
    ASSERT_TRUE(pool_.frozen(entry));
    const std::string before = frozen_bytes(entry, pool_.capacity(entry));
    entry_ = change(entry);
    EXPECT_FALSE(pool_.frozen(entry_));
    EXPECT_TRUE(frozen_bytes(entry, before.size()) == before) << "a frozen entry was written";
    pool_.end_snapshot();
  }
};

TEST_F(FrozenEntryTest, CountersMove) {
  changes(factory_.make_integer("k", 41, 9), [&](Entry* entry) { return factory_.with_integer(entry, 42); });
  EXPECT_EQ(entry_->string().integer(), 42);
  EXPECT_EQ(entry_->expire_at_ms(), 9);
  EXPECT_EQ(factory_.with_integer(entry_, 43), entry_) << "written in place once more";
}

TEST_F(FrozenEntryTest, ExpiriesMove) {
  changes(factory_.make_string("k", "value", 9), [&](Entry* entry) { return factory_.with_expiry(entry, 10); });
  EXPECT_EQ(entry_->expire_at_ms(), 10);
  EXPECT_EQ(text(), "value");
}

TEST_F(FrozenEntryTest, PagesOfALargeValueThatAreWrittenInPlaceAreCounted) {
  entry_ = factory_.make_string("k", std::string(100'000, 'v'), 9);
  const auto copied = [this] {
    uint64_t pages = 0;
    for (const memory::LedgerRow& row : pool_.ledger().rows()) {
      if (row.kind == memory::MemoryKind::kLargeValue) pages += row.copied_pages;
    }
    return pages;
  };
  factory_.writable_range(*entry_, 4090, 10);
  EXPECT_EQ(copied(), 0u) << "no child is alive";
  pool_.begin_snapshot();
  factory_.writable_range(*entry_, 100, 4096);
  EXPECT_EQ(copied(), 2u);
  factory_.writable_range(*entry_, 50, 4096);
  EXPECT_EQ(copied(), 2u) << "the same pages";
  factory_.writable_range(*entry_, 50'000, 0);
  entry_ = factory_.resize_string(entry_, 100'001);
  EXPECT_EQ(copied(), 3u) << "the byte that is new";
  factory_.free(std::exchange(entry_, nullptr));
  entry_ = factory_.make_string("k", std::string(100'000, 'v'), 9);
  factory_.writable_range(*entry_, 0, 100'000);
  EXPECT_EQ(copied(), 3u) << "made after the fork";
  EXPECT_GE(pool_.frozen_bytes_written(), 3 * memory::kPageBytes) << "and what is known of slots";
}

TEST_F(FrozenEntryTest, StringsMoveEvenWhereTheyWouldFit) {
  for (const size_t length : {0u, 5u, 99u, 100u, 101u, 5000u, 20'000u}) {
    changes(factory_.make_string("k", std::string(100, 'v'), 9),
            [&](Entry* entry) { return factory_.resize_string(entry, length); });
    for (char& byte : factory_.writable_range(*entry_, 0, length)) byte = 'w';
    EXPECT_EQ(text(), std::string(length, 'w'));
    drop();
  }
}

TEST_F(FrozenEntryTest, KeepTheRoomTheyHadToGrowInto) {
  Entry* roomy = factory_.resize_string(factory_.make_string("k", std::string(1000, 'v'), kNoExpiry), 1001);
  const size_t before = roomy->memory_bytes(pool_);
  changes(roomy, [&](Entry* entry) { return factory_.resize_string(entry, 1002); });
  EXPECT_GE(entry_->memory_bytes(pool_), before);
}

TEST_F(FrozenEntryTest, ALargeValueStaysAndItsEntryMoves) {
  Entry* large = factory_.make_string("k", std::string(1 << 20, 'v'), 9);
  const char* block = large->value_block();
  changes(large, [&](Entry* entry) { return factory_.with_expiry(entry, 10); });
  EXPECT_EQ(entry_->value_block(), block);
  changes(entry_, [&](Entry* entry) { return factory_.resize_string(entry, 1000); });
  EXPECT_EQ(entry_->value_block(), block);
  EXPECT_EQ(text(), std::string(1000, 'v'));
}

TEST_F(FrozenEntryTest, ALargeValueThatOutgrowsItsBlockLeavesItAsItWas) {
  Entry* large = factory_.make_string("k", std::string(100'000, 'v'), 9);
  const char* block = large->value_block();
  changes(large, [&](Entry* entry) { return factory_.resize_string(entry, 1'000'000); });
  EXPECT_NE(entry_->value_block(), block);
  EXPECT_EQ(text(), std::string(100'000, 'v') + std::string(900'000, '\0'));
  EXPECT_TRUE(frozen_bytes(block, 100'000) == std::string(100'000, 'v'));
}

}  // namespace
}  // namespace cowslip::store
