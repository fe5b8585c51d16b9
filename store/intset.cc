#include "store/intset.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace cowslip::store {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little endian, and so are all we run on");

template <typename T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

void set_header(char* bytes, size_t width, size_t count) {
  const uint32_t words[] = {static_cast<uint32_t>(width), static_cast<uint32_t>(count)};
  std::memcpy(bytes, words, sizeof words);
}

int64_t read(const char* integers, size_t width, size_t index) {
  const char* const at = integers + index * width;
  return width == 2 ? load<int16_t>(at) : width == 4 ? load<int32_t>(at) : load<int64_t>(at);
}

void write(char* integers, size_t width, size_t index, int64_t value) {
  std::memcpy(integers + index * width, &value, width);  // the low bytes come first
}

// From the last on, because they grow where they are.
void widen(char* bytes, size_t width) {
  const Intset set(std::string_view(bytes, Intset::kHeader));
  const size_t before = set.width(), count = set.size();
  for (size_t i = count; i-- > 0;) {
    write(bytes + Intset::kHeader, width, i, read(bytes + Intset::kHeader, before, i));
  }
  set_header(bytes, width, count);
}

}  // namespace

size_t Intset::width() const {
  return load<uint32_t>(bytes_.data());
}

size_t Intset::size() const {
  return load<uint32_t>(bytes_.data() + 4);
}

int64_t Intset::at(size_t index) const {
  return read(bytes_.data() + kHeader, width(), index);
}

size_t Intset::lower_bound(int64_t value) const {
  const char* const integers = bytes_.data() + kHeader;
  const size_t bytes = width();
  size_t low = 0, high = size();
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (read(integers, bytes, middle) < value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

bool valid_intset(std::string_view bytes) {
  if (bytes.size() < Intset::kHeader) return false;
  const Intset set(bytes);
  const size_t width = set.width(), count = set.size();
  if (width != 2 && width != 4 && width != 8) return false;
  if (bytes.size() != intset_length(count, width)) return false;
  for (size_t i = 1; i < count; i++) {
    if (set.at(i - 1) >= set.at(i)) return false;
  }
  return true;
}

size_t intset_length(size_t integers, size_t width) {
  return Intset::kHeader + integers * width;
}

size_t intset_width(int64_t value) {
  if (value >= INT16_MIN && value <= INT16_MAX) return 2;
  return value >= INT32_MIN && value <= INT32_MAX ? 4 : 8;
}

void make_intset(char* bytes) {
  set_header(bytes, 2, 0);
}

void make_intset(std::string& bytes, std::span<const int64_t> integers) {
  const size_t width = integers.empty() ? 2 : std::max(intset_width(integers.front()), intset_width(integers.back()));
  bytes.resize(intset_length(integers.size(), width));
  set_header(bytes.data(), width, integers.size());
  for (size_t i = 0; i < integers.size(); i++) write(bytes.data() + Intset::kHeader, width, i, integers[i]);
}

size_t intset_length_with(std::string_view bytes, int64_t value) {
  const Intset set(bytes);
  return intset_length(set.size() + 1, std::max(set.width(), intset_width(value)));
}

void insert_into_intset(char* bytes, size_t index, int64_t value) {
  const size_t wanted = intset_width(value);
  if (wanted > load<uint32_t>(bytes)) widen(bytes, wanted);
  const size_t width = load<uint32_t>(bytes), count = load<uint32_t>(bytes + 4);
  char* const integers = bytes + Intset::kHeader;
  std::memmove(integers + (index + 1) * width, integers + index * width, (count - index) * width);
  write(integers, width, index, value);
  set_header(bytes, width, count + 1);
}

void erase_from_intset(char* bytes, size_t index) {
  const size_t width = load<uint32_t>(bytes), count = load<uint32_t>(bytes + 4);
  char* const integers = bytes + Intset::kHeader;
  std::memmove(integers + index * width, integers + (index + 1) * width, (count - index - 1) * width);
  set_header(bytes, width, count - 1);
}

}  // namespace cowslip::store
