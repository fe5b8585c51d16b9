#include "server/request_pump.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/text.h"
#include "server/client_registry.h"
#include "server/client_text.h"
#include "server/command_latency.h"
#include "server/config.h"
#include "server/latency_monitor.h"
#include "server/monitor_feed.h"
#include "server/pause_control.h"
#include "server/server.h"
#include "server/snapshot_feed.h"

namespace cowslip::server {

namespace {

// An input buffer grows by what arrives, never by what was announced alone: at most to this multiple of what is there.
constexpr size_t kInputGrowth = 4;
// The part of an output buffer that is sent already is dropped once it is this large and the greater part.
constexpr size_t kSentBytesKept = 1u << 20;
// Replies shorter than this are not held against client-output-buffer-limit before they could be sent.
constexpr size_t kCheckedOutputBytes = 16u << 10;
constexpr size_t kQuotedInputBytes = 128;

// The first word of the second line of an HTTP request, or of a POST: a web page talks to us through its visitor's
// browser.
bool is_http(std::string_view command) {
  if (command.size() != 4 && command.size() != 5) return false;
  return equals_ignore_case(command, "post") || equals_ignore_case(command, "host:");
}

std::string_view query_excerpt(std::string_view bytes) {
  return bytes.substr(0, kQuotedInputBytes);
}

}  // namespace

RequestPump::RequestPump(Server& server)
    : server_(server), shared_(std::make_unique_for_overwrite<char[]>(kReadBytes)) {}

RequestPump::~RequestPump() = default;

void RequestPump::on_wake(bool slept) {
  const int64_t now_us = server_.loop().now_us();
  now_ms_ = now_us / 1000;
  server_.command_latency().on_wake(now_us, slept);
  server_.latency().on_wake();
}

void RequestPump::on_turn_end(int64_t now_us) {
  server_.command_latency().on_turn_end(now_us);
  server_.latency().on_turn_end(now_us - server_.loop().now_us());
}

void RequestPump::on_ready(Connection& connection, bool readable, bool writable) {
  if (writable && !connection.closed) send_now(connection);
  if (readable && !connection.closed) read(connection);
}

// ---- receiving ----

void RequestPump::read(Connection& connection) {
  if (connection.backlogged) return;  // what it sent before comes first; the socket will still be readable then
  if (connection.input_bytes() == 0) {
    read_into_shared(connection);
  } else {
    read_into_own(connection);
  }
}

void RequestPump::read_into_shared(Connection& connection) {
  const ssize_t count = recv(connection.fd.get(), shared_.get(), kReadBytes, 0);
  if (count <= 0) return read_failed(connection, count, errno);
  received(connection, static_cast<size_t>(count));
  const std::string_view bytes(shared_.get(), static_cast<size_t>(count));
  connection.shared_bytes = bytes.size();
  const size_t used = run_commands(connection, bytes);
  connection.shared_bytes = 0;
  if (connection.closed || used == bytes.size()) return;
  connection.input.assign(bytes.substr(used));
  connection.input_start = 0;
  connection.input_peak = std::max(connection.input_peak, connection.input.size());
}

void RequestPump::read_into_own(Connection& connection) {
  std::string& input = connection.input;
  if (connection.input_start > 0) {
    input.erase(0, connection.input_start);
    connection.input_start = 0;
  }
  const size_t held = input.size();
  const size_t wanted = connection.parser.bytes_wanted();
  const size_t missing = wanted > held ? wanted - held : 0;
  const size_t room = std::clamp(missing, kReadBytes, std::max(kReadBytes, held * kInputGrowth));
  ssize_t count = 0;
  int error = 0;
  input.resize_and_overwrite(held + room, [&](char* data, size_t) {
    count = recv(connection.fd.get(), data + held, room, 0);
    error = errno;
    return held + static_cast<size_t>(std::max<ssize_t>(count, 0));
  });
  if (count <= 0) return read_failed(connection, count, error);
  received(connection, static_cast<size_t>(count));
  connection.input_peak = std::max(connection.input_peak, input.size());
  run_backlog(connection);
}

void RequestPump::read_failed(Connection& connection, long count, int error) {
  if (count < 0 && (error == EAGAIN || error == EINTR)) return;
  if (count == 0) {
    server_.log().verbose("Client closed connection {}", client_line(connection, now_ms_));
  } else {
    server_.log().verbose("Reading from client: {}", std::strerror(error));
  }
  server_.close_client(connection);
}

void RequestPump::received(Connection& connection, size_t bytes) {
  connection.last_active_ms = now_ms_;
  server_.statistics().net_input_bytes += bytes;
  server_.statistics().reads_processed++;
}

void RequestPump::check_query_buffer(Connection& connection) {
  // What MULTI has queued was not executed yet, either.
  const size_t bytes = connection.input_bytes() + connection.session.transaction.memory_bytes();
  if (connection.closed || bytes <= server_.config().client_query_buffer_limit) return;
  server_.log().warning("Closing client that reached max query buffer length: {} (qbuf initial bytes: {})",
                        client_line(connection, now_ms_), quoted(connection.pending_input().substr(0, 64)));
  server_.statistics().query_buffer_limit_disconnections++;
  server_.close_client(connection);
}

// ---- executing ----

void RequestPump::run_backlog(Connection& connection) {
  connection.input_start += run_commands(connection, connection.pending_input());
  if (connection.closed) return;
  if (connection.input_bytes() > 0) return check_query_buffer(connection);
  connection.input_start = 0;
  connection.input.clear();
  if (connection.input.capacity() > kReadBytes) connection.input = {};
}

size_t RequestPump::run_commands(Connection& connection, std::string_view bytes) {
  if (connection.session.close_after_reply) return bytes.size();
  if (connection.is_replica()) return bytes.size();  // acknowledgements and the like
  if (connection.session.wait != nullptr) return 0;
  protocol::ReplyWriter reply(connection.output, connection.session.resp_version);
  const size_t output_before = connection.output_bytes();
  server_.refresh_client_gates(connection);
  size_t used = 0;
  uint64_t commands = 0;
  while (used < bytes.size() && !connection.closed) {
    const protocol::RespParser* request = next_request(connection, bytes.substr(used), used == 0, reply);
    if (request == nullptr) break;
    const auto arguments = request->arguments();
    if (!arguments.empty()) {
      if (!run_one(connection, arguments, reply)) break;
      ++commands;
    }
    used += request->consumed();
    if (connection.session.close_after_reply || connection.is_replica()) used = bytes.size();  // it has said enough
    if (connection.session.wait != nullptr) break;  // the commands behind this one wait with it
    if (connection.output_bytes() - output_before > kRepliesPerTurn && used < bytes.size()) {
      run_later(connection);
      break;
    }
  }
  ahead_.drop();
  count_latency(connection, commands);
  if (connection.session.close_after_reply) used = bytes.size();
  if (connection.session.transaction.open()) check_query_buffer(connection);
  if (!connection.closed && connection.output_bytes() > output_before) send_later(connection);
  return used;
}

void RequestPump::count_latency(Connection& connection, uint64_t commands) {
  CommandLatency& latency = server_.command_latency();
  latency.count(commands, connection.served_turn + 1 == latency.turn());
  connection.served_turn = latency.turn();
}

const protocol::RespParser* RequestPump::next_request(Connection& connection, std::string_view bytes, bool first,
                                                      protocol::ReplyWriter& reply) {
  const protocol::ParserLimits limits = limits_for(connection);
  ahead_.drop_unless(limits);
  if (ahead_.empty() && !first) look_ahead(connection, bytes, limits);
  if (!ahead_.empty()) return &ahead_.take();

