// The end of the server: what SHUTDOWN, SIGTERM and SIGINT have in common. Event loop only.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "server/config.h"

namespace cowslip::server {

class Server;

class Shutdown {
 public:
  explicit Shutdown(Server& server) : server_(server) {}

  // Ends the background save, saves if `flags` or the save points ask for it, and stops the loop. Fails with kIo when
  // saving failed and `flags.force` is not set: the server goes on.
  Status prepare(const ShutdownFlags& flags);
  // SIGTERM or SIGINT arrived.
  void on_signal(int signal);
  int exit_code() const { return exit_code_; }
  bool finished() const { return finished_; }

 private:
  bool wants_save(const ShutdownFlags& flags) const;
  Status save_before_exit(const ShutdownFlags& flags);

  Server& server_;
  bool finished_ = false;
  int exit_code_ = 0;
};

}  // namespace cowslip::server
