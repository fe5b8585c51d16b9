// Reads RDB (rdb_format.h) of versions 1 to 11 from a ByteSource, one item at a time.
//
// The input is not trusted. Every length is checked, memory is taken in proportion to bytes that really arrived, and
// whatever the bytes are, the answer is an item or an Error:
//
//   kCorrupt      not RDB, truncated, a length or encoding that cannot be, checksum mismatch
//   kUnsupported  a version newer than 11, a value type or module data that this version cannot hold (refuse_value())
//   kIo           the source failed
//
// The message says what, at which offset, and for which key if one had been read. After an Error the decoder is done.
//
// Strings that lie whole in the read buffer are not copied. One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "persistence/byte_sink.h"
#include "persistence/rdb_format.h"
#include "store/entry.h"

namespace cowslip::persistence {

// What next() found. The views are valid until the next call of next().
struct RdbItem {
  enum class Kind {
    kAux,             // name, value
    kSelectDatabase,  // number: the database
    kResizeDatabase,  // number: keys; expires: keys with an expiry
    kEntry,           // key, value, and its attributes: a string
    kUnread,          // key and attributes; the value of `type` comes next, and is the caller's to read
    kFunction,        // value: the source of a function library
    kModuleAux,       // name: the module whose data was skipped
    kEnd,             // the checksum, if there is one, was right
  };
  Kind kind = Kind::kEnd;

  uint64_t number = 0;
  uint64_t expires = 0;
  std::string_view name = {};
  store::StringView value{std::string_view()};

  std::string_view key = {};
  int64_t expire_at_ms = store::kNoExpiry;
  std::optional<uint64_t> idle_seconds = {};
  std::optional<uint8_t> frequency = {};
  uint8_t type = 0;  // a RdbType that rdb_type_name() knows
};

struct DecoderOptions {
  bool verify_checksum = true;  // rdbchecksum no: neither computed nor compared
  size_t buffer_bytes = 1024 * 1024;
  // How much input there is, if that is known: so much may be reserved for a string at once.
  uint64_t bytes_total = 0;
};

class RdbDecoder {
 public:
  explicit RdbDecoder(ByteSource& source, DecoderOptions options = {});

  // Reads magic and version; call it once, first.
  Status begin();
  // REQUIRES: begin() succeeded, and neither an Error nor kEnd was returned yet. After kUnread the value was read, by
  // CollectionReader or skip_value(); until next() is called again, `key` stays valid and errors name it.
  Result<RdbItem> next();

  // The next item, if it is an entry that lies in the buffer already and needs no work (rdb_entry_parser.h). False, and
  // nothing is consumed, otherwise: next() has it. The views of all items found so are valid until next() is called, so
  // that a caller can gather many. REQUIRES: as next().
  bool next_buffered(RdbItem& item);

  // A value of `type`, which was read before: what DUMP payloads hold.
  Result<store::StringView> value(uint8_t type);
  // That a value of `type`, which comes next, cannot be held.
  std::unexpected<Error> refuse_value(uint8_t type);

  // ---- what values are made of ----

  Result<uint8_t> byte();
  Result<uint64_t> length();
  // Valid until anything more is read; if it `stays`, as long as `scratch` is left alone.
  Result<store::StringView> string(std::string& scratch, bool stays);
  Result<std::string_view> text(std::string& scratch, bool stays);
  // `count` bytes of input: a view into the buffer if they lie there and `stays` is false, otherwise copied to scratch.
  Result<std::string_view> bytes(uint64_t count, std::string& scratch, bool stays);
  Result<int64_t> little_endian(size_t bytes);  // a signed integer of 1 to 8 bytes
  Status skip_length();
  Status skip_string();
  Status skip_bytes(uint64_t count);
  Status skip_module_fields();  // up to RdbModuleField::kEof
  // That what has been read is damage.
  std::unexpected<Error> corrupt(std::string_view what) const;
  // How much input there still is, if that is known.
  std::optional<uint64_t> bytes_left() const;

  int version() const { return version_; }
  // Position in the file of what is to be read next.
  uint64_t offset() const { return buffer_start_ + read_; }
  // The file had a checksum and it was compared (known after kEnd).
  bool checksum_verified() const { return checksum_verified_; }

 private:
  struct Length {
    uint64_t value;
    bool encoded;  // value is a RdbStringEncoding
  };

  Result<RdbItem> entry(uint8_t type, RdbItem item);
  Result<RdbItem> other_item(RdbOpcode opcode);
  Result<RdbItem> aux();
  Result<RdbItem> resize_database();
  Result<RdbItem> module_aux();
  Result<RdbItem> end();
  Status attribute(RdbOpcode opcode, RdbItem& item);

  Result<Length> length_or_encoding();
  Result<store::StringView> encoded_string(uint64_t encoding, std::string& scratch);
  Result<store::StringView> compressed_string(std::string& scratch);
  Status append_input(uint64_t count, std::string& to);
  // At least `count` bytes in the buffer from read_ on. REQUIRES: count <= buffer size.
  Status fill(size_t count);
  Status refill();
  std::unexpected<Error> located(ErrorCode code, std::string_view what) const;

  ByteSource& source_;
  const DecoderOptions options_;
  const size_t buffer_bytes_;
  std::unique_ptr<char[]> buffer_;
  uint64_t buffer_start_ = 0;  // offset in the file of buffer_[0]
  size_t read_ = 0;            // bytes of the buffer already consumed
  size_t filled_ = 0;          // bytes of the buffer that hold input
  size_t summed_ = 0;          // bytes of the buffer already in checksum_
  bool at_end_ = false;
  uint64_t checksum_ = 0;
  int version_ = 0;
  bool checksum_verified_ = false;
  bool key_known_ = false;  // key_ belongs to the entry being read, for messages
  std::string key_, value_, compressed_;
};

}  // namespace cowslip::persistence
