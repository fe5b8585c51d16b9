// GET /metrics. Event loop only.
//
// Two parts. What Debian's prometheus-redis-exporter makes of INFO, SLOWLOG, LATENCY and CONFIG of any Redis, under its
// names, types and labels (redis_*): dashboards and alerts made for Redis work. And what only this server knows
// (cowslip_*). docs/OBSERVABILITY.md lists the second, and what of the first does not apply.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "server/http/info_lines.h"
#include "server/http/prometheus_text.h"

namespace cowslip::server {

class Server;

// Takes as long as INFO does: some hundred microseconds.
std::string make_metrics(Server& server);

// A field of INFO under another name; its value times `factor`.
struct FieldMetric {
  std::string_view field;
  std::string_view name;
  MetricType type;
  std::string_view help;
  double factor = 1;
};
// Those of which `lines` have a number.
void add_fields(std::span<const FieldMetric> metrics, const InfoLines& lines, PrometheusText& text);

void add_redis_metrics(Server& server, PrometheusText& text);     // redis_metrics.cc
void add_snapshot_metrics(Server& server, PrometheusText& text);  // snapshot_metrics.cc

}  // namespace cowslip::server
