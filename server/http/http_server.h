// Metrics, health and the page over HTTP: libmicrohttpd, driven by the event loop.
//
//     listening sockets ── accept ─► MHD daemon ── its epoll set, watched by the loop ─► MHD_run() ─► routes.h
//
// Problem: a look at the server must not cost it a thread, a lock or a stall, and nobody who reaches this port may take
// the server's descriptors or memory. Solution: libmicrohttpd without threads and without sockets of its own. It sees
// the connections that we accepted and its own epoll descriptor, which the loop watches; every handler runs on the
// loop, between two commands, also while the dataset is loading. At most kMaxConnections are open at a time (who comes
// then waits), a request has at most kMaxRequestBytes, and a connection that completes no request for kPatienceSeconds
// is closed, however busily it trickles.
//
// All descriptors are closed on exec, and the child of a save closes what it inherits of them. Event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"

namespace cowslip::server {

class Server;

class HttpServer {
 public:
  static constexpr unsigned kMaxConnections = 64;
  static constexpr size_t kMaxRequestBytes = 16 << 10;  // of head and of body, each
  static constexpr int kPatienceSeconds = 20;

  explicit HttpServer(Server& server);
  ~HttpServer();

  // Listens as http-port and http-bind say; does nothing when the port is 0. An error has been logged.
  Status open();
  // After one of the two changed. On failure nobody listens until the next reopen(), which CONFIG SET calls at once
  // with the old values. Must not be called by a handler of a request.
  Status reopen();
  void close();

  bool listening() const;
  // All sockets that listen are loopback's: nobody else can reach them.
  bool loopback_only() const;
  // Requests answered since the start.
  uint64_t requests() const;

 private:
  struct Daemon;

  Server& server_;
  std::shared_ptr<Daemon> daemon_;  // null: not listening
  uint64_t requests_ = 0;
};

}  // namespace cowslip::server
