// The loop that everything on the server's thread runs in.
//
// Problem: asio drives a socket with edge-triggered events, which costs one more recv() that finds nothing, or one more
// epoll_ctl(), for each request. Solution: the sockets of clients are in a level-triggered epoll set of our own, which
// is what the loop waits on; asio's reactor (timers, listeners, signals, pipes) is one more descriptor in that set, and
// its handlers run when it has something. A request costs one read, one write and its share of one wait
// (docs/decisions/0004-event-loop.md has the measurements).
//
// An iteration: flush what the last one left to be sent; wait; handle the clients that are ready; run asio's handlers.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "server/statistics.h"

struct epoll_event;

namespace asio {
class io_context;
}

namespace cowslip::server {

struct Connection;

// Who handles the clients' events.
class ConnectionEvents {
 public:
  virtual ~ConnectionEvents() = default;
  // First thing after each wait. `slept`: nothing had been ready when it began, as far as that can be told.
  virtual void on_wake(bool slept) = 0;
  virtual void on_ready(Connection& connection, bool readable, bool writable) = 0;
  // Before each wait. True when there is more to do than the descriptors tell, so the loop must not sleep.
  virtual bool before_wait() = 0;
  // Last thing before each wait: all work of the turn is done, at this time of the monotonic clock.
  virtual void on_turn_end(int64_t now_us) = 0;
};

// Everything but post() is for the loop's thread.
class EventLoop {
 public:
  EventLoop(const Clock& clock, ServerStatistics& statistics);
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // For timers and descriptors. A handler posted to it from the loop's own thread runs after the next wait, which it
  // does not end: use defer() for that.
  asio::io_context& context();

  // Client sockets. `connection` must stay where it is until unwatch(), and until the end of the iteration after that.
  // An error is the kernel's (ENOSPC, ENOMEM): the client cannot be served.
  bool watch(int fd, Connection& connection);
  void unwatch(int fd);
  void set_interest(int fd, Connection& connection, bool readable, bool writable);

  // Iterates until stop().
  void run(ConnectionEvents& events);
  // One iteration; waits only if `may_wait`. A long task (loading) calls it to keep the server answering.
  void turn(ConnectionEvents& events, bool may_wait);
  void stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }
  // The monotonic clock as of the end of the last wait.
  int64_t now_us() const { return woke_us_; }

  // Runs `task` at the end of this iteration, or of the next one when called between two.
  void defer(std::function<void()> task);
  // Runs `task` on the loop. Any thread.
  void post(std::function<void()> task);

 private:
  struct Reactor;  // asio's part, kept out of this header

  void run_deferred();
  void count_iteration(int64_t end_us);
  int wait(std::span<epoll_event> ready, bool may_sleep, bool& slept);

  const Clock& clock_;
  ServerStatistics& statistics_;
  std::unique_ptr<Reactor> reactor_;
  UniqueFd epoll_;
  UniqueFd wake_;  // eventfd: ends a wait from another thread
  std::vector<std::function<void()>> deferred_;
  bool stopped_ = false;
  int64_t woke_us_ = 0;  // the end of the last wait
  int64_t end_us_ = 0;   // the beginning of the last wait
};

}  // namespace cowslip::server
