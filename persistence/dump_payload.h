// The bytes that DUMP gives and RESTORE takes (drawn in rdb_format.h). Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "store/entry.h"

namespace cowslip::persistence {

// `compression` is the setting rdbcompression: strings as LZF where that is shorter.
std::string encode_dump(const store::Entry& entry, bool compression = true);

// A decoded payload. Holds its bytes.
class DumpedValue {
 public:
  explicit DumpedValue(int64_t integer) : integer_(integer), is_integer_(true) {}
  explicit DumpedValue(std::string bytes) : bytes_(std::move(bytes)) {}
  // Valid as long as this object is.
  store::StringView view() const { return is_integer_ ? store::StringView(integer_) : store::StringView(bytes_); }

 private:
  std::string bytes_;
  int64_t integer_ = 0;
  bool is_integer_ = false;
};

// kInvalidArgument: too short, version too new, or checksum wrong: RESTORE replies "ERR DUMP payload version or
// checksum are wrong". kCorrupt and kUnsupported: the trailer is right, the value is not: "ERR Bad data format".
Result<DumpedValue> decode_dump(std::string_view payload);

}  // namespace cowslip::persistence
