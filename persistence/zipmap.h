// Zipmap: what Redis kept small hashes in until version 2.6 (RDB versions 1 to 3). We read them.
//
//     +----------+----------+-------+----------+--------+-------+--------+-- ... --+------+
//     | count, 8 | length   | field | length   | unused | value | unused |         | 0xff |      count 254 and more:
//     +----------+----------+-------+----------+--------+-------+--------+-- ... --+------+      not known
//
//     length: one byte up to 253, or 0xfe and four, little endian; unused: how many bytes behind the value are
//
// A view: the bytes are somebody else's. Nothing is checked but by zipmap_flaw().
#pragma once

#include <cstddef>
#include <string_view>

namespace cowslip::persistence {

// What keeps `bytes` from being a zipmap with at least one field, in words; empty when they are one.
std::string_view zipmap_flaw(std::string_view bytes);

class Zipmap {
 public:
  using Place = size_t;  // the offset of a pair
  struct Pair {
    std::string_view field, value;  // valid as long as the zipmap's bytes are
    Place next = 0;
  };

  // REQUIRES: zipmap_flaw(bytes).empty().
  explicit Zipmap(std::string_view bytes) : bytes_(bytes) {}

  size_t count() const;
  Place begin() const { return 1; }
  Place end() const { return bytes_.size() - 1; }
  Pair get(Place place) const;  // REQUIRES: place != end()

 private:
  std::string_view bytes_;
};

}  // namespace cowslip::persistence
