// RDB written by hand: what the encoder never writes, and what golden bytes are compared with.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crc64.h"
#include "persistence/rdb_decoder.h"

namespace cowslip::persistence {

inline std::string bytes_of(std::initializer_list<int> values) {
  std::string bytes;
  for (const int value : values) bytes += static_cast<char>(value);
  return bytes;
}

inline std::string plain(std::string_view text) {
  return static_cast<char>(text.size()) + std::string(text);
}

inline std::string header(int version) {
  return "REDIS00" + std::string(version < 10 ? "0" : "") + std::to_string(version);
}

inline std::string with_checksum(std::string bytes) {
  const uint64_t checksum = crc64(0, bytes);
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return bytes;
}

// A whole file of version 10 around `body`.
inline std::string rdb_file(std::string_view body, int version = 10) {
  return with_checksum(header(version) + std::string(body) + "\xff");
}

// An item with bytes of its own.
struct HeldItem {
  RdbItem::Kind kind;
  std::string name, key, value;
  bool is_integer = false;
  uint64_t number = 0, expires = 0;
  int64_t expire_at_ms = -1;
  std::optional<uint64_t> idle_seconds;
  std::optional<uint8_t> frequency;
  friend bool operator==(const HeldItem&, const HeldItem&) = default;
};

struct Decoded {
  std::vector<HeldItem> items;
  std::optional<Error> error;
  bool checksum_verified = false;
  int version = 0;
};

// What next() would give, the short way first if there is one.
inline Result<RdbItem> next_item(RdbDecoder& decoder, bool buffered) {
  RdbItem item;
  if (buffered && decoder.next_buffered(item)) return item;
  return decoder.next();
}

// Everything up to the end or the first error, which a value that is no string is too. A small buffer makes every
// string cross its edge sooner or later.
inline Decoded decode_all(std::string_view bytes, size_t buffer_bytes = 64, bool buffered = false) {
  MemorySource source(bytes);
  RdbDecoder decoder(source, {.buffer_bytes = buffer_bytes, .bytes_total = bytes.size()});
  Decoded decoded;
  if (auto status = decoder.begin(); !status) {
    decoded.error = status.error();
    return decoded;
  }
  decoded.version = decoder.version();
  for (;;) {
    auto item = next_item(decoder, buffered);
    if (!item) {
      decoded.error = item.error();
      return decoded;
    }
    if (item->kind == RdbItem::Kind::kEnd) break;
    if (item->kind == RdbItem::Kind::kUnread) {
      decoded.error = decoder.refuse_value(item->type).error();
      return decoded;
    }
    store::StringView::Scratch scratch;
    decoded.items.push_back({item->kind, std::string(item->name), std::string(item->key),
                             std::string(item->value.text(scratch)), item->value.is_integer(), item->number,
                             item->expires, item->expire_at_ms, item->idle_seconds, item->frequency});
  }
  decoded.checksum_verified = decoder.checksum_verified();
  return decoded;
}

inline void expect_error(std::string_view bytes, ErrorCode code, std::string_view message) {
  const Decoded decoded = decode_all(bytes);
  ASSERT_TRUE(decoded.error.has_value());
  EXPECT_EQ(decoded.error->code, code) << decoded.error->message;
  EXPECT_NE(decoded.error->message.find(message), std::string::npos) << decoded.error->message;
}

}  // namespace cowslip::persistence
