// A request as the handlers see it, and what they answer: HTTP without its wire. Plain data.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cowslip::server {

namespace http_status {
inline constexpr unsigned kOk = 200;
inline constexpr unsigned kAccepted = 202;
inline constexpr unsigned kBadRequest = 400;
inline constexpr unsigned kUnauthorized = 401;
inline constexpr unsigned kForbidden = 403;
inline constexpr unsigned kNotFound = 404;
inline constexpr unsigned kMethodNotAllowed = 405;
inline constexpr unsigned kConflict = 409;
inline constexpr unsigned kContentTooLarge = 413;
inline constexpr unsigned kUnavailable = 503;
}  // namespace http_status

// Valid while the request is being answered. A header that the request does not have is empty.
struct HttpRequest {
  std::string_view method = {};
  std::string_view path = {};  // unescaped, without what follows a '?'
  std::string_view host = {};
  bool many_hosts = false;  // there is more than one Host header
  std::string_view origin = {};
  std::string_view fetch_site = {};      // Sec-Fetch-Site
  std::string_view authorization = {};   // Authorization
  std::string_view request_header = {};  // X-Cowslip-Request
  // What follows the '?': the value, or empty when it is not there.
  std::string_view id = {};
  std::string_view after = {};
  bool from_this_machine = false;
};

struct HttpResponse {
  unsigned status = http_status::kOk;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string body = {};
  std::vector<std::pair<std::string_view, std::string>> headers = {};  // besides those that every answer has
};

}  // namespace cowslip::server
