#include "persistence/rdb_decoder.h"

#include <gtest/gtest.h>

#include <string>

#include "persistence/rdb_encoder.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

using Kind = RdbItem::Kind;

std::string entry_of(std::string_view key, std::string_view raw_value) {
  return bytes_of({0}) + plain(key) + std::string(raw_value);
}

HeldItem only_item(std::string_view body, int version = 10) {
  const Decoded decoded = decode_all(rdb_file(body, version));
  EXPECT_FALSE(decoded.error.has_value()) << decoded.error->message;
  if (decoded.items.size() != 1) {
    ADD_FAILURE() << decoded.items.size() << " items";
    return {};
  }
  return decoded.items[0];
}

// ---- what is valid ----

TEST(RdbDecoder, EmptyFile) {
  const Decoded decoded = decode_all(rdb_file(""));
  EXPECT_FALSE(decoded.error.has_value());
  EXPECT_TRUE(decoded.items.empty());
  EXPECT_TRUE(decoded.checksum_verified);
}

TEST(RdbDecoder, VersionsOneToEleven) {
  for (int version = 1; version <= 11; version++) {
    std::string bytes = header(version) + bytes_of({0xfe, 0}) + entry_of("k", plain("v")) + "\xff";
    if (version >= 5) bytes = with_checksum(bytes);
    const Decoded decoded = decode_all(bytes);
    EXPECT_FALSE(decoded.error.has_value()) << version;
    EXPECT_EQ(decoded.version, version);
    EXPECT_EQ(decoded.checksum_verified, version >= 5);
  }
}

TEST(RdbDecoder, IntegersInOneTwoAndFourBytes) {
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0xc0, 0xff}))).value, "-1");
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0xc1, 0x00, 0x80}))).value, "-32768");
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0xc2, 0x00, 0x00, 0x00, 0x80}))).value, "-2147483648");
  EXPECT_TRUE(only_item(entry_of("k", bytes_of({0xc0, 0x07}))).is_integer);
}

TEST(RdbDecoder, IntegerKeys) {
  EXPECT_EQ(only_item(bytes_of({0, 0xc0, 12}) + plain("v")).key, "12");
}

TEST(RdbDecoder, LengthsInEveryWidth) {
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0x40, 3}) + "abc")).value, "abc");
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0x80, 0, 0, 0, 3}) + "abc")).value, "abc");
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0x81, 0, 0, 0, 0, 0, 0, 0, 3}) + "abc")).value, "abc");
}

TEST(RdbDecoder, CompressedStrings) {
  // Three literals, then a match of 9 + 2 bytes at distance 3.
  const std::string lzf = bytes_of({0x02}) + "abc" + bytes_of({0xe0, 2, 2});
  EXPECT_EQ(only_item(entry_of("k", bytes_of({0xc3, 7, 14}) + lzf)).value, "abcabcabcabcab");
}

