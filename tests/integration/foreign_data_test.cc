// What a file or payload of redis-server holds and we cannot: refused by name, or left out when that is asked for.
#include <gtest/gtest.h>

#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// A stream between two strings.
std::string file_with_a_stream() {
  const ServerProcess redis({.binary = kRedisBinary});
  Client client = redis.client();
  client("SET", "a", "1");
  client("XADD", "my stream", "*", "field", "value");
  client("XGROUP", "CREATE", "my stream", "group", "0");
  client("XREADGROUP", "GROUP", "group", "consumer", "STREAMS", "my stream", ">");
  client("SET", "z", "2");
  EXPECT_TRUE(client("SAVE").is_ok());
  return read_file(redis.snapshot_path());
}

TEST(ForeignData, AFileWithAStreamIsRefusedByName) {
  ServerProcess server({.snapshot = file_with_a_stream(), .wait = ServerOptions::Wait::kNothing});
  EXPECT_EQ(server.wait_exit(), 1);
  for (const char* part : {"Values of RDB type 19, stream", "key \"my stream\"", "rdb-skip-unknown-types yes"}) {
    EXPECT_TRUE(server.log_has(part)) << server.log();
  }
}

TEST(ForeignData, AStreamIsLeftOutWhenThatIsAskedFor) {
  const ServerProcess server({.directives = {"--rdb-skip-unknown-types", "yes"}, .snapshot = file_with_a_stream()});
  Client client = server.client();
  EXPECT_EQ(client("DBSIZE").integer, 2);
  EXPECT_EQ(client("GET", "z").text, "2");
  EXPECT_TRUE(server.log_has("Skipped key \"my stream\" in database 0: a stream (second form) cannot be held yet"))
      << server.log();
  EXPECT_TRUE(server.log_has("Keys that were skipped and are missing now: 1 (")) << server.log();
  EXPECT_TRUE(server.log_has("keys of unknown types skipped: 1.")) << server.log();
}

// The setting is about files: a payload is one value, and it is refused.
TEST(ForeignData, RestoreOfAStreamIsRefused) {
  const ServerProcess redis({.binary = kRedisBinary});
  redis.client()("XADD", "s", "*", "field", "value");
  const std::string payload = redis.client()("DUMP", "s").text;
  for (const char* setting : {"no", "yes"}) {
    const ServerProcess server({.directives = {"--rdb-skip-unknown-types", setting}});
    Client client = server.client();
    EXPECT_EQ(client("RESTORE", "s", "0", payload).text, "ERR Bad data format");
    EXPECT_EQ(client("EXISTS", "s").integer, 0);
  }
}

TEST(ForeignData, TheSettingCanBeChanged) {
  const ServerProcess server;
  Client client = server.client();
  EXPECT_EQ(client("CONFIG", "GET", "rdb-skip-unknown-types").elements[1].text, "no");
  EXPECT_TRUE(client("CONFIG", "SET", "rdb-skip-unknown-types", "yes").is_ok());
  EXPECT_EQ(client("CONFIG", "GET", "rdb-skip-unknown-types").elements[1].text, "yes");
}

}  // namespace
}  // namespace cowslip::testing
