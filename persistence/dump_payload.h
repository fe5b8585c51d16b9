// The bytes that DUMP gives and RESTORE takes (drawn in rdb_format.h).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "store/entry.h"
#include "store/keyspace.h"
#include "store/prepared_entry.h"

namespace cowslip::persistence {

// `compression` is the setting rdbcompression: strings as LZF where that is shorter.
std::string encode_dump(const store::Entry& entry, bool compression = true);

// The payload's value as an entry of `db`, which has yet to be stored.
//
// kInvalidArgument: too short, version too new, or checksum wrong: RESTORE replies "ERR DUMP payload version or
// checksum are wrong". kCorrupt and kUnsupported: the trailer is right, the value is not: "ERR Bad data format".
Result<store::PreparedEntry> decode_dump(std::string_view payload, store::Keyspace& keyspace, store::Database& db,
                                         std::string_view key, int64_t expire_at_ms);

}  // namespace cowslip::persistence
