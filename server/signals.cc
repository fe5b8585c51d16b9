#include "server/signals.h"

#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <string_view>

#include "persistence/snapshot_file.h"
#include "server/event_loop.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/shutdown.h"

namespace cowslip::server {

namespace {

// The unfinished file of the save that a second SIGINT interrupts. A signal handler has no other way to its data.
char unfinished_snapshot[4096] = {};

void remember_unfinished_snapshot(std::string_view path) {
  path = path.substr(0, sizeof unfinished_snapshot - 1);
  unfinished_snapshot[path.copy(unfinished_snapshot, path.size())] = '\0';
}

// Async-signal-safe, hence no Logger.
void leave_at_once(int) {
  ::unlink(unfinished_snapshot);
  constexpr std::string_view kLastWords = "You insist... exiting now.\n";
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, kLastWords.data(), kLastWords.size());
  _exit(1);
}

}  // namespace

struct Signals::Set {
  explicit Set(asio::io_context& context) : signals(context, SIGTERM, SIGINT, SIGCHLD) { signals.add(SIGUSR1); }
  asio::signal_set signals;
};

Signals::Signals(Server& server) : server_(server), set_(std::make_unique<Set>(server.loop().context())) {
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a snapshot beyond ulimit -f fails with EFBIG, and the server lives on
  wait();
}

Signals::~Signals() = default;

void Signals::wait() {
  set_->signals.async_wait([this](asio::error_code error, int signal) {
    if (error) return;
    handle(signal);
    wait();
  });
}

void Signals::handle(int signal) {
  if (signal == SIGCHLD) {
    server_.saves().check_child();
  } else if (signal == SIGUSR1) {
    server_.log().verbose("Received SIGUSR1, which is for saving children only: ignored.");
  } else {
    shut_down(signal);
  }
}

void Signals::shut_down(int signal) {
  remember_unfinished_snapshot(persistence::temporary_path_for(server_.saves().snapshot_path(), ::getpid()));
  set_->signals.remove(SIGINT);
  std::signal(SIGINT, leave_at_once);
  server_.shutdown().on_signal(signal);
  if (server_.shutdown().finished()) return;
  std::signal(SIGINT, SIG_DFL);
  set_->signals.add(SIGINT);
}

}  // namespace cowslip::server