  const auto outcome = connection.parser.parse(bytes, limits);
  if (outcome == protocol::RespParser::Outcome::kError) protocol_error(connection, reply, bytes);
  if (outcome != protocol::RespParser::Outcome::kCommand) return nullptr;
  if (first) look_ahead(connection, bytes.substr(connection.parser.consumed()), limits);
  return &connection.parser;
}

// With few keys everything is in the cache anyway.
void RequestPump::look_ahead(const Connection& connection, std::string_view bytes,
                             const protocol::ParserLimits& limits) {
  if (bytes.empty()) return;
  const store::Database& database = std::as_const(server_.keyspace()).database(connection.session.database);
  if (database.size() >= commands::kKeysWorthPrefetching) ahead_.look(bytes, limits, server_.table(), database);
}

// False: the command has to wait, and is not consumed.
bool RequestPump::run_one(Connection& connection, std::span<const std::string_view> arguments,
                          protocol::ReplyWriter& reply) {
  if (server_.pauses().mode() != PauseControl::Mode::kNone && must_wait(connection, arguments)) {
    connection.postponed = true;
    return false;
  }
  if (is_http(arguments[0])) [[unlikely]] {
    refuse_http(connection);
    return true;
  }
  server_.execute(connection, arguments, reply);
  return true;
}

void RequestPump::refuse_http(Connection& connection) {
  constexpr int64_t kQuietMs = 60'000;  // one line a minute says it all
  if (last_http_warning_ms_ == 0 || now_ms_ - last_http_warning_ms_ > kQuietMs) {
    last_http_warning_ms_ = now_ms_;
    server_.log().warning(
        "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. This is "
        "likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. "
        "Connection from {} aborted.",
        connection.address);
  }
  server_.close_client(connection);
}

bool RequestPump::must_wait(const Connection& connection, std::span<const std::string_view> arguments) const {
  if (connection.is_replica()) return false;
  if (server_.pauses().mode() == PauseControl::Mode::kAll) return true;
  const commands::Command* command = server_.dispatcher().resolve(arguments);
  if (command == nullptr) return false;
  const uint32_t flags = commands::Dispatcher::gate_flags(*command->spec, connection.session);
  return (flags & (commands::kWrite | commands::kMayReplicate)) != 0;
}

protocol::ParserLimits RequestPump::limits_for(const Connection& connection) const {
  protocol::ParserLimits limits;
  limits.max_bulk_bytes = server_.config().proto_max_bulk_len;
  limits.authenticated = connection.session.authenticated || !server_.dispatcher().gates().authentication_required;
  return limits;
}

void RequestPump::protocol_error(Connection& connection, protocol::ReplyWriter& reply, std::string_view bytes) {
  const std::string_view error = connection.parser.error();
  const std::string_view what = error.starts_with("ERR ") ? error.substr(4) : error;
  server_.log().verbose("Protocol error ({}) from client: {}. Query buffer: {}", what, client_line(connection, now_ms_),
                        quoted(query_excerpt(bytes)));
  reply.error(error);
  server_.statistics().count_error("ERR");
  connection.session.close_after_reply = true;
}

void RequestPump::run_later(Connection& connection) {
  if (std::exchange(connection.backlogged, true)) return;
  backlog_.push_back(&connection);
}

// ---- sending ----

void RequestPump::send_later(Connection& connection) {
  if (std::exchange(connection.send_pending, true)) return;
  to_send_.push_back(&connection);
}

void RequestPump::send_now(Connection& connection) {
  const size_t waiting = connection.output_bytes();
  if (waiting > 0) {
    const ssize_t count =
        send(connection.fd.get(), connection.output.data() + connection.output_sent, waiting, MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      server_.log().verbose("Error writing to client: {}", std::strerror(errno));
      return server_.close_client(connection);
    }
    sent(connection, static_cast<size_t>(std::max<ssize_t>(count, 0)));
  }
  if (connection.output_bytes() == 0) return everything_sent(connection);
  if (!std::exchange(connection.awaits_writable, true)) {
    server_.loop().set_interest(connection.fd.get(), connection, true, true);
  }
  server_.clients().enforce_output_limit(connection);
}

void RequestPump::sent(Connection& connection, size_t bytes) {
  connection.output_peak = std::max(connection.output_peak, connection.output_bytes());
  connection.output_sent += bytes;
  if (bytes > 0) connection.last_active_ms = now_ms_;
  server_.statistics().net_output_bytes += bytes;
  server_.statistics().writes_processed++;
  if (connection.output_bytes() == 0) {
    connection.output.clear();
    connection.output_sent = 0;
  } else if (connection.output_sent > kSentBytesKept && connection.output_sent > connection.output_bytes()) {
    connection.output.erase(0, connection.output_sent);
    connection.output_sent = 0;
  }
}

void RequestPump::everything_sent(Connection& connection) {
  if (connection.session.close_after_reply) return server_.close_client(connection);
  if (connection.output.capacity() > kRepliesPerTurn) connection.output = {};
  connection.soft_limit_since_ms = -1;
  if (std::exchange(connection.awaits_writable, false)) {
    server_.loop().set_interest(connection.fd.get(), connection, true, false);
  }
  if (connection.is_replica()) server_.snapshot_feed().on_sent(connection);
}

bool RequestPump::before_wait() {
  for (Connection* connection : std::exchange(backlog_, {})) {
    connection->backlogged = false;
    if (!connection->closed) run_backlog(*connection);
  }
  if (server_.tracking().active()) [[unlikely]]
    server_.end_turn_of_tracking();
  for (size_t i = 0; i < to_send_.size(); i++) send_pending(*to_send_[i]);
  to_send_.clear();
  // From here on nobody knows the closed clients any more.
  std::erase_if(backlog_, [](const Connection* connection) { return connection->closed; });
  server_.clients().bury();
  return !backlog_.empty();
}

void RequestPump::send_pending(Connection& connection) {
  connection.send_pending = false;
  if (connection.closed) return;
  if (connection.output_bytes() >= kCheckedOutputBytes && server_.clients().enforce_output_limit(connection)) return;
  if (!connection.awaits_writable) send_now(connection);
}

}  // namespace cowslip::server
