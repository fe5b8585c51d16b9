#include "server/eviction_control.h"

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <cmath>
#include <utility>

#include "server/client_registry.h"
#include "server/config.h"
#include "server/event_loop.h"
#include "server/latency_monitor.h"
#include "server/loading.h"
#include "server/pause_control.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

constexpr int64_t kLinearTenacity = 10;
constexpr int64_t kEndlessTenacity = 100;
constexpr int64_t kUsPerTenacity = 50;
constexpr double kGrowthPerTenacity = 1.15;

constexpr int kKeysPerClockReading = 16;
// The part of used_memory() that is sampled may be so old when it decides about keys.
constexpr int64_t kOldestSampleUs = 10'000;

store::EvictionPolicy policy_of(MaxMemoryPolicy policy) {
  using Order = store::EvictionPolicy::Order;
  switch (policy) {
    case MaxMemoryPolicy::kVolatileLru:
      return {Order::kIdle, true};
    case MaxMemoryPolicy::kVolatileLfu:
      return {Order::kSeldom, true};
    case MaxMemoryPolicy::kVolatileRandom:
      return {Order::kRandom, true};
    case MaxMemoryPolicy::kVolatileTtl:
      return {Order::kDeadline, true};
    case MaxMemoryPolicy::kAllKeysLfu:
      return {Order::kSeldom, false};
    case MaxMemoryPolicy::kAllKeysRandom:
      return {Order::kRandom, false};
    case MaxMemoryPolicy::kAllKeysLru:
    case MaxMemoryPolicy::kNoEviction:  // asked for nothing
      break;
  }
  return {Order::kIdle, false};
}

}  // namespace

int64_t eviction_slice_us(int64_t tenacity) {
  if (tenacity >= kEndlessTenacity) return kEndlessSliceUs;
  if (tenacity <= kLinearTenacity) return tenacity * kUsPerTenacity;
  const auto steps = static_cast<double>(tenacity - kLinearTenacity);
  return static_cast<int64_t>(static_cast<double>(kLinearTenacity * kUsPerTenacity) *
                              std::pow(kGrowthPerTenacity, steps));
}

struct EvictionControl::Timer {
  explicit Timer(asio::io_context& context) : steady(context) {}
  asio::steady_timer steady;
};

EvictionControl::EvictionControl(Server& server)
    : server_(server), eviction_(server.keyspace()), timer_(std::make_unique<Timer>(server.loop().context())) {
  eviction_.on_evicted([this](int database, std::string_view key) { key_evicted(database, key); });
}

EvictionControl::~EvictionControl() = default;

void EvictionControl::apply_settings() {
  const ServerConfig& config = server_.config();
  eviction_.set_policy(policy_of(config.maxmemory_policy));
  eviction_.set_samples(static_cast<size_t>(config.maxmemory_samples));
  if (config.maxmemory == 0) note(Result::kEnough);
  if (std::exchange(applied_maxmemory_, config.maxmemory) == config.maxmemory || config.maxmemory == 0) return;
  server_.sample_memory();
  if (!too_much()) return;
  server_.log().warning(
      "The new maxmemory of {} bytes is less than the {} bytes in use: keys will be evicted, or commands that need "
      "memory refused, as maxmemory-policy says.",
      config.maxmemory, server_.used_memory());
  make_room_soon();
}

// ---- how much there is ----

void EvictionControl::sample_memory() {
  not_counted_bytes_ = server_.clients().memory_of(ClientClass::kReplica);
  sampled_us_ = server_.clock().monotonic_us();
}

bool EvictionControl::too_much() const {
  return server_.used_memory() > server_.config().maxmemory + not_counted_bytes_;
}

// While a file is loading nothing is decided about its keys; in a CLIENT PAUSE nothing changes.
bool EvictionControl::may_evict() const {
  return !server_.loading().active() && server_.pauses().mode() == PauseControl::Mode::kNone;
}

// ---- making room ----

bool EvictionControl::make_room() {
  if (server_.config().maxmemory == 0 || !too_much()) {
    if (exceeded_since_us_ != 0) [[unlikely]]
      note(Result::kEnough);
    return true;
  }
  if (!may_evict()) return true;
  if (server_.clock().monotonic_us() - sampled_us_ >= kOldestSampleUs) server_.sample_memory();
  const Result result = evict();
  note(result);
  return result != Result::kNothingToEvict;
}

EvictionControl::Result EvictionControl::evict() {
  if (!too_much()) return Result::kEnough;
  if (server_.config().maxmemory_policy == MaxMemoryPolicy::kNoEviction) return Result::kNothingToEvict;
  const Clock& clock = server_.clock();
  const int64_t begun_us = clock.monotonic_us();
  const int64_t slice_us = eviction_slice_us(server_.config().maxmemory_eviction_tenacity);
  const int64_t until_us = slice_us == kEndlessSliceUs ? INT64_MAX : begun_us + slice_us;
  store::Keyspace& keyspace = server_.keyspace();
  keyspace.set_now_ms(clock.unix_ms());

  Result result = Result::kEnough;
  for (int keys = 1; result == Result::kEnough && too_much(); keys++) {
    // What has gone comes first: its memory is on its way, and no other key need go for it.
    if (keyspace.free_some(until_us)) {
      result = Result::kStillAtIt;
    } else if (!too_much()) {
      break;
    } else if (!evict_one()) {
      result = Result::kNothingToEvict;
    } else if (keys % kKeysPerClockReading == 0 && clock.monotonic_us() > until_us) {
      result = Result::kStillAtIt;
    }
  }
  server_.latency().add(latency_event::kEvictionCycle, clock.monotonic_us() - begun_us);
  if (result == Result::kStillAtIt) make_room_soon();
  return result;
}

// What one key takes is of interest where somebody watches: it saves reading the clock.
bool EvictionControl::evict_one() {
  if (server_.config().latency_monitor_threshold_ms == 0) return eviction_.evict_one();
  const int64_t begun_us = server_.clock().monotonic_us();
  const bool evicted = eviction_.evict_one();
  server_.latency().add(latency_event::kEvictionDel, server_.clock().monotonic_us() - begun_us);
  return evicted;
}

// The one place that knows of every evicted key as such. (To the keyspace's observers, such as WATCH, it is a deletion,
// which they have been told.)
void EvictionControl::key_evicted(int database, std::string_view key) {
  server_.statistics().evicted_keys++;
  server_.keyspace().events().notify(store::EventClass::kEvicted, "evicted", database, key);
}

void EvictionControl::make_room_soon() {
  if (scheduled_) return;
  scheduled_ = true;
  timer_->steady.expires_after(std::chrono::microseconds(0));  // clients that are ready have their turn first
  timer_->steady.async_wait([this](asio::error_code error) {
    if (error) return;
    scheduled_ = false;
    make_room();
  });
}

// ---- figures ----

void EvictionControl::note(Result result) {
  if (result != Result::kEnough) {
    if (exceeded_since_us_ == 0) exceeded_since_us_ = server_.clock().monotonic_us();
    return;
  }
  exceeded_total_us_ += current_us();
  exceeded_since_us_ = 0;
}

int64_t EvictionControl::current_us() const {
  return exceeded_since_us_ == 0 ? 0 : server_.clock().monotonic_us() - exceeded_since_us_;
}

int64_t EvictionControl::exceeded_total_ms() const {
  return (exceeded_total_us_ + current_us()) / 1000;
}

int64_t EvictionControl::exceeded_current_ms() const {
  return current_us() / 1000;
}

void EvictionControl::reset_statistics() {
  exceeded_total_us_ = 0;
  exceeded_since_us_ = 0;
}

}  // namespace cowslip::server
