#include "server/http/routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "server/http/http_server.h"
#include "server/http/metrics.h"
#include "server/http/page.h"
#include "server/http/snapshot_json.h"
#include "server/loading.h"
#include "server/save_control.h"
#include "server/server.h"
#include "server/statistics.h"

namespace cowslip::server {

namespace {

using namespace http_status;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kSaveReason = "web page";

HttpResponse plain(unsigned status, std::string_view words) {
  return {.status = status, .body = fmt::format("{}\n", words)};
}

HttpResponse outcome(unsigned status, std::string_view words) {
  return {.status = status, .content_type = kJson, .body = json_message(words)};
}

HttpResponse too_much() {
  HttpResponse response = plain(kUnavailable, "Too much was asked for within a tenth of a second. Try again.");
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

// ---- looking ----

HttpResponse get_page(Server&, const HttpRequest&, const AccessRules&) {
  return {.content_type = "text/html; charset=utf-8",
          .body = std::string(page_html()),
          .headers = {{"Content-Security-Policy", std::string(page_security_policy())}}};
}

HttpResponse get_metrics(Server& server, const HttpRequest&, const AccessRules&) {
  auto metrics = server.http().answers().get("metrics", [&] { return make_metrics(server); });
  if (!metrics) return too_much();
  return {.content_type = "text/plain; version=0.0.4; charset=utf-8", .body = std::move(*metrics)};
}

HttpResponse get_health(Server&, const HttpRequest&, const AccessRules&) {
  return plain(kOk, "ok");
}

HttpResponse get_readiness(Server& server, const HttpRequest&, const AccessRules&) {
  if (!server.loading().active()) return plain(kOk, "ready");
  const LoadingProgress& progress = server.loading().progress();
  const double percent = progress.total_bytes == 0 ? 0
                                                   : 100.0 * static_cast<double>(progress.loaded_bytes) /
                                                         static_cast<double>(progress.total_bytes);
  return plain(kUnavailable, fmt::format("loading the dataset: {:.1f} %", percent));
}

HttpResponse get_snapshot(Server& server, const HttpRequest& request, const AccessRules& rules) {
  const auto query = parse_snapshot_query(request.id, request.after);
  if (!query) return outcome(kBadRequest, "id and after are numbers");
  const std::string_view read_only = why_read_only(rules);
  const std::string question = fmt::format("snapshot id={} after={} {}", request.id, request.after, read_only);
  auto snapshot = server.http().answers().get(question, [&] { return snapshot_json(server, *query, read_only); });
  if (!snapshot) return too_much();
  return {.content_type = kJson, .body = std::move(*snapshot)};
}

// ---- doing ----

HttpResponse post_save(Server& server, const HttpRequest&, const AccessRules&) {
  if (server.loading().active()) return outcome(kUnavailable, "The dataset is being loaded.");
  if (server.saves().child_running()) return outcome(kConflict, "A background save is running already.");
  server.log().notice("Background saving was asked for over HTTP");
  const Status started = server.saves().start_background(std::string(kSaveReason));
  // kLimit: the guard expects that it does not fit.
  if (!started)
    return outcome(started.error().code == ErrorCode::kLimit ? kConflict : kUnavailable, started.error().message);
  return outcome(kAccepted, "Background saving started.");
}

HttpResponse post_cancel(Server& server, const HttpRequest&, const AccessRules&) {
  if (!server.saves().child_running()) return outcome(kConflict, "No background save is running.");
  server.log().notice("Background saving will be cancelled, as was asked for over HTTP");
  server.saves().cancel();
  return outcome(kAccepted, "The background save is being cancelled.");
}

// ---- the table ----

struct Route {
  std::string_view path;
  std::string_view method;  // GET means HEAD, too
  Demand demand;
  HttpResponse (*handle)(Server& server, const HttpRequest& request, const AccessRules& rules);
};

constexpr Route kRoutes[] = {
    {"/", "GET", Demand::kRead, get_page},
    {"/metrics", "GET", Demand::kRead, get_metrics},
    {"/healthz", "GET", Demand::kPublic, get_health},
    {"/readyz", "GET", Demand::kPublic, get_readiness},
    {"/api/snapshot", "GET", Demand::kRead, get_snapshot},
    {"/api/save", "POST", Demand::kChange, post_save},
    {"/api/cancel", "POST", Demand::kChange, post_cancel},
};

HttpResponse refuse(Server& server, const Refusal& refusal, const HttpRequest& request) {
  HttpResponse response = plain(refusal.status, refusal.reason);
  if (refusal.status != kUnauthorized) return response;
  response.headers.emplace_back("WWW-Authenticate", R"(Basic realm="Cowslip", charset="UTF-8")");
  // A browser asks without a password first: only one that is wrong counts.
  if (!request.authorization.empty()) server.statistics().access_denied_auth++;
  return response;
}

bool takes(const Route& route, std::string_view method) {
  return method == route.method || (method == "HEAD" && route.method == "GET");
}

HttpResponse wrong_method(const Route& route) {
  HttpResponse response = plain(kMethodNotAllowed, "This is not a method for this address.");
  response.headers.emplace_back("Allow", route.method == "GET" ? "GET, HEAD" : std::string(route.method));
  return response;
}

}  // namespace

HttpResponse respond(Server& server, const HttpRequest& request, const AccessRules& rules) {
  if (request.many_hosts) return plain(kBadRequest, "There is more than one Host header.");
  const auto* route = std::ranges::find(kRoutes, request.path, &Route::path);
  if (route == std::end(kRoutes)) return plain(kNotFound, "There is nothing at this address.");
  if (!takes(*route, request.method)) return wrong_method(*route);
  if (const auto refusal = refuse_access(route->demand, request, rules)) return refuse(server, *refusal, request);
  if (route->demand == Demand::kChange) server.http().answers().forget();
  return route->handle(server, request, rules);
}

}  // namespace cowslip::server
