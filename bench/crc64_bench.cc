// Checksumming with tables against carry-less multiplication, at the sizes the project meets: a key, a small value, the
// encoder's buffer, a large value.
#include <benchmark/benchmark.h>

#include <vector>

#include "base/crc64.h"
#include "base/random.h"

namespace {

using cowslip::internal::crc64_clmul;
using cowslip::internal::crc64_has_clmul;
using cowslip::internal::crc64_tables;

std::vector<std::byte> random_bytes(size_t size) {
  cowslip::Random random(1);
  std::vector<std::byte> bytes(size);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.next());
  return bytes;
}

template <uint64_t (*checksum)(uint64_t, std::span<const std::byte>)>
void run(benchmark::State& state) {
  const auto data = random_bytes(static_cast<size_t>(state.range(0)));
  uint64_t crc = 0;
  for (auto _ : state) crc = checksum(crc, data);
  benchmark::DoNotOptimize(crc);
  state.SetBytesProcessed(state.iterations() * state.range(0));
}

void tables(benchmark::State& state) {
  run<crc64_tables>(state);
}

void clmul(benchmark::State& state) {
  if (!crc64_has_clmul()) return state.SkipWithError("this CPU has no PCLMULQDQ");
  run<crc64_clmul>(state);
}

BENCHMARK(tables)->Arg(16)->Arg(128)->Arg(1024)->Arg(64 << 10)->Arg(4 << 20);
BENCHMARK(clmul)->Arg(16)->Arg(128)->Arg(1024)->Arg(64 << 10)->Arg(4 << 20);

}  // namespace
