#include "server/defragmenter.h"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>

#include "server/config.h"
#include "server/event_loop.h"
#include "server/latency_monitor.h"
#include "server/loading.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

// What a client waits, give or take a few blocks. Some hundred entries are moved meanwhile.
constexpr int64_t kSliceUs = 200;
constexpr int64_t kIdleRestUs = 100'000;

}  // namespace

struct Defragmenter::Timer {
  explicit Timer(asio::io_context& context) : steady(context) {}
  asio::steady_timer steady;
};

Defragmenter::Defragmenter(Server& server)
    : server_(server), timer_(std::make_unique<Timer>(server.loop().context())) {}

Defragmenter::~Defragmenter() = default;

void Defragmenter::start() {
  schedule(kIdleRestUs);
}

void Defragmenter::on_save_end() {
  schedule(run_slice());
}

void Defragmenter::schedule(int64_t rest_us) {
  timer_->steady.expires_after(std::chrono::microseconds(rest_us));
  timer_->steady.async_wait([this](asio::error_code error) {
    if (!error) schedule(run_slice());
  });
}

// Returns how long to rest.
int64_t Defragmenter::run_slice() {
  store::Keyspace& keyspace = server_.keyspace();
  const bool may_run =
      server_.config().activedefrag && !server_.loading().active() && !keyspace.chunks().snapshot_running();
  const int64_t started_us = server_.clock().monotonic_us();
  running_percent_ = may_run ? effort_percent() : 0;
  const store::EvacuationLimits limits{
      .tolerated_share = static_cast<double>(server_.config().active_defrag_threshold_lower) / 100,
      .tolerated_bytes = server_.config().active_defrag_ignore_bytes};
  if (!may_run || !keyspace.evacuate(limits, started_us + kSliceUs)) {
    running_percent_ = current_us_ = 0;
    keyspace.chunks().collect_empty_chunks();
    return kIdleRestUs;
  }
  const int64_t took_us = server_.clock().monotonic_us() - started_us;
  server_.latency().add(latency_event::kActiveDefragCycle, took_us);
  total_us_ += took_us;
  current_us_ += took_us;
  return took_us * (100 - running_percent_) / running_percent_;
}

int64_t Defragmenter::effort_percent() const {
  const ServerConfig& config = server_.config();
  const memory::ChunkPool& chunks = server_.keyspace().chunks();
  const auto in_chunks = static_cast<double>(std::max<uint64_t>(chunks.statistics().chunk_bytes, 1));
  const double free_percent = 100 * (1 - static_cast<double>(chunks.used_bytes()) / in_chunks);
  const auto lower = static_cast<double>(config.active_defrag_threshold_lower);
  const auto upper = std::max(static_cast<double>(config.active_defrag_threshold_upper), lower + 1);
  const double urgency = std::clamp((free_percent - lower) / (upper - lower), 0.0, 1.0);
  const int64_t least = config.active_defrag_cycle_min;
  const int64_t most = std::max(config.active_defrag_cycle_max, least);
  return least + static_cast<int64_t>(urgency * static_cast<double>(most - least));
}

}  // namespace cowslip::server
