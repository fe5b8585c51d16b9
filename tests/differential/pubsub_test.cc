// Subscribers of Cowslip and of redis-server beside each other: the same random commands, and each connection has to
// hear the same after each of them, replies and messages.
//
// Left out because 7.2, which Cowslip follows, differs from the oracle's 7.0: where a message to oneself stands, before
// the reply or behind it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "base/text.h"
#include "tests/differential/generator.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

bool is_pong(const Reply& reply, const std::string& token) {
  if (reply.kind == Reply::Kind::kBulk) return reply.text == token;
  return reply.kind == Reply::Kind::kArray && reply.elements.size() == 2 && reply.elements[1].text == token;
}

// All that has arrived until now, and arrives because of it.
std::vector<Reply> hear(Connection& connection, const std::string& token) {
  connection.send(encode({"PING", token}));
  std::vector<Reply> heard;
  while (true) {
    heard.push_back(connection.read());
    if (heard.back().kind == Reply::Kind::kClosed) return heard;
    if (!is_pong(heard.back(), token)) continue;
    heard.pop_back();
    return heard;
  }
}

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

// A server and its clients.
struct Party {
  explicit Party(const char* binary) : server({.directives = {"--databases", "4"}, .binary = binary}) {}
  void come(size_t clients) {
    while (connections.size() < clients) connections.push_back(server.connection());
  }

  ServerProcess server;
  std::vector<Connection> connections;
};

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

// ---- the events of every command ----

std::set<std::string> words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

// Commands whose events are compared. Those that walk over keys meet expired ones at times of each server's own.
const std::set<std::string> kCompared = words_of(
    "set setnx setex psetex get getset getdel getex mget mset msetnx append strlen incr decr incrby "
    "decrby incrbyfloat getrange substr setrange lcs del unlink exists touch type expire pexpire expireat "
    "pexpireat ttl pttl expiretime pexpiretime persist rename renamenx copy move restore object|encoding "
    "zadd zincrby zrem zrange zrangestore zremrangebyrank zremrangebyscore zremrangebylex zpopmin zpopmax "
    "zmpop zunion zunionstore zinterstore zdiffstore zscore geoadd geosearch geosearchstore georadius "
    "georadiusbymember hset hmset hsetnx hget hmget hgetall hdel hlen hincrby hincrbyfloat sadd srem "
    "smove sismember smembers sinter sunion sdiff sintercard "
    "sinterstore sunionstore sdiffstore "
    "setbit getbit bitcount bitpos bitop bitfield bitfield_ro pfadd pfcount pfmerge "
    "lpush rpush lpushx rpushx lpop rpop lmpop lmove rpoplpush lpos linsert ltrim lrem llen lindex lset lrange");

// In fewer, some events may well not come.
constexpr int64_t kStepsForEveryEvent = 1500;

std::vector<Generator> compared_generators() {
  std::vector<Generator> compared;
  for (const Generator& generator : all_generators()) {
    if (kCompared.contains(std::string(generator.command))) compared.push_back(generator);
  }
  return compared;
}

std::vector<std::string> events(Connection& listener, const std::string& token) {
  std::vector<std::string> events;
  for (const Reply& message : hear(listener, token)) {
    if (message.elements.size() == 4) events.push_back(describe(message.elements[2]) + " " + message.elements[3].text);
  }
  return events;
}

std::string as_deletion(std::string event) {
  const size_t at = event.find("expired");
  return at == std::string::npos ? event : event.replace(at, 7, "del");
}

TEST(KeyspaceEventsDifferential, EachCommandHasRedisEventsInRedisOrder) {
  Party ours("");
  Party theirs(kRedisBinary);
  for (Party* party : {&ours, &theirs}) {
    party->server.client()("DEBUG", "SET-ACTIVE-EXPIRE", "0");
    party->server.client()("CONFIG", "SET", "notify-keyspace-events", "KEAmn");
    party->come(2);
    party->connections[1]("PSUBSCRIBE", "__key*__:*");
  }
  const std::vector<Generator> generators = compared_generators();
  ASSERT_EQ(generators.size(), kCompared.size());
  const uint64_t seed = announced_seed("KeyspaceEventsDifferential");
  Pool pool(seed);
  std::set<std::string> seen;
  for (int64_t i = 0; i < 8 * default_steps(); i++) {
    Steps steps = pool.pick(generators).make(pool);
    if (std::ranges::any_of(steps, [](const Step& step) { return step.pause_ms > 0; })) continue;  // a matter of time
    // Now and then a key that has expired before anybody sees it, and a sorted set with something to take out.
    if (pool.chance(5)) steps = {{{"SET", pool.key(), "v", "PXAT", "1"}}};
    if (pool.chance(5)) {
      steps = {{{"DEL", "zset:1"}},
               {{"ZADD", "zset:1", "1", "m1", "2", "m2", "3", "m3", "4", "m4", "5", "m5", "6", "m6"}}};
    }
    for (const Step& step : steps) {
      if (step.action != Action::kSend) continue;
      const std::string token = fmt::format("token {}", i);
      const bool they_refuse = theirs.connections[0].command(step.arguments).is_error();
      const bool we_refuse = ours.connections[0].command(step.arguments).is_error();
      auto expected = events(theirs.connections[1], token), found = events(ours.connections[1], token);
      const std::string command = to_lower(step.arguments[0]);
      if (!kCompared.contains(command) && command != "object") continue;  // a part of what a generator does besides
      if (we_refuse && !they_refuse) continue;  // as 7.2 does; differential_test.cc compares replies
      // A command that stores nothing deletes what there is: Redis without looking whether it has expired.
      if (command.ends_with("store") || command == "bitop") {
        for (auto* list : {&expected, &found})
          std::ranges::for_each(*list, [](std::string& event) { event = as_deletion(event); });
      }
      ASSERT_EQ(found, expected) << "seed " << seed << ", step " << i << ": " << describe(step.arguments);
      for (const std::string& event : expected) seen.insert(event.substr(event.rfind(' ') + 1));
    }
  }
  if (default_steps() < kStepsForEveryEvent) return;
  for (const std::string& event : words_of(
           "set del expire persist incrby append setrange rename_from rename_to copy_to move_from move_to expired new "
           "keymiss zadd zincr zrem zpopmin zpopmax zremrangebyrank zremrangebyscore zremrangebylex zrangestore "
           "zunionstore zinterstore zdiffstore geosearchstore georadiusstore hset hincrby sadd "
           "setbit pfadd "
           "lpush rpush lpop rpop linsert lset ltrim lrem "
           "hincrbyfloat hdel srem")) {
    EXPECT_TRUE(seen.contains(event)) << "no command made the event " << event;
  }
}

}  // namespace
}  // namespace cowslip::testing
