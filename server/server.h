// The server: owner of all parts, and what they know of each other.
//
// Parts are reached through the accessors below; each has a header of its own that says what it does. Nothing here is
// global: main() makes one Server, a test may make several. Everything is for the event loop's thread unless a part
// says otherwise. Lifetime of the parts: from the constructor's end to the destructor; handlers of commands may keep
// references to parts, never to connections.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/random.h"
#include "commands/command_table.h"
#include "commands/dispatcher.h"
#include "commands/host.h"
#include "commands/keyspace_notifications.h"
#include "commands/pub_sub.h"
#include "commands/tracking.h"
#include "server/message_delivery.h"
#include "server/oom_score.h"
#include "server/statistics.h"
#include "server/tracking_delivery.h"
#include "store/keyspace.h"

namespace cowslip::server {

class BlockedClients;
class ClientRegistry;
class CommandLatency;
class ConfigStore;
class Cron;
class Defragmenter;
class EventLoop;
class EvictionControl;
class HttpServer;
class LatencyMonitor;
class Listeners;
class Loading;
class MonitorFeed;
class Observatory;
class PauseControl;
class RequestPump;
class SaveControl;
class Shutdown;
class Signals;
class Slowlog;
class SnapshotFeed;
struct Connection;
struct ServerConfig;

// How the process was started; never changes.
struct LaunchInfo {
  std::string executable;  // absolute path, or as argv[0] had it
};

class Server final : public commands::Host, private commands::ExecutionObserver {
 public:
  // `settings` have been loaded from file and command line. Nothing is opened or loaded yet.
  Server(ConfigStore& settings, LaunchInfo launch, Logger& log, const Clock& clock);
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens, loads the snapshot, serves until shutdown. Returns the process's exit code.
  int run();

  // ---- parts ----
  ConfigStore& settings() { return settings_; }  // the server's hooks put changes into effect
  const ServerConfig& config() const { return config_; }
  const LaunchInfo& launch() const { return launch_; }
  Logger& log() { return log_; }
  store::Keyspace& keyspace() { return keyspace_; }
  commands::CommandTable& table() { return table_; }
  commands::Dispatcher& dispatcher() { return dispatcher_; }
  EventLoop& loop() { return *loop_; }
  ClientRegistry& clients() { return *clients_; }
  RequestPump& pump() { return *pump_; }
  Listeners& listeners() { return *listeners_; }
  HttpServer& http() { return *http_; }
  PauseControl& pauses() { return *pauses_; }
  BlockedClients& blocked() { return *blocked_; }
  MonitorFeed& monitors() { return *monitors_; }
  SaveControl& saves() { return *saves_; }
  Observatory& observatory() { return *observatory_; }
  SnapshotFeed& snapshot_feed() { return *snapshot_feed_; }  // SYNC
  Shutdown& shutdown() { return *shutdown_; }
  Loading& loading() { return *loading_; }
  Cron& cron() { return *cron_; }
  Defragmenter& defragmenter() { return *defragmenter_; }
  EvictionControl& eviction() { return *eviction_; }
  Slowlog& slowlog() { return *slowlog_; }
  const OomScore& oom_score() const { return oom_score_; }
  LatencyMonitor& latency() { return *latency_; }
  CommandLatency& command_latency() { return *command_latency_; }
  ServerStatistics& statistics() { return statistics_; }
  MemoryPeaks& memory_peaks() { return memory_peaks_; }

  // ---- facts for INFO ----
  const std::string& run_id() const { return run_id_; }                  // 40 hexadecimal digits
  const std::string& replication_id() const { return replication_id_; }  // 40 hexadecimal digits
  int64_t start_unix_us() const { return start_unix_us_; }
  int64_t uptime_seconds() const { return (clock_.unix_us() - start_unix_us_) / 1'000'000; }
  // Bytes in use: what the allocator has handed out, keys and values, indexes and expiry queues, and what chunks and
  // blocks are known by. Keys and values are exact, the rest is as of the last cron run.
  uint64_t used_memory() const;

  // ---- commands::Host ----
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  const commands::CommandLimits& limits() const override { return limits_; }
  const commands::CommandTable& commands() const override { return table_; }
  commands::PubSub& pub_sub() override { return pub_sub_; }
  void on_flush_all() override;
  commands::Tracking& tracking() { return tracking_; }

  // ---- clients ----
  // Runs one command for the client; the reply is appended by `reply`.
  void execute(Connection& client, std::span<const std::string_view> args, protocol::ReplyWriter& reply);
  // The same for a client that waited for a key, with the command that it waits in.
  void resume(Connection& client, protocol::ReplyWriter& reply);
  // Ends the client's wait with a reply: that nothing came, or `error`.
  void end_wait(Connection& client, protocol::ReplyWriter& reply, std::string_view error);
  // The client whose command runs now; null outside of one.
  Connection* current_client() { return current_client_; }
  // CLIENT TRACKING OFF: harmless when it is off.
  void stop_tracking(Connection& client);
  // Sends what client-side caching has to say of the turn of the loop that ends.
  void end_turn_of_tracking();
  // Ends the connection, wherever the client is known. Replies not yet sent are lost.
  void close_client(Connection& client);
  // CLIENT PAUSE is over: clients whose commands waited run them.
  void resume_paused_clients();
  // Brings the gates that differ from client to client up to date for this one.
  void refresh_client_gates(const Connection& client);

