#include "persistence/dump_payload.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "store/hash.h"
#include "store/set.h"
#include "store/sorted_set.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/keyspace_fixture.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

std::string dump_of(std::string_view value) {
  auto keyspace = make_keyspace();
  set(*keyspace, 0, "k", value);
  return encode_dump(*keyspace->database(0).find("k"));
}

// Decodes into a keyspace of its own.
class Decoded {
 public:
  explicit Decoded(std::string_view payload)
      : made_(decode_dump(payload, *keyspace_, keyspace_->database(0), "k", store::kNoExpiry)) {}
  const Result<store::PreparedEntry>& made() const { return made_; }
  std::string text() const {
    store::StringView::Scratch scratch;
    return std::string(made_->entry().string().text(scratch));
  }

 private:
  std::unique_ptr<store::Keyspace> keyspace_ = make_keyspace();
  Result<store::PreparedEntry> made_;
};

std::string sealed(std::string payload, int version = 10) {
  return with_checksum(payload + bytes_of({version, 0}));
}

TEST(DumpPayload, GoldenBytes) {
  EXPECT_EQ(dump_of("10"), sealed(bytes_of({0, 0xc0, 10})));
  EXPECT_EQ(dump_of("hello"), sealed(bytes_of({0}) + plain("hello")));
}

TEST(DumpPayload, RandomValuesComeBack) {
  Random random(testing::announced_seed("DumpPayload.RandomValuesComeBack"));
  for (int i = 0; i < 500; i++) {
    const std::string value = random_value(random);
    const Decoded decoded(dump_of(value));
    ASSERT_TRUE(decoded.made().has_value()) << decoded.made().error().message;
    EXPECT_TRUE(decoded.text() == value);
  }
}

TEST(DumpPayload, IsCompressedUnlessToldNotTo) {
  auto keyspace = make_keyspace();
  keyspace->database(0).set_string("k", std::string(1000, 'z'));
  const store::Entry& entry = *keyspace->database(0).find("k");
  EXPECT_LT(encode_dump(entry).size(), 100u);
  const std::string plain = encode_dump(entry, false);
  EXPECT_GT(plain.size(), 1000u);
  EXPECT_TRUE(Decoded(plain).text() == std::string(1000, 'z'));
}

TEST(DumpPayload, VersionsUpToElevenAreTaken) {
  EXPECT_TRUE(Decoded(sealed(bytes_of({0}) + plain("v"), 1)).made().has_value());
  EXPECT_TRUE(Decoded(sealed(bytes_of({0}) + plain("v"), 11)).made().has_value());
}

void expect_refused(const std::string& payload, ErrorCode code) {
  const Decoded decoded(payload);
  ASSERT_FALSE(decoded.made().has_value());
  EXPECT_EQ(decoded.made().error().code, code) << decoded.made().error().message;
}

TEST(DumpPayload, TooNewTooShortOrWrongChecksumIsInvalid) {
  expect_refused(sealed(bytes_of({0}) + plain("v"), 12), ErrorCode::kInvalidArgument);
  expect_refused("", ErrorCode::kInvalidArgument);
  expect_refused("too short", ErrorCode::kInvalidArgument);
  std::string payload = sealed(bytes_of({0}) + plain("v"));
  payload[2] ^= 1;
  expect_refused(payload, ErrorCode::kInvalidArgument);
}

TEST(DumpPayload, AWrongValueUnderARightChecksumIsCorrupt) {
  expect_refused(sealed(""), ErrorCode::kCorrupt);
  expect_refused(sealed(bytes_of({0, 5}) + "abc"), ErrorCode::kCorrupt);
  expect_refused(sealed(bytes_of({0}) + plain("v") + "left over"), ErrorCode::kCorrupt);
  expect_refused(sealed(bytes_of({8}) + plain("v")), ErrorCode::kCorrupt);
}

