#include "persistence/save_record_json.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <nlohmann/json.hpp>
#include <utility>

namespace cowslip::persistence {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kResults = {SaveResult::kRunning,   SaveResult::kOk,     SaveResult::kError,
                                 SaveResult::kCancelled, SaveResult::kKilled, SaveResult::kStoppedByGuard};

// ---- the fields, each named once for both directions ----
// `visit(name, value)` for each; `Of` is the struct, const or not.

template <typename Of, typename Visit>
void fields_of_cause(Of& cause, Visit&& visit) {
  visit("command", cause.command);
  visit("database", cause.database);
  visit("kind", cause.kind);
  visit("reason", cause.reason);
  visit("copied", cause.copied);
  visit("fresh", cause.fresh);
  visit("reused", cause.reused);
  visit("blocks", cause.blocks);
}

template <typename Of, typename Visit>
void fields_of_point(Of& point, Visit&& visit) {
  visit("at_ms", point.at_ms);
  visit("parent_resident", point.parent_resident);
  visit("parent_proportional", point.parent_proportional);
  visit("child_resident", point.child_resident);
  visit("child_proportional", point.child_proportional);
  visit("copied", point.copied);
  visit("fresh", point.fresh);
  visit("growth", point.growth);
  visit("parent_minor_faults", point.parent_minor_faults);
  visit("keys_written", point.keys_written);
  visit("bytes_written", point.bytes_written);
  visit("writes_per_second", point.writes_per_second);
  visit("latency_p50_us", point.latency_p50_us);
  visit("latency_p99_us", point.latency_p99_us);
  visit("latency_p999_us", point.latency_p999_us);
  visit("cgroup_usage", point.cgroup_usage);
  visit("cgroup_limit", point.cgroup_limit);
  visit("forecast_growth", point.forecast_growth);
  visit("forecast_duration_ms", point.forecast_duration_ms);
}

template <typename Of, typename Visit>
void fields_of_check(Of& check, Visit&& visit) {
  visit("ledger_copied", check.ledger_copied);
  visit("outside_copied", check.outside_copied);
  visit("rollup_copied", check.rollup_copied);
  visit("faults_copied", check.faults_copied);
  visit("ledger_copied_total", check.ledger_copied_total);
  visit("ledger_growth", check.ledger_growth);
  visit("process_growth", check.process_growth);
  visit("cgroup_growth", check.cgroup_growth);
  visit("rollup_difference", check.rollup_difference);
  visit("faults_difference", check.faults_difference);
  visit("process_difference", check.process_difference);
  visit("cgroup_difference", check.cgroup_difference);
}

template <typename Of, typename Visit>
void fields_of_forecast(Of& forecast, Visit&& visit) {
  visit("progress", forecast.progress);
  visit("growth", forecast.growth);
  visit("duration_ms", forecast.duration_ms);
  visit("growth_error", forecast.growth_error);
  visit("duration_error", forecast.duration_error);
}

template <typename Of, typename Visit>
void fields_of_record(Of& record, Visit&& visit) {
  visit("id", record.id);
  visit("reason", record.reason);
  visit("result", record.result);
  visit("error", record.error);
  visit("to_socket", record.to_socket);
  visit("started_unix_ms", record.started_unix_ms);
  visit("duration_ms", record.duration_ms);
  visit("fork_us", record.fork_us);
  visit("keys_total", record.keys_total);
  visit("keys_written", record.keys_written);
  visit("bytes_written", record.bytes_written);
  visit("dataset_bytes", record.dataset_bytes);
  visit("parent_resident_at_fork", record.parent_resident_at_fork);
  visit("page_tables_at_fork", record.page_tables_at_fork);
  visit("huge_pages", record.huge_pages);
  visit("changes", record.changes);
  visit("keys_added", record.keys_added);
  visit("copied_peak", record.copied_peak);
  visit("copied_total", record.copied_total);
  visit("fresh", record.fresh);
  visit("reused", record.reused);
  visit("growth_peak", record.growth_peak);
  visit("growth_end", record.growth_end);
  visit("minor_faults", record.minor_faults);
}

// ---- writing ----

Json json_of(SaveResult result) {
  return name(result);
}
template <typename T>
Json json_of(const T& value) {
  return value;
}
template <typename T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// What `fields` visits, as an object.
template <typename T, typename Fields>
Json object_of(const T& value, Fields&& fields) {
  Json object = Json::object();
  fields(value, [&](const char* field, const auto& member) { object[field] = json_of(member); });
  return object;
}

// Names once, then the values of each point in their order.
Json timeline_of(const std::vector<TimelinePoint>& timeline) {
  Json columns = Json::array(), points = Json::array();
  const TimelinePoint names;
  fields_of_point(names, [&](const char* field, const auto&) { columns.push_back(field); });
  for (const TimelinePoint& point : timeline) {
    Json row = Json::array();
    fields_of_point(point, [&](const char*, const auto& value) { row.push_back(json_of(value)); });
    points.push_back(std::move(row));
  }
  return Json{{"columns", std::move(columns)}, {"points", std::move(points)}};
}

// ---- reading ----

// One value. False when it is of another type or does not fit.
struct Reader {
  static bool take(const Json& from, bool& into) {
    if (!from.is_boolean()) return false;
    into = from.get<bool>();
    return true;
  }
  static bool take(const Json& from, std::string& into) {
    if (!from.is_string()) return false;
    into = from.get<std::string>();
    return true;
  }
  static bool take(const Json& from, double& into) {
    if (!from.is_number()) return false;
    into = from.get<double>();
    return true;
  }
  template <std::integral T>
  static bool take(const Json& from, T& into) {
    if (from.is_number_unsigned()) {
      const auto value = from.get<uint64_t>();
      into = static_cast<T>(value);
      return std::in_range<T>(value);
    }
    if (!from.is_number_integer()) return false;
    const auto value = from.get<int64_t>();
    into = static_cast<T>(value);
    return std::in_range<T>(value);
  }
  static bool take(const Json& from, SaveResult& into) {
    if (!from.is_string()) return false;
    const auto found = std::ranges::find(kResults, from.get_ref<const std::string&>(),
                                         [](SaveResult result) { return std::string(name(result)); });
    if (found == kResults.end()) return false;
    into = *found;
    return true;
  }
  template <typename T>
  static bool take(const Json& from, std::optional<T>& into) {
    if (!from.is_null()) return take(from, into.emplace());
    into.reset();
    return true;
  }
};

// The fields of one object, by name.
struct ObjectReader {
  const Json& from;
  bool& ok;
  template <typename T>
  void operator()(const char* field, T& value) const {
    const auto found = from.find(field);
    if (found != from.end() && !Reader::take(*found, value)) ok = false;
  }
};

// An array of objects, each read by `fields`.
template <typename T, typename Fields>
bool read_array(const Json& line, const char* field, std::vector<T>& into, Fields&& fields) {
  const auto found = line.find(field);
  if (found == line.end()) return true;
  if (!found->is_array()) return false;
  bool ok = true;
  for (const Json& element : *found) {
    if (!element.is_object()) return false;
    fields(into.emplace_back(), ObjectReader{element, ok});
  }
  return ok;
}

// Where each column of this version stands in a row that was written; empty: it is not there.
std::vector<std::optional<size_t>> places_of(const Json& columns) {
  std::vector<std::optional<size_t>> places;
  TimelinePoint point;
  fields_of_point(point, [&](const char* field, const auto&) {
    const auto found = std::ranges::find(columns, Json(field));
    if (found == columns.end()) {
      places.emplace_back();
    } else {
      places.emplace_back(static_cast<size_t>(found - columns.begin()));
    }
  });
  return places;
}

bool read_timeline(const Json& line, std::vector<TimelinePoint>& into) {
  const auto found = line.find("timeline");
  if (found == line.end()) return true;
  if (!found->is_object() || !found->contains("columns") || !found->contains("points")) return false;
  const Json &columns = (*found)["columns"], &points = (*found)["points"];
  if (!columns.is_array() || !points.is_array()) return false;
  const auto places = places_of(columns);
  bool ok = true;
  for (const Json& row : points) {
    if (!row.is_array() || row.size() != columns.size()) return false;
    size_t column = 0;
    fields_of_point(into.emplace_back(), [&](const char*, auto& value) {
      const auto place = places[column++];
      if (place && !Reader::take(row[*place], value)) ok = false;
    });
  }
  return ok;
}

// ---- what can be true ----

constexpr uint64_t kFirstIdTooLarge = uint64_t{1} << 53;  // a double, which JSON readers use, holds all below
constexpr int64_t kYearMs = int64_t{366} * 24 * 3600 * 1000;
constexpr int64_t kLastUnixMs = 253'402'300'799'999;  // the end of the year 9999

bool is_span_ms(int64_t value) {
  return value >= 0 && value <= kYearMs;
}

bool plausible(const SaveRecord& record) {
  return record.id >= 1 && record.id < kFirstIdTooLarge && record.started_unix_ms >= 0 &&
         record.started_unix_ms <= kLastUnixMs && is_span_ms(record.duration_ms) && record.fork_us >= 0 &&
         record.fork_us <= kYearMs * 1000 && std::ranges::all_of(record.timeline, is_span_ms, &TimelinePoint::at_ms) &&
         std::ranges::all_of(record.forecasts, [](const ForecastCheck& check) { return check.duration_ms >= 0; });
}

// They are shown in terminals and in INFO, which is made of lines.
void replace_control_characters(std::string& text) {
  std::ranges::replace_if(text, [](unsigned char byte) { return byte < ' ' || byte == 0x7f; }, ' ');
}

}  // namespace

