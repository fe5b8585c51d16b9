// Metrics, health and the page over HTTP: libmicrohttpd, driven by the event loop.
//
//     listening sockets ── accept ─► MHD daemon ── its epoll set, watched by the loop ─► MHD_run() ─► routes.h
//
// Problem: a look at the server must not cost it a thread, a lock or a stall, and nobody who reaches this port may take
// the server's descriptors or memory. Solution: libmicrohttpd without threads and without sockets of its own. It sees
// the connections that we accepted and its own epoll descriptor, which the loop watches; every handler runs on the
// loop, between two commands, also while the dataset is loading. At most kMaxConnections are open at a time, and the
// descriptors for them are reserved; who comes then takes the place of the one that has completed no request for
// longest, or waits when all have done so within the last second. A request has at most kMaxRequestBytes, and a
// connection that completes none for kPatienceSeconds is closed, however busily it trickles.
//
// MHD answers all connections that are ready in one pass. AnswerStore bounds what a pass costs, and after a long one
// HTTP rests four times as long, so that clients keep most of the loop whatever is asked here.
//
// All descriptors are closed on exec, and the child of a save closes what it inherits of them. Event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/error.h"
#include "server/http/answer_store.h"

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
  // What was answered lately.
  AnswerStore& answers() { return answers_; }

 private:
  struct Daemon;

  Server& server_;
  AnswerStore answers_;
  std::shared_ptr<Daemon> daemon_;  // null: not listening
  uint64_t requests_ = 0;
};

}  // namespace cowslip::server
