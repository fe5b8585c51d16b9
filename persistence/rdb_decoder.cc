#include "persistence/rdb_decoder.h"

#include <fmt/format.h>
#include <liblzf/lzf.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/crc64.h"
#include "base/numbers.h"
#include "base/text.h"
#include "persistence/map_result.h"
#include "persistence/rdb_entry_parser.h"

namespace cowslip::persistence {
namespace {

// Scratch strings larger than this are given back when the next item is read.
constexpr size_t kScratchBytesKept = 1024 * 1024;
// Room taken for a string before any of its bytes arrived.
constexpr uint64_t kTrustedBytes = 64 * 1024;
// An error message shows so much of a key.
constexpr size_t kKeyBytesShown = 128;

void keep_small(std::string& scratch) {
  if (scratch.capacity() > kScratchBytesKept) scratch = {};
}

}  // namespace

RdbDecoder::RdbDecoder(ByteSource& source, DecoderOptions options)
    : source_(source),
      options_(options),
      buffer_bytes_(std::max<size_t>(options.buffer_bytes, 64)),
      buffer_(std::make_unique_for_overwrite<char[]>(buffer_bytes_)) {}

// ---- errors ----

std::unexpected<Error> RdbDecoder::located(ErrorCode code, std::string_view what) const {
  std::string message = fmt::format("{} at offset {}", what, offset());
  if (key_known_) message += fmt::format(", key {}", quoted(std::string_view(key_).substr(0, kKeyBytesShown)));
  return fail(code, std::move(message));
}

std::unexpected<Error> RdbDecoder::corrupt(std::string_view what) const {
  return located(ErrorCode::kCorrupt, what);
}

std::unexpected<Error> RdbDecoder::refuse_value(uint8_t type) {
  const std::string_view name = rdb_type_name(type);
  if (name.empty()) return corrupt(fmt::format("Unknown RDB type {}", type));
  if (type != static_cast<uint8_t>(RdbType::kModule2)) {
    return located(ErrorCode::kUnsupported,
                   fmt::format("Values of RDB type {}, {}, are not supported yet", type, name));
  }
  const auto id = length();
  if (!id) return std::unexpected(id.error());
  return located(ErrorCode::kUnsupported, fmt::format("Values of module '{}' are not supported", rdb_module_name(*id)));
}

// ---- bytes ----

Status RdbDecoder::refill() {
  if (options_.verify_checksum) {
    checksum_ = crc64(checksum_, std::string_view(buffer_.get() + summed_, read_ - summed_));
  }
  std::memmove(buffer_.get(), buffer_.get() + read_, filled_ - read_);
  buffer_start_ += read_;
  filled_ -= read_;
  read_ = summed_ = 0;
  auto got = source_.read({buffer_.get() + filled_, buffer_bytes_ - filled_});
  if (!got) return std::unexpected(got.error());
  filled_ += *got;
  at_end_ = *got == 0;
  return {};
}

Status RdbDecoder::fill(size_t count) {
  while (filled_ - read_ < count) {
    if (at_end_) return corrupt("Unexpected end of the RDB data");
    if (auto status = refill(); !status) return status;
  }
  return {};
}

Status RdbDecoder::append_input(uint64_t count, std::string& to) {
  to.reserve(to.size() + std::min(count, std::max(kTrustedBytes, bytes_left().value_or(0))));
  while (count > 0) {
    if (auto status = fill(1); !status) return status;
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(count, filled_ - read_));
    to.append(buffer_.get() + read_, piece);
    read_ += piece;
    count -= piece;
  }
  return {};
}

std::optional<uint64_t> RdbDecoder::bytes_left() const {
  if (options_.bytes_total == 0) return std::nullopt;
  return options_.bytes_total > offset() ? options_.bytes_total - offset() : 0;
}

Status RdbDecoder::skip_bytes(uint64_t count) {
  while (count > 0) {
    if (auto status = fill(1); !status) return status;
    const size_t piece = static_cast<size_t>(std::min<uint64_t>(count, filled_ - read_));
    read_ += piece;
    count -= piece;
  }
  return {};
}

Result<std::string_view> RdbDecoder::bytes(uint64_t count, std::string& scratch, bool stays) {
  if (!stays && count <= buffer_bytes_) {
    if (auto status = fill(static_cast<size_t>(count)); !status) return std::unexpected(status.error());
    read_ += static_cast<size_t>(count);
    return std::string_view(buffer_.get() + read_ - count, static_cast<size_t>(count));
  }
  scratch.clear();
  if (auto status = append_input(count, scratch); !status) return std::unexpected(status.error());
  return std::string_view(scratch);
}

