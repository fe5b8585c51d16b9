// Requests out of a byte stream: RESP arrays of bulk strings, and inline commands.
//
// Incremental: parse() is called with everything that is unconsumed so far, whether or not it holds a whole command;
// bytes looked at once are not looked at again. Zero-copy: arguments are views into the caller's buffer (quoted inline
// arguments excepted, which live in the parser).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::protocol {

// What a client may send. `unauthenticated` replaces the first two with Redis's smaller ones.
struct ParserLimits {
  size_t max_bulk_bytes = 512u << 20;      // proto-max-bulk-len
  size_t max_arguments = 1024u * 1024u;    // elements of one multibulk request; INT_MAX in Redis 7
  size_t max_inline_bytes = 64u << 10;     // one inline request, or one header line
  static ParserLimits unauthenticated();   // 10 arguments of 16384 bytes
};

class RespParser {
 public:
  enum class Outcome {
    kIncomplete,  // nothing wrong so far; call again with more bytes
    kCommand,     // arguments() holds one command, consumed() bytes of the buffer belong to it (0 arguments: skip it)
    kError,       // error() says what Redis would; the connection is to be closed after sending it
  };

  // `buffer` starts at the first byte not yet consumed. Between calls the caller may move the buffer and append to it,
  // and drops consumed() bytes from its front after kCommand.
  Outcome parse(std::string_view buffer, const ParserLimits& limits);

  // After kCommand, until the next parse() and as long as the buffer stays where it was.
  std::span<const std::string_view> arguments() const { return arguments_; }
  size_t consumed() const { return consumed_; }

  // After kError: "ERR Protocol error: ...".
  std::string_view error() const { return error_; }

  // After kIncomplete: how large the buffer must grow before another parse() can succeed, if that is known (a large
  // bulk string is under way), otherwise 0. Lets the caller reserve once.
  size_t bytes_wanted() const { return bytes_wanted_; }

  // Forgets a partly parsed request.
  void reset();

 private:
  // (the implementation's state goes here)
  std::vector<std::string_view> arguments_;
  size_t consumed_ = 0;
  size_t bytes_wanted_ = 0;
  std::string error_;
};

}  // namespace cowslip::protocol