  // CONFIG RESETSTAT.
  void reset_statistics();

  // ---- the dataset as a whole ----
  // DEBUG RELOAD: saves (unless `save` is false), empties the dataset (unless `flush` is false), loads the file.
  Status reload_dataset(bool save, bool flush);

  // Brings dispatcher().gates() up to date with config, loading, memory and saves.
  void refresh_gates();
  // Takes a new exact figure for used_memory() and the peak. Microseconds to a millisecond; the cron calls it.
  void sample_memory();

 private:
  void register_config_hooks();
  Status set_oom_score();
  void accept(std::unique_ptr<Connection> client);
  void refresh_limits();
  void save_flushed();
  void save_after_exec();
  void remember_reads(const commands::Command& command, const commands::CommandContext& context);
  void end_command_of_tracking(Connection& client);
  void feed_monitors(const commands::Command& command, const commands::CommandContext& context);
  bool fit_clients_to_system();
  void announce();
  void say_goodbye();

  // False when the client has been closed, and is to run nothing more.
  bool begin_execution(Connection& client);
  void end_execution(Connection& client, protocol::ReplyWriter& reply);

  void before(const commands::Command& command, commands::CommandContext& context) override;
  void after(const commands::Command& command, commands::CommandContext& context, int64_t duration_us,
             bool failed) override;
  void on_error(std::string_view code) override;
  void on_wait(const commands::Command& command, commands::CommandContext& context) override;
  void on_abort(const commands::Command& command, commands::CommandContext& context) override;

  // Constant after construction.
  ConfigStore& settings_;
  const ServerConfig& config_;
  LaunchInfo launch_;
  Logger& log_;
  const Clock& clock_;
  std::string run_id_;
  std::string replication_id_;
  int64_t start_unix_us_;

  OomScore oom_score_;
  Random random_;
  commands::CommandLimits limits_;
  ServerStatistics statistics_;
  MemoryPeaks memory_peaks_;
  uint64_t used_beside_blocks_ = 0;  // the part of used_memory() that is not keys and values, at the last sample
  Connection* current_client_ = nullptr;
  // FLUSHALL or DEBUG RELOAD in a transaction: a snapshot holds all of it or nothing.
  bool save_after_exec_ = false;

  // The order is that of destruction reversed: connections go before the keyspace they look into.
  store::Keyspace keyspace_;
  MessageDelivery delivery_{*this};
  commands::PubSub pub_sub_{delivery_};
  commands::KeyspaceNotifications notifications_{pub_sub_};
  TrackingDelivery tracking_delivery_{*this, delivery_};
  commands::Tracking tracking_{keyspace_, tracking_delivery_};
  commands::CommandTable table_;
  commands::Dispatcher dispatcher_;
  std::unique_ptr<Slowlog> slowlog_;
  std::unique_ptr<LatencyMonitor> latency_;
  std::unique_ptr<CommandLatency> command_latency_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<RequestPump> pump_;
  std::unique_ptr<PauseControl> pauses_;
  std::unique_ptr<BlockedClients> blocked_;
  std::unique_ptr<MonitorFeed> monitors_;
  std::unique_ptr<ClientRegistry> clients_;
  std::unique_ptr<Listeners> listeners_;
  std::unique_ptr<SaveControl> saves_;
  std::unique_ptr<Observatory> observatory_;
  std::unique_ptr<SnapshotFeed> snapshot_feed_;
  std::unique_ptr<Loading> loading_;
  std::unique_ptr<Shutdown> shutdown_;
  std::unique_ptr<Cron> cron_;
  std::unique_ptr<Defragmenter> defragmenter_;
  std::unique_ptr<EvictionControl> eviction_;
  std::unique_ptr<HttpServer> http_;  // its handlers ask all others
  std::unique_ptr<Signals> signals_;  // once running
};

// The server a handler of this folder runs in. REQUIRES: the handler is registered with a Server's table only.
inline Server& server_of(commands::CommandContext& context) {
  return static_cast<Server&>(context.host);
}

// The command families of this folder. The first is this file's neighbours' (client, lifecycle, sync), the second that
// of server/admin/ (INFO, CONFIG, MEMORY, SLOWLOG, LATENCY, DEBUG, DUMP, RESTORE).
void add_server_commands(commands::CommandTable& table);
void add_admin_commands(commands::CommandTable& table);

}  // namespace cowslip::server
