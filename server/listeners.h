// The sockets that clients arrive at: TCP on the configured addresses, and a Unix socket. Event loop only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "server/config.h"
#include "server/connection.h"

namespace cowslip::server {

class EventLoop;

class Listeners {
 public:
  // A client that has just arrived; the socket is non-blocking and its options are set.
  using OnAccept = std::function<void(std::unique_ptr<Connection>)>;

  Listeners(EventLoop& loop, const ServerConfig& config, Logger& log, OnAccept on_accept);
  ~Listeners();  // removes the Unix socket's file

  // Opens everything that config names. The message of an error has been logged as Redis does where Redis has more
  // than one line to say.
  Status open();
  // Opens the TCP sockets anew after `bind` or `port` changed; on failure the old ones stay.
  Status reopen_tcp();
  void close();

  size_t tcp_sockets() const;
  bool has_unix_socket() const;

 private:
  struct Listener;

  Result<std::vector<std::unique_ptr<Listener>>> open_tcp();
  Result<std::unique_ptr<Listener>> open_tcp_address(const std::string& address);
  Result<std::unique_ptr<Listener>> open_unix();
  void start(Listener& listener);
  void accept_all(Listener& listener);
  std::unique_ptr<Connection> make_connection(int fd, bool unix_socket, const struct sockaddr_storage& peer);

  EventLoop& loop_;
  const ServerConfig& config_;
  Logger& log_;
  OnAccept on_accept_;
  std::vector<std::unique_ptr<Listener>> tcp_;
  std::unique_ptr<Listener> unix_;
};

// Raises RLIMIT_NOFILE so that `maxclients` and our own files fit. Returns how many clients do fit, and logs when that
// is fewer than asked for.
int64_t adjust_open_files_limit(int64_t maxclients, Logger& log);
// Warns when the kernel's limit makes `backlog` pointless.
void check_backlog(int64_t backlog, Logger& log);

}  // namespace cowslip::server
