// Clients that wait for keys, without a server: who goes on when, in which order, and what is told of it.
//
// The commands are of the test's own: "take timeout key ..." takes the string away from the first key that is there,
// "carry timeout from to" moves it.
#include "commands/key_waits.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "commands/arguments.h"
#include "commands/blocking.h"
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

using store::Lookup;
using store::ObjectType;
using testing::Contains;
using testing::ElementsAre;
using testing::Not;

void cmd_take(CommandContext& c) {
  const auto deadline_ms = wait_deadline_argument(c, 1);
  if (!deadline_ms) return;
  for (const std::string_view key : c.args.subspan(2)) {
    const store::Entry* entry = c.db().find(key, Lookup::kWrite);
    if (entry == nullptr) continue;
    if (!is_string(*entry)) return c.reply.error(kWrongType);
    c.reply.array(2);
    c.reply.bulk(key);
    reply_string(c.reply, entry->string());
    c.db().erase(key);
    return;
  }
  if (!wait_for_keys(c, ObjectType::kString, 2, c.args.size() - 2, *deadline_ms)) c.reply.null_array();
}

void cmd_carry(CommandContext& c) {
  const auto deadline_ms = wait_deadline_argument(c, 1);
  if (!deadline_ms) return;
  const store::Entry* entry = c.db().find(c.args[2], Lookup::kWrite);
  if (entry == nullptr) {
    if (!wait_for_keys(c, ObjectType::kString, 2, 1, *deadline_ms)) c.reply.null();
    return;
  }
  c.db().rename(c.args[2], c.args[3]);
  c.reply.ok();
}

constexpr CommandSpec kSpecs[] = {
    {.name = "take", .arity = -3, .flags = kWrite | kBlocking, .handler = cmd_take},
    {.name = "carry", .arity = 4, .flags = kWrite | kBlocking | kDenyOom, .handler = cmd_carry},
};

class KeyWaitsTest : public CommandTest {
 protected:
  struct Client {
    Session session;
    std::string replies;
  };

  KeyWaitsTest() { host_.table_.add(kSpecs); }

  // What the client has got since it was last asked, after the command and all that it lets others do.
  std::string send(Client& client, std::string_view line) {
    const std::string copy(line);  // a buffer that does not last, like a connection's
    std::vector<std::string_view> args;
    for (size_t start = 0; start < copy.size();) {
      const size_t end = std::min(copy.find(' ', start), copy.size());
      args.push_back(std::string_view(copy).substr(start, end - start));
      start = end + 1;
    }
    protocol::ReplyWriter writer(client.replies, client.session.resp_version);
    dispatcher_.execute(args, client.session, writer);
    serve();
    return heard(client);
  }
  void serve() {
    while (Session* session = dispatcher_.key_waits().take_ready()) {
      const auto client = std::ranges::find_if(clients_, [&](const auto& one) { return &one->session == session; });
      protocol::ReplyWriter writer((*client)->replies, session->resp_version);
      served_.push_back(client - clients_.begin());
      dispatcher_.resume(*session, writer);
    }
  }
  std::string heard(Client& client) {
    std::string text = client.replies.empty() ? "" : readable(client.replies);
    client.replies.clear();
    return text;
  }
  Client& client(size_t number) {
    while (clients_.size() <= number) clients_.push_back(std::make_unique<Client>());
    return *clients_[number];
  }
  void end_wait(Client& client, std::string_view error = {}) {
    protocol::ReplyWriter writer(client.replies, client.session.resp_version);
    dispatcher_.end_wait(client.session, writer, error);
  }
  KeyWaits& waits() { return dispatcher_.key_waits(); }

  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<ptrdiff_t> served_;  // numbers of clients, in the order in which their commands ran again
  Client writer_;
};

TEST_F(KeyWaitsTest, ACommandThatFindsItsKeyDoesNotWait) {
  run("set b 1");
  EXPECT_EQ(send(client(0), "take 0 a b"), "[\"b\", \"1\"]");
  EXPECT_EQ(client(0).session.wait, nullptr);
  EXPECT_EQ(waits().clients(), 0u);
}

