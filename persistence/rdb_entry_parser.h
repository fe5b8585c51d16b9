// The short way through the entries that nearly every file consists of.
#pragma once

#include "persistence/rdb_decoder.h"

namespace cowslip::persistence {

// Parses one entry of a plain key and a plain or integer string value, with its attributes, from [at, end). Returns
// where it ends and sets `item`, whose views point into the input: nothing is copied. Null, with `item` in any state,
// for everything else: an entry that is cut off, a compressed string, another type, an opcode, damage. The decoder
// takes the long way then, and says what is wrong if something is.
const char* parse_plain_entry(const char* at, const char* end, RdbItem& item);

}  // namespace cowslip::persistence
