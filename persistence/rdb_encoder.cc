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

// The most that these take in a file: a length; a string besides its own bytes (its kind and two lengths, or an integer
// as text); what stands in front of a key.
constexpr size_t kLengthBytes = 9;
constexpr size_t kStringHeadBytes = 1 + 2 * kLengthBytes + kInt64Digits;
constexpr size_t kAttributeBytes = (1 + sizeof(int64_t)) + (1 + kLengthBytes) + (1 + 1);
constexpr size_t kEntryHeadBytes = kAttributeBytes + 1 + 2 * kStringHeadBytes;
constexpr size_t kLeastBufferBytes = kEntryHeadBytes;

// Decimal forms longer than this fit no integer encoding: "-2147483648".
constexpr size_t kLongestInt32 = 11;

template <typename T>
bool fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

bool may_be_integer(std::string_view text) {
  return !text.empty() && text.size() <= kLongestInt32 && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'));
}

// ---- pieces: each is written at `out`, which has room for it, and returns where it ends ----

char* put_byte(char* out, uint8_t value) {
  *out = static_cast<char>(value);
  return out + 1;
}

char* put_opcode(char* out, RdbOpcode code) {
  return put_byte(out, static_cast<uint8_t>(code));
}

char* put_encoding(char* out, RdbStringEncoding encoding) {
  return put_byte(out, kEncodedString | static_cast<uint8_t>(encoding));
}

template <typename T>
char* put_fixed(char* out, T value) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

char* put_bytes(char* out, std::string_view bytes) {
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

char* put_length(char* out, uint64_t length) {
  if (length < 1u << 6) return put_byte(out, kLength6Bit | static_cast<uint8_t>(length));
  if (length < 1u << 14) {
    out = put_byte(out, static_cast<uint8_t>(kLength14Bit | length >> 8));
    return put_byte(out, static_cast<uint8_t>(length));
  }
  if (length <= std::numeric_limits<uint32_t>::max()) {
    return put_fixed(put_byte(out, kLength32Bit), std::byteswap(static_cast<uint32_t>(length)));
  }
  return put_fixed(put_byte(out, kLength64Bit), std::byteswap(length));
}

char* put_integer(char* out, int64_t value) {
  if (fits<int8_t>(value)) return put_fixed(put_encoding(out, RdbStringEncoding::kInt8), static_cast<int8_t>(value));
  if (fits<int16_t>(value)) return put_fixed(put_encoding(out, RdbStringEncoding::kInt16), static_cast<int16_t>(value));
  if (fits<int32_t>(value)) return put_fixed(put_encoding(out, RdbStringEncoding::kInt32), static_cast<int32_t>(value));
  char digits[kInt64Digits];
  const size_t count = format_int64(value, digits);
  return put_bytes(put_length(out, count), {digits, count});
}

char* put_attributes(char* out, const KeyAttributes& attributes) {
  if (attributes.expire_at_ms != store::kNoExpiry) {
    out = put_fixed(put_opcode(out, RdbOpcode::kExpireTimeMs), attributes.expire_at_ms);
  }
  if (attributes.idle_seconds) out = put_length(put_opcode(out, RdbOpcode::kIdle), *attributes.idle_seconds);
  if (attributes.frequency) out = put_byte(put_opcode(out, RdbOpcode::kFrequency), *attributes.frequency);
  return out;
}

}  // namespace

RdbEncoder::RdbEncoder(ByteSink& sink, EncoderOptions options)
    : sink_(sink),
      options_(options),
      capacity_(std::max(options.buffer_bytes, kLeastBufferBytes)),
      buffer_(std::make_unique_for_overwrite<char[]>(capacity_)) {}

Status RdbEncoder::state() const {
  if (failure_) [[unlikely]] {
    return std::unexpected(*failure_);
  }
  return {};
}

// ---- bytes ----

void RdbEncoder::hand_over(std::string_view bytes) {
  while (!bytes.empty() && !failure_) {
    const std::string_view piece = bytes.substr(0, kHandOverBytes);
    if (options_.checksum) checksum_ = crc64(checksum_, piece);
    if (auto status = sink_.append(piece); !status) failure_ = status.error();
    flushed_bytes_ += piece.size();
    bytes.remove_prefix(piece.size());
  }
}

Status RdbEncoder::flush() {
  hand_over({buffer_.get(), used_});
  used_ = 0;
  return state();
}

inline char* RdbEncoder::room(size_t bytes) {
  if (capacity_ - used_ < bytes) (void)flush();
  return buffer_.get() + used_;
}

template <typename Put>
inline Status RdbEncoder::write(size_t bytes, Put put) {
  wrote_to(put(room(bytes)));
  return state();
}

void RdbEncoder::raw(std::string_view bytes) {
  if (bytes.size() <= capacity_) {
    wrote_to(put_bytes(room(bytes.size()), bytes));
    return;
  }
  (void)flush();
  hand_over(bytes);
}

Status RdbEncoder::length(uint64_t length) {
  return write(kLengthBytes, [&](char* out) { return put_length(out, length); });
}

Status RdbEncoder::type(RdbType type) {
  return write(1, [&](char* out) { return put_byte(out, static_cast<uint8_t>(type)); });
}

// ---- strings ----

Status RdbEncoder::integer(int64_t value) {
  return write(kStringHeadBytes, [&](char* out) { return put_integer(out, value); });
}

