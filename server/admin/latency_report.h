// LATENCY DOCTOR's and GRAPH's texts, from samples alone. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "server/command_latency.h"
#include "server/latency_monitor.h"

namespace cowslip::server {

// What the samples of an event come to. Milliseconds.
struct EventSummary {
  int64_t lowest_ms = 0;
  int64_t highest_ms = 0;
  double mean_ms = 0;
  double mean_deviation_ms = 0;
  double period_seconds = 0;  // between two samples, on average
};
// REQUIRES: the event has samples.
EventSummary summarize(const LatencyMonitor::Event& event);

// A picture of the event's samples, the newest at the right, with their ages beneath. REQUIRES: it has samples.
std::string latency_graph(std::string_view name, const LatencyMonitor::Event& event, int64_t now_unix_seconds);

struct LatencyCircumstances {
  int64_t monitor_threshold_ms = 0;
  int64_t slowlog_slower_than_us = 0;
  std::string_view huge_pages = "on";  // memory::MemoryPolicies::huge_pages_text
};
// What was slow, how badly, and what to look at.
std::string latency_advice(const std::map<std::string, LatencyMonitor::Event, std::less<>>& events,
                           const LatencyCircumstances& circumstances);
// What clients waited outside and inside of saves, one line each; those without commands are left out.
std::string waits_text(const LatencySummary& outside, const LatencySummary& inside);

}  // namespace cowslip::server
