// When the server was slow, and how long each command takes: LATENCY's memory.
//
// Events are spikes: a named thing (a command, a fork, an expiry cycle) that took at least latency-monitor-threshold
// milliseconds. The newest kSamples of each are kept, one per second, the worst of its second. Histograms count every
// execution of every command while latency-tracking is on, those inside of a save (a child is alive when the command
// ends) apart from those outside. What clients waited for their replies is in command_latency.h. Event loop only.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "commands/command_table.h"
#include "server/config.h"
#include "server/latency_histogram.h"
#include "server/page_fault_stall.h"

namespace cowslip::server {

// Names of the events this server has. Those that Redis has too mean the same.
//
// Redis's others do not apply: there is no AOF, no module; serving a client that waited for a key counts as its
// command. "expire-del" (one expired key deleted) is never long here, for what is large is given back by another
// thread.
namespace latency_event {
inline constexpr std::string_view kCommand = "command";
inline constexpr std::string_view kFastCommand = "fast-command";  // of a command that should be quick
inline constexpr std::string_view kFork = "fork";
inline constexpr std::string_view kExpireCycle = "expire-cycle";
inline constexpr std::string_view kEvictionCycle = "eviction-cycle";  // one slice of making room
inline constexpr std::string_view kEvictionDel = "eviction-del";      // one key of it
inline constexpr std::string_view kActiveDefragCycle = "active-defrag-cycle";
inline constexpr std::string_view kWhileBlockedCron = "while-blocked-cron";     // the cron between two steps of loading
inline constexpr std::string_view kRdbUnlinkTempFile = "rdb-unlink-temp-file";  // of a child that was killed
// Ours: what the event loop itself does for RDB files, and what saves do to it.
inline constexpr std::string_view kRdbSave = "rdb-save";                 // SAVE, DEBUG RELOAD, at shutdown: all of it
inline constexpr std::string_view kRdbFsync = "rdb-fsync";               // its part of that
inline constexpr std::string_view kRdbRename = "rdb-rename";             // its part of that
inline constexpr std::string_view kRdbLoad = "rdb-load";                 // loading, as long as nobody is served
inline constexpr std::string_view kPageFaultStall = "page-fault-stall";  // page_fault_stall.h
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

  // Both outlive the object. `usage`: the seam for tests of page-fault-stall.
  LatencyMonitor(const ServerConfig& config, const Clock& clock, std::function<ThreadUsage()> usage = read_thread_usage)
      : config_(config), clock_(clock), stalls_(std::move(usage)) {}

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

  // Execution times since the last reset, in and out of saves together; none when the command was not executed.
  std::optional<LatencyHistogram> histogram(const commands::Command& command) const;
  // Those inside, or outside, of saves; null when there are none.
  const LatencyHistogram* histogram(const commands::Command& command, bool inside_save) const;
  // Of all commands together. 24 KB are summed for each command that was executed: for INFO, not for every request.
  LatencyHistogram executions(bool inside_save) const;
  void reset_histograms();  // CONFIG RESETSTAT

  // ---- from the loop and the saves ----
  void set_child_alive(bool alive);
  // A wait has ended.
  void on_wake() { stalls_.on_wake(child_alive_ && config_.latency_monitor_threshold_ms > 0); }
  // The turn has ended, after so long.
  void on_turn_end(int64_t took_us) {
    const int64_t stall_us = stalls_.on_turn_end(took_us, config_.latency_monitor_threshold_ms * 1000);
    if (stall_us > 0) [[unlikely]]
      add(latency_event::kPageFaultStall, stall_us);
  }

 private:
  void record(std::string_view event, int64_t duration_ms);
  void forget_recent();

  const ServerConfig& config_;
  const Clock& clock_;
  std::map<std::string, Event, std::less<>> events_;
  using Histograms = std::unordered_map<const commands::Command*, LatencyHistogram>;
  Histograms& recorded() { return child_alive_ ? inside_ : outside_; }

  bool child_alive_ = false;
  PageFaultStall stalls_;
  Histograms inside_;
  Histograms outside_;
  // The histogram used last: most commands follow one of their kind.
  const commands::Command* recent_command_ = nullptr;
  LatencyHistogram* recent_histogram_ = nullptr;
};

}  // namespace cowslip::server
