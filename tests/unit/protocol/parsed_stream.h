// A request stream run through a RespParser the way a hostile network would deliver it, for tests and the fuzzer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_parser.h"

namespace cowslip::protocol {

using Command = std::vector<std::string>;

struct ParsedStream {
  std::vector<Command> commands;  // those of no arguments included
  std::string error;              // empty: none
  size_t unconsumed = 0;          // bytes that belong to no command yet
  size_t bytes_wanted = 0;        // as the parser said last

  bool operator==(const ParsedStream&) const = default;
};

// Parses `stream`, of which `next_piece()` bytes arrive at a time (0 counts as 1). The unconsumed bytes move to new
// memory for every call of the parser, so a view kept too long or a byte read too far is caught by the sanitizers.
inline ParsedStream parse_in_pieces(std::string_view stream, const ParserLimits& limits,
                                    const std::function<size_t()>& next_piece) {
  RespParser parser;
  ParsedStream result;
  size_t start = 0;
  size_t arrived = 0;
  while (arrived < stream.size()) {
    arrived = std::min(stream.size(), arrived + std::max<size_t>(next_piece(), 1));
    for (auto outcome = RespParser::Outcome::kCommand; outcome == RespParser::Outcome::kCommand && start < arrived;) {
      const size_t size = arrived - start;
      const auto buffer = std::make_unique<char[]>(size);
      stream.copy(buffer.get(), size, start);
      outcome = parser.parse({buffer.get(), size}, limits);
      if (outcome == RespParser::Outcome::kCommand) {
        result.commands.emplace_back(parser.arguments().begin(), parser.arguments().end());
        start += parser.consumed();
      } else if (outcome == RespParser::Outcome::kError) {
        result.error = parser.error();
        return result;
      }
    }
  }
  result.unconsumed = stream.size() - start;
  result.bytes_wanted = parser.bytes_wanted();
  return result;
}

// The whole stream at once.
inline ParsedStream parse_whole(std::string_view stream, const ParserLimits& limits = {}) {
  return parse_in_pieces(stream, limits, [&] { return stream.size(); });
}

}  // namespace cowslip::protocol
