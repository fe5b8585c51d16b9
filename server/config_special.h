// The directives whose syntax is their own: setters and getters for the table in config_directives.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/config_directives.h"

namespace cowslip::server::special {

Status set_bind(ServerConfig& config, Words words);
std::string get_bind(const ServerConfig& config);

Status set_http_bind(ServerConfig& config, Words words);
std::string get_http_bind(const ServerConfig& config);

Status set_save(ServerConfig& config, Words words);
std::string get_save(const ServerConfig& config);
std::vector<std::string> save_lines(const ServerConfig& config);

Status set_output_buffer_limit(ServerConfig& config, Words words);
std::string get_output_buffer_limit(const ServerConfig& config);
std::vector<std::string> output_buffer_limit_lines(const ServerConfig& config);

Status set_oom_score_adj_values(ServerConfig& config, Words words);
std::string get_oom_score_adj_values(const ServerConfig& config);

Status set_shutdown_on_sigint(ServerConfig& config, Words words);
std::string get_shutdown_on_sigint(const ServerConfig& config);
Status set_shutdown_on_sigterm(ServerConfig& config, Words words);
std::string get_shutdown_on_sigterm(const ServerConfig& config);

Status set_percentiles(ServerConfig& config, Words words);
std::string get_percentiles(const ServerConfig& config);

Status set_unixsocketperm(ServerConfig& config, Words words);
std::string get_unixsocketperm(const ServerConfig& config);

Status set_maxmemory_clients(ServerConfig& config, Words words);
std::string get_maxmemory_clients(const ServerConfig& config);

Status set_snapshot_growth_limit(ServerConfig& config, Words words);
std::string get_snapshot_growth_limit(const ServerConfig& config);

Status set_maxmemory_policy(ServerConfig& config, Words words);
std::string get_maxmemory_policy(const ServerConfig& config);

Status set_hz(ServerConfig& config, Words words);
std::string get_hz(const ServerConfig& config);

Status set_keyspace_events(ServerConfig& config, Words words);
std::string get_keyspace_events(const ServerConfig& config);

// 0, or from 10 ms to 10 s.
Status set_timeline_interval(ServerConfig& config, Words words);
std::string get_timeline_interval(const ServerConfig& config);

Status set_dir(ServerConfig& config, Words words);
std::string get_dir(const ServerConfig& config);

Status check_file_name(std::string_view text);
Status check_title_template(std::string_view text);
Status check_locale(std::string_view name);

}  // namespace cowslip::server::special
