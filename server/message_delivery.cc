#include "server/message_delivery.h"

#include "server/client_registry.h"
#include "server/connection.h"
#include "server/request_pump.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

// From here on a client's output is looked at with each message: what its socket takes is sent, what it does not take
// is held against the limit.
constexpr size_t kCrowdedBytes = 256u << 10;

}  // namespace

void MessageDelivery::deliver(commands::Session& subscriber, std::string_view message) {
  Connection& client = static_cast<ClientSession&>(subscriber).connection;
  // Who was told to go gets no more; in the stream of a snapshot there is no place for messages.
  if (client.closed || client.session.close_after_reply || client.is_replica()) return;
  if (&client == server_.current_client()) {
    own_ += message;
    return;
  }
  client.output += message;
  server_.pump().send_later(client);
  if (client.awaits_writable || client.output_bytes() >= kCrowdedBytes) [[unlikely]]
    crowded_.push_back(&client);
}

void MessageDelivery::delivered() {
  for (Connection* client : crowded_) {
    if (client->closed) continue;
    if (client->awaits_writable) {
      server_.clients().enforce_output_limit(*client);
    } else {
      server_.pump().send_now(*client);
    }
  }
  crowded_.clear();
}

}  // namespace cowslip::server
