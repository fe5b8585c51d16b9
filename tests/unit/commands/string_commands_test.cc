#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class StringCommandsTest : public CommandTest {
 protected:
  static constexpr std::string_view kSyntax = "-ERR syntax error";
  static constexpr std::string_view kNotInteger = "-ERR value is not an integer or out of range";
};

// ---- SET ----

TEST_F(StringCommandsTest, SetReplacesValueAndExpiry) {
  EXPECT_EQ(run("set k v"), "+OK");
  EXPECT_EQ(run("get k"), "\"v\"");
  EXPECT_EQ(run("set k w ex 10"), "+OK");
  EXPECT_EQ(run("ttl k"), ":10");
  EXPECT_EQ(run("set k x"), "+OK");
  EXPECT_EQ(run("ttl k"), ":-1");
  EXPECT_EQ(run({"set", "k", ""}), "+OK");
  EXPECT_EQ(run("get k"), "\"\"");
}

TEST_F(StringCommandsTest, SetKeepsWhatItIsGiven) {
  const std::string binary("a\0b\r\n\xff", 6);
  EXPECT_EQ(run({"set", "k", binary}), "+OK");
  EXPECT_EQ(run("get k"), '"' + binary + '"');
  for (const std::string_view number : {"0", "-1", "12", "9223372036854775807", "-9223372036854775808",
                                        "9223372036854775808", "012", "-0", "+1", "1.0", "1 "}) {
    EXPECT_EQ(run({"set", "k", number}), "+OK");
    EXPECT_EQ(run("get k"), '"' + std::string(number) + '"');
    EXPECT_EQ(run("strlen k"), ":" + std::to_string(number.size()));
  }
}

TEST_F(StringCommandsTest, SetHeedsConditions) {
  EXPECT_EQ(run("set k a xx"), "nil");
  EXPECT_EQ(run("set k a NX"), "+OK");
  EXPECT_EQ(run("set k b nx"), "nil");
  EXPECT_EQ(run("get k"), "\"a\"");
  EXPECT_EQ(run("set k b XX"), "+OK");
  EXPECT_EQ(run("get k"), "\"b\"");
  use_resp3();
  EXPECT_EQ(run("set k c nx"), "null");
}

TEST_F(StringCommandsTest, SetRepliesWithTheOldValue) {
  EXPECT_EQ(run("set k a get"), "nil");
  EXPECT_EQ(run("set k b GET"), "\"a\"");
  EXPECT_EQ(run("set k c nx get"), "\"b\"");
  EXPECT_EQ(run("get k"), "\"b\"");
  EXPECT_EQ(run("set other x xx get"), "nil");
  EXPECT_EQ(run("exists other"), ":0");
  EXPECT_EQ(run("set k c xx get ex 5"), "\"b\"");
  EXPECT_EQ(run("ttl k"), ":5");
}

TEST_F(StringCommandsTest, SetTakesEachFormOfExpiry) {
  run("set k v px 1500");
  EXPECT_EQ(run("pttl k"), ":1500");
  run("set k v exat " + std::to_string(now_ms() / 1000 + 100));
  EXPECT_EQ(run("ttl k"), ":100");
  run("set k v pxat " + std::to_string(now_ms() + 700));
  EXPECT_EQ(run("pttl k"), ":700");
  run("set k w keepttl");
  EXPECT_EQ(run("pttl k"), ":700");
  run("set k w ex 10 ex 20");
  EXPECT_EQ(run("ttl k"), ":20") << "the last one counts";
}

TEST_F(StringCommandsTest, SetInThePastIsGoneAtOnce) {
  EXPECT_EQ(run("set k v pxat 1"), "+OK");
  EXPECT_EQ(run("get k"), "nil");
  EXPECT_EQ(run("set k v exat 1"), "+OK");
  EXPECT_EQ(run("exists k"), ":0");
}

TEST_F(StringCommandsTest, SetRefusesContradictions) {
  for (const std::string_view options : {"nx xx", "xx nx", "ex 1 px 1", "px 1 exat 1", "pxat 1 ex 1", "keepttl ex 1",
                                         "ex 1 keepttl", "persist", "ex", "foo", "get foo", "ex 1 px"}) {
    EXPECT_EQ(run("set k v " + std::string(options)), kSyntax) << options;
  }
  EXPECT_EQ(run("exists k"), ":0");
}

