#include "persistence/rdb_entry_parser.h"

#include <gtest/gtest.h>

#include <string>

#include "persistence/rdb_encoder.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/keyspace_fixture.h"
#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

TEST(ParsePlainEntry, TakesWholeEntriesOnly) {
  const std::string bytes = bytes_of({0xfc, 1, 0, 0, 0, 0, 0, 0, 0, 0}) + plain("key") + plain("value");
  RdbItem item;
  EXPECT_EQ(parse_plain_entry(bytes.data(), bytes.data() + bytes.size(), item), bytes.data() + bytes.size());
  EXPECT_EQ(item.key, "key");
  EXPECT_EQ(item.value.bytes(), "value");
  EXPECT_EQ(item.expire_at_ms, 1);
  for (size_t length = 0; length < bytes.size(); length++) {
    const std::string part = bytes.substr(0, length);  // of its own, so that a sanitizer sees a byte too many
    EXPECT_EQ(parse_plain_entry(part.data(), part.data() + part.size(), item), nullptr) << length;
  }
}

TEST(ParsePlainEntry, LeavesTheRestToTheDecoder) {
  RdbItem item;
  for (const std::string& bytes :
       {bytes_of({1}) + plain("k") + plain("v"), bytes_of({0xff}), bytes_of({0, 0xc0, 5}) + plain("v"),
        bytes_of({0}) + plain("k") + bytes_of({0xc3, 1, 2, 0}), bytes_of({0}) + plain("k") + bytes_of({0xc4, 0}),
        bytes_of({0}) + plain("k") + bytes_of({0x81, 0, 0, 0, 0, 0, 0, 0, 0})}) {
    EXPECT_EQ(parse_plain_entry(bytes.data(), bytes.data() + bytes.size(), item), nullptr);
  }
}

// The short way through the decoder and the long one, whole and damaged files, buffers of every size.
TEST(BufferedEntries, AreWhatTheDecoderFinds) {
  Random random(testing::announced_seed("BufferedEntries.AreWhatTheDecoderFinds"));
  for (int round = 0; round < 3000; round++) {
    StringSink sink;
    RdbEncoder encoder(sink, {.checksum = random.below(2) == 0});
    (void)encoder.begin();
    for (uint64_t keys = random.below(12); keys > 0; keys--) {
      KeyAttributes attributes;
      if (random.below(2) == 0) attributes.expire_at_ms = static_cast<int64_t>(random.next() >> 16);
      if (random.below(3) == 0) attributes.idle_seconds = random.below(100'000);
      if (random.below(3) == 0) attributes.frequency = static_cast<uint8_t>(random.below(256));
      const std::string key = random_text(random, random.below(80), false);
      const std::string value = random_text(random, random.below(200), random.below(2) == 0);
      const auto integer = static_cast<int64_t>(random.next()) >> random.below(64);
      (void)encoder.string_entry(key, random.below(3) == 0 ? store::StringView(integer) : store::StringView(value),
                                 attributes);
    }
    (void)encoder.finish();
    std::string bytes = sink.bytes;
    for (uint64_t damage = random.below(3); damage > 0; damage--) {
      bytes[9 + random.below(bytes.size() - 9)] = static_cast<char>(random.next());
    }
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
    const size_t buffer_bytes = 64 + random.below(600);
    const Decoded expected = decode_all(bytes, buffer_bytes), seen = decode_all(bytes, buffer_bytes, true);
    EXPECT_TRUE(seen.items == expected.items);
    ASSERT_EQ(seen.error.has_value(), expected.error.has_value());
    EXPECT_EQ(seen.error ? seen.error->message : "", expected.error ? expected.error->message : "");
    EXPECT_EQ(seen.checksum_verified, expected.checksum_verified);
  }
}

}  // namespace
}  // namespace cowslip::persistence
