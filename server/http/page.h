// The web page, built into the program from server/http/page/: one document, its style and script inside.
#pragma once

#include <string_view>

namespace cowslip::server {

std::string_view page_html();
// The Content-Security-Policy it is sent with: nothing but its own style and script, known by their hashes, and
// requests to where it came from.
std::string_view page_security_policy();

}  // namespace cowslip::server
