#include "protocol/reply_writer.h"

#include <cassert>
#include <cstring>

#include "base/numbers.h"

namespace cowslip::protocol {

namespace {

constexpr std::string_view kLineEnd = "\r\n";

// "$5\r\n" and its like, on the stack.
class Header {
 public:
  Header(char type, int64_t number) {
    bytes_[0] = type;
    // Most lengths and counts have one digit.
    if (number >= 0 && number < 10) {
      bytes_[1] = static_cast<char>('0' + number);
      length_ = 2;
    } else {
      length_ = 1 + format_int64(number, bytes_ + 1);
    }
    bytes_[length_++] = '\r';
    bytes_[length_++] = '\n';
  }
  std::string_view view() const { return {bytes_, length_}; }

 private:
  char bytes_[1 + kInt64Digits + 2];
  size_t length_;
};

// Appends the three pieces with one growth of `out`.
void append(std::string& out, std::string_view a, std::string_view b, std::string_view c) {
  const size_t old_size = out.size();
  const size_t new_size = old_size + a.size() + b.size() + c.size();
  out.resize_and_overwrite(new_size, [&](char* bytes, size_t /* GCC 12 passes the capacity here */) {
    char* at = bytes + old_size;
    at = static_cast<char*>(std::memcpy(at, a.data(), a.size())) + a.size();
    if (!b.empty()) std::memcpy(at, b.data(), b.size());
    std::memcpy(at + b.size(), c.data(), c.size());
    return new_size;
  });
}

bool is_line_break(char c) {
  return c == '\r' || c == '\n';
}

}  // namespace

void ReplyWriter::simple(std::string_view text) {
  append(*out_, "+", text, kLineEnd);
}

void ReplyWriter::error(std::string_view message) {
  while (!message.empty() && is_line_break(message.back())) message.remove_suffix(1);
  ++errors_;
  last_error_code_ = message.substr(0, message.find(' '));
  const size_t start = out_->size() + 1;
  append(*out_, "-", message, kLineEnd);
  for (size_t at = start; at < start + message.size(); ++at) {
    if (is_line_break((*out_)[at])) (*out_)[at] = ' ';
  }
}

void ReplyWriter::integer(int64_t value) {
  out_->append(Header(':', value).view());
}

void ReplyWriter::bulk(std::string_view bytes) {
  append(*out_, Header('$', static_cast<int64_t>(bytes.size())).view(), bytes, kLineEnd);
}

void ReplyWriter::bulk_integer(int64_t value) {
  char digits[kInt64Digits];
  bulk({digits, format_int64(value, digits)});
}

void ReplyWriter::null() {
  out_->append(resp3() ? "_\r\n" : "$-1\r\n");
}

void ReplyWriter::null_array() {
  out_->append(resp3() ? "_\r\n" : "*-1\r\n");
}

void ReplyWriter::boolean(bool value) {
  if (resp3()) {
    out_->append(value ? "#t\r\n" : "#f\r\n");
  } else {
    integer(value);
  }
}

void ReplyWriter::real(double value) {
  const std::string text = format_double(value);
  if (resp3()) {
    append(*out_, ",", text, kLineEnd);
  } else {
    bulk(text);
  }
}

void ReplyWriter::big_number(std::string_view decimal) {
  if (resp3()) {
    append(*out_, "(", decimal, kLineEnd);
  } else {
    bulk(decimal);
  }
}

void ReplyWriter::verbatim(std::string_view text, std::string_view format) {
  if (!resp3()) return bulk(text);
  // The format is three bytes on the wire, whatever the caller called it.
  char prefix[4] = {' ', ' ', ' ', ':'};
  format.copy(prefix, 3);
  out_->append(Header('=', static_cast<int64_t>(text.size() + sizeof(prefix))).view());
  append(*out_, {prefix, sizeof(prefix)}, text, kLineEnd);
}

void ReplyWriter::array(size_t elements) {
  header('*', elements);
}

void ReplyWriter::map(size_t pairs) {
  resp3() ? header('%', pairs) : header('*', 2 * pairs);
}

void ReplyWriter::set(size_t elements) {
  header(resp3() ? '~' : '*', elements);
}

void ReplyWriter::push(size_t elements) {
  header(resp3() ? '>' : '*', elements);
}

void ReplyWriter::attribute(size_t pairs) {
  assert(resp3());
  header('|', pairs);
}

void ReplyWriter::end_array(Mark mark, size_t elements) {
  insert_header(mark, '*', elements);
}

void ReplyWriter::end_map(Mark mark, size_t pairs) {
  resp3() ? insert_header(mark, '%', pairs) : insert_header(mark, '*', 2 * pairs);
}

void ReplyWriter::end_set(Mark mark, size_t elements) {
  insert_header(mark, resp3() ? '~' : '*', elements);
}

void ReplyWriter::header(char type, size_t count) {
  out_->append(Header(type, static_cast<int64_t>(count)).view());
}

void ReplyWriter::insert_header(Mark mark, char type, size_t count) {
  out_->insert(mark, Header(type, static_cast<int64_t>(count)).view());
}

}  // namespace cowslip::protocol
