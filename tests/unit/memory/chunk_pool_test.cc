#include "memory/chunk_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "memory/arena.h"
#include "memory/process_memory.h"
#include "tests/support/faulty_kernel_memory.h"
#include "tests/unit/memory/reading_child.h"

namespace cowslip::memory {
namespace {

constexpr ChunkPool::Options kByHand = {.address_space_bytes = 1u << 30, .chunks_per_ready = 2, .keeper = false};

size_t chunks_in_use(const ChunkPool& pool) {
  return pool.statistics().chunk_bytes / kChunkBytes;
}
size_t ready_chunks(const ChunkPool& pool) {
  return pool.statistics().ready_bytes / kChunkBytes;
}
// A block that takes a chunk of its own, written.
void* whole_chunk(Arena& arena) {
  return std::memset(arena.allocate(BlockKind::kLargeValue, kChunkBytes), 1, kChunkBytes);
}

// ---- what the machine allows ----

TEST(ChunkPool, SaysWhyThereAreNoHugePages) {
  FaultyKernelMemory refusing, forbidding;
  refusing.refuse_advice(MADV_HUGEPAGE);
  forbidding.forbid_huge_pages();
  ChunkPool::Options off = kByHand;
  off.huge_pages = false;
  EXPECT_EQ(ChunkPool(kByHand, refusing).policies().huge_pages_text, "off: refused");
  EXPECT_TRUE(ChunkPool(kByHand, forbidding).policies().huge_pages_text.starts_with("off: forbidden"));
  EXPECT_EQ(ChunkPool(off).policies().huge_pages_text, "off: not configured");
  for (FaultyKernelMemory* kernel : {&refusing, &forbidding}) {
    const ChunkPool pool(kByHand, *kernel);
    EXPECT_FALSE(pool.policies().huge_pages);
    EXPECT_FALSE(pool.policies().healing) << "a chunk must not become huge unasked";
  }
}

TEST(ChunkPool, DoesWithoutWhatIsRefused) {
  FaultyKernelMemory kernel;
  kernel.refuse_reserving_more_than(600u << 20);
  kernel.refuse_shared_memory();
  for (const int advice : {MADV_HUGEPAGE, kMadviseCollapse, kMadvisePopulateWrite}) kernel.refuse_advice(advice);
  ChunkPool pool(kByHand, kernel);
  EXPECT_FALSE(pool.policies().progress_shared);
  Arena arena(pool);
  for (int i = 0; i < 8; i++) whole_chunk(arena);
  pool.run_keeper();
  EXPECT_EQ(ready_chunks(pool), 4u) << "touched page by page";
  pool.begin_snapshot();
  pool.end_snapshot();
  pool.run_keeper();
  EXPECT_EQ(pool.statistics().heal_failures, 0u);
}

TEST(ChunkPool, CollapseThatTheKernelDoesNotKnowIsNotTried) {
  FaultyKernelMemory kernel;
  kernel.refuse_advice(kMadviseCollapse);
  ChunkPool pool(kByHand, kernel);
  EXPECT_FALSE(pool.policies().healing);
  EXPECT_LE(kernel.refusals(), 1);
}

// ---- free chunks ----

TEST(ChunkPool, KeepsAFewReadyAndReturnsTheRest) {
  ChunkPool pool(kByHand);
  {
    Arena arena(pool);
    whole_chunk(arena);
    pool.run_keeper();
    EXPECT_EQ(ready_chunks(pool), 0u) << "a server that holds next to nothing takes next to nothing";
    for (int i = 0; i < 10; i++) whole_chunk(arena);
    pool.run_keeper();
    EXPECT_EQ(ready_chunks(pool), 4u);
    EXPECT_EQ(chunks_in_use(pool), 11u);
    EXPECT_EQ(pool.statistics().chunks_returned, 0u);
  }
  EXPECT_EQ(ready_chunks(pool), 15u);
  pool.run_keeper();
  EXPECT_EQ(ready_chunks(pool), 4u);
  EXPECT_EQ(pool.statistics().chunks_returned, 11u);
  pool.purge();
  EXPECT_EQ(ready_chunks(pool), 0u);
}

TEST(ChunkPool, FewAreReadyForLittleDataButDuringSnapshots) {
  ChunkPool::Options options = kByHand;
  options.chunks_per_ready = 8;
  ChunkPool pool(options);
  Arena arena(pool);
  for (int i = 0; i < 8; i++) whole_chunk(arena);
  pool.run_keeper();
  EXPECT_EQ(ready_chunks(pool), 1u);
  pool.begin_snapshot();
  whole_chunk(arena);
  pool.run_keeper();
  EXPECT_EQ(ready_chunks(pool), 4u);
  pool.end_snapshot();
}

TEST(ChunkPool, ReturnedMemoryIsTheSystems) {
  ChunkPool pool(kByHand);
  auto arena = std::make_unique<Arena>(pool);
  const uint64_t before = read_process_counters()->resident;
  for (int i = 0; i < 32; i++) whole_chunk(*arena);
  EXPECT_GE(read_process_counters()->resident, before + 60 * (1u << 20));
  arena.reset();
  pool.purge();
  EXPECT_LE(read_process_counters()->resident, before + 16 * (1u << 20));
}

TEST(ChunkPool, TheThreadDoesItToo) {
  ChunkPool::Options options = kByHand;
  options.keeper = true;
  ChunkPool pool(options);
  auto arena = std::make_unique<Arena>(pool);
  for (int i = 0; i < 32; i++) whole_chunk(*arena);
  arena.reset();
  const auto done = [&] { return pool.statistics().chunks_returned >= 28 && ready_chunks(pool) <= 4; };
  for (int i = 0; i < 10'000 && !done(); i++) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_TRUE(done());
}

TEST(ChunkPool, ReadyChunksOfBeforeTheForkAreNotWritten) {
  ChunkPool pool(kByHand);
  Arena arena(pool);
  std::vector<void*> blocks;
  for (int i = 0; i < 8; i++) blocks.push_back(whole_chunk(arena));
  pool.run_keeper();
  ASSERT_EQ(ready_chunks(pool), 4u);
  pool.begin_snapshot();
  pool.run_keeper();
  EXPECT_EQ(ready_chunks(pool), 0u) << "returned, and none touched before the fork has happened";
  whole_chunk(arena);
  pool.run_keeper();
  EXPECT_EQ(ready_chunks(pool), 4u) << "touched after it";
  pool.end_snapshot();
}

TEST(ChunkPool, RunsOfChunksUseHolesAndTheFrontier) {
  ChunkPool pool(kByHand);
  Arena arena(pool);
  const auto large = [&](size_t chunks) {
    return static_cast<char*>(arena.allocate(BlockKind::kLargeValue, chunks * kChunkBytes));
  };
  char* const three = large(3);
  char* const guard = large(1);
  char* const two = large(2);
  EXPECT_EQ(guard, three + 3 * kChunkBytes);
  arena.release(three);
  EXPECT_EQ(large(2), three);
  EXPECT_EQ(large(2), two + 2 * kChunkBytes) << "one chunk is left of the hole";
  EXPECT_EQ(large(1), three + 2 * kChunkBytes);
}

TEST(ChunkPool, AnArenaMayGoOnAnotherThread) {
  ChunkPool pool(kByHand);
  auto arena = std::make_unique<Arena>(pool);
  for (int i = 0; i < 100'000; i++) arena->allocate(BlockKind::kEntry, 100);
  arena->retire();
  EXPECT_EQ(pool.used_bytes(), 0u);
  EXPECT_GT(chunks_in_use(pool), 0u);
  pool.begin_snapshot();
  Arena other(pool);
  std::thread destroyer([&] { arena.reset(); });
  for (int i = 0; i < 100'000; i++) ASSERT_FALSE(pool.frozen(other.allocate(BlockKind::kEntry, 100)));
  destroyer.join();
  pool.end_snapshot();
  EXPECT_EQ(chunks_in_use(pool), other.chunk_bytes() / kChunkBytes);
}

// ---- healing ----

TEST(ChunkPool, SplitChunksAreMadeHugeAgain) {
  ChunkPool::Options none_ready = kByHand;
  none_ready.ready_chunks = 0;
  ChunkPool pool(none_ready);
  Arena arena(pool);
  std::vector<char*> chunks;
  const uint64_t before = read_memory_rollup()->anon_huge_pages;
  for (int i = 0; i < 8; i++) chunks.push_back(static_cast<char*>(whole_chunk(arena)));
  const uint64_t huge = read_memory_rollup()->anon_huge_pages - before;
  if (!pool.policies().healing || huge < 8 * kChunkBytes) GTEST_SKIP() << "no huge pages here";
  pool.begin_snapshot();
  {
    const ReadingChild child;
    for (char* chunk : chunks) chunk[5000] = 2;
    EXPECT_LT(read_memory_rollup()->anon_huge_pages, before + huge) << "written pages are copied, the rest is split";
    pool.run_keeper();
    EXPECT_EQ(pool.statistics().chunks_found_huge, 0u) << "it would copy the chunk";
  }
  pool.end_snapshot();
  pool.run_keeper();
  EXPECT_EQ(pool.statistics().chunks_found_huge, 8u);
  EXPECT_EQ(read_memory_rollup()->anon_huge_pages, before + huge);
  for (char* chunk : chunks) EXPECT_EQ(chunk[4999] + chunk[5000], 3);
}

TEST(ChunkPool, AKernelThatRefusesToHealIsLeftInPeace) {
  FaultyKernelMemory kernel;
  ChunkPool pool(kByHand, kernel);
  if (!pool.policies().healing) GTEST_SKIP() << "no huge pages here";
  Arena arena(pool);
  for (int i = 0; i < 8; i++) whole_chunk(arena);
  const auto one_snapshot = [&] {
    pool.begin_snapshot();
    pool.end_snapshot();
    pool.run_keeper();
  };
  kernel.refuse_advice(kMadviseCollapse, EINVAL);
  one_snapshot();
  EXPECT_EQ(kernel.refusals(), 1);
  EXPECT_FALSE(pool.policies().healing);
  kernel.refuse_advice(kMadviseCollapse, EAGAIN);
  one_snapshot();
  EXPECT_EQ(pool.statistics().heal_failures, 9u);
}

}  // namespace
}  // namespace cowslip::memory