TEST(RdbDecoder, ExpiryInMillisecondsAndSeconds) {
  EXPECT_EQ(only_item(bytes_of({0xfc, 1, 2, 0, 0, 0, 0, 0, 0}) + entry_of("k", plain("v"))).expire_at_ms, 513);
  EXPECT_EQ(only_item(bytes_of({0xfd, 1, 2, 0, 0}) + entry_of("k", plain("v"))).expire_at_ms, 513'000);
}

TEST(RdbDecoder, IdleTimeAndFrequency) {
  const HeldItem item = only_item(bytes_of({0xf8, 0x40, 200, 0xf9, 255}) + entry_of("k", plain("v")));
  EXPECT_EQ(item.idle_seconds, 200u);
  EXPECT_EQ(item.frequency, 255);
}

TEST(RdbDecoder, UnknownAuxiliaryFieldsAreItemsLikeOthers) {
  const HeldItem item = only_item(bytes_of({0xfa}) + plain("never-heard-of") + bytes_of({0xc0, 1}));
  EXPECT_EQ(item.kind, Kind::kAux);
  EXPECT_EQ(item.name, "never-heard-of");
  EXPECT_EQ(item.value, "1");
}

TEST(RdbDecoder, SelectAndResize) {
  EXPECT_EQ(only_item(bytes_of({0xfe, 0x40, 99})).number, 99u);
  const HeldItem resize = only_item(bytes_of({0xfb, 5, 2}));
  EXPECT_EQ(resize.number, 5u);
  EXPECT_EQ(resize.expires, 2u);
}

TEST(RdbDecoder, FunctionLibrary) {
  const HeldItem item = only_item(bytes_of({0xf5}) + plain("#!lua name=x"));
  EXPECT_EQ(item.kind, Kind::kFunction);
  EXPECT_EQ(item.value, "#!lua name=x");
}

TEST(RdbDecoder, ModuleDataIsSkippedAndNamed) {
  // "ReJSON-RL" as nine six-bit characters above ten bits of version.
  constexpr std::string_view kCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint64_t id = 0;
  for (const char c : std::string_view("ReJSON-RL")) id = id << 6 | kCharacters.find(c);
  id = id << 10 | 3;
  std::string body = bytes_of({0xf7, 0x81});
  for (int shift = 56; shift >= 0; shift -= 8) body += static_cast<char>(id >> shift);
  body += bytes_of({2, 1, 1, 5, 2, 6, 3}) + "ffff" + bytes_of({4}) + "dddddddd" + bytes_of({5}) + plain("text") +
          bytes_of({0});
  const HeldItem item = only_item(body);
  EXPECT_EQ(item.kind, Kind::kModuleAux);
  EXPECT_EQ(item.name, "ReJSON-RL");
}

TEST(RdbDecoder, ZeroChecksumMeansNone) {
  const Decoded decoded = decode_all(header(10) + "\xff" + std::string(8, '\0'));
  EXPECT_FALSE(decoded.error.has_value());
  EXPECT_FALSE(decoded.checksum_verified);
}

TEST(RdbDecoder, BytesAfterTheEndAreNotRead) {
  EXPECT_FALSE(decode_all(rdb_file("") + "an append-only file may follow").error.has_value());
}

TEST(RdbDecoder, StringsAcrossEveryEdgeOfTheBuffer) {
  StringSink sink;
  RdbEncoder encoder(sink);
  (void)encoder.begin();
  for (size_t length = 0; length < 300; length++) {
    (void)encoder.string_entry("key:" + std::to_string(length), store::StringView(std::string(length, 'x')));
  }
  (void)encoder.finish();
  for (const size_t buffer : {64u, 65u, 100u, 127u, 1000u, 100'000u}) {
    const Decoded decoded = decode_all(sink.bytes, buffer);
    ASSERT_FALSE(decoded.error.has_value()) << decoded.error->message;
    ASSERT_EQ(decoded.items.size(), 300u);
    for (size_t length = 0; length < 300; length++) EXPECT_EQ(decoded.items[length].value, std::string(length, 'x'));
    EXPECT_TRUE(decoded.checksum_verified);
  }
}

// ---- one corruption, one test ----

TEST(RdbCorruption, EmptyInput) {
  expect_error("", ErrorCode::kCorrupt, "end of the RDB data");
}

TEST(RdbCorruption, WrongMagic) {
  expect_error("NOTREDIS0010\xff", ErrorCode::kCorrupt, "Wrong signature");
}

TEST(RdbCorruption, VersionIsNoNumber) {
  expect_error("REDIS00x0\xff", ErrorCode::kCorrupt, "not a number");
}

TEST(RdbCorruption, VersionZero) {
  expect_error("REDIS0000\xff", ErrorCode::kUnsupported, "Can't handle RDB format version 0");
}

TEST(RdbCorruption, VersionTooNew) {
  expect_error("REDIS0012\xff", ErrorCode::kUnsupported, "Can't handle RDB format version 12");
}

TEST(RdbCorruption, ChecksumMismatch) {
  std::string bytes = rdb_file(entry_of("k", plain("value")));
  bytes[14] ^= 1;
  expect_error(bytes, ErrorCode::kCorrupt, "Wrong RDB checksum");
}

TEST(RdbCorruption, MismatchIsIgnoredWhenNotAskedFor) {
  std::string bytes = rdb_file("");
  bytes.back() ^= 1;
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.verify_checksum = false});
  ASSERT_TRUE(decoder.begin().has_value());
  EXPECT_EQ(decoder.next()->kind, Kind::kEnd);
}

TEST(RdbCorruption, UnassignedType) {
  expect_error(rdb_file(bytes_of({8}) + plain("some key")), ErrorCode::kCorrupt, "Unknown RDB type 8");
}

TEST(RdbCorruption, TypesNotSupportedYetNameTypeAndKey) {
  for (const int type : {6, 15, 19, 21}) {
    expect_error(rdb_file(bytes_of({type}) + plain("some key")), ErrorCode::kUnsupported,
                 std::string(rdb_type_name(static_cast<uint8_t>(type))));
    expect_error(rdb_file(bytes_of({type}) + plain("some key")), ErrorCode::kUnsupported, "\"some key\"");
  }
}

TEST(RdbCorruption, ModuleValueNamesTheModule) {
  expect_error(rdb_file(bytes_of({7}) + plain("k") + bytes_of({0})), ErrorCode::kUnsupported, "module 'AAAAAAAAA'");
}

TEST(RdbCorruption, UnknownLengthEncoding) {
  expect_error(rdb_file(entry_of("k", bytes_of({0x82}))), ErrorCode::kCorrupt, "length encoding 0x82");
}

TEST(RdbCorruption, UnknownStringEncoding) {
  expect_error(rdb_file(entry_of("k", bytes_of({0xc4}))), ErrorCode::kCorrupt, "string encoding 4");
}

TEST(RdbCorruption, EncodedStringWhereALengthBelongs) {
  expect_error(rdb_file(bytes_of({0xfe, 0xc0, 1})), ErrorCode::kCorrupt, "place of a length");
}

TEST(RdbCorruption, LengthBeyondTheEnd) {
  expect_error(rdb_file(entry_of("k", bytes_of({0x80, 0x40, 0, 0, 0}) + "abc")), ErrorCode::kCorrupt, "end of the RDB");
}

