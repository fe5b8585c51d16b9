#include "server/listeners.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "server/event_loop.h"
#include "server/listening_socket.h"

namespace cowslip::server {

namespace {

constexpr int kAcceptsPerCall = 1000;

void enable(int fd, int level, int option, int value = 1) {
  setsockopt(fd, level, option, &value, sizeof value);
}

// The first probe after `seconds` of silence, then three more, each a third of that apart.
void enable_keepalive(int fd, int64_t seconds) {
  enable(fd, SOL_SOCKET, SO_KEEPALIVE);
  enable(fd, IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(seconds));
  enable(fd, IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(std::max<int64_t>(seconds / 3, 1)));
  enable(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

}  // namespace

struct Listeners::Listener {
  Listener(EventLoop& loop, UniqueFd socket, bool is_unix)
      : descriptor(loop.context(), socket.release()), unix_socket(is_unix) {}
  int fd() { return descriptor.native_handle(); }

  asio::posix::stream_descriptor descriptor;
  bool unix_socket;
};

Listeners::Listeners(EventLoop& loop, const ServerConfig& config, Logger& log, OnAccept on_accept)
    : loop_(loop), config_(config), log_(log), on_accept_(std::move(on_accept)) {}

Listeners::~Listeners() {
  close();
}

void Listeners::close() {
  if (unix_) unlink(config_.unixsocket.c_str());
  unix_.reset();
  tcp_.clear();
}

size_t Listeners::tcp_sockets() const {
  return tcp_.size();
}

bool Listeners::has_unix_socket() const {
  return unix_ != nullptr;
}

Status Listeners::open() {
  auto tcp = open_tcp();
  if (!tcp) return std::unexpected(tcp.error());
  tcp_ = std::move(*tcp);
  if (!config_.unixsocket.empty()) {
    auto local = open_unix();
    if (!local) return std::unexpected(local.error());
    unix_ = std::move(*local);
    start(*unix_);
  }
  if (tcp_.empty() && !unix_) return fail(ErrorCode::kInvalidArgument, "Configured to not listen anywhere, exiting.");
  for (const auto& listener : tcp_) start(*listener);
  return {};
}

Status Listeners::reopen_tcp() {
  // Addresses that stay are in use by the old sockets, so those have to go first, and come back if the new ones fail.
  const auto old = std::exchange(tcp_, {});
  for (const auto& listener : old) listener->descriptor.close();
  auto tcp = open_tcp();
  if (!tcp) return std::unexpected(tcp.error());
  tcp_ = std::move(*tcp);
  for (const auto& listener : tcp_) start(*listener);
  return {};
}

Result<std::vector<std::unique_ptr<Listeners::Listener>>> Listeners::open_tcp() {
  std::vector<std::unique_ptr<Listener>> opened;
  if (config_.port == 0) return opened;
  for (const std::string& address : config_.bind) {
    auto listener = open_tcp_address(address);
    if (!listener) {
      log_.warning("Failed listening on port {} (tcp), aborting.", config_.port);
      return std::unexpected(listener.error());
    }
    if (*listener) opened.push_back(std::move(*listener));
  }
  if (opened.empty()) {
    return fail(ErrorCode::kIo, "None of the addresses to listen on is available.");
  }
  return opened;
}

// Null without an error: the address is not available, and marked as optional.
Result<std::unique_ptr<Listeners::Listener>> Listeners::open_tcp_address(const std::string& address) {
  auto fd = listen_on(address,
                      {.port = config_.port, .backlog = config_.tcp_backlog, .mark_id = config_.socket_mark_id}, log_);
  if (!fd) return std::unexpected(fd.error());
  if (!*fd) return nullptr;
  return std::make_unique<Listener>(loop_, std::move(*fd), false);
}

Result<std::unique_ptr<Listeners::Listener>> Listeners::open_unix() {
  const auto refuse = [&](std::string_view step) {
    const int error = errno;
    log_.warning("Failed opening Unix socket: {}: {}", step, std::strerror(error));
    return fail_errno(step, error);
  };
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (config_.unixsocket.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return refuse("bind");
  }
  std::ranges::copy(config_.unixsocket, address.sun_path);
  unlink(config_.unixsocket.c_str());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return refuse("socket");
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return refuse("bind");
  if (listen(fd.get(), static_cast<int>(config_.tcp_backlog)) != 0) return refuse("listen");
  if (config_.unixsocketperm != 0) chmod(config_.unixsocket.c_str(), config_.unixsocketperm);
  return std::make_unique<Listener>(loop_, std::move(fd), true);
}

void Listeners::start(Listener& listener) {
  listener.descriptor.async_wait(asio::posix::stream_descriptor::wait_read, [this, &listener](asio::error_code error) {
    if (error) return;  // the listener is gone
    accept_all(listener);
    start(listener);
  });
}

void Listeners::accept_all(Listener& listener) {
  for (int i = 0; i < kAcceptsPerCall; i++) {
    sockaddr_storage peer = {};
    socklen_t length = sizeof peer;
    const int fd = accept4(listener.fd(), reinterpret_cast<sockaddr*>(&peer), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      on_accept_(make_connection(fd, listener.unix_socket, peer));
    } else if (errno != EINTR && errno != ECONNABORTED) {
      if (errno != EAGAIN) log_.warning("Accepting client connection: {}", std::strerror(errno));
      return;
    }
  }
}

std::unique_ptr<Connection> Listeners::make_connection(int fd, bool unix_socket, const sockaddr_storage& peer) {
  auto connection = std::make_unique<Connection>();
  connection->fd.reset(fd);
  connection->unix_socket = unix_socket;
  connection->local = unix_socket || is_loopback(peer);
  connection->address = unix_socket ? config_.unixsocket + ":0" : address_text(peer);
  if (!unix_socket) {
    enable(fd, IPPROTO_TCP, TCP_NODELAY);
    if (config_.tcp_keepalive_seconds > 0) enable_keepalive(fd, config_.tcp_keepalive_seconds);
  }
  return connection;
}

void check_backlog(int64_t backlog, Logger& log) {
  int64_t somaxconn = 0;
  std::ifstream("/proc/sys/net/core/somaxconn") >> somaxconn;
  if (somaxconn <= 0 || somaxconn >= backlog) return;
  log.warning(
      "WARNING: The TCP backlog setting of {} cannot be enforced because /proc/sys/net/core/somaxconn is set to the "
      "lower value of {}.",
      backlog, somaxconn);
}

}  // namespace cowslip::server
