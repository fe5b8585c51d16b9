// What the server counts, and what INFO shows of it. Plain numbers; event loop only.
//
// Counters of the keyspace (hits, expiries) are in store::KeyspaceStatistics, those of commands in
// commands::CommandStatistics, those of saves in SaveControl.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cowslip::server {

// The rate at which a growing counter grew lately: the mean of the last samples, taken by the cron every 100 ms.
class InstantaneousRate {
 public:
  // The counter stands at `total` now. Units per second. `now_us` never goes back.
  void sample(uint64_t total, int64_t now_us) { sample(total, static_cast<uint64_t>(now_us), 1'000'000); }
  // The growth of `total` for each unit that `base` grew, times `factor`.
  void sample(uint64_t total, uint64_t base, uint64_t factor) {
    if (base > last_base_ && total >= last_total_ && started_) {
      samples_[next_++ % samples_.size()] = (total - last_total_) * factor / (base - last_base_);
    }
    started_ = true;
    last_total_ = total;
    last_base_ = base;
  }
  uint64_t mean() const {
    uint64_t sum = 0;
    for (const uint64_t sample : samples_) sum += sample;
    return sum / samples_.size();
  }

 private:
  std::array<uint64_t, 16> samples_ = {};
  size_t next_ = 0;
  bool started_ = false;
  uint64_t last_total_ = 0;
  uint64_t last_base_ = 0;
};

// Set back to this state by CONFIG RESETSTAT.
struct ServerStatistics {
  // Connections and traffic.
  uint64_t connections_received = 0;
  uint64_t connections_rejected = 0;
  uint64_t net_input_bytes = 0;
  uint64_t net_output_bytes = 0;
  uint64_t net_replication_input_bytes = 0;
  uint64_t net_replication_output_bytes = 0;
  uint64_t reads_processed = 0;
  uint64_t writes_processed = 0;
  uint64_t reply_buffer_shrinks = 0;
  uint64_t reply_buffer_expands = 0;
  uint64_t query_buffer_limit_disconnections = 0;
  uint64_t output_buffer_limit_disconnections = 0;
  uint64_t sync_full = 0;

  // Commands.
  uint64_t commands_processed = 0;
  uint64_t error_replies = 0;             // total_error_replies
  uint64_t unexpected_error_replies = 0;  // errors on a replication link, of which there are none yet
  uint64_t access_denied_auth = 0;        // acl_access_denied_auth
  uint64_t access_denied_command = 0;     // acl_access_denied_cmd
  uint64_t dump_payload_sanitizations = 0;
  uint64_t evicted_keys = 0;
  uint64_t evicted_clients = 0;

  // The event loop: iterations, the time they took without the wait, and the part of it spent in commands.
  uint64_t loop_cycles = 0;
  uint64_t loop_duration_us = 0;
  uint64_t loop_command_duration_us = 0;

  // Error replies by their first word ("ERR"), at most kMaxErrorCodes of them: clients can make up words.
  static constexpr size_t kMaxErrorCodes = 128;
  std::map<std::string, uint64_t, std::less<>> errors;

  InstantaneousRate commands_rate;            // instantaneous_ops_per_sec
  InstantaneousRate net_input_rate;           // bytes per second
  InstantaneousRate net_output_rate;          // bytes per second
  InstantaneousRate loop_cycles_rate;         // instantaneous_eventloop_cycles_per_sec
  InstantaneousRate loop_duration_per_cycle;  // instantaneous_eventloop_duration_usec

  void count_error(std::string_view code) {
    ++error_replies;
    if (auto found = errors.find(code); found != errors.end()) {
      ++found->second;
    } else if (errors.size() < kMaxErrorCodes) {
      errors.emplace(code, 1);
    }
  }
};

// The memory the process took at its worst and at its start. Kept through CONFIG RESETSTAT, except the peak.
struct MemoryPeaks {
  uint64_t used_peak = 0;
  uint64_t used_at_startup = 0;
};

}  // namespace cowslip::server
