// Pipelined requests are answered as single ones are, although they are looked at early once there are many keys.
#include <gtest/gtest.h>

#include "tests/support/server_process.h"
#include "tests/unit/base/seed.h"

namespace cowslip::testing {
namespace {

// As many as make it worth looking ahead.
ServerOptions with_many_keys(std::vector<std::string> directives = {}) {
  directives.insert(directives.end(), {"--enable-debug-command", "yes"});
  return {.directives = std::move(directives)};
}

void make_many_keys(Connection& connection) {
  ASSERT_TRUE(connection("DEBUG", "POPULATE", "60000").is_ok());
}

Arguments random_request(Random& random) {
  const std::string key = "key:" + std::to_string(random.below(60'000));
  const std::string other = "key:" + std::to_string(random.below(60'000));
  const std::string few = "few:" + std::to_string(random.below(5));
  const std::string number = std::to_string(random.below(1000));
  switch (random.below(16)) {
    case 0:
      return {"SET", key, number};
    case 1:
      return {"SET", few, number, "XX", "GET"};
    case 2:
      return {"DEL", key, few};
    case 3:
      return {"INCRBY", few, number};
    case 4:
      return {"APPEND", key, number};
    case 5:
      return {"RENAME", key, few};
    case 6:
      return {"COPY", key, other, "REPLACE"};
    case 7:
      return {"MGET", key, few, other};
    case 8:
      return {"SELECT", std::to_string(random.below(2))};
    case 9:
      return {"EXPIRE", few, random.below(2) == 0 ? "-1" : "1000"};
    case 10:
      return {"NOSUCHCOMMAND", key};
    case 11:
      return {"GET"};
    case 12:
      return {"DBSIZE"};
    default:
      return {"get", random.below(2) == 0 ? key : few};
  }
}

TEST(Pipeline, IsAnsweredAsSingleRequestsAre) {
  Random random(test_seed());
  const ServerProcess piped_server(with_many_keys()), single_server(with_many_keys());
  Connection piped = piped_server.connection(), single = single_server.connection();
  make_many_keys(piped);
  make_many_keys(single);
  for (int round = 0; round < 100; round++) {
    std::vector<Arguments> requests;
    std::string bytes;
    for (uint64_t i = 1 + random.below(100); i > 0; i--) {
      requests.push_back(random_request(random));
      bytes += encode(requests.back());
    }
    // In two writes, so that requests are cut as well.
    const size_t cut = random.below(bytes.size());
    ASSERT_TRUE(piped.send(std::string_view(bytes).substr(0, cut)));
    ASSERT_TRUE(piped.send(std::string_view(bytes).substr(cut)));
    for (const auto& request : requests) {
      ASSERT_EQ(piped.read(), single.command(request)) << request[0] << " in round " << round;
    }
  }
}

TEST(Pipeline, AuthAllowsTheNextRequestMore) {
  const ServerProcess server(with_many_keys({"--requirepass", "secret"}));
  Connection first = server.connection();
  ASSERT_TRUE(first("AUTH", "secret").is_ok());
  make_many_keys(first);
  Arguments many = {"MSET"};
  for (int i = 0; i < 10; i++) many.insert(many.end(), {"k" + std::to_string(i), "v"});
  Connection connection = server.connection();
  connection.send(encode({"GET", "k1"}) + encode({"AUTH", "secret"}) + encode(many) + encode({"GET", "k1"}));
  EXPECT_TRUE(connection.read().is_error());
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_EQ(connection.read(), Reply::bulk("v"));
}

TEST(Pipeline, WhatPauseHoldsBackRunsOnceAndInOrder) {
  const ServerProcess server(with_many_keys());
  Connection connection = server.connection();
  make_many_keys(connection);
  std::string bytes = encode({"INCR", "n"}) + encode({"CLIENT", "PAUSE", "300", "WRITE"}) + encode({"GET", "n"});
  for (int i = 0; i < 50; i++) bytes += encode({"INCR", "n"});
  connection.send(bytes);
  EXPECT_EQ(connection.read(), Reply::of_integer(1));
  EXPECT_TRUE(connection.read().is_ok());
  EXPECT_EQ(connection.read(), Reply::bulk("1"));
  EXPECT_TRUE(connection.silent_for(std::chrono::milliseconds(100)));
  for (int i = 2; i <= 51; i++) ASSERT_EQ(connection.read(), Reply::of_integer(i));
}

TEST(Pipeline, NothingRunsBehindQuitOrAProtocolError) {
  const ServerProcess server(with_many_keys());
  Connection other = server.connection();
  make_many_keys(other);
  for (const std::string& end : {encode({"QUIT"}), std::string("*1\r\n!\r\n")}) {
    Connection connection = server.connection();
    connection.send(encode({"SET", "k", "1"}) + encode({"GET", "k"}) + end + encode({"SET", "k", "2"}));
    EXPECT_TRUE(connection.read().is_ok());
    EXPECT_EQ(connection.read(), Reply::bulk("1"));
    connection.read();
    EXPECT_TRUE(connection.closed());
    EXPECT_EQ(other("GET", "k"), Reply::bulk("1"));
  }
}

}  // namespace
}  // namespace cowslip::testing
