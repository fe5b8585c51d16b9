#include "server/blocked_clients.h"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>

#include "server/client_registry.h"
#include "server/connection.h"
#include "server/event_loop.h"
#include "server/loading.h"
#include "server/pause_control.h"
#include "server/request_pump.h"
#include "server/server.h"

namespace cowslip::server {

namespace {

// A timer is set at most so far ahead, and then again.
constexpr int64_t kLongestTimerMs = 3'600'000;

}  // namespace

struct BlockedClients::Timer {
  explicit Timer(asio::io_context& context) : timer(context) {}
  asio::steady_timer timer;
};

BlockedClients::BlockedClients(Server& server)
    : server_(server), timer_(std::make_unique<Timer>(server.loop().context())) {}

BlockedClients::~BlockedClients() = default;

// ---- serving ----

void BlockedClients::attend(Connection& client) {
  if (client.session.wait != nullptr && !client.closed) expect_deadline(client);
  serve();
}

void BlockedClients::serve() {
  const bool later = server_.current_client() != nullptr || server_.loading().active() ||
                     server_.pauses().mode() != PauseControl::Mode::kNone;
  if (serving_ || later) return;
  serving_ = true;
  commands::KeyWaits& waits = server_.dispatcher().key_waits();
  waits.clear_news();
  while (commands::Session* session = waits.take_ready()) {
    resume(static_cast<ClientSession&>(*session).connection);
  }
  serving_ = false;
}

void BlockedClients::resume(Connection& client) {
  const size_t output_before = client.output_bytes();
  const int64_t deadline_ms = client.session.wait->deadline_ms();
  protocol::ReplyWriter reply(client.output, client.session.resp_version);
  server_.resume(client, reply);
  if (client.closed || client.session.wait != nullptr) return;  // its command may wait on
  deadlines_.erase({deadline_ms, client.session.id});
  let_go(client, output_before);
}

void BlockedClients::let_go(Connection& client, size_t output_before) {
  if (client.output_bytes() > output_before) server_.pump().send_later(client);
  if (client.input_bytes() > 0) server_.pump().run_later(client);
}

// ---- ends ----

bool BlockedClients::unblock(Connection& client, std::string_view error) {
  if (client.session.wait == nullptr || client.closed) return false;
  forget_deadline(client);
  end_wait(client, error);
  return true;
}

void BlockedClients::end_wait(Connection& client, std::string_view error) {
  const size_t output_before = client.output_bytes();
  protocol::ReplyWriter reply(client.output, client.session.resp_version);
  server_.end_wait(client, reply, error);
  let_go(client, output_before);
}

void BlockedClients::forget(Connection& client) {
  if (client.session.wait == nullptr) return;
  forget_deadline(client);
  client.session.wait->leave();  // and stays: its command may be at work
}

// ---- time ----

void BlockedClients::expect_deadline(Connection& client) {
  const int64_t deadline_ms = client.session.wait->deadline_ms();
  if (deadline_ms == commands::KeyWaits::kForEver) return;
  deadlines_.emplace(deadline_ms, client.session.id);
  arm();
}

void BlockedClients::forget_deadline(const Connection& client) {
  if (client.session.wait != nullptr) deadlines_.erase({client.session.wait->deadline_ms(), client.session.id});
}

void BlockedClients::arm() {
  if (deadlines_.empty()) return;
  const int64_t now_ms = server_.clock().monotonic_us() / 1000;
  const int64_t wanted_ms = std::min(deadlines_.begin()->first, now_ms + kLongestTimerMs);
  // One that ends earlier looks again.
  if (armed_for_ms_ != 0 && armed_for_ms_ <= wanted_ms) return;
  armed_for_ms_ = wanted_ms;
  timer_->timer.expires_after(std::chrono::milliseconds(std::max<int64_t>(wanted_ms - now_ms, 0)));
  timer_->timer.async_wait([this](asio::error_code error) {
    if (error) return;
    armed_for_ms_ = 0;
    end_overdue();
    arm();
  });
}

void BlockedClients::end_overdue() {
  const int64_t now_ms = server_.clock().monotonic_us() / 1000;
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_ms) {
    const uint64_t id = deadlines_.begin()->second;
    deadlines_.erase(deadlines_.begin());
    if (Connection* client = server_.clients().find(id); client != nullptr) end_wait(*client, {});
  }
}

}  // namespace cowslip::server
