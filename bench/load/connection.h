// One connection of the load generator: it sends what it is given and counts the replies.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace cowslip::bench {

// Tells where RESP2 replies end, whatever they say. Of errors it keeps the first. Arrays are not supported.
class ReplyCounter {
 public:
  // Returns how many replies end in `data`, which follows what was fed before.
  int feed(std::string_view data);

  uint64_t errors() const { return errors_; }
  const std::string& first_error() const { return first_error_; }

 private:
  // Takes one whole line; returns whether a reply ends with it.
  bool take_line(std::string_view line);

  std::string line_;          // the beginning of a line that is not whole yet
  size_t bytes_to_skip_ = 0;  // of a bulk string
  uint64_t errors_ = 0;
  std::string first_error_;
};

// A non-blocking socket with the requests on their way. Not thread-safe; owns its descriptor.
class Connection {
 public:
  explicit Connection(int port);  // ends the program when nobody listens
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  Connection& operator=(Connection&&) = delete;

  int descriptor() const { return descriptor_; }
  // Requests without all of their replies.
  size_t waiting() const { return waiting_.size(); }
  bool wants_to_write() const { return written_ < out_.size(); }
  const ReplyCounter& replies() const { return replies_; }

  // Where the next request is appended; sent() must follow.
  std::string& out() { return out_; }
  void sent(int replies, int64_t intended_us) { waiting_.push_back({replies, intended_us}); }

  void flush();
  // Reads what is there and calls on_done(intended_us) for each request that is complete.
  template <typename OnDone>
  void receive(OnDone&& on_done);

 private:
  struct Waiting {
    int replies;
    int64_t intended_us;
  };
  // What came, or an empty view when nothing is there. Valid until the next call.
  std::string_view read_some();

  int descriptor_ = -1;
  std::string out_;
  size_t written_ = 0;
  std::deque<Waiting> waiting_;
  ReplyCounter replies_;
};

template <typename OnDone>
void Connection::receive(OnDone&& on_done) {
  for (int replies = replies_.feed(read_some()); replies > 0 && !waiting_.empty(); replies--) {
    if (--waiting_.front().replies > 0) continue;
    on_done(waiting_.front().intended_us);
    waiting_.pop_front();
  }
}

}  // namespace cowslip::bench