TEST_F(StringCommandsTest, SetRefusesExpiriesThatCannotBe) {
  constexpr std::string_view kInvalid = "-ERR invalid expire time in 'set' command";
  for (const std::string_view option : {"ex 0", "ex -1", "px 0", "exat 0", "pxat -5", "ex 9223372036854775807",
                                        "ex 9223372036854775", "px 9223372036854775807", "exat 9223372036854776"}) {
    EXPECT_EQ(run("set k v " + std::string(option)), kInvalid) << option;
  }
  EXPECT_EQ(run("set k v ex 1.5"), kNotInteger);
  EXPECT_EQ(run("set k v px 9223372036854775808"), kNotInteger);
  EXPECT_EQ(run("set k v get ex 0"), kInvalid) << "before anything is replied";
  EXPECT_EQ(run("exists k"), ":0");
}

TEST_F(StringCommandsTest, SetCountsChanges) {
  EXPECT_EQ(dirty_of("set k v"), 1u);
  EXPECT_EQ(dirty_of("set k v ex 10"), 1u);
  EXPECT_EQ(dirty_of("set k v nx"), 0u);
  EXPECT_EQ(dirty_of("set k v nx get"), 0u);
  EXPECT_EQ(dirty_of("set k v foo"), 0u);
}

// ---- the older forms ----

TEST_F(StringCommandsTest, SetnxSetsOnce) {
  EXPECT_EQ(run("setnx k a"), ":1");
  EXPECT_EQ(run("setnx k b"), ":0");
  EXPECT_EQ(run("get k"), "\"a\"");
  EXPECT_EQ(dirty_of("setnx k b"), 0u);
}

TEST_F(StringCommandsTest, SetexSetsTheExpiryToo) {
  EXPECT_EQ(run("setex k 10 v"), "+OK");
  EXPECT_EQ(run("ttl k"), ":10");
  EXPECT_EQ(run("psetex k 1500 v"), "+OK");
  EXPECT_EQ(run("pttl k"), ":1500");
  EXPECT_EQ(run("setex k 0 v"), "-ERR invalid expire time in 'setex' command");
  EXPECT_EQ(run("psetex k -1 v"), "-ERR invalid expire time in 'psetex' command");
  EXPECT_EQ(run("setex k x v"), kNotInteger);
}

TEST_F(StringCommandsTest, GetsetExchanges) {
  EXPECT_EQ(run("getset k a"), "nil");
  EXPECT_EQ(run("expire k 10"), ":1");
  EXPECT_EQ(run("getset k b"), "\"a\"");
  EXPECT_EQ(run("ttl k"), ":-1");
  EXPECT_EQ(dirty_of("getset k c"), 1u);
}

TEST_F(StringCommandsTest, GetdelTakesAway) {
  run("set k 42");
  EXPECT_EQ(dirty_of("getdel nothing"), 0u);
  EXPECT_EQ(run("getdel k"), "\"42\"");
  EXPECT_EQ(run("getdel k"), "nil");
  run("set k v");
  EXPECT_EQ(dirty_of("getdel k"), 1u);
}

// ---- GETEX ----

TEST_F(StringCommandsTest, GetexChangesTheExpiry) {
  run("set k v");
  EXPECT_EQ(run("getex k"), "\"v\"");
  EXPECT_EQ(run("ttl k"), ":-1");
  EXPECT_EQ(run("getex k ex 10"), "\"v\"");
  EXPECT_EQ(run("ttl k"), ":10");
  EXPECT_EQ(run("getex k PXAT " + std::to_string(now_ms() + 77)), "\"v\"");
  EXPECT_EQ(run("pttl k"), ":77");
  EXPECT_EQ(run("getex k persist"), "\"v\"");
  EXPECT_EQ(run("ttl k"), ":-1");
}

TEST_F(StringCommandsTest, GetexInThePastDeletes) {
  run("set k v");
  EXPECT_EQ(run("getex k exat 1"), "\"v\"");
  EXPECT_EQ(run("exists k"), ":0");
}

