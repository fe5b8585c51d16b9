// One key with everything that belongs to it, in one block of memory that describes itself.
//
//   narrow: most entries
//   0      4
//   +------+ - - - - - - - - +-----------+-------------+
//   | word | expire_at (ms)  | key bytes | value       |
//   +------+ - - - - - - - - +-----------+-------------+
//
//   wide: a key of more than 255 bytes, or a value of more than 16 KiB - 1
//   0      4               8              16
//   +------+---------------+--------------+ - - - - - - - - +-----------+----------------------+
//   | word | key length,   | value length | expire_at (ms)  | key bytes | value, or the        |
//   |      | low 32 bits   | 64 bits      |                 |           | address of its block |
//   +------+---------------+--------------+ - - - - - - - - +-----------+----------------------+
//
//   word, 32 bits, the lowest first
//   | type 3 | encoding 4 | has expiry 1 | wide 1 | external 1 | key length 8 | value length 14 |
//
// The expiry takes eight bytes when there is one. A value is its bytes (a string, or a small aggregate as one blob); an
// integer, eight bytes; a big aggregate, the roots of its trees; or, where it is longer than kInlineValueBytes, the
// address of pages of its own (external). In a wide entry the word has the highest eight
// bits of the key's length, and no length of the value.
//
// Only the index points at an entry, and an entry points at nothing but its own large value or nodes: it may be moved
// at any time by copying it and storing the new address in its one slot (and, of an external value, with the block's
// metadata; of a big aggregate, in the object table). A save can encode it without reading the index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "memory/size_classes.h"
#include "store/string_view.h"
#include "store/tree_root.h"

namespace cowslip::memory {
class ChunkPool;
}

namespace cowslip::store {

enum class ObjectType : uint8_t { kString = 0, kList = 1, kSet = 2, kSortedSet = 3, kHash = 4, kStream = 6 };

// How a value is held. The names that OBJECT ENCODING gives are Redis's.
enum class Encoding : uint8_t {
  kInteger,   // "int": the canonical decimal form of an int64
  kEmbedded,  // "embstr": a string of at most 44 bytes that was written whole
  kRaw,       // "raw": any other string
  // Small aggregates: one blob.
  kListpack,  // "listpack" (listpack.h)
  kIntset,    // "intset": a set of integers (intset.h)
  // Big ones: trees of nodes (packed_tree.h), under the names that Redis has for its own.
  kQuicklist,  // "quicklist": a list
  kHashtable,  // "hashtable": a set or hash
  kSkiplist,   // "skiplist": a sorted set
};
constexpr bool has_nodes(Encoding encoding) {
  return encoding >= Encoding::kQuicklist;
}

std::string_view type_name(ObjectType type);        // "string"
std::string_view encoding_name(Encoding encoding);  // "embstr"

inline constexpr size_t kEmbeddedStringBytes = 44;
inline constexpr int64_t kNoExpiry = -1;

// Read by everybody, a forked child among them; made and changed by EntryFactory alone (entry_factory.h).
class Entry {
 public:
  ObjectType type() const { return static_cast<ObjectType>(field(kTypeShift, kTypeBits)); }
  Encoding encoding() const { return static_cast<Encoding>(field(kEncodingShift, kEncodingBits)); }
  std::string_view key() const { return {bytes() + key_offset(), key_length()}; }
  bool has_expiry() const { return (word_ & kHasExpiry) != 0; }
  // kNoExpiry when there is none.
  int64_t expire_at_ms() const { return has_expiry() ? load<int64_t>(header_bytes()) : kNoExpiry; }
  StringView string() const;        // REQUIRES: type() == kString
  std::string_view blob() const;    // REQUIRES: encoding() is kListpack or kIntset
  AggregateRoot aggregate() const;  // REQUIRES: has_nodes(encoding())

  // The block that a large value has for itself; null when the value is in the entry.
  const char* value_block() const { return external() ? load<char*>(value_offset()) : nullptr; }
  // Bytes of memory that the entry takes, its value's block or nodes included.
  size_t memory_bytes(const memory::ChunkPool& pool) const;

  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  friend class EntryFactory;
  friend struct EntryLayout;

