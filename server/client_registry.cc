#include "server/client_registry.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "server/client_text.h"
#include "server/event_loop.h"
#include "server/server.h"

namespace cowslip::server {

namespace {

// Buffers up to this size stay with a client that is in use; an idle one gives back all of its.
constexpr size_t kKeptBufferBytes = 16u << 10;
constexpr int64_t kBuffersKeptMs = 2000;
// However few calls a round takes, each looks at this many clients at least.
constexpr size_t kClientsPerUpkeep = 5;

bool is_over(uint64_t limit, size_t bytes) {
  return limit != 0 && bytes >= limit;
}

}  // namespace

ClientRegistry::ClientRegistry(Server& server) : server_(server) {}

ClientRegistry::~ClientRegistry() = default;

Connection* ClientRegistry::add(std::unique_ptr<Connection> connection) {
  if (!server_.loop().watch(connection->fd.get(), *connection)) return nullptr;
  connection->session.id = next_id_++;
  connection->created_ms = connection->last_active_ms = server_.clock().monotonic_us() / 1000;
  return connections_.emplace_hint(connections_.end(), connection->session.id, std::move(connection))->second.get();
}

Connection* ClientRegistry::find(uint64_t id) {
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.get();
}

void ClientRegistry::for_each(const std::function<void(Connection&)>& visit) {
  for (auto next = connections_.begin(); next != connections_.end();) {
    Connection& connection = *(next++)->second;
    visit(connection);
  }
}

void ClientRegistry::close(Connection& connection) {
  if (connection.closed) return;
  connection.closed = true;
  server_.loop().unwatch(connection.fd.get());
  if (child_alive_) shutdown(connection.fd.get(), SHUT_RDWR);
  connection.fd.reset();
  if (connection.is_replica()) replicas_--;
  auto node = connections_.extract(connection.session.id);
  closed_.push_back(std::move(node.mapped()));
}

void ClientRegistry::close_all() {
  while (!connections_.empty()) close(*connections_.begin()->second);
}

void ClientRegistry::bury() {
  closed_.clear();
}

bool ClientRegistry::enforce_output_limit(Connection& connection) {
  const size_t bytes = connection.output_bytes();
  const OutputBufferLimit& limit =
      server_.config().client_output_buffer_limit[static_cast<size_t>(connection.client_class())];
  const int64_t now_ms = server_.clock().monotonic_us() / 1000;
  bool soft_for_too_long = false;
  if (!is_over(limit.soft_bytes, bytes)) {
    connection.soft_limit_since_ms = -1;
  } else if (connection.soft_limit_since_ms < 0) {
    connection.soft_limit_since_ms = now_ms;
  } else {
    soft_for_too_long = now_ms - connection.soft_limit_since_ms > limit.soft_seconds * 1000;
  }
  if (!soft_for_too_long && !is_over(limit.hard_bytes, bytes)) return false;
  server_.log().warning("Client {} closed for overcoming of output buffer limits.", client_line(connection, now_ms));
  server_.statistics().output_buffer_limit_disconnections++;
  server_.close_client(connection);
  return true;
}

void ClientRegistry::upkeep(int64_t hz) {
  const auto share = connections_.size() / static_cast<size_t>(std::max<int64_t>(hz, 1)) + 1;
  const int64_t now_ms = server_.clock().monotonic_us() / 1000;
  auto next = connections_.upper_bound(upkeep_after_id_);
  for (size_t left = std::max(share, kClientsPerUpkeep); left > 0 && next != connections_.end(); left--) {
    Connection& connection = *(next++)->second;
    upkeep_after_id_ = connection.session.id;
    upkeep(connection, now_ms);
  }
  if (next == connections_.end()) end_round();
}

void ClientRegistry::end_round() {
  upkeep_after_id_ = 0;
  memory_ = std::exchange(round_, {});
}

void ClientRegistry::upkeep(Connection& connection, int64_t now_ms) {
  const int64_t idle_ms = now_ms - connection.last_active_ms;
  const bool may_be_idle = connection.is_replica() || connection.session.monitor ||
                           connection.session.is_subscriber() || connection.is_blocked();
  if (server_.config().timeout_seconds > 0 && !may_be_idle && idle_ms > server_.config().timeout_seconds * 1000) {
    server_.log().verbose("Closing idle client");
    return server_.close_client(connection);
  }
  if (connection.output_bytes() > 0 && enforce_output_limit(connection)) return;

  round_.largest_input_bytes = std::max(round_.largest_input_bytes, std::exchange(connection.input_peak, 0));
  round_.largest_output_bytes = std::max(round_.largest_output_bytes, std::exchange(connection.output_peak, 0));
  release_spare_buffers(connection, idle_ms);
  auto& memory = connection.is_replica() ? round_.replica_bytes : round_.normal_bytes;
  memory += connection.memory_bytes();
}

void ClientRegistry::release_spare_buffers(Connection& connection, int64_t idle_ms) {
  const size_t kept = idle_ms > kBuffersKeptMs ? 0 : kKeptBufferBytes;
  if (connection.output_bytes() == 0 && connection.output.capacity() > std::max(kept, sizeof(std::string))) {
    connection.output = {};
    connection.output_sent = 0;
    server_.statistics().reply_buffer_shrinks++;
  }
  if (connection.input_bytes() == 0 && connection.input.capacity() > std::max(kept, sizeof(std::string))) {
    connection.input = {};
    connection.input_start = 0;
  }
}

uint64_t ClientRegistry::memory_of(ClientClass of) const {
  uint64_t bytes = 0;
  for (const auto& [id, connection] : connections_) {
    if (connection->client_class() == of) bytes += connection->memory_bytes();
  }
  return bytes;
}

}  // namespace cowslip::server
