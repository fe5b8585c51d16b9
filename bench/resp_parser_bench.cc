// What a request costs before the dispatcher sees it, and a reply after: cycles spent here are spent for every command.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "protocol/reply_writer.h"
#include "protocol/resp_parser.h"

namespace cowslip::protocol {
namespace {

constexpr std::string_view kSet = "*3\r\n$3\r\nSET\r\n$16\r\nkey:000000012345\r\n$3\r\nxxx\r\n";
constexpr std::string_view kGet = "*2\r\n$3\r\nGET\r\n$16\r\nkey:000000012345\r\n";

std::string repeated(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

std::string mset(size_t keys) {
  return "*" + std::to_string(1 + 2 * keys) + "\r\n$4\r\nMSET\r\n" +
         repeated("$16\r\nkey:000000012345\r\n$3\r\nxxx\r\n", keys);
}

// Parses the commands of `stream` one by one; the time is one command's.
void parse_stream(benchmark::State& state, std::string_view stream) {
  RespParser parser;
  const ParserLimits limits;
  size_t position = 0;
  for (auto _ : state) {
    const auto outcome = parser.parse(stream.substr(position), limits);
    if (outcome != RespParser::Outcome::kCommand) return state.SkipWithError("not a command");
    benchmark::DoNotOptimize(parser.arguments().data());
    position += parser.consumed();
    if (position == stream.size()) position = 0;
  }
}

void BM_ParseGet(benchmark::State& state) {
  parse_stream(state, kGet);
}
BENCHMARK(BM_ParseGet);

void BM_ParseSet(benchmark::State& state) {
  parse_stream(state, kSet);
}
BENCHMARK(BM_ParseSet);

void BM_ParseSetInPipeline(benchmark::State& state) {
  parse_stream(state, repeated(kSet, 64));
}
BENCHMARK(BM_ParseSetInPipeline);

void BM_ParseMset100(benchmark::State& state) {
  parse_stream(state, mset(100));
}
BENCHMARK(BM_ParseMset100);

void BM_ParseInline(benchmark::State& state) {
  parse_stream(state, "SET key:000000012345 xxx\r\n");
}
BENCHMARK(BM_ParseInline);

void BM_ParseInlineQuoted(benchmark::State& state) {
  parse_stream(state, "SET key:000000012345 \"x\\x20y\"\r\n");
}
BENCHMARK(BM_ParseInlineQuoted);

// A SET whose value comes in `range` pieces: the time must not grow faster than the number of pieces.
void BM_ParseBigBulkInPieces(benchmark::State& state) {
  const std::string stream = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n" + std::string(1 << 20, 'x') + "\r\n";
  const size_t piece = stream.size() / static_cast<size_t>(state.range(0)) + 1;
  RespParser parser;
  const ParserLimits limits;
  for (auto _ : state) {
    size_t arrived = piece;
    while (parser.parse(std::string_view(stream).substr(0, arrived), limits) != RespParser::Outcome::kCommand) {
      arrived += piece;
    }
    benchmark::DoNotOptimize(parser.arguments().data());
  }
}
BENCHMARK(BM_ParseBigBulkInPieces)->Arg(1)->Arg(1000);

// Writes a reply again and again, emptying the buffer as a connection does.
template <typename Reply>
void write_reply(benchmark::State& state, int resp_version, Reply reply) {
  std::string out;
  ReplyWriter writer(out, resp_version);
  for (auto _ : state) {
    reply(writer);
    if (out.size() > 16384) out.clear();
    benchmark::DoNotOptimize(out.data());
  }
}

void BM_ReplyOk(benchmark::State& state) {
  write_reply(state, kResp2, [](ReplyWriter& writer) { writer.ok(); });
}
BENCHMARK(BM_ReplyOk);

void BM_ReplyInteger(benchmark::State& state) {
  write_reply(state, kResp2, [](ReplyWriter& writer) { writer.integer(1234567); });
}
BENCHMARK(BM_ReplyInteger);

void BM_ReplyBulk(benchmark::State& state) {
  write_reply(state, kResp2, [](ReplyWriter& writer) { writer.bulk("xxx"); });
}
BENCHMARK(BM_ReplyBulk);

void BM_ReplyReal(benchmark::State& state) {
  write_reply(state, kResp3, [](ReplyWriter& writer) { writer.real(3.25); });
}
BENCHMARK(BM_ReplyReal);

void BM_ReplyArrayOf10(benchmark::State& state) {
  write_reply(state, kResp2, [](ReplyWriter& writer) {
    writer.array(10);
    for (int i = 0; i < 10; ++i) writer.bulk("member:000012");
  });
}
BENCHMARK(BM_ReplyArrayOf10);

}  // namespace
}  // namespace cowslip::protocol
