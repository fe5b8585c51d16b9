// The start: what is loaded, what is refused, and what clients are told meanwhile.
#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

std::string good_snapshot() {
  const ServerProcess server;
  populate(server, 200, 100);
  if (!server.client()("SAVE").is_ok()) throw HarnessFailure("SAVE failed");
  return read_file(server.snapshot_path());
}

// Starts a server on these bytes and expects it to refuse, in words that hold `reason`.
void expect_refusal(const std::string& bytes, const std::string& reason, const std::string& what) {
  SCOPED_TRACE(what);
  ServerProcess server({.snapshot = bytes, .wait = ServerOptions::Wait::kNothing});
  EXPECT_EQ(server.wait_exit(), 1);
  EXPECT_NE(server.log().find(reason), std::string::npos) << server.log();
  EXPECT_EQ(read_file(server.snapshot_path()), bytes) << "a refused file must not be touched";
}

TEST(Start, DamagedFilesAreRefusedAndLeftAlone) {
  const std::string good = good_snapshot();
  std::string flipped = good;
  flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 0x10);
  expect_refusal(flipped, "", "a flipped bit in the middle");
  std::string checksum = good;
  checksum.back() = static_cast<char>(checksum.back() ^ 1);
  expect_refusal(checksum, "checksum", "a flipped bit in the checksum");
  expect_refusal("REDIS9999" + good.substr(9), "Can't handle RDB format version 9999", "a version too new");
  expect_refusal("RADISH010" + good.substr(9), "Wrong signature", "another signature");
  expect_refusal("", "", "an empty file");
}

TEST(Start, FilesCutAnywhereAreRefused) {
  const std::string good = good_snapshot();
  Random random(announced_seed("Start"));
  for (const size_t cut :
       {size_t{5}, size_t{9}, good.size() - 1, good.size() - 8, good.size() - 9,
        static_cast<size_t>(random.below(good.size())), static_cast<size_t>(random.below(good.size()))}) {
    expect_refusal(good.substr(0, cut), "", "cut after " + std::to_string(cut) + " bytes");
  }
}

TEST(Start, TypesNotSupportedAreNamed) {
  const ServerProcess redis({.binary = kRedisBinary});
  ASSERT_EQ(redis.client()("XADD", "queue", "1-1", "field", "value").text, "1-1");
  ASSERT_TRUE(redis.client()("SAVE").is_ok());
  expect_refusal(read_file(redis.snapshot_path()), "stream", "a stream");
}

TEST(Start, WithoutAFileTheDatasetIsEmpty) {
  const ServerProcess server;
  EXPECT_EQ(server.client()("DBSIZE").integer, 0);
  EXPECT_NE(server.log().find("Ready to accept connections"), std::string::npos);
}

TEST(Start, ExpiredKeysAreNotLoaded) {
  ServerProcess server;
  server.client()("DEBUG", "SET-ACTIVE-EXPIRE", "0");
  server.client()("SET", "mortal", "v", "PX", "300");
  server.client()("SET", "stays", "v");
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  server.kill_hard();
  sleep_ms(400);
  server.start_again();
  EXPECT_EQ(server.client()("DBSIZE").integer, 1);
  const std::string info = server.info("persistence");
  EXPECT_EQ(info_number(info, "rdb_last_load_keys_expired"), 1);
  EXPECT_EQ(info_number(info, "rdb_last_load_keys_loaded"), 1);
}

TEST(Start, LeftoversOfDeadChildrenAreRemoved) {
  ServerProcess server;
  populate(server, 10, 10);
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  server.kill_hard();
  write_file(server.file("temp-4194000.rdb"), "half a snapshot");
  write_file(server.file("temp-note.txt"), "somebody else's");
  server.start_again();
  EXPECT_FALSE(file_exists(server.file("temp-4194000.rdb")));
  EXPECT_TRUE(file_exists(server.file("temp-note.txt")));
  EXPECT_EQ(server.client()("DBSIZE").integer, 10);
}

TEST(Loading, ClientsAreToldAndServedAfterwards) {
  ServerProcess server;
  populate(server, 3000, 1000);
  ASSERT_TRUE(server.client()("SAVE").is_ok());
  server.kill_hard();
  // A millisecond for each key: a load of a few seconds, interrupted to serve clients every few kilobytes.
  ServerOptions options{.directives = {"--key-load-delay", "1000", "--loading-process-events-interval-bytes", "4096"},
                        .snapshot = read_file(server.snapshot_path()),
                        .wait = ServerOptions::Wait::kAnswering};
  ServerProcess loading(options);
  Client client = loading.client();
  EXPECT_EQ(client("GET", "key:1"), Reply::error("LOADING Redis is loading the dataset in memory"));
  EXPECT_EQ(client("SET", "key:1", "v"), Reply::error("LOADING Redis is loading the dataset in memory"));
  const std::string info = client("INFO", "persistence").text;
  EXPECT_EQ(info_number(info, "loading"), 1);
  EXPECT_GT(info_number(info, "loading_total_bytes"), 3'000'000);
  EXPECT_GE(info_number(info, "loading_loaded_bytes"), 0);
  EXPECT_FALSE(info_field(info, "loading_loaded_perc").empty());
  EXPECT_FALSE(info_field(info, "loading_eta_seconds").empty());
  EXPECT_GT(info_number(info, "loading_rdb_used_mem"), 3'000'000);
  EXPECT_TRUE(loading.log_has("* Loading RDB produced by version 7.2."));
  EXPECT_TRUE(loading.log_has("* RDB age "));
  EXPECT_EQ(client("DEBUG", "RELOAD", "NOSAVE"), Reply::error("LOADING Redis is loading the dataset in memory"));
  EXPECT_TRUE(client("CONFIG", "SET", "key-load-delay", "0").is_ok());
  EXPECT_TRUE(eventually([&] { return client("DBSIZE") == Reply::of_integer(3000); }));
  EXPECT_EQ(info_number(client("INFO", "persistence").text, "loading"), 0);
  EXPECT_EQ(client("GET", "key:1").text.size(), 1000u);
}

TEST(Start, PortInUseIsAClearError) {
  const ServerProcess first;
  ServerProcess second(
      {.directives = {"--port", std::to_string(first.endpoint().port)}, .wait = ServerOptions::Wait::kNothing});
  EXPECT_EQ(second.wait_exit(), 1);
  EXPECT_NE(second.log().find("Address already in use"), std::string::npos) << second.log();
}

TEST(Start, VersionAndHelpOnTheCommandLine) {
  const ProgramResult version = run_program({cowslip_binary(), "--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_NE(version.output.find("v="), std::string::npos) << version.output;
  EXPECT_NE(run_program({cowslip_binary(), "--help"}).output.find("Usage"), std::string::npos);
}

}  // namespace
}  // namespace cowslip::testing
