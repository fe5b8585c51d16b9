// Intset: a set of integers in one block of bytes, ascending, each as wide as the widest needs. Small sets of integers
// lie so in their entry and in RDB files. The format is Redis's.
//
//     +---------------------+-----------+---------+---------+-----
//     | bytes of one: 32 bit| count, 32 | integer | integer | ...        little endian; one takes 2, 4 or 8
//     +---------------------+-----------+---------+---------+-----
//
// Pure functions and views: the bytes are somebody else's. Nothing is checked but by valid_intset().
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cowslip::store {

class Intset {
 public:
  static constexpr size_t kHeader = 8;

  // REQUIRES: valid_intset(bytes), or made by the functions below.
  explicit Intset(std::string_view bytes) : bytes_(bytes) {}

  size_t size() const;
  size_t width() const;            // bytes of one integer
  int64_t at(size_t index) const;  // REQUIRES: index < size(); ascending
  // The index of the first integer that is not less than `value`; size() when there is none.
  size_t lower_bound(int64_t value) const;
  bool contains(int64_t value) const {
    const size_t index = lower_bound(value);
    return index < size() && at(index) == value;
  }

 private:
  std::string_view bytes_;
};

bool valid_intset(std::string_view bytes);  // an empty one is valid, too

// ---- changes: `bytes` has room for the length after the change, which is returned by the first of each two ----

size_t intset_length(size_t integers, size_t width);
size_t intset_width(int64_t value);  // 2, 4 or 8
// Writes an empty one.
void make_intset(char* bytes);
// One of these. REQUIRES: ascending.
void make_intset(std::string& bytes, std::span<const int64_t> integers);
// REQUIRES: the value is not there yet.
size_t intset_length_with(std::string_view bytes, int64_t value);
// REQUIRES: `index` is lower_bound(value).
void insert_into_intset(char* bytes, size_t index, int64_t value);
// The others stay as wide as they are. REQUIRES: index < size().
void erase_from_intset(char* bytes, size_t index);

}  // namespace cowslip::store
