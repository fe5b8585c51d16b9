// Listpacks: golden bytes, every encoding at its borders, random edits against a vector, and bytes from elsewhere.
#include "store/listpack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

using Texts = std::vector<std::string>;

std::string text_of(const StringView& value) {
  StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

std::string packed(const Texts& texts) {
  ListpackBuilder builder;
  for (const std::string& text : texts) builder.append(StringView(text));
  return std::string(builder.finish());
}

Texts unpacked(const Listpack& listpack) {
  Texts texts;
  listpack.for_each([&](const StringView& value) { texts.push_back(text_of(value)); });
  return texts;
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<uint8_t>(byte) >> 4];
    text += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return text;
}

// The bytes of the only element.
std::string element_of(const StringView& value) {
  ListpackBuilder builder;
  builder.append(value);
  const std::string_view bytes = builder.finish();
  return std::string(bytes.substr(Listpack::kHeader, bytes.size() - Listpack::kEmptyBytes));
}

// ---- the format ----

TEST(Listpack, Empty) {
  ListpackBuilder builder;
  const std::string bytes(builder.finish());
  EXPECT_EQ(hex(bytes), "070000000000ff");
  ASSERT_TRUE(valid_listpack(bytes));
  const Listpack listpack(bytes);
  EXPECT_TRUE(listpack.empty());
  EXPECT_EQ(listpack.count(), 0u);
  EXPECT_EQ(listpack.at(0), listpack.end());
  EXPECT_EQ(listpack.at(-1), listpack.end());
  EXPECT_EQ(listpack.find(StringView("x"), listpack.begin(), 1), listpack.end());
}

// Each integer in the narrowest encoding that holds it, as redis-server 7.0.15 writes them.
TEST(Listpack, IntegersAtTheirBorders) {
  const std::vector<std::pair<int64_t, std::string>> golden = {
      {0, "0001"},
      {127, "7f01"},
      {128, "c08002"},
      {-1, "dfff02"},
      {4095, "cfff02"},
      {-4096, "d00002"},
      {4096, "f1001003"},
      {-4097, "f1ffef03"},
      {INT16_MAX, "f1ff7f03"},
      {INT16_MIN, "f1008003"},
      {INT16_MAX + 1, "f200800004"},
      {INT16_MIN - 1, "f2ff7fff04"},
      {(1 << 23) - 1, "f2ffff7f04"},
      {-(1 << 23), "f200008004"},
      {1 << 23, "f30000800005"},
      {-(1 << 23) - 1, "f3ffff7fff05"},
      {INT32_MAX, "f3ffffff7f05"},
      {INT32_MIN, "f30000008005"},
      {int64_t{INT32_MAX} + 1, "f4000000800000000009"},
      {int64_t{INT32_MIN} - 1, "f4ffffff7fffffffff09"},
      {INT64_MAX, "f4ffffffffffffff7f09"},
      {INT64_MIN, "f4000000000000008009"},
  };
  for (const auto& [value, bytes] : golden) {
    EXPECT_EQ(hex(element_of(StringView(value))), bytes) << value;
    EXPECT_EQ(hex(element_of(StringView(std::to_string(value)))), bytes) << "as text: " << value;
    const std::string listpack = packed({std::to_string(value)});
    ASSERT_TRUE(valid_listpack(listpack));
    const StringView read = Listpack(listpack).get(Listpack::kHeader);
    ASSERT_TRUE(read.is_integer()) << value;
    EXPECT_EQ(read.integer(), value);
  }
}

TEST(Listpack, TextThatIsNotTheIntegersOwnStaysText) {
  for (const char* text : {"", "-", "-0", "+1", "01", "1 ", " 1", "1.0", "9223372036854775808", "-9223372036854775809",
                           "00000000000000000000", "0x1", "184467440737095516150"}) {
    const std::string bytes = packed({text});
    ASSERT_TRUE(valid_listpack(bytes));
    const StringView read = Listpack(bytes).get(Listpack::kHeader);
    ASSERT_FALSE(read.is_integer()) << text;
    EXPECT_EQ(read.bytes(), text);
  }
}

