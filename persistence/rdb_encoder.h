// Writes RDB (rdb_format.h) into a ByteSink: first begin(), then the auxiliary fields, the databases with their
// entries, and finish().
//
// Bytes are collected in one buffer and handed over, with their share of the checksum, when it is full: one append and
// one crc64 call for about `buffer_bytes`. A value larger than that goes past the buffer, without a copy.
//
// The first error of the sink is kept and returned by every later call, so a caller may check at the end of an entry.
// One thread at a time. Allocates its buffers when it is made (and once more for long compressed strings).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "persistence/byte_sink.h"
#include "persistence/rdb_format.h"
#include "store/entry.h"

namespace cowslip::persistence {

struct EncoderOptions {
  bool compression = true;  // rdbcompression: LZF for strings longer than kLzfShortestString
  bool checksum = true;     // rdbchecksum: false writes eight zero bytes
  size_t buffer_bytes = 256 * 1024;
};

// What may be said about a key beside its value.
struct KeyAttributes {
  int64_t expire_at_ms = store::kNoExpiry;
  std::optional<uint64_t> idle_seconds = {};  // written as IDLE
  std::optional<uint8_t> frequency = {};      // written as FREQ
};

class RdbEncoder {
 public:
  explicit RdbEncoder(ByteSink& sink, EncoderOptions options = {});

  Status begin();                                             // magic and version
  Status aux(std::string_view name, std::string_view value);  // redis-ver, ctime, ...
  Status aux(std::string_view name, int64_t value);
  Status select_database(uint64_t number);
  Status resize_database(uint64_t keys, uint64_t expires);
  Status entry(const store::Entry& entry, std::optional<uint64_t> idle_seconds = {},
               std::optional<uint8_t> frequency = {});
  Status string_entry(std::string_view key, store::StringView value, const KeyAttributes& attributes = {});
  Status finish();  // EOF, checksum, and everything still in the buffer

  // The pieces that larger things are made of; DUMP payloads use them without a file around.
  Status type(RdbType type) { return byte(static_cast<uint8_t>(type)); }
  Status value(const store::Entry& entry);
  Status string(std::string_view text);
  Status integer(int64_t value);  // as a string: in 1, 2 or 4 bytes if it fits, otherwise its decimal form
  Status length(uint64_t length);
  // Hands over what is in the buffer.
  Status flush();

  // So far, the buffer's content included.
  uint64_t bytes_written() const { return flushed_bytes_ + buffer_.size(); }

 private:
  Status byte(uint8_t value);
  Status raw(std::string_view bytes);
  Status opcode(RdbOpcode code) { return byte(static_cast<uint8_t>(code)); }
  Status attributes(const KeyAttributes& attributes);
  Status hand_over(std::string_view bytes);
  // The compressed form in `compressed_`; empty when compressing does not pay.
  std::string_view compress(std::string_view text);
  Status state() const;

  ByteSink& sink_;
  const EncoderOptions options_;
  std::string buffer_;
  std::vector<char> compressed_;
  uint64_t flushed_bytes_ = 0;
  uint64_t checksum_ = 0;
  std::optional<Error> failure_;
};

}  // namespace cowslip::persistence
