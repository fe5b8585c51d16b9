#include "server/admin/latency_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>
#include <vector>

namespace cowslip::server {
namespace {

using Samples = std::span<const LatencyMonitor::Sample>;

constexpr size_t kGraphColumns = 80;
constexpr int kGraphRows = 4;
// A column rises within a row in these steps; rows that it has passed are filled.
constexpr std::string_view kSteps = "_o#";
constexpr char kFilled = '|';

// "5s", "3m", "2h", "1d"
std::string age_text(int64_t seconds) {
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m", seconds / 60);
  if (seconds < 86400) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

char graph_cell(int64_t height, int row_from_bottom) {
  const int64_t steps = static_cast<int64_t>(kSteps.size());
  const int64_t here = height - row_from_bottom * steps;
  if (here < 0) return ' ';
  return here < steps ? kSteps[static_cast<size_t>(here)] : kFilled;
}

// The ages beneath the columns, read from top to bottom.
void append_ages(std::string& text, Samples samples, int64_t now) {
  std::vector<std::string> ages;
  size_t longest = 0;
  for (const auto& sample : samples) {
    longest = std::max(longest, ages.emplace_back(age_text(now - sample.unix_seconds)).size());
  }
  for (size_t row = 0; row < longest; row++) {
    for (const std::string& age : ages) text += row < age.size() ? age[row] : ' ';
    text += '\n';
  }
}

void append_columns(std::string& text, Samples samples, const EventSummary& summary, int64_t now) {
  const double range = static_cast<double>(std::max<int64_t>(summary.highest_ms - summary.lowest_ms, 1));
  const double top = static_cast<double>(kSteps.size()) * kGraphRows - 1;
  for (int row = kGraphRows - 1; row >= 0; row--) {
    for (const auto& sample : samples) {
      const double above_lowest = static_cast<double>(sample.duration_ms - summary.lowest_ms);
      text += graph_cell(std::lround(above_lowest / range * top), row);
    }
    text += '\n';
  }
  text += std::string(samples.size(), ' ') + '\n';
  append_ages(text, samples, now);
}

// How to have data in huge pages, after "huge pages ".
std::string huge_pages_advice(std::string_view state) {
  if (state == "on") return "are in use here, so look at the number of pages outside of them (INFO memory)";
  return fmt::format(
      "are {} here: `echo madvise > /sys/kernel/mm/transparent_hugepage/enabled` and a restart, unless a setting or "
      "the "
      "container forbids them",
      state);
}

// What to look at, by the beginning of the event's name; the first that fits.
constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
    {latency_event::kCommand, "commands whose cost grows with their data; SLOWLOG GET names them"},
    {latency_event::kFastCommand,
     "the machine rather than the commands: swapping, other processes, a slow virtual machine"},
    {"expire", "many keys that expire at the same moment, or large ones: spread the deadlines"},
    {"eviction-",
     "large keys that are evicted, or more to evict than commands leave time for: maxmemory-eviction-tenacity says for "
     "how long a command may be kept waiting by it"},
    {latency_event::kActiveDefragCycle,
     "a machine that is short of processor time: a slice of it is planned to take 0.2 ms. CONFIG SET "
     "active-defrag-cycle-max makes slices rarer, activedefrag no ends them"},
    {latency_event::kWhileBlockedCron, "the machine: while the dataset is loaded the cron has little to do"},
    {latency_event::kRdbSave, "SAVE, which keeps every client waiting to its end: BGSAVE does not"},
    {latency_event::kRdbFsync, "the disk: clients waited for it in SAVE. BGSAVE has its child wait instead"},
    {"rdb-", "the disk and its file system: clients waited for it in the event loop"},
};

std::string advice_about(std::string_view event, std::string_view huge_pages) {
  if (event == latency_event::kFork) {
    return "the cost of fork, which grows with the number of memory pages: huge pages " +
           huge_pages_advice(huge_pages) + ". INFO stats has latest_fork_usec";
  }
  if (event == latency_event::kPageFaultStall) {
    return "what makes the kernel work or wait while pages are copied in a save: a memory limit of the container or "
           "machine that is nearly reached, swap, and programs that read /proc/<pid>/smaps meanwhile. Large values "
           "that "
           "are changed in place are copied by page; save when fewer are written. Huge pages " +
           huge_pages_advice(huge_pages);
  }
  const auto* const found =
      std::ranges::find_if(kAdvice, [&](const auto& advice) { return event.starts_with(advice.first); });
  return std::string(found == std::end(kAdvice) ? "the operation it names" : found->second);
}

void append_waits(std::string& text, std::string_view when, const LatencySummary& waits) {
  if (waits.count == 0) return;
  text +=
      fmt::format("{}: half of {} commands within {} us, 99% within {} us, 99.9% within {} us, the longest {} us.\n",
                  when, waits.count, waits.p50_us, waits.p99_us, waits.p999_us, waits.max_us);
}

}  // namespace

EventSummary summarize(const LatencyMonitor::Event& event) {
  EventSummary summary;
  const auto count = static_cast<double>(event.samples.size());
  const auto [lowest, highest] = std::ranges::minmax(event.samples, {}, &LatencyMonitor::Sample::duration_ms);
  summary.lowest_ms = lowest.duration_ms;
  summary.highest_ms = highest.duration_ms;
  for (const auto& sample : event.samples) summary.mean_ms += static_cast<double>(sample.duration_ms) / count;
  for (const auto& sample : event.samples) {
    summary.mean_deviation_ms += std::abs(static_cast<double>(sample.duration_ms) - summary.mean_ms) / count;
  }
  const int64_t covered = event.samples.back().unix_seconds - event.samples.front().unix_seconds;
  summary.period_seconds = static_cast<double>(std::max<int64_t>(covered, 1)) / count;
  return summary;
}

std::string latency_graph(std::string_view name, const LatencyMonitor::Event& event, int64_t now_unix_seconds) {
  const EventSummary summary = summarize(event);
  std::string text = fmt::format("{} - high {} ms, low {} ms (all time high {} ms)\n", name, summary.highest_ms,
                                 summary.lowest_ms, event.worst_ms);
  text += std::string(kGraphColumns, '-') + '\n';
  for (size_t first = 0; first < event.samples.size(); first += kGraphColumns) {
    const size_t count = std::min(kGraphColumns, event.samples.size() - first);
    append_columns(text, Samples(event.samples).subspan(first, count), summary, now_unix_seconds);
  }
  return text;
}

std::string latency_advice(const std::map<std::string, LatencyMonitor::Event, std::less<>>& events,
                           const LatencyCircumstances& circumstances) {
  if (events.empty() && circumstances.monitor_threshold_ms == 0) {
    return "Latency is not being watched: latency-monitor-threshold is 0. CONFIG SET latency-monitor-threshold "
           "<milliseconds> begins it.\n";
  }
  if (events.empty()) {
    return fmt::format("Nothing has taken {} ms or longer since the last reset.\n", circumstances.monitor_threshold_ms);
  }
  std::string text = "What took long:\n\n";
  int number = 0;
  for (const auto& [name, event] : events) {
    if (event.samples.empty()) continue;
    const EventSummary summary = summarize(event);
    text += fmt::format(
        "{}. {}: {} latency spikes (average {:.0f}ms, mean deviation {:.0f}ms, period {:.2f} sec). "
        "Worst all time event {}ms.\n   Look for {}.\n",
        ++number, name, event.samples.size(), summary.mean_ms, summary.mean_deviation_ms, summary.period_seconds,
        event.worst_ms, advice_about(name, circumstances.huge_pages));
  }
  const int64_t slower_than_ms = circumstances.slowlog_slower_than_us / 1000;
  if (circumstances.slowlog_slower_than_us < 0 || slower_than_ms > circumstances.monitor_threshold_ms) {
    text += fmt::format(
        "\nThe slow log misses commands that count as spikes here: CONFIG SET slowlog-log-slower-than {} "
        "would show them.\n",
        circumstances.monitor_threshold_ms * 1000);
  }
  return text;
}

std::string waits_text(const LatencySummary& outside, const LatencySummary& inside) {
  std::string text;
  append_waits(text, "Outside of saves", outside);
  append_waits(text, "Inside of saves", inside);
  return text.empty() ? text : "\nWhat clients waited for replies, since the start or CONFIG RESETSTAT:\n" + text;
}

}  // namespace cowslip::server
