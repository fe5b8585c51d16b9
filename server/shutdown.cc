#include "server/shutdown.h"

#include <unistd.h>

#include <csignal>

#include "server/event_loop.h"
#include "server/loading.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {

Status Shutdown::prepare(const ShutdownFlags& flags) {
  Logger& log = server_.log();
  log.notice("User requested shutdown...");
  if (server_.saves().child_running()) {
    log.notice("There is a child saving an .rdb. Killing it!");
    server_.saves().end_child();
  }
  if (wants_save(flags)) {
    const Status saved = save_before_exit(flags);
    if (!saved) return saved;
  }
  finished_ = true;
  if (server_.loading().active()) server_.loading().interrupt();
  server_.loop().stop();
  return {};
}

bool Shutdown::wants_save(const ShutdownFlags& flags) const {
  if (server_.loading().active() || flags.nosave) return false;
  return flags.save || !server_.config().save.empty();
}

Status Shutdown::save_before_exit(const ShutdownFlags& flags) {
  Logger& log = server_.log();
  log.notice("Saving the final RDB snapshot before exiting.");
  const Status saved = server_.saves().save();
  if (saved) return {};
  if (flags.force) {
    log.warning("Error trying to save the DB, but the shutdown is forced: exiting anyway.");
    return {};
  }
  log.warning("Error trying to save the DB, can't exit.");
  return saved;
}

void Shutdown::on_signal(int signal) {
  Logger& log = server_.log();
  const bool interrupt = signal == SIGINT;
  if (server_.loading().active()) {
    log.warning("Received shutdown signal during loading, exiting now.");
    server_.loading().interrupt();
    finished_ = true;
    return;
  }
  log.notice("Received {} scheduling shutdown...", interrupt ? "SIGINT" : "SIGTERM");
  const ShutdownFlags flags = interrupt ? server_.config().shutdown_on_sigint : server_.config().shutdown_on_sigterm;
  if (!prepare(flags)) {
    log.warning("{} received but errors trying to shut down the server, check the logs for more information",
                interrupt ? "SIGINT" : "SIGTERM");
  }
}

}  // namespace cowslip::server