Json as_json(const SaveRecord& record) {
  return object_of(record, [](auto& value, auto visit) { fields_of_record(value, visit); });
}

Json as_json(const CauseRow& cause) {
  return object_of(cause, [](auto& value, auto visit) { fields_of_cause(value, visit); });
}

Json as_json(const TimelinePoint& point) {
  return object_of(point, [](auto& value, auto visit) { fields_of_point(value, visit); });
}

std::string to_json_line(const SaveRecord& record) {
  Json line = {{"v", kSaveRecordVersion}};
  line.update(as_json(record));
  Json causes = Json::array(), forecasts = Json::array();
  for (const CauseRow& cause : record.causes) causes.push_back(as_json(cause));
  for (const ForecastCheck& check : record.forecasts) {
    forecasts.push_back(object_of(check, [](auto& value, auto visit) { fields_of_forecast(value, visit); }));
  }
  line["causes"] = std::move(causes);
  line["cross_check"] = object_of(record.cross_check, [](auto& value, auto visit) { fields_of_check(value, visit); });
  line["forecasts"] = std::move(forecasts);
  line["timeline"] = timeline_of(record.timeline);
  return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<SaveRecord> from_json_line(std::string_view text) {
  const Json line = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!line.is_object()) return {};
  const auto version = line.find("v");
  if (version == line.end() || *version != kSaveRecordVersion || !line.contains("id")) return {};
  SaveRecord record;
  bool ok = true;
  fields_of_record(record, ObjectReader{line, ok});
  if (const auto check = line.find("cross_check"); check != line.end()) {
    ok = ok && check->is_object();
    if (ok) fields_of_check(record.cross_check, ObjectReader{*check, ok});
  }
  ok = ok && read_array(line, "causes", record.causes, [](auto& row, auto visit) { fields_of_cause(row, visit); }) &&
       read_array(line, "forecasts", record.forecasts, [](auto& row, auto visit) { fields_of_forecast(row, visit); }) &&
       read_timeline(line, record.timeline);
  if (!ok || !plausible(record)) return {};
  for (std::string* words : {&record.reason, &record.error}) replace_control_characters(*words);
  for (CauseRow& cause : record.causes) {
    for (std::string* words : {&cause.command, &cause.kind, &cause.reason}) replace_control_characters(*words);
  }
  return record;
}

}  // namespace cowslip::persistence
