// The keyspace events of every command, Cowslip's beside redis-server's: first each event once, on purpose, then those
// of random commands.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "base/text.h"
#include "tests/differential/generator.h"
#include "tests/differential/party.h"

namespace cowslip::testing {
namespace {

Arguments words_of(const std::string& text) {
  std::istringstream words(text);
  return {std::istream_iterator<std::string>(words), std::istream_iterator<std::string>()};
}

// A line of script, and the event that it makes, maybe among others.
struct Scene {
  const char* event;
  const char* command;
};

// Every event there is but "restore", whose command is not of words, and "evicted" (integration/eviction_test.cc). It
// begins without a key.
const std::vector<Scene> kScript = {
    {"keymiss", "GET s"},
    {"new", "SET s 1"},
    {"set", "SET s 2"},
    {"set", "MSET s 3 t 4"},
    {"incrby", "INCR s"},
    {"incrby", "DECRBY s 7"},
    {"incrbyfloat", "INCRBYFLOAT s 0.5"},
    {"append", "APPEND s x"},
    {"setrange", "SETRANGE s 1 y"},
    {"setbit", "SETBIT s 1 1"},
    {"setbit", "BITFIELD s SET u8 0 7"},
    {"set", "BITOP NOT t s"},
    {"del", "BITOP AND t none nothing"},
    {"expire", "EXPIRE s 1000"},
    {"expire", "GETEX s EX 2000"},
    {"persist", "PERSIST s"},
    {"copy_to", "COPY s t"},
    {"rename_from", "RENAME s u"},
    {"rename_to", "RENAME u s"},
    {"move_from", "MOVE s 1"},
    {"move_to", "MOVE t 1"},
    {"pfadd", "PFADD p a"},
    {"pfadd", "PFMERGE q p"},
    {"del", "DEL p q"},
    {"lpush", "LPUSH l a b c"},
    {"rpush", "RPUSH l d e a b"},
    {"linsert", "LINSERT l BEFORE a x"},
    {"lset", "LSET l 0 y"},
    {"lrem", "LREM l 1 x"},
    {"lpop", "LPOP l"},
    {"rpop", "RPOP l"},
    {"lpush", "LMOVE l k RIGHT LEFT"},
    {"ltrim", "LTRIM l 1 2"},
    {"del", "LTRIM l 5 6"},
    {"sortstore", "SORT k ALPHA STORE m"},
    {"del", "SORT none STORE m"},
    {"hset", "HSET h a 1 b 2"},
    {"hincrby", "HINCRBY h a 1"},
    {"hincrbyfloat", "HINCRBYFLOAT h a 0.5"},
    {"hdel", "HDEL h a"},
    {"del", "HDEL h b"},
    {"sadd", "SADD a x y z"},
    {"srem", "SREM a x"},
    {"spop", "SPOP a"},
    {"sadd", "SADD b x y z"},
    {"srem", "SMOVE b a x"},
    {"sinterstore", "SINTERSTORE c b b"},
    {"sunionstore", "SUNIONSTORE c a b"},
    {"sdiffstore", "SDIFFSTORE c b none"},
    {"del", "SDIFFSTORE c b b"},
    {"zadd", "ZADD z 1 a 2 b 3 c 4 d 5 e 6 f 7 g 8 h"},
    {"zincr", "ZINCRBY z 1 a"},
    {"zrem", "ZREM z a"},
    {"zpopmin", "ZPOPMIN z"},
    {"zpopmax", "ZPOPMAX z"},
    {"zremrangebyrank", "ZREMRANGEBYRANK z 0 0"},
    {"zremrangebyscore", "ZREMRANGEBYSCORE z 4 4"},
    {"zremrangebylex", "ZREMRANGEBYLEX z [e [e"},
    {"zrangestore", "ZRANGESTORE y z 0 -1"},
    {"zunionstore", "ZUNIONSTORE y 1 z"},
    {"zinterstore", "ZINTERSTORE y 1 z"},
    {"zdiffstore", "ZDIFFSTORE y 1 z"},
    {"del", "ZDIFFSTORE y 2 z z"},
    {"zadd", "GEOADD g 13 38 p"},
    {"geosearchstore", "GEOSEARCHSTORE d g FROMMEMBER p BYRADIUS 9 km"},
    {"georadiusstore", "GEORADIUS g 13 38 9 km STORE d"},
    {"del", "GEORADIUS g 13 39 9 m STORE d"},
    {"set", "SET late v PXAT 1"},
    {"expired", "GET late"},
    // What is stored over a key whose time has passed lets it expire; what stores nothing deletes it as it is.
    {"set", "SET late v PXAT 1"},
    {"expired", "SORT k ALPHA STORE late"},
    {"set", "SET r v"},
    {"set", "SET late v PXAT 1"},
    {"expired", "BITOP NOT late r"},
    {"set", "SET late v PXAT 1"},
    {"del", "SINTERSTORE late b none"},
    {"set", "SET late v PXAT 1"},
    {"del", "SORT none STORE late"},
    {"set", "SET late v PXAT 1"},
    {"del", "ZUNIONSTORE late 1 none"},
};

// Commands whose random forms are compared. Those that walk over keys meet expired ones at times of each server's own.
const std::string kCompared =
    "set setnx setex psetex get getset getdel getex mget mset msetnx append strlen incr decr incrby "
    "decrby incrbyfloat getrange substr setrange lcs del unlink exists touch type expire pexpire expireat "
    "pexpireat ttl pttl expiretime pexpiretime persist rename renamenx copy move restore object|encoding "
    "zadd zincrby zrem zrange zrangestore zremrangebyrank zremrangebyscore zremrangebylex zpopmin zpopmax "
    "zmpop zunion zunionstore zinterstore zdiffstore zscore geoadd geosearch geosearchstore georadius "
    "georadiusbymember hset hmset hsetnx hget hmget hgetall hdel hlen hincrby hincrbyfloat sadd srem "
    "smove sismember smembers sinter sunion sdiff sintercard sinterstore sunionstore sdiffstore "
    "setbit getbit bitcount bitpos bitop bitfield bitfield_ro pfadd pfcount pfmerge "
    "lpush rpush lpushx rpushx lpop rpop lmpop lmove rpoplpush lpos linsert ltrim lrem llen lindex lset lrange";

// Both servers with a client that acts and one that listens.
class EventsOfBoth {
 public:
  EventsOfBoth() {
    for (Party* party : {&ours_, &theirs_}) {
      party->server.client()("DEBUG", "SET-ACTIVE-EXPIRE", "0");
      party->server.client()("CONFIG", "SET", "notify-keyspace-events", "KEAmn");
      party->come(2);
      party->connections[1]("PSUBSCRIBE", "__key*__:*");
    }
  }

