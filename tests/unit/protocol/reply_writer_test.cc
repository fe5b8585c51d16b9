// Every reply type in both protocol versions, byte for byte.
#include "protocol/reply_writer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace cowslip::protocol {
namespace {

using std::string_literals::operator""s;

template <typename Reply>
std::string written(int resp_version, Reply reply) {
  std::string out;
  ReplyWriter writer(out, resp_version);
  reply(writer);
  return out;
}

template <typename Reply>
std::string in_resp2(Reply reply) {
  return written(kResp2, reply);
}

template <typename Reply>
std::string in_resp3(Reply reply) {
  return written(kResp3, reply);
}

// Both versions say the same.
template <typename Reply>
std::string in_both(Reply reply) {
  EXPECT_EQ(in_resp2(reply), in_resp3(reply));
  return in_resp2(reply);
}

TEST(ReplyWriter, Simple) {
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.simple("PONG"); }), "+PONG\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.simple(""); }), "+\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.ok(); }), "+OK\r\n");
}

TEST(ReplyWriter, Error) {
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.error("ERR no such key"); }), "-ERR no such key\r\n");
}

TEST(ReplyWriter, ErrorWithLineBreaksStaysOneLine) {
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.error("ERR a\r\nb\nc\r\n\n"); }), "-ERR a  b c\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.error("\r\n"); }), "-\r\n");
}

TEST(ReplyWriter, ErrorLeavesEarlierRepliesAlone) {
  EXPECT_EQ(in_both([](ReplyWriter& w) {
              w.ok();
              w.error("ERR a\nb");
            }),
            "+OK\r\n-ERR a b\r\n");
}

TEST(ReplyWriter, ErrorsAreCountedWithTheLastCode) {
  std::string out;
  ReplyWriter writer(out, kResp2);
  EXPECT_EQ(writer.errors(), 0u);
  EXPECT_EQ(writer.last_error_code(), "");
  writer.error("WRONGTYPE Operation against a key");
  EXPECT_EQ(writer.last_error_code(), "WRONGTYPE");
  writer.error("ERR");
  EXPECT_EQ(writer.last_error_code(), "ERR");
  EXPECT_EQ(writer.errors(), 2u);
}

TEST(ReplyWriter, Integer) {
  const auto integer = [](int64_t value) { return in_both([=](ReplyWriter& w) { w.integer(value); }); };
  EXPECT_EQ(integer(0), ":0\r\n");
  EXPECT_EQ(integer(9), ":9\r\n");
  EXPECT_EQ(integer(10), ":10\r\n");
  EXPECT_EQ(integer(-1), ":-1\r\n");
  EXPECT_EQ(integer(INT64_MAX), ":9223372036854775807\r\n");
  EXPECT_EQ(integer(INT64_MIN), ":-9223372036854775808\r\n");
}

TEST(ReplyWriter, Bulk) {
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.bulk(""); }), "$0\r\n\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.bulk({}); }), "$0\r\n\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.bulk("a\r\n\0b"s); }), "$5\r\na\r\n\0b\r\n"s);
  const std::string large(100000, 'x');
  EXPECT_EQ(in_both([&](ReplyWriter& w) { w.bulk(large); }), "$100000\r\n" + large + "\r\n");
}

TEST(ReplyWriter, BulkInteger) {
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.bulk_integer(-42); }), "$3\r\n-42\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.bulk_integer(INT64_MIN); }), "$20\r\n-9223372036854775808\r\n");
}

TEST(ReplyWriter, Null) {
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.null(); }), "$-1\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.null(); }), "_\r\n");
}

TEST(ReplyWriter, NullArray) {
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.null_array(); }), "*-1\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.null_array(); }), "_\r\n");
}

TEST(ReplyWriter, Boolean) {
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.boolean(true); }), ":1\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.boolean(false); }), ":0\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.boolean(true); }), "#t\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.boolean(false); }), "#f\r\n");
}

TEST(ReplyWriter, Real) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.real(3.14); }), ",3.14\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.real(3.14); }), "$4\r\n3.14\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.real(-7); }), ",-7\r\n");
}