Result<uint8_t> RdbDecoder::byte() {
  if (auto status = fill(1); !status) return std::unexpected(status.error());
  return static_cast<uint8_t>(buffer_[read_++]);
}

Result<int64_t> RdbDecoder::little_endian(size_t count) {
  if (auto status = fill(count); !status) return std::unexpected(status.error());
  uint64_t value = 0;
  std::memcpy(&value, buffer_.get() + read_, count);
  read_ += count;
  const int unused = static_cast<int>(64 - 8 * count);
  return static_cast<int64_t>(value << unused) >> unused;  // the sign bit fills the rest
}

// ---- lengths and strings ----

Result<RdbDecoder::Length> RdbDecoder::length_or_encoding() {
  auto first = byte();
  if (!first) return std::unexpected(first.error());
  const uint8_t low = *first & static_cast<uint8_t>(~kLengthKindMask);
  switch (*first & kLengthKindMask) {
    case kLength6Bit:
      return Length{low, false};
    case kEncodedString:
      return Length{low, true};
    case kLength14Bit:
      return map_result(byte(), [&](uint8_t second) { return Length{uint64_t{low} << 8 | second, false}; });
    default:
      break;
  }
  if (*first == kLength32Bit) {
    return map_result(little_endian(4),
                      [](int64_t value) { return Length{std::byteswap(static_cast<uint32_t>(value)), false}; });
  }
  if (*first == kLength64Bit) {
    return map_result(little_endian(8),
                      [](int64_t value) { return Length{std::byteswap(static_cast<uint64_t>(value)), false}; });
  }
  return corrupt(fmt::format("Unknown length encoding {:#04x}", *first));
}

Result<uint64_t> RdbDecoder::length() {
  auto length = length_or_encoding();
  if (!length) return std::unexpected(length.error());
  if (length->encoded) return corrupt("An encoded string in the place of a length");
  return length->value;
}

Result<store::StringView> RdbDecoder::string(std::string& scratch, bool stays) {
  auto head = length_or_encoding();
  if (!head) return std::unexpected(head.error());
  if (head->encoded) return encoded_string(head->value, scratch);
  return map_result(bytes(head->value, scratch, stays), [](std::string_view text) { return store::StringView(text); });
}

Result<store::StringView> RdbDecoder::encoded_string(uint64_t encoding, std::string& scratch) {
  const auto integer = [](int64_t value) { return store::StringView(value); };
  switch (static_cast<RdbStringEncoding>(encoding)) {
    case RdbStringEncoding::kInt8:
      return map_result(little_endian(1), integer);
    case RdbStringEncoding::kInt16:
      return map_result(little_endian(2), integer);
    case RdbStringEncoding::kInt32:
      return map_result(little_endian(4), integer);
    case RdbStringEncoding::kLzf:
      return compressed_string(scratch);
  }
  return corrupt(fmt::format("Unknown string encoding {}", encoding));
}

Result<store::StringView> RdbDecoder::compressed_string(std::string& scratch) {
  auto compressed_bytes = length();
  if (!compressed_bytes) return std::unexpected(compressed_bytes.error());
  auto plain_bytes = length();
  if (!plain_bytes) return std::unexpected(plain_bytes.error());
  constexpr uint64_t kMost = std::numeric_limits<unsigned>::max();
  if (*compressed_bytes == 0 || *plain_bytes == 0 || *compressed_bytes > kMost || *plain_bytes > kMost ||
      *plain_bytes / kLzfGreatestRatio > *compressed_bytes) {
    return corrupt(
        fmt::format("Impossible lengths of a compressed string, {} and {}", *compressed_bytes, *plain_bytes));
  }
  auto compressed = bytes(*compressed_bytes, compressed_, false);
  if (!compressed) return std::unexpected(compressed.error());
  size_t made = 0;
  scratch.resize_and_overwrite(*plain_bytes, [&](char* out, size_t room) {
    made =
        lzf_decompress(compressed->data(), static_cast<unsigned>(compressed->size()), out, static_cast<unsigned>(room));
    return made;
  });
  if (made != *plain_bytes) return corrupt("Invalid LZF data in a compressed string");
  return store::StringView(std::string_view(scratch));
}

