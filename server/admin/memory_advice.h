// MEMORY DOCTOR's judgement.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "server/info_memory.h"
#include "server/system_check.h"

namespace cowslip::server {

// What looks wrong about `figures` and about the machine, and what to do about it, for a person to read. Pure.
std::string memory_advice(const MemoryFigures& figures, size_t clients, const std::vector<SystemFinding>& findings);

}  // namespace cowslip::server