TEST_F(StringCommandsTest, GetexRefusesWhatSetRefuses) {
  EXPECT_EQ(run("getex k nx"), kSyntax) << "even when there is no key";
  EXPECT_EQ(run("getex k persist ex 1"), kSyntax);
  EXPECT_EQ(run("getex k ex 1 persist"), kSyntax);
  EXPECT_EQ(run("getex k keepttl"), kSyntax);
  EXPECT_EQ(run("getex k ex 0"), "nil");
  run("set k v");
  EXPECT_EQ(run("getex k ex 0"), "-ERR invalid expire time in 'getex' command");
}

TEST_F(StringCommandsTest, GetexCountsChanges) {
  run("set k v");
  EXPECT_EQ(dirty_of("getex k"), 0u);
  EXPECT_EQ(dirty_of("getex k persist"), 0u);
  EXPECT_EQ(dirty_of("getex k ex 10"), 1u);
  EXPECT_EQ(dirty_of("getex k persist"), 1u);
  EXPECT_EQ(dirty_of("getex k pxat 1"), 1u);
}

// ---- several keys ----

TEST_F(StringCommandsTest, MgetRepliesInOrder) {
  run("mset a 1 b 2");
  EXPECT_EQ(run("mget b nothing a b"), "[\"2\", nil, \"1\", \"2\"]");
  use_resp3();
  EXPECT_EQ(run("mget nothing"), "[null]");
}

TEST_F(StringCommandsTest, MsetTakesPairs) {
  EXPECT_EQ(run("mset a 1 b 2 a 3"), "+OK");
  EXPECT_EQ(run("get a"), "\"3\"") << "the last one stays";
  EXPECT_EQ(run("mset a 1 b"), "-ERR wrong number of arguments for 'mset' command");
  EXPECT_EQ(run("msetnx a 1 b"), "-ERR wrong number of arguments for 'msetnx' command");
  EXPECT_EQ(dirty_of("mset a 1 b 2"), 2u);
  run("expire a 10");
  run("mset a 1");
  EXPECT_EQ(run("ttl a"), ":-1");
}

TEST_F(StringCommandsTest, MsetnxSetsAllOrNone) {
  EXPECT_EQ(run("msetnx a 1 b 2"), ":1");
  EXPECT_EQ(run("msetnx c 1 b 3"), ":0");
  EXPECT_EQ(run("mget a b c"), "[\"1\", \"2\", nil]");
  EXPECT_EQ(run("msetnx d 1 d 2"), ":1");
  EXPECT_EQ(run("get d"), "\"2\"");
}

// ---- expiry as every command sees it ----

TEST_F(StringCommandsTest, AnExpiredKeyIsNotThere) {
  run("set k v px 100");
  advance_ms(100);
  EXPECT_EQ(run("get k"), "\"v\"") << "a key lives through its last millisecond";
  advance_ms(1);
  EXPECT_EQ(run("get k"), "nil");
  run("set k v px 100");
  advance_ms(101);
  EXPECT_EQ(run("set k w xx"), "nil");
  run("set k v px 100");
  advance_ms(101);
  EXPECT_EQ(run("append k w"), ":1");
  EXPECT_EQ(keyspace_.statistics().expired_keys, 3u);
}

TEST_F(StringCommandsTest, LookupsAreCounted) {
  run("set k v");
  run("get k");
  run("get nothing");
  run("mget k nothing k");
  EXPECT_EQ(keyspace_.statistics().hits, 3u);
  EXPECT_EQ(keyspace_.statistics().misses, 2u);
}

// ---- ranges ----

TEST_F(StringCommandsTest, AppendMakesLonger) {
  EXPECT_EQ(run("append k 12"), ":2");
  EXPECT_EQ(run("object encoding k"), "\"int\"");
  EXPECT_EQ(run("append k 34"), ":4");
  EXPECT_EQ(run("get k"), "\"1234\"");
  EXPECT_EQ(run("object encoding k"), "\"raw\"");
  EXPECT_EQ(run("incr k"), ":1235") << "still a number";
  run("expire k 10");
  run("append k x");
  EXPECT_EQ(run("ttl k"), ":10");
  EXPECT_EQ(run({"append", "empty", ""}), ":0");
  EXPECT_EQ(run("exists empty"), ":1");
}

