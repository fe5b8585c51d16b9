// The seed of a random test: from COWSLIP_SEED when a failure is to be repeated, fresh otherwise, printed in any case.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "base/random.h"

namespace cowslip {

inline uint64_t test_seed() {
  const char* const given = std::getenv("COWSLIP_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : os_random_u64();
  std::cout << "COWSLIP_SEED=" << seed << '\n';
  return seed;
}

}  // namespace cowslip
