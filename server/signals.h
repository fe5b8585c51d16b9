// Signals, as events of the loop: SIGTERM and SIGINT shut down, SIGCHLD tells of a child's end. SIGHUP, SIGPIPE and
// SIGXFSZ are ignored, and so is SIGUSR1, which means something to saving children only.
//
// A second SIGINT while the shutdown is still saving ends the process at once, with status 1: whoever presses ctrl-c
// twice means it, and the loop, being busy, could not see it. Event loop only; one object per process.
#pragma once

#include <memory>

namespace cowslip::server {

class Server;

class Signals {
 public:
  explicit Signals(Server& server);
  ~Signals();

 private:
  struct Set;

  void wait();
  void handle(int signal);
  void shut_down(int signal);

  Server& server_;
  std::unique_ptr<Set> set_;
};

}  // namespace cowslip::server
