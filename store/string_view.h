// A string as the store holds and hands it out: an integer, or bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/numbers.h"

namespace cowslip::store {

// A string value as it is held: an integer, or bytes that live in an entry or a node (valid until the database is next
// changed).
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

}  // namespace cowslip::store
