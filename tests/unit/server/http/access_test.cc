#include "server/http/access.h"

#include <gtest/gtest.h>

namespace cowslip::server {
namespace {

using namespace http_status;

// Of this machine, with its own name, and with what the page's own script adds.
HttpRequest good() {
  return {.host = "localhost:8379", .request_header = "1", .from_this_machine = true};
}

unsigned status_of(Demand demand, const HttpRequest& request, const AccessRules& rules) {
  const auto refusal = refuse_access(demand, request, rules);
  return refusal ? refusal->status : kOk;
}

TEST(HttpAccess, ThisMachineMayDoEverythingOnLoopback) {
  for (const Demand demand : {Demand::kPublic, Demand::kRead, Demand::kChange}) {
    EXPECT_EQ(status_of(demand, good(), {}), kOk);
  }
}

TEST(HttpAccess, HealthIsForEverybody) {
  HttpRequest request = good();
  request.from_this_machine = false;
  request.host = "anything";
  EXPECT_EQ(status_of(Demand::kPublic, request, {.password = "secret", .loopback_only = false}), kOk);
}

TEST(HttpAccess, ProtectedModeKeepsOthersOut) {
  HttpRequest request = good();
  request.from_this_machine = false;
  EXPECT_EQ(status_of(Demand::kRead, request, {.loopback_only = false}), kForbidden);
  EXPECT_EQ(status_of(Demand::kRead, request, {.protected_mode = false, .loopback_only = false}), kOk);
  EXPECT_EQ(status_of(Demand::kChange, request, {.protected_mode = false, .loopback_only = false}), kForbidden);
}

TEST(HttpAccess, NobodyChangesAnythingWhereOthersCouldWithoutAPassword) {
  EXPECT_EQ(status_of(Demand::kChange, good(), {.loopback_only = false}), kForbidden);
  EXPECT_FALSE(why_read_only({.loopback_only = false}).empty());
  EXPECT_TRUE(why_read_only({.password = "secret", .loopback_only = false}).empty());
  EXPECT_TRUE(why_read_only({}).empty());
}

TEST(HttpAccess, APasswordIsAskedOfEverybody) {
  const AccessRules rules = {.password = "sesame"};
  HttpRequest request = good();
  EXPECT_EQ(status_of(Demand::kRead, request, rules), kUnauthorized);
  request.authorization = "Basic eDpzZXNhbWU=";  // x:sesame
  EXPECT_EQ(status_of(Demand::kRead, request, rules), kOk);
  EXPECT_EQ(status_of(Demand::kChange, request, rules), kOk);
  request.authorization = "Basic eDpzZXNhbQ==";  // x:sesam
  EXPECT_EQ(status_of(Demand::kRead, request, rules), kUnauthorized);
}

TEST(HttpAccess, APasswordAloneDoesNotMakeAForeignPagesRequestOurs) {
  const AccessRules rules = {.password = "sesame"};
  HttpRequest request = good();
  request.authorization = "Basic eDpzZXNhbWU=";
  request.request_header = "";
  EXPECT_EQ(status_of(Demand::kChange, request, rules), kForbidden);
  request.request_header = "1";
  request.fetch_site = "cross-site";
  EXPECT_EQ(status_of(Demand::kChange, request, rules), kForbidden);
  request.fetch_site = "same-origin";
  request.origin = "http://localhost:9999";
  EXPECT_EQ(status_of(Demand::kChange, request, rules), kForbidden);
  request.origin = "http://localhost:8379";
  EXPECT_EQ(status_of(Demand::kChange, request, rules), kOk);
}

TEST(HttpAccess, PasswordOfTheHeader) {
  EXPECT_EQ(basic_password("Basic OnNlc2FtZQ=="), "sesame");   // no name
  EXPECT_EQ(basic_password("basic eDphOmI6Yw=="), "a:b:c");    // colons belong to the password
  EXPECT_EQ(basic_password("Basic eDo="), "");                 // empty
  EXPECT_EQ(basic_password("Basic c2VzYW1l"), std::nullopt);   // no colon
  EXPECT_EQ(basic_password("Basic c2VzYW1l="), std::nullopt);  // ends in the middle
  EXPECT_EQ(basic_password("Basic *"), std::nullopt);
  EXPECT_EQ(basic_password("Bearer OnNlc2FtZQ=="), std::nullopt);
  EXPECT_EQ(basic_password(""), std::nullopt);
  EXPECT_EQ(basic_password("Basic " + std::string(10'000, 'A')), std::nullopt);
}

TEST(HttpAccess, NamesThatNobodyElseControls) {
  for (const char* host : {"localhost", "LocalHost:80", "127.0.0.1", "10.1.2.3:8379", "[::1]", "[fe80::1]:80"}) {
    EXPECT_TRUE(is_own_host(host)) << host;
  }
  for (const char* host : {"", ":80", "example.org", "localhost.example", "127.0.0.1.example", "1.2.3", "0x7f.1",
                           "[::1", "[x]", "[]", "::1"}) {
    EXPECT_FALSE(is_own_host(host)) << host;
  }
}

}  // namespace
}  // namespace cowslip::server