TEST_F(StringCommandsTest, SetrangeOverwrites) {
  run("set k hello");
  EXPECT_EQ(run("setrange k 1 ipp"), ":5");
  EXPECT_EQ(run("get k"), "\"hippo\"");
  EXPECT_EQ(run("setrange k 7 !"), ":8");
  EXPECT_EQ(run("get k"), std::string("\"hippo\0\0!\"", 10));
  EXPECT_EQ(run("setrange new 2 x"), ":3");
  EXPECT_EQ(run("get new"), std::string("\"\0\0x\"", 5));
}

TEST_F(StringCommandsTest, SetrangeOfNothingChangesNothing) {
  EXPECT_EQ(run({"setrange", "k", "5", ""}), ":0");
  EXPECT_EQ(run("exists k"), ":0");
  run("set k 123");
  const uint64_t dirty = keyspace_.dirty();
  EXPECT_EQ(run({"setrange", "k", "100", ""}), ":3");
  EXPECT_EQ(keyspace_.dirty(), dirty);
}

TEST_F(StringCommandsTest, SetrangeRefusesBadOffsets) {
  EXPECT_EQ(run("setrange k -1 x"), "-ERR offset is out of range");
  EXPECT_EQ(run("setrange k x x"), kNotInteger);
}

TEST_F(StringCommandsTest, StringsHaveALimit) {
  constexpr std::string_view kTooLong = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
  host_.limits_.proto_max_bulk_len = 10;
  run("set k 1234567");
  EXPECT_EQ(run("append k 890"), ":10");
  EXPECT_EQ(run("append k 1"), kTooLong);
  EXPECT_EQ(run("setrange k 10 x"), kTooLong);
  EXPECT_EQ(run("setrange k 9 x"), ":10");
  EXPECT_EQ(run("setrange k 9223372036854775807 x"), kTooLong);
}

TEST_F(StringCommandsTest, GetrangeCountsFromBothEnds) {
  run("set k 0123456789");
  EXPECT_EQ(run("getrange k 0 3"), "\"0123\"");
  EXPECT_EQ(run("getrange k -3 -1"), "\"789\"");
  EXPECT_EQ(run("getrange k 0 -1"), "\"0123456789\"");
  EXPECT_EQ(run("getrange k 8 100"), "\"89\"");
  EXPECT_EQ(run("getrange k -100 1"), "\"01\"");
  EXPECT_EQ(run("getrange k -100 -100"), "\"0\"");
  EXPECT_EQ(run("getrange k 5 3"), "\"\"");
  EXPECT_EQ(run("getrange k -1 -3"), "\"\"");
  EXPECT_EQ(run("getrange k 10 20"), "\"\"");
  EXPECT_EQ(run("getrange nothing 0 -1"), "\"\"");
  EXPECT_EQ(run("substr k 1 1"), "\"1\"");
  EXPECT_EQ(run("getrange k -9223372036854775808 9223372036854775807"), "\"0123456789\"");
  EXPECT_EQ(run("getrange k a 1"), kNotInteger);
  run({"set", "k", ""});
  EXPECT_EQ(run("getrange k 0 -1"), "\"\"");
}

// ---- numbers ----

TEST_F(StringCommandsTest, CountersCount) {
  EXPECT_EQ(run("incr n"), ":1");
  EXPECT_EQ(run("incrby n 41"), ":42");
  EXPECT_EQ(run("decr n"), ":41");
  EXPECT_EQ(run("decrby n -9"), ":50");
  EXPECT_EQ(run("get n"), "\"50\"");
  EXPECT_EQ(run("decr other"), ":-1");
  EXPECT_EQ(dirty_of("incr n"), 1u);
  run("expire n 10");
  run("incr n");
  EXPECT_EQ(run("ttl n"), ":10");
}

TEST_F(StringCommandsTest, CountersStayInRange) {
  constexpr std::string_view kOverflow = "-ERR increment or decrement would overflow";
  run("set n 9223372036854775807");
  EXPECT_EQ(run("incr n"), kOverflow);
  EXPECT_EQ(run("incrby n 1"), kOverflow);
  EXPECT_EQ(run("decrby n -1"), kOverflow);
  run("set n -9223372036854775808");
  EXPECT_EQ(run("decr n"), kOverflow);
  EXPECT_EQ(run("incrby n -1"), kOverflow);
  EXPECT_EQ(run("decrby n -9223372036854775808"), "-ERR decrement would overflow");
  EXPECT_EQ(run("get n"), "\"-9223372036854775808\"");
}

