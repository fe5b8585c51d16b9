// Loads on lists, hashes, sets and sorted sets: fill them, then change random elements.
//
// Named TYPE-SIZE, such as hash-small, and fill-TYPE-SIZE. Small keys have kSmallElements elements each; of the big
// ones there are kBigKeys. Elements are numbered over all keys.
//
//   list   LSET of a random element                     hash   HSET of a random field
//   set    SREM of a member and SADD of a new one       zset   ZADD of a member with a random score
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"

namespace cowslip::bench {

enum class AggregateType : uint8_t { kList, kHash, kSet, kSortedSet };

struct AggregateLoad {
  AggregateType type = AggregateType::kList;
  bool big = false;
  bool fill = false;
};
std::optional<AggregateLoad> aggregate_load_from(std::string_view name);

// Draws the requests. Not thread-safe.
class AggregateWorkload {
 public:
  static constexpr uint64_t kSmallElements = 16;
  static constexpr uint64_t kBigKeys = 10;

  // `elements`: of all keys together. `first_new`: where the new members of sets begin to be numbered; 0: behind the
  // last element. `pool`: random bytes that values are cut from, kept by the caller.
  AggregateWorkload(AggregateLoad load, uint64_t elements, uint64_t first_new, uint32_t value_bytes,
                    std::string_view pool);

  // As Workload has them. A request that fills holds kSmallElements elements.
  int append_request(std::string& out, Random& random);
  uint64_t written_bytes() const { return written_bytes_; }

 private:
  void append_fill(std::string& out, Random& random);
  int append_change(std::string& out, Random& random);
  // Text of the element and of what goes with it, by number.
  std::string key_of(uint64_t element) const;
  std::string_view value(Random& random) const;

  const AggregateLoad load_;
  const uint64_t elements_;
  const uint64_t per_key_;
  const uint32_t value_bytes_;
  const std::string_view pool_;
  uint64_t next_ = 0;  // to fill with, or to add to a set
  uint64_t written_bytes_ = 0;
};

}  // namespace cowslip::bench
