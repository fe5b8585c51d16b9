// A TCP socket that listens: what the directives `bind` and `http-bind` name, made with Redis's rules. Event loop only.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace cowslip::server {

struct ListenOptions {
  int64_t port = 0;
  int64_t backlog = 511;
  int64_t mark_id = 0;  // SO_MARK; 0: none
};

// Listens at `address` as a directive names it: "*" is any IPv4 address, "::*" any IPv6 one, a leading '-' forgives
// that the machine has no such address. The socket does not block and is closed on exec.
// No descriptor and no error: the address is not available, and that was forgiven. A failure has been logged.
Result<UniqueFd> listen_on(const std::string& address, const ListenOptions& options, Logger& log);

}  // namespace cowslip::server
