// MEMORY DOCTOR's judgement.
#pragma once

#include <cstddef>
#include <string>

#include "server/info_memory.h"

namespace cowslip::server {

// What looks wrong about `figures`, and what to do about it, for a person to read. Pure.
std::string memory_advice(const MemoryFigures& figures, size_t clients);

}  // namespace cowslip::server
