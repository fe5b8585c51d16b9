#include "server/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <cstdlib>
#include <span>
#include <utility>

namespace cowslip::server {

namespace {

constexpr int kEventsPerWait = 512;
// After a turn that took so long it is worth a system call to know whether clients had been waiting.
constexpr int64_t kLongTurnUs = 1000;
// After a shorter one, a wait that took no longer than this is thought to have found something at once.
constexpr int64_t kAtOnceUs = 20;

// asio keeps its epoll descriptor to itself, but the language lets an explicit instantiation name a private member:
// this is that, and the one place that depends on asio's inside. Should a future asio rename the member, the build says
// so here, and the reactor can be nested the other way around at the price decisions/0004 tells.
template <auto kMember>
struct ReactorAccess {
  friend int reactor_descriptor(asio::detail::epoll_reactor& reactor) { return reactor.*kMember; }
};
int reactor_descriptor(asio::detail::epoll_reactor& reactor);
template struct ReactorAccess<&asio::detail::epoll_reactor::epoll_fd_>;

uint32_t interest(bool readable, bool writable) {
  return (readable ? EPOLLIN : 0u) | (writable ? EPOLLOUT : 0u);
}

}  // namespace

struct EventLoop::Reactor {
  Reactor() : work(context.get_executor()) { asio::use_service<asio::detail::epoll_reactor>(context).init_task(); }
  int descriptor() { return reactor_descriptor(asio::use_service<asio::detail::epoll_reactor>(context)); }

  asio::io_context context{1};  // one thread runs it
  asio::executor_work_guard<asio::io_context::executor_type> work;
};

EventLoop::EventLoop(const Clock& clock, ServerStatistics& statistics)
    : clock_(clock),
      statistics_(statistics),
      reactor_(std::make_unique<Reactor>()),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      woke_us_(clock.monotonic_us()) {
  // The two that are not clients are told apart by pointers that no Connection can have: none, and this loop's own.
  epoll_event reactor{.events = EPOLLIN, .data = {.ptr = nullptr}};
  epoll_event wake{.events = EPOLLIN, .data = {.ptr = this}};
  const bool failed = !epoll_ || !wake_ || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, reactor_->descriptor(), &reactor) ||
                      epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &wake);
  if (failed) std::abort();  // a process that may not have three descriptors cannot even say so
}

EventLoop::~EventLoop() = default;

asio::io_context& EventLoop::context() {
  return reactor_->context;
}

bool EventLoop::watch(int fd, Connection& connection) {
  epoll_event event{.events = interest(true, false), .data = {.ptr = &connection}};
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EventLoop::unwatch(int fd) {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::set_interest(int fd, Connection& connection, bool readable, bool writable) {
  epoll_event event{.events = interest(readable, writable), .data = {.ptr = &connection}};
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::run(ConnectionEvents& events) {
  while (!stopped_) turn(events, true);
}

void EventLoop::turn(ConnectionEvents& events, bool may_wait) {
  run_deferred();
  const bool more = events.before_wait();
  count_iteration(clock_.monotonic_us());
  events.on_turn_end(end_us_);
  std::array<epoll_event, kEventsPerWait> ready;
  bool slept = false;
  const int count = wait(ready, may_wait && !more && deferred_.empty() && !stopped_, slept);
  events.on_wake(slept);
  bool reactor_ready = false;
  for (const epoll_event& event : std::span(ready).first(static_cast<size_t>(std::max(count, 0)))) {
    if (event.data.ptr == nullptr) {
      reactor_ready = true;
    } else if (event.data.ptr == this) {
      uint64_t wakes;
      reactor_ready |= read(wake_.get(), &wakes, sizeof wakes) > 0;
    } else {
      const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
      events.on_ready(*static_cast<Connection*>(event.data.ptr), failed || (event.events & EPOLLIN) != 0,
                      (event.events & EPOLLOUT) != 0);
    }
  }
  if (reactor_ready) reactor_->context.poll();
}

// Returns what epoll_wait() does. `slept` becomes whether nothing had been ready at first.
int EventLoop::wait(std::span<epoll_event> ready, bool may_sleep, bool& slept) {
  const bool look_first = may_sleep && end_us_ - woke_us_ >= kLongTurnUs;
  int count = 0;
  if (look_first || !may_sleep) count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), 0);
  const bool sleeps = may_sleep && count == 0;
  if (sleeps) count = epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), -1);
  woke_us_ = clock_.monotonic_us();
  slept = sleeps && (look_first || woke_us_ - end_us_ > kAtOnceUs);
  return count;
}

// `end_us`: now, when all work of the iteration is done.
void EventLoop::count_iteration(int64_t end_us) {
  end_us_ = end_us;
  statistics_.loop_cycles++;
  statistics_.loop_duration_us += static_cast<uint64_t>(end_us - woke_us_);
}

void EventLoop::run_deferred() {
  for (auto& task : std::exchange(deferred_, {})) task();
}

void EventLoop::defer(std::function<void()> task) {
  deferred_.push_back(std::move(task));
}

void EventLoop::post(std::function<void()> task) {
  asio::post(reactor_->context, std::move(task));
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);  // full means: is awake anyway
}

}  // namespace cowslip::server
