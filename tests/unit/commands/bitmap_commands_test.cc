#include "tests/unit/commands/command_test.h"

namespace cowslip::commands {
namespace {

class BitmapCommandsTest : public CommandTest {
 protected:
  static constexpr std::string_view kSyntax = "-ERR syntax error";
  static constexpr std::string_view kNotInteger = "-ERR value is not an integer or out of range";
  static constexpr std::string_view kBadOffset = "-ERR bit offset is not an integer or out of range";
  static constexpr std::string_view kBadBit = "-ERR bit is not an integer or out of range";

  std::string quoted(std::string_view bytes) { return '"' + std::string(bytes) + '"'; }
};

// ---- SETBIT and GETBIT ----

TEST_F(BitmapCommandsTest, SetbitSetsAndClears) {
  EXPECT_EQ(run("setbit k 7 1"), ":0");
  EXPECT_EQ(run("get k"), quoted("\x01"));
  EXPECT_EQ(run("setbit k 7 1"), ":1");
  EXPECT_EQ(run("setbit k 0 1"), ":0");
  EXPECT_EQ(run("get k"), quoted("\x81"));
  EXPECT_EQ(run("setbit k 7 0"), ":1");
  EXPECT_EQ(run("setbit k 17 1"), ":0");
  EXPECT_EQ(run("get k"), quoted(std::string_view("\x80\0\x40", 3)));
  EXPECT_EQ(run("getbit k 0"), ":1");
  EXPECT_EQ(run("getbit k 1"), ":0");
  EXPECT_EQ(run("getbit k 17"), ":1");
  EXPECT_EQ(run("getbit k 24"), ":0");
  EXPECT_EQ(run("getbit none 3"), ":0");
}

TEST_F(BitmapCommandsTest, SetbitCountsAsAChangeOnlyWhereThereIsOne) {
  EXPECT_EQ(dirty_of("setbit k 9 0"), 1u) << "the string begins to be";
  EXPECT_EQ(run("strlen k"), ":2");
  EXPECT_EQ(dirty_of("setbit k 9 0"), 0u);
  EXPECT_EQ(dirty_of("setbit k 9 1"), 1u);
  EXPECT_EQ(dirty_of("setbit k 9 1"), 0u);
  EXPECT_EQ(dirty_of("setbit k 16 0"), 1u) << "it gets longer";
}

TEST_F(BitmapCommandsTest, SetbitTurnsAnyStringIntoBytes) {
  run("set k 1 ex 100");
  EXPECT_EQ(run("setbit k 6 1"), ":0");
  EXPECT_EQ(run("get k"), "\"3\"");
  EXPECT_EQ(run("object encoding k"), "\"raw\"");
  EXPECT_EQ(run("ttl k"), ":100");
  run("set k 1");
  EXPECT_EQ(run("setbit k 7 1"), ":1");
  EXPECT_EQ(run("object encoding k"), "\"raw\"") << "as in Redis, though nothing changed";
}

TEST_F(BitmapCommandsTest, OffsetsHaveLimits) {
  host_.limits_.proto_max_bulk_len = 1 << 20;
  EXPECT_EQ(run("setbit k 8388607 1"), ":0");
  EXPECT_EQ(run("strlen k"), ":1048576");
  EXPECT_EQ(run("setbit k 8388608 1"), kBadOffset);
  EXPECT_EQ(run("getbit k 8388608"), kBadOffset);
  for (const std::string_view offset : {"-1", "x", "", "1.0", "9223372036854775808", "#1"}) {
    EXPECT_EQ(run({"setbit", "k", offset, "1"}), kBadOffset) << offset;
    EXPECT_EQ(run({"getbit", "k", offset}), kBadOffset) << offset;
  }
  for (const std::string_view bit : {"2", "-1", "x", ""}) EXPECT_EQ(run({"setbit", "k", "1", bit}), kBadBit) << bit;
}

// ---- BITCOUNT and BITPOS ----

TEST_F(BitmapCommandsTest, Bitcount) {
  run("set k foobar");
  EXPECT_EQ(run("bitcount k"), ":26");
  EXPECT_EQ(run("bitcount k 0 0"), ":4");
  EXPECT_EQ(run("bitcount k 1 1 BYTE"), ":6");
  EXPECT_EQ(run("bitcount k 5 30 BIT"), ":17");
  EXPECT_EQ(run("bitcount k 0 -5"), ":10");
  EXPECT_EQ(run("bitcount k -2 -1"), ":7");
  EXPECT_EQ(run("bitcount k -1 -2"), ":0");
  EXPECT_EQ(run("bitcount k -1000 1000"), ":26");
  EXPECT_EQ(run("bitcount k 6 10"), ":0");
  EXPECT_EQ(run("bitcount k -100 -200"), ":0");
  EXPECT_EQ(run("bitcount k -200 -100"), ":4") << "both ends are moved to the first byte";
  run("set n 12");
  EXPECT_EQ(run("bitcount n"), ":6");
  EXPECT_EQ(run("bitcount none"), ":0");
  run({"set", "empty", ""});
  EXPECT_EQ(run("bitcount empty 0 -1"), ":0");
}

// As in Redis 7.2, the arguments are looked at first; 7.0 replied with 0 where there is no key.
TEST_F(BitmapCommandsTest, BitcountAndBitposWithBadArguments) {
  for (const char* key : {"none", "k"}) {
    const std::string name(key);
    EXPECT_EQ(run("bitcount " + name + " 0"), kSyntax);
    EXPECT_EQ(run("bitcount " + name + " 0 1 BITS"), kSyntax);
    EXPECT_EQ(run("bitcount " + name + " 0 1 BIT x"), kSyntax);
    EXPECT_EQ(run("bitcount " + name + " x 1"), kNotInteger);
    EXPECT_EQ(run("bitcount " + name + " 0 x"), kNotInteger);
    EXPECT_EQ(run("bitpos " + name + " 2"), "-ERR The bit argument must be 1 or 0.");
    EXPECT_EQ(run("bitpos " + name + " x"), kNotInteger);
    EXPECT_EQ(run("bitpos " + name + " 1 x"), kNotInteger);
    EXPECT_EQ(run("bitpos " + name + " 1 0 x"), kNotInteger);
    EXPECT_EQ(run("bitpos " + name + " 1 0 x BITS"), kSyntax);
    EXPECT_EQ(run("bitpos " + name + " 1 0 1 BIT x"), kSyntax);
    run("set k v");
  }
}

TEST_F(BitmapCommandsTest, BitposFindsTheFirst) {
  run({"set", "k", std::string_view("\xff\xf0\0", 3)});
  EXPECT_EQ(run("bitpos k 0"), ":12");
  EXPECT_EQ(run("bitpos k 1"), ":0");
  EXPECT_EQ(run("bitpos k 1 2"), ":-1");
  EXPECT_EQ(run("bitpos k 0 2"), ":16");
  EXPECT_EQ(run("bitpos k 1 -2"), ":8");
  EXPECT_EQ(run("bitpos k 0 0 0"), ":-1");
  EXPECT_EQ(run("bitpos k 0 9 -1 BIT"), ":12");
  EXPECT_EQ(run("bitpos k 0 9 11 bit"), ":-1");
  EXPECT_EQ(run("bitpos k 1 12 15 bit"), ":-1");
  EXPECT_EQ(run("bitpos k 1 3 100 bit"), ":3");
  EXPECT_EQ(run("bitpos k 1 2 1"), ":-1");
}

TEST_F(BitmapCommandsTest, BitposBehindTheEnd) {
  run({"set", "k", "\xff\xff\xff"});
  EXPECT_EQ(run("bitpos k 0"), ":24") << "zeros follow a string whose end was not named";
  EXPECT_EQ(run("bitpos k 0 1"), ":24");
  EXPECT_EQ(run("bitpos k 0 1 -1"), ":-1");
  EXPECT_EQ(run("bitpos k 0 3"), ":-1") << "an empty range has nothing";
  EXPECT_EQ(run("bitpos none 0"), ":0");
  EXPECT_EQ(run("bitpos none 1"), ":-1");
  run({"set", "empty", ""});
  EXPECT_EQ(run("bitpos empty 0"), ":-1");
  EXPECT_EQ(run("bitpos empty 0 0"), ":-1");
  EXPECT_EQ(run("bitpos empty 0 0 -1"), ":-1");
}

// ---- BITOP ----

TEST_F(BitmapCommandsTest, BitopCombines) {
  run({"set", "a", "\x0f\xf0\x55"});
  run({"set", "b", "\x3c\x3c"});
  EXPECT_EQ(run("bitop and d a b"), ":3");
  EXPECT_EQ(run("get d"), quoted(std::string_view("\x0c\x30\0", 3)));
  EXPECT_EQ(run("bitop OR d a b"), ":3");
  EXPECT_EQ(run("get d"), quoted("\x3f\xfc\x55"));
  EXPECT_EQ(run("bitop Xor d a b"), ":3");
  EXPECT_EQ(run("get d"), quoted("\x33\xcc\x55"));
  EXPECT_EQ(run("bitop not d a"), ":3");
  EXPECT_EQ(run("get d"), quoted("\xf0\x0f\xaa"));
  EXPECT_EQ(run("object encoding d"), "\"raw\"");
  EXPECT_EQ(run("bitop and d a none"), ":3");
  EXPECT_EQ(run("get d"), quoted(std::string_view("\0\0\0", 3)));
}

TEST_F(BitmapCommandsTest, BitopIntoItsSource) {
  run("set a 1 ex 100");
  run("set b 34");
  EXPECT_EQ(run("bitop or a a b a"), ":2");
  EXPECT_EQ(run("get a"), "\"34\"");
  EXPECT_EQ(run("ttl a"), ":-1");
}

TEST_F(BitmapCommandsTest, BitopOfNothingDeletes) {
  run("set d x");
  EXPECT_EQ(dirty_of("bitop and d none nobody"), 1u);
  EXPECT_EQ(run("exists d"), ":0");
  EXPECT_EQ(run("bitop not d none"), ":0");
  EXPECT_EQ(dirty_of("bitop and d none"), 0u);
}

TEST_F(BitmapCommandsTest, BitopRefuses) {
  EXPECT_EQ(run("bitop nand d a b"), kSyntax);
  EXPECT_EQ(run("bitop not d a b"), "-ERR BITOP NOT must be called with a single source key.");
  EXPECT_EQ(run("bitop and d"), "-ERR wrong number of arguments for 'bitop' command");
}

TEST_F(BitmapCommandsTest, BitopWhereASourceExpires) {
  run("set a abc");
  run("set b abc px 10");
  run("set c abc");
  advance_ms(20);
  EXPECT_EQ(run("bitop and d a b c"), ":3");
  EXPECT_EQ(run("get d"), quoted(std::string_view("\0\0\0", 3)));
}

// ---- BITFIELD ----

TEST_F(BitmapCommandsTest, BitfieldGetsAndSets) {
  EXPECT_EQ(run("bitfield k"), "[]");
  EXPECT_EQ(run("bitfield k get u8 0"), "[:0]");
  EXPECT_EQ(run("exists k"), ":0") << "reading creates nothing";
  EXPECT_EQ(run("bitfield k set u8 0 255 set i8 #1 -2 get u16 0 get i4 8 get u5 14"), "[:0, :0, :65534, :-1, :16]");
  EXPECT_EQ(run("get k"), quoted("\xff\xfe"));
  EXPECT_EQ(run("bitfield k set u4 100 1"), "[:0]");
  EXPECT_EQ(run("strlen k"), ":13");
  EXPECT_EQ(run("bitfield_ro k get u8 0 overflow sat get u8 4"), "[:255, :255]");
  run("set n 12");
  EXPECT_EQ(run("bitfield n get u16 0"), "[:12594]");
  EXPECT_EQ(run("object encoding n"), "\"int\"");
}

TEST_F(BitmapCommandsTest, BitfieldOverflow) {
  EXPECT_EQ(run("bitfield k incrby u2 100 1 overflow sat incrby u2 102 1"), "[:1, :1]");
  EXPECT_EQ(run("bitfield k incrby u2 100 2 overflow sat incrby u2 102 3"), "[:3, :3]");
  EXPECT_EQ(run("bitfield k incrby u2 100 1 overflow sat incrby u2 102 1"), "[:0, :3]");
  EXPECT_EQ(run("bitfield k overflow fail incrby u2 102 1"), "[nil]");
  EXPECT_EQ(run("bitfield k overflow fail set i8 0 128 set i8 0 127 overflow wrap incrby i8 0 1"), "[nil, :0, :-128]");
}

TEST_F(BitmapCommandsTest, BitfieldChanges) {
  EXPECT_EQ(dirty_of("bitfield k set u8 0 0 set u8 8 0"), 2u) << "a string that begins to be has changed each time";
  EXPECT_EQ(dirty_of("bitfield k set u8 0 0 set u8 8 1 incrby u8 8 0 incrby u8 8 1"), 2u);
  EXPECT_EQ(dirty_of("bitfield k overflow fail incrby u8 8 255"), 0u);
  EXPECT_EQ(dirty_of("bitfield new overflow fail set u8 8 256"), 0u);
  EXPECT_EQ(run("strlen new"), ":2") << "as in Redis, there is room for what was refused";
}

TEST_F(BitmapCommandsTest, BitfieldRefuses) {
  constexpr std::string_view kBadType =
      "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.";
  for (const std::string_view type : {"u64", "i65", "u0", "i0", "x8", "8", "u", "", "I8", "i-1", "u08"}) {
    EXPECT_EQ(run({"bitfield", "k", "get", type, "0"}), kBadType) << type;
  }
  for (const std::string_view offset :
       {"-1", "#-1", "x", "#", "", "##1", "4294967296", "#536870912", "#9223372036854775807"}) {
    EXPECT_EQ(run({"bitfield", "k", "get", "u8", offset}), kBadOffset) << offset;
  }
  EXPECT_EQ(run("bitfield k set u8 0 x"), kNotInteger);
  EXPECT_EQ(run("bitfield k overflow no"), "-ERR Invalid OVERFLOW type specified");
  EXPECT_EQ(run("bitfield k overflow"), kSyntax);
  EXPECT_EQ(run("bitfield k get u8"), kSyntax);
  EXPECT_EQ(run("bitfield k set u8 0"), kSyntax);
  EXPECT_EQ(run("bitfield k set u8 0 1 huh"), kSyntax);
  EXPECT_EQ(run("exists k"), ":0") << "nothing is done before all is understood";
  EXPECT_EQ(run("bitfield_ro k set u8 0 1"), "-ERR BITFIELD_RO only supports the GET subcommand");
}

// Redis reads its arguments in another order for each of the two.
TEST_F(BitmapCommandsTest, OfSeveralWrongArgumentsTheFirstReadIsNamed) {
  EXPECT_EQ(run("bitcount k 0 x bits"), kNotInteger);
  EXPECT_EQ(run("bitcount k x 0 bits"), kNotInteger);
  EXPECT_EQ(run("bitpos k 1 0 x bits"), kSyntax);
  EXPECT_EQ(run("bitpos k 1 x 0 bits"), kNotInteger);
}

}  // namespace
}  // namespace cowslip::commands
