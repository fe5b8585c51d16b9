// Takes the messages of client-side caching to connections.
//
//     RESP3                                   a push: "invalidate" and the names
//     another connection, by REDIRECT, that   a message of the channel __redis__:invalidate, whatever it has
//     speaks RESP2 and is a subscriber        subscribed to
//     otherwise                               nothing: in RESP2 it would be taken for a reply
//
// Event loop only.
#pragma once

#include <string_view>

#include "commands/tracking.h"

namespace cowslip::server {

class MessageDelivery;
class Server;
struct Connection;

class TrackingDelivery final : public commands::TrackingOutlet {
 public:
  // Both outlive the object. Whoever has had messages sent calls delivery.delivered() when nothing can be closed any
  // more that is still being told of something.
  TrackingDelivery(Server& server, MessageDelivery& delivery) : server_(server), delivery_(delivery) {}

  // ---- commands::TrackingOutlet ----
  void forget_keys(commands::Tracker& tracker, std::string_view names) override;
  void forget_all(commands::Tracker& tracker) override;
  uint64_t current_client() const override;
  bool loading() const override;

 private:
  // Null: there is nobody to be told, or no way to do so.
  Connection* receiver_of(commands::Tracker& tracker);
  void send(Connection& receiver, std::string_view names);

  Server& server_;
  MessageDelivery& delivery_;
};

}  // namespace cowslip::server
