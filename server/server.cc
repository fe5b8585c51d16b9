#include "server/server.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "memory/heap.h"
#include "server/blocked_clients.h"
#include "server/client_registry.h"
#include "server/command_latency.h"
#include "server/config.h"
#include "server/config_store.h"
#include "server/connection.h"
#include "server/cron.h"
#include "server/defragmenter.h"
#include "server/event_loop.h"
#include "server/eviction_control.h"
#include "server/http/http_server.h"
#include "server/latency_monitor.h"
#include "server/listeners.h"
#include "server/loading.h"
#include "server/monitor_feed.h"
#include "server/observatory.h"
#include "server/pause_control.h"
#include "server/request_pump.h"
#include "server/save_control.h"
#include "server/shutdown.h"
#include "server/signals.h"
#include "server/slowlog.h"
#include "server/snapshot_feed.h"

namespace cowslip::server {

namespace {

constexpr size_t kRunIdBytes = 20;

}  // namespace

Server::Server(ConfigStore& settings, LaunchInfo launch, Logger& log, const Clock& clock)
    : settings_(settings),
      config_(settings.values()),
      launch_(std::move(launch)),
      log_(log),
      clock_(clock),
      run_id_(os_random_hex(kRunIdBytes)),
      replication_id_(os_random_hex(kRunIdBytes)),
      start_unix_us_(clock.unix_us()),
      random_(os_random_u64()),
      keyspace_(static_cast<int>(config_.databases), os_random_u64()),
      dispatcher_(table_, keyspace_, *this, *this),
      slowlog_(std::make_unique<Slowlog>(config_)),
      latency_(std::make_unique<LatencyMonitor>(config_, clock_)),
      command_latency_(std::make_unique<CommandLatency>()),
      loop_(std::make_unique<EventLoop>(clock_, statistics_)),
      pump_(std::make_unique<RequestPump>(*this)),
      pauses_(std::make_unique<PauseControl>()),
      blocked_(std::make_unique<BlockedClients>(*this)),
      monitors_(std::make_unique<MonitorFeed>()),
      clients_(std::make_unique<ClientRegistry>(*this)),
      listeners_(std::make_unique<Listeners>(
          *loop_, config_, log_, [this](std::unique_ptr<Connection> client) { accept(std::move(client)); })),
      saves_(std::make_unique<SaveControl>(*this)),
      observatory_(std::make_unique<Observatory>(*this)),
      snapshot_feed_(std::make_unique<SnapshotFeed>(*this)),
      loading_(std::make_unique<Loading>(*this)),
      shutdown_(std::make_unique<Shutdown>(*this)),
      cron_(std::make_unique<Cron>(*this)),
      defragmenter_(std::make_unique<Defragmenter>(*this)),
      eviction_(std::make_unique<EvictionControl>(*this)),
      http_(std::make_unique<HttpServer>(*this)) {
  commands::add_data_commands(table_);
  add_server_commands(table_);
  add_admin_commands(table_);
  register_config_hooks();
  refresh_limits();
  refresh_gates();
  sample_memory();
  memory_peaks_.used_at_startup = used_memory();
  eviction_->apply_settings();
}

Server::~Server() = default;

// ---- clients ----

void Server::execute(Connection& client, std::span<const std::string_view> args, protocol::ReplyWriter& reply) {
  if (!begin_execution(client)) return;
  dispatcher_.execute(args, client.session, reply);
  end_execution(client, reply);
  if (dispatcher_.key_waits().has_news()) [[unlikely]]
    blocked_->attend(client);
}

void Server::resume(Connection& client, protocol::ReplyWriter& reply) {
  if (!begin_execution(client)) return;
  dispatcher_.resume(client.session, reply);
  end_execution(client, reply);
}

void Server::end_wait(Connection& client, protocol::ReplyWriter& reply, std::string_view error) {
  Connection* const unblocking = std::exchange(current_client_, &client);
  dispatcher_.end_wait(client.session, reply, error);
  current_client_ = unblocking;
}

bool Server::begin_execution(Connection& client) {
  // Evicting keys is not the client's doing; that they are gone it is told before the reply.
  if (config_.maxmemory != 0) dispatcher_.gates().out_of_memory = !eviction_->make_room();
  if (client.closed) [[unlikely]]
    return false;  // what eviction had to tell was too much for it
  current_client_ = &client;
  return true;
}

void Server::end_execution(Connection& client, protocol::ReplyWriter& reply) {
  if (tracking_.active()) [[unlikely]]
    end_command_of_tracking(client);
  if (delivery_.has_own()) [[unlikely]]
    reply.raw(delivery_.take_own());
  if (save_after_exec_ && !dispatcher_.in_exec()) [[unlikely]]
    save_after_exec();
  current_client_ = nullptr;
}

void Server::close_client(Connection& client) {
  if (client.closed) return;
  if (client.session.monitor) monitors_->remove(client);
  pub_sub_.leave(client.session);
  stop_tracking(client);
  snapshot_feed_->on_close(client);
  blocked_->forget(client);
  clients_->close(client);
}

void Server::stop_tracking(Connection& client) {
  if (std::exchange(client.tracker, nullptr) != nullptr) tracking_.stop(client.session.id);
}

// CLIENT CACHING is for the next command, or for all of a transaction.
void Server::end_command_of_tracking(Connection& client) {
  tracking_.after_command();
  tracking_.limit_keys(static_cast<size_t>(config_.tracking_table_max_keys));
  delivery_.delivered();
  commands::Tracker* const tracker = client.tracker;
  if (tracker == nullptr || !tracker->caching || client.session.transaction.open()) return;
  tracker->caching = client.session.last_command.starts_with("client|");
}

void Server::end_turn_of_tracking() {
  tracking_.end_of_turn();
  delivery_.delivered();
}

void Server::resume_paused_clients() {
  keyspace_.set_deletes_expired(true);
  clients_->for_each([this](Connection& client) {
    if (std::exchange(client.postponed, false)) pump_->run_later(client);
  });
  blocked_->serve();
}

// ---- observing ----

void Server::before(const commands::Command&, commands::CommandContext&) {}

void Server::after(const commands::Command& command, commands::CommandContext& context, int64_t duration_us,
                   bool /*failed*/) {
  statistics_.commands_processed++;
  if (tracking_.follows_reads()) [[unlikely]]
    remember_reads(command, context);
  // The time of a transaction's commands is in EXEC's.
  if (!dispatcher_.in_exec()) statistics_.loop_command_duration_us += static_cast<uint64_t>(duration_us);
  latency_->add_command(command, duration_us);
  if (slowlog_->wants(duration_us) && (command.spec->flags & commands::kSkipSlowlog) == 0) [[unlikely]] {
    slowlog_->add(context.args, duration_us, clock_.unix_us() / 1'000'000,
                  current_client_ ? current_client_->address : std::string(), context.session.name);
  }
  if (!monitors_->empty()) [[unlikely]] {
    const bool shown_before = context.session.wait != nullptr;
    if (!shown_before) feed_monitors(command, context);
  }
}

void Server::on_wait(const commands::Command& command, commands::CommandContext& context) {
  if (!monitors_->empty()) feed_monitors(command, context);
}

void Server::remember_reads(const commands::Command& command, const commands::CommandContext& context) {
  if (current_client_ == nullptr || current_client_->tracker == nullptr) return;
  if ((command.spec->flags & commands::kReadonly) == 0) return;
  tracking_.remember(*current_client_->tracker, *command.spec, context.args);
}

void Server::on_abort(const commands::Command& command, commands::CommandContext& context) {
  if (!monitors_->empty()) feed_monitors(command, context);
}

void Server::feed_monitors(const commands::Command& command, const commands::CommandContext& context) {
  if ((command.spec->flags & (commands::kSkipMonitor | commands::kAdmin)) != 0 || loading_->active()) return;
  std::vector<std::string_view> shown(context.args.begin(), context.args.end());
  for (size_t i = 0; i < shown.size(); i++) {
    if (is_secret(context.args, i)) shown[i] = kRedacted;
  }
  std::string address;
  if (current_client_ != nullptr) {
    address = current_client_->unix_socket ? "unix:" + config_.unixsocket : current_client_->address;
  }
  monitors_->feed(monitor_line(clock_.unix_us(), context.session.database, address, shown), *pump_);
}

void Server::on_error(std::string_view code) {
  statistics_.count_error(code);
}

// ---- memory and gates ----

uint64_t Server::used_memory() const {
  return used_beside_blocks_ + keyspace_.chunks().used_bytes();
}

void Server::sample_memory() {
  used_beside_blocks_ = memory::heap_statistics().allocated + keyspace_.overhead_bytes();
  memory_peaks_.used_peak = std::max(memory_peaks_.used_peak, used_memory());
  eviction_->sample_memory();
}

void Server::refresh_gates() {
  commands::Gates& gates = dispatcher_.gates();
  gates.authentication_required = !config_.requirepass.empty();
  gates.loading = loading_->active();
  if (config_.maxmemory == 0) gates.out_of_memory = false;  // otherwise execute() finds out
  gates.writes_stopped = saves_->writes_stopped();
}

void Server::refresh_client_gates(const Connection& client) {
  dispatcher_.gates().debug_allowed = config_.enable_debug_command == ProtectedAction::kYes ||
                                      (config_.enable_debug_command == ProtectedAction::kLocal && client.local);
}

void Server::reset_statistics() {
  statistics_ = {};
  table_.reset_statistics();
  keyspace_.statistics() = {};
  keyspace_.lazy_free().reset_freed();
  saves_->reset_statistics();
  latency_->reset_histograms();
  command_latency_->reset();
  eviction_->reset_statistics();
  memory_peaks_.used_peak = used_memory();
}

// ---- the dataset as a whole ----

void Server::on_flush_all() {
  saves_->end_child();
  if (config_.save.empty()) return;
  if (dispatcher_.in_exec()) {
    save_after_exec_ = true;
  } else {
    save_flushed();
  }
}

void Server::save_after_exec() {
  save_after_exec_ = false;
  save_flushed();
}

void Server::save_flushed() {
  // A failure has been logged and stops writes, if so configured; the flush itself has happened.
  [[maybe_unused]] const Status saved = saves_->save();
}

Status Server::reload_dataset(bool save, bool flush) {
  if (save) {
    const Status saved = saves_->save();
    if (!saved) return saved;
  }
  if (flush) keyspace_.flush_all(false);
  const Status loaded = loading_->load_now(!flush);
  // What it saved is half a transaction.
  if (save && dispatcher_.in_exec()) save_after_exec_ = true;
  return loaded;
}

}  // namespace cowslip::server
