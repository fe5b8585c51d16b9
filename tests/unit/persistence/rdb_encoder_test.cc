#include "persistence/rdb_encoder.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/persistence/rdb_bytes.h"

namespace cowslip::persistence {
namespace {

// What `write` makes the encoder produce.
template <typename Write>
std::string encoded(Write write, EncoderOptions options = {}) {
  StringSink sink;
  RdbEncoder encoder(sink, options);
  EXPECT_TRUE(write(encoder).has_value());
  EXPECT_TRUE(encoder.flush().has_value());
  EXPECT_EQ(encoder.bytes_written(), sink.bytes.size());
  return sink.bytes;
}

std::string encoded_string(std::string_view text) {
  return encoded([&](RdbEncoder& e) { return e.string(text); });
}
std::string encoded_length(uint64_t length) {
  return encoded([&](RdbEncoder& e) { return e.length(length); });
}

TEST(RdbEncoder, StartsWithMagicAndVersionTen) {
  EXPECT_EQ(encoded([](RdbEncoder& e) { return e.begin(); }), "REDIS0010");
}

TEST(RdbEncoder, LengthsTakeTheShortestForm) {
  EXPECT_EQ(encoded_length(0), bytes_of({0x00}));
  EXPECT_EQ(encoded_length(63), bytes_of({0x3f}));
  EXPECT_EQ(encoded_length(64), bytes_of({0x40, 0x40}));
  EXPECT_EQ(encoded_length(16383), bytes_of({0x7f, 0xff}));
  EXPECT_EQ(encoded_length(16384), bytes_of({0x80, 0x00, 0x00, 0x40, 0x00}));
  EXPECT_EQ(encoded_length(0xffffffff), bytes_of({0x80, 0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(encoded_length(0x100000000), bytes_of({0x81, 0, 0, 0, 1, 0, 0, 0, 0}));
}

TEST(RdbEncoder, NumbersTakeOneTwoOrFourBytes) {
  EXPECT_EQ(encoded_string("0"), bytes_of({0xc0, 0x00}));
  EXPECT_EQ(encoded_string("-128"), bytes_of({0xc0, 0x80}));
  EXPECT_EQ(encoded_string("127"), bytes_of({0xc0, 0x7f}));
  EXPECT_EQ(encoded_string("128"), bytes_of({0xc1, 0x80, 0x00}));
  EXPECT_EQ(encoded_string("-32768"), bytes_of({0xc1, 0x00, 0x80}));
  EXPECT_EQ(encoded_string("32768"), bytes_of({0xc2, 0x00, 0x80, 0x00, 0x00}));
  EXPECT_EQ(encoded_string("-2147483648"), bytes_of({0xc2, 0x00, 0x00, 0x00, 0x80}));
}

TEST(RdbEncoder, NumbersBeyond32BitsAreText) {
  EXPECT_EQ(encoded_string("2147483648"),
            "\x0a"
            "2147483648");
  EXPECT_EQ(encoded([](RdbEncoder& e) { return e.integer(-9223372036854775807 - 1); }), "\x14-9223372036854775808");
}

TEST(RdbEncoder, WhatIsNotCanonicalIsNoNumber) {
  for (const std::string text : {"", "01", "+1", "-0", " 1", "1.0"}) EXPECT_EQ(encoded_string(text), plain(text));
}

TEST(RdbEncoder, CompressesLongStringsThatGetShorter) {
  const std::string bytes = encoded_string(std::string(1000, 'a'));
  EXPECT_EQ(static_cast<uint8_t>(bytes[0]), 0xc3);
  EXPECT_LT(bytes.size(), 40u);
}

TEST(RdbEncoder, LeavesStringsOfTwentyBytesAlone) {
  EXPECT_EQ(encoded_string(std::string(20, 'a')), plain(std::string(20, 'a')));
  EXPECT_EQ(static_cast<uint8_t>(encoded_string(std::string(21, 'a'))[0]), 0xc3);
}

TEST(RdbEncoder, CompressionCanBeOff) {
  const std::string text(60, 'a');
  EXPECT_EQ(encoded([&](RdbEncoder& e) { return e.string(text); }, {.compression = false}), plain(text));
}

TEST(RdbEncoder, WholeFileByteForByte) {
  const std::string bytes = encoded([](RdbEncoder& e) {
    (void)e.begin();
    (void)e.aux("redis-bits", 64);
    (void)e.select_database(3);
    (void)e.resize_database(2, 1);
    (void)e.string_entry("k", store::StringView("v"), {.expire_at_ms = 0x0102030405060708});
    (void)e.string_entry("n", store::StringView(int64_t{5}), {.idle_seconds = 100, .frequency = 7});
    return e.finish();
  });
  const std::string body = bytes_of({0xfa}) + plain("redis-bits") + bytes_of({0xc0, 64}) +  // AUX
                           bytes_of({0xfe, 3, 0xfb, 2, 1}) +                                // SELECTDB, RESIZEDB
                           bytes_of({0xfc, 8, 7, 6, 5, 4, 3, 2, 1, 0}) + plain("k") + plain("v") +
                           bytes_of({0xf8, 0x40, 100, 0xf9, 7, 0}) + plain("n") + bytes_of({0xc0, 5});
  EXPECT_EQ(bytes, rdb_file(body));
}

TEST(RdbEncoder, ChecksumOffIsEightZeros) {
  const std::string bytes = encoded(
      [](RdbEncoder& e) {
        (void)e.begin();
        return e.finish();
      },
      {.checksum = false});
  EXPECT_EQ(bytes, "REDIS0010\xff" + std::string(8, '\0'));
}

TEST(RdbEncoder, TheBufferSizeChangesNothing) {
  const auto write = [](RdbEncoder& e) {
    (void)e.begin();
    for (int i = 0; i < 100; i++)
      (void)e.string_entry("key", store::StringView(std::string(static_cast<size_t>(i), 'x')));
    return e.finish();
  };
  const std::string reference = encoded(write);
  for (const size_t size : {0u, 1u, 7u, 64u, 1000u})
    EXPECT_TRUE(encoded(write, {.buffer_bytes = size}) == reference) << size;
}

// A sink that takes so many bytes and then fails.
class FullSink final : public ByteSink {
 public:
  explicit FullSink(size_t room) : room_(room) {}
  Status append(std::string_view data) override {
    calls++;
    if (data.size() > room_) return fail_errno("full", ENOSPC);
    room_ -= data.size();
    return {};
  }
  int calls = 0;

 private:
  size_t room_;
};

TEST(RdbEncoder, TheFirstErrorStays) {
  FullSink sink(100);
  RdbEncoder encoder(sink, {.buffer_bytes = 16});
  Status status;
  for (int i = 0; i < 50 && status; i++) status = encoder.string("some text that is no number");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().os_errno, ENOSPC);
  const int calls = sink.calls;
  EXPECT_FALSE(encoder.finish().has_value());
  EXPECT_EQ(sink.calls, calls) << "nothing is appended after an error";
}

}  // namespace
}  // namespace cowslip::persistence
