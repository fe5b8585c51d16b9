#include <set>

#include "base/random.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class KeyCommandsTest : public CommandTest {
 protected:
  static constexpr std::string_view kSyntax = "-ERR syntax error";
  static constexpr std::string_view kNotInteger = "-ERR value is not an integer or out of range";
  static constexpr std::string_view kTooLarge =
      "-ERR value is out of range, value must between -2147483648 and 2147483647";

  std::string in_ms(int64_t ms) const { return std::to_string(now_ms() + ms); }
};

// ---- keys as such ----

TEST_F(KeyCommandsTest, DelAndUnlinkCountWhatTheyDeleted) {
  run("mset a 1 b 2 c 3");
  EXPECT_EQ(run("del a nothing a b"), ":2");
  EXPECT_EQ(run("unlink c c"), ":1");
  EXPECT_EQ(run("dbsize"), ":0");
  run("mset a 1 b 2");
  EXPECT_EQ(dirty_of("del a nothing"), 1u);
  EXPECT_EQ(dirty_of("unlink b a"), 1u);
  run("set k v px 1");
  advance_ms(2);
  EXPECT_EQ(run("del k"), ":0");
  run({"set", "k", std::string(1 << 20, 'x')});
  EXPECT_EQ(run("del k"), ":1");
}

TEST_F(KeyCommandsTest, ExistsAndTouchCountEveryMention) {
  run("set a 1");
  EXPECT_EQ(run("exists a a nothing"), ":2");
  EXPECT_EQ(run("touch a nothing a"), ":2");
  EXPECT_EQ(keyspace_.statistics().hits, 4u);
  EXPECT_EQ(keyspace_.statistics().misses, 2u);
}

TEST_F(KeyCommandsTest, TypeNamesTheType) {
  run("set a 1");
  EXPECT_EQ(run("type a"), "+string");
  EXPECT_EQ(run("type nothing"), "+none");
}

