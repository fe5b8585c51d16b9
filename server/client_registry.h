// All clients: who they are, and the end of each.
//
// Owner of the connections. A connection is closed for its peer at once, but its memory stays until the end of the
// loop's iteration (bury()), so that a client may be closed by its own command. Event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/config.h"
#include "server/connection.h"

namespace cowslip::server {

class Server;

struct ClientMemory {
  uint64_t normal_bytes = 0;
  uint64_t replica_bytes = 0;
  uint64_t largest_input_bytes = 0;   // client_recent_max_input_buffer
  uint64_t largest_output_bytes = 0;  // client_recent_max_output_buffer
};

class ClientRegistry {
 public:
  explicit ClientRegistry(Server& server);
  ~ClientRegistry();

  // Takes the client in and watches its socket. Null when the kernel refuses to.
  Connection* add(std::unique_ptr<Connection> connection);
  // Null when there is none (any more).
  Connection* find(uint64_t id);
  // In the order in which they came. `visit` may close clients, the visited one too, and must not add any.
  void for_each(const std::function<void(Connection&)>& visit);

  // Ends the connection. Harmless when it is closed already. Others know clients too: use Server::close_client().
  void close(Connection& connection);
  void close_all();
  // Frees the connections closed since the last call. The loop calls it when nobody can hold one.
  void bury();
  // Whether a forked child holds copies of the sockets, so that close() alone would leave them open for the peers.
  void set_child_alive(bool alive) { child_alive_ = alive; }

  size_t size() const { return connections_.size(); }  // replicas included
  size_t replicas() const { return replicas_; }
  void count_replica(int change) { replicas_ += static_cast<size_t>(change); }

  // Idle times, output limits that hold for seconds, buffers that are larger than needed: looks at a share of the
  // clients, all within about one second when called `hz` times in one.
  void upkeep(int64_t hz);
  // True when the client was over one of its output limits, and has been closed for it.
  bool enforce_output_limit(Connection& connection);
  // As of the last upkeep round.
  const ClientMemory& memory() const { return memory_; }
  uint64_t memory_of(ClientClass of) const;  // exact; looks at every client

 private:
  void upkeep(Connection& connection, int64_t now_ms);
  void release_spare_buffers(Connection& connection, int64_t idle_ms);
  void end_round();

  Server& server_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;  // by id, which is the order of their coming
  std::vector<std::unique_ptr<Connection>> closed_;
  uint64_t next_id_ = 1;
  size_t replicas_ = 0;
  bool child_alive_ = false;

  // The round of upkeep under way.
  uint64_t upkeep_after_id_ = 0;
  ClientMemory round_;
  ClientMemory memory_;
};

}  // namespace cowslip::server
