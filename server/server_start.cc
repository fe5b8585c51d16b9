// How a Server takes clients in, puts settings into effect, and runs from start to end.
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "server/client_registry.h"
#include "server/config_store.h"
#include "server/cron.h"
#include "server/defragmenter.h"
#include "server/event_loop.h"
#include "server/eviction_control.h"
#include "server/http/http_server.h"
#include "server/listeners.h"
#include "server/loading.h"
#include "server/observatory.h"
#include "server/request_pump.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/shutdown.h"
#include "server/signals.h"
#include "server/slowlog.h"
#include "server/system_report.h"

namespace cowslip::server {

namespace {

constexpr std::string_view kTooManyClients = "-ERR max number of clients reached\r\n";
constexpr std::string_view kProtectedMode =
    "-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the "
    "default user. In this mode connections are only accepted from the loopback interface. If you want to connect from "
    "external computers to Redis you may adopt one of the following solutions: "
    "1) Just disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by "
    "connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible "
    "from internet if you do so. Use CONFIG REWRITE to make this change permanent. "
    "2) Alternatively you can just disable the protected mode by editing the Redis configuration file, and setting the "
    "protected mode option to 'no', and then restarting the server. "
    "3) If you started the server manually just for testing, restart it with the '--protected-mode no' option. "
    "4) Set up an authentication password for the default user. "
    "NOTE: You only need to do one of the above things in order for the server to start accepting connections from the "
    "outside.\r\n";

// Best effort: the client is about to be gone, and its socket's buffer is empty.
void say_and_forget(const Connection& client, std::string_view words) {
  send(client.fd.get(), words.data(), words.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

void Server::accept(std::unique_ptr<Connection> client) {
  if (clients_->size() >= static_cast<size_t>(config_.maxclients)) {
    say_and_forget(*client, kTooManyClients);
    statistics_.connections_rejected++;
    return;
  }
  if (config_.protected_mode && config_.requirepass.empty() && !client->local) {
    say_and_forget(*client, kProtectedMode);
    statistics_.connections_rejected++;
    return;
  }
  client->session.authenticated = config_.requirepass.empty();
  const Connection* added = clients_->add(std::move(client));
  if (added == nullptr) return log_.warning("Error registering fd event for the new client");
  statistics_.connections_received++;
  log_.verbose("Accepted {}", added->address);
}

// ---- settings ----

void Server::refresh_limits() {
  limits_.proto_max_bulk_len = config_.proto_max_bulk_len;
  limits_.lazyfree_lazy_user_flush = config_.lazyfree_lazy_user_flush;
  limits_.lazyfree_lazy_user_del = config_.lazyfree_lazy_user_del;
  // What was configured exists; what the environment names may not.
  limits_.collation = Collation::named(config_.locale_collate).value_or(Collation());
  keyspace_.set_encoding_limits(config_.encoding);
  const auto freeing = [](bool lazy) { return lazy ? store::Freeing::kLater : store::Freeing::kNow; };
  keyspace_.set_freeing({.expired = freeing(config_.lazyfree_lazy_expire),
                         .evicted = store::Freeing::kLater,  // within the slices of time that eviction has
                         .replaced = freeing(config_.lazyfree_lazy_server_del)});
  notifications_.configure(config_.notify_keyspace_events, keyspace_.events());

  const MaxMemoryPolicy policy = config_.maxmemory_policy;
  const bool lfu = policy == MaxMemoryPolicy::kAllKeysLfu || policy == MaxMemoryPolicy::kVolatileLfu;
  const bool lru = policy == MaxMemoryPolicy::kAllKeysLru || policy == MaxMemoryPolicy::kVolatileLru;
  limits_.integers_shared = config_.maxmemory == 0 || !(lru || lfu);

  store::AccessClock& access = keyspace_.access_clock();
  access.set_lfu(lfu);
  access.set_lfu_log_factor(static_cast<int>(config_.lfu_log_factor));
  access.set_lfu_decay_minutes(static_cast<int>(config_.lfu_decay_time_minutes));
}

void Server::register_config_hooks() {
  const auto also_refresh = [this](const ServerConfig&) -> Status {
    refresh_limits();
    refresh_gates();
    return {};
  };
  for (const std::string_view name : {"proto-max-bulk-len",
                                      "locale-collate",
                                      "lazyfree-lazy-user-flush",
                                      "lazyfree-lazy-user-del",
                                      "lazyfree-lazy-server-del",
                                      "lazyfree-lazy-expire",
                                      "lazyfree-lazy-eviction",
                                      "maxmemory-policy",
                                      "lfu-log-factor",
                                      "lfu-decay-time",
                                      "hash-max-listpack-entries",
                                      "hash-max-listpack-value",
                                      "set-max-intset-entries",
                                      "set-max-listpack-entries",
                                      "set-max-listpack-value",
                                      "zset-max-listpack-entries",
                                      "zset-max-listpack-value",
                                      "list-max-listpack-size",
                                      "hll-sparse-max-bytes",
                                      "requirepass",
                                      "maxmemory",
                                      "stop-writes-on-bgsave-error",
                                      "save",
                                      "notify-keyspace-events"}) {
    settings_.on_change(name, also_refresh);
  }
  // The log has the reason; the client gets Redis's sentence.
  const auto reopen = [this](std::string sentence) {
    return [this, sentence](const ServerConfig&) -> Status {
      if (listeners_->reopen_tcp()) return {};
      return fail(ErrorCode::kIo, sentence);
    };
  };
  for (const std::string_view name : {"maxmemory", "maxmemory-policy", "maxmemory-samples"}) {
    settings_.on_change(name, [this](const ServerConfig&) -> Status {
      eviction_->apply_settings();
      return {};
    });
  }
  settings_.on_change("port", reopen("Unable to listen on this port. Check server logs."));
  settings_.on_change("bind", reopen("Failed to bind to specified addresses."));
  const auto reopen_http = [this](const ServerConfig&) -> Status {
    if (http_->reopen()) return {};
    return fail(ErrorCode::kIo, "Unable to listen for HTTP. Check server logs.");
  };
  settings_.on_change("http-port", reopen_http);
  settings_.on_change("http-bind", reopen_http);
  settings_.on_change("loglevel", [this](const ServerConfig& values) -> Status {
    log_.set_level(values.loglevel);
    return {};
  });
  settings_.on_change("slowlog-max-len", [this](const ServerConfig&) -> Status {
    slowlog_->trim();
    return {};
  });
  const auto apply_oom_score = [this](const ServerConfig&) { return set_oom_score(); };
  settings_.on_change("oom-score-adj", apply_oom_score);
  settings_.on_change("oom-score-adj-values", apply_oom_score);
  settings_.on_change("maxclients", [this](const ServerConfig& values) -> Status {
    const int64_t fitting = adjust_open_files_limit(values.maxclients, log_);
    if (fitting >= values.maxclients) return {};
    return fail(ErrorCode::kLimit,
                fmt::format("The operating system is not able to handle the specified number of clients, try with {}",
                            fitting));
  });
}

Status Server::set_oom_score() {
  const auto applied = oom_score_.apply(config_.oom_score_adj, config_.oom_score_adj_values[kMasterOomScore]);
  if (applied) return {};
  log_.warning("{}", applied.error().message);
  return fail(ErrorCode::kIo, "Failed to apply new oom_score_adj configuration, check server logs.");
}

// ---- from start to end ----

int Server::run() {
  if (!fit_clients_to_system()) return 1;
  check_backlog(config_.tcp_backlog, log_);
  if (const Status opened = listeners_->open(); !opened) {
    if (opened.error().code == ErrorCode::kInvalidArgument) log_.warning("{}", opened.error().message);
    return 1;
  }
  if (!http_->open()) return 1;
  signals_ = std::make_unique<Signals>(*this);
  log_.notice("Server initialized");
  (void)set_oom_score();  // the log has the reason; it is no reason not to serve
  log_findings(check_system(gather_system_facts(), dataset_before_load(config_, oom_score_)), log_);
  observatory_->load_history();
  cron_->start();
  defragmenter_->start();
  if (const Status loaded = loading_->load_at_start(); !loaded) {
    return loaded.error().code == ErrorCode::kBusy ? 0 : 1;
  }
  sample_memory();
  memory_peaks_.used_at_startup = used_memory();
  announce();
  loop_->run(*pump_);
  say_goodbye();
  return shutdown_->exit_code();
}

bool Server::fit_clients_to_system() {
  const int64_t fitting = adjust_open_files_limit(config_.maxclients, log_);
  if (fitting <= 0) return false;
  if (fitting == config_.maxclients) return true;
  ServerConfig reduced = config_;
  reduced.maxclients = fitting;
  settings_.replace_values(std::move(reduced));
  return true;
}

void Server::announce() {
  if (listeners_->tcp_sockets() > 0) log_.notice("Ready to accept connections tcp");
  if (listeners_->has_unix_socket()) log_.notice("Ready to accept connections unix");
  if (http_->listening()) log_.notice("Ready to accept connections http, port {}", config_.http_port);
}

void Server::say_goodbye() {
  // Replies to those who are still there (the last SHUTDOWN has none) go out before the sockets close.
  clients_->for_each([this](Connection& client) { pump_->send_now(client); });
  // The listeners close first: who connects anew when its connection ends shall find nobody, instead of a queue that is
  // never served.
  listeners_->close();
  clients_->close_all();
  http_->close();
  log_.warning("Cowslip is now ready to exit, bye bye...");
}

}  // namespace cowslip::server
