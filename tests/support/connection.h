// Two ways to talk to a server: Connection, a raw socket with a reply reader of its own for RESP2 and RESP3, and
// Client, which goes through hiredis as users' programs do (RESP2 only: hiredis 0.14 knows no RESP3).
#pragma once

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "tests/support/reply.h"

struct redisContext;

namespace cowslip::testing {

// Where a server listens: a Unix socket when its path is not empty, otherwise TCP.
struct Endpoint {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string unix_path = {};
};

using Arguments = std::vector<std::string>;

// A command as an array of bulk strings.
std::string encode(const Arguments& arguments);

// A socket under the test's control, byte by byte. Reads give up with HarnessFailure after the time limit.
class Connection {
 public:
  explicit Connection(const Endpoint& endpoint);

  void set_timeout(std::chrono::milliseconds limit) { timeout_ = limit; }
  int fd() const { return fd_.get(); }

  // False when the server has closed the connection.
  bool send(std::string_view bytes);
  // The next reply; kClosed at the end of the stream.
  Reply read();
  Reply command(const Arguments& arguments);
  template <typename... Words>
  Reply operator()(const Words&... words) {
    return command(Arguments{std::string(words)...});
  }

  // True when the server closes within the limit; what it still sends is dropped.
  bool closed(std::chrono::milliseconds limit = std::chrono::seconds(20));
  // True when no byte arrives within the time.
  bool silent_for(std::chrono::milliseconds duration);
  // Bytes as they come, up to `limit`; empty at the end of the stream.
  std::string read_bytes(size_t limit);

 private:
  bool fill();  // false at the end of the stream
  bool read_line(std::string& line);
  bool read_exactly(size_t count, std::string& bytes);
  Reply read_elements(Reply::Kind kind, int64_t count);
  Reply read_blob(Reply::Kind kind, int64_t length);

  UniqueFd fd_;
  std::chrono::milliseconds timeout_;
  std::string buffer_;
  size_t position_ = 0;
};

// A hiredis client. A lost connection is a reply of kind kClosed.
class Client {
 public:
  explicit Client(const Endpoint& endpoint);

  Reply command(const Arguments& arguments);
  template <typename... Words>
  Reply operator()(const Words&... words) {
    return command(Arguments{std::string(words)...});
  }
  // Pipelining: append() queues, read() sends what is queued and takes the next reply.
  void append(const Arguments& arguments);
  Reply read();

 private:
  struct Free {
    void operator()(redisContext* context) const;
  };
  std::unique_ptr<redisContext, Free> context_;
};

// "field:value" of an INFO text; empty when the field is missing.
std::string info_field(std::string_view info, std::string_view field);
// The same as a number; -1 when it is missing.
int64_t info_number(std::string_view info, std::string_view field);

}  // namespace cowslip::testing