TEST(ReplyWriter, RealWithoutDigits) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(in_resp3([=](ReplyWriter& w) { w.real(infinity); }), ",inf\r\n");
  EXPECT_EQ(in_resp3([=](ReplyWriter& w) { w.real(-infinity); }), ",-inf\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.real(std::nan("")); }), ",nan\r\n");
  EXPECT_EQ(in_resp2([=](ReplyWriter& w) { w.real(infinity); }), "$3\r\ninf\r\n");
  EXPECT_EQ(in_resp2([=](ReplyWriter& w) { w.real(-infinity); }), "$4\r\n-inf\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.real(std::nan("")); }), "$3\r\nnan\r\n");
}

TEST(ReplyWriter, BigNumber) {
  const auto big = [](ReplyWriter& w) { w.big_number("-1234567999999999999999999999999999999"); };
  EXPECT_EQ(in_resp3(big), "(-1234567999999999999999999999999999999\r\n");
  EXPECT_EQ(in_resp2(big), "$38\r\n-1234567999999999999999999999999999999\r\n");
}

TEST(ReplyWriter, Verbatim) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.verbatim("Some string"); }), "=15\r\ntxt:Some string\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.verbatim("", "mkd"); }), "=4\r\nmkd:\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.verbatim("Some string"); }), "$11\r\nSome string\r\n");
}

TEST(ReplyWriter, VerbatimFormatHasThreeBytes) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.verbatim("a", "m"); }), "=5\r\nm  :a\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.verbatim("a", ""); }), "=5\r\n   :a\r\n");
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.verbatim("a", "markdown"); }), "=5\r\nmar:a\r\n");
}

TEST(ReplyWriter, Array) {
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.array(0); }), "*0\r\n");
  EXPECT_EQ(in_both([](ReplyWriter& w) { w.array(1234); }), "*1234\r\n");
}

TEST(ReplyWriter, Map) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.map(7); }), "%7\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.map(7); }), "*14\r\n");
}

TEST(ReplyWriter, Set) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.set(3); }), "~3\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.set(3); }), "*3\r\n");
}

TEST(ReplyWriter, Push) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.push(3); }), ">3\r\n");
  EXPECT_EQ(in_resp2([](ReplyWriter& w) { w.push(3); }), "*3\r\n");
}

TEST(ReplyWriter, Attribute) {
  EXPECT_EQ(in_resp3([](ReplyWriter& w) { w.attribute(1); }), "|1\r\n");
}

TEST(ReplyWriter, HeadersWhoseCountIsKnownOnlyAtTheEnd) {
  const auto nested = [](ReplyWriter& w) {
    w.ok();
    const auto outer = w.begin_aggregate();
    w.integer(1);
    const auto map = w.begin_aggregate();
    w.bulk("k");
    w.null();
    w.end_map(map, 1);
    const auto set = w.begin_aggregate();
    w.end_set(set, 0);
    w.end_array(outer, 3);
  };
  EXPECT_EQ(in_resp2(nested), "+OK\r\n*3\r\n:1\r\n*2\r\n$1\r\nk\r\n$-1\r\n*0\r\n");
  EXPECT_EQ(in_resp3(nested), "+OK\r\n*3\r\n:1\r\n%1\r\n$1\r\nk\r\n_\r\n~0\r\n");
}

TEST(ReplyWriter, LateHeaderOfManyDigits) {
  std::string expected = "*12345\r\n";
  for (int i = 0; i < 12345; ++i) expected += ":1\r\n";
  EXPECT_EQ(in_both([](ReplyWriter& w) {
              const auto mark = w.begin_aggregate();
              for (int i = 0; i < 12345; ++i) w.integer(1);
              w.end_array(mark, 12345);
            }),
            expected);
}

TEST(ReplyWriter, RawBytesAndTheBufferItself) {
  std::string out = "before";
  ReplyWriter writer(out, kResp2);
  writer.raw("+raw\r\n");
  EXPECT_EQ(out, "before+raw\r\n");
  EXPECT_EQ(&writer.buffer(), &out);
}

TEST(ReplyWriter, VersionMayChangeBetweenReplies) {
  std::string out;
  ReplyWriter writer(out, kResp2);
  writer.null();
  writer.set_resp_version(kResp3);
  writer.null();
  EXPECT_TRUE(writer.resp3());
  EXPECT_EQ(writer.resp_version(), kResp3);
  EXPECT_EQ(out, "$-1\r\n_\r\n");
}

}  // namespace
}  // namespace cowslip::protocol