  static constexpr unsigned kTypeShift = 0, kTypeBits = 3;
  static constexpr unsigned kEncodingShift = kTypeShift + kTypeBits, kEncodingBits = 4;
  static constexpr uint32_t kHasExpiry = 1u << 7;
  static constexpr uint32_t kWide = 1u << 8;
  static constexpr uint32_t kExternal = 1u << 9;
  static constexpr unsigned kKeyLengthShift = 10, kKeyLengthBits = 8;
  static constexpr unsigned kValueLengthShift = kKeyLengthShift + kKeyLengthBits, kValueLengthBits = 14;

  static constexpr size_t kNarrowHeader = 4;
  static constexpr size_t kKeyLengthLow = 4;  // offset in a wide header, as is the next
  static constexpr size_t kValueLength = 8;
  static constexpr size_t kWideHeader = 16;

  bool wide() const { return (word_ & kWide) != 0; }
  bool external() const { return (word_ & kExternal) != 0; }
  size_t header_bytes() const { return wide() ? kWideHeader : kNarrowHeader; }
  size_t key_offset() const { return header_bytes() + (has_expiry() ? sizeof(int64_t) : 0); }
  size_t value_offset() const { return key_offset() + key_length(); }
  size_t key_length() const {
    const size_t in_word = field(kKeyLengthShift, kKeyLengthBits);
    return wide() ? in_word << 32 | load<uint32_t>(kKeyLengthLow) : in_word;
  }
  size_t value_length() const {
    return wide() ? load<uint64_t>(kValueLength) : field(kValueLengthShift, kValueLengthBits);
  }

  uint32_t field(unsigned shift, unsigned bits) const { return word_ >> shift & ((1u << bits) - 1); }
  void set_field(unsigned shift, unsigned bits, uint32_t value) {
    const uint32_t mask = (1u << bits) - 1;
    word_ = (word_ & ~(mask << shift)) | (value & mask) << shift;
  }
  void set_type(ObjectType type, Encoding encoding) {
    set_field(kTypeShift, kTypeBits, static_cast<uint32_t>(type));
    set_field(kEncodingShift, kEncodingBits, static_cast<uint32_t>(encoding));
  }
  void set_key_length(size_t length) {
    if (wide()) store(kKeyLengthLow, static_cast<uint32_t>(length));
    set_field(kKeyLengthShift, kKeyLengthBits, static_cast<uint32_t>(wide() ? length >> 32 : length));
  }
  void set_value_length(size_t length) {
    if (wide()) return store(kValueLength, uint64_t{length});
    set_field(kValueLengthShift, kValueLengthBits, static_cast<uint32_t>(length));
  }
  std::string_view value_bytes() const {
    return {external() ? value_block() : bytes() + value_offset(), value_length()};
  }
  const char* bytes() const { return reinterpret_cast<const char*>(this); }
  char* bytes() { return reinterpret_cast<char*>(this); }
  template <typename T>
  T load(size_t offset) const {
    T value;
    std::memcpy(&value, bytes() + offset, sizeof value);
    return value;
  }
  template <typename T>
  void store(size_t offset, T value) {
    std::memcpy(bytes() + offset, &value, sizeof value);
  }

  uint32_t word_;
};

// The limits that follow from the drawing above, and what an entry takes.
struct EntryLayout {
  static constexpr size_t kNarrowKeyBytes = (1u << Entry::kKeyLengthBits) - 1;
  static constexpr size_t kInlineValueBytes = (1u << Entry::kValueLengthBits) - 1;
  static constexpr uint64_t kLongestKey = (uint64_t{1} << (32 + Entry::kKeyLengthBits)) - 1;

  // Bytes of an entry whose value has `value_bytes` of room inside.
  static constexpr size_t bytes(bool wide, bool expires, size_t key_bytes, size_t value_bytes) {
    return (wide ? Entry::kWideHeader : Entry::kNarrowHeader) + (expires ? sizeof(int64_t) : 0) + key_bytes +
           value_bytes;
  }

  static_assert(sizeof(Entry) == Entry::kNarrowHeader && Entry::kValueLengthShift + Entry::kValueLengthBits == 32);
  static_assert(Entry::kValueLength + sizeof(uint64_t) == Entry::kWideHeader);
};
static_assert(EntryLayout::bytes(false, false, 16, 100) == 120, "a common key and value fill their slot");

// A longer value has pages of its own.
inline constexpr size_t kInlineValueBytes = EntryLayout::kInlineValueBytes;
static_assert(kInlineValueBytes + 1 == memory::kLargestSlot, "what a slot holds, as far as fourteen bits can say it");

}  // namespace cowslip::store
