// Up to which size an aggregate is small: one blob in its entry. The settings are Redis's, as are their defaults.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cowslip::store {

struct EncodingLimits {
  // A positive number of elements, or -1 to -5: 4, 8, 16, 32, 64 KiB (list-max-listpack-size).
  int64_t list_listpack_size = -2;
  size_t hash_listpack_entries = 128;
  size_t hash_listpack_value = 64;  // bytes of a field or value
  size_t set_intset_entries = 512;
  size_t set_listpack_entries = 128;
  size_t set_listpack_value = 64;
  size_t zset_listpack_entries = 128;
  size_t zset_listpack_value = 64;
};

}  // namespace cowslip::store
