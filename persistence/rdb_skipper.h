// Parses past values that this version cannot hold: streams, and what modules keep.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "persistence/rdb_decoder.h"

namespace cowslip::persistence {

// Reads the value of `type` that comes next, keeps nothing of it, and says what it was: "stream (third form)", "value
// of module 'ReJSON-RL'". Its structure is checked as far as it has to be known; what strings and listpacks in it hold
// is not. kUnsupported: there is no way past (module data of before Redis 4.0, whose length only the module knows), or
// CollectionReader::reads(type).
Result<std::string> skip_value(RdbDecoder& decoder, uint8_t type);

}  // namespace cowslip::persistence
