// Replies as RESP2 or RESP3 bytes, appended to a caller-owned buffer.
//
// Handlers speak in RESP3 terms (map, set, real, boolean, null ...); the writer turns each into what the client's
// protocol version has: in RESP2 a map of n pairs is an array of 2n, a double a bulk string, a boolean an integer.
//
// The writer adds bytes at the buffer's end and keeps no reference into it, so the owner may append to it, drain it and
// move its memory between two calls (a mark, which counts from the buffer's start, does not survive draining). Nothing
// is checked about counts: a header is a promise of the caller's. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cowslip::protocol {

inline constexpr int kResp2 = 2;
inline constexpr int kResp3 = 3;

class ReplyWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  ReplyWriter(std::string& out, int resp_version) : out_(&out), resp_version_(resp_version) {}

  int resp_version() const { return resp_version_; }
  void set_resp_version(int version) { resp_version_ = version; }
  bool resp3() const { return resp_version_ >= kResp3; }

  void ok() { simple("OK"); }
  void simple(std::string_view text);  // REQUIRES: no line break in `text`
  // `message` starts with its code ("ERR ...", "WRONGTYPE ..."). Line breaks inside become spaces, those at its
  // end go.
  void error(std::string_view message);
  void integer(int64_t value);
  void bulk(std::string_view bytes);
  void bulk_integer(int64_t value);           // a bulk string holding the decimal form
  void null();                                // RESP2: null bulk string
  void null_array();                          // RESP2: null array; RESP3: null
  void boolean(bool value);                   // RESP2: 1 or 0
  void real(double value);                    // RESP2: bulk string
  void big_number(std::string_view decimal);  // RESP2: bulk string
  // `format` is cut or filled up with spaces to three bytes.
  void verbatim(std::string_view text, std::string_view format = "txt");  // RESP2: bulk string

  // Headers: the elements follow as replies of their own.
  void array(size_t elements);
  void map(size_t pairs);        // RESP2: array of 2 * pairs
  void set(size_t elements);     // RESP2: array
  void push(size_t elements);    // RESP2: array
  void attribute(size_t pairs);  // REQUIRES: resp3(); callers leave attributes out in RESP2

  // An array (map) whose length is known only at its end: `begin` remembers the place, `end` puts the header there,
  // which moves what was written since by a few bytes (inner aggregates have to end first).
  using Mark = size_t;
  Mark begin_aggregate() const { return out_->size(); }
  void end_array(Mark mark, size_t elements);
  void end_map(Mark mark, size_t pairs);
  void end_set(Mark mark, size_t elements);

  // Bytes that are RESP already.
  void raw(std::string_view bytes) { out_->append(bytes); }

  // Errors written through this writer, and the first word of the last one ("ERR"), for the statistics.
  uint64_t errors() const { return errors_; }
  std::string_view last_error_code() const { return last_error_code_; }

  std::string& buffer() { return *out_; }

 private:
  void header(char type, size_t count);
  void insert_header(Mark mark, char type, size_t count);

  std::string* out_;
  int resp_version_;
  uint64_t errors_ = 0;
  std::string last_error_code_;
};

}  // namespace cowslip::protocol
