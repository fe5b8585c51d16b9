// What tests of blocking commands share.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string_view>

#include "tests/support/server_process.h"

namespace cowslip::testing {

constexpr std::chrono::milliseconds kQuiet{30};  // long enough for what comes at once

inline int64_t waiting(const ServerProcess& server) {
  return info_number(server.info("clients"), "blocked_clients");
}

// Sends what will not be answered yet, and sees to it that the server has taken it in.
inline void wait_in(const ServerProcess& server, Connection& connection, const Arguments& command) {
  const int64_t before = waiting(server);
  connection.send(encode(command));
  ASSERT_TRUE(eventually([&] { return waiting(server) == before + 1; })) << describe(command);
}

inline Reply pair(std::string_view key, std::string_view value) {
  Reply reply;
  reply.kind = Reply::Kind::kArray;
  reply.elements = {Reply::bulk(key), Reply::bulk(value)};
  return reply;
}

}  // namespace cowslip::testing
