// No command without a test: what the server lists must have a generator, or a line here that says why not and where it
// is tested instead.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "tests/differential/generator.h"
#include "tests/support/server_process.h"

namespace cowslip::testing {
namespace {

// Command -> why it has no generator, and the test that covers it.
const std::map<std::string, std::string> kExceptions = {
    {"monitor", "turns the connection into a stream: integration/observing_test.cc"},
    {"subscribe", "replies and messages come in numbers of their own: differential/pubsub_test.cc"},
    {"psubscribe", "as subscribe"},
    {"ssubscribe", "as subscribe"},
    {"unsubscribe", "as subscribe"},
    {"punsubscribe", "as subscribe"},
    {"sunsubscribe", "as subscribe"},
    {"sync", "turns the connection into a stream: cli/cli_test.py fetches a snapshot with redis-cli --rdb"},
    {"psync", "as sync"},
    {"replconf", "part of sync: cli/cli_test.py"},
    {"snapshot|status", "our own: integration/snapshot_command_test.cc"},
    {"snapshot|history", "our own: integration/snapshot_command_test.cc"},
    {"snapshot|causes", "our own: integration/snapshot_command_test.cc"},
    {"snapshot|forecast", "our own: integration/snapshot_command_test.cc"},
    {"snapshot|timeline", "our own: integration/snapshot_command_test.cc"},
    {"snapshot|help", "our own: integration/snapshot_command_test.cc"},
    {"pfselftest", "takes the oracle a second each time: unit/commands/hyperloglog_commands_test.cc"},
    {"client|setinfo", "the oracle, Redis 7.0, does not have it yet: integration/client_command_test.cc"},
    {"client|no-touch", "the oracle, Redis 7.0, does not have it yet: integration/client_command_test.cc"},
};

// Every command and subcommand that the server lists, "client|list" for subcommands.
std::set<std::string> listed_commands(const ServerProcess& server) {
  const auto listed = server.client()("COMMAND", "LIST").strings();
  std::set<std::string> names(listed.begin(), listed.end());
  const Reply details = server.client()("COMMAND");
  for (const auto& command : details.elements) {
    if (command.elements.size() < 10) continue;
    for (const auto& subcommand : command.elements[9].elements) names.insert(subcommand.elements.at(0).text);
  }
  return names;
}

std::set<std::string> generated_commands() {
  std::set<std::string> names;
  for (const auto& generator : all_generators()) names.insert(std::string(generator.command));
  return names;
}

bool is_container(const std::set<std::string>& names, const std::string& name) {
  const auto next = names.lower_bound(name + "|");
  return next != names.end() && next->starts_with(name + "|");
}

TEST(Coverage, EveryListedCommandHasAGeneratorOrAReason) {
  const ServerProcess server;
  const auto listed = listed_commands(server);
  ASSERT_GT(listed.size(), 50u);
  const auto generated = generated_commands();
  for (const auto& name : listed) {
    if (is_container(listed, name)) continue;  // its subcommands stand for it
    EXPECT_TRUE(generated.contains(name) || kExceptions.contains(name))
        << "add a generator for " << name << " in tests/differential/";
  }
}

TEST(Coverage, EveryExceptionIsStillNeeded) {
  const ServerProcess server;
  const auto listed = listed_commands(server);
  const auto generated = generated_commands();
  for (const auto& [name, reason] : kExceptions) {
    EXPECT_FALSE(reason.empty());
    EXPECT_FALSE(generated.contains(name)) << name;
  }
}

// The other way round: a command that gets lost is noticed.
TEST(Coverage, EveryPromisedCommandIsListed) {
  const ServerProcess server;
  const auto listed = listed_commands(server);
  for (const std::string_view family :
       {"ping echo quit reset select auth hello client|id client|info client|list client|getname client|setname "
        "client|setinfo client|kill client|pause client|unpause client|reply client|no-evict client|no-touch "
        "client|unblock client|tracking client|trackinginfo client|caching client|getredir command|count command|docs "
        "command|getkeys command|getkeysandflags command|info command|list",
        "append decr decrby get getdel getex getrange getset incr incrby incrbyfloat lcs mget mset msetnx psetex set "
        "setex setnx setrange strlen substr",
        "setbit getbit bitcount bitpos bitop bitfield bitfield_ro pfadd pfcount pfmerge pfselftest",
        "lpush rpush lpushx rpushx lpop rpop lmpop lmove rpoplpush llen lindex lset lrange ltrim lrem linsert lpos "
        "sort sort_ro",
        "blpop brpop blmove brpoplpush blmpop bzpopmin bzpopmax bzmpop",
        "zadd zincrby zrem zcard zscore zmscore zrank zrevrank zcount zlexcount zrange zrangestore zrangebyscore "
        "zrevrangebyscore zrangebylex zrevrangebylex zrevrange zremrangebyrank zremrangebyscore zremrangebylex zpopmin "
        "zunion zinter zdiff zintercard zunionstore zinterstore zdiffstore "
        "zpopmax zmpop zrandmember zscan",
        "geoadd geopos geodist geohash geosearch geosearchstore georadius georadius_ro georadiusbymember "
        "georadiusbymember_ro",
        "hdel hexists hget hgetall hincrby hincrbyfloat hkeys hlen hmget hmset hrandfield hscan hset hsetnx hstrlen "
        "hvals sadd scard sdiff sdiffstore sinter sintercard sinterstore sismember smembers smismember smove spop "
        "srandmember srem sscan sunion sunionstore",
        "copy del dump exists expire expireat expiretime keys move object|encoding object|freq object|idletime "
        "object|refcount persist pexpire pexpireat pexpiretime pttl randomkey rename renamenx restore scan touch ttl "
        "type unlink dbsize swapdb flushdb flushall",
        "multi exec discard watch unwatch",
        "info memory|usage memory|stats memory|doctor memory|malloc-stats memory|purge slowlog|get slowlog|len "
        "slowlog|reset latency|latest latency|history latency|reset latency|graph latency|doctor latency|histogram "
        "monitor time save bgsave lastsave shutdown debug config|get config|set config|rewrite config|resetstat "
        "subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe publish spublish pubsub|channels "
        "pubsub|numsub pubsub|numpat pubsub|shardchannels pubsub|shardnumsub "
        "sync snapshot|status snapshot|history snapshot|causes snapshot|forecast snapshot|timeline snapshot|help"}) {
    size_t start = 0;
    while (start < family.size()) {
      const size_t end = std::min(family.find(' ', start), family.size());
      const std::string name(family.substr(start, end - start));
      EXPECT_TRUE(listed.contains(name)) << name;
      start = end + 1;
    }
  }
}

// Redis 7.2 changed their arity: a command without arguments can be asked about, ranks come with scores.
const std::set<std::string> kOtherArityIn72 = {"command|getkeys", "command|getkeysandflags", "zrank", "zrevrank"};

// Since 7.2 scripts may call them, where they do not wait.
const std::set<std::string> kForScriptsIn72 = {"blpop", "brpop", "blmove", "brpoplpush", "bzpopmin", "bzpopmax"};

// What COMMAND INFO says of a command, as far as Redis 7.0 and 7.2 agree.
Reply comparable_info(Reply command) {
  if (command.elements.size() < 10) return command;
  if (kOtherArityIn72.contains(command.elements[0].text)) command.elements[1] = Reply::null();
  command.elements.resize(7);  // tips, key specifications and subcommands are not compared
  for (const size_t unordered : {2, 6}) {
    auto& elements = command.elements[unordered].elements;
    std::sort(elements.begin(), elements.end(), [](const Reply& a, const Reply& b) { return a.text < b.text; });
  }
  return command;
}

TEST(Coverage, CommandInfoIsRedis) {
  const ServerProcess cowslip;
  const ServerProcess redis({.binary = kRedisBinary});
  Client ours = cowslip.client();
  Client theirs = redis.client();
  for (const auto& name : listed_commands(cowslip)) {
    const Reply expected = theirs("COMMAND", "INFO", name);
    if (expected.elements.at(0).is_null()) continue;  // newer than the oracle
    Reply wanted = comparable_info(expected.elements[0]);
    if (kForScriptsIn72.contains(name)) std::erase(wanted.elements[2].elements, Reply::simple("noscript"));
    EXPECT_EQ(comparable_info(ours("COMMAND", "INFO", name).elements.at(0)), wanted);
  }
}

TEST(Coverage, CommandDocsNameGroupSinceAndArguments) {
  const ServerProcess cowslip;
  const ServerProcess redis({.binary = kRedisBinary});
  // hiredis gives up on replies nested this deep.
  const Reply ours = cowslip.connection()("COMMAND", "DOCS");
  const Reply theirs = redis.connection()("COMMAND", "DOCS");
  ASSERT_GT(ours.elements.size(), 100u);
  for (size_t i = 0; i + 1 < ours.elements.size(); i += 2) {
    const std::string& name = ours.elements[i].text;
    const Reply* expected = theirs.find(name);
    if (expected == nullptr) continue;
    for (const char* field : {"group", "since"}) {
      ASSERT_NE(ours.elements[i + 1].find(field), nullptr) << name << " " << field;
      EXPECT_EQ(*ours.elements[i + 1].find(field), *expected->find(field)) << name;
    }
    if (expected->find("arguments") != nullptr) {
      EXPECT_NE(ours.elements[i + 1].find("arguments"), nullptr) << name;
    }
    EXPECT_NE(ours.elements[i + 1].find("summary"), nullptr) << name;
  }
}

}  // namespace
}  // namespace cowslip::testing
