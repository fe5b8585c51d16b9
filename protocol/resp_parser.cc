#include "protocol/resp_parser.h"

#include <algorithm>
#include <cstring>

#include "base/numbers.h"
#include "base/text.h"

namespace cowslip::protocol {

namespace {

constexpr size_t kNotFound = std::string_view::npos;

// Digits that fit an int64 whatever they are; a number with more takes the slow way.
constexpr size_t kFastDigits = 18;

// As isspace() in the C locale.
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// What ends an unquoted inline argument: not all that is skipped between two.
bool ends_argument(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_quote(char c) {
  return c == '"' || c == '\'';
}

}  // namespace

ParserLimits ParserLimits::unauthenticated() {
  ParserLimits limits;
  limits.authenticated = false;
  return limits;
}

RespParser::Outcome RespParser::parse(std::string_view buffer, const ParserLimits& limits) {
  if (buffer.empty()) return incomplete(0);
  return buffer[0] == '*' ? parse_multibulk(buffer, limits) : parse_inline(buffer, limits);
}

void RespParser::reset() {
  cursor_ = 0;
  scanned_ = 0;
  arguments_left_ = 0;
  bulk_bytes_ = -1;
  bytes_wanted_ = 0;
  slices_.clear();
}

RespParser::Outcome RespParser::parse_multibulk(std::string_view buffer, const ParserLimits& limits) {
  if (arguments_left_ == 0) {
    const Outcome header = read_array_header(buffer, limits);
    if (header != Outcome::kCommand) return header;
  }
  while (arguments_left_ > 0) {
    if (bulk_bytes_ < 0) {
      const Outcome header = read_bulk_header(buffer, limits);
      if (header != Outcome::kCommand) return header;
    }
    const size_t length = static_cast<size_t>(bulk_bytes_);
    if (buffer.size() < cursor_ + length + 2) return incomplete(cursor_ + length + 2);
    slices_.push_back({cursor_, length});
    cursor_ += length + 2;
    bulk_bytes_ = -1;
    --arguments_left_;
  }
  return finish(buffer);
}

// "*<arguments>\r\n". kCommand: the header is read and the cursor behind it.
RespParser::Outcome RespParser::read_array_header(std::string_view buffer, const ParserLimits& limits) {
  release_large_storage();
  int64_t count = 0;
  const Line line = read_number(buffer, limits.max_inline_bytes, count);
  if (line == Line::kPartial) return incomplete(0);
  if (line == Line::kTooLong) return fail("too big mbulk count string");
  if (line == Line::kNotANumber) return fail("invalid multibulk length");
  const size_t arguments = static_cast<size_t>(std::max<int64_t>(count, 0));
  if (arguments > limits.max_arguments) return fail("invalid multibulk length");
  if (!limits.authenticated && arguments > kUnauthenticatedArguments) return fail("unauthenticated multibulk length");
  arguments_left_ = arguments;
  return Outcome::kCommand;
}

// "$<bytes>\r\n". kCommand: the header is read and the cursor behind it.
RespParser::Outcome RespParser::read_bulk_header(std::string_view buffer, const ParserLimits& limits) {
  const size_t start = cursor_;
  int64_t bytes = 0;
  const Line line = read_number(buffer, limits.max_inline_bytes, bytes);
  if (line == Line::kPartial) return incomplete(0);
  if (line == Line::kTooLong) return fail("too big bulk count string");
  if (buffer[start] != '$') {
    // Looked at only now, because Redis waits for the line's end before it complains about its start.
    return fail(std::string("expected '$', got '") + buffer[start] + '\'');
  }
  if (line == Line::kNotANumber || bytes < 0 || static_cast<size_t>(bytes) > limits.max_bulk_bytes) {
    return fail("invalid bulk length");
  }
  if (!limits.authenticated && static_cast<size_t>(bytes) > kUnauthenticatedBulkBytes) {
    return fail("unauthenticated bulk length");
  }
  bulk_bytes_ = bytes;
  return Outcome::kCommand;
}

// The number between the type byte at the cursor and the end of its line; the cursor moves behind the line when it is
// kNumber. Short plain numbers, which is nearly all of them, are read as their end is looked for.
inline RespParser::Line RespParser::read_number(std::string_view buffer, size_t max_line_bytes, int64_t& number) {
  const size_t first = cursor_ + 1;
  const size_t last = std::min(buffer.size(), first + kFastDigits);
  int64_t value = 0;
  size_t at = first;
  for (; at < last; ++at) {
    const unsigned digit = static_cast<unsigned>(buffer[at]) - '0';
    if (digit > 9) break;
    value = value * 10 + digit;
  }
  const bool canonical = at > first && (buffer[first] != '0' || at == first + 1);
  if (!canonical || at >= last || buffer[at] != '\r' || at + 1 >= buffer.size()) {
    return read_number_slowly(buffer, max_line_bytes, number);
  }
  number = value;
  cursor_ = at + 2;
  return Line::kNumber;
}

RespParser::Line RespParser::read_number_slowly(std::string_view buffer, size_t max_line_bytes, int64_t& number) {
  const size_t end = find_in_line(buffer, '\r', max_line_bytes);
  if (end == kNotFound) return buffer.size() - cursor_ > max_line_bytes ? Line::kTooLong : Line::kPartial;
  if (end + 1 >= buffer.size()) return Line::kPartial;
  const size_t first = cursor_ + 1;
  const auto value = end < first ? std::nullopt : parse_int64(buffer.substr(first, end - first));
  if (!value) return Line::kNotANumber;
  number = *value;
  cursor_ = end + 2;
  return Line::kNumber;
}

// Where the first `end` of the line at the cursor is, if it is among the bytes such a line may have.
size_t RespParser::find_in_line(std::string_view buffer, char end, size_t max_line_bytes) {
  const size_t from = std::max(scanned_, cursor_);
  const size_t limit = std::min(buffer.size(), cursor_ + max_line_bytes + 1);
  const void* found = from < limit ? std::memchr(buffer.data() + from, end, limit - from) : nullptr;
  scanned_ = found ? static_cast<size_t>(static_cast<const char*>(found) - buffer.data()) : limit;
  return found ? scanned_ : kNotFound;
}

RespParser::Outcome RespParser::parse_inline(std::string_view buffer, const ParserLimits& limits) {
  const size_t end = find_in_line(buffer, '\n', limits.max_inline_bytes);
  if (end == kNotFound) {
    return buffer.size() > limits.max_inline_bytes ? fail("too big inline request") : incomplete(0);
  }
  // A \r before the \n needs no care of its own: it is white space, and inside quotes the line is refused anyway.
  arguments_.clear();
  if (!split_inline(buffer.substr(0, end))) return fail("unbalanced quotes in request");
  consumed_ = end + 1;
  reset();
  return Outcome::kCommand;
}

// Puts the line's arguments into arguments_. False when a quote is not closed, or its closing quote not followed by
// white space.
bool RespParser::split_inline(std::string_view line) {
  unquoted_.clear();
  for (size_t at = 0;;) {
    while (at < line.size() && is_space(line[at])) ++at;
    if (at == line.size()) return true;
    size_t end = at;
    while (end < line.size() && !ends_argument(line[end]) && !is_quote(line[end])) ++end;
    if (end < line.size() && is_quote(line[end])) {
      if (!unquote(line, at)) return false;
    } else {
      arguments_.push_back(line.substr(at, end - at));
      at = end;
    }
  }
}

// The argument at `position`, which has a quoted part, without its quotes and escapes; moves `position` behind it. A
// quote may open inside an argument (a"b c"), and its end is the argument's.
bool RespParser::unquote(std::string_view line, size_t& position) {
  unquoted_.reserve(line.size());  // all of the line's arguments fit, so those already unquoted stay where they are
  const size_t start = unquoted_.size();
  size_t at = position;
  while (!is_quote(line[at])) unquoted_.push_back(line[at++]);
  const char quote = line[at++];
  for (; at < line.size() && line[at] != quote; ++at) {
    unquoted_.push_back(line[at] == '\\' ? read_escape(line, at, quote) : line[at]);
  }
  const bool closed = at < line.size() && (at + 1 == line.size() || is_space(line[at + 1]));
  arguments_.push_back(std::string_view(unquoted_).substr(start));
  position = at + 1;
  return closed;
}

RespParser::Outcome RespParser::incomplete(size_t wanted) {
  bytes_wanted_ = wanted;
  return Outcome::kIncomplete;
}

RespParser::Outcome RespParser::finish(std::string_view buffer) {
  arguments_.clear();
  for (const Slice& slice : slices_) arguments_.emplace_back(buffer.data() + slice.offset, slice.length);
  consumed_ = cursor_;
  reset();
  return Outcome::kCommand;
}

RespParser::Outcome RespParser::fail(std::string_view what) {
  error_ = "ERR Protocol error: ";
  error_ += what;
  bytes_wanted_ = 0;
  return Outcome::kError;
}

void RespParser::release_large_storage() {
  if (slices_.capacity() <= kKeptArguments) return;
  std::vector<Slice>().swap(slices_);
  std::vector<std::string_view>().swap(arguments_);
}

}  // namespace cowslip::protocol