TEST_F(KeyWaitsTest, AWaitingCommandRunsAgainWhenItsKeyIsWritten) {
  EXPECT_EQ(send(client(0), "take 0 a b"), "");
  ASSERT_NE(client(0).session.wait, nullptr);
  EXPECT_EQ(waits().clients(), 1u);
  EXPECT_EQ(waits().keys(), 2u);
  EXPECT_EQ(send(writer_, "set c 1"), "+OK");
  EXPECT_EQ(heard(client(0)), "");
  EXPECT_EQ(send(writer_, "set b 2"), "+OK");
  EXPECT_EQ(heard(client(0)), "[\"b\", \"2\"]");
  EXPECT_EQ(client(0).session.wait, nullptr);
  EXPECT_EQ(waits().clients(), 0u);
  EXPECT_EQ(waits().keys(), 0u);
  EXPECT_EQ(run("exists b"), ":0");
  EXPECT_TRUE(keyspace_.observers().empty());
}

TEST_F(KeyWaitsTest, TheFirstToComeIsTheFirstServed) {
  for (size_t i = 0; i < 3; i++) send(client(i), i == 1 ? "take 0 a b" : "take 0 a");
  send(writer_, "set a 1");
  send(writer_, "set a 2");
  send(writer_, "set a 3");
  EXPECT_THAT(served_, ElementsAre(0, 1, 2));
  EXPECT_EQ(heard(client(0)), "[\"a\", \"1\"]");
  EXPECT_EQ(heard(client(1)), "[\"a\", \"2\"]");
  EXPECT_EQ(heard(client(2)), "[\"a\", \"3\"]");
}

TEST_F(KeyWaitsTest, ATransactionIsOverBeforeAnybodyIsServed) {
  send(client(0), "take 0 a");
  send(client(1), "take 0 b a");
  for (const std::string_view line : {"multi", "set a 1", "set b 2", "get a", "del a", "set a 3"}) send(writer_, line);
  EXPECT_EQ(heard(client(0)), "");
  EXPECT_EQ(send(writer_, "exec"), "[+OK, +OK, \"1\", :1, +OK]");
  EXPECT_EQ(heard(client(0)), "[\"a\", \"3\"]");
  EXPECT_EQ(heard(client(1)), "[\"b\", \"2\"]");
}

TEST_F(KeyWaitsTest, WhatIsGoneAtTheEndOfTheTransactionServesNobody) {
  send(client(0), "take 0 a");
  for (const std::string_view line : {"multi", "set a 1", "del a", "exec"}) send(writer_, line);
  EXPECT_THAT(served_, ElementsAre());
  for (const std::string_view line : {"multi", "set a 1", "pexpireat a 1", "exec"}) send(writer_, line);
  EXPECT_THAT(served_, ElementsAre());
  EXPECT_TRUE(client(0).session.wait->waiting());
  send(writer_, "set a 2");
  EXPECT_EQ(heard(client(0)), "[\"a\", \"2\"]");
}

TEST_F(KeyWaitsTest, TheFirstOfTheArgumentsIsTakenWhicheverWasWrittenFirst) {
  send(client(0), "take 0 a b");
  for (const std::string_view line : {"multi", "set b 2", "set a 1", "exec"}) send(writer_, line);
  EXPECT_EQ(heard(client(0)), "[\"a\", \"1\"]");
  EXPECT_EQ(run("get b"), "\"2\"");
}

TEST_F(KeyWaitsTest, BeingServedMayServeOthers) {
  send(client(0), "carry 0 c d");
  send(client(1), "carry 0 b c");
  send(client(2), "carry 0 a b");
  send(client(3), "take 0 d");
  send(writer_, "set a 1");
  EXPECT_THAT(served_, ElementsAre(2, 1, 0, 3));
  EXPECT_EQ(heard(client(3)), "[\"d\", \"1\"]");
}

TEST_F(KeyWaitsTest, ACircleOfCarriersEndsWhenEachHasCarried) {
  send(client(0), "carry 0 a b");
  send(client(1), "carry 0 b a");
  send(writer_, "set a 1");
  EXPECT_THAT(served_, ElementsAre(0, 1));
  EXPECT_EQ(run("get a"), "\"1\"");
}

TEST_F(KeyWaitsTest, AKeyNamedTwiceIsOnePlace) {
  send(client(0), "take 0 a a b a");
  EXPECT_EQ(waits().keys(), 2u);
  send(client(1), "take 0 a");
  send(writer_, "set a 1");
  send(writer_, "set a 2");
  EXPECT_EQ(heard(client(0)), "[\"a\", \"1\"]");
  EXPECT_EQ(heard(client(1)), "[\"a\", \"2\"]");
}

