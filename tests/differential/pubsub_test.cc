// Subscribers of Cowslip and of redis-server beside each other: the same random commands, and each connection has to
// hear the same after each of them, replies and messages.
//
// Left out because 7.2, which Cowslip follows, differs from the oracle's 7.0: where a message to oneself stands, before
// the reply or behind it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "tests/differential/generator.h"
#include "tests/differential/party.h"

namespace cowslip::testing {
namespace {

// In the order of the alphabet: in which one several patterns are told, or channels left, is each server's own.
std::vector<std::string> comparable(const std::vector<Reply>& heard, int64_t& messages) {
  std::vector<std::string> words;
  for (Reply reply : heard) {
    messages += !reply.elements.empty() && reply.elements[0].text.ends_with("message");
    const bool changes = reply.elements.size() == 3 && reply.elements[0].text.ends_with("unsubscribe");
    if (changes) {  // which name left with which count depends on that order, too
      words.push_back("left with " + describe(reply.elements[2]));
      reply.elements.pop_back();
    }
    if (!reply.elements.empty() && reply.elements[0].text == "server") reply = Reply::simple("HELLO's");
    if (reply.kind == Reply::Kind::kArray && !changes)
      std::sort(reply.elements.begin(), reply.elements.end(), [](const Reply& a, const Reply& b) {
        return std::tie(a.text, a.integer) < std::tie(b.text, b.integer);
      });
    words.push_back(describe(reply, true));
  }
  std::sort(words.begin(), words.end());
  return words;
}

class PubSubWalk {
 public:
  explicit PubSubWalk(uint64_t seed) : pool_(seed) {
    for (Party* party : {&ours_, &theirs_}) party->come(kClients);
    for (Party* party : {&ours_, &theirs_}) party->connections[0]("HELLO", "3");
  }

  // Heard by the clients of both servers.
  int64_t messages() const { return messages_; }

  // What differed, or nothing.
  std::string step() {
    const Arguments arguments = draw();
    // A subscriber of RESP2 may not publish, so mostly it is one that never subscribes.
    const bool outsider = arguments[0].ends_with("PUBLISH") && pool_.chance(80);
    const auto client = outsider ? kOutsider : static_cast<size_t>(pool_.between(0, kOutsider - 1));
    history_ = fmt::format("{}\n  client {}: {}", history_, client, describe(arguments));
    const auto ours = heard_by_all(ours_, client, arguments);
    const auto theirs = heard_by_all(theirs_, client, arguments);
    for (size_t i = 0; i < kClients; i++) {
      if (ours[i] != theirs[i]) {
        return fmt::format("client {} heard\n  cowslip: {}\n    redis: {}\nafter:{}", i, fmt::join(ours[i], " "),
                           fmt::join(theirs[i], " "), history_);
      }
    }
    return {};
  }

 private:
  static constexpr size_t kClients = 4;
  static constexpr size_t kOutsider = kClients - 1;

  std::string channel() { return pool_.one_of({"a", "ab", "news", "news.it", "", "b*", "\xff"}); }
  std::string pattern() { return pool_.one_of({"*", "a*", "news.?t", "[ab]*", "", "b\\*", "__key*__:*", "nobody"}); }
  std::string key() { return pool_.one_of({"k", "l", "m"}); }

  // None means all, after which there is little to hear for a while.
  int64_t fewest_to_leave() { return pool_.chance(20) ? 0 : 1; }

  Arguments names(std::string_view word, int64_t least, bool patterns) {
    Arguments arguments = {pool_.word(word)};
    for (int64_t left = pool_.between(least, 3); left > 0; left--) {
      arguments.push_back(patterns ? pattern() : channel());
    }
    return arguments;
  }

  Arguments draw() {
    switch (pool_.between(0, 19)) {
      case 0:
        return names("SUBSCRIBE", 1, false);
      case 1:
        return names("PSUBSCRIBE", 1, true);
      case 2:
        return names("SSUBSCRIBE", 1, false);
      case 3:
        return names("UNSUBSCRIBE", fewest_to_leave(), false);
      case 4:
        return names("PUNSUBSCRIBE", fewest_to_leave(), true);
      case 5:
        return names("SUNSUBSCRIBE", fewest_to_leave(), false);
      case 6:
        return {"SPUBLISH", channel(), pool_.value()};
      case 7:
        return pool_.chance(70) ? Arguments{"PUBSUB", "CHANNELS", pattern()} : Arguments{"PUBSUB", "SHARDCHANNELS"};
      case 8:
        return {"PUBSUB", pool_.one_of({"NUMSUB", "SHARDNUMSUB", "NUMPAT"}), channel(), channel()};
      case 9:
        return {"PUBSUB", "NUMPAT"};
      case 10:
        return {pool_.one_of({"HELLO", "NOSUCH", "SUBSCRIBE"}), pool_.one_of({"2", "3", "3"})};
      case 11:
        return pool_.chance(20) ? Arguments{"RESET"} : Arguments{"PING"};
      case 12:
        return {"CONFIG", "SET", "notify-keyspace-events", pool_.one_of({"KEA", "Kg", "E$xmn", "", "AKE", "q"})};
      case 13:
        return {"SET", key(), "v", "PX", pool_.one_of({"100000", "0", "200000"})};
      case 14:
        return {pool_.one_of({"DEL", "GET", "INCR", "PERSIST", "GETDEL"}), key()};
      case 15:
        return {pool_.one_of({"RENAME", "COPY", "APPEND", "SETNX"}), key(), key()};
      default:
        return {"PUBLISH", channel(), pool_.value()};
    }
  }

  // What each client heard. The one that has sent comes first: its answer says that the command is done.
  std::vector<std::vector<std::string>> heard_by_all(Party& party, size_t client, const Arguments& arguments) {
    const std::string token = fmt::format("token {}", ++steps_);
    std::vector<std::vector<std::string>> heard(kClients);
    party.connections[client].send(encode(arguments));
    heard[client] = comparable(hear(party.connections[client], token), messages_);
    for (size_t i = 0; i < kClients; i++) {
      if (i != client) heard[i] = comparable(hear(party.connections[i], token), messages_);
    }
    return heard;
  }

  Pool pool_;
  Party ours_{""};
  Party theirs_{kRedisBinary};
  int64_t steps_ = 0;
  int64_t messages_ = 0;
  std::string history_;
};

void walk_with_subscribers(uint64_t seed, int64_t steps) {
  PubSubWalk walk(seed);
  for (int64_t i = 0; i < steps; i++) {
    const std::string difference = walk.step();
    ASSERT_EQ(difference, "") << "seed " << seed << ", step " << i;
  }
  EXPECT_GT(walk.messages(), steps / 4) << "hardly anybody listened";
}

int64_t default_steps() {
  return environment_integer("COWSLIP_DIFFERENTIAL_STEPS", sanitized() ? 500 : 1500);
}

TEST(PubSubDifferential, FixedSeed) {
  walk_with_subscribers(1, default_steps());
}

TEST(PubSubDifferential, FreshSeed) {
  walk_with_subscribers(announced_seed("PubSubDifferential"), default_steps());
}

}  // namespace
}  // namespace cowslip::testing
