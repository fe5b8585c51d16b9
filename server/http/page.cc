#include "server/http/page.h"

#include <fmt/format.h>
#include <nettle/base64.h>
#include <nettle/sha2.h>

#include <array>
#include <cstdint>
#include <page_source.inc>  // kPageStart, kPageStyle, kPageMiddle, kPageScript, kPageEnd; made by page/embed.cmake
#include <string>

namespace cowslip::server {

namespace {

// 'sha256-...' as a policy names an inline style or script.
std::string hash_source(std::string_view text) {
  sha256_ctx context;
  sha256_init(&context);
  sha256_update(&context, text.size(), reinterpret_cast<const uint8_t*>(text.data()));
  std::array<uint8_t, SHA256_DIGEST_SIZE> digest;
  sha256_digest(&context, digest.size(), digest.data());
  std::array<char, BASE64_ENCODE_RAW_LENGTH(SHA256_DIGEST_SIZE)> encoded;
  base64_encode_raw(encoded.data(), digest.size(), digest.data());
  return fmt::format("'sha256-{}'", std::string_view(encoded.data(), encoded.size()));
}

}  // namespace

std::string_view page_html() {
  static const std::string page = fmt::format("{}{}{}{}{}", kPageStart, kPageStyle, kPageMiddle, kPageScript, kPageEnd);
  return page;
}

std::string_view page_security_policy() {
  static const std::string policy = fmt::format(
      "default-src 'none'; style-src {}; script-src {}; connect-src 'self'; img-src data:; base-uri 'none'; "
      "form-action "
      "'none'; frame-ancestors 'none'",
      hash_source(kPageStyle), hash_source(kPageScript));
  return policy;
}

}  // namespace cowslip::server