std::string_view RdbEncoder::compress(std::string_view text, CompressionPredictor& predictor) {
  if (!options_.compression || text.size() <= kLzfShortestString) return {};
  if (text.size() > std::numeric_limits<unsigned>::max() || !predictor.worth_trying(text)) return {};
  // Four bytes less than the plain form, or the longer header eats the gain.
  const size_t most = std::min(text.size() - 4, kCompressedBytesMax);
  if (compressed_capacity_ < most) {
    compressed_capacity_ = std::max(most, std::min(2 * most, kScratchBytesKept));
    compressed_.reset();
    compressed_ = std::make_unique_for_overwrite<char[]>(compressed_capacity_);
  }
  const unsigned size =
      lzf_compress(text.data(), static_cast<unsigned>(text.size()), compressed_.get(), static_cast<unsigned>(most));
  predictor.tried(text.size(), size);
  return {compressed_.get(), size};
}

inline char* RdbEncoder::put_string(char* out, std::string_view text, CompressionPredictor& predictor) {
  if (may_be_integer(text)) {
    if (const auto value = parse_int64(text); value && fits<int32_t>(*value)) return put_integer(out, *value);
  }
  if (const std::string_view small = compress(text, predictor); !small.empty()) {
    out = put_length(put_encoding(out, RdbStringEncoding::kLzf), small.size());
    return put_bytes(put_length(out, text.size()), small);
  }
  return put_bytes(put_length(out, text.size()), text);
}

inline char* RdbEncoder::put_value(char* out, store::StringView value) {
  return value.is_integer() ? put_integer(out, value.integer()) : put_string(out, value.bytes(), values_);
}

void RdbEncoder::large_string(std::string_view text, CompressionPredictor& predictor) {
  if (const std::string_view small = compress(text, predictor); !small.empty()) {
    (void)write(1, [](char* out) { return put_encoding(out, RdbStringEncoding::kLzf); });
    (void)length(small.size());
    (void)length(text.size());
    raw(small);
  } else {
    (void)length(text.size());
    raw(text);
  }
  if (compressed_capacity_ > kScratchBytesKept) compressed_.reset(), compressed_capacity_ = 0;
}

void RdbEncoder::string(std::string_view text, CompressionPredictor& predictor) {
  const size_t most = text.size() + kStringHeadBytes;
  if (most > capacity_) return large_string(text, predictor);
  (void)write(most, [&](char* out) { return put_string(out, text, predictor); });
}

Status RdbEncoder::string(std::string_view text) {
  string(text, values_);
  return state();
}

// ---- larger things ----

Status RdbEncoder::begin() {
  raw(fmt::format("{}{:0{}}", kRdbMagic, kRdbVersionWritten, kRdbVersionDigits));
  return state();
}

Status RdbEncoder::aux(std::string_view name, std::string_view value) {
  (void)write(1, [](char* out) { return put_opcode(out, RdbOpcode::kAux); });
  string(name, keys_);
  return string(value);
}

Status RdbEncoder::aux(std::string_view name, int64_t value) {
  char digits[kInt64Digits];
  return aux(name, std::string_view(digits, format_int64(value, digits)));
}

Status RdbEncoder::select_database(uint64_t number) {
  return write(1 + kLengthBytes, [&](char* out) { return put_length(put_opcode(out, RdbOpcode::kSelectDb), number); });
}

Status RdbEncoder::resize_database(uint64_t keys, uint64_t expires) {
  return write(1 + 2 * kLengthBytes,
               [&](char* out) { return put_length(put_length(put_opcode(out, RdbOpcode::kResizeDb), keys), expires); });
}

Status RdbEncoder::value(const store::Entry& entry) {
  if (entry.type() != store::ObjectType::kString) return aggregate(entry);
  const store::StringView value = entry.string();
  return value.is_integer() ? integer(value.integer()) : string(value.bytes());
}

Status RdbEncoder::entry(const store::Entry& entry, std::optional<uint64_t> idle_seconds,
                         std::optional<uint8_t> frequency) {
  const KeyAttributes attributes{entry.expire_at_ms(), idle_seconds, frequency};
  if (entry.type() == store::ObjectType::kString) [[likely]] {
    return string_entry(entry.key(), entry.string(), attributes);
  }
  (void)write(kAttributeBytes, [&](char* out) { return put_attributes(out, attributes); });
  (void)type(type_of(entry));
  string(entry.key(), keys_);
  return aggregate(entry);
}

Status RdbEncoder::string_entry(std::string_view key, store::StringView value, const KeyAttributes& attributes) {
  const size_t most = kEntryHeadBytes + key.size() + (value.is_integer() ? 0 : value.bytes().size());
  const auto put_head = [&](char* out) {
    return put_byte(put_attributes(out, attributes), static_cast<uint8_t>(RdbType::kString));
  };
  if (most <= capacity_) {
    return write(most, [&](char* out) { return put_value(put_string(put_head(out), key, keys_), value); });
  }
  (void)write(kAttributeBytes + 1, put_head);
  string(key, keys_);
  return value.is_integer() ? integer(value.integer()) : string(value.bytes());
}

Status RdbEncoder::finish() {
  (void)write(1, [](char* out) { return put_opcode(out, RdbOpcode::kEof); });
  if (auto status = flush(); !status) return status;
  const uint64_t checksum = checksum_;  // its own bytes are summed, too, as they are handed over
  (void)write(kRdbChecksumBytes, [&](char* out) { return put_fixed(out, checksum); });
  return flush();
}

}  // namespace cowslip::persistence
