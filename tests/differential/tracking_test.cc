// Client-side caching of Cowslip and of redis-server beside each other: the same random commands over several
// connections of both protocol versions, with and without redirections, and each connection has to hear the same after
// each of them, in the same order.
//
// Left out because they differ on purpose (docs/decisions/0013-client-tracking.md): SWAPDB, of which Redis says
// nothing; in which version of the protocol a flush's null is when a client redirects to one that speaks the other
// (Redis takes the wrong one); and two of a command's own prefixes that overlap behind the first, to which Redis sends
// two replies.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "tests/differential/generator.h"
#include "tests/differential/party.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// All that has arrived until now. What is told at the end of a turn of the server's loop comes behind the first answer,
// which may be of the same turn; it is there before the second.
std::vector<Reply> hear_all(Connection& connection, const std::string& token) {
  std::vector<Reply> heard = hear(connection, token);
  std::ranges::move(hear(connection, token), std::back_inserter(heard));
  return heard;
}

bool is_invalidation(const Reply& heard) {
  if (heard.elements.size() < 2) return false;
  return heard.elements[0].text == "invalidate" || heard.elements[1].text == "__redis__:invalidate";
}

// A server and its clients, by places that stay; behind each a connection that may be opened anew. Both parties'
// clients have the same numbers.
struct NumberedParty {
  static constexpr int64_t kFirstNumber = 100;

  NumberedParty(const char* binary, size_t clients) : server({.directives = {"--databases", "4"}, .binary = binary}) {
    server.client()("DEBUG", "SET-ACTIVE-EXPIRE", "0");
    while (server.connection()("CLIENT", "ID").integer < kFirstNumber) continue;
    for (size_t i = 0; i < clients; i++) {
      connections.push_back(server.connection());
      ids.push_back(id_of(i));
    }
  }
  std::string id_of(size_t place) { return std::to_string(connections[place]("CLIENT", "ID").integer); }
  // `witness`: another place, whose connection waits until the server knows that the client has gone.
  void reopen(size_t place, size_t witness) {
    connections[place] = server.connection();
    const bool gone = eventually([&] {
      const Reply listed = connections[witness]("CLIENT", "LIST", "ID", ids[place]);
      return listed.text.find(ids[place]) == std::string::npos;
    });
    EXPECT_TRUE(gone);
    ids[place] = id_of(place);
  }

  ServerProcess server;
  std::vector<Connection> connections;
  std::vector<std::string> ids;
};

// Places 0 and 1 speak RESP3 and 2 and 3 RESP2. 4 is a subscriber of RESP2, 5 one of RESP3 that others redirect to, and
// 6 only writes. 7 tracks all the time, so that Cowslip, too, remembers what others have read while they do not track.
class TrackingWalk {
 public:
  explicit TrackingWalk(uint64_t seed) : pool_(seed) {
    for (NumberedParty* party : {&ours_, &theirs_}) {
      for (const size_t place : {0, 1, 5, 7}) party->connections[place]("HELLO", "3");
      party->connections[kWitness]("CLIENT", "TRACKING", "ON", "BCAST", "PREFIX", "nobody has this");
      prepare(*party, 4);
      prepare(*party, 5);
    }
  }

  int64_t invalidations() const { return invalidations_; }
  int64_t broken_redirections() const { return broken_; }

  // What differed, or nothing.
  std::string step() {
    if (++taken_ % kStepsForABreak == 0) return break_redirection();
    if (pool_.chance(4)) return reopen(static_cast<size_t>(pool_.between(4, 5)));
    const auto client = static_cast<size_t>(pool_.chance(30) ? kWriter : pool_.between(0, 3));
    return take(client, draw(client));
  }

 private:
  using Heard = std::vector<std::vector<std::string>>;
  static constexpr size_t kClients = 8;
  static constexpr size_t kWriter = 6;
  static constexpr size_t kWitness = 7;
  static constexpr int64_t kStepsForABreak = 200;

  std::string take(size_t client, const std::vector<Arguments>& commands) {
    std::string words;
    for (const Arguments& arguments : commands) words += " " + describe(arguments) + ";";
    history_ = fmt::format("{}\n  client {}:{}", history_, client, words);
    return compare(heard_by_all(ours_, client, commands), heard_by_all(theirs_, client, commands));
  }

  // What has to come together for it hardly does by chance: a client redirects and reads, the other one goes, and
  // somebody writes.
  std::string break_redirection() {
    const std::string read_key = key();
    std::string difference = take(0, {{"SELECT", "0"},
                                      {"CLIENT", "TRACKING", "off"},
                                      {"CLIENT", "TRACKING", "on", "REDIRECT", "{4}"},
                                      {"GET", read_key}});
    if (difference.empty()) difference = reopen(4);
    return difference.empty() ? take(kWriter, {{"SET", read_key, "v"}}) : difference;
  }

