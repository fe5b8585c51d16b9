#include "persistence/rdb_encoder.h"

#include <fmt/format.h>
#include <liblzf/lzf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/crc64.h"
#include "base/numbers.h"

namespace cowslip::persistence {
namespace {

static_assert(std::endian::native == std::endian::little, "fixed-width fields are written as they lie in memory");

// One append of a huge value at a time, so that its checksum is computed from bytes the cache still has when they are
// written, and progress can be told in the middle of it.
constexpr size_t kHandOverBytes = 1024 * 1024;

// The compressed form of a value may take so much memory and no more. The child must not need as much as its largest
// key at the worst moment there is; what does not fit is written plain.
constexpr size_t kCompressedBytesMax = 64 * 1024 * 1024;

// A scratch buffer larger than this is given back after use.
constexpr size_t kScratchBytesKept = 1024 * 1024;

// Decimal forms longer than this fit no integer encoding: "-2147483648".
constexpr size_t kLongestInt32 = 11;

template <typename T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

template <typename T>
bool fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

uint8_t encoded(RdbStringEncoding encoding) {
  return kEncodedString | static_cast<uint8_t>(encoding);
}

}  // namespace

RdbEncoder::RdbEncoder(ByteSink& sink, EncoderOptions options) : sink_(sink), options_(options) {
  buffer_.reserve(options_.buffer_bytes);
}

Status RdbEncoder::state() const {
  if (failure_) return std::unexpected(*failure_);
  return {};
}

// ---- bytes ----

Status RdbEncoder::hand_over(std::string_view bytes) {
  while (!bytes.empty() && !failure_) {
    const std::string_view piece = bytes.substr(0, kHandOverBytes);
    if (options_.checksum) checksum_ = crc64(checksum_, piece);
    if (auto status = sink_.append(piece); !status) failure_ = status.error();
    flushed_bytes_ += piece.size();
    bytes.remove_prefix(piece.size());
  }
  return state();
}

Status RdbEncoder::flush() {
  const Status status = hand_over(buffer_);
  buffer_.clear();
  return status;
}

Status RdbEncoder::raw(std::string_view bytes) {
  if (buffer_.size() + bytes.size() > options_.buffer_bytes) {
    if (auto status = flush(); !status) return status;
    if (bytes.size() > options_.buffer_bytes) return hand_over(bytes);
  }
  buffer_.append(bytes);
  return state();
}

Status RdbEncoder::byte(uint8_t value) {
  return raw(bytes_of(value));
}

Status RdbEncoder::length(uint64_t length) {
  if (length < 1u << 6) return byte(kLength6Bit | static_cast<uint8_t>(length));
  if (length < 1u << 14) {
    const uint8_t two[] = {static_cast<uint8_t>(kLength14Bit | length >> 8), static_cast<uint8_t>(length)};
    return raw(bytes_of(two));
  }
  if (length <= std::numeric_limits<uint32_t>::max()) {
    (void)byte(kLength32Bit);
    return raw(bytes_of(std::byteswap(static_cast<uint32_t>(length))));
  }
  (void)byte(kLength64Bit);
  return raw(bytes_of(std::byteswap(length)));
}

// ---- strings ----

Status RdbEncoder::integer(int64_t value) {
  if (fits<int8_t>(value)) {
    (void)byte(encoded(RdbStringEncoding::kInt8));
    return raw(bytes_of(static_cast<int8_t>(value)));
  }
  if (fits<int16_t>(value)) {
    (void)byte(encoded(RdbStringEncoding::kInt16));
    return raw(bytes_of(static_cast<int16_t>(value)));
  }
  if (fits<int32_t>(value)) {
    (void)byte(encoded(RdbStringEncoding::kInt32));
    return raw(bytes_of(static_cast<int32_t>(value)));
  }
  char digits[kInt64Digits];
  const size_t count = format_int64(value, digits);
  (void)length(count);
  return raw({digits, count});
}

std::string_view RdbEncoder::compress(std::string_view text) {
  if (!options_.compression || text.size() <= kLzfShortestString) return {};
  if (text.size() > std::numeric_limits<unsigned>::max()) return {};
  // Four bytes less than the plain form, or the longer header eats the gain.
  const size_t room = std::min(text.size() - 4, kCompressedBytesMax);
  if (compressed_.size() < room) compressed_.resize(room);
  const unsigned size =
      lzf_compress(text.data(), static_cast<unsigned>(text.size()), compressed_.data(), static_cast<unsigned>(room));
  return {compressed_.data(), size};
}

Status RdbEncoder::string(std::string_view text) {
  if (text.size() <= kLongestInt32) {
    if (const auto value = parse_int64(text); value && fits<int32_t>(*value)) return integer(*value);
  }
  if (const std::string_view small = compress(text); !small.empty()) {
    (void)byte(encoded(RdbStringEncoding::kLzf));
    (void)length(small.size());
    (void)length(text.size());
    (void)raw(small);
  } else {
    (void)length(text.size());
    (void)raw(text);
  }
  if (compressed_.size() > kScratchBytesKept) compressed_ = {};
  return state();
}

// ---- larger things ----

Status RdbEncoder::begin() {
  return raw(fmt::format("{}{:0{}}", kRdbMagic, kRdbVersionWritten, kRdbVersionDigits));
}

Status RdbEncoder::aux(std::string_view name, std::string_view value) {
  (void)opcode(RdbOpcode::kAux);
  (void)string(name);
  return string(value);
}

Status RdbEncoder::aux(std::string_view name, int64_t value) {
  char digits[kInt64Digits];
  return aux(name, std::string_view(digits, format_int64(value, digits)));
}

Status RdbEncoder::select_database(uint64_t number) {
  (void)opcode(RdbOpcode::kSelectDb);
  return length(number);
}

Status RdbEncoder::resize_database(uint64_t keys, uint64_t expires) {
  (void)opcode(RdbOpcode::kResizeDb);
  (void)length(keys);
  return length(expires);
}

Status RdbEncoder::attributes(const KeyAttributes& attributes) {
  if (attributes.expire_at_ms != store::kNoExpiry) {
    (void)opcode(RdbOpcode::kExpireTimeMs);
    (void)raw(bytes_of(attributes.expire_at_ms));
  }
  if (attributes.idle_seconds) {
    (void)opcode(RdbOpcode::kIdle);
    (void)length(*attributes.idle_seconds);
  }
  if (attributes.frequency) {
    (void)opcode(RdbOpcode::kFrequency);
    (void)byte(*attributes.frequency);
  }
  return state();
}

Status RdbEncoder::value(const store::Entry& entry) {
  if (entry.type() != store::ObjectType::kString) {
    failure_ =
        Error{ErrorCode::kUnsupported, fmt::format("values of type {} cannot be saved yet", type_name(entry.type()))};
    return state();
  }
  const store::StringView value = entry.string();
  return value.is_integer() ? integer(value.integer()) : string(value.bytes());
}

Status RdbEncoder::entry(const store::Entry& entry, std::optional<uint64_t> idle_seconds,
                         std::optional<uint8_t> frequency) {
  (void)attributes({entry.expire_at_ms(), idle_seconds, frequency});
  (void)byte(static_cast<uint8_t>(entry.type()));
  (void)string(entry.key());
  return value(entry);
}

Status RdbEncoder::string_entry(std::string_view key, store::StringView value, const KeyAttributes& key_attributes) {
  (void)attributes(key_attributes);
  (void)type(RdbType::kString);
  (void)string(key);
  return value.is_integer() ? integer(value.integer()) : string(value.bytes());
}

Status RdbEncoder::finish() {
  (void)opcode(RdbOpcode::kEof);
  if (auto status = flush(); !status) return status;
  const uint64_t checksum = checksum_;  // its own bytes are summed, too, as they are handed over
  (void)raw(bytes_of(checksum));
  return flush();
}

}  // namespace cowslip::persistence
