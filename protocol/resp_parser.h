// Requests out of a byte stream: RESP arrays of bulk strings, and inline commands.
//
// Incremental: parse() is called with everything that is unconsumed so far, whether or not it holds a whole command;
// bytes looked at once are not looked at again, so a request in n pieces costs what it costs in one. Zero-copy:
// arguments are views into the caller's buffer (quoted inline arguments excepted, which live in the parser). Memory
// grows with what arrived, never with what was announced, and a steady stream of commands allocates nothing.
//
// What is accepted, and the words of each refusal, are Redis 7.2's:
//
//   *3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nab\r\n    numbers in canonical form; the byte after a header's \r and the two
//                                             after a bulk string are skipped unseen
//   SET k "a b\x00"\n                         a first byte other than '*': an inline request, up to \n or \r\n
//   *0\r\n   *-1\r\n   \n                     nothing to do: a command of no arguments
//
// Two differences, where Redis's answer depends on how the bytes happened to arrive: a NUL byte does not hide the end
// of a line (Redis waits for 64 KiB to pass), and a line too long is refused even when its end is already there.
#pragma once

#include <climits>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cowslip::protocol {

// What a client may send. May change between two calls of parse(), as AUTH and CONFIG SET do.
struct ParserLimits {
  size_t max_bulk_bytes = 512u << 20;     // proto-max-bulk-len
  size_t max_arguments = INT_MAX;         // elements of one multibulk request
  size_t max_inline_bytes = 64u << 10;    // one inline request, or one header line. REQUIRES: at least 32
  bool authenticated = true;              // otherwise the two limits below hold as well, for multibulk requests
  static ParserLimits unauthenticated();  // the defaults, with `authenticated` false
  bool operator==(const ParserLimits&) const = default;
};

inline constexpr size_t kUnauthenticatedArguments = 10;
inline constexpr size_t kUnauthenticatedBulkBytes = 16384;

// Not thread-safe; one for each connection. Between requests it keeps room for the arguments of a usual command (a
// request with more than kKeptArguments gives its room back when the next one is parsed).
class RespParser {
 public:
  enum class Outcome {
    kIncomplete,  // nothing wrong so far; call again with more bytes
    kCommand,     // arguments() holds one command, consumed() bytes of the buffer belong to it (0 arguments: skip it)
    kError,       // error() says what Redis would; the connection is to be closed after sending it
  };

  // `buffer` starts at the first byte not yet consumed. Between calls the caller may move the buffer and append to it,
  // and drops consumed() bytes from its front after kCommand. After kError only reset() may follow.
  Outcome parse(std::string_view buffer, const ParserLimits& limits);

  // After kCommand, until the next parse() and as long as the buffer stays where it was.
  std::span<const std::string_view> arguments() const { return arguments_; }
  size_t consumed() const { return consumed_; }

  // After kError: "ERR Protocol error: ...". May quote a byte the client sent, a line break included.
  std::string_view error() const { return error_; }

  // After kIncomplete: how large the buffer must grow before another parse() can succeed, if that is known (a bulk
  // string is under way), otherwise 0. Lets the caller reserve once. It is what the client announced: the caller
  // decides how much of that to believe.
  size_t bytes_wanted() const { return bytes_wanted_; }

  // Forgets a partly parsed request.
  void reset();

  static constexpr size_t kKeptArguments = 1024;

 private:
  // An argument as long as its request is incomplete: the buffer may still move.
  struct Slice {
    size_t offset;
    size_t length;
  };
  enum class Line { kPartial, kTooLong, kNumber, kNotANumber };

  Outcome parse_multibulk(std::string_view buffer, const ParserLimits& limits);
  Outcome read_array_header(std::string_view buffer, const ParserLimits& limits);
  Outcome read_bulk_header(std::string_view buffer, const ParserLimits& limits);
  Outcome parse_inline(std::string_view buffer, const ParserLimits& limits);
  bool split_inline(std::string_view line);
  bool unquote(std::string_view line, size_t& position);

  Line read_number(std::string_view buffer, size_t max_line_bytes, int64_t& number);
  Line read_number_slowly(std::string_view buffer, size_t max_line_bytes, int64_t& number);
  size_t find_in_line(std::string_view buffer, char end, size_t max_line_bytes);

  Outcome incomplete(size_t wanted);
  Outcome finish(std::string_view buffer);
  Outcome fail(std::string_view what);
  void release_large_storage();

  // The request under way; all offsets are from the buffer's start.
  size_t cursor_ = 0;          // first byte not yet understood
  size_t scanned_ = 0;         // no line ends before this byte, if it is beyond the cursor
  size_t arguments_left_ = 0;  // 0: the request's header is next
  int64_t bulk_bytes_ = -1;    // length of the bulk string at the cursor; -1: its header is next
  std::vector<Slice> slices_;  // its arguments so far

  // What the last call found.
  std::vector<std::string_view> arguments_;
  std::string unquoted_;  // bytes of the quoted inline arguments
  size_t consumed_ = 0;
  size_t bytes_wanted_ = 0;
  std::string error_;
};

}  // namespace cowslip::protocol