  static void prepare(NumberedParty& party, size_t place) {
    party.connections[place]("SUBSCRIBE", "__redis__:invalidate");
    if (place == 5) hear_all(party.connections[place], "prepared");
  }

  // A client that others redirect to goes, and another one comes: its number is another one, too.
  std::string reopen(size_t place) {
    history_ += fmt::format("\n  client {} goes and comes", place);
    for (NumberedParty* party : {&ours_, &theirs_}) {
      party->reopen(place, kWitness);
      if (place == 5) party->connections[place]("HELLO", "3");
      prepare(*party, place);
    }
    return {};
  }

  std::string key() { return pool_.one_of({"a", "ab", "b", "user:1", "user:2", "", "\xff"}); }
  std::string prefix() { return pool_.one_of({"a", "user:", "user:1", "b", ""}); }

  Arguments tracking() {
    Arguments arguments = {"CLIENT", pool_.word("TRACKING"), pool_.one_of({"on", "ON", "on", "off", "of"})};
    if (pool_.chance(30)) {
      arguments.insert(arguments.end(), {"BCAST"});
      if (pool_.chance(70)) arguments.insert(arguments.end(), {"PREFIX", prefix()});
      if (pool_.chance(20)) arguments.insert(arguments.end(), {"PREFIX", pool_.one_of({"c", "d"})});
    }
    if (pool_.chance(20)) arguments.push_back(pool_.word("OPTIN"));
    if (pool_.chance(10)) arguments.push_back(pool_.word("OPTOUT"));
    if (pool_.chance(20)) arguments.push_back(pool_.word("NOLOOP"));
    if (pool_.chance(35)) arguments.insert(arguments.end(), {"REDIRECT", pool_.one_of({"{4}", "{5}", "{5}", "{own}"})});
    if (pool_.chance(3)) arguments.insert(arguments.end(), {"REDIRECT", pool_.one_of({"0", "x", "999999999", "-1"})});
    if (pool_.chance(2)) arguments.push_back(pool_.one_of({"PREFIX", "REDIRECT", "nonsense"}));
    return arguments;
  }

  Arguments read_command() {
    switch (pool_.between(0, 7)) {
      case 0:
        return {"MGET", key(), key()};
      case 1:
        return {pool_.one_of({"EXISTS", "STRLEN", "TTL", "TYPE"}), key()};
      case 2:
        return {"OBJECT", "ENCODING", key()};
      case 3:
        return {pool_.one_of({"BITCOUNT", "GETRANGE"}), key(), "0", "-1"};
      case 4:
        return {pool_.one_of({"LCS", "PFCOUNT"}), key(), key()};
      case 5:
        return {"GETEX", key()};  // no read, for Redis
      default:
        return {"GET", key()};
    }
  }

  Arguments write_command() {
    switch (pool_.between(0, 17)) {
      case 0:
        return {"MSET", key(), "1", key(), "2", key(), "3"};
      case 1:
        return {pool_.one_of({"DEL", "UNLINK", "GETDEL", "PERSIST"}), key()};
      case 2:
        return {pool_.one_of({"RENAME", "COPY", "RENAMENX"}), key(), key()};
      case 3:
        return {"MOVE", key(), pool_.one_of({"0", "1"})};
      case 4:
        return {"EXPIRE", key(), pool_.one_of({"1000", "-1", "2000"})};
      case 5:
        return {"SET", key(), "v", "PXAT", "1"};  // is expired, and somebody will notice
      case 6:
        return {pool_.one_of({"INCR", "DECR"}), key()};
      case 7:
        return {pool_.one_of({"APPEND", "SETNX", "PFADD", "GETSET"}), key(), pool_.one_of({"1", ""})};
      case 8:
        return {"SETRANGE", key(), "1", pool_.one_of({"x", ""})};
      case 9:
        return {"BITOP", "OR", key(), key(), key()};
      case 10:
        return {"SET", key(), "v", pool_.one_of({"XX", "NX", "KEEPTTL", "GET"})};
      case 11:
        return {"GETEX", key(), pool_.one_of({"PERSIST", "EX"}), "100"};
      default:
        return {"SET", key(), pool_.one_of({"1", "2", "text"})};
    }
  }

  Arguments flush() { return {pool_.one_of({"FLUSHALL", "FLUSHDB"}), pool_.one_of({"SYNC", "ASYNC", "huh"})}; }

