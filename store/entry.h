// One key with everything that belongs to it, in one block of memory that describes itself.
//
//   0      1      2          4            8                16
//   +------+------+----------+------------+----------------+ - - - - - - - - +---------+---------------------+
//   | type | flags| reserved | key length | value length   | expire_at (ms)  | key     | value, or a pointer |
//   | +enc |      |          | 32 bits    | 64 bits        | 64 bits, if any | bytes   | to its own block    |
//   +------+------+----------+------------+----------------+ - - - - - - - - +---------+---------------------+
//
// Only the index points at an entry, and an entry points at nothing but its own large value: it may be moved at any
// time by copying it and storing the new address in its one slot. A save can encode it without reading the index.
//
// A string of at most kInlineValueBytes lives inside the entry; a longer one in a block of its own, so that a new TTL
// or a new name does not copy it. An integer is held as its eight bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/numbers.h"
#include "memory/heap.h"

namespace cowslip::store {

enum class ObjectType : uint8_t { kString = 0, kList = 1, kSet = 2, kSortedSet = 3, kHash = 4, kStream = 6 };

// How a value is held. The names that OBJECT ENCODING gives are Redis's.
enum class Encoding : uint8_t {
  kInteger,   // "int": the canonical decimal form of an int64
  kEmbedded,  // "embstr": a string of at most 44 bytes that was written whole
  kRaw,       // "raw": any other string
};

std::string_view type_name(ObjectType type);        // "string"
std::string_view encoding_name(Encoding encoding);  // "embstr"

inline constexpr size_t kEmbeddedStringBytes = 44;
inline constexpr size_t kInlineValueBytes = 1024;
inline constexpr int64_t kNoExpiry = -1;

// A string value as it is held: an integer, or bytes that live in the entry (valid until the database is next changed).
class StringView {
 public:
  explicit StringView(int64_t integer) : integer_(integer), is_integer_(true) {}
  explicit StringView(std::string_view bytes) : bytes_(bytes) {}

  bool is_integer() const { return is_integer_; }
  int64_t integer() const { return integer_; }       // REQUIRES: is_integer()
  std::string_view bytes() const { return bytes_; }  // REQUIRES: !is_integer()

  using Scratch = char[kInt64Digits];
  // The value as text; an integer is written into `scratch`, which must outlive the result.
  std::string_view text(Scratch& scratch) const {
    return is_integer_ ? std::string_view(scratch, format_int64(integer_, scratch)) : bytes_;
  }
  size_t length() const {
    Scratch scratch;
    return text(scratch).size();
  }

 private:
  std::string_view bytes_;
  int64_t integer_ = 0;
  bool is_integer_ = false;
};

class Entry {
 public:
  ObjectType type() const { return static_cast<ObjectType>(type_encoding_ & 0x0f); }
  Encoding encoding() const { return static_cast<Encoding>(type_encoding_ >> 4); }
  std::string_view key() const { return {body() + expiry_bytes(), key_length_}; }
  bool has_expiry() const { return (flags_ & kHasExpiry) != 0; }
  int64_t expire_at_ms() const;  // kNoExpiry when there is none
  StringView string() const;     // REQUIRES: type() == kString

  // Bytes of memory that the entry takes, its own block and its value's.
  size_t memory_bytes() const;
  bool has_external_value() const { return (flags_ & kExternalValue) != 0; }

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  friend class EntryFactory;
  static constexpr uint8_t kHasExpiry = 1;
  static constexpr uint8_t kExternalValue = 2;

  size_t expiry_bytes() const { return has_expiry() ? sizeof(int64_t) : 0; }
  const char* body() const { return reinterpret_cast<const char*>(this + 1); }
  char* body() { return reinterpret_cast<char*>(this + 1); }
  char* value_place() { return body() + expiry_bytes() + key_length_; }
  const char* value_place() const { return body() + expiry_bytes() + key_length_; }
  char* external() const;

  uint8_t type_encoding_;
  uint8_t flags_;
  uint16_t reserved_;
  uint32_t key_length_;
  uint64_t value_length_;
};

static_assert(sizeof(Entry) == 16, "the header drawn above");

// Makes, changes and frees entries. Every change may move the entry: the caller stores what is returned in the index.
// Thread: any, one at a time per entry; the heap's counters are shared.
class EntryFactory {
 public:
  explicit EntryFactory(memory::BlockHeap& heap) : heap_(heap) {}

  // Takes the shortest encoding for `value`: an integer if it is one in canonical form.
  Entry* make_string(std::string_view key, std::string_view value, int64_t expire_at_ms);
  // Keeps `value` as the bytes it is.
  Entry* make_text(std::string_view key, std::string_view value, int64_t expire_at_ms);
  Entry* make_integer(std::string_view key, int64_t value, int64_t expire_at_ms);
  // A raw string of `length` zero bytes.
  Entry* make_raw(std::string_view key, size_t length, int64_t expire_at_ms);
  void free(Entry* entry);

  // The same value under another key or with another expiry. Consumes `entry`; a large value is not copied.
  Entry* with_key(Entry* entry, std::string_view key);
  Entry* with_expiry(Entry* entry, int64_t expire_at_ms);
  // A second entry with the same value. Leaves `entry` alone.
  Entry* copy(const Entry& entry, std::string_view key, int64_t expire_at_ms);

  // Turns the value into a raw string of `length` bytes: what was there first, zero bytes after it. Consumes `entry`.
  // Growing takes room ahead (twice the length up to 1 MiB more), so appending piece by piece is linear.
  Entry* resize_string(Entry* entry, size_t length);
  // The bytes of a raw string, to be written in place. REQUIRES: encoding() == kRaw.
  std::span<char> writable_bytes(Entry& entry);
  // Overwrites an integer in place. REQUIRES: encoding() == kInteger.
  void set_integer(Entry& entry, int64_t value);

 private:
  struct Shape {
    ObjectType type;
    Encoding encoding;
    size_t value_length;
    size_t value_capacity;  // at least value_length
  };
  // With room for the value, in the entry or in a block of its own by its capacity.
  Entry* allocate(std::string_view key, int64_t expire_at_ms, const Shape& shape);
  // Header, expiry and key, and `tail_bytes` of room after them.
  Entry* allocate_header(std::string_view key, int64_t expire_at_ms, const Shape& shape, size_t tail_bytes);
  // A new header, expiry and key around the value of `entry`, which is consumed.
  Entry* rebuild(Entry* entry, std::string_view key, int64_t expire_at_ms);
  Entry* grow(Entry* entry, size_t length);

  memory::BlockHeap& heap_;
};

}  // namespace cowslip::store
