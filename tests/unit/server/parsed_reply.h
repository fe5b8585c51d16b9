// RESP bytes back as values, to look into what a handler wrote without a server around it.
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/support/reply.h"

namespace cowslip::testing {

// Takes the first reply off `bytes`. Only what our maps are made of: integers, bulk strings, doubles, booleans, nulls,
// arrays and maps. A type that it does not know is kClosed, with what is left as its text.
inline Reply take_reply(std::string_view& bytes) {
  const size_t line_end = bytes.find("\r\n");
  if (bytes.empty() || line_end == std::string_view::npos) return {Reply::Kind::kClosed, std::string(bytes), 0, {}};
  const char type = bytes[0];
  const std::string line(bytes.substr(1, line_end - 1));
  bytes.remove_prefix(line_end + 2);
  const int64_t number = std::atoll(line.c_str());
  const auto aggregate = [&](Reply::Kind kind, int64_t count) {
    Reply reply = {kind, {}, 0, {}};
    for (int64_t i = 0; i < count; ++i) reply.elements.push_back(take_reply(bytes));
    return reply;
  };
  switch (type) {
    case ':':
      return Reply::of_integer(number);
    case '+':
      return Reply::simple(line);
    case '-':
      return Reply::error(line);
    case ',':
      return {Reply::Kind::kDouble, line, 0, {}};
    case '#':
      return {Reply::Kind::kBoolean, {}, line == "t", {}};
    case '_':
      return Reply::null();
    case '*':
      return aggregate(Reply::Kind::kArray, number);
    case '%':
      return aggregate(Reply::Kind::kMap, 2 * number);
    case '$': {
      if (number < 0) return Reply::null();
      Reply reply = Reply::bulk(bytes.substr(0, static_cast<size_t>(number)));
      bytes.remove_prefix(static_cast<size_t>(number) + 2);
      return reply;
    }
    default:
      return {Reply::Kind::kClosed, std::string(bytes), 0, {}};
  }
}

}  // namespace cowslip::testing
