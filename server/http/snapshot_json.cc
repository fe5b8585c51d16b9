#include "server/http/snapshot_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/numbers.h"
#include "memory/process_memory.h"
#include "persistence/save_record_json.h"
#include "server/config.h"
#include "server/loading.h"
#include "server/observatory.h"
#include "server/save_control.h"
#include "server/server.h"

namespace cowslip::server {

namespace {

using json = nlohmann::ordered_json;
using persistence::SaveRecord;
using persistence::TimelinePoint;

// More than a chart has pixels for.
constexpr size_t kMaxPoints = 1000;
constexpr size_t kMaxCauses = 64;

// Names of files and errors may hold any bytes.
std::string text_of(const json& document) {
  return document.dump(-1, ' ', false, json::error_handler_t::replace);
}

template <typename T>
json or_null(const std::optional<T>& value) {
  return value ? json(*value) : json();
}

json describe_forecast(const persistence::Forecast& forecast) {
  return {{"learned_from", forecast.learned_from},
          {"basis", forecast.basis},
          {"progress", forecast.progress},
          {"fork_us", forecast.fork_us},
          {"duration_ms", forecast.duration_ms},
          {"remaining_ms", forecast.remaining_ms},
          {"growth", forecast.growth},
          {"growth_low", forecast.growth_low},
          {"growth_high", forecast.growth_high},
          {"peak_memory", forecast.peak_memory}};
}

json describe_verdict(const persistence::Verdict& verdict) {
  return {{"fits", verdict.fits},
          {"limit_name", verdict.limit_name},
          {"limit", verdict.limit},
          {"headroom", verdict.headroom},
          {"reason", verdict.reason}};
}

// All points after `after_ms`; without it, evenly chosen ones, the last among them.
json describe_timeline(const std::vector<TimelinePoint>& timeline, std::optional<int64_t> after_ms) {
  const auto first =
      after_ms ? std::ranges::upper_bound(timeline, *after_ms, {}, &TimelinePoint::at_ms) : timeline.begin();
  const auto count = static_cast<size_t>(timeline.end() - first);
  const size_t step = count / kMaxPoints + 1;
  json points = json::array();
  for (size_t i = 0; i < count; i++) {
    if (i % step == 0 || i + 1 == count) points.push_back(persistence::as_json(first[static_cast<std::ptrdiff_t>(i)]));
  }
  return points;
}

json describe_causes(const std::vector<persistence::CauseRow>& causes) {
  json rows = json::array();
  for (size_t i = 0; i < std::min(causes.size(), kMaxCauses); i++) rows.push_back(persistence::as_json(causes[i]));
  return rows;
}

json describe_save(const SaveRecord* save, std::optional<int64_t> after_ms) {
  if (save == nullptr) return nullptr;
  json document = persistence::as_json(*save);
  document["causes"] = describe_causes(save->causes);
  document["timeline"] = describe_timeline(save->timeline, after_ms);
  return document;
}

json describe_history(const std::deque<SaveRecord>& history) {
  json saves = json::array();
  for (const SaveRecord& save : history) saves.push_back(persistence::as_json(save));
  return saves;
}

json describe_server(Server& server) {
  const auto counters = memory::read_process_counters();
  const LoadingProgress& loading = server.loading().progress();
  return {{"version", COWSLIP_VERSION},
          {"run_id", server.run_id()},
          {"port", server.config().port},
          {"now_unix_ms", server.clock().unix_ms()},
          {"uptime_seconds", server.uptime_seconds()},
          {"loading", server.loading().active()},
          {"loading_total_bytes", loading.total_bytes},
          {"loading_loaded_bytes", loading.loaded_bytes},
          {"keys", server.keyspace().total_keys()},
          {"used_memory", server.used_memory()},
          {"resident", counters ? counters->resident : 0},
          {"maxmemory", server.config().maxmemory},
          {"writes_per_second", server.observatory().writes_per_second()},
          {"commands_per_second", server.statistics().commands_rate.mean()}};
}

}  // namespace

std::optional<SnapshotQuery> parse_snapshot_query(std::string_view id, std::string_view after) {
  SnapshotQuery query;
  if (!id.empty()) {
    const auto number = parse_int64(id);
    if (!number || *number < 0) return {};
    query.id = static_cast<uint64_t>(*number);
  }
  if (!after.empty()) {
    query.after_ms = parse_int64(after);
    if (!query.after_ms) return {};
  }
  return query;
}

std::string snapshot_json(Server& server, const SnapshotQuery& query, std::string_view read_only) {
  Observatory& observatory = server.observatory();
  const SaveRecord* shown = query.id ? observatory.find(*query.id) : observatory.latest();
  const SaveRecord* latest = observatory.latest();
  const auto running = observatory.forecast_running();
  json document = {{"server", describe_server(server)},
                   {"read_only", read_only},
                   {"running", server.saves().child_running()},
                   {"latest_id", latest == nullptr ? json() : json(latest->id)},
                   {"save", describe_save(shown, query.after_ms)},
                   {"history", describe_history(observatory.history())},
                   {"forecast_next", describe_forecast(observatory.forecast_next())},
                   {"forecast_running", running ? describe_forecast(*running) : json()},
                   {"verdict", describe_verdict(observatory.verdict_next())}};
  return text_of(document);
}

std::string json_message(std::string_view words) {
  return text_of({{"message", words}});
}

}  // namespace cowslip::server