TEST(DumpPayload, CollectionsWithoutElementsOrWithOneTwiceAreCorrupt) {
  expect_refused(sealed(bytes_of({18, 0})), ErrorCode::kCorrupt);
  expect_refused(sealed(bytes_of({2, 0})), ErrorCode::kCorrupt);
  expect_refused(sealed(bytes_of({2, 2}) + plain("a") + plain("a")), ErrorCode::kCorrupt);
  expect_refused(sealed(bytes_of({4, 2}) + plain("f") + plain("1") + plain("f") + plain("2")), ErrorCode::kCorrupt);
  EXPECT_EQ(Decoded(sealed(bytes_of({2, 2}) + plain("a") + plain("b"))).made()->entry().type(),
            store::ObjectType::kSet);
}

// A listpack of these elements, each of them a short string, whatever it looks like.
std::string listpack_of_strings(const std::vector<std::string>& elements) {
  std::string body;
  for (const std::string& element : elements) {
    body += bytes_of({static_cast<int>(0x80 | element.size())}) + element;
    body += bytes_of({static_cast<int>(element.size() + 1)});
  }
  const auto total = static_cast<int>(6 + body.size() + 1);
  return bytes_of({total, 0, 0, 0, static_cast<int>(elements.size()), 0}) + body + bytes_of({0xff});
}

std::string packed(RdbType type, const std::vector<std::string>& elements) {
  return sealed(bytes_of({static_cast<int>(type)}) + plain(listpack_of_strings(elements)), 11);
}

// Other programs may write a number as text, or a sorted set in another order: it is found all the same.
TEST(DumpPayload, ForeignListpacksBecomeOurs) {
  const Decoded hash(packed(RdbType::kHashListpack, {"12", "x", "f", "34"}));
  ASSERT_TRUE(hash.made().has_value()) << hash.made().error().message;
  EXPECT_EQ(hash.made()->entry().encoding(), store::Encoding::kListpack);
  EXPECT_EQ(store::HashView(hash.made()->entry(), 1).size(), 2u);
  EXPECT_TRUE(store::HashView(hash.made()->entry(), 1).contains("12"));

  const Decoded set(packed(RdbType::kSetListpack, {"7", "b"}));
  EXPECT_TRUE(store::SetView(set.made()->entry(), 1).contains("7"));

  const Decoded sorted(packed(RdbType::kSortedSetListpack, {"b", "2.5", "c", "1e1", "a", "2.5"}));
  const store::SortedSetView view(sorted.made()->entry(), 1);
  EXPECT_EQ(view.rank("a")->rank, 0u);
  EXPECT_EQ(view.rank("b")->rank, 1u);
  EXPECT_EQ(view.rank("c")->rank, 2u);
  EXPECT_EQ(view.score("c"), 10.0);
}

TEST(DumpPayload, DamagedListpacksAreCorrupt) {
  expect_refused(packed(RdbType::kHashListpack, {"f", "1", "f", "2"}), ErrorCode::kCorrupt);
  expect_refused(packed(RdbType::kHashListpack, {"f", "1", "g"}), ErrorCode::kCorrupt);
  expect_refused(packed(RdbType::kSetListpack, {"a", "b", "a"}), ErrorCode::kCorrupt);
  expect_refused(packed(RdbType::kSetListpack, {}), ErrorCode::kCorrupt);
  expect_refused(packed(RdbType::kSortedSetListpack, {"a", "1", "a", "2"}), ErrorCode::kCorrupt);
  expect_refused(packed(RdbType::kSortedSetListpack, {"a", "x"}), ErrorCode::kCorrupt);
  expect_refused(packed(RdbType::kSortedSetListpack, {"a", "nan"}), ErrorCode::kCorrupt);
}

TEST(DumpPayload, StreamsAndModulesAreUnsupported) {
  for (const int type : {6, 7, 15, 19, 21}) expect_refused(sealed(bytes_of({type, 0})), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace cowslip::persistence
