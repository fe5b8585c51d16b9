#include "tests/support/connection.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "tests/support/harness.h"

namespace cowslip::testing {

namespace {

UniqueFd connect_unix(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) throw_errno("connect " + path);
  return fd;
}

UniqueFd connect_tcp(const Endpoint& endpoint) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(endpoint.host.c_str(), std::to_string(endpoint.port).c_str(), &hints, &found) != 0) {
    throw HarnessFailure("not a numeric address: " + endpoint.host);
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
    throw_errno("connect " + endpoint.host + ":" + std::to_string(endpoint.port));
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

bool readable(int fd, std::chrono::milliseconds limit) {
  pollfd item{fd, POLLIN, 0};
  return ::poll(&item, 1, static_cast<int>(limit.count())) > 0;
}

}  // namespace

std::string encode(const Arguments& arguments) {
  std::string bytes = "*" + std::to_string(arguments.size()) + "\r\n";
  for (const auto& argument : arguments) {
    bytes += "$" + std::to_string(argument.size()) + "\r\n" + argument + "\r\n";
  }
  return bytes;
}

Connection::Connection(const Endpoint& endpoint)
    : fd_(endpoint.unix_path.empty() ? connect_tcp(endpoint) : connect_unix(endpoint.unix_path)),
      timeout_(patience(std::chrono::seconds(60))) {}

bool Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

Reply Connection::command(const Arguments& arguments) {
  send(encode(arguments));
  return read();
}

bool Connection::fill() {
  if (position_ == buffer_.size() || position_ > (1u << 20)) buffer_.erase(0, position_), position_ = 0;
  if (!readable(fd_.get(), timeout_)) throw HarnessFailure("no reply within the time limit");
  char bytes[65536];
  const ssize_t got = ::read(fd_.get(), bytes, sizeof(bytes));
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(got));
  return true;
}

bool Connection::read_line(std::string& line) {
  size_t scanned = position_;
  size_t end;
  while ((end = buffer_.find("\r\n", scanned)) == std::string::npos) {
    const size_t unread = buffer_.size() - position_;
    if (!fill()) return false;
    scanned = position_ + (unread > 0 ? unread - 1 : 0);
  }
  line.assign(buffer_, position_, end - position_);
  position_ = end + 2;
  return true;
}

bool Connection::read_exactly(size_t count, std::string& bytes) {
  while (buffer_.size() - position_ < count) {
    if (!fill()) return false;
  }
  bytes.assign(buffer_, position_, count);
  position_ += count;
  return true;
}

Reply Connection::read_elements(Reply::Kind kind, int64_t count) {
  Reply reply{kind, {}, 0, {}};
  if (count < 0) return {Reply::Kind::kNullArray, {}, 0, {}};
  for (int64_t i = 0; i < count; ++i) {
    reply.elements.push_back(read());
    if (reply.elements.back().kind == Reply::Kind::kClosed) return reply.elements.back();
  }
  return reply;
}

Reply Connection::read_blob(Reply::Kind kind, int64_t length) {
  if (length < 0) return Reply::null();
  Reply reply{kind, {}, 0, {}};
  std::string end;
  if (!read_exactly(static_cast<size_t>(length), reply.text) || !read_exactly(2, end)) {
    return {Reply::Kind::kClosed, {}, 0, {}};
  }
  if (end != "\r\n") throw HarnessFailure("a bulk string does not end where it said");
  return reply;
}

Reply Connection::read() {
  std::string line;
  if (!read_line(line)) return {Reply::Kind::kClosed, {}, 0, {}};
  if (line.empty()) throw HarnessFailure("an empty line in place of a reply");
  const std::string rest = line.substr(1);
  const auto number = [&] { return std::strtoll(rest.c_str(), nullptr, 10); };
  switch (line[0]) {
    case '+':
      return Reply::simple(rest);
    case '-':
      return Reply::error(rest);
    case ':':
      return Reply::of_integer(number());
    case '$':
      return read_blob(Reply::Kind::kBulk, number());
    case '=':
      return read_blob(Reply::Kind::kVerbatim, number());
    case '_':
      return Reply::null();
    case ',':
      return {Reply::Kind::kDouble, rest, 0, {}};
    case '#':
      return {Reply::Kind::kBoolean, {}, rest == "t" ? 1 : 0, {}};
    case '(':
      return {Reply::Kind::kBigNumber, rest, 0, {}};
    case '*':
      return read_elements(Reply::Kind::kArray, number());
    case '%':
      return read_elements(Reply::Kind::kMap, number() * 2);
    case '~':
      return read_elements(Reply::Kind::kSet, number());
    case '>':
      return read_elements(Reply::Kind::kPush, number());
    default:
      throw HarnessFailure("not a reply: " + line);
  }
}

bool Connection::closed(std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + patience(limit);
  char bytes[65536];
  while (std::chrono::steady_clock::now() < deadline) {
    if (!readable(fd_.get(), std::chrono::milliseconds(50))) continue;
    if (::read(fd_.get(), bytes, sizeof(bytes)) <= 0) return true;
  }
  return false;
}

bool Connection::silent_for(std::chrono::milliseconds duration) {
  return position_ == buffer_.size() && !readable(fd_.get(), duration);
}

std::string Connection::read_bytes(size_t limit) {
  if (position_ == buffer_.size() && !fill()) return {};
  std::string bytes = buffer_.substr(position_, limit);
  position_ += bytes.size();
  return bytes;
}

std::string info_field(std::string_view info, std::string_view field) {
  size_t start = 0;
  while (start < info.size()) {
    size_t end = info.find("\r\n", start);
    if (end == std::string_view::npos) end = info.size();
    const std::string_view line = info.substr(start, end - start);
    if (line.size() > field.size() && line.starts_with(field) && line[field.size()] == ':') {
      return std::string(line.substr(field.size() + 1));
    }
    start = end + 2;
  }
  return {};
}

int64_t info_number(std::string_view info, std::string_view field) {
  const std::string text = info_field(info, field);
  return text.empty() ? -1 : std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace cowslip::testing
