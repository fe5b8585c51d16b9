// The server where the system refuses one of the things that the memory engine is built on: it says so, and works.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <string>
#include <string_view>

#include "tests/support/server_process.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace cowslip::testing {
namespace {

constexpr int kKeys = 20'000;

std::string field(const ServerProcess& server, std::string_view name) {
  return info_field(server.info("engine"), name);
}

// Two saves with writes during them, a restart from the file, memory given back; every value is compared at the end.
void expect_everything_works(ServerProcess& server) {
  populate(server, kKeys, 100);
  Client client = server.client();
  client("CONFIG", "SET", "rdb-key-save-delay", "20");
  for (const char* generation : {"one", "two"}) {
    ASSERT_EQ(client("BGSAVE").text, "Background saving started");
    for (int i = 0; i < kKeys; i += 10) client("SET", "key:" + std::to_string(i), generation);
    for (int i = 5; i < kKeys; i += 100) client("DEL", "key:" + std::to_string(i));
    client("CONFIG", "SET", "rdb-key-save-delay", "0");
    ASSERT_EQ(wait_for_save(server), "ok");
  }
  client("MEMORY", "PURGE");
  ASSERT_EQ(background_save(server), "ok");
  const std::string digest = client("DEBUG", "DIGEST").text;
  EXPECT_EQ(client("GET", "key:10").text, "two");
  server.kill_hard();
  server.start_again();
  EXPECT_EQ(server.client()("DEBUG", "DIGEST").text, digest);
}

TEST(Fallbacks, NothingRefused) {
  ServerProcess server;
  EXPECT_EQ(field(server, "engine_index_kept_from_child"), "yes");
  EXPECT_EQ(field(server, "engine_sees_child_progress"), "yes");
  expect_everything_works(server);
}

TEST(Fallbacks, HugePagesRefused) {
  ServerProcess server({.refused_advice = {MADV_HUGEPAGE}});
  EXPECT_EQ(field(server, "engine_huge_pages"), "off: refused");
  EXPECT_TRUE(server.log_has("uge pages"));
  expect_everything_works(server);
}

TEST(Fallbacks, HugePagesForbidden) {
  ServerProcess server({.huge_pages_disabled = true});
  EXPECT_EQ(field(server, "engine_huge_pages").substr(0, 14), "off: forbidden");
  EXPECT_EQ(field(server, "engine_heals_huge_pages"), "no");
  expect_everything_works(server);
}

TEST(Fallbacks, CollapsingRefused) {
  ServerProcess server({.refused_advice = {MADV_COLLAPSE}});
  EXPECT_EQ(field(server, "engine_heals_huge_pages"), "no");
  expect_everything_works(server);
}

TEST(Fallbacks, KeepingTheIndexFromTheChildRefused) {
  ServerProcess server({.refused_advice = {MADV_DONTFORK}});
  expect_everything_works(server);
  EXPECT_EQ(field(server, "engine_index_kept_from_child"), "no");
}

TEST(Fallbacks, GivingMemoryBackRefused) {
  ServerProcess server({.refused_advice = {MADV_DONTNEED}});
  expect_everything_works(server);
}

TEST(Fallbacks, LittleAddressSpace) {
  if (sanitized()) GTEST_SKIP() << "a sanitizer needs terabytes of addresses";
  ServerProcess server({.limits = {{RLIMIT_AS, uint64_t{3} << 30}}});
  for (int number = 1; number < 4; number++) {
    Client client = server.client();
    client("SELECT", std::to_string(number));
    EXPECT_TRUE(client("SET", "k", "v", "EX", "1000").is_ok());
  }
  expect_everything_works(server);
}

TEST(Fallbacks, EverythingRefused) {
  ServerProcess server({.refused_advice = {MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_COLLAPSE, MADV_DONTFORK, MADV_DONTNEED,
                                           MADV_POPULATE_WRITE}});
  expect_everything_works(server);
}

}  // namespace
}  // namespace cowslip::testing
