// Writes RDB (rdb_format.h) into a ByteSink: first begin(), then the auxiliary fields, the databases with their
// entries, and finish().
//
// Bytes are collected in one buffer and handed over, with their share of the checksum, when it is full: one append and
// one crc64 call for about `buffer_bytes`. An entry that fits in the buffer is written there with one look at the room
// that is left; a value larger than the buffer goes past it, without a copy.
//
// Whether a string is worth compressing is foretold (compression_predictor.h), for keys and for values apart.
//
// The first error of the sink is kept and returned by every later call, so a caller may check at the end of an entry.
// One thread at a time. Allocates its buffer when it is made (and another with the first compressed string).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "persistence/byte_sink.h"
#include "persistence/compression_predictor.h"
#include "persistence/rdb_format.h"
#include "store/entry.h"

namespace cowslip::persistence {

struct EncoderOptions {
  bool compression = true;  // rdbcompression: LZF for strings longer than kLzfShortestString, where it pays
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
  Status type(RdbType type);
  // The type under which value() writes it.
  static RdbType type_of(const store::Entry& entry);
  Status value(const store::Entry& entry);
  Status string(std::string_view text);
  Status integer(int64_t value);  // as a string: in 1, 2 or 4 bytes if it fits, otherwise its decimal form
  Status length(uint64_t length);
  // Hands over what is in the buffer.
  Status flush();

  // So far, the buffer's content included.
  uint64_t bytes_written() const { return flushed_bytes_ + used_; }

 private:
  // The place for the next `bytes`, after handing over what was in their way. REQUIRES: bytes <= capacity_.
  char* room(size_t bytes);
  void wrote_to(const char* end) { used_ = static_cast<size_t>(end - buffer_.get()); }
  // Writes with put(place) -> end, which takes at most `bytes`. REQUIRES: bytes <= capacity_.
  template <typename Put>
  Status write(size_t bytes, Put put);
  void raw(std::string_view bytes);
  void hand_over(std::string_view bytes);

  // At `out`, which has room for the string and its head; returns where it ends.
  char* put_string(char* out, std::string_view text, CompressionPredictor& predictor);
  char* put_value(char* out, store::StringView value);
  void string(std::string_view text, CompressionPredictor& predictor);
  void large_string(std::string_view text, CompressionPredictor& predictor);

  // ---- aggregates (rdb_aggregates.cc) ----
  Status aggregate(const store::Entry& entry);
  Status list(const store::Entry& entry);
  Status set(const store::Entry& entry);
  Status hash(const store::Entry& entry);
  Status sorted_set(const store::Entry& entry);
  void element(const store::StringView& value);
  // The compressed form in `compressed_`; empty when compressing does not pay.
  std::string_view compress(std::string_view text, CompressionPredictor& predictor);
  Status state() const;

  ByteSink& sink_;
  const EncoderOptions options_;
  const size_t capacity_;
  const std::unique_ptr<char[]> buffer_;
  size_t used_ = 0;
  std::unique_ptr<char[]> compressed_;
  size_t compressed_capacity_ = 0;
  CompressionPredictor keys_, values_;
  uint64_t flushed_bytes_ = 0;
  uint64_t checksum_ = 0;
  std::optional<Error> failure_;
};

}  // namespace cowslip::persistence