TEST(RdbCorruption, LengthOfAllOnesTakesNoMemory) {
  const std::string huge = bytes_of({0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  expect_error(rdb_file(entry_of("k", huge + "abc")), ErrorCode::kCorrupt, "end of the RDB");
}

TEST(RdbCorruption, LzfPlainLengthIsImpossible) {
  const std::string claim = bytes_of({0xc3, 4, 0x80, 0x7f, 0xff, 0xff, 0xff}) + "abcd";
  expect_error(rdb_file(entry_of("k", claim)), ErrorCode::kCorrupt, "Impossible lengths");
}

TEST(RdbCorruption, LzfOfNothing) {
  expect_error(rdb_file(entry_of("k", bytes_of({0xc3, 0, 1}))), ErrorCode::kCorrupt, "Impossible lengths");
  expect_error(rdb_file(entry_of("k", bytes_of({0xc3, 1, 0}) + "a")), ErrorCode::kCorrupt, "Impossible lengths");
}

TEST(RdbCorruption, LzfReferenceBeforeTheStart) {
  expect_error(rdb_file(entry_of("k", bytes_of({0xc3, 3, 10, 0xe0, 1, 0xff}))), ErrorCode::kCorrupt, "Invalid LZF");
}

TEST(RdbCorruption, LzfShorterThanPromised) {
  expect_error(rdb_file(entry_of("k", bytes_of({0xc3, 3, 10, 1}) + "ab")), ErrorCode::kCorrupt, "Invalid LZF");
}

TEST(RdbCorruption, LzfLongerThanPromised) {
  expect_error(rdb_file(entry_of("k", bytes_of({0xc3, 4, 2, 2}) + "abc")), ErrorCode::kCorrupt, "Invalid LZF");
}

TEST(RdbCorruption, ExpiryWithoutAKey) {
  expect_error(rdb_file(bytes_of({0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0xfe, 0})), ErrorCode::kCorrupt,
               "not followed by a key");
}

TEST(RdbCorruption, ModuleDataWithoutATime) {
  expect_error(rdb_file(bytes_of({0xf7, 1, 5, 1, 0})), ErrorCode::kCorrupt, "without a time");
}

TEST(RdbCorruption, ModuleDataOfAnUnknownKind) {
  expect_error(rdb_file(bytes_of({0xf7, 1, 2, 1, 9})), ErrorCode::kCorrupt, "Unknown field 9");
}

TEST(RdbCorruption, FunctionsOfAReleaseCandidate) {
  expect_error(rdb_file(bytes_of({0xf6})), ErrorCode::kUnsupported, "release candidate");
}

TEST(RdbCorruption, NoEndMarker) {
  expect_error(header(10) + entry_of("k", plain("v")), ErrorCode::kCorrupt, "end of the RDB data at offset 14");
}

TEST(RdbCorruption, MessagesSayWhereAndForWhichKey) {
  expect_error(rdb_file(entry_of("a\nkey", bytes_of({0xc5}))), ErrorCode::kCorrupt, "at offset 17, key \"a\\nkey\"");
}

TEST(RdbCorruption, TruncationAtEveryByteIsAnError) {
  StringSink sink;
  RdbEncoder encoder(sink);
  (void)encoder.begin();
  (void)encoder.aux("redis-ver", "7.2.5");
  (void)encoder.select_database(1);
  (void)encoder.resize_database(4, 1);
  (void)encoder.string_entry("plain", store::StringView("value"),
                             {.expire_at_ms = 1'700'000'000'000, .idle_seconds = 9});
  (void)encoder.string_entry("number", store::StringView(int64_t{123456}), {.frequency = 3});
  (void)encoder.string_entry("compressed", store::StringView(std::string(5000, 'z')));
  (void)encoder.string_entry("long", store::StringView("not compressible, 0123456789 abcdefghijklmnopqrstuvwxyz"));
  (void)encoder.finish();
  for (size_t length = 0; length < sink.bytes.size(); length++) {
    const Decoded decoded = decode_all(std::string_view(sink.bytes).substr(0, length));
    ASSERT_TRUE(decoded.error.has_value()) << length;
    EXPECT_EQ(decoded.error->code, ErrorCode::kCorrupt) << length;
  }
  EXPECT_FALSE(decode_all(sink.bytes).error.has_value());
}

TEST(RdbCorruption, EveryFlippedBitIsNoticed) {
  const std::string good =
      rdb_file(bytes_of({0xfe, 0}) + entry_of("k", plain("some value")) + entry_of("n", bytes_of({0xc1, 1, 2})));
  for (size_t bit = 0; bit < good.size() * 8; bit++) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    const Decoded decoded = decode_all(bad);
    EXPECT_TRUE(decoded.error.has_value()) << "bit " << bit;
  }
}

TEST(RdbCorruption, AFailingSourceIsPassedOn) {
  class Broken final : public ByteSource {
    Result<size_t> read(std::span<char>) override { return fail_errno("read", EIO); }
  } source;
  RdbDecoder decoder(source);
  const Status status = decoder.begin();
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().os_errno, EIO);
}

}  // namespace
}  // namespace cowslip::persistence
