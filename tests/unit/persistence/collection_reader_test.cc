#include "persistence/collection_reader.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "persistence/distinct_values.h"
#include "persistence/ziplist.h"
#include "store/listpack.h"
#include "tests/unit/persistence/collection_model.h"
#include "tests/unit/persistence/old_blobs.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

using Texts = std::vector<std::string>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string listpack_of(const Texts& texts) {
  store::ListpackBuilder builder;
  for (const std::string& text : texts) builder.append(store::StringView(text));
  return std::string(builder.finish());
}

std::string intset_of(uint32_t width, uint32_t count, std::string_view integers) {
  return little_endian_bytes(width) + little_endian_bytes(count) + std::string(integers);
}

// A string of any length, as a blob lies in a file.
std::string blob(const std::string& bytes) {
  return bytes_of({0x80, 0, static_cast<int>(bytes.size() >> 16), static_cast<int>(bytes.size() >> 8 & 0xff),
                   static_cast<int>(bytes.size() & 0xff)}) +
         bytes;
}

std::string score(double value) {
  return little_endian_bytes(value);
}

void expect_corrupt(RdbType type, const std::string& bytes, std::string_view message) {
  const ReadCollection read = read_collection(type, bytes);
  ASSERT_FALSE(read.elements.has_value()) << message;
  EXPECT_EQ(read.elements.error().code, ErrorCode::kCorrupt) << read.elements.error().message;
  EXPECT_NE(read.elements.error().message.find(message), std::string::npos) << read.elements.error().message;
  EXPECT_FALSE(read.ended);
}

CollectionModel model_of(RdbType type, const std::string& bytes, uint64_t elements) {
  ReadCollection read = read_collection(type, bytes);
  EXPECT_TRUE(read.elements.has_value()) << read.elements.error().message;
  if (!read.elements) return {};
  EXPECT_EQ(*read.elements, elements);
  EXPECT_EQ(read.offset, bytes.size());
  EXPECT_TRUE(read.ended);
  return std::move(read.model);
}

// ---- what is valid ----

TEST(CollectionReader, PlainForms) {
  EXPECT_EQ(model_of(RdbType::kList, bytes_of({3}) + plain("b") + plain("a") + bytes_of({0xc0, 5}), 3),
            (CollectionModel{"list", {"b", "a", "5"}, {}}));
  EXPECT_EQ(model_of(RdbType::kSet, bytes_of({2}) + plain("b") + plain("a"), 2),
            (CollectionModel{"set", {"a", "b"}, {}}));
  EXPECT_EQ(model_of(RdbType::kHash, bytes_of({1}) + plain("f") + plain("v"), 1),
            (CollectionModel{"hash", {}, {{"f", "v"}}}));
  EXPECT_EQ(model_of(RdbType::kSortedSet2, bytes_of({2}) + plain("b") + score(2) + plain("a") + score(0.1), 2),
            (CollectionModel{"zset", {}, {{"a", "0.10000000000000001"}, {"b", "2"}}}));
}

TEST(CollectionReader, ScoresAsText) {
  const std::string bytes = bytes_of({6}) + plain("a") + plain("1.5") + plain("b") + bytes_of({254}) + plain("c") +
                            bytes_of({255}) + plain("d") + plain("-3") + plain("e") + plain("4.9406564584124654e-324") +
                            plain("f") + plain("1e+300");
  EXPECT_EQ(model_of(RdbType::kSortedSet, bytes, 6), (CollectionModel{"zset",
                                                                      {},
                                                                      {{"c", "-inf"},
                                                                       {"d", "-3"},
                                                                       {"e", "4.9406564584124654e-324"},
                                                                       {"a", "1.5"},
                                                                       {"f", "1.0000000000000001e+300"},
                                                                       {"b", "inf"}}}));
}

