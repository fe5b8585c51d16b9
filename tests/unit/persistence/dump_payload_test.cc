#include "persistence/dump_payload.h"

#include <gtest/gtest.h>

#include <string>

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

std::string text_of(const DumpedValue& value) {
  store::StringView::Scratch scratch;
  return std::string(value.view().text(scratch));
}

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
    auto decoded = decode_dump(dump_of(value));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
    EXPECT_TRUE(text_of(*decoded) == value);
  }
}

TEST(DumpPayload, IsCompressedUnlessToldNotTo) {
  auto keyspace = make_keyspace();
  keyspace->database(0).set_string("k", std::string(1000, 'z'));
  const store::Entry& entry = *keyspace->database(0).find("k");
  EXPECT_LT(encode_dump(entry).size(), 100u);
  const std::string plain = encode_dump(entry, false);
  EXPECT_GT(plain.size(), 1000u);
  EXPECT_TRUE(text_of(*decode_dump(plain)) == std::string(1000, 'z'));
}

TEST(DumpPayload, VersionsUpToElevenAreTaken) {
  EXPECT_TRUE(decode_dump(sealed(bytes_of({0}) + plain("v"), 1)).has_value());
  EXPECT_TRUE(decode_dump(sealed(bytes_of({0}) + plain("v"), 11)).has_value());
}

void expect_refused(const std::string& payload, ErrorCode code) {
  auto decoded = decode_dump(payload);
  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().code, code) << decoded.error().message;
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

TEST(DumpPayload, TypesNotSupportedYetSaySo) {
  expect_refused(sealed(bytes_of({18, 0})), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace cowslip::persistence
