// When the server was slow, and how long each command takes: LATENCY's memory.
//
// Events are spikes: a named thing (a command, a fork, an expiry cycle) that took at least latency-monitor-threshold
// milliseconds. The newest kSamples of each are kept, one per second, the worst of its second. Histograms count every
// execution of every command while latency-tracking is on. Event loop only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "commands/command_table.h"
#include "server/config.h"
#include "server/latency_histogram.h"

namespace cowslip::server {

// Names of the events this server has; they are Redis's.
namespace latency_event {
inline constexpr std::string_view kCommand = "command";
inline constexpr std::string_view kFastCommand = "fast-command";  // of a command that should be quick
inline constexpr std::string_view kFork = "fork";
inline constexpr std::string_view kExpireCycle = "expire-cycle";
inline constexpr std::string_view kExpireDelete = "expire-del";
}  // namespace latency_event

class LatencyMonitor {
 public:
  static constexpr size_t kSamples = 160;

  struct Sample {
    int64_t unix_seconds;
    int64_t duration_ms;
  };
  struct Event {
    int64_t worst_ms = 0;         // since the last reset
    std::vector<Sample> samples;  // oldest first, at most kSamples
  };

  // Both outlive the object.
  LatencyMonitor(const ServerConfig& config, const Clock& clock) : config_(config), clock_(clock) {}

  // Notes that `event` took so long, if that is long enough. Cheap when it is not.
  void add(std::string_view event, int64_t duration_us) {
    const int64_t threshold_ms = config_.latency_monitor_threshold_ms;
    if (threshold_ms > 0 && duration_us / 1000 >= threshold_ms) record(event, duration_us / 1000);
  }
  // After each execution: the histogram, and the event "command" or "fast-command".

  void add_command(const commands::Command& command, int64_t duration_us);

  const std::map<std::string, Event, std::less<>>& events() const { return events_; }
  const Event* find(std::string_view event) const;
  bool reset(std::string_view event);  // false when there was none
  size_t reset_all();

  // Null when the command was not executed since the last reset.
  const LatencyHistogram* histogram(const commands::Command& command) const;
  void reset_histograms();  // CONFIG RESETSTAT

 private:
  void record(std::string_view event, int64_t duration_ms);

  const ServerConfig& config_;
  const Clock& clock_;
  std::map<std::string, Event, std::less<>> events_;
  std::unordered_map<const commands::Command*, LatencyHistogram> histograms_;
  // The histogram used last: most commands follow one of their kind.
  const commands::Command* recent_command_ = nullptr;
  LatencyHistogram* recent_histogram_ = nullptr;
};

}  // namespace cowslip::server
