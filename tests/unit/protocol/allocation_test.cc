// What requests and replies may allocate: nothing in a steady stream, and never what is only announced.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "protocol/reply_writer.h"
#include "protocol/resp_parser.h"

namespace {

// Counts of this test program, whose allocations all pass through the operators below.
size_t allocations = 0;
size_t allocated_bytes = 0;

}  // namespace

void* operator new(size_t bytes) {
  ++allocations;
  allocated_bytes += bytes;
  if (void* memory = std::malloc(bytes)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

namespace cowslip::protocol {
namespace {

using Outcome = RespParser::Outcome;

void parse_all(RespParser& parser, std::string_view stream) {
  while (!stream.empty()) {
    ASSERT_EQ(parser.parse(stream, {}), Outcome::kCommand);
    stream.remove_prefix(parser.consumed());
  }
}

TEST(Allocation, SteadyStreamOfCommandsAllocatesNothing) {
  const std::string stream =
      "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nab\r\nGET k\r\n*0\r\n\r\nECHO \"a quoted argument, rather long\"\r\n";
  RespParser parser;
  parse_all(parser, stream);
  const size_t before = allocations;
  for (int i = 0; i < 100; ++i) parse_all(parser, stream);
  EXPECT_EQ(allocations, before);
}

TEST(Allocation, SteadyStreamOfRepliesAllocatesNothing) {
  std::string out;
  out.reserve(4096);
  ReplyWriter writer(out, kResp3);
  const size_t before = allocations;
  for (int i = 0; i < 100; ++i) {
    out.clear();
    writer.ok();
    writer.bulk("a bulk string longer than the small ones");
    writer.integer(i);
    writer.real(1.5);
    writer.map(1);
    writer.error("WRONGTYPE Operation against a key holding the wrong kind of value");
    writer.end_array(writer.begin_aggregate(), 0);
  }
  EXPECT_EQ(allocations, before);
}

TEST(Allocation, AnnouncedArgumentsReserveNothing) {
  RespParser parser;
  const size_t before = allocated_bytes;
  ASSERT_EQ(parser.parse("*1000000000\r\n$500000000\r\nabc", {}), Outcome::kIncomplete);
  EXPECT_LE(allocated_bytes - before, 64u);
}

TEST(Allocation, RoomForAHugeRequestIsGivenBack) {
  const size_t count = 100'000;
  std::string huge = "*" + std::to_string(count) + "\r\n";
  for (size_t i = 0; i < count; ++i) huge += "$0\r\n\r\n";
  RespParser parser;
  parse_all(parser, huge);
  ASSERT_EQ(parser.arguments().size(), count);
  parse_all(parser, "*1\r\n$4\r\nPING\r\n");
  const size_t before = allocated_bytes;
  parse_all(parser, huge);
  EXPECT_GE(allocated_bytes - before, count * sizeof(std::string_view));
}

}  // namespace
}  // namespace cowslip::protocol