TEST_F(StringCommandsTest, CountersNeedIntegers) {
  for (const std::string_view value : {"x", "1.5", " 1", "1 ", "01", "+1", "", "9223372036854775808"}) {
    run({"set", "n", value});
    EXPECT_EQ(run("incr n"), kNotInteger) << value;
    EXPECT_EQ(run({"incrby", "nothing", value}), kNotInteger) << value;
  }
  EXPECT_EQ(run("exists nothing"), ":0");
}

TEST_F(StringCommandsTest, FractionsAdd) {
  run("set n 10.50");
  EXPECT_EQ(run("incrbyfloat n 0.1"), "\"10.6\"");
  EXPECT_EQ(run("incrbyfloat n -5"), "\"5.6\"");
  run("set n 5.0e3");
  EXPECT_EQ(run("incrbyfloat n 2.0e2"), "\"5200\"");
  EXPECT_EQ(run("incrbyfloat new 3"), "\"3\"");
  EXPECT_EQ(run("incr new"), ":4");
  run("expire n 10");
  run("incrbyfloat n 1");
  EXPECT_EQ(run("ttl n"), ":10");
  EXPECT_EQ(dirty_of("incrbyfloat n 1"), 1u);
}

TEST_F(StringCommandsTest, FractionsRefuseWhatIsNone) {
  constexpr std::string_view kNotFloat = "-ERR value is not a valid float";
  EXPECT_EQ(run("incrbyfloat n x"), kNotFloat);
  EXPECT_EQ(run("incrbyfloat n nan"), kNotFloat);
  EXPECT_EQ(run({"incrbyfloat", "n", " 1"}), kNotFloat);
  EXPECT_EQ(run("incrbyfloat n inf"), "-ERR increment would produce NaN or Infinity");
  run("set n abc");
  EXPECT_EQ(run("incrbyfloat n 1"), kNotFloat);
  EXPECT_EQ(run("get n"), "\"abc\"");
}

// ---- LCS ----

TEST_F(StringCommandsTest, LcsFindsTheSubsequence) {
  run("mset a ohmytext b mynewtext");
  EXPECT_EQ(run("lcs a b"), "\"mytext\"");
  EXPECT_EQ(run("lcs a b LEN"), ":6");
  EXPECT_EQ(run("lcs a nothing"), "\"\"");
  EXPECT_EQ(run("lcs a nothing len"), ":0");
  EXPECT_EQ(run("lcs a a"), "\"ohmytext\"");
}

TEST_F(StringCommandsTest, LcsTellsWhereTheMatchesAre) {
  run("mset a ohmytext b mynewtext");
  EXPECT_EQ(run("lcs a b IDX"), "[\"matches\", [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], \"len\", :6]");
  use_resp3();
  EXPECT_EQ(run("lcs a b idx"), "{\"matches\": [[[:4, :7], [:5, :8]], [[:2, :3], [:0, :1]]], \"len\": :6}");
  EXPECT_EQ(run("lcs a b idx minmatchlen 4"), "{\"matches\": [[[:4, :7], [:5, :8]]], \"len\": :6}");
  EXPECT_EQ(run("lcs a b idx minmatchlen 4 withmatchlen"), "{\"matches\": [[[:4, :7], [:5, :8], :4]], \"len\": :6}");
  EXPECT_EQ(run("lcs a nothing idx"), "{\"matches\": [], \"len\": :0}");
  EXPECT_EQ(run("lcs a b idx minmatchlen -5"), run("lcs a b idx"));
}

TEST_F(StringCommandsTest, LcsRefusesContradictions) {
  EXPECT_EQ(run("lcs a b len idx"), "-ERR If you want both the length and indexes, please just use IDX.");
  EXPECT_EQ(run("lcs a b minmatchlen"), kSyntax);
  EXPECT_EQ(run("lcs a b minmatchlen x"), kNotInteger);
  EXPECT_EQ(run("lcs a b foo"), kSyntax);
  host_.limits_.proto_max_bulk_len = 100;
  run("mset a 12345 b 12345");
  EXPECT_EQ(run("lcs a b"), "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  EXPECT_EQ(run("lcs a nothing"), "\"\"");
}

}  // namespace
}  // namespace cowslip::commands
