// A server's reply as a value: every type of RESP2 and RESP3, compared exactly and printed on one line.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::testing {

struct Reply {
  enum class Kind {
    kSimple,
    kError,
    kInteger,
    kBulk,
    kNull,       // RESP2: null bulk string; RESP3: _
    kNullArray,  // RESP2 only
    kArray,
    kMap,  // elements: key, value, key, value ...
    kSet,
    kPush,
    kDouble,  // text: as it stood on the wire, so 1.0 and 1 differ
    kBoolean,
    kBigNumber,
    kVerbatim,  // text: with its format, "txt:..."
    kClosed,    // no reply: the server closed the connection
  };

  Kind kind = Kind::kNull;
  std::string text;
  int64_t integer = 0;  // of kInteger and kBoolean
  std::vector<Reply> elements;

  static Reply simple(std::string_view text) { return {Kind::kSimple, std::string(text), 0, {}}; }
  static Reply error(std::string_view text) { return {Kind::kError, std::string(text), 0, {}}; }
  static Reply bulk(std::string_view text) { return {Kind::kBulk, std::string(text), 0, {}}; }
  static Reply of_integer(int64_t value) { return {Kind::kInteger, {}, value, {}}; }
  static Reply null() { return {}; }

  bool is_error() const { return kind == Kind::kError; }
  bool is_null() const { return kind == Kind::kNull || kind == Kind::kNullArray; }
  bool is_integer() const { return kind == Kind::kInteger; }
  bool is_aggregate() const;
  bool is_ok() const { return kind == Kind::kSimple && text == "OK"; }
  // The value under `key` of a map (or of a flat array of pairs), or null.
  const Reply* find(std::string_view key) const;
  // The texts of the elements.
  std::vector<std::string> strings() const;

  friend bool operator==(const Reply&, const Reply&) = default;
};

// One line: (integer) 5, "text", [1, 2], (error) ERR no. Long strings are cut unless `full`.
std::string describe(const Reply& reply, bool full = false);
std::ostream& operator<<(std::ostream& out, const Reply& reply);

// A command's arguments as redis-cli would take them.
std::string describe(const std::vector<std::string>& arguments);

}  // namespace cowslip::testing
