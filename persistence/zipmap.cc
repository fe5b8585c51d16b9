#include "persistence/zipmap.h"

#include <cstdint>
#include <cstring>
#include <optional>

namespace cowslip::persistence {
namespace {

constexpr uint8_t kWide = 0xfe;  // a length of four bytes follows; as a count: not known
constexpr uint8_t kEnd = 0xff;

// Takes `count` bytes off the front of `bytes`; nothing if there are fewer.
std::optional<std::string_view> take(std::string_view& bytes, size_t count) {
  if (bytes.size() < count) return std::nullopt;
  const std::string_view taken = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return taken;
}

std::optional<size_t> take_byte(std::string_view& bytes) {
  const auto byte = take(bytes, 1);
  if (!byte) return std::nullopt;
  return static_cast<uint8_t>(byte->front());
}

std::optional<size_t> take_length(std::string_view& bytes) {
  const auto first = take_byte(bytes);
  if (!first || *first < kWide) return first;
  const auto wide = *first == kWide ? take(bytes, 4) : std::nullopt;
  if (!wide) return std::nullopt;
  uint32_t length = 0;
  std::memcpy(&length, wide->data(), sizeof length);
  return length;
}

// The pair at `place` in what lies before the end; `next` says where it ends.
std::optional<Zipmap::Pair> read_pair(std::string_view bytes, size_t place) {
  std::string_view left = bytes.substr(place, bytes.size() - 1 - place);
  const auto field_length = take_length(left);
  if (!field_length) return std::nullopt;
  const auto field = take(left, *field_length);
  if (!field) return std::nullopt;
  const auto value_length = take_length(left);
  if (!value_length) return std::nullopt;
  const auto unused = take_byte(left);
  if (!unused) return std::nullopt;
  const auto value = take(left, *value_length);
  if (!value || !take(left, *unused)) return std::nullopt;
  return Zipmap::Pair{*field, *value, bytes.size() - 1 - left.size()};
}

}  // namespace

std::string_view zipmap_flaw(std::string_view bytes) {
  if (bytes.size() < 2) return "it is too short";
  if (static_cast<uint8_t>(bytes.back()) != kEnd) return "it has no end";
  size_t count = 0;
  for (size_t place = 1; place != bytes.size() - 1; count++) {
    const auto pair = read_pair(bytes, place);
    if (!pair) return "a field or value is damaged or cut off";
    place = pair->next;
  }
  if (count == 0) return "it is empty";
  const auto said = static_cast<uint8_t>(bytes[0]);
  if (said == kEnd || (said < kWide && said != count)) return "the number of its fields is not what it says";
  return {};
}

size_t Zipmap::count() const {
  const auto said = static_cast<uint8_t>(bytes_[0]);
  if (said < kWide) return said;
  size_t count = 0;
  for (Place place = begin(); place != end(); place = get(place).next) count++;
  return count;
}

Zipmap::Pair Zipmap::get(Place place) const {
  return *read_pair(bytes_, place);
}

}  // namespace cowslip::persistence
