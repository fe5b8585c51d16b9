// INFO's sections about the process: server, clients, replication, cpu, modules, cluster, keyspace, cowslip.
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "persistence/rdb_format.h"
#include "server/blocked_clients.h"
#include "server/client_registry.h"
#include "server/config_store.h"
#include "server/cron.h"
#include "server/info.h"
#include "server/pause_control.h"
#include "server/server.h"

#define COWSLIP_STRINGIZE_(x) #x
#define COWSLIP_STRINGIZE(x) COWSLIP_STRINGIZE_(x)

namespace cowslip::server {
namespace {

constexpr std::string_view kCompiler =
    COWSLIP_STRINGIZE(__GNUC__) "." COWSLIP_STRINGIZE(__GNUC_MINOR__) "." COWSLIP_STRINGIZE(__GNUC_PATCHLEVEL__);
constexpr int64_t kSecondsPerDay = 86400;
constexpr int64_t kLruClockMask = (1 << 24) - 1;
constexpr std::string_view kNoReplicationId = "0000000000000000000000000000000000000000";

// Tells builds apart that are of the same version.
constexpr uint64_t build_id() {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : std::string_view(COWSLIP_VERSION " " __VERSION__)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
  return hash;
}

std::string operating_system() {
  utsname name{};
  return ::uname(&name) == 0 ? fmt::format("{} {} {}", name.sysname, name.release, name.machine) : "unknown";
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

void write_usage(InfoText& text, int who, std::string_view suffix) {
  rusage usage{};
  ::getrusage(who, &usage);
  text.field(fmt::format("used_cpu_sys{}", suffix), fmt::format("{:.6f}", seconds(usage.ru_stime)));
  text.field(fmt::format("used_cpu_user{}", suffix), fmt::format("{:.6f}", seconds(usage.ru_utime)));
}

void write_listeners(const ServerConfig& config, InfoText& text) {
  int number = 0;
  if (config.port != 0) {
    std::string binds;
    for (const std::string& address : config.bind) binds += fmt::format("bind={},", address);
    text.field(fmt::format("listener{}", number++), fmt::format("name=tcp,{}port={}", binds, config.port));
  }
  if (!config.unixsocket.empty()) {
    text.field(fmt::format("listener{}", number), fmt::format("name=unix,bind={}", config.unixsocket));
  }
}

// Redis counts those that wait for the end of a pause as blocked.
size_t postponed_clients(Server& server) {
  if (server.pauses().mode() == PauseControl::Mode::kNone) return 0;
  size_t count = 0;
  server.clients().for_each([&](const Connection& client) { count += client.postponed; });
  return count;
}

void write_build(InfoText& text) {
  text.field("redis_version", persistence::kRedisVersion);
  text.field("redis_git_sha1", "00000000");
  text.field("redis_git_dirty", 0);
  text.field("redis_build_id", fmt::format("{:x}", build_id()));
  text.field("redis_mode", "standalone");
  text.field("os", operating_system());
  text.field("arch_bits", sizeof(void*) * 8);
  text.field("monotonic_clock", "POSIX clock_gettime");
  text.field("multiplexing_api", "epoll");
  text.field("atomicvar_api", "c11-builtin");
  text.field("gcc_version", kCompiler);
}

}  // namespace

void info::write_server(Server& server, InfoText& text) {
  const int64_t now_us = server.clock().unix_us();
  text.section("Server");
  write_build(text);
  text.field("process_id", ::getpid());
  text.field("process_supervised", "no");
  text.field("run_id", server.run_id());
  text.field("tcp_port", server.config().port);
  text.field("server_time_usec", now_us);
  text.field("uptime_in_seconds", server.uptime_seconds());
  text.field("uptime_in_days", server.uptime_seconds() / kSecondsPerDay);
  text.field("hz", server.cron().hz());
  text.field("configured_hz", server.config().hz);
  text.field("lru_clock", (now_us / 1'000'000) & kLruClockMask);
  text.field("executable", server.launch().executable);
  text.field("config_file", server.settings().file());
  text.field("io_threads_active", 0);
  write_listeners(server.config(), text);
}

void info::write_clients(Server& server, InfoText& text) {
  const ClientMemory& memory = server.clients().memory();
  text.section("Clients");
  text.field("connected_clients", server.clients().size() - server.clients().replicas());
  text.field("cluster_connections", 0);
  text.field("maxclients", server.config().maxclients);
  text.field("client_recent_max_input_buffer", memory.largest_input_bytes);
  text.field("client_recent_max_output_buffer", memory.largest_output_bytes);
  const commands::KeyWaits& waits = server.dispatcher().key_waits();
  text.field("blocked_clients", waits.clients() + postponed_clients(server));
  text.field("tracking_clients", server.tracking().clients());
  text.field("clients_in_timeout_table", server.blocked().with_deadline());
  text.field("total_blocking_keys", waits.keys());
  text.field("total_blocking_keys_on_nokey", 0);
}

void info::write_replication(Server& server, InfoText& text) {
  text.section("Replication");
  text.field("role", "master");
  text.field("connected_slaves", server.clients().replicas());
  text.field("master_failover_state", "no-failover");
  text.field("master_replid", server.replication_id());
  text.field("master_replid2", kNoReplicationId);
  text.field("master_repl_offset", 0);
  text.field("second_repl_offset", -1);
  text.field("repl_backlog_active", 0);
  text.field("repl_backlog_size", server.settings().get("repl-backlog-size"));
  text.field("repl_backlog_first_byte_offset", 0);
  text.field("repl_backlog_histlen", 0);
}

void info::write_cpu(Server&, InfoText& text) {
  text.section("CPU");
  write_usage(text, RUSAGE_SELF, "");
  write_usage(text, RUSAGE_CHILDREN, "_children");
  write_usage(text, RUSAGE_THREAD, "_main_thread");
}

void info::write_modules(Server&, InfoText& text) {
  text.section("Modules");
}

void info::write_cluster(Server&, InfoText& text) {
  text.section("Cluster");
  text.field("cluster_enabled", 0);
}

void info::write_keyspace(Server& server, InfoText& text) {
  text.section("Keyspace");
  for (int number = 0; number < server.keyspace().count(); number++) {
    const store::Database& db = server.keyspace().database(number);
    if (db.size() == 0) continue;
    text.field(fmt::format("db{}", number),
               fmt::format("keys={},expires={},avg_ttl={}", db.size(), db.expires(), db.average_ttl_ms()));
  }
}

void info::write_cowslip(Server&, InfoText& text) {
  text.section("Cowslip");
  text.field("cowslip_version", COWSLIP_VERSION);
}

}  // namespace cowslip::server
