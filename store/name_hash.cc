#include "store/name_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace cowslip::store {

uint32_t name_hash(std::string_view name, uint64_t seed) {
  // Not the bits that the index of keys goes by.
  return static_cast<uint32_t>(XXH3_64bits_withSeed(name.data(), name.size(), seed) >> 32);
}

}  // namespace cowslip::store
