// The RDB file format: its numbers, drawn. docs/RDB_FORMAT.md describes it in prose.
//
// Source: Redis's RDB version history (versions 1 to 11). We write version 10, which every Redis since 7.0 and every
// Valkey reads, and read versions 1 to 11.
//
// A file:
//
//   +---------+---------+-----------+ - - - - - - - - - - - - - - - - - - - - - - - - - - +--------+-----------------+
//   | "REDIS" | "0010"  | AUX ...   | SELECTDB n, RESIZEDB keys expires, entry ...  (per   | EOF    | CRC-64 of all   |
//   | 5 bytes | 4 digits| pairs     | database that has keys)                              | 1 byte | before, 8 bytes |
//   +---------+---------+-----------+ - - - - - - - - - - - - - - - - - - - - - - - - - - +--------+-----------------+
//
// An entry:
//
//   +-------------------------+-------------------+-----------------+--------+--------+----------------+
//   | EXPIRETIME_MS, 8 bytes  | IDLE, length      | FREQ, 1 byte    | type   | key    | value, as the  |
//   | (if it has one)         | (if LRU is on)    | (if LFU is on)  | 1 byte | string | type says      |
//   +-------------------------+-------------------+-----------------+--------+--------+----------------+
//
// Fixed-width integers are little-endian, but for the 32- and 64-bit lengths, which are big-endian.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cowslip::persistence {

inline constexpr std::string_view kRdbMagic = "REDIS";
inline constexpr size_t kRdbVersionDigits = 4;
inline constexpr size_t kRdbHeaderBytes = 9;
static_assert(kRdbMagic.size() + kRdbVersionDigits == kRdbHeaderBytes);

inline constexpr int kRdbVersionWritten = 10;
inline constexpr int kRdbOldestVersion = 1;
inline constexpr int kRdbNewestVersion = 11;
inline constexpr int kRdbFirstVersionWithChecksum = 5;
inline constexpr size_t kRdbChecksumBytes = 8;  // eight zero bytes mean "not computed"

// The version we claim to be in the AUX field redis-ver.
inline constexpr std::string_view kRedisVersion = "7.2.5";

// A byte in the place of an entry's type.
enum class RdbOpcode : uint8_t {
  kFunction2 = 245,          // string: the source of a function library
  kFunctionPreGa = 246,      // a release candidate's functions; nobody writes or reads them
  kModuleAux = 247,          // module id, when (opcode 2 and a length), then module fields up to kModuleEof
  kIdle = 248,               // length: seconds since the last access of the key that follows
  kFrequency = 249,          // 1 byte: LFU counter of the key that follows
  kAux = 250,                // two strings: name and value; unknown names are to be ignored
  kResizeDb = 251,           // two lengths: keys, keys with an expiry
  kExpireTimeMs = 252,       // 8 bytes: Unix milliseconds at which the key that follows expires
  kExpireTimeSeconds = 253,  // 4 bytes: the same in seconds (versions 1 and 2)
  kSelectDb = 254,           // length: number of the database that the keys which follow belong to
  kEof = 255,
};

// The first bits of a length say how wide it is:
//
//   00xxxxxx                    6 bits
//   01xxxxxx xxxxxxxx           14 bits
//   10000000 <4 bytes>          32 bits, big-endian
//   10000001 <8 bytes>          64 bits, big-endian
//   11xxxxxx                    no length: the string that starts here is encoded (RdbStringEncoding)
inline constexpr uint8_t kLength6Bit = 0x00;
inline constexpr uint8_t kLength14Bit = 0x40;
inline constexpr uint8_t kLength32Bit = 0x80;
inline constexpr uint8_t kLength64Bit = 0x81;
inline constexpr uint8_t kEncodedString = 0xc0;
inline constexpr uint8_t kLengthKindMask = 0xc0;

// The low six bits after kEncodedString.
enum class RdbStringEncoding : uint8_t {
  kInt8 = 0,
  kInt16 = 1,
  kInt32 = 2,
  kLzf = 3,  // length compressed, length plain, compressed bytes
};

// Fields of a module's data, each announced by a length.
enum class RdbModuleField : uint8_t {
  kEof = 0,
  kSigned = 1,    // a length
  kUnsigned = 2,  // a length
  kFloat = 3,     // 4 bytes
  kDouble = 4,    // 8 bytes
  kString = 5,    // a string
};

// What an entry's value is.
enum class RdbType : uint8_t {
  kString = 0,
  kList = 1,
  kSet = 2,
  kSortedSet = 3,
  kHash = 4,
  kSortedSet2 = 5,
  kModulePreGa = 6,
  kModule2 = 7,
  kHashZipmap = 9,
  kListZiplist = 10,
  kSetIntset = 11,
  kSortedSetZiplist = 12,
  kHashZiplist = 13,
  kListQuicklist = 14,
  kStreamListpacks = 15,
  kHashListpack = 16,
  kSortedSetListpack = 17,
  kListQuicklist2 = 18,
  kStreamListpacks2 = 19,
  kSetListpack = 20,
  kStreamListpacks3 = 21,
};

// A sorted set's score in kSortedSet: its length in one byte and its decimal form, or one of these alone.
inline constexpr uint8_t kTextScoreNan = 253;
inline constexpr uint8_t kTextScoreInfinity = 254;
inline constexpr uint8_t kTextScoreMinusInfinity = 255;

// What a node of kListQuicklist2 is, as a length in front of it.
enum class RdbQuicklistNode : uint8_t {
  kPlain = 1,   // one large element, as a string
  kPacked = 2,  // a listpack
};

// What a person calls the type, with the way it is stored: "list (quicklist)". Empty for a number nobody assigned.
std::string_view rdb_type_name(uint8_t type);

// The nine characters of a module's name, which its 64-bit id holds from the top, six bits each, above ten bits of
// version.
std::string rdb_module_name(uint64_t id);

// Whether this byte in the place of a type is one of RdbOpcode.
inline constexpr bool is_rdb_opcode(uint8_t byte) {
  return byte >= static_cast<uint8_t>(RdbOpcode::kFunction2);
}

// Strings of up to this many bytes are not worth compressing.
inline constexpr size_t kLzfShortestString = 20;
// LZF cannot make more than this many bytes out of one: a claim beyond it is a lie.
inline constexpr uint64_t kLzfGreatestRatio = 264;

// A DUMP payload: type, value, and a trailer that RESTORE checks.
//
//   +--------+----------------+-------------------+--------------------------+
//   | type   | value          | RDB version       | CRC-64 of all before,    |
//   | 1 byte |                | 2 bytes, little-  | 8 bytes, little-endian   |
//   |        |                | endian            |                          |
//   +--------+----------------+-------------------+--------------------------+
inline constexpr size_t kDumpTrailerBytes = 2 + kRdbChecksumBytes;

}  // namespace cowslip::persistence
