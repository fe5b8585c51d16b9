// Who may see the metrics and the page, and who may start and stop a save over HTTP. Pure.
//
// Problem: a browser sends requests to this server on behalf of any page its user has open, from this machine and with
// a password it remembers. Solution: three questions, from the outside in.
//
//     1. a password is set (requirepass)      every request but those for kPublic carries it (HTTP Basic, any name)
//     2. none is set                          only this machine is let in while protected-mode is on, and its requests
//                                             must name the server by address or "localhost": a foreign page that made
//                                             its own name point here (DNS rebinding) names itself
//     3. the request changes something        there is a password, or all listening sockets are loopback's; it carries
//                                             the header X-Cowslip-Request, which a foreign page cannot add, and
//                                             nothing that says it comes from another site
//
// docs/OBSERVABILITY.md has the reasons.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/http/exchange.h"

namespace cowslip::server {

enum class Demand { kPublic, kRead, kChange };

struct AccessRules {
  std::string_view password = {};  // empty: none is set
  bool protected_mode = true;      // see Redis's setting
  bool loopback_only = true;       // of all sockets that listen for HTTP
};

// Why not, as status and sentence; empty: go on. A wrong or missing password is kUnauthorized.
struct Refusal {
  unsigned status;
  std::string_view reason;
};
std::optional<Refusal> refuse_access(Demand demand, const HttpRequest& request, const AccessRules& rules);

// Why nobody may change anything here, for the page to tell; empty: one may.
std::string_view why_read_only(const AccessRules& rules);

// The password of an Authorization header of the scheme Basic; empty optional: it is none.
std::optional<std::string> basic_password(std::string_view authorization);

// Whether a Host header cannot be a name that somebody else controls: "localhost", an IPv4 or an IPv6 address, with or
// without a port.
bool is_own_host(std::string_view host);

}  // namespace cowslip::server
