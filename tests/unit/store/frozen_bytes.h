// The bytes of a block as a forked child sees them: also when it has been released, which a sanitizer would object to.
#pragma once

#include <cstddef>
#include <string>

#include "memory/poison.h"

namespace cowslip::store {

// Whether what was released may not be read: all of it at once is too much for frozen_bytes().
#ifdef COWSLIP_POISONS
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

__attribute__((no_sanitize("address"))) inline std::string frozen_bytes(const void* block, size_t count) {
  std::string bytes(count, '\0');
  const volatile char* from = static_cast<const char*>(block);
  for (size_t i = 0; i < count; i++) bytes[i] = from[i];
  return bytes;
}

}  // namespace cowslip::store