  Arguments any_command() {
    switch (pool_.between(0, 39)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return tracking();
      case 4:
        return {"CLIENT", "TRACKINGINFO"};
      case 5:
        return {"CLIENT", "GETREDIR"};
      case 6:
      case 7:
        return {"CLIENT", pool_.word("CACHING"), pool_.one_of({"yes", "no", "YES", "NO", "huh"})};
      case 8:
        return {"SELECT", pool_.one_of({"0", "0", "1"})};
      case 9:
        return pool_.chance(30) ? flush() : Arguments{"PING"};
      case 10:
        return pool_.chance(10) ? Arguments{"RESET"} : Arguments{"DBSIZE"};
      case 11:
        return {pool_.one_of({"NOSUCH", "CLIENT"}), "huh"};
      case 12:
        return {"DISCARD"};
      default:
        return pool_.chance(50) ? read_command() : write_command();
    }
  }

  std::vector<Arguments> draw(size_t client) {
    if (client == kWriter) return {pool_.chance(2) ? flush() : write_command()};
    std::vector<Arguments> commands;
    const bool transaction = pool_.chance(10);
    if (transaction) commands.push_back({"MULTI"});
    for (int64_t left = transaction ? pool_.between(0, 6) : pool_.between(1, 2); left > 0; left--) {
      commands.push_back(any_command());
      // What a client did before it stopped in the same transaction Redis tells it all the same.
      if (transaction && commands.back().size() > 2 && commands.back()[2] == "off") commands.back()[2] = "on";
      if (commands.back()[0] == "RESET" && client < 2) commands.push_back({"HELLO", "3"});
    }
    if (transaction) commands.push_back({"EXEC"});
    return commands;
  }

  // "{4}" is the number of the client at place 4, "{own}" that of the one that sends. (Two clients of which one
  // redirects to the other would hear of changes behind its replies, as in 7.2, or before them, as in the oracle.)
  static Arguments with_ids(const NumberedParty& party, size_t client, Arguments arguments) {
    for (std::string& word : arguments) {
      if (word == "{own}") word = party.ids[client];
      if (word == "{4}") word = party.ids[4];
      if (word == "{5}") word = party.ids[5];
    }
    return arguments;
  }

  static std::string comparable(Reply reply) {
    if (!reply.elements.empty() && reply.elements[0].text == "server") return "HELLO's";
    for (Reply& element : reply.elements) {
      if (element.is_null()) element = Reply::null();  // in both versions
    }
    return describe(reply, true);
  }

  Heard heard_by_all(NumberedParty& party, size_t client, const std::vector<Arguments>& commands) {
    const std::string token = fmt::format("token {}", ++steps_);
    std::string bytes;
    for (const Arguments& arguments : commands) bytes += encode(with_ids(party, client, arguments));
    party.connections[client].send(bytes);
    Heard heard(kClients);
    const auto note = [&](size_t place) {
      for (const Reply& reply : hear_all(party.connections[place], token)) {
        invalidations_ += is_invalidation(reply);
        broken_ += !reply.elements.empty() && reply.elements[0].text == "tracking-redir-broken";
        heard[place].push_back(comparable(reply));
      }
    };
    // The one that has sent comes first: its answer says that the command is done.
    note(client);
    for (size_t i = 0; i < kClients; i++) {
      if (i != client) note(i);
    }
    return heard;
  }

  std::string compare(const Heard& ours, const Heard& theirs) const {
    for (size_t i = 0; i < kClients; i++) {
      if (ours[i] == theirs[i]) continue;
      return fmt::format("client {} heard\n  cowslip: {}\n    redis: {}\nafter:{}", i, fmt::join(ours[i], " "),
                         fmt::join(theirs[i], " "), last_steps());
    }
    return {};
  }

  std::string last_steps() const {
    constexpr size_t kShown = 6000;
    return history_.size() > kShown ? history_.substr(history_.find('\n', history_.size() - kShown)) : history_;
  }

  Pool pool_;
  NumberedParty ours_{"", kClients};
  NumberedParty theirs_{kRedisBinary, kClients};
  int64_t taken_ = 0;
  int64_t steps_ = 0;
  int64_t invalidations_ = 0;
  int64_t broken_ = 0;
  std::string history_;
};

void walk_with_caches(uint64_t seed, int64_t steps) {
  TrackingWalk walk(seed);
  for (int64_t i = 0; i < steps; i++) {
    const std::string difference = walk.step();
    ASSERT_TRUE(difference.empty()) << "seed " << seed << ", step " << i << ": " << difference;
  }
  EXPECT_GT(walk.invalidations(), steps / 10) << "hardly anybody was told anything";
  EXPECT_GT(walk.broken_redirections(), 0);
}

int64_t default_steps() {
  return environment_integer("COWSLIP_DIFFERENTIAL_STEPS", 1500);
}

TEST(TrackingDifferential, FixedSeed) {
  walk_with_caches(1, default_steps());
}

TEST(TrackingDifferential, FreshSeed) {
  walk_with_caches(announced_seed("TrackingDifferential"), default_steps());
}

}  // namespace
}  // namespace cowslip::testing
