// Ziplist: what Redis kept small aggregates in before listpacks, until version 7.0 (RDB versions 1 to 9). We read them.
//
//     +-----------------+-----------------+-----------+-- ... --+------+
//     | total bytes, 32 | last entry, 32  | count, 16 | entry   |         | 0xff |   little endian; count 65535: not
//     +-----------------+-----------------+-----------+-- ... --+------+   known; last entry: its offset
//
//     entry: length of the entry before (one byte up to 253, or 0xfe and four) | encoding | value
//
//     00llllll                    string, length 6 bits        0xc0 v16, 0xd0 v32, 0xe0 v64    signed, little endian
//     01llllll l8                 string, length 14 bits       0xf0 v24, 0xfe v8               signed, little endian
//     10------ l32                string, big endian           0xf1 to 0xfd                    0 to 12
//
// A view: the bytes are somebody else's. Nothing is checked but by ziplist_flaw().
#pragma once

#include <cstddef>
#include <string_view>

#include "store/string_view.h"

namespace cowslip::persistence {

// What keeps `bytes` from being a ziplist, in words; empty when they are one through and through.
std::string_view ziplist_flaw(std::string_view bytes);

class Ziplist {
 public:
  static constexpr size_t kHeader = 10;
  using Place = size_t;  // the offset of an entry

  // REQUIRES: ziplist_flaw(bytes).empty().
  explicit Ziplist(std::string_view bytes) : bytes_(bytes) {}

  size_t count() const;
  Place begin() const { return kHeader; }
  Place end() const { return bytes_.size() - 1; }
  Place next(Place place) const;             // REQUIRES: place != end()
  store::StringView get(Place place) const;  // REQUIRES: place != end(). Bytes are valid as long as the ziplist's are.

 private:
  std::string_view bytes_;
};

}  // namespace cowslip::persistence
