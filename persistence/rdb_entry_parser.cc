#include "persistence/rdb_entry_parser.h"

#include <bit>
#include <cstring>

namespace cowslip::persistence {
namespace {

// What is left of the input. Each take_*() returns false, and the parse is over, if that is not enough.
class Input {
 public:
  Input(const char* at, const char* end) : at_(at), end_(end) {}

  const char* at() const { return at_; }
  size_t left() const { return static_cast<size_t>(end_ - at_); }

  template <typename T>
  bool take(T& value) {
    if (left() < sizeof value) return false;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return true;
  }

  // A length proper of up to 32 bits that starts with `first`; longer ones do not fit in a buffer.
  bool take_length(uint8_t first, uint64_t& length) {
    const uint8_t low = first & static_cast<uint8_t>(~kLengthKindMask);
    if ((first & kLengthKindMask) == kLength6Bit) return length = low, true;
    if ((first & kLengthKindMask) == kLength14Bit) {
      uint8_t second;
      if (!take(second)) return false;
      return length = uint64_t{low} << 8 | second, true;
    }
    uint32_t big_endian;
    if (first != kLength32Bit || !take(big_endian)) return false;
    return length = std::byteswap(big_endian), true;
  }

  bool take_text(uint8_t first, std::string_view& text) {
    uint64_t length;
    if (!take_length(first, length) || length > left()) return false;
    text = {at_, static_cast<size_t>(length)};
    at_ += length;
    return true;
  }

  template <typename T>
  bool take_integer(store::StringView& value) {
    T integer;
    if (!take(integer)) return false;
    return value = store::StringView(int64_t{integer}), true;
  }

 private:
  const char* at_;
  const char* const end_;
};

// Takes attributes and the type byte behind them.
bool take_head(Input& input, RdbItem& item) {
  for (uint8_t what; input.take(what);) {
    uint8_t byte;
    uint64_t idle;
    if (what == static_cast<uint8_t>(RdbType::kString)) return true;
    if (what == static_cast<uint8_t>(RdbOpcode::kExpireTimeMs)) {
      if (!input.take(item.expire_at_ms)) return false;
    } else if (what == static_cast<uint8_t>(RdbOpcode::kFrequency)) {
      if (!input.take(byte)) return false;
      item.frequency = byte;
    } else if (what == static_cast<uint8_t>(RdbOpcode::kIdle)) {
      if (!input.take(byte) || !input.take_length(byte, idle)) return false;
      item.idle_seconds = idle;
    } else {
      return false;
    }
  }
  return false;
}

bool take_value(Input& input, store::StringView& value) {
  uint8_t first;
  if (!input.take(first)) return false;
  switch (first) {
    case kEncodedString | static_cast<uint8_t>(RdbStringEncoding::kInt8):
      return input.take_integer<int8_t>(value);
    case kEncodedString | static_cast<uint8_t>(RdbStringEncoding::kInt16):
      return input.take_integer<int16_t>(value);
    case kEncodedString | static_cast<uint8_t>(RdbStringEncoding::kInt32):
      return input.take_integer<int32_t>(value);
    default:
      break;
  }
  std::string_view text;
  if (!input.take_text(first, text)) return false;
  return value = store::StringView(text), true;
}

}  // namespace

const char* parse_plain_entry(const char* at, const char* end, RdbItem& item) {
  Input input(at, end);
  uint8_t first;
  item = RdbItem{.kind = RdbItem::Kind::kEntry};
  if (!take_head(input, item) || !input.take(first) || !input.take_text(first, item.key)) return nullptr;
  return take_value(input, item.value) ? input.at() : nullptr;
}

}  // namespace cowslip::persistence
