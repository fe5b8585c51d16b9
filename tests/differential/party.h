// A server with several clients, and what each of them hears: replies, and messages that come unasked.
#pragma once

#include <string>
#include <vector>

#include "tests/support/server_process.h"

namespace cowslip::testing {

struct Party {
  explicit Party(const char* binary) : server({.directives = {"--databases", "4"}, .binary = binary}) {}
  // Until there are so many.
  void come(size_t clients) {
    while (connections.size() < clients) connections.push_back(server.connection());
  }

  ServerProcess server;
  std::vector<Connection> connections;
};

// All that has arrived until now, and arrives because of it. Nobody else sends this `token`.
std::vector<Reply> hear(Connection& connection, const std::string& token);

}  // namespace cowslip::testing
