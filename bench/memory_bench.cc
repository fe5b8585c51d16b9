// What a block costs: from an arena, and from the general heap (jemalloc) for comparison.
#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <expected>
#include <utility>
#include <vector>

#include "base/random.h"
#include "memory/arena.h"
#include "memory/snapshot_reader.h"

namespace cowslip::memory {
namespace {

constexpr size_t kBlocks = 1'000'000;

struct FromArena {
  ChunkPool pool;
  Arena arena{pool};
  void* allocate(size_t bytes) { return arena.allocate(BlockKind::kEntry, bytes); }
  void release(void* block) { arena.release(block); }
};

struct FromHeap {
  void* allocate(size_t bytes) { return std::malloc(bytes); }
  void release(void* block) { std::free(block); }
};

// Fresh blocks and their first bytes, as a load fills a database.
template <typename Source>
void fill(benchmark::State& state) {
  std::vector<void*> blocks(kBlocks);
  for (auto _ : state) {
    Source source;
    for (auto& block : blocks) std::memset(block = source.allocate(static_cast<size_t>(state.range(0))), 1, 16);
    state.PauseTiming();
    for (void* block : blocks) source.release(block);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * kBlocks);
}

// A new block for a random old one, as overwrites do. Sizes vary by half of the base.
template <typename Source>
void replace(benchmark::State& state) {
  Source source;
  Random random(1);
  const auto base = static_cast<size_t>(state.range(0));
  std::vector<void*> blocks(kBlocks);
  for (auto& block : blocks) std::memset(block = source.allocate(base + random.below(base / 2)), 1, 16);
  for (auto _ : state) {
    void*& block = blocks[random.below(kBlocks)];
    void* const old = block;
    block = source.allocate(base + random.below(base / 2));
    std::memset(block, 1, 16);
    source.release(old);
  }
  state.SetItemsProcessed(state.iterations());
  for (void* block : blocks) source.release(block);
}

// One block, again and again: everything is in the cache, so this is the number of instructions.
template <typename Source>
void take_and_give(benchmark::State& state) {
  Source source;
  std::vector<void*> others;
  for (int i = 0; i < 100; i++) others.push_back(source.allocate(static_cast<size_t>(state.range(0))));
  for (auto _ : state) {
    void* const block = source.allocate(static_cast<size_t>(state.range(0)));
    benchmark::DoNotOptimize(block);
    source.release(block);
  }
  state.SetItemsProcessed(state.iterations());
  for (void* block : others) source.release(block);
}

// A database that toggles its only key, beside another of some chunks: its chunk is empty each time. What the keeper
// does meanwhile counts too.
void take_and_give_the_only_one(benchmark::State& state) {
  ChunkPool pool;
  Arena arena(pool), other(pool);
  for (int64_t i = 0; i < state.range(1); i++) other.allocate(BlockKind::kEntry, kChunkBytes);
  for (auto _ : state) {
    void* const block = std::memset(arena.allocate(BlockKind::kEntry, static_cast<size_t>(state.range(0))), 1, 16);
    arena.release(block);
  }
}
BENCHMARK(take_and_give_the_only_one)
    ->ArgNames({"bytes", "chunks_beside"})
    ->ArgsProduct({{120, 20'000}, {0, 100}})
    ->MeasureProcessCPUTime()
    ->UseRealTime();

BENCHMARK(fill<FromArena>)->Arg(120)->Unit(benchmark::kMillisecond);
BENCHMARK(fill<FromHeap>)->Arg(120)->Unit(benchmark::kMillisecond);
BENCHMARK(replace<FromArena>)->Arg(120)->Arg(1000);
BENCHMARK(replace<FromHeap>)->Arg(120)->Arg(1000);
BENCHMARK(take_and_give<FromArena>)->Arg(120)->Arg(20'000);
BENCHMARK(take_and_give<FromHeap>)->Arg(120)->Arg(20'000);

void is_frozen(benchmark::State& state) {
  FromArena source;
  Random random(1);
  std::vector<void*> blocks(kBlocks);
  for (auto& block : blocks) block = source.allocate(120);
  if (state.range(0) != 0) source.pool.begin_snapshot();
  for (auto _ : state) benchmark::DoNotOptimize(source.pool.frozen(blocks[random.below(kBlocks)]));
  if (state.range(0) != 0) source.pool.end_snapshot();
}
BENCHMARK(is_frozen)->ArgName("child")->Arg(0)->Arg(1);

void walk(benchmark::State& state) {
  FromArena source;
  for (size_t i = 0; i < kBlocks; i++) source.allocate(120);
  for (auto _ : state) {
    size_t count = 0;
    for (ChunkWalk walk(source.arena, BlockKind::kEntry); walk.next();) {
      walk.for_each_block([&](const void* block) {
        benchmark::DoNotOptimize(block);
        count++;
      });
    }
    if (count != kBlocks) state.SkipWithError("blocks were missed");
  }
  state.SetItemsProcessed(state.iterations() * kBlocks);
}
BENCHMARK(walk)->Unit(benchmark::kMillisecond);

// What a fork waits for besides the kernel.
void begin_and_end_snapshot(benchmark::State& state) {
  FromArena source;
  Random random(1);
  for (size_t i = 0; i < kBlocks; i++) source.allocate(24 + random.below(4000));
  for (auto _ : state) {
    source.pool.begin_snapshot();
    source.pool.end_snapshot();
  }
}
BENCHMARK(begin_and_end_snapshot)->Unit(benchmark::kMicrosecond);

// Of this thread: what other processes take does not count.
double processor_us() {
  timespec time;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// How long a slice of the event loop may wait for the choice of a chunk to evacuate, in a database of as many chunks,
// all of them sparse. Blocks of the largest slot: a hundred gigabytes are a few million of them, and none is touched.
void choose_chunk(benchmark::State& state) {
  ChunkPool pool({.address_space_bytes = uint64_t{128} << 30, .keeper = false});
  Arena arena(pool);
  Random random(1);
  std::vector<void*> blocks(static_cast<size_t>(state.range(0)) * (kChunkBytes / kLargestSlot));
  for (auto& block : blocks) block = arena.allocate(BlockKind::kEntry, kLargestSlot);
  for (size_t i = 0; i < blocks.size() / 20; i++) {
    if (void*& block = blocks[random.below(blocks.size())]; block != nullptr)
      arena.release(std::exchange(block, nullptr));
  }
  double longest_call_us = 0;
  for (auto _ : state) {
    std::expected<ChunkNumber, Arena::NoChunk> chunk = std::unexpected(Arena::NoChunk::kYet);
    while (!chunk && chunk.error() == Arena::NoChunk::kYet) {
      const double before_us = processor_us();
      chunk = arena.begin_evacuation(BlockKind::kEntry, 0.97);
      longest_call_us = std::max(longest_call_us, processor_us() - before_us);
    }
    if (!chunk) return state.SkipWithError("no chunk is sparse");
    arena.end_evacuation(*chunk);
  }
  state.counters["longest_call_us"] = longest_call_us;
}
BENCHMARK(choose_chunk)->Arg(500)->Arg(50'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cowslip::memory
