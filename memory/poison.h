// Tells AddressSanitizer which bytes of a chunk belong to no block, so that a use after release is found as it is on
// the heap. Nothing in other builds.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define COWSLIP_POISONS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COWSLIP_POISONS 1
#endif
#endif

#ifdef COWSLIP_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace cowslip::memory {

// REQUIRES for both: aligned to 8, a multiple of 8.
inline void poison([[maybe_unused]] const void* at, [[maybe_unused]] size_t bytes) {
#ifdef COWSLIP_POISONS
  __asan_poison_memory_region(at, bytes);
#endif
}

inline void unpoison([[maybe_unused]] const void* at, [[maybe_unused]] size_t bytes) {
#ifdef COWSLIP_POISONS
  __asan_unpoison_memory_region(at, bytes);
#endif
}

}  // namespace cowslip::memory