TEST_F(KeyWaitsTest, WhoGoesLeavesAllQueues) {
  send(client(0), "take 0 a b");
  send(client(1), "take 0 a b");
  client(0).session.wait.reset();
  EXPECT_EQ(waits().clients(), 1u);
  send(writer_, "set b 1");
  EXPECT_EQ(heard(client(0)), "");
  EXPECT_EQ(heard(client(1)), "[\"b\", \"1\"]");
  EXPECT_EQ(waits().keys(), 0u);
}

TEST_F(KeyWaitsTest, DatabasesAreApart) {
  send(client(0), "select 1");
  send(client(0), "take 0 a");
  send(writer_, "set a 1");
  EXPECT_EQ(heard(client(0)), "");
  EXPECT_EQ(send(writer_, "move a 1"), ":1");
  EXPECT_EQ(heard(client(0)), "[\"a\", \"1\"]");
}

TEST_F(KeyWaitsTest, KeysThatComeByOtherWaysServeToo) {
  for (const std::string_view line : {"rename x a", "renamenx x a", "copy x a", "copy x a replace"}) {
    send(client(0), "take 0 a");
    send(writer_, "set x 1");
    send(writer_, line);
    EXPECT_EQ(heard(client(0)), "[\"a\", \"1\"]") << line;
  }
}

TEST_F(KeyWaitsTest, SwappedDatabasesServe) {
  send(client(0), "take 0 a");
  send(client(1), "select 1");
  send(client(1), "take 0 b");
  send(writer_, "set b 0");
  send(writer_, "select 1");
  send(writer_, "set a 1");
  EXPECT_TRUE(served_.empty());
  EXPECT_EQ(send(writer_, "swapdb 0 1"), "+OK");
  EXPECT_EQ(heard(client(0)), "[\"a\", \"1\"]");
  EXPECT_EQ(heard(client(1)), "[\"b\", \"0\"]");
}

TEST_F(KeyWaitsTest, AFlushLeavesThemWaiting) {
  send(client(0), "take 0 a");
  send(writer_, "flushall");
  EXPECT_EQ(heard(client(0)), "");
  EXPECT_TRUE(client(0).session.wait->waiting());
}

TEST_F(KeyWaitsTest, InsideOfATransactionNothingWaits) {
  for (const std::string_view line : {"multi", "take 0 a", "carry 0 a b", "set a 1", "take 0 a"}) send(writer_, line);
  EXPECT_EQ(send(writer_, "exec"), "[nil-array, nil, +OK, [\"a\", \"1\"]]");
  EXPECT_EQ(waits().clients(), 0u);
}

TEST_F(KeyWaitsTest, AWaitThatIsOverRepliesNothingOrTheError) {
  send(client(0), "take 1 a");
  end_wait(client(0));
  EXPECT_EQ(heard(client(0)), "nil-array");
  client(0).session.resp_version = protocol::kResp3;
  send(client(0), "take 1 a");
  end_wait(client(0));
  EXPECT_EQ(heard(client(0)), "null");
  send(client(0), "take 1 a");
  end_wait(client(0), "UNBLOCKED no more");
  EXPECT_EQ(heard(client(0)), "-UNBLOCKED no more");
  EXPECT_EQ(waits().keys(), 0u);
}

