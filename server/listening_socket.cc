#include "server/listening_socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

namespace cowslip::server {

namespace {

struct AddressListDeleter {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, AddressListDeleter>;

// What bind() is given for a name of the `bind` directive: "*" is any IPv4 address, "::*" any IPv6 one.
struct BindAddress {
  explicit BindAddress(std::string_view text)
      : optional(text.starts_with('-')), name(text.substr(optional ? 1 : 0)), host(name) {
    if (host == "*") host = "0.0.0.0";
    if (host == "::*") host = "::";
  }
  bool ipv6() const { return host.contains(':'); }

  bool optional;
  std::string name;  // as in the directive, without the '-'
  std::string host;
};

// Errors that mean "this machine has no such address", which is what a leading '-' in `bind` forgives.
bool is_unavailable(int error) {
  return error == ENOPROTOOPT || error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT || error == EPFNOSUPPORT ||
         error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

void enable(int fd, int level, int option, int value = 1) {
  setsockopt(fd, level, option, &value, sizeof value);
}

// What the name of an address stands for; the words of an error are the resolver's.
struct Resolved {
  AddressList list;
  const char* error = nullptr;
};

Resolved resolve(const BindAddress& bound, int64_t port) {
  addrinfo hints = {};
  hints.ai_family = bound.ipv6() ? AF_INET6 : AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int failure = getaddrinfo(bound.host.c_str(), std::to_string(port).c_str(), &hints, &found);
  return {AddressList(found), failure == 0 ? nullptr : gai_strerror(failure)};
}

}  // namespace

Result<UniqueFd> listen_on(const std::string& address, const ListenOptions& options, Logger& log) {
  const BindAddress bound(address);
  const auto refuse = [&](std::string_view why, int error) -> Result<UniqueFd> {
    log.warning("Warning: Could not create server TCP listening socket {}:{}: {}", bound.name, options.port, why);
    if (bound.optional && is_unavailable(error)) return UniqueFd();
    return std::unexpected(Error{ErrorCode::kIo, std::string(why), error});
  };
  const Resolved resolved = resolve(bound, options.port);
  if (resolved.error != nullptr) return refuse(resolved.error, 0);

  UniqueFd fd(socket(resolved.list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return refuse(std::string("socket: ") + std::strerror(errno), errno);
  enable(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (bound.ipv6()) enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  if (options.mark_id != 0) enable(fd.get(), SOL_SOCKET, SO_MARK, static_cast<int>(options.mark_id));
  if (bind(fd.get(), resolved.list->ai_addr, resolved.list->ai_addrlen) != 0) {
    return refuse(std::string("bind: ") + std::strerror(errno), errno);
  }
  if (listen(fd.get(), static_cast<int>(options.backlog)) != 0) {
    return refuse(std::string("listen: ") + std::strerror(errno), errno);
  }
  return fd;
}

}  // namespace cowslip::server
