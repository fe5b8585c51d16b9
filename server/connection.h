// One client's connection: its socket, what it sent and has not been understood yet, what is to be sent to it, and its
// session. Plain data; RequestPump moves the bytes, ClientRegistry owns it, CLIENT's handlers show it. Event loop only.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/file.h"
#include "commands/session.h"
#include "commands/tracker.h"
#include "protocol/resp_parser.h"
#include "server/config.h"

namespace cowslip::server {

// The transfer of a snapshot to a client that asked for one (SYNC).
enum class ReplicaState { kNone, kWaitingForSave, kReceiving };

struct Connection;

// The session of a connection, which leads back to it.
struct ClientSession : commands::Session {
  explicit ClientSession(Connection& of) : connection(of) {}
  Connection& connection;
};

struct Connection {
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // ---- constant after the accept ----
  UniqueFd fd;
  bool unix_socket = false;
  bool local = false;      // from this machine: a Unix socket, or loopback to loopback
  std::string address;     // "127.0.0.1:50000", "[::1]:50000", "/path:0"
  int64_t created_ms = 0;  // monotonic, as all times here

  ClientSession session{*this};

  // Client-side caching; null: it does not track. Tracking's, which is told when the connection closes.
  commands::Tracker* tracker = nullptr;

  // ---- from the client ----
  protocol::RespParser parser;
  std::string input;        // unconsumed bytes; empty while requests arrive whole
  size_t input_start = 0;   // of `input`: the bytes before are consumed
  size_t shared_bytes = 0;  // being executed from the pump's shared buffer, for CLIENT LIST
  size_t input_peak = 0;    // largest request backlog lately, for INFO
  int64_t last_active_ms = 0;

  // ---- to the client ----
  std::string output;
  size_t output_sent = 0;  // bytes of `output` that are gone already
  size_t output_peak = 0;
  int64_t soft_limit_since_ms = -1;  // since when the output is above the soft limit; -1: it is not

  // ---- state within the loop ----
  uint64_t served_turn = 0;      // the turn of the loop that last ran commands of it (CommandLatency::turn)
  bool send_pending = false;     // is in the pump's list of clients to send to
  bool backlogged = false;       // is in the pump's list of clients with commands left in `input`
  bool awaits_writable = false;  // the socket was full
  bool postponed = false;        // its next command waits for the end of CLIENT PAUSE
  bool closed = false;           // off the registry; freed at the end of the iteration

  // ---- SYNC ----
  bool accepts_eof = false;        // REPLCONF capa eof
  bool announced_replica = false;  // REPLCONF listening-port: a server that wants to follow, not just a copy
  ReplicaState replica_state = ReplicaState::kNone;

  size_t input_bytes() const { return input.size() - input_start; }
  size_t output_bytes() const { return output.size() - output_sent; }
  std::string_view pending_input() const { return std::string_view(input).substr(input_start); }
  // Its next command waits for the end of a pause, or its last one for a key.
  bool is_blocked() const { return postponed || session.wait != nullptr; }
  bool is_replica() const { return replica_state != ReplicaState::kNone; }
  // For client-output-buffer-limit and CLIENT LIST TYPE. A monitor counts as a normal client.
  ClientClass client_class() const {
    if (is_replica()) return ClientClass::kReplica;
    return session.is_subscriber() ? ClientClass::kPubSub : ClientClass::kNormal;
  }
  // Bytes of memory it takes.
  size_t memory_bytes() const {
    const size_t tracking = tracker != nullptr ? tracker->memory_bytes() : 0;
    return sizeof *this + input.capacity() + output.capacity() + address.capacity() + multi_bytes() + wait_bytes() +
           tracking;
  }
  // Of these, the command that waits for a key.
  size_t wait_bytes() const { return session.wait != nullptr ? session.wait->memory_bytes() : 0; }
  // Of these, what MULTI has queued and WATCH remembers.
  size_t multi_bytes() const { return session.transaction.memory_bytes() + session.watcher.memory_bytes(); }
};

// "127.0.0.1:50000", "[::1]:50000"; empty for a Unix socket.
std::string address_text(const sockaddr_storage& address);
bool is_loopback(const sockaddr_storage& address);
// "127.0.0.1:6379": our end of the connection, asked of the kernel.
std::string local_address(const Connection& connection);

}  // namespace cowslip::server