// Head, and the length behind: seen in DUMPs of redis-server 7.0.15. 16383 and 2097151 are where it is a byte longer
// than it would have to be.
TEST(Listpack, StringsAtTheirBorders) {
  struct Golden {
    size_t length;
    const char* head;
    const char* back;
  };
  for (const Golden& golden :
       {Golden{0, "80", "01"}, Golden{1, "81", "02"}, Golden{63, "bf", "40"}, Golden{64, "e040", "42"},
        Golden{125, "e07d", "7f"}, Golden{126, "e07e", "0180"}, Golden{4095, "efff", "2081"},
        Golden{4096, "f000100000", "2085"}, Golden{16377, "f0f93f0000", "7ffe"}, Golden{16378, "f0fa3f0000", "00ffff"},
        Golden{16379, "f0fb3f0000", "018080"}, Golden{2097145, "f0f9ff1f00", "7ffffe"},
        Golden{2097146, "f0faff1f00", "00ffffff"}, Golden{2097147, "f0fbff1f00", "01808080"}}) {
    const std::string text(golden.length, 'x');
    const std::string element = element_of(StringView(text));
    EXPECT_EQ(hex(element), golden.head + hex(text) + golden.back) << golden.length;
    EXPECT_EQ(listpack_element_bytes(StringView(text)), element.size());
    const std::string bytes = packed({"before", text, "behind"});
    ASSERT_TRUE(valid_listpack(bytes)) << golden.length;
    const Listpack listpack(bytes);
    EXPECT_EQ(unpacked(listpack), (Texts{"before", text, "behind"}));
    EXPECT_EQ(text_of(listpack.get(listpack.at(-2))), text) << "backwards over its length: " << golden.length;
    EXPECT_EQ(listpack.at(-3), listpack.begin());
    EXPECT_EQ(listpack.element_bytes(listpack.at(1)), element.size());
  }
}

// ---- finding ----

