// Takes published messages to the clients' connections.
//
// A message for a client goes behind what its output holds. For the client whose command runs now it waits until that
// command's reply is whole, so that messages never stand inside a reply. A client that does not read what it is sent is
// held to its output limit with each message. Event loop only.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "commands/pub_sub.h"

namespace cowslip::server {

class Server;
struct Connection;

class MessageDelivery final : public commands::PubSub::Outlet {
 public:
  explicit MessageDelivery(Server& server) : server_(server) {}

  // REQUIRES: the subscriber is the session of a Connection.
  void deliver(commands::Session& subscriber, std::string_view message) override;
  void delivered() override;

  // Messages for the client whose command runs, in the order of their coming. Its owner puts them behind the reply.
  bool has_own() const { return !own_.empty(); }
  std::string take_own() { return std::exchange(own_, {}); }

 private:
  Server& server_;
  std::string own_;
  std::vector<Connection*> crowded_;  // with much to be sent to them, since the last delivered()
};

}  // namespace cowslip::server
