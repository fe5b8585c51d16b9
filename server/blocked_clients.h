// Connections whose clients wait for a key (BLPOP and its like): served when one is there, and ended by their time,
// CLIENT UNBLOCK or the end of the connection.
//
// Who waits for what is commands/key_waits.h's; here are the time and the connections
// (docs/decisions/0012-blocking.md). A waiting client's further requests stay in its input (RequestPump). Event loop
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

namespace cowslip::server {

class Server;
struct Connection;

class BlockedClients {
 public:
  explicit BlockedClients(Server& server);
  ~BlockedClients();
  BlockedClients(const BlockedClients&) = delete;
  BlockedClients& operator=(const BlockedClients&) = delete;

  // After a command of `client` that began a wait, or made keys ready that others wait for.
  void attend(Connection& client);
  // Lets all go on that can, unless a command is at work, clients are paused, or a file is loading: then later.
  void serve();
  // CLIENT UNBLOCK: ends the client's wait as if its time were up, or with `error`. False when it does not wait.
  bool unblock(Connection& client, std::string_view error);
  // The connection is at its end.
  void forget(Connection& client);

  // For INFO.
  size_t with_deadline() const { return deadlines_.size(); }

 private:
  struct Timer;

  void resume(Connection& client);
  void end_wait(Connection& client, std::string_view error);
  // The client waits no more: what it has sent since then can run.
  void let_go(Connection& client, size_t output_before);
  void expect_deadline(Connection& client);
  void forget_deadline(const Connection& client);
  void arm();
  void end_overdue();

  Server& server_;
  std::unique_ptr<Timer> timer_;
  // Of the clients whose waits end: when (milliseconds, monotonic), and the client's id.
  std::set<std::pair<int64_t, uint64_t>> deadlines_;
  int64_t armed_for_ms_ = 0;  // 0: the timer does not run
  bool serving_ = false;
};

}  // namespace cowslip::server