TEST_F(KeyWaitsTest, TheGatesAreAskedAgain) {
  send(client(0), "carry 0 a b");
  send(client(1), "carry 0 a b");
  protocol::ReplyWriter writer(writer_.replies, protocol::kResp2);
  const std::vector<std::string_view> args = {"set", "a", "1"};
  dispatcher_.execute(args, writer_.session, writer);
  dispatcher_.gates().out_of_memory = true;
  serve();
  EXPECT_EQ(heard(client(0)), "-OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(heard(client(1)), "-OOM command not allowed when used memory > 'maxmemory'.");
  EXPECT_EQ(waits().clients(), 0u);
}

TEST_F(KeyWaitsTest, SkippedRepliesAreSkippedWhenTheyCome) {
  for (const bool served : {true, false}) {
    client(0).session.reply_mode = ReplyMode::kSkipNext;
    send(client(0), "take 0 a");
    if (served) {
      send(writer_, "set a 1");
    } else {
      end_wait(client(0));
    }
    EXPECT_EQ(heard(client(0)), "");
    EXPECT_EQ(send(client(0), "ping"), "+PONG");
  }
}

TEST_F(KeyWaitsTest, WatchersSeeTheServedCommandsChange) {
  send(client(0), "carry 0 a b");
  send(client(1), "watch b");
  send(writer_, "set a 1");
  send(client(1), "multi");
  EXPECT_EQ(send(client(1), "exec"), "nil-array");
}

TEST_F(KeyWaitsTest, ACommandCountsOnceAtItsEnd) {
  const Command& take = *host_.table_.find("take");
  send(client(0), "take 0 a");
  EXPECT_EQ(take.statistics.calls, 0u);
  EXPECT_THAT(observer_.events_, Not(Contains(testing::StartsWith("after take"))));
  host_.clock_.advance_ms(5000);
  send(writer_, "set a 1");
  EXPECT_EQ(take.statistics.calls, 1u);
  EXPECT_EQ(take.statistics.usec, 0u) << "the wait is not part of it";
  send(client(0), "take 1 a");
  end_wait(client(0), "UNBLOCKED x");
  EXPECT_EQ(take.statistics.calls, 2u);
  EXPECT_EQ(take.statistics.failed_calls, 1u);
  EXPECT_THAT(observer_.events_, Contains("error UNBLOCKED"));
}

TEST_F(KeyWaitsTest, ACommandThatWaitsOnKeepsItsDeadline) {
  send(client(0), "take 10 a");
  const int64_t deadline_ms = client(0).session.wait->deadline_ms();
  // The key's time passes between the transaction and the second run.
  for (const std::string_view line : {"multi", "set a 1 px 100"}) send(writer_, line);
  protocol::ReplyWriter writer(writer_.replies, protocol::kResp2);
  const std::vector<std::string_view> exec = {"exec"};
  dispatcher_.execute(exec, writer_.session, writer);
  host_.clock_.advance_ms(200);
  serve();
  EXPECT_THAT(served_, ElementsAre(0));
  EXPECT_EQ(heard(client(0)), "");
  ASSERT_NE(client(0).session.wait, nullptr);
  EXPECT_TRUE(client(0).session.wait->waiting());
  EXPECT_EQ(client(0).session.wait->deadline_ms(), deadline_ms);
  send(writer_, "set a 2");
  EXPECT_EQ(heard(client(0)), "[\"a\", \"2\"]");
}

TEST_F(KeyWaitsTest, TimeoutsAreReadAsRedisReadsThem) {
  const auto outcome = [&](std::string_view timeout) {
    std::string reply = send(client(0), "take " + std::string(timeout) + " a");
    if (client(0).session.wait == nullptr) return reply;
    const int64_t deadline_ms = client(0).session.wait->deadline_ms();
    client(0).session.wait.reset();
    return deadline_ms == KeyWaits::kForEver ? std::string("for ever")
                                             : std::to_string(deadline_ms - (host_.clock_.monotonic_us() + 999) / 1000);
  };
  EXPECT_EQ(outcome("0"), "for ever");
  EXPECT_EQ(outcome("0.0"), "for ever");
  EXPECT_EQ(outcome("-0.0001"), "for ever") << "which is minus 0 milliseconds";
  EXPECT_EQ(outcome("0.0001"), "1");
  EXPECT_EQ(outcome("1.5"), "1500");
  EXPECT_EQ(outcome("0x10"), "16000");
  EXPECT_EQ(outcome("1e3"), "1000000");
  EXPECT_EQ(outcome("9e10"), "90000000000000");
  for (const std::string_view bad : {"x", "1x", "nan"}) {
    EXPECT_EQ(outcome(bad), "-ERR timeout is not a float or out of range") << bad;
  }
  for (const std::string_view negative : {"-1", "-0.01", "-inf"}) {
    EXPECT_EQ(outcome(negative), "-ERR timeout is negative") << negative;
  }
  for (const std::string_view large : {"inf", "1e30", "9223372036854775.807", "9223372036854775.9"}) {
    EXPECT_EQ(outcome(large), "-ERR timeout is out of range") << large;
  }
}

}  // namespace
}  // namespace cowslip::commands
