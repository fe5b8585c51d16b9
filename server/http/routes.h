// What is found where over HTTP, and who may do it. Event loop only.
//
//     GET  /               the page                              GET  /healthz   the process answers
//     GET  /metrics        for Prometheus                        GET  /readyz    it serves data: not while loading
//     GET  /api/snapshot   what the page shows, as JSON          POST /api/save, /api/cancel
#pragma once

#include "server/http/access.h"
#include "server/http/exchange.h"

namespace cowslip::server {

class Server;

// Answers anything: what is not there with 404, a method that is not known there with 405.
HttpResponse respond(Server& server, const HttpRequest& request, const AccessRules& rules);

}  // namespace cowslip::server
