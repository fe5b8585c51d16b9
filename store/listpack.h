// Listpack: a sequence of strings and integers in one block of bytes, the form in which small aggregates lie in their
// entry and in RDB files. The format is Redis's ("Listpack specification", Salvatore Sanfilippo, 2017).
//
//     +-----------------+------------+-----------+-- ... --+------+
//     | total bytes, 32 | count, 16  | element   |         | 0xff |     little endian; count 65535: not known
//     +-----------------+------------+-----------+-- ... --+------+
//
//     element: encoding and bytes of the value | length of that, 7 bits a byte, to be read backwards; where all bits
//     of two bytes or more would be ones, Redis takes one byte more
//
//     0vvvvvvv                    0 to 127              10llllll ...               string, length 6 bits
//     110vvvvv v8                 13 bits, signed       1110llll l8 ...            string, length 12 bits
//     0xf1 v16, 0xf2 v24          signed                0xf0 l32 ...               string, length 32 bits
//     0xf3 v32, 0xf4 v64
//
// A string that is the canonical decimal form of an int64 is always held as the integer, so two equal values have equal
// encodings. valid_listpack() does not look for strings that should have been integers: find() does not find them, and
// all else works.
//
// Pure functions and views: the bytes are somebody else's. Nothing is checked but by valid_listpack().
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/string_view.h"

namespace cowslip::store {

// Where an element begins: its offset in the listpack. An end() is where one would be appended.
using ListpackPlace = size_t;

class Listpack {
 public:
  static constexpr size_t kHeader = 6;
  static constexpr size_t kEmptyBytes = kHeader + 1;

  Listpack() = default;
  // REQUIRES: valid_listpack(bytes), or made by the functions below.
  explicit Listpack(std::string_view bytes) : bytes_(bytes) {}

  std::string_view bytes() const { return bytes_; }
  size_t count() const;
  bool empty() const { return bytes_.size() <= kEmptyBytes; }

  ListpackPlace begin() const { return kHeader; }
  ListpackPlace end() const { return bytes_.size() - 1; }
  ListpackPlace next(ListpackPlace place) const;      // REQUIRES: place != end()
  ListpackPlace previous(ListpackPlace place) const;  // REQUIRES: place != begin()
  // The element with this index, from the end if negative; end() when there is none.
  ListpackPlace at(int64_t index) const;
  // REQUIRES: place != end(). Bytes are valid as long as the listpack's are.
  StringView get(ListpackPlace place) const;
  // The same; `value` becomes what get() returns. Returns the next place.
  ListpackPlace read(ListpackPlace place, StringView& value) const;
  // Bytes of the element, its length included.
  size_t element_bytes(ListpackPlace place) const { return next(place) - place; }

  // The first element equal to `value` of those at `from`, `stride` further, ...; end() when there is none.
  // REQUIRES: stride > 0.
  ListpackPlace find(const StringView& value, ListpackPlace from, size_t stride) const;

  // Calls visit(StringView) for all elements in order.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    StringView value{std::string_view()};
    for (ListpackPlace place = begin(); place != end();) {
      place = read(place, value);
      visit(static_cast<const StringView&>(value));
    }
  }

 private:
  std::string_view bytes_;
};

// Whether `bytes` are a listpack through and through, so that every function above may be called.
bool valid_listpack(std::string_view bytes);

// ---- changes ----

// What a change does to the bytes: `removed` of them, from `offset` on, are replaced by `inserted` others, and the
// listpack has `elements` more (or less).
struct ListpackSplice {
  size_t offset = 0;
  size_t removed = 0;
  size_t inserted = 0;
  int64_t elements = 0;

  size_t length_after(size_t length) const { return length - removed + inserted; }
};

// Moves what is behind the change to its new place and sets the header. The `inserted` bytes at `offset` are the
// caller's to write. `bytes` has room for the length before and after.
void splice_listpack(char* bytes, size_t length, const ListpackSplice& splice);

// Bytes that `value` takes as an element.
size_t listpack_element_bytes(const StringView& value);
// Writes the element at `out` and returns its end.
char* put_listpack_element(char* out, const StringView& value);

// A listpack that is put together from the first to the last element, and appended to.
class ListpackBuilder {
 public:
  ListpackBuilder() { clear(); }
  void clear();
  void append(const StringView& value);
  size_t count() const { return count_; }
  // Bytes so far, the end included.
  size_t size() const { return bytes_.size(); }
  // The whole. Valid until the next call of anything else.
  std::string_view finish();

 private:
  std::string bytes_;
  size_t count_ = 0;
};

}  // namespace cowslip::store
