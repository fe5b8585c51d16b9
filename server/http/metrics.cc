#include "server/http/metrics.h"

namespace cowslip::server {

void add_fields(std::span<const FieldMetric> metrics, const InfoLines& lines, PrometheusText& text) {
  for (const FieldMetric& metric : metrics) {
    const auto value = info_value(lines, metric.field);
    if (value) text.single(metric.name, metric.type, metric.help, *value * metric.factor);
  }
}

std::string make_metrics(Server& server) {
  PrometheusText text;
  add_redis_metrics(server, text);
  add_snapshot_metrics(server, text);
  return text.take();
}

}  // namespace cowslip::server