Result<std::string_view> RdbDecoder::text(std::string& scratch, bool stays) {
  auto value = string(scratch, stays);
  if (!value) return std::unexpected(value.error());
  if (!value->is_integer()) return value->bytes();
  store::StringView::Scratch digits;
  scratch.assign(value->text(digits));
  return std::string_view(scratch);
}

Status RdbDecoder::skip_length() {
  if (auto skipped = length(); !skipped) return std::unexpected(skipped.error());
  return {};
}

// What is skipped is not decompressed.
Status RdbDecoder::skip_string() {
  auto head = length_or_encoding();
  if (!head) return std::unexpected(head.error());
  if (!head->encoded) return skip_bytes(head->value);
  if (head->value != static_cast<uint64_t>(RdbStringEncoding::kLzf)) {
    if (auto number = encoded_string(head->value, value_); !number) return std::unexpected(number.error());
    return {};
  }
  auto compressed_bytes = length();
  if (!compressed_bytes) return std::unexpected(compressed_bytes.error());
  if (auto status = skip_length(); !status) return status;
  return skip_bytes(*compressed_bytes);
}

// ---- items ----

Status RdbDecoder::begin() {
  if (auto status = fill(kRdbHeaderBytes); !status) return status;
  const std::string_view header(buffer_.get(), kRdbHeaderBytes);
  if (!header.starts_with(kRdbMagic)) return corrupt("Wrong signature: this is not an RDB file");
  const std::string_view digits = header.substr(kRdbMagic.size());
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return corrupt("The RDB version is not a number");
    version_ = version_ * 10 + (digit - '0');
  }
  if (version_ < kRdbOldestVersion || version_ > kRdbNewestVersion) {
    return located(ErrorCode::kUnsupported, fmt::format("Can't handle RDB format version {}", version_));
  }
  read_ += kRdbHeaderBytes;
  return {};
}

Status RdbDecoder::attribute(RdbOpcode opcode, RdbItem& item) {
  const auto take = [](auto value, auto&& store) -> Status {
    if (!value) return std::unexpected(value.error());
    store(*value);
    return {};
  };
  switch (opcode) {
    case RdbOpcode::kExpireTimeMs:
      return take(little_endian(8), [&](int64_t at) { item.expire_at_ms = at; });
    case RdbOpcode::kExpireTimeSeconds:
      return take(little_endian(4), [&](int64_t at) { item.expire_at_ms = at * 1000; });
    case RdbOpcode::kIdle:
      return take(length(), [&](uint64_t idle) { item.idle_seconds = idle; });
    default:
      return take(byte(), [&](uint8_t frequency) { item.frequency = frequency; });
  }
}

Result<RdbItem> RdbDecoder::next() {
  key_known_ = false;
  for (std::string* scratch : {&key_, &value_, &compressed_}) keep_small(*scratch);
  RdbItem item;
  for (bool attributes = false;; attributes = true) {
    auto what = byte();
    if (!what) return std::unexpected(what.error());
    if (!is_rdb_opcode(*what)) return entry(*what, item);
    const auto opcode = static_cast<RdbOpcode>(*what);
    if (opcode == RdbOpcode::kExpireTimeMs || opcode == RdbOpcode::kExpireTimeSeconds || opcode == RdbOpcode::kIdle ||
        opcode == RdbOpcode::kFrequency) {
      if (auto status = attribute(opcode, item); !status) return std::unexpected(status.error());
      continue;
    }
    if (attributes) return corrupt("An expiry or access time is not followed by a key");
    return other_item(opcode);
  }
}

bool RdbDecoder::next_buffered(RdbItem& item) {
  const char* const end = parse_plain_entry(buffer_.get() + read_, buffer_.get() + filled_, item);
  if (end == nullptr) return false;
  read_ = static_cast<size_t>(end - buffer_.get());
  return true;
}

Result<RdbItem> RdbDecoder::other_item(RdbOpcode opcode) {
  switch (opcode) {
    case RdbOpcode::kAux:
      return aux();
    case RdbOpcode::kSelectDb:
      return map_result(length(),
                        [](uint64_t n) { return RdbItem{.kind = RdbItem::Kind::kSelectDatabase, .number = n}; });
    case RdbOpcode::kResizeDb:
      return resize_database();
    case RdbOpcode::kFunction2:
      return map_result(string(value_, false), [](store::StringView source) {
        return RdbItem{.kind = RdbItem::Kind::kFunction, .value = source};
      });
    case RdbOpcode::kModuleAux:
      return module_aux();
    case RdbOpcode::kEof:
      return end();
    default:
      return located(ErrorCode::kUnsupported, "Functions of a Redis 7.0 release candidate are not supported");
  }
}

