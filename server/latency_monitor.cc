#include "server/latency_monitor.h"

#include <algorithm>

namespace cowslip::server {

void LatencyMonitor::add_command(const commands::Command& command, int64_t duration_us) {
  if (config_.latency_tracking) {
    if (&command != recent_command_) {
      recent_histogram_ = &recorded()[&command];  // elements of an unordered_map stay where they are
      recent_command_ = &command;
    }
    recent_histogram_->record_us(duration_us);
  }
  const bool fast = (command.spec->flags & commands::kFast) != 0;
  add(fast ? latency_event::kFastCommand : latency_event::kCommand, duration_us);
}

void LatencyMonitor::record(std::string_view name, int64_t duration_ms) {
  auto found = events_.find(name);
  if (found == events_.end()) found = events_.emplace(std::string(name), Event()).first;
  Event& event = found->second;
  event.worst_ms = std::max(event.worst_ms, duration_ms);
  const int64_t now = clock_.unix_us() / 1'000'000;
  if (!event.samples.empty() && event.samples.back().unix_seconds == now) {
    event.samples.back().duration_ms = std::max(event.samples.back().duration_ms, duration_ms);
    return;
  }
  if (event.samples.size() == kSamples) event.samples.erase(event.samples.begin());
  event.samples.push_back({now, duration_ms});
}

const LatencyMonitor::Event* LatencyMonitor::find(std::string_view event) const {
  const auto found = events_.find(event);
  return found == events_.end() ? nullptr : &found->second;
}

bool LatencyMonitor::reset(std::string_view event) {
  const auto found = events_.find(event);
  if (found == events_.end()) return false;
  events_.erase(found);
  return true;
}

size_t LatencyMonitor::reset_all() {
  const size_t count = events_.size();
  events_.clear();
  return count;
}

const LatencyHistogram* LatencyMonitor::histogram(const commands::Command& command, bool inside_save) const {
  const Histograms& histograms = inside_save ? inside_ : outside_;
  const auto found = histograms.find(&command);
  return found == histograms.end() ? nullptr : &found->second;
}

std::optional<LatencyHistogram> LatencyMonitor::histogram(const commands::Command& command) const {
  std::optional<LatencyHistogram> both;
  for (const bool inside_save : {false, true}) {
    const LatencyHistogram* part = histogram(command, inside_save);
    if (part == nullptr) continue;
    if (both) {
      both->add(*part);
    } else {
      both = *part;
    }
  }
  return both;
}

LatencyHistogram LatencyMonitor::executions(bool inside_save) const {
  LatencyHistogram sum;
  for (const auto& [command, histogram] : inside_save ? inside_ : outside_) sum.add(histogram);
  return sum;
}

void LatencyMonitor::reset_histograms() {
  inside_.clear();
  outside_.clear();
  forget_recent();
}

void LatencyMonitor::set_child_alive(bool alive) {
  child_alive_ = alive;
  forget_recent();
  stalls_.pass_over();
}

void LatencyMonitor::forget_recent() {
  recent_command_ = nullptr;
  recent_histogram_ = nullptr;
}

}  // namespace cowslip::server
