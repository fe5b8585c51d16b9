#include "persistence/ziplist.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>

namespace cowslip::persistence {
namespace {

constexpr uint8_t kEnd = 0xff;
constexpr uint8_t kWideLength = 0xfe;  // in the place of the length of the entry before
constexpr size_t kCountUnknown = 0xffff;
constexpr uint8_t kInt16 = 0xc0, kInt32 = 0xd0, kInt64 = 0xe0, kInt24 = 0xf0, kInt8 = 0xfe;
constexpr uint8_t kZero = 0xf1, kTwelve = 0xfd;

// The first bytes of an entry.
struct Head {
  size_t before = 0;  // what it says of the length of the entry before
  size_t bytes = 0;   // up to the value
  size_t value = 0;   // bytes of the value
  uint8_t encoding = 0;

  bool is_string() const { return encoding < kInt16; }
  size_t size() const { return bytes + value; }
};

template <typename T>
T load(std::string_view bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::optional<size_t> integer_bytes(uint8_t encoding) {
  switch (encoding) {
    case kInt8:
      return 1;
    case kInt16:
      return 2;
    case kInt24:
      return 3;
    case kInt32:
      return 4;
    case kInt64:
      return 8;
    default:
      if (encoding >= kZero && encoding <= kTwelve) return 0;
      return std::nullopt;
  }
}

// The head of the entry that `bytes` begin with; nothing if they are too few for it or its value, or no head.
std::optional<Head> read_head(std::string_view bytes) {
  if (bytes.empty()) return std::nullopt;
  Head head{.before = static_cast<uint8_t>(bytes[0]), .bytes = 1};
  if (head.before >= kWideLength) {
    if (head.before != kWideLength || bytes.size() < 5) return std::nullopt;
    head = {.before = load<uint32_t>(bytes, 1), .bytes = 5};
  }
  if (bytes.size() <= head.bytes) return std::nullopt;
  const size_t at = head.bytes;
  head.encoding = static_cast<uint8_t>(bytes[at]);
  if (!head.is_string()) {
    const auto value = integer_bytes(head.encoding);
    if (!value) return std::nullopt;
    head.bytes += 1;
    head.value = *value;
  } else {
    const size_t kind = head.encoding >> 6;
    head.bytes += kind == 0 ? 1 : kind == 1 ? 2 : 5;
    if (bytes.size() < head.bytes) return std::nullopt;
    const size_t low = head.encoding & 0x3f;
    head.value = kind == 0   ? low
                 : kind == 1 ? low << 8 | static_cast<uint8_t>(bytes[at + 1])
                             : std::byteswap(load<uint32_t>(bytes, at + 1));
  }
  if (bytes.size() - head.bytes < head.value) return std::nullopt;
  return head;
}

int64_t read_integer(std::string_view value, uint8_t encoding) {
  if (value.empty()) return encoding - kZero;
  uint64_t bits = 0;
  std::memcpy(&bits, value.data(), value.size());
  const size_t unused = 64 - 8 * value.size();
  return static_cast<int64_t>(bits << unused) >> unused;  // the sign bit fills the rest
}

}  // namespace

std::string_view ziplist_flaw(std::string_view bytes) {
  if (bytes.size() <= Ziplist::kHeader) return "it is too short";
  if (load<uint32_t>(bytes, 0) != bytes.size()) return "its length is not what it says";
  if (static_cast<uint8_t>(bytes.back()) != kEnd) return "it has no end";
  const size_t end = bytes.size() - 1;
  size_t count = 0, last = Ziplist::kHeader, before = 0;
  for (size_t place = Ziplist::kHeader; place != end; count++) {
    const auto head = read_head(bytes.substr(place, end - place));
    if (!head) return "an entry is damaged or cut off";
    if (head->before != before) return "the length of an entry is not what the next one says";
    last = place;
    before = head->size();
    place += before;
  }
  if (load<uint32_t>(bytes, 4) != last) return "its last entry is not where it says";
  const size_t said = load<uint16_t>(bytes, 8);
  if (said != kCountUnknown && said != count) return "the number of its entries is not what it says";
  return {};
}

size_t Ziplist::count() const {
  const size_t said = load<uint16_t>(bytes_, 8);
  if (said != kCountUnknown) return said;
  size_t count = 0;
  for (Place place = begin(); place != end(); place = next(place)) count++;
  return count;
}

Ziplist::Place Ziplist::next(Place place) const {
  return place + read_head(bytes_.substr(place))->size();
}

store::StringView Ziplist::get(Place place) const {
  const Head head = *read_head(bytes_.substr(place));
  const std::string_view value = bytes_.substr(place + head.bytes, head.value);
  return head.is_string() ? store::StringView(value) : store::StringView(read_integer(value, head.encoding));
}

}  // namespace cowslip::persistence
