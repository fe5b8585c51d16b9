#include <sys/resource.h>

#include <algorithm>
#include <cstring>

#include "server/http/http_server.h"
#include "server/listeners.h"

namespace cowslip::server {

namespace {

// Descriptors that are not clients': listeners, the loop's own, files being written, pipes of children.
constexpr rlim_t kOwnDescriptors = 32;
// HTTP's sockets, its epoll set and every connection it may have, so that none of them is a client's. They are reserved
// whether http-port is set or not: CONFIG SET can set it later, when maxclients has been given away.
constexpr rlim_t kHttpDescriptors = HttpServer::kMaxConnections + 8;
constexpr rlim_t kReservedDescriptors = kOwnDescriptors + kHttpDescriptors;
// The limit is lowered by so much until the kernel grants it.
constexpr rlim_t kStep = 16;

// Raises the limit as far towards `wanted` as the kernel lets us; returns what it is then.
rlim_t raise_limit(rlim_t current, rlim_t wanted, int& error) {
  for (rlim_t attempt = wanted; attempt > current; attempt -= std::min(kStep, attempt)) {
    const rlimit limit{attempt, attempt};
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0) return attempt;
    error = errno;
  }
  return current;
}

}  // namespace

int64_t adjust_open_files_limit(int64_t maxclients, Logger& log) {
  const rlim_t wanted = static_cast<rlim_t>(maxclients) + kReservedDescriptors;
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    log.warning(
        "Unable to obtain the current NOFILE limit ({}), assuming 1024 and setting the max clients "
        "configuration accordingly.",
        std::strerror(errno));
    return 1024 - static_cast<int64_t>(kReservedDescriptors);
  }
  if (limit.rlim_cur >= wanted) return maxclients;
  int error = 0;
  const rlim_t granted = raise_limit(limit.rlim_cur, wanted, error);
  if (granted >= wanted) {
    log.notice("Increased maximum number of open files to {} (it was originally set to {}).", granted, limit.rlim_cur);
    return maxclients;
  }
  const int64_t fitting = static_cast<int64_t>(granted) - static_cast<int64_t>(kReservedDescriptors);
  if (fitting <= 0) {
    log.warning(
        "Your current 'ulimit -n' of {} is not enough for the server to start. Please increase your open file "
        "limit to at least {}. Exiting.",
        limit.rlim_cur, wanted);
    return 0;
  }
  log.warning("You requested maxclients of {} requiring at least {} max file descriptors.", maxclients, wanted);
  log.warning("Server can't set maximum open files to {} because of OS error: {}.", wanted, std::strerror(error));
  log.warning(
      "Current maximum open files is {}. maxclients has been reduced to {} to compensate for low ulimit. If you "
      "need higher maxclients increase 'ulimit -n'.",
      granted, fitting);
  return fitting;
}

}  // namespace cowslip::server
