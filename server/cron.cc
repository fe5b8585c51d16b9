#include "server/cron.h"

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>

#include "server/client_registry.h"
#include "server/config.h"
#include "server/event_loop.h"
#include "server/latency_monitor.h"
#include "server/loading.h"
#include "server/observatory.h"
#include "server/pause_control.h"
#include "server/request_pump.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/snapshot_feed.h"

namespace cowslip::server {

namespace {

constexpr int64_t kMaxHz = 500;
constexpr int64_t kClientsPerRun = 200;  // dynamic-hz: more clients than this for each run make the runs more frequent
constexpr int64_t kSampleIntervalUs = 100'000;
constexpr int64_t kKeepAliveIntervalUs = 1'000'000;
// Expired keys are deleted in slices so long, with as long a rest between two while more of them are due: clients wait
// at most a slice, and half of the time is enough to delete keys faster than they can be written.
constexpr int64_t kExpirySliceUs = 1000;
constexpr int64_t kExpiryRestUs = 1000;
constexpr size_t kKeysPerClockReading = 64;
constexpr int64_t kUpkeepBudgetUs = 1000;
// The same way, big values that were to be freed later are freed.
constexpr int64_t kFreeingSliceUs = 500;
constexpr int64_t kFreeingRestUs = 500;

}  // namespace

struct Cron::Timers {
  explicit Timers(asio::io_context& context) : run(context), expiry(context), freeing(context) {}
  asio::steady_timer run;
  asio::steady_timer expiry;
  asio::steady_timer freeing;
};

Cron::Cron(Server& server) : server_(server), timers_(std::make_unique<Timers>(server.loop().context())) {}

Cron::~Cron() = default;

void Cron::start() {
  adapt_hz();
  run_once();
  schedule();
}

void Cron::schedule() {
  timers_->run.expires_after(std::chrono::microseconds(1'000'000 / hz_));
  timers_->run.async_wait([this](asio::error_code error) {
    if (error) return;
    run_once();
    schedule();
  });
}

void Cron::run_once() {
  runs_++;
  const int64_t now_us = server_.clock().monotonic_us();
  if (now_us - last_sample_us_ >= kSampleIntervalUs) {
    last_sample_us_ = now_us;
    sample_rates();
    server_.observatory().sample_rates();
    server_.sample_memory();
  }
  adapt_hz();
  server_.clients().upkeep(hz_);
  if (server_.pauses().expire(now_us / 1000)) server_.resume_paused_clients();
  server_.tracking().limit_keys(static_cast<size_t>(server_.config().tracking_table_max_keys));
  if (server_.loading().active()) {  // the rest would touch the dataset
    return server_.latency().add(latency_event::kWhileBlockedCron, server_.clock().monotonic_us() - now_us);
  }

  if (!expiry_pending_) run_expiry();
  if (!freeing_pending_) run_freeing();
  upkeep_store();
  server_.saves().run();
  server_.refresh_gates();
  if (now_us - last_keep_alive_us_ >= kKeepAliveIntervalUs) {
    last_keep_alive_us_ = now_us;
    server_.snapshot_feed().keep_alive();
  }
}

void Cron::adapt_hz() {
  hz_ = std::clamp<int64_t>(server_.config().hz, 1, kMaxHz);
  if (!server_.config().dynamic_hz) return;
  const auto clients = static_cast<int64_t>(server_.clients().size());
  while (clients / hz_ > kClientsPerRun && hz_ < kMaxHz) hz_ = std::min(hz_ * 2, kMaxHz);
}

void Cron::sample_rates() {
  ServerStatistics& statistics = server_.statistics();
  const int64_t now_us = server_.clock().monotonic_us();
  statistics.commands_rate.sample(statistics.commands_processed, now_us);
  statistics.net_input_rate.sample(statistics.net_input_bytes, now_us);
  statistics.net_output_rate.sample(statistics.net_output_bytes, now_us);
  statistics.loop_cycles_rate.sample(statistics.loop_cycles, now_us);
  statistics.loop_duration_per_cycle.sample(statistics.loop_duration_us, statistics.loop_cycles, 1);
}

// ---- expiry ----

void Cron::run_expiry() {
  store::Keyspace& keyspace = server_.keyspace();
  if (!active_expire_ || !keyspace.deletes_expired()) return;
  const Clock& clock = server_.clock();
  const int64_t start_us = clock.monotonic_us();
  keyspace.set_now_ms(clock.unix_ms());
  const bool more = delete_expired(start_us + kExpirySliceUs);
  const int64_t took_us = clock.monotonic_us() - start_us;
  keyspace.statistics().expire_cycle_cpu_us += static_cast<uint64_t>(took_us);
  server_.latency().add(latency_event::kExpireCycle, took_us);
  if (!more) return;
  keyspace.statistics().expired_time_cap_reached++;
  schedule_expiry();
}

// True when the time was up before everything due was deleted.
bool Cron::delete_expired(int64_t until_us) {
  store::Keyspace& keyspace = server_.keyspace();
  for (int checked = 0; checked < keyspace.count(); checked++) {
    store::Database& db = keyspace.database(next_expiry_database_);
    while (db.expires() > 0 && db.delete_expired(kKeysPerClockReading) == kKeysPerClockReading) {
      if (server_.clock().monotonic_us() >= until_us) return true;
    }
    next_expiry_database_ = (next_expiry_database_ + 1) % keyspace.count();
  }
  return false;
}

void Cron::schedule_expiry() {
  expiry_pending_ = true;
  timers_->expiry.expires_after(std::chrono::microseconds(kExpiryRestUs));
  timers_->expiry.async_wait([this](asio::error_code error) {
    if (error) return;
    expiry_pending_ = false;
    if (!server_.loading().active()) run_expiry();
  });
}

// ---- the store ----

void Cron::run_freeing() {
  if (!server_.keyspace().free_some(server_.clock().monotonic_us() + kFreeingSliceUs)) return;
  freeing_pending_ = true;
  timers_->freeing.expires_after(std::chrono::microseconds(kFreeingRestUs));
  timers_->freeing.async_wait([this](asio::error_code error) {
    if (error) return;
    freeing_pending_ = false;
    if (!server_.loading().active()) run_freeing();
  });
}

void Cron::upkeep_store() {
  if (!server_.config().activerehashing) return;
  store::Keyspace& keyspace = server_.keyspace();
  for (int number = 0; number < keyspace.count(); number++) {
    if (keyspace.database(number).upkeep(kUpkeepBudgetUs)) return;
  }
}

}  // namespace cowslip::server
