#include "store/listpack.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/numbers.h"

namespace cowslip::store {
namespace {

constexpr uint8_t kEnd = 0xff;
constexpr size_t kCountUnknown = 0xffff;
constexpr uint8_t kString32 = 0xf0, kInt16 = 0xf1, kInt24 = 0xf2, kInt32 = 0xf3, kInt64 = 0xf4;
constexpr size_t kLongestHead = 5;
constexpr size_t kMostBackLengthBytes = 5;

static_assert(std::endian::native == std::endian::little, "the format is little endian, and so are all we run on");

uint8_t byte_at(std::string_view bytes, size_t at) {
  return static_cast<uint8_t>(bytes[at]);
}

template <typename T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

template <typename T>
char* put(char* out, T value) {
  std::memcpy(out, &value, sizeof value);
  return out + sizeof value;
}

// What the first bytes of an element say: how many bytes come before a string's, and how long it is.
struct Head {
  size_t bytes = 0;  // 0: no encoding begins like that
  size_t string = 0;
  bool is_string = false;

  size_t size() const { return bytes + string; }
};

// REQUIRES: the head is there.
Head read_head(const char* at) {
  const auto first = static_cast<uint8_t>(*at);
  if (first < 0x80) return {.bytes = 1};
  if (first < 0xc0) return {.bytes = 1, .string = first & 0x3fu, .is_string = true};
  if (first < 0xe0) return {.bytes = 2};
  if (first < 0xf0) {
    return {.bytes = 2, .string = (first & 0x0fu) << 8 | static_cast<uint8_t>(at[1]), .is_string = true};
  }
  switch (first) {
    case kString32:
      return {.bytes = 5, .string = load<uint32_t>(at + 1), .is_string = true};
    case kInt16:
      return {.bytes = 3};
    case kInt24:
      return {.bytes = 4};
    case kInt32:
      return {.bytes = 5};
    case kInt64:
      return {.bytes = 9};
    default:
      return {};
  }
}

// How many bytes have to be there for read_head().
size_t head_bytes_needed(uint8_t first) {
  if (first == kString32) return kLongestHead;
  return first >= 0xe0 && first < 0xf0 ? 2 : 1;
}

int64_t read_integer(const char* at) {
  const auto first = static_cast<uint8_t>(*at);
  if (first < 0x80) return first;
  if (first < 0xe0) {
    const uint32_t bits = (first & 0x1fu) << 8 | static_cast<uint8_t>(at[1]);
    return static_cast<int32_t>(bits << 19) >> 19;
  }
  switch (first) {
    case kInt16:
      return load<int16_t>(at + 1);
    case kInt24: {
      uint32_t bits = 0;
      std::memcpy(&bits, at + 1, 3);
      return static_cast<int32_t>(bits << 8) >> 8;
    }
    case kInt32:
      return load<int32_t>(at + 1);
    default:
      return load<int64_t>(at + 1);
  }
}

// ---- the length behind an element ----

// From two bytes on, Redis takes one more already for the greatest length that would fit: 16383 takes three.
size_t back_length_bytes(size_t size) {
  if (size < 0x80) return 1;
  size_t bytes = 2;
  for (size_t greatest = 0x3fff; size >= greatest && bytes < kMostBackLengthBytes; greatest = greatest << 7 | 0x7f) {
    bytes++;
  }
  return bytes;
}

char* put_back_length(char* out, size_t size) {
  const size_t bytes = back_length_bytes(size);
  for (size_t i = bytes; i-- > 0; size >>= 7) {
    out[i] = static_cast<char>((size & 0x7f) | (i > 0 ? 0x80 : 0));
  }
  return out + bytes;
}

// The length whose last byte is at[-1].
size_t read_back_length(const char* at) {
  size_t size = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<uint8_t>(*--at);
    size |= size_t{byte & 0x7fu} << shift;
    if ((byte & 0x80) == 0) return size;
  }
}

// ---- writing ----

size_t integer_bytes(int64_t value) {
  if (value >= 0 && value <= 127) return 1;
  if (value >= -4096 && value <= 4095) return 2;
  if (value >= INT16_MIN && value <= INT16_MAX) return 3;
  if (value >= -(1 << 23) && value < 1 << 23) return 4;
  return value >= INT32_MIN && value <= INT32_MAX ? 5 : 9;
}

char* put_integer(char* out, int64_t value) {
  switch (integer_bytes(value)) {
    case 1:
      return put(out, static_cast<uint8_t>(value));
    case 2:
      out[0] = static_cast<char>(0xc0 | (static_cast<uint64_t>(value) >> 8 & 0x1f));
      out[1] = static_cast<char>(value);
      return out + 2;
    case 3:
      return put(put(out, kInt16), static_cast<int16_t>(value));
    case 4:
      *out = static_cast<char>(kInt24);
      std::memcpy(out + 1, &value, 3);
      return out + 4;
    case 5:
      return put(put(out, kInt32), static_cast<int32_t>(value));
    default:
      return put(put(out, kInt64), value);
  }
}

size_t string_head_bytes(size_t length) {
  return length < 64 ? 1 : length < 4096 ? 2 : 5;
}

char* put_string(char* out, std::string_view text) {
  const size_t length = text.size();
  switch (string_head_bytes(length)) {
    case 1:
      out = put(out, static_cast<uint8_t>(0x80 | length));
      break;
    case 2:
      out = put(put(out, static_cast<uint8_t>(0xe0 | length >> 8)), static_cast<uint8_t>(length));
      break;
    default:
      out = put(put(out, kString32), static_cast<uint32_t>(length));
      break;
  }
  text.copy(out, length);
  return out + length;
}

void set_header(char* bytes, size_t length, size_t count) {
  put(put(bytes, static_cast<uint32_t>(length)), static_cast<uint16_t>(std::min(count, kCountUnknown)));
}

}  // namespace