TEST(Listpack, AtFromBothEnds) {
  Texts texts;
  for (int i = 0; i < 300; i++) texts.push_back(i % 3 == 0 ? std::to_string(i * 1000) : std::string(i, 'a'));
  const std::string bytes = packed(texts);
  const Listpack listpack(bytes);
  for (int64_t i = 0; i < 300; i++) {
    EXPECT_EQ(text_of(listpack.get(listpack.at(i))), texts[i]);
    EXPECT_EQ(listpack.at(i - 300), listpack.at(i));
  }
  for (const int64_t outside : {int64_t{300}, int64_t{-301}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(listpack.at(outside), listpack.end()) << outside;
  }
}

TEST(Listpack, FindWithStrides) {
  const std::string bytes = packed({"a", "b", "b", "12", "12", "a", "", "x"});
  const Listpack listpack(bytes);
  const auto index = [&](ListpackPlace place) {
    int64_t i = 0;
    for (ListpackPlace at = listpack.begin(); at != place; at = listpack.next(at)) i++;
    return i;
  };
  EXPECT_EQ(index(listpack.find(StringView("b"), listpack.begin(), 1)), 1);
  EXPECT_EQ(index(listpack.find(StringView("b"), listpack.begin(), 2)), 2);
  EXPECT_EQ(index(listpack.find(StringView("12"), listpack.begin(), 1)), 3);
  EXPECT_EQ(index(listpack.find(StringView(int64_t{12}), listpack.begin(), 2)), 4);
  EXPECT_EQ(listpack.find(StringView("a"), listpack.at(1), 2), listpack.at(5));
  EXPECT_EQ(listpack.find(StringView("x"), listpack.begin(), 2), listpack.end()) << "a value, not a field";
  EXPECT_EQ(index(listpack.find(StringView(""), listpack.begin(), 1)), 6);
  EXPECT_EQ(index(listpack.find(StringView(std::string_view()), listpack.begin(), 2)), 6) << "no address at all";
  EXPECT_EQ(listpack.find(StringView("012"), listpack.begin(), 1), listpack.end());
  EXPECT_EQ(listpack.find(StringView(int64_t{-12}), listpack.begin(), 1), listpack.end());
  EXPECT_EQ(listpack.find(StringView("a"), listpack.end(), 1), listpack.end());
}

// ---- counts that the header cannot hold ----

// Replaces `removed` elements from `place` on with `texts`, in a buffer of exactly the size that is needed.
void splice(std::string& bytes, ListpackPlace place, size_t removed, const Texts& texts) {
  const Listpack listpack(bytes);
  ListpackPlace behind = place;
  for (size_t i = 0; i < removed; i++) behind = listpack.next(behind);
  ListpackSplice change{.offset = place, .removed = behind - place};
  for (const std::string& text : texts) change.inserted += listpack_element_bytes(StringView(text));
  change.elements = static_cast<int64_t>(texts.size()) - static_cast<int64_t>(removed);
  const size_t before = bytes.size(), after = change.length_after(before);
  bytes.resize(std::max(before, after));
  splice_listpack(bytes.data(), before, change);
  char* out = bytes.data() + place;
  for (const std::string& text : texts) out = put_listpack_element(out, StringView(text));
  ASSERT_EQ(out, bytes.data() + place + change.inserted);
  bytes.resize(after);
}

size_t count_in_header(std::string_view bytes) {
  return static_cast<uint8_t>(bytes[4]) | static_cast<size_t>(static_cast<uint8_t>(bytes[5])) << 8;
}

TEST(Listpack, CountsBeyondTheHeaders) {
  for (const size_t count : {65533u, 65534u, 65535u, 65536u, 70000u}) {
    std::string bytes = packed(Texts(count, "1"));
    EXPECT_EQ(count_in_header(bytes), std::min<size_t>(count, 65535));
    ASSERT_TRUE(valid_listpack(bytes));
    EXPECT_EQ(Listpack(bytes).count(), count);
    splice(bytes, Listpack(bytes).end(), 0, {"2", "3"});
    ASSERT_TRUE(valid_listpack(bytes)) << count;
    EXPECT_EQ(Listpack(bytes).count(), count + 2);
    splice(bytes, Listpack(bytes).begin(), 3, {});
    ASSERT_TRUE(valid_listpack(bytes)) << count;
    EXPECT_EQ(Listpack(bytes).count(), count - 1);
  }
}

// ---- changes ----

std::string random_text(Random& random) {
  switch (random.below(6)) {
    case 0:
      return std::to_string(random.below(200));
    case 1:
      return std::to_string(static_cast<int64_t>(random.next()) >> random.below(64));
    case 2:
      return std::string(random.below(200), 'x');
    case 3:
      return std::string(60 + random.below(8), 'y');
    case 4:
      return std::string(random.below(40) == 0 ? 4090 + random.below(10) : 120 + random.below(10), 'z');
    default: {
      std::string text(random.below(12), ' ');
      for (char& c : text) c = static_cast<char>(random.below(256));
      return text;
    }
  }
}

TEST(Listpack, RandomEditsAgainstAVector) {
  Random random(test_seed());
  for (int round = 0; round < 40; round++) {
    Texts model;
    std::string bytes = packed({});
    for (int step = 0; step < 200; step++) {
      const size_t at = random.below(model.size() + 1);
      const size_t removed = random.below(std::min<size_t>(model.size() - at, 4) + 1);
      Texts inserted(random.below(4));
      for (std::string& text : inserted) text = random_text(random);
      splice(bytes, Listpack(bytes).at(static_cast<int64_t>(at)), removed, inserted);
      model.erase(model.begin() + at, model.begin() + at + removed);
      model.insert(model.begin() + at, inserted.begin(), inserted.end());
      ASSERT_TRUE(valid_listpack(bytes));
      ASSERT_EQ(Listpack(bytes).count(), model.size());
    }
    ASSERT_EQ(unpacked(Listpack(bytes)), model);
    EXPECT_EQ(bytes, packed(model)) << "edited and built are the same";
    for (size_t i = 0; i < model.size(); i++) {
      const Listpack listpack(bytes);
      const auto first = std::find(model.begin(), model.end(), model[i]) - model.begin();
      ASSERT_EQ(listpack.find(StringView(model[i]), listpack.begin(), 1), listpack.at(first));
    }
  }
}

// ---- bytes from elsewhere ----

// All that a view can be asked, for a sanitizer to watch. The bytes lie in a block of exactly their size.
void use(const Listpack& listpack) {
  const Texts texts = unpacked(listpack);
  ASSERT_EQ(texts.size(), listpack.count());
  const auto count = static_cast<int64_t>(texts.size());
  for (int64_t i = 0; i < count; i++) {
    ASSERT_EQ(listpack.at(i - count), listpack.at(i));
    (void)listpack.find(StringView(texts[i]), listpack.begin(), 2);
  }
}

// How many of the bytes' mutations were taken for valid.
int try_bytes(const std::string& bytes) {
  const std::vector<char> exact(bytes.begin(), bytes.end());
  const std::string_view view(exact.data(), exact.size());
  if (!valid_listpack(view)) return 0;
  use(Listpack(view));
  return 1;
}

const Texts kMixed = {"0",
                      "127",
                      "-1",
                      "4095",
                      "-32768",
                      "8388607",
                      "-2147483648",
                      "text",
                      "",
                      "123456789",
                      "-1234567890",
                      "2147483648",
                      "007",
                      std::string(63, 'a'),
                      "tail",
                      "12345",
                      std::string(64, 'b')};

TEST(ListpackValidation, EveryTruncationIsRefused) {
  const std::string bytes = packed(kMixed);
  for (size_t length = 0; length < bytes.size(); length++) {
    std::string shorter = bytes.substr(0, length);
    ASSERT_EQ(try_bytes(shorter), 0) << length;
    if (length < Listpack::kEmptyBytes) continue;
    const auto said = static_cast<uint32_t>(length);
    std::memcpy(shorter.data(), &said, sizeof said);
    ASSERT_EQ(try_bytes(shorter), 0) << length << ", and the header says so";
    // With an end, too: valid only where an element ends, and then with another count.
    shorter.back() = '\xff';
    ASSERT_EQ(try_bytes(shorter), 0) << length;
  }
}

TEST(ListpackValidation, EverySingleByteMutationIsRefusedOrSafe) {
  for (const Texts& texts :
       {kMixed, Texts{}, Texts{"1"}, Texts{std::string(126, 'x'), "1"}, Texts{std::string(4096, 'y')}}) {
    const std::string bytes = packed(texts);
    int valid = 0;
    for (size_t at = 0; at < bytes.size(); at++) {
      if (at > 200 && at + 20 < bytes.size()) continue;
      for (int value = 0; value < 256; value++) {
        std::string mutated = bytes;
        mutated[at] = static_cast<char>(value);
        valid += try_bytes(mutated);
      }
    }
    EXPECT_GT(valid, 0) << "what was there already, at the least";
  }
}

TEST(ListpackValidation, RandomMutationsAreRefusedOrSafe) {
  Random random(test_seed());
  const std::string bytes = packed(kMixed);
  for (int round = 0; round < 200'000; round++) {
    std::string mutated = bytes;
    for (uint64_t n = random.below(4) + 1; n > 0; n--) {
      mutated[4 + random.below(mutated.size() - 4)] = static_cast<char>(random.below(256));
    }
    if (random.below(4) == 0) {
      mutated.resize(Listpack::kEmptyBytes + random.below(mutated.size()));
      mutated.back() = '\xff';
      mutated[4] = mutated[5] = '\xff';
      const auto said = static_cast<uint32_t>(mutated.size());
      std::memcpy(mutated.data(), &said, sizeof said);
    }
    (void)try_bytes(mutated);
  }
}

TEST(ListpackValidation, OneFlawOneTest) {
  const auto refused = [](std::string bytes) {
    const auto said = static_cast<uint32_t>(bytes.size());
    std::memcpy(bytes.data(), &said, sizeof said);
    return !valid_listpack(bytes);
  };
  const auto with = [](std::string_view element, int count = 1) {
    return std::string(4, '\0') + static_cast<char>(count) + std::string(1, '\0') + std::string(element) + "\xff";
  };
  using namespace std::string_literals;
  EXPECT_FALSE(refused(with("\x05\x01"s)));
  EXPECT_TRUE(refused(with("\x05\x02"s))) << "wrong length behind an element";
  EXPECT_TRUE(refused(with("\x05"s))) << "no length behind an element";
  EXPECT_TRUE(refused(with("\x05\x01"s, 2))) << "wrong count";
  EXPECT_TRUE(refused(with("\xf5\x01"s))) << "an encoding that nobody assigned";
  EXPECT_TRUE(refused(with("\xff\x01"s))) << "an end before the end";
  EXPECT_TRUE(
      refused(with("\x82"
                   "a\x02"s)))
      << "a string into the end";
  EXPECT_TRUE(
      refused(with("\xf0\xff\xff\xff\xff"
                   "a\x02"s)))
      << "a string of 4 GiB";
  EXPECT_TRUE(refused(with("\xf0\x01"s))) << "a head that is cut off";
  EXPECT_TRUE(refused(with("\xf4\x01\x02\x03"s))) << "an integer that is cut off";
  EXPECT_TRUE(valid_listpack(packed({"a"})));
  EXPECT_FALSE(valid_listpack(packed({"a"}) + "x")) << "bytes behind the end";
  EXPECT_FALSE(valid_listpack(""));
}

}  // namespace
}  // namespace cowslip::store