  struct Heard {
    std::vector<std::string> ours, theirs;
    bool only_we_refuse;  // as 7.2 does; differential_test.cc compares replies
  };
  std::string dump(const std::string& key) { return ours_.connections[0]("DUMP", key).text; }
  Heard after(const Arguments& command) {
    const bool they_refuse = theirs_.connections[0].command(command).is_error();
    const bool we_refuse = ours_.connections[0].command(command).is_error();
    return {.ours = events(ours_), .theirs = events(theirs_), .only_we_refuse = we_refuse && !they_refuse};
  }

 private:
  // Like "__keyspace@0__:key event".
  std::vector<std::string> events(Party& party) {
    std::vector<std::string> events;
    for (const Reply& message : hear(party.connections[1], fmt::format("token {}", ++tokens_))) {
      if (message.elements.size() != 4) continue;
      events.push_back(describe(message.elements[2]) + " " + message.elements[3].text);
    }
    return events;
  }

  Party ours_{""};
  Party theirs_{kRedisBinary};
  int64_t tokens_ = 0;
};

bool tells_of(const std::vector<std::string>& events, const std::string& event) {
  return std::ranges::any_of(events, [&](const std::string& told) { return told.ends_with("\" " + event); });
}

TEST(KeyspaceEventsDifferential, EveryEventOnce) {
  EventsOfBoth servers;
  const auto expect_event = [&](const std::string& event, const Arguments& command) {
    const auto heard = servers.after(command);
    EXPECT_EQ(heard.ours, heard.theirs) << describe(command);
    EXPECT_TRUE(tells_of(heard.ours, event)) << describe(command) << " made no event " << event;
  };
  for (const Scene& scene : kScript) expect_event(scene.event, words_of(scene.command));
  expect_event("restore", {"RESTORE", "restored", "0", servers.dump("r")});
}

std::vector<Generator> compared_generators(const std::set<std::string>& compared) {
  std::vector<Generator> generators = all_generators();
  std::erase_if(generators, [&](const Generator& one) { return !compared.contains(std::string(one.command)); });
  return generators;
}

Steps draw(Pool& pool, const std::vector<Generator>& generators) {
  // Now and then a key that has expired before anybody sees it, and a sorted set with something to take out.
  if (pool.chance(5)) return {{{"SET", pool.key(), "v", "PXAT", "1"}}};
  if (pool.chance(5)) {
    return {{{"DEL", "zset:1"}},
            {{"ZADD", "zset:1", "1", "m1", "2", "m2", "3", "m3", "4", "m4", "5", "m5", "6", "m6"}}};
  }
  return pool.pick(generators).make(pool);
}

int64_t default_steps() {
  return 8 * environment_integer("COWSLIP_DIFFERENTIAL_STEPS", sanitized() ? 500 : 1500);
}

TEST(KeyspaceEventsDifferential, EachCommandHasRedisEventsInRedisOrder) {
  EventsOfBoth servers;
  const Arguments names = words_of(kCompared);
  const std::set<std::string> compared(names.begin(), names.end());
  const std::vector<Generator> generators = compared_generators(compared);
  ASSERT_EQ(generators.size(), compared.size());
  const uint64_t seed = announced_seed("KeyspaceEventsDifferential");
  Pool pool(seed);
  for (int64_t i = 0; i < default_steps(); i++) {
    const Steps steps = draw(pool, generators);
    if (std::ranges::any_of(steps, [](const Step& step) { return step.pause_ms > 0; })) continue;  // a matter of time
    for (const Step& step : steps) {
      if (step.action != Action::kSend) continue;
      const auto heard = servers.after(step.arguments);
      const std::string command = to_lower(step.arguments[0]);
      if (!compared.contains(command) && command != "object") continue;  // a part of what a generator does besides
      if (heard.only_we_refuse) continue;
      ASSERT_EQ(heard.ours, heard.theirs) << "seed " << seed << ", step " << i << ": " << describe(step.arguments);
    }
  }
}

}  // namespace
}  // namespace cowslip::testing
