#include "server/http/access.h"

#include <arpa/inet.h>
#include <nettle/base64.h>

#include <array>

#include "base/text.h"
#include "server/secret.h"

namespace cowslip::server {

namespace {

using namespace http_status;

constexpr std::string_view kBasic = "Basic ";
// More than any password needs, and little enough for the stack.
constexpr size_t kMaxCredentialsBytes = 4096;

constexpr Refusal kPasswordNeeded = {kUnauthorized, "The password is missing or wrong: it is that of requirepass."};
constexpr Refusal kProtectedMode = {
    kForbidden,
    "Protected mode is on and no password is set, so only this machine may look. Set requirepass, or 'protected-mode "
    "no' if everyone who reaches this port may read."};
constexpr Refusal kForeignHost = {
    kForbidden,
    "The request names this server by a name that is not its own. Without a password it answers to addresses and to "
    "'localhost' only."};
constexpr Refusal kHeaderMissing = {kForbidden,
                                    "The header 'X-Cowslip-Request: 1' is missing: it shows that no other web page "
                                    "made the request."};
constexpr Refusal kForeignPage = {kForbidden, "The request was made by a page of another site."};
constexpr std::string_view kReadOnly =
    "Saves can be started and cancelled here only when a password protects this (requirepass), or when it listens on "
    "loopback alone (http-bind).";

bool is_address(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> parsed;
  return inet_pton(family, std::string(text).c_str(), parsed.data()) == 1;
}

// "http://host:port" of an Origin header, without the scheme.
std::string_view host_of_origin(std::string_view origin) {
  const size_t scheme = origin.find("://");
  return scheme == std::string_view::npos ? std::string_view() : origin.substr(scheme + 3);
}

bool is_from_another_page(const HttpRequest& request) {
  if (!request.fetch_site.empty() && request.fetch_site != "same-origin") return true;
  return !request.origin.empty() && !equals_ignore_case(host_of_origin(request.origin), request.host);
}

bool has_password(const HttpRequest& request, std::string_view password) {
  const auto given = basic_password(request.authorization);
  return given && is_same_secret(*given, password);
}

std::optional<Refusal> refuse_reading(const HttpRequest& request, const AccessRules& rules) {
  if (!rules.password.empty()) {
    if (has_password(request, rules.password)) return {};
    return kPasswordNeeded;
  }
  if (rules.protected_mode && !request.from_this_machine) return kProtectedMode;
  if (request.from_this_machine && !is_own_host(request.host)) return kForeignHost;
  return {};
}

std::optional<Refusal> refuse_changing(const HttpRequest& request, const AccessRules& rules) {
  if (const auto reason = why_read_only(rules); !reason.empty()) return Refusal{kForbidden, reason};
  if (request.request_header.empty()) return kHeaderMissing;
  if (is_from_another_page(request)) return kForeignPage;
  return {};
}

}  // namespace

std::optional<Refusal> refuse_access(Demand demand, const HttpRequest& request, const AccessRules& rules) {
  if (demand == Demand::kPublic) return {};
  if (auto refusal = refuse_reading(request, rules)) return refusal;
  return demand == Demand::kChange ? refuse_changing(request, rules) : std::nullopt;
}

std::string_view why_read_only(const AccessRules& rules) {
  return rules.password.empty() && !rules.loopback_only ? kReadOnly : std::string_view();
}

std::optional<std::string> basic_password(std::string_view authorization) {
  if (authorization.size() < kBasic.size() || authorization.size() > kMaxCredentialsBytes) return {};
  if (!equals_ignore_case(authorization.substr(0, kBasic.size()), kBasic)) return {};
  authorization.remove_prefix(kBasic.size());
  std::array<uint8_t, BASE64_DECODE_LENGTH(kMaxCredentialsBytes)> decoded;
  base64_decode_ctx context;
  base64_decode_init(&context);
  size_t size = decoded.size();
  if (base64_decode_update(&context, &size, decoded.data(), authorization.size(), authorization.data()) != 1 ||
      base64_decode_final(&context) != 1) {
    return {};
  }
  const std::string_view credentials(reinterpret_cast<const char*>(decoded.data()), size);
  const size_t colon = credentials.find(':');
  if (colon == std::string_view::npos) return {};
  return std::string(credentials.substr(colon + 1));
}

bool is_own_host(std::string_view host) {
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    return end != std::string_view::npos && is_address(AF_INET6, host.substr(1, end - 1));
  }
  const std::string_view name = host.substr(0, host.find(':'));
  return equals_ignore_case(name, "localhost") || is_address(AF_INET, name);
}

}  // namespace cowslip::server
