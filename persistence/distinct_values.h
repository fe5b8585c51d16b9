// Whether the elements of a blob are all different, found out while they pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "store/string_view.h"

namespace cowslip::persistence {

// Keeps 16 bytes for each, its hash of 127 bits, in a table at most half full: values count as equal when their hashes
// are. The hash has a seed of its own, so a file cannot bring about equal ones. One thread at a time.
class DistinctValues {
 public:
  DistinctValues();
  void clear();
  // False: it was there already. An integer and its decimal form are the same.
  bool insert(const store::StringView& value);

 private:
  struct Slot {
    uint64_t low = 0, high = 0;  // both 0: free
    friend bool operator==(const Slot&, const Slot&) = default;
  };
  Slot& place_of(const Slot& hash);
  void grow();

  const uint64_t seed_;
  size_t used_ = 0;
  std::vector<uint32_t> few_;  // the slots in use, as long as the table has not grown
  std::vector<Slot> slots_;    // as many as a power of two
};

}  // namespace cowslip::persistence
