// Ziplists and zipmaps: every encoding, and bytes from elsewhere.
#include "tests/unit/persistence/old_blobs.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/random.h"
#include "persistence/ziplist.h"
#include "persistence/zipmap.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

using Texts = std::vector<std::string>;

std::string text_of(const store::StringView& value) {
  store::StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

Texts texts_in(const Ziplist& ziplist) {
  Texts texts;
  for (auto place = ziplist.begin(); place != ziplist.end(); place = ziplist.next(place)) {
    texts.push_back(text_of(ziplist.get(place)));
  }
  return texts;
}

TEST(Ziplist, EveryEncoding) {
  const std::string long_text(20'000, 'l');
  const std::string bytes =
      ziplist_of({ziplist_text(""), ziplist_text(std::string(63, 'a')), ziplist_text(std::string(64, 'b')),
                  ziplist_text(std::string(300, 'c')), bytes_of({0x80, 0, 0, 0x4e, 0x20}) + long_text, bytes_of({0xf1}),
                  bytes_of({0xfd}), bytes_of({0xfe, 0x80}), bytes_of({0xc0, 0xff, 0x7f}), bytes_of({0xf0, 0, 0, 0x80}),
                  bytes_of({0xd0, 0, 0, 0, 0x80}), bytes_of({0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})});
  ASSERT_EQ(ziplist_flaw(bytes), "");
  EXPECT_EQ(Ziplist(bytes).count(), 12u);
  EXPECT_EQ(texts_in(Ziplist(bytes)),
            (Texts{"", std::string(63, 'a'), std::string(64, 'b'), std::string(300, 'c'), long_text, "0", "12", "-128",
                   "32767", "-8388608", "-2147483648", "9223372036854775807"}));
}

TEST(Ziplist, CountsBeyondTheHeaders) {
  std::string bytes = ziplist_of(Texts(70'000, bytes_of({0xf2})));
  bytes[8] = bytes[9] = '\xff';
  ASSERT_EQ(ziplist_flaw(bytes), "");
  EXPECT_EQ(Ziplist(bytes).count(), 70'000u);
}

TEST(Ziplist, Empty) {
  const std::string bytes = ziplist_of({});
  ASSERT_EQ(ziplist_flaw(bytes), "");
  EXPECT_EQ(Ziplist(bytes).begin(), Ziplist(bytes).end());
}

TEST(ZiplistFlaws, OneFlawOneTest) {
  const std::string good = ziplist_of_texts({"a", "b"});
  const auto with = [&](size_t at, int value) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(value);
    return std::string(ziplist_flaw(bytes));
  };
  EXPECT_EQ(ziplist_flaw(good), "");
  EXPECT_EQ(ziplist_flaw(good.substr(0, 10)), "it is too short");
  EXPECT_EQ(with(0, 99), "its length is not what it says");
  EXPECT_EQ(with(good.size() - 1, 0xfe), "it has no end");
  EXPECT_EQ(with(4, 10), "its last entry is not where it says");
  EXPECT_EQ(with(8, 3), "the number of its entries is not what it says");
  EXPECT_EQ(with(10, 1), "the length of an entry is not what the next one says") << "nothing is before the first";
  EXPECT_EQ(with(13, 4), "the length of an entry is not what the next one says");
  EXPECT_EQ(with(10, 0xff), "an entry is damaged or cut off") << "an end before the end";
  EXPECT_EQ(with(10, 0xfe), "an entry is damaged or cut off");
  EXPECT_EQ(with(14, 5), "an entry is damaged or cut off") << "a string into the end";
  EXPECT_EQ(with(14, 0x80), "an entry is damaged or cut off") << "a length of four bytes that are not there";
  EXPECT_EQ(with(14, 0xe0), "an entry is damaged or cut off") << "an integer into the end";
  EXPECT_EQ(with(14, 0xc1), "an entry is damaged or cut off") << "an encoding that nobody assigned";
}

std::map<std::string, std::string> pairs_in(const Zipmap& zipmap) {
  std::map<std::string, std::string> pairs;
  for (auto place = zipmap.begin(); place != zipmap.end();) {
    const Zipmap::Pair pair = zipmap.get(place);
    pairs.emplace(pair.field, pair.value);
    place = pair.next;
  }
  return pairs;
}

TEST(Zipmap, PairsAndHoles) {
  for (const size_t unused : {0u, 1u, 200u}) {
    const std::string bytes = zipmap_of({{"a", "1"}, {"", ""}, {std::string(253, 'k'), "v"}}, unused);
    ASSERT_EQ(zipmap_flaw(bytes), "");
    EXPECT_EQ(Zipmap(bytes).count(), 3u);
    EXPECT_EQ(pairs_in(Zipmap(bytes)),
              (std::map<std::string, std::string>{{"a", "1"}, {"", ""}, {std::string(253, 'k'), "v"}}));
  }
}

TEST(Zipmap, CountsBeyondTheHeaders) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; i < 300; i++) pairs.emplace_back(std::to_string(i), "v");
  const std::string bytes = zipmap_of(pairs);
  ASSERT_EQ(zipmap_flaw(bytes), "");
  EXPECT_EQ(Zipmap(bytes).count(), 300u);
}

TEST(ZipmapFlaws, OneFlawOneTest) {
  const std::string good = zipmap_of({{"f", "v"}});  // 1, 1 f, 1 0 v, end
  const auto with = [&](size_t at, int value) {
    std::string bytes = good;
    bytes[at] = static_cast<char>(value);
    return std::string(zipmap_flaw(bytes));
  };
  EXPECT_EQ(zipmap_flaw(good), "");
  EXPECT_EQ(zipmap_flaw("\xff"), "it is too short");
  EXPECT_EQ(zipmap_flaw(bytes_of({0, 0xff})), "it is empty");
  EXPECT_EQ(with(6, 0), "it has no end");
  EXPECT_EQ(with(0, 2), "the number of its fields is not what it says");
  EXPECT_EQ(with(0, 0xff), "the number of its fields is not what it says");
  EXPECT_EQ(with(0, 0xfe), "") << "not known";
  for (const size_t at : {1u, 3u, 4u}) {
    EXPECT_EQ(with(at, 0xff), "a field or value is damaged or cut off") << at;
    EXPECT_EQ(with(at, 0xfe), "a field or value is damaged or cut off") << at;
    EXPECT_EQ(with(at, 5), "a field or value is damaged or cut off") << at;
  }
}

// What is not refused is walked to its end, in a block of exactly its size.
int try_bytes(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const std::string_view view(exact.data(), exact.size());
  int valid = 0;
  if (ziplist_flaw(view).empty()) {
    EXPECT_EQ(texts_in(Ziplist(view)).size(), Ziplist(view).count());
    valid++;
  }
  if (zipmap_flaw(view).empty()) {
    EXPECT_LE(pairs_in(Zipmap(view)).size(), Zipmap(view).count());
    valid++;
  }
  return valid;
}

TEST(OldBlobs, EveryTruncationIsRefused) {
  for (const std::string& bytes : {ziplist_of_texts({"a", "bcd", std::string(70, 'x')}), zipmap_of({{"a", "b"}}, 3)}) {
    EXPECT_EQ(try_bytes(bytes), 1);
    for (size_t length = 0; length < bytes.size(); length++) EXPECT_EQ(try_bytes(bytes.substr(0, length)), 0);
  }
}

TEST(OldBlobs, EverySingleByteMutationIsRefusedOrSafe) {
  const std::string mixed =
      ziplist_of({ziplist_text("text"), bytes_of({0xc0, 1, 2}), ziplist_text(std::string(70, 'x')), bytes_of({0xf5}),
                  bytes_of({0xe0, 1, 2, 3, 4, 5, 6, 7, 8}), ziplist_text(std::string(260, 'y')), bytes_of({0xfe, 7})});
  for (const std::string& bytes : {mixed, zipmap_of({{"a", "1"}, {"field", std::string(250, 'v')}, {"", ""}}, 2)}) {
    int valid = 0;
    for (size_t at = 0; at < bytes.size(); at++) {
      for (int value = 0; value < 256; value++) {
        std::string mutated = bytes;
        mutated[at] = static_cast<char>(value);
        valid += try_bytes(mutated);
      }
    }
    EXPECT_GT(valid, 0);
  }
}

TEST(OldBlobs, RandomBytesAreRefusedOrSafe) {
  Random random(testing::announced_seed("OldBlobs.RandomBytesAreRefusedOrSafe"));
  int valid = 0;
  for (int round = 0; round < 100'000; round++) {
    // Small numbers make lengths that fit.
    std::string bytes(random.below(30) + 2, '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(4) == 0 ? random.below(256) : random.below(5));
    bytes.back() = '\xff';
    if (bytes.size() > 11 && random.below(2) == 0) {
      const std::string head = little_endian_bytes(static_cast<uint32_t>(bytes.size())) +
                               little_endian_bytes(static_cast<uint32_t>(10 + random.below(5))) + "\xff\xff";
      bytes.replace(0, 10, head);
      bytes[10] = '\0';
    } else {
      bytes[0] = '\xfe';
    }
    valid += try_bytes(bytes);
  }
  EXPECT_GT(valid, 100);
}

}  // namespace
}  // namespace cowslip::persistence
