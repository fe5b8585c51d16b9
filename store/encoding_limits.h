// Up to which size values have their compact encodings: aggregates one blob in their entry, HyperLogLogs runs instead
// of registers. The settings are Redis's, under its names, as are their defaults.
#pragma once

#include <cstdint>

namespace cowslip::store {

// Entries and bytes ("value": of the longest member, field or value). A negative list_max_listpack_size is a size, -1
// to -5: 4, 8, 16, 32, 64 KiB. Compressed nodes and streams do not exist yet: those settings are kept and shown.
struct EncodingLimits {
  int64_t hash_max_listpack_entries = 512;
  int64_t hash_max_listpack_value = 64;
  int64_t set_max_intset_entries = 512;
  int64_t set_max_listpack_entries = 128;
  int64_t set_max_listpack_value = 64;
  int64_t zset_max_listpack_entries = 128;
  int64_t zset_max_listpack_value = 64;
  int64_t list_max_listpack_size = -2;
  int64_t list_compress_depth = 0;
  int64_t hll_sparse_max_bytes = 3000;
  int64_t stream_node_max_bytes = 4096;
  int64_t stream_node_max_entries = 100;
  friend bool operator==(const EncodingLimits&, const EncodingLimits&) = default;
};

// Whether so many are allowed; a limit that counts is never negative.
constexpr bool within(uint64_t count, int64_t limit) {
  return count <= static_cast<uint64_t>(limit);
}

}  // namespace cowslip::store
