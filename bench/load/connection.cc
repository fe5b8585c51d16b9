#include "bench/load/connection.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace cowslip::bench {
namespace {

[[noreturn]] void die(std::string_view what) {
  fmt::print(stderr, "load_generator: {}: {}\n", what, std::strerror(errno));
  std::exit(1);
}

int connect_to(int port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("connect");
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

}  // namespace

int ReplyCounter::feed(std::string_view data) {
  int replies = 0;
  while (!data.empty()) {
    if (bytes_to_skip_ > 0) {
      const size_t skipped = std::min(bytes_to_skip_, data.size());
      data.remove_prefix(skipped);
      bytes_to_skip_ -= skipped;
      if (bytes_to_skip_ == 0) replies++;
      continue;
    }
    const size_t newline = data.find('\n');
    line_.append(data.substr(0, newline));
    if (newline == std::string_view::npos) break;
    data.remove_prefix(newline + 1);
    replies += take_line(line_);
    line_.clear();
  }
  return replies;
}

bool ReplyCounter::take_line(std::string_view line) {
  if (line.starts_with('-') && errors_++ == 0) first_error_ = line.substr(1, line.size() - 2);
  if (!line.starts_with('$') || line.starts_with("$-1")) return true;
  bytes_to_skip_ = std::strtoull(line.data() + 1, nullptr, 10) + 2;
  return false;
}

Connection::Connection(int port) : descriptor_(connect_to(port)) {}

Connection::~Connection() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Connection::Connection(Connection&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      out_(std::move(other.out_)),
      written_(other.written_),
      waiting_(std::move(other.waiting_)),
      replies_(std::move(other.replies_)) {}

void Connection::flush() {
  while (wants_to_write()) {
    const ssize_t sent = ::send(descriptor_, out_.data() + written_, out_.size() - written_, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) die("send");
    written_ += static_cast<size_t>(sent);
  }
  out_.clear();
  written_ = 0;
}

std::string_view Connection::read_some() {
  static std::array<char, 64 * 1024> buffer;
  const ssize_t got = ::recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (got > 0) return {buffer.data(), static_cast<size_t>(got)};
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return {};
  if (got == 0) errno = ECONNRESET;
  die("receive");
}

}  // namespace cowslip::bench