TEST_F(KeyCommandsTest, TouchMakesYoung) {
  run("set a 1");
  advance_ms(100'000);
  EXPECT_EQ(run("object idletime a"), ":100");
  run("exists a");
  run("ttl a");
  run("type a");
  EXPECT_EQ(run("object idletime a"), ":100");
  session_.no_touch = true;
  run("get a");
  EXPECT_EQ(run("object idletime a"), ":100");
  run("touch a");
  EXPECT_EQ(run("object idletime a"), ":0") << "even for a client with NO-TOUCH";
}

// ---- RENAME, COPY, MOVE ----

TEST_F(KeyCommandsTest, RenameTakesTheExpiryAlong) {
  run("set a 1 ex 10");
  run("set b 2 ex 20");
  EXPECT_EQ(run("rename a b"), "+OK");
  EXPECT_EQ(run("mget a b"), "[nil, \"1\"]");
  EXPECT_EQ(run("ttl b"), ":10");
  EXPECT_EQ(run("rename b b"), "+OK");
  EXPECT_EQ(dirty_of("rename b b"), 0u);
  EXPECT_EQ(dirty_of("rename b c"), 1u);
  EXPECT_EQ(run("rename nothing b"), "-ERR no such key");
  EXPECT_EQ(run("rename nothing nothing"), "-ERR no such key");
}

TEST_F(KeyCommandsTest, RenamenxLeavesOthersAlone) {
  run("mset a 1 b 2");
  EXPECT_EQ(run("renamenx a b"), ":0");
  EXPECT_EQ(run("renamenx a a"), ":0");
  EXPECT_EQ(run("renamenx a c"), ":1");
  EXPECT_EQ(run("renamenx a c"), "-ERR no such key");
  EXPECT_EQ(run("mget a b c"), "[nil, \"2\", \"1\"]");
}

TEST_F(KeyCommandsTest, CopyCopiesValueAndExpiry) {
  run("set a 1 ex 10");
  EXPECT_EQ(run("copy a b"), ":1");
  EXPECT_EQ(run("ttl b"), ":10");
  EXPECT_EQ(run("copy a b"), ":0");
  run("set a 2");
  EXPECT_EQ(run("copy a b REPLACE"), ":1");
  EXPECT_EQ(run("get b"), "\"2\"");
  EXPECT_EQ(run("ttl b"), ":-1");
  EXPECT_EQ(run("copy nothing b replace"), ":0");
  EXPECT_EQ(run("get b"), "\"2\"");
  EXPECT_EQ(dirty_of("copy a c"), 1u);
  EXPECT_EQ(dirty_of("copy a c"), 0u);
}

TEST_F(KeyCommandsTest, CopyReachesOtherDatabases) {
  run("set a 1");
  EXPECT_EQ(run("copy a a db 3"), ":1");
  EXPECT_EQ(run("copy a a db 0"), "-ERR source and destination objects are the same");
  EXPECT_EQ(run("copy a a"), "-ERR source and destination objects are the same");
  EXPECT_EQ(run("copy a b db 16"), "-ERR DB index is out of range");
  EXPECT_EQ(run("copy a b db -1"), "-ERR DB index is out of range");
  EXPECT_EQ(run("copy a b db x"), kNotInteger);
  EXPECT_EQ(run("copy a b db"), kSyntax);
  EXPECT_EQ(run("copy a b foo"), kSyntax);
  run("select 3");
  EXPECT_EQ(run("get a"), "\"1\"");
}

TEST_F(KeyCommandsTest, MoveNeedsAFreePlace) {
  run("set a 1 ex 10");
  EXPECT_EQ(run("move a 2"), ":1");
  EXPECT_EQ(run("exists a"), ":0");
  EXPECT_EQ(run("move a 2"), ":0");
  run("set a 2");
  EXPECT_EQ(run("move a 2"), ":0");
  EXPECT_EQ(run("move a 0"), "-ERR source and destination objects are the same");
  EXPECT_EQ(run("move a 16"), "-ERR DB index is out of range");
  EXPECT_EQ(run("move a x"), kNotInteger);
  EXPECT_EQ(run("move a 99999999999"), kTooLarge);
  run("select 2");
  EXPECT_EQ(run("get a"), "\"1\"");
  EXPECT_EQ(run("ttl a"), ":10");
  EXPECT_EQ(dirty_of("move a 5"), 1u);
  EXPECT_EQ(dirty_of("move a 5"), 0u);
}

// ---- expiry ----

TEST_F(KeyCommandsTest, ExpireTakesEachForm) {
  run("set k v");
  EXPECT_EQ(run("expire k 10"), ":1");
  EXPECT_EQ(run("pttl k"), ":10000");
  EXPECT_EQ(run("pexpire k 1500"), ":1");
  EXPECT_EQ(run("pttl k"), ":1500");
  EXPECT_EQ(run("expireat k " + std::to_string(now_ms() / 1000 + 7)), ":1");
  EXPECT_EQ(run("ttl k"), ":7");
  EXPECT_EQ(run("pexpireat k " + in_ms(33)), ":1");
  EXPECT_EQ(run("pttl k"), ":33");
  EXPECT_EQ(run("expire nothing 10"), ":0");
  EXPECT_EQ(dirty_of("expire k 10"), 1u);
  EXPECT_EQ(dirty_of("expire nothing 10"), 0u);
}

TEST_F(KeyCommandsTest, ExpireInThePastDeletes) {
  for (const std::string_view command : {"expire k 0", "expire k -1", "pexpire k -100", "expireat k 1",
                                         "pexpireat k -1", "expire k -9223372036854775"}) {
    run("set k v");
    EXPECT_EQ(run(command), ":1") << command;
    EXPECT_EQ(run("dbsize"), ":0") << command;
  }
  run("set k v");
  EXPECT_EQ(dirty_of("expire k -1"), 1u);
  run("set k v");
  EXPECT_EQ(run("pexpireat k " + in_ms(0)), ":1");
  EXPECT_EQ(run("dbsize"), ":0");
}

TEST_F(KeyCommandsTest, ExpireHeedsConditions) {
  run("set k v");
  EXPECT_EQ(run("expire k 10 xx"), ":0");
  EXPECT_EQ(run("expire k 10 gt"), ":0") << "no expiry is longer than any";
  EXPECT_EQ(run("expire k 10 LT"), ":1");
  EXPECT_EQ(run("expire k 20 nx"), ":0");
  EXPECT_EQ(run("expire k 20 lt"), ":0");
  EXPECT_EQ(run("expire k 10 gt"), ":0") << "not greater";
  EXPECT_EQ(run("expire k 20 gt"), ":1");
  EXPECT_EQ(run("expire k 30 xx gt"), ":1");
  EXPECT_EQ(run("ttl k"), ":30");
  run("persist k");
  EXPECT_EQ(run("expire k 40 nx"), ":1");
  EXPECT_EQ(run("expire k -1 gt"), ":0");
  EXPECT_EQ(run("expire k -1 lt"), ":1");
  EXPECT_EQ(run("exists k"), ":0");
}

TEST_F(KeyCommandsTest, ExpireRefusesContradictions) {
  EXPECT_EQ(run("expire k 10 foo"), "-ERR Unsupported option foo");
  EXPECT_EQ(run("expire k x foo"), "-ERR Unsupported option foo") << "before the number";
  EXPECT_EQ(run("expire k 10 nx gt"), "-ERR NX and XX, GT or LT options at the same time are not compatible");
  EXPECT_EQ(run("expire k 10 xx nx"), "-ERR NX and XX, GT or LT options at the same time are not compatible");
  EXPECT_EQ(run("expire k 10 lt gt"), "-ERR GT and LT options at the same time are not compatible");
  EXPECT_EQ(run("expire k x"), kNotInteger);
}

TEST_F(KeyCommandsTest, ExpireRefusesMomentsThatCannotBe) {
  EXPECT_EQ(run("expire k 9223372036854775807"), "-ERR invalid expire time in 'expire' command");
  EXPECT_EQ(run("expire k -9223372036854775807"), "-ERR invalid expire time in 'expire' command");
  EXPECT_EQ(run("pexpire k 9223372036854775807"), "-ERR invalid expire time in 'pexpire' command");
  EXPECT_EQ(run("expireat k 9223372036854776"), "-ERR invalid expire time in 'expireat' command");
  run("set k v");
  EXPECT_EQ(run("pexpireat k 9223372036854775807"), ":1");
  EXPECT_EQ(run("pexpiretime k"), ":9223372036854775807");
  EXPECT_EQ(run("expiretime k"), ":9223372036854776");
}

TEST_F(KeyCommandsTest, TtlRounds) {
  EXPECT_EQ(run("ttl k"), ":-2");
  EXPECT_EQ(run("pexpiretime k"), ":-2");
  run("set k v");
  EXPECT_EQ(run("pttl k"), ":-1");
  EXPECT_EQ(run("expiretime k"), ":-1");
  run("pexpire k 1499");
  EXPECT_EQ(run("ttl k"), ":1");
  run("pexpire k 1500");
  EXPECT_EQ(run("ttl k"), ":2");
  EXPECT_EQ(run("pexpiretime k"), ":" + in_ms(1500));
  advance_ms(1500);
  EXPECT_EQ(run("pttl k"), ":0");
  advance_ms(1);
  EXPECT_EQ(run("pttl k"), ":-2");
}

TEST_F(KeyCommandsTest, PersistMakesLasting) {
  run("set k v ex 10");
  EXPECT_EQ(dirty_of("persist k"), 1u);
  EXPECT_EQ(run("ttl k"), ":-1");
  EXPECT_EQ(run("persist k"), ":0");
  EXPECT_EQ(run("persist nothing"), ":0");
  EXPECT_EQ(dirty_of("persist k"), 0u);
}

// ---- databases ----

TEST_F(KeyCommandsTest, SelectChooses) {
  run("set k zero");
  EXPECT_EQ(run("select 15"), "+OK");
  EXPECT_EQ(run("get k"), "nil");
  EXPECT_EQ(run("select 16"), "-ERR DB index is out of range");
  EXPECT_EQ(run("select -1"), "-ERR DB index is out of range");
  EXPECT_EQ(run("select x"), kNotInteger);
  EXPECT_EQ(run("select 99999999999"), kTooLarge);
  EXPECT_EQ(session_.database, 15);
}

TEST_F(KeyCommandsTest, SwapdbExchanges) {
  run("set k zero");
  EXPECT_EQ(run("swapdb 0 1"), "+OK");
  EXPECT_EQ(run("get k"), "nil");
  run("select 1");
  EXPECT_EQ(run("get k"), "\"zero\"");
  EXPECT_EQ(dirty_of("swapdb 1 1"), 1u);
  EXPECT_EQ(run("swapdb x 1"), "-ERR invalid first DB index");
  EXPECT_EQ(run("swapdb 1 99999999999"), "-ERR invalid second DB index");
  EXPECT_EQ(run("swapdb 0 16"), "-ERR DB index is out of range");
}

TEST_F(KeyCommandsTest, FlushEmpties) {
  run("mset a 1 b 2");
  run("select 1");
  run("set c 3");
  EXPECT_EQ(dirty_of("flushdb"), 1u);
  run("select 0");
  EXPECT_EQ(run("dbsize"), ":2");
  EXPECT_EQ(host_.flushes_, 0);
  EXPECT_EQ(dirty_of("flushall async"), 2u);
  EXPECT_EQ(host_.flushes_, 1);
  EXPECT_EQ(run("flushdb SYNC"), "+OK");
  EXPECT_EQ(run("flushall foo"), kSyntax);
  EXPECT_EQ(run("flushdb sync async"), kSyntax);
  EXPECT_EQ(host_.flushes_, 1);
}

// ---- walking ----

TEST_F(KeyCommandsTest, KeysMatchesPatterns) {
  run("mset one 1 two 2 three 3");
  run("set gone 1 px 1");
  advance_ms(2);
  EXPECT_EQ(run("keys o*"), "[\"one\"]");
  EXPECT_EQ(run("keys t[^w]*"), "[\"three\"]");
  EXPECT_EQ(run("keys x*"), "[]");
  EXPECT_EQ(occurrences(run("keys *"), ","), 2u);
  EXPECT_EQ(occurrences(run("keys *"), "gone"), 0u);
}

TEST_F(KeyCommandsTest, RandomkeyFindsOne) {
  EXPECT_EQ(run("randomkey"), "nil");
  run("set gone 1 px 1");
  run("set there 1");
  advance_ms(2);
  for (int i = 0; i < 10; i++) EXPECT_EQ(run("randomkey"), "\"there\"");
}

TEST_F(KeyCommandsTest, ScanRefusesWhatIsNoCursor) {
  for (const std::string_view cursor : {"x", "1x", " 1", "1 ", "+", "-", "18446744073709551616", "0x10", "1.5"}) {
    EXPECT_EQ(run({"scan", cursor}), "-ERR invalid cursor") << cursor;
  }
  for (const std::string_view cursor : {"0", "00", "+0", "", "-1", "18446744073709551615"}) {
    EXPECT_EQ(run({"scan", cursor}), "[\"0\", []]") << cursor;
  }
}

TEST_F(KeyCommandsTest, ScanRefusesBadOptions) {
  EXPECT_EQ(run("scan 0 count 0"), kSyntax);
  EXPECT_EQ(run("scan 0 count -1"), kSyntax);
  EXPECT_EQ(run("scan 0 count x"), kNotInteger);
  EXPECT_EQ(run("scan 0 match"), kSyntax);
  EXPECT_EQ(run("scan 0 foo bar"), kSyntax);
  EXPECT_EQ(run("scan 0 count 9223372036854775807"), "[\"0\", []]");
}

TEST_F(KeyCommandsTest, ScanFilters) {
  run("mset one 1 two 2");
  run("set gone 1 px 1");
  advance_ms(2);
  EXPECT_EQ(run("scan 0 count 100 match o*"), "[\"0\", [\"one\"]]");
  EXPECT_EQ(run("scan 0 COUNT 100 TYPE String match t*"), "[\"0\", [\"two\"]]");
  EXPECT_EQ(run("scan 0 count 100 type hash"), "[\"0\", []]");
  EXPECT_EQ(run("scan 0 count 100 type nonsense"), "[\"0\", []]");
  EXPECT_EQ(occurrences(run("scan 0 count 100"), "gone"), 0u);
}

// The guarantee: a key that is there from a round's first call to its last is in one of the replies, whatever comes and
// goes meanwhile; a key that is never there is in none.
class ScanRound {
 public:
  explicit ScanRound(std::string reply) { take(std::move(reply)); }
  bool done() const { return cursor_ == "0"; }
  const std::string& cursor() const { return cursor_; }
  const std::set<std::string>& seen() const { return seen_; }

  // ["17", ["a", "b"]]
  void take(std::string reply) {
    std::vector<std::string> strings;
    for (size_t at = reply.find('"'); at != std::string::npos; at = reply.find('"', at + 1)) {
      const size_t end = reply.find('"', at + 1);
      strings.push_back(reply.substr(at + 1, end - at - 1));
      at = end;
    }
    cursor_ = strings.at(0);
    seen_.insert(strings.begin() + 1, strings.end());
  }

 private:
  std::string cursor_;
  std::set<std::string> seen_;
};

TEST_F(KeyCommandsTest, ScanSeesEveryKeyThatStays) {
  Random random(test_seed());
  for (int round = 0; round < 30; round++) {
    run("flushall");
    const uint64_t staying = 1 + random.below(500);
    for (uint64_t i = 0; i < staying; i++) run("set stay:" + std::to_string(i) + " v");
    const bool grows = random.below(2) == 0;
    if (!grows) {
      for (int i = 0; i < 5000; i++) run("set go:" + std::to_string(i) + " v");
    }
    int next = 0;
    const auto disturb = [&] {  // no more keys than this: a table that outgrows the scan for ever is never done
      for (uint64_t i = random.below(300); i > 0 && next < 5000; i--, next++) {
        run((grows ? "set new:" : "del go:") + std::to_string(next) + (grows ? " v" : ""));
      }
      keyspace_.database(0).upkeep(static_cast<int64_t>(random.below(20)));
    };
    const std::string options = " count " + std::to_string(1 + random.below(50));
    ScanRound scan(run("scan 0" + options));
    while (!scan.done()) {
      disturb();
      scan.take(run("scan " + scan.cursor() + options));
    }
    for (uint64_t i = 0; i < staying; i++) {
      ASSERT_TRUE(scan.seen().contains("stay:" + std::to_string(i))) << "round " << round << ", key " << i;
    }
    for (const std::string& key : scan.seen()) {
      ASSERT_TRUE(key.starts_with("stay:") || key.starts_with(grows ? "new:" : "go:")) << key;
    }
  }
}

// ---- OBJECT ----

TEST_F(KeyCommandsTest, ObjectNamesEncodings) {
  run("mset i 12345 e hello");
  run({"set", "r", std::string(45, 'x')});
  EXPECT_EQ(run("object encoding i"), "\"int\"");
  EXPECT_EQ(run("object ENCODING e"), "\"embstr\"");
  EXPECT_EQ(run("object encoding r"), "\"raw\"");
  EXPECT_EQ(run("object encoding nothing"), "nil");
  EXPECT_EQ(run("object"), "-ERR wrong number of arguments for 'object' command");
  EXPECT_EQ(run("object encoding"), "-ERR wrong number of arguments for 'object|encoding' command");
}

TEST_F(KeyCommandsTest, ObjectCountsReferences) {
  run("mset small 100 large 10000 text x");
  EXPECT_EQ(run("object refcount small"), ":2147483647");
  EXPECT_EQ(run("object refcount large"), ":1");
  EXPECT_EQ(run("object refcount text"), ":1");
}

TEST_F(KeyCommandsTest, ObjectTellsUseAsThePolicyCountsIt) {
  run("set k v");
  EXPECT_EQ(run("object freq k").substr(0, 53), "-ERR An LFU maxmemory policy is not selected, access ");
  EXPECT_EQ(run("object freq nothing"), "nil");
  keyspace_.access_clock().set_lfu(true);
  run("del k");  // its stamp means something else now
  run("set k v");
  EXPECT_EQ(run("object freq k"), ":5");
  EXPECT_EQ(run("object idletime k").substr(0, 51), "-ERR An LFU maxmemory policy is selected, idle time");
}

TEST_F(KeyCommandsTest, ObjectHelps) {
  const std::string help = run("object help");
  EXPECT_TRUE(help.starts_with("[+OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:, +ENCODING <key>, "));
  EXPECT_NE(help.find("+HELP, "), std::string::npos);
}

// ---- the connection's small ones ----

TEST_F(KeyCommandsTest, PingEchoAndTime) {
  EXPECT_EQ(run("ping"), "+PONG");
  EXPECT_EQ(run("ping hello"), "\"hello\"");
  EXPECT_EQ(run("ping a b"), "-ERR wrong number of arguments for 'ping' command");
  EXPECT_EQ(run({"echo", "a b"}), "\"a b\"");
  host_.clock_.advance_us(1'234'567);
  EXPECT_EQ(run("time"), "[\"1700000001\", \"234567\"]");
}

}  // namespace
}  // namespace cowslip::commands
