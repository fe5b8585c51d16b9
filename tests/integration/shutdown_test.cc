// The end of a server, as its clients meet it.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// Otherwise the client would wait in a queue that nobody serves any more, and take the server for one that is there.
TEST(Shutdown, WhoConnectsAnewWhenItsConnectionEndsFindsNobody) {
  for (int round = 0; round < 3; ++round) {
    const ServerProcess server;
    Connection first = server.connection();
    std::vector<std::unique_ptr<Connection>> others;
    for (int i = 0; i < 500; ++i) others.push_back(std::make_unique<Connection>(server.endpoint()));
    EXPECT_EQ(others.back()->command({"PING"}).text, "PONG");

    ASSERT_TRUE(first.send(encode({"SHUTDOWN", "NOSAVE"})));
    EXPECT_EQ(first.read().kind, Reply::Kind::kClosed);
    EXPECT_THROW(Connection{server.endpoint()}, HarnessFailure);
  }
}

}  // namespace
}  // namespace cowslip::testing