Result<RdbItem> RdbDecoder::entry(uint8_t type, RdbItem item) {
  item.kind = RdbItem::Kind::kEntry;
  auto key = text(key_, true);
  if (!key) return std::unexpected(key.error());
  if (key->size() > std::numeric_limits<uint32_t>::max()) return corrupt("A key longer than 4 GiB");
  key_known_ = true;
  item.key = *key;
  item.type = type;
  if (rdb_type_name(type).empty()) return refuse_value(type);
  if (type != static_cast<uint8_t>(RdbType::kString)) {
    item.kind = RdbItem::Kind::kUnread;
    return item;
  }
  auto held = value(type);
  if (!held) return std::unexpected(held.error());
  item.value = *held;
  return item;
}

Result<store::StringView> RdbDecoder::value(uint8_t type) {
  if (type == static_cast<uint8_t>(RdbType::kString)) return string(value_, false);
  return refuse_value(type);
}

Result<RdbItem> RdbDecoder::aux() {
  auto name = text(key_, true);
  if (!name) return std::unexpected(name.error());
  return map_result(string(value_, false), [&](store::StringView value) {
    return RdbItem{.kind = RdbItem::Kind::kAux, .name = *name, .value = value};
  });
}

Result<RdbItem> RdbDecoder::resize_database() {
  auto keys = length();
  if (!keys) return std::unexpected(keys.error());
  return map_result(length(), [&](uint64_t expires) {
    return RdbItem{.kind = RdbItem::Kind::kResizeDatabase, .number = *keys, .expires = expires};
  });
}

Result<RdbItem> RdbDecoder::module_aux() {
  auto id = length();
  if (!id) return std::unexpected(id.error());
  auto when_kind = length();
  if (!when_kind) return std::unexpected(when_kind.error());
  if (*when_kind != static_cast<uint64_t>(RdbModuleField::kUnsigned)) return corrupt("Module data without a time");
  if (auto when = length(); !when) return std::unexpected(when.error());
  if (auto status = skip_module_fields(); !status) return std::unexpected(status.error());
  key_ = rdb_module_name(*id);
  return RdbItem{.kind = RdbItem::Kind::kModuleAux, .name = key_};
}

Status RdbDecoder::skip_module_fields() {
  for (;;) {
    auto field = length();
    if (!field) return std::unexpected(field.error());
    Status status;
    switch (*field) {
      case static_cast<uint64_t>(RdbModuleField::kEof):
        return {};
      case static_cast<uint64_t>(RdbModuleField::kSigned):
      case static_cast<uint64_t>(RdbModuleField::kUnsigned):
        status = skip_length();
        break;
      case static_cast<uint64_t>(RdbModuleField::kFloat):
        status = skip_bytes(4);
        break;
      case static_cast<uint64_t>(RdbModuleField::kDouble):
        status = skip_bytes(8);
        break;
      case static_cast<uint64_t>(RdbModuleField::kString):
        status = skip_string();
        break;
      default:
        return corrupt(fmt::format("Unknown field {} in module data", *field));
    }
    if (!status) return status;
  }
}

Result<RdbItem> RdbDecoder::end() {
  if (version_ < kRdbFirstVersionWithChecksum) return RdbItem{};
  if (options_.verify_checksum) {
    checksum_ = crc64(checksum_, std::string_view(buffer_.get() + summed_, read_ - summed_));
    summed_ = read_;
  }
  const uint64_t expected = checksum_;  // before the checksum's own bytes are counted in
  auto stored = little_endian(kRdbChecksumBytes);
  if (!stored) return std::unexpected(stored.error());
  if (!options_.verify_checksum || *stored == 0) return RdbItem{};
  if (static_cast<uint64_t>(*stored) != expected) {
    return corrupt(fmt::format("Wrong RDB checksum, expected {:016x} but the file says {:016x}", expected,
                               static_cast<uint64_t>(*stored)));
  }
  checksum_verified_ = true;
  return RdbItem{};
}

}  // namespace cowslip::persistence
