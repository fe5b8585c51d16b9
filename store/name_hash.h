// The hash by which members of sets and sorted sets, and fields of hashes, are ordered in a big aggregate.
#pragma once

#include <cstdint>
#include <string_view>

namespace cowslip::store {

// `seed`: the keyspace's, so that nobody outside knows which names have equal hashes.
uint32_t name_hash(std::string_view name, uint64_t seed);

}  // namespace cowslip::store
