// The commands that took long, newest first: SLOWLOG's memory.
//
// Arguments are kept trimmed, as Redis trims them: at most kMaxArguments, each of at most kMaxArgumentBytes, so an
// entry is small whatever the command was. Event loop only.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"

namespace cowslip::server {

class Slowlog {
 public:
  static constexpr size_t kMaxArguments = 32;
  static constexpr size_t kMaxArgumentBytes = 128;

  struct Entry {
    uint64_t id;
    int64_t unix_seconds;
    int64_t duration_us;
    std::vector<std::string> arguments;
    std::string client_address;
    std::string client_name;
  };

  // Reads slowlog-log-slower-than and slowlog-max-len of `config`, which outlives the object.
  explicit Slowlog(const ServerConfig& config) : config_(config) {}

  // Whether a command that took so long belongs here. For the hot path: asked before anything is gathered.
  bool wants(int64_t duration_us) const {
    return config_.slowlog_log_slower_than_us >= 0 && duration_us >= config_.slowlog_log_slower_than_us &&
           config_.slowlog_max_len > 0;
  }
  // Keeps the command; secrets among its arguments are replaced (see redacted()).
  void add(std::span<const std::string_view> arguments, int64_t duration_us, int64_t unix_seconds,
           std::string_view client_address, std::string_view client_name);

  const std::deque<Entry>& entries() const { return entries_; }  // newest first
  void reset() { entries_.clear(); }
  // After slowlog-max-len became smaller.
  void trim();

 private:
  const ServerConfig& config_;
  std::deque<Entry> entries_;
  uint64_t next_id_ = 0;
};

// Whether the argument at `index` of the command is a secret that logs and MONITOR must show as kRedacted: passwords of
// AUTH and HELLO, values of CONFIG SET's secret directives.
bool is_secret(std::span<const std::string_view> arguments, size_t index);
inline constexpr std::string_view kRedacted = "(redacted)";

}  // namespace cowslip::server
