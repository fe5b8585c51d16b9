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

// ---- switched off at run time ----

constexpr const char* kPolicies[] = {"huge-pages", "fresh-writes", "dismissal", "unshared-index"};

TEST(SwitchedOff, EachPolicyAndAllOfThem) {
  for (const char* policy : kPolicies) {
    SCOPED_TRACE(policy);
    ServerProcess server;
    if (server.client()("DEBUG", "SNAPSHOT-POLICY", policy).integer == 0) continue;  // the machine has none
    EXPECT_TRUE(server.client()("DEBUG", "SNAPSHOT-POLICY", policy, "0").is_ok());
    EXPECT_EQ(server.client()("DEBUG", "SNAPSHOT-POLICY", policy).integer, 0);
    expect_everything_works(server);
  }
  ServerProcess server;
  for (const char* policy : kPolicies) {
    EXPECT_TRUE(server.client()("DEBUG", "SNAPSHOT-POLICY", policy, "0").is_ok());
  }
  expect_everything_works(server);
}

TEST(SwitchedOff, WithDataAndBackOn) {
  ServerProcess server;
  populate(server, kKeys, 100);
  Client client = server.client();
  const std::string huge = field(server, "engine_huge_pages");
  const std::string digest = client("DEBUG", "DIGEST").text;
  for (const char* policy : kPolicies) {
    const bool was_on = client("DEBUG", "SNAPSHOT-POLICY", policy).integer == 1;
    EXPECT_TRUE(client("DEBUG", "SNAPSHOT-POLICY", policy, "0").is_ok());
    EXPECT_EQ(client("DEBUG", "DIGEST").text, digest) << policy;
    if (std::string_view(policy) == "unshared-index") {
      EXPECT_EQ(field(server, "engine_index_kept_from_child"), "no");
    }
    if (was_on) {
      EXPECT_TRUE(client("DEBUG", "SNAPSHOT-POLICY", policy, "1").is_ok());
    }
    EXPECT_EQ(client("DEBUG", "DIGEST").text, digest) << policy;
  }
  EXPECT_EQ(field(server, "engine_huge_pages"), huge);
  EXPECT_EQ(field(server, "engine_index_kept_from_child"), "yes");
  expect_everything_works(server);
}

TEST(SwitchedOff, NotDuringASave) {
  ServerProcess server;
  populate(server, kKeys, 100);
  Client client = server.client();
  client("CONFIG", "SET", "rdb-key-save-delay", "1000");
  ASSERT_EQ(client("BGSAVE").text, "Background saving started");
  for (const char* policy : kPolicies) {
    EXPECT_EQ(client("DEBUG", "SNAPSHOT-POLICY", policy, "0").text,
              "ERR A snapshot is being written, its policies stay as they are");
  }
  client("BGSAVE", "CANCEL");
  wait_for_save(server);
  EXPECT_TRUE(client("DEBUG", "SNAPSHOT-POLICY", "dismissal", "0").is_ok());
  EXPECT_TRUE(client("DEBUG", "SNAPSHOT-POLICY", "nonsense").is_error());
  EXPECT_TRUE(client("DEBUG", "SNAPSHOT-POLICY", "dismissal", "off").is_error());
}

}  // namespace
}  // namespace cowslip::testing