TEST(CollectionReader, Quicklists) {
  EXPECT_EQ(model_of(RdbType::kListQuicklist2,
                     bytes_of({3, 2}) + blob(listpack_of({"a", "1"})) + bytes_of({1}) + plain("plain") + bytes_of({2}) +
                         blob(listpack_of({"z"})),
                     4),
            (CollectionModel{"list", {"a", "1", "plain", "z"}, {}}));
  EXPECT_EQ(model_of(RdbType::kListQuicklist,
                     bytes_of({2}) + blob(ziplist_of_texts({"a", "b"})) + blob(ziplist_of_texts({"c"})), 3),
            (CollectionModel{"list", {"a", "b", "c"}, {}}));
}

TEST(CollectionReader, WhatTheSinkIsTold) {
  auto read = read_collection(RdbType::kSetListpack, blob(listpack_of({"a", "1", "c"})));
  ASSERT_TRUE(read.head.has_value());
  EXPECT_EQ(read.head->kind, CollectionKind::kSet);
  EXPECT_EQ(read.head->form, RdbType::kSetListpack);
  EXPECT_EQ(read.head->expected, 3u);
  EXPECT_TRUE(read.head->distinct);
  read = read_collection(RdbType::kHashListpack, blob(listpack_of({"a", "1", "c", "2"})));
  EXPECT_EQ(read.head->expected, 2u);
  read = read_collection(RdbType::kHash, bytes_of({1}) + plain("f") + plain("v"));
  EXPECT_EQ(read.head->expected, 1u);
  EXPECT_FALSE(read.head->distinct) << "whoever keeps them knows";
}

// ---- nothing in it ----

TEST(CollectionReader, EmptyOnesAreNotHandedOn) {
  for (const RdbType type : {RdbType::kList, RdbType::kSet, RdbType::kSortedSet, RdbType::kHash, RdbType::kSortedSet2,
                             RdbType::kListQuicklist, RdbType::kListQuicklist2}) {
    const ReadCollection read = read_collection(type, bytes_of({0}));
    ASSERT_TRUE(read.elements.has_value());
    EXPECT_EQ(*read.elements, 0u);
    EXPECT_FALSE(read.head.has_value());
    EXPECT_FALSE(read.ended);
  }
  for (const RdbType type : {RdbType::kHashListpack, RdbType::kSetListpack, RdbType::kSortedSetListpack}) {
    EXPECT_EQ(read_collection(type, blob(listpack_of({}))).elements.value_or(9), 0u);
  }
  for (const RdbType type : {RdbType::kListZiplist, RdbType::kHashZiplist, RdbType::kSortedSetZiplist}) {
    EXPECT_EQ(read_collection(type, blob(ziplist_of({}))).elements.value_or(9), 0u);
  }
  EXPECT_EQ(read_collection(RdbType::kListQuicklist2, bytes_of({1, 2}) + blob(listpack_of({}))).elements.value_or(9),
            0u);
}

TEST(CollectionCorruption, EmptyIntsetsAndZipmaps) {
  expect_corrupt(RdbType::kSetIntset, blob(intset_of(2, 0, "")), "Damaged intset: it is empty");
  expect_corrupt(RdbType::kHashZipmap, blob(zipmap_of({})), "Damaged zipmap: it is empty");
}

// ---- one corruption, one test ----

