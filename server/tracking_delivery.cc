#include "server/tracking_delivery.h"

#include <string>

#include "protocol/reply_writer.h"
#include "server/client_registry.h"
#include "server/connection.h"
#include "server/loading.h"
#include "server/message_delivery.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

bool speaks_resp3(const Connection& client) {
  return client.session.resp_version >= protocol::kResp3;
}

std::string broken_redirection(uint64_t to) {
  std::string bytes;
  protocol::ReplyWriter writer(bytes, protocol::kResp3);
  writer.push(2);
  writer.bulk("tracking-redir-broken");
  writer.integer(static_cast<int64_t>(to));
  return bytes;
}

}  // namespace

uint64_t TrackingDelivery::current_client() const {
  const Connection* client = server_.current_client();
  return client != nullptr ? client->session.id : 0;
}

bool TrackingDelivery::loading() const {
  return server_.loading().active();
}

Connection* TrackingDelivery::receiver_of(commands::Tracker& tracker) {
  Connection* const client = server_.clients().find(tracker.client);
  if (client == nullptr) return nullptr;
  if (tracker.redirect == 0) return speaks_resp3(*client) ? client : nullptr;
  Connection* const receiver = server_.clients().find(tracker.redirect);
  if (receiver != nullptr) {
    return speaks_resp3(*receiver) || receiver->session.is_subscriber() ? receiver : nullptr;
  }
  tracker.redirect_broken = true;
  if (speaks_resp3(*client)) delivery_.deliver(client->session, broken_redirection(tracker.redirect));
  return nullptr;
}

void TrackingDelivery::send(Connection& receiver, std::string_view names) {
  std::string message;
  protocol::ReplyWriter writer(message, receiver.session.resp_version);
  if (writer.resp3()) {
    writer.push(2);
    writer.bulk("invalidate");
  } else {
    writer.push(3);
    writer.bulk("message");
    writer.bulk("__redis__:invalidate");
  }
  if (names.empty()) {
    writer.null();
  } else {
    writer.raw(names);
  }
  delivery_.deliver(receiver.session, message);
}

void TrackingDelivery::forget_keys(commands::Tracker& tracker, std::string_view names) {
  if (Connection* receiver = receiver_of(tracker)) send(*receiver, names);
}

void TrackingDelivery::forget_all(commands::Tracker& tracker) {
  if (Connection* receiver = receiver_of(tracker)) send(*receiver, {});
}

}  // namespace cowslip::server
