#include "server/http/metrics.h"

namespace cowslip::server {

std::string make_metrics(Server& server) {
  PrometheusText text;
  add_redis_metrics(server, text);
  add_snapshot_metrics(server, text);
  return text.take();
}

}  // namespace cowslip::server