TEST(CollectionCorruption, TheSameTwice) {
  const std::string twice = "The same member or field twice in a ";
  expect_corrupt(RdbType::kSet, bytes_of({2}) + plain("a") + plain("a"), twice + "set");
  expect_corrupt(RdbType::kSet, bytes_of({2}) + plain("5") + bytes_of({0xc0, 5}), twice + "set");
  expect_corrupt(RdbType::kHash, bytes_of({2}) + plain("f") + plain("1") + plain("f") + plain("2"), twice + "hash");
  expect_corrupt(RdbType::kSortedSet2, bytes_of({2}) + plain("a") + score(1) + plain("a") + score(2),
                 twice + "sorted set");
  expect_corrupt(RdbType::kSortedSet, bytes_of({2}) + plain("a") + plain("1") + plain("a") + plain("2"),
                 twice + "sorted set");
  expect_corrupt(RdbType::kSetListpack, blob(listpack_of({"a", "b", "a"})), twice + "set (listpack)");
  expect_corrupt(RdbType::kHashListpack, blob(listpack_of({"f", "1", "f", "2"})), twice + "hash (listpack)");
  expect_corrupt(RdbType::kSortedSetListpack, blob(listpack_of({"a", "1", "a", "2"})), twice + "sorted set");
  expect_corrupt(RdbType::kHashZiplist, blob(ziplist_of_texts({"f", "1", "f", "2"})), twice + "hash (ziplist)");
  expect_corrupt(RdbType::kSortedSetZiplist, blob(ziplist_of_texts({"m", "1", "m", "2"})), twice + "sorted set");
  expect_corrupt(RdbType::kHashZipmap, blob(zipmap_of({{"f", "1"}, {"f", "2"}})), twice + "hash (zipmap)");
}

// A blob can hold one number in two ways.
TEST(CollectionCorruption, ANumberAndItsTextAreTheSame) {
  const std::string bytes = ziplist_of({ziplist_text("7"), bytes_of({0xf1}), bytes_of({0xf8}), bytes_of({0xf1})});
  ASSERT_EQ(ziplist_flaw(bytes), "");
  expect_corrupt(RdbType::kHashZiplist, blob(bytes), "twice in a hash");
}

TEST(CollectionCorruption, OddNumbersOfElements) {
  for (const RdbType type : {RdbType::kHashListpack, RdbType::kSortedSetListpack}) {
    expect_corrupt(type, blob(listpack_of({"a", "1", "b"})), "An odd number of elements in a ");
  }
  for (const RdbType type : {RdbType::kHashZiplist, RdbType::kSortedSetZiplist}) {
    expect_corrupt(type, blob(ziplist_of_texts({"a"})), "An odd number of elements in a ");
  }
}

TEST(CollectionCorruption, ScoresThatAreNoNumbers) {
  const std::string message = "A score that is not a number";
  expect_corrupt(RdbType::kSortedSet2, bytes_of({1}) + plain("a") + score(std::numeric_limits<double>::quiet_NaN()),
                 message);
  expect_corrupt(RdbType::kSortedSet, bytes_of({1}) + plain("a") + bytes_of({253}), message);
  for (const char* text : {"", "nan", "-nan", "x", "1x", " 1", "1e400"}) {
    expect_corrupt(RdbType::kSortedSet, bytes_of({1}) + plain("a") + plain(text), message);
    expect_corrupt(RdbType::kSortedSetListpack, blob(listpack_of({"a", text})), message);
    expect_corrupt(RdbType::kSortedSetZiplist, blob(ziplist_of_texts({"a", text})), message);
  }
}

TEST(CollectionCorruption, DamagedBlobs) {
  std::string listpack = listpack_of({"a", "b"});
  listpack[4] = 3;
  for (const RdbType type : {RdbType::kHashListpack, RdbType::kSetListpack, RdbType::kSortedSetListpack}) {
    expect_corrupt(type, blob(listpack), "Damaged listpack");
  }
  expect_corrupt(RdbType::kListQuicklist2, bytes_of({1, 2}) + blob(listpack), "Damaged listpack");
  std::string ziplist = ziplist_of_texts({"a", "b"});
  ziplist[4] = 9;
  for (const RdbType type : {RdbType::kListZiplist, RdbType::kHashZiplist, RdbType::kSortedSetZiplist}) {
    expect_corrupt(type, blob(ziplist), "Damaged ziplist: its last entry is not where it says");
  }
  expect_corrupt(RdbType::kListQuicklist, bytes_of({1}) + blob(ziplist), "Damaged ziplist");
  expect_corrupt(RdbType::kSetIntset, blob(intset_of(2, 2, std::string("\2\0\1\0", 4))), "Damaged intset");
  expect_corrupt(RdbType::kHashZipmap, blob(zipmap_of({{"f", "v"}}) + "x"), "Damaged zipmap: it has no end");
}