// ---- reading ----

size_t Listpack::count() const {
  const size_t count = load<uint16_t>(bytes_.data() + 4);
  if (count != kCountUnknown) return count;
  size_t counted = 0;
  for (ListpackPlace place = begin(); place != end(); place = next(place)) counted++;
  return counted;
}

ListpackPlace Listpack::next(ListpackPlace place) const {
  const size_t size = read_head(bytes_.data() + place).size();
  return place + size + back_length_bytes(size);
}

ListpackPlace Listpack::previous(ListpackPlace place) const {
  const size_t size = read_back_length(bytes_.data() + place);
  return place - back_length_bytes(size) - size;
}

ListpackPlace Listpack::at(int64_t index) const {
  if (index >= 0) {
    ListpackPlace place = begin();
    while (place != end() && index-- > 0) place = next(place);
    return place;
  }
  ListpackPlace place = end();
  for (; index < 0; index++) {
    if (place == begin()) return end();
    place = previous(place);
  }
  return place;
}

StringView Listpack::get(ListpackPlace place) const {
  const char* const at = bytes_.data() + place;
  const Head head = read_head(at);
  if (head.is_string) return StringView(std::string_view(at + head.bytes, head.string));
  return StringView(read_integer(at));
}

ListpackPlace Listpack::read(ListpackPlace place, StringView& value) const {
  const char* const at = bytes_.data() + place;
  const Head head = read_head(at);
  value = head.is_string ? StringView(std::string_view(at + head.bytes, head.string)) : StringView(read_integer(at));
  return place + head.size() + back_length_bytes(head.size());
}

// Equal values are equal bytes, so elements are compared as they lie there.
ListpackPlace Listpack::find(const StringView& value, ListpackPlace from, size_t stride) const {
  const auto integer = value.is_integer() ? value.integer() : parse_int64(value.bytes());
  size_t skip = 0;
  for (ListpackPlace place = from; place != end(); place = next(place)) {
    if (skip-- > 0) continue;
    skip = stride - 1;
    const char* const at = bytes_.data() + place;
    const Head head = read_head(at);
    if (head.is_string) {
      if (integer || head.string != value.bytes().size()) continue;
      if (std::string_view(at + head.bytes, head.string) == value.bytes()) return place;
    } else if (integer && read_integer(at) == *integer) {
      return place;
    }
  }
  return end();
}

bool valid_listpack(std::string_view bytes) {
  if (bytes.size() < Listpack::kEmptyBytes || load<uint32_t>(bytes.data()) != bytes.size()) return false;
  if (byte_at(bytes, bytes.size() - 1) != kEnd) return false;
  const size_t end = bytes.size() - 1;
  size_t count = 0;
  for (size_t place = Listpack::kHeader; place != end; count++) {
    const size_t left = end - place;
    if (left < head_bytes_needed(byte_at(bytes, place))) return false;
    const Head head = read_head(bytes.data() + place);
    if (head.bytes == 0 || left < head.bytes || left - head.bytes < head.string) return false;
    const size_t behind = left - head.size();
    const size_t length_bytes = back_length_bytes(head.size());
    if (behind < length_bytes) return false;
    char expected[kMostBackLengthBytes];
    put_back_length(expected, head.size());
    if (std::memcmp(bytes.data() + place + head.size(), expected, length_bytes) != 0) return false;
    place += head.size() + length_bytes;
  }
  const size_t said = load<uint16_t>(bytes.data() + 4);
  return said == kCountUnknown || said == count;
}

// ---- changes ----

void splice_listpack(char* bytes, size_t length, const ListpackSplice& splice) {
  if (splice.inserted == splice.removed && splice.elements == 0) return;  // nothing moves
  const size_t count = load<uint16_t>(bytes + 4);
  const size_t behind = splice.offset + splice.removed;
  std::memmove(bytes + splice.offset + splice.inserted, bytes + behind, length - behind);
  // A count that is not known stays so: to find it out costs a walk, and whoever asks will make it.
  const bool known = count != kCountUnknown;
  set_header(bytes, splice.length_after(length),
             known ? static_cast<size_t>(static_cast<int64_t>(count) + splice.elements) : kCountUnknown);
}

size_t listpack_element_bytes(const StringView& value) {
  const auto integer = value.is_integer() ? value.integer() : parse_int64(value.bytes());
  const size_t size =
      integer ? integer_bytes(*integer) : string_head_bytes(value.bytes().size()) + value.bytes().size();
  return size + back_length_bytes(size);
}

char* put_listpack_element(char* out, const StringView& value) {
  const auto integer = value.is_integer() ? value.integer() : parse_int64(value.bytes());
  char* const end = integer ? put_integer(out, *integer) : put_string(out, value.bytes());
  return put_back_length(end, static_cast<size_t>(end - out));
}

// ---- building ----

void ListpackBuilder::clear() {
  bytes_.assign(Listpack::kHeader, '\0');
  bytes_.push_back(static_cast<char>(kEnd));
  count_ = 0;
}

void ListpackBuilder::append(const StringView& value) {
  const size_t at = bytes_.size() - 1;
  bytes_.resize(bytes_.size() + listpack_element_bytes(value));
  *put_listpack_element(bytes_.data() + at, value) = static_cast<char>(kEnd);
  count_++;
}

std::string_view ListpackBuilder::finish() {
  set_header(bytes_.data(), bytes_.size(), count_);
  return bytes_;
}

}  // namespace cowslip::store
