#include "server/config_directives.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <climits>
#include <vector>

#include "base/numbers.h"
#include "base/text.h"
#include "server/config_parser.h"
#include "server/config_special.h"

namespace cowslip::server {
namespace {

using C = ServerConfig;
using E = EncodingLimits;
using enum ProtectedAction;

constexpr int64_t kUnsignedMax = UINT_MAX;
constexpr int64_t kLongMax = INT64_MAX;
constexpr uint64_t kMebibyte = 1 << 20;
constexpr uint64_t kSmallestHistory = 64 << 10;  // room for a few dozen short saves

std::unexpected<Error> refuse(std::string message) {
  return fail(ErrorCode::kInvalidArgument, std::move(message));
}

// ---- values with names ----

template <typename T>
struct Named {
  std::string_view name;
  T value;
};

constexpr Named<LogLevel> kLogLevels[] = {{"debug", LogLevel::kDebug},
                                          {"verbose", LogLevel::kVerbose},
                                          {"notice", LogLevel::kNotice},
                                          {"warning", LogLevel::kWarning},
                                          {"nothing", LogLevel::kNothing}};
constexpr Named<OomScoreMode> kOomScoreModes[] = {{"no", OomScoreMode::kNo},
                                                  {"yes", OomScoreMode::kRelative},
                                                  {"relative", OomScoreMode::kRelative},
                                                  {"absolute", OomScoreMode::kAbsolute}};
constexpr Named<ProtectedAction> kProtectedActions[] = {{"no", kNo}, {"yes", kYes}, {"local", kLocal}};

template <auto Field, auto& Names>
Status set_named(ServerConfig& config, Words words) {
  std::string all;
  for (const auto& named : Names) {
    if (equals_ignore_case(words[0], named.name)) {
      config.*Field = named.value;
      return {};
    }
    all += fmt::format("{}{}", all.empty() ? "" : ", ", named.name);
  }
  return refuse("argument(s) must be one of the following: " + all);
}

template <auto Field, auto& Names>
std::string get_named(const ServerConfig& config) {
  return std::string(std::ranges::find(Names, config.*Field, [](const auto& named) { return named.value; })->name);
}

template <auto Field, auto& Names>
constexpr CustomSetting named() {
  return {set_named<Field, Names>, get_named<Field, Names>};
}

constexpr Directive yes_no(std::string_view name, bool C::* field, uint32_t flags = 0) {
  return {name, "", flags, BoolSetting{field}};
}
constexpr Directive integer(std::string_view name, int64_t C::* field, int64_t min, int64_t max, uint32_t flags = 0) {
  return {name, "", flags, IntegerSetting{field, min, max}};
}
constexpr Directive text(std::string_view name, std::string C::* field, uint32_t flags = 0,
                         Status (*check)(std::string_view) = nullptr) {
  return {name, "", flags, TextSetting{field, check}};
}
constexpr Directive encoding(std::string_view name, int64_t E::* field, int64_t min = 0, int64_t max = kLongMax,
                             std::string_view alias = "", bool memory = false) {
  return {name, alias, 0, EncodingSetting{field, min, max, memory}};
}
constexpr Directive dormant(std::string_view name, std::string_view initial, std::string_view alias = "",
                            uint32_t flags = 0) {
  return {name, alias, flags, DormantSetting{initial}};
}
constexpr Directive absent(std::string_view name, std::string_view off, std::string_view alias = "",
                           uint32_t flags = 0) {
  return {name, alias, flags, AbsentSetting{off}};
}

constexpr Directive kDirectives[] = {
    // Network.
    {"bind", "", kMultiWord, CustomSetting{special::set_bind, special::get_bind}},
    text("bind-source-addr", &C::bind_source_addr),
    integer("port", &C::port, 0, 65535),
    text("unixsocket", &C::unixsocket, kImmutable),
    {"unixsocketperm", "", kImmutable, CustomSetting{special::set_unixsocketperm, special::get_unixsocketperm}},
    integer("tcp-backlog", &C::tcp_backlog, 0, INT_MAX, kImmutable),
    integer("tcp-keepalive", &C::tcp_keepalive_seconds, 0, INT_MAX),
    integer("timeout", &C::timeout_seconds, 0, INT_MAX),
    integer("maxclients", &C::maxclients, 1, kUnsignedMax),
    yes_no("protected-mode", &C::protected_mode),
    text("requirepass", &C::requirepass, kSensitive),
    {"proto-max-bulk-len", "", 0, MemorySetting{&C::proto_max_bulk_len, kMebibyte, kLongMax}},
    {"client-query-buffer-limit", "", 0, MemorySetting{&C::client_query_buffer_limit, kMebibyte, kLongMax}},
    {"client-output-buffer-limit", "", kMultiWord | kRepeatable,
     CustomSetting{special::set_output_buffer_limit, special::get_output_buffer_limit,
                   special::output_buffer_limit_lines}},
    integer("io-threads", &C::io_threads, 1, 128, kImmutable),
    yes_no("io-threads-do-reads", &C::io_threads_do_reads, kImmutable),
    integer("socket-mark-id", &C::socket_mark_id, 0, kUnsignedMax, kImmutable),
    integer("http-port", &C::http_port, 0, 65535),
    {"http-bind", "", kMultiWord, CustomSetting{special::set_http_bind, special::get_http_bind}},

    // The process.
    integer("databases", &C::databases, 1, INT_MAX, kImmutable),
    {"hz", "", 0, CustomSetting{special::set_hz, special::get_hz}},
    yes_no("dynamic-hz", &C::dynamic_hz),
    yes_no("daemonize", &C::daemonize, kImmutable),
    text("pidfile", &C::pidfile, kImmutable),
    {"loglevel", "", 0, named<&C::loglevel, kLogLevels>()},
    text("logfile", &C::logfile, kImmutable),
    yes_no("always-show-logo", &C::always_show_logo, kImmutable),
    yes_no("set-proc-title", &C::set_proc_title, kImmutable),
    text("proc-title-template", &C::proc_title_template, 0, special::check_title_template),
    text("locale-collate", &C::locale_collate, 0, special::check_locale),
    yes_no("disable-thp", &C::disable_thp, kImmutable),
    {"oom-score-adj", "", 0, named<&C::oom_score_adj, kOomScoreModes>()},
    {"oom-score-adj-values", "", kMultiWord,
     CustomSetting{special::set_oom_score_adj_values, special::get_oom_score_adj_values}},
    integer("shutdown-timeout", &C::shutdown_timeout_seconds, 0, INT_MAX),
    {"shutdown-on-sigint", "", kMultiWord,
     CustomSetting{special::set_shutdown_on_sigint, special::get_shutdown_on_sigint}},
    {"shutdown-on-sigterm", "", kMultiWord,
     CustomSetting{special::set_shutdown_on_sigterm, special::get_shutdown_on_sigterm}},
    yes_no("crash-log-enabled", &C::crash_log_enabled),
    yes_no("crash-memcheck-enabled", &C::crash_memcheck_enabled),
    text("ignore-warnings", &C::ignore_warnings),
    {"enable-debug-command", "", kImmutable, named<&C::enable_debug_command, kProtectedActions>()},
    {"enable-protected-configs", "", kImmutable, named<&C::enable_protected_configs, kProtectedActions>()},
    {"enable-module-command", "", kImmutable, named<&C::enable_module_command, kProtectedActions>()},

    // Snapshots.
    {"dir", "", kProtected, CustomSetting{special::set_dir, special::get_dir}},
    text("dbfilename", &C::dbfilename, kProtected, special::check_file_name),
    {"save", "", kMultiWord | kRepeatable, CustomSetting{special::set_save, special::get_save, special::save_lines}},
    yes_no("stop-writes-on-bgsave-error", &C::stop_writes_on_bgsave_error),
    yes_no("rdbcompression", &C::rdbcompression),
    yes_no("rdbchecksum", &C::rdbchecksum, kImmutable),
    yes_no("rdb-save-incremental-fsync", &C::rdb_save_incremental_fsync),
    yes_no("rdb-del-sync-files", &C::rdb_del_sync_files),
    yes_no("rdb-skip-unknown-types", &C::rdb_skip_unknown_types),
    integer("rdb-key-save-delay", &C::rdb_key_save_delay_us, INT_MIN, INT_MAX),
    yes_no("snapshot-guard", &C::snapshot_guard),
    {"snapshot-growth-limit", "", 0,
     CustomSetting{special::set_snapshot_growth_limit, special::get_snapshot_growth_limit}},
    {"snapshot-memory-reserve", "", 0, MemorySetting{&C::snapshot_memory_reserve, 0, kLongMax}},
    integer("key-load-delay", &C::key_load_delay_us, INT_MIN, INT_MAX),
    integer("loading-process-events-interval-bytes", &C::loading_process_events_interval_bytes, 1024, INT_MAX),

    {"snapshot-timeline-interval", "", 0,
     CustomSetting{special::set_timeline_interval, special::get_timeline_interval}},
    integer("snapshot-history-length", &C::snapshot_history_length, 1, 1024),
    yes_no("snapshot-history-file", &C::snapshot_history_file),
    {"snapshot-history-max-bytes", "", 0, MemorySetting{&C::snapshot_history_max_bytes, kSmallestHistory, kLongMax}},

    // Memory and keys.
    {"maxmemory", "", 0, MemorySetting{&C::maxmemory, 0, UINT64_MAX}},
    {"maxmemory-policy", "", 0, CustomSetting{special::set_maxmemory_policy, special::get_maxmemory_policy}},
    integer("maxmemory-samples", &C::maxmemory_samples, 1, INT_MAX),
    integer("maxmemory-eviction-tenacity", &C::maxmemory_eviction_tenacity, 0, 100),
    {"maxmemory-clients", "", 0, CustomSetting{special::set_maxmemory_clients, special::get_maxmemory_clients}},
    integer("lfu-log-factor", &C::lfu_log_factor, 0, INT_MAX),
    integer("lfu-decay-time", &C::lfu_decay_time_minutes, 0, INT_MAX),
    integer("active-expire-effort", &C::active_expire_effort, 1, 10),
    yes_no("activerehashing", &C::activerehashing),
    yes_no("activedefrag", &C::activedefrag),
    {"active-defrag-ignore-bytes", "", 0, MemorySetting{&C::active_defrag_ignore_bytes, 1, UINT64_MAX}},
    integer("active-defrag-threshold-lower", &C::active_defrag_threshold_lower, 0, 1000),
    integer("active-defrag-threshold-upper", &C::active_defrag_threshold_upper, 0, 1000),
    integer("active-defrag-cycle-min", &C::active_defrag_cycle_min, 1, 99),
    integer("active-defrag-cycle-max", &C::active_defrag_cycle_max, 1, 99),
    yes_no("lazyfree-lazy-eviction", &C::lazyfree_lazy_eviction),
    yes_no("lazyfree-lazy-expire", &C::lazyfree_lazy_expire),
    yes_no("lazyfree-lazy-server-del", &C::lazyfree_lazy_server_del),
    yes_no("lazyfree-lazy-user-del", &C::lazyfree_lazy_user_del),
    yes_no("lazyfree-lazy-user-flush", &C::lazyfree_lazy_user_flush),
    encoding("hash-max-listpack-entries", &E::hash_max_listpack_entries, 0, kLongMax, "hash-max-ziplist-entries"),
    encoding("hash-max-listpack-value", &E::hash_max_listpack_value, 0, kLongMax, "hash-max-ziplist-value", true),
    encoding("set-max-intset-entries", &E::set_max_intset_entries),
    encoding("set-max-listpack-entries", &E::set_max_listpack_entries),
    encoding("set-max-listpack-value", &E::set_max_listpack_value, 0, kLongMax, "", true),
    encoding("zset-max-listpack-entries", &E::zset_max_listpack_entries, 0, kLongMax, "zset-max-ziplist-entries"),
    encoding("zset-max-listpack-value", &E::zset_max_listpack_value, 0, kLongMax, "zset-max-ziplist-value", true),
    encoding("list-max-listpack-size", &E::list_max_listpack_size, INT_MIN, INT_MAX, "list-max-ziplist-size"),
    encoding("list-compress-depth", &E::list_compress_depth, 0, INT_MAX),
    encoding("hll-sparse-max-bytes", &E::hll_sparse_max_bytes, 0, kLongMax, "", true),
    encoding("stream-node-max-bytes", &E::stream_node_max_bytes, 0, kLongMax, "", true),
    encoding("stream-node-max-entries", &E::stream_node_max_entries),

    // Observation.
    integer("slowlog-log-slower-than", &C::slowlog_log_slower_than_us, -1, kLongMax),
    integer("slowlog-max-len", &C::slowlog_max_len, 0, kLongMax),
    integer("latency-monitor-threshold", &C::latency_monitor_threshold_ms, 0, kLongMax),
    yes_no("latency-tracking", &C::latency_tracking),
    {"latency-tracking-info-percentiles", "", kMultiWord,
     CustomSetting{special::set_percentiles, special::get_percentiles}},
    {"notify-keyspace-events", "", 0, CustomSetting{special::set_keyspace_events, special::get_keyspace_events}},
    integer("tracking-table-max-keys", &C::tracking_table_max_keys, 0, kLongMax),
    integer("acllog-max-len", &C::acllog_max_len, 0, kLongMax),
    {"busy-reply-threshold", "lua-time-limit", 0, IntegerSetting{&C::busy_reply_threshold_ms, 0, kLongMax}},

    // What would start something that this version does not have.
    absent("appendonly", "no"),
    absent("replicaof", "", "slaveof", kImmutable | kMultiWord),
    absent("cluster-enabled", "no", "", kImmutable),
    absent("supervised", "no", "", kImmutable),
    absent("syslog-enabled", "no", "", kImmutable),
    absent("aclfile", "", "", kImmutable),
    absent("tls-port", "0"),
    absent("tls-cluster", "no"),
    absent("tls-replication", "no"),
    absent("cluster-port", "0", "", kImmutable),

    // Settings of what this version does not have: harmless, kept for a version that does.
    dormant("acl-pubsub-default", "resetchannels"),
    dormant("active-defrag-max-scan-fields", "1000"),
    dormant("aof-disable-auto-gc", "no"),
    dormant("aof-load-truncated", "yes"),
    dormant("aof-rewrite-incremental-fsync", "yes"),
    dormant("aof-timestamp-enabled", "no"),
    dormant("aof-use-rdb-preamble", "yes"),
    dormant("aof_rewrite_cpulist", "", "aof-rewrite-cpulist", kImmutable),
    dormant("appenddirname", "appendonlydir", "", kImmutable),
    dormant("appendfilename", "appendonly.aof", "", kImmutable),
    dormant("appendfsync", "everysec"),
    dormant("auto-aof-rewrite-min-size", "67108864"),
    dormant("auto-aof-rewrite-percentage", "100"),
    dormant("bgsave_cpulist", "", "bgsave-cpulist", kImmutable),
    dormant("bio_cpulist", "", "bio-cpulist", kImmutable),
    dormant("cluster-allow-pubsubshard-when-down", "yes"),
    dormant("cluster-allow-reads-when-down", "no"),
    dormant("cluster-allow-replica-migration", "yes"),
    dormant("cluster-announce-bus-port", "0"),
    dormant("cluster-announce-hostname", ""),
    dormant("cluster-announce-human-nodename", ""),
    dormant("cluster-announce-ip", ""),
    dormant("cluster-announce-port", "0"),
    dormant("cluster-announce-tls-port", "0"),
    dormant("cluster-config-file", "nodes.conf", "", kImmutable),
    dormant("cluster-link-sendbuf-limit", "0"),
    dormant("cluster-migration-barrier", "1"),
    dormant("cluster-node-timeout", "15000"),
    dormant("cluster-preferred-endpoint-type", "ip"),
    dormant("cluster-replica-no-failover", "no", "cluster-slave-no-failover"),
    dormant("cluster-replica-validity-factor", "10", "cluster-slave-validity-factor"),
    dormant("cluster-require-full-coverage", "yes"),
    dormant("jemalloc-bg-thread", "yes"),
    dormant("masterauth", "", "", kSensitive),
    dormant("masteruser", "", "", kSensitive),
    dormant("min-replicas-max-lag", "10", "min-slaves-max-lag"),
    dormant("min-replicas-to-write", "0", "min-slaves-to-write"),
    dormant("no-appendfsync-on-rewrite", "no"),
    dormant("propagation-error-behavior", "ignore"),
    dormant("repl-backlog-size", "1048576"),
    dormant("repl-backlog-ttl", "3600"),
    dormant("repl-disable-tcp-nodelay", "no"),
    dormant("repl-diskless-load", "disabled"),
    dormant("repl-diskless-sync", "yes"),
    dormant("repl-diskless-sync-delay", "5"),
    dormant("repl-diskless-sync-max-replicas", "0"),
    dormant("repl-ping-replica-period", "10", "repl-ping-slave-period"),
    dormant("repl-timeout", "60"),
    dormant("replica-announce-ip", "", "slave-announce-ip"),
    dormant("replica-announce-port", "0", "slave-announce-port"),
    dormant("replica-announced", "yes"),
    dormant("replica-ignore-disk-write-errors", "no"),
    dormant("replica-ignore-maxmemory", "yes", "slave-ignore-maxmemory"),
    dormant("replica-lazy-flush", "no", "slave-lazy-flush"),
    dormant("replica-priority", "100", "slave-priority"),
    dormant("replica-read-only", "yes", "slave-read-only"),
    dormant("replica-serve-stale-data", "yes", "slave-serve-stale-data"),
    dormant("sanitize-dump-payload", "no"),
    dormant("server_cpulist", "", "server-cpulist", kImmutable),
    dormant("syslog-facility", "local0", "", kImmutable),
    dormant("syslog-ident", "redis", "", kImmutable),
    dormant("tls-auth-clients", "yes"),
    dormant("tls-ca-cert-dir", ""),
    dormant("tls-ca-cert-file", ""),
    dormant("tls-cert-file", ""),
    dormant("tls-ciphers", ""),
    dormant("tls-ciphersuites", ""),
    dormant("tls-client-cert-file", ""),
    dormant("tls-client-key-file", ""),
    dormant("tls-client-key-file-pass", "", "", kSensitive),
    dormant("tls-dh-params-file", ""),
    dormant("tls-key-file", ""),
    dormant("tls-key-file-pass", "", "", kSensitive),
    dormant("tls-prefer-server-ciphers", "no"),
    dormant("tls-protocols", ""),
    dormant("tls-session-cache-size", "20480"),
    dormant("tls-session-cache-timeout", "300"),
    dormant("tls-session-caching", "yes"),
};

// ---- text to value ----

Status between(int64_t value, int64_t min, int64_t max) {
  if (value >= min && value <= max) return {};
  return refuse(fmt::format("argument must be between {} and {} inclusive", min, max));
}

Status store_integer(int64_t& into, const std::string& word, int64_t min, int64_t max) {
  const auto value = parse_int64(word);
  if (!value) return refuse("argument couldn't be parsed into an integer");
  if (auto fits = between(*value, min, max); !fits) return fits;
  into = *value;
  return {};
}

Status set(const BoolSetting& setting, const Directive&, ServerConfig& config, Words words) {
  const bool yes = equals_ignore_case(words[0], "yes");
  if (!yes && !equals_ignore_case(words[0], "no")) return refuse("argument must be 'yes' or 'no'");
  config.*setting.field = yes;
  return {};
}

Status set(const IntegerSetting& setting, const Directive&, ServerConfig& config, Words words) {
  return store_integer(config.*setting.field, words[0], setting.min, setting.max);
}

Status set(const EncodingSetting& setting, const Directive&, ServerConfig& config, Words words) {
  int64_t& field = config.encoding.*setting.field;
  if (!setting.memory) return store_integer(field, words[0], setting.min, setting.max);
  const auto bytes = parse_memory(words[0]);
  if (!bytes || *bytes > INT64_MAX) return refuse("argument must be a memory value");
  if (auto fits = between(static_cast<int64_t>(*bytes), setting.min, setting.max); !fits) return fits;
  field = static_cast<int64_t>(*bytes);
  return {};
}

Status set(const MemorySetting& setting, const Directive&, ServerConfig& config, Words words) {
  const auto bytes = parse_memory(words[0]);
  if (!bytes) return refuse("argument must be a memory value");
  if (*bytes < setting.min || *bytes > setting.max) {
    return refuse(fmt::format("argument must be between {} and {} inclusive", setting.min, setting.max));
  }
  config.*setting.field = *bytes;
  return {};
}

Status set(const TextSetting& setting, const Directive&, ServerConfig& config, Words words) {
  if (setting.check != nullptr) {
    if (auto good = setting.check(words[0]); !good) return good;
  }
  config.*setting.field = words[0];
  return {};
}

Status set(const CustomSetting& setting, const Directive&, ServerConfig& config, Words words) {
  return setting.set(config, words);
}

Status set(const DormantSetting&, const Directive& directive, ServerConfig& config, Words words) {
  config.dormant.insert_or_assign(std::string(directive.name), words[0]);
  return {};
}

Status set(const AbsentSetting& setting, const Directive& directive, ServerConfig&, Words words) {
  const std::string text = fmt::format("{}", fmt::join(words, " "));
  if (equals_ignore_case(text, setting.off)) return {};
  if (directive.name == "replicaof" && equals_ignore_case(text, "no one")) return {};
  return fail(ErrorCode::kUnsupported,
              fmt::format("{} is not supported in this version, it can only be '{}'", directive.name, setting.off));
}

// ---- value to text ----

std::string show(const BoolSetting& setting, const Directive&, const ServerConfig& config) {
  return config.*setting.field ? "yes" : "no";
}
std::string show(const IntegerSetting& setting, const Directive&, const ServerConfig& config) {
  return std::to_string(config.*setting.field);
}
std::string show(const EncodingSetting& setting, const Directive&, const ServerConfig& config) {
  return std::to_string(config.encoding.*setting.field);
}
std::string show(const MemorySetting& setting, const Directive&, const ServerConfig& config) {
  return std::to_string(config.*setting.field);
}
std::string show(const TextSetting& setting, const Directive&, const ServerConfig& config) {
  return config.*setting.field;
}
std::string show(const CustomSetting& setting, const Directive&, const ServerConfig& config) {
  return setting.get(config);
}
std::string show(const DormantSetting& setting, const Directive& directive, const ServerConfig& config) {
  const auto kept = config.dormant.find(directive.name);
  return kept == config.dormant.end() ? std::string(setting.initial) : kept->second;
}
std::string show(const AbsentSetting& setting, const Directive&, const ServerConfig&) {
  return std::string(setting.off);
}

}  // namespace

std::span<const Directive> all_directives() {
  return kDirectives;
}

const Directive* find_directive(std::string_view name) {
  const auto found = std::ranges::find_if(kDirectives, [&](const Directive& directive) {
    return equals_ignore_case(directive.name, name) ||
           (!directive.alias.empty() && equals_ignore_case(directive.alias, name));
  });
  return found == std::end(kDirectives) ? nullptr : found;
}

Status set_directive(const Directive& directive, ServerConfig& config, Words words) {
  if (!directive.is(kMultiWord) && words.size() != 1) return refuse("wrong number of arguments");
  return std::visit([&](const auto& setting) { return set(setting, directive, config, words); }, directive.setting);
}

std::string directive_text(const Directive& directive, const ServerConfig& config) {
  return std::visit([&](const auto& setting) { return show(setting, directive, config); }, directive.setting);
}

std::vector<std::string> directive_lines(const Directive& directive, const ServerConfig& config) {
  const auto* custom = std::get_if<CustomSetting>(&directive.setting);
  std::vector<std::string> lines;
  if (custom != nullptr && custom->lines != nullptr) {
    lines = custom->lines(config);
  } else {
    const std::string text = directive_text(directive, config);
    lines = {directive.is(kMultiWord) && !text.empty() ? text : quoted_if_needed(text)};
  }
  for (std::string& line : lines) line = fmt::format("{} {}", directive.name, line);
  return lines;
}

}  // namespace cowslip::server