TEST(CollectionCorruption, NumbersInThePlaceOfBlobs) {
  for (const RdbType type :
       {RdbType::kHashListpack, RdbType::kHashZiplist, RdbType::kSetIntset, RdbType::kHashZipmap}) {
    expect_corrupt(type, bytes_of({0xc0, 7}), "A number in the place of");
  }
}

TEST(CollectionCorruption, NodesOfUnknownKinds) {
  expect_corrupt(RdbType::kListQuicklist2, bytes_of({1, 0}) + plain("a"), "Unknown kind 0 of a list's node");
  expect_corrupt(RdbType::kListQuicklist2, bytes_of({1, 3}) + plain("a"), "Unknown kind 3 of a list's node");
  expect_corrupt(RdbType::kListQuicklist2, bytes_of({1, 1, 0}), "An empty plain node");
}

// A count of 2^64 - 1 takes no memory, neither here nor in a sink that goes by what is expected.
TEST(CollectionCorruption, HostileCounts) {
  const std::string huge = bytes_of({0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  for (int type = 1; type < 21; type++) {
    if (!CollectionReader::reads(static_cast<uint8_t>(type))) continue;
    const ReadCollection read = read_collection(static_cast<RdbType>(type), huge + plain("a") + plain("b"));
    ASSERT_FALSE(read.elements.has_value());
    EXPECT_EQ(read.elements.error().code, ErrorCode::kCorrupt);
    if (read.head) {
      EXPECT_LE(read.head->expected, 4u) << type;
    }
  }
}

TEST(CollectionCorruption, ErrorsNameTheKeyAndTheOffset) {
  const std::string bytes = header(10) + bytes_of({16}) + plain("my key") + blob("no listpack");
  MemorySource source(bytes);
  RdbDecoder decoder(source);
  ASSERT_TRUE(decoder.begin().has_value());
  const auto item = decoder.next();
  ASSERT_TRUE(item.has_value());
  EXPECT_EQ(item->kind, RdbItem::Kind::kUnread);
  EXPECT_EQ(item->key, "my key");
  EXPECT_EQ(item->type, 16);
  ModelSink sink;
  const auto read = CollectionReader(decoder).read(item->type, sink);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "Damaged listpack at offset 33, key \"my key\"");
}

// One reader for a whole file: nothing of a value is left for the next one.
TEST(CollectionReader, OneAfterTheOther) {
  const std::string set = blob(listpack_of({"a", "b"}));
  const std::string bytes = set + set + bytes_of({1}) + plain("x");
  MemorySource source(bytes);
  RdbDecoder decoder(source);
  CollectionReader reader(decoder);
  for (int i = 0; i < 2; i++) {
    ModelSink sink;
    EXPECT_EQ(reader.read(20, sink).value_or(0), 2u);
  }
  ModelSink sink;
  EXPECT_EQ(reader.read(1, sink).value_or(0), 1u);
  EXPECT_EQ(sink.model.elements, Texts{"x"});
}

TEST(DistinctValues, ManyAndAgain) {
  DistinctValues seen;
  for (int round = 0; round < 3; round++) {
    for (int64_t i = -20'000; i < 20'000; i++) ASSERT_TRUE(seen.insert(store::StringView(i)));
    for (int64_t i = -20'000; i < 20'000; i++) ASSERT_FALSE(seen.insert(store::StringView(std::to_string(i))));
    EXPECT_TRUE(seen.insert(store::StringView("")));
    EXPECT_FALSE(seen.insert(store::StringView("")));
    seen.clear();
  }
}

}  // namespace
}  // namespace cowslip::persistence
