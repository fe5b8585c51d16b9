// Where the index and the expiry queue lie: what a child inherits, and what a kernel that refuses leaves of it.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "memory/chunk_pool.h"
#include "store/entry_factory.h"
#include "store/expiry_queue.h"
#include "store/index.h"
#include "tests/support/faulty_kernel_memory.h"

namespace cowslip::store {
namespace {

constexpr uint64_t kSeed = 1;
constexpr int kKeys = 20'000;

// Entries without a database.
struct Entries {
  memory::ChunkPool pool{{.keeper = false}};
  memory::Arena arena{pool};
  EntryFactory factory{arena};

  void fill(Index& index, int keys) {
    for (int i = 0; i < keys; i++) {
      const std::string key = std::to_string(i);
      index.insert(index.hash(key), factory.make_integer(key, 1, kNoExpiry), 0);
    }
  }
};

bool mapped(const void* at) {
  const auto page = reinterpret_cast<uintptr_t>(at) & ~uintptr_t{4095};
  unsigned char resident = 0;
  return ::mincore(reinterpret_cast<void*>(page), 4096, &resident) == 0 || errno != ENOMEM;
}

// Whether a forked child has the page.
bool child_has(const void* at) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(mapped(at) ? 1 : 0);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status) != 0;
}

const void* bucket_of(const Index& index) {
  return index.find("7", index.hash("7")).bucket();
}

TEST(IndexMemory, AChildDoesNotInheritIt) {
  Entries entries;
  memory::UnsharedHeap heap;
  Index index(kSeed, entries.pool.base(), heap);
  entries.fill(index, kKeys);
  ASSERT_GT(index.overflow_bucket_count(), 0u);
  EXPECT_TRUE(index.kept_from_child());
  const Entry* const entry = index.find("7", index.hash("7")).entry();
  ASSERT_TRUE(mapped(bucket_of(index)));
  EXPECT_FALSE(child_has(bucket_of(index)));
  EXPECT_TRUE(child_has(entry));
  EXPECT_EQ(index.find("7", index.hash("7")).entry(), entry);
}

TEST(IndexMemory, SaysWhenAChildDoesInheritIt) {
  memory::FaultyKernelMemory kernel;
  kernel.refuse_advice(MADV_DONTFORK);
  Entries entries;
  memory::UnsharedHeap heap(kernel);
  Index index(kSeed, entries.pool.base(), heap, kernel);
  entries.fill(index, kKeys);
  EXPECT_FALSE(index.kept_from_child());
  EXPECT_TRUE(child_has(bucket_of(index)));
  EXPECT_TRUE(index.find("7", index.hash("7")));
}

// With few addresses to be had (ulimit -v) chains get longer, and everything is found.
TEST(IndexMemory, GrowsNoFurtherThanItsRange) {
  memory::FaultyKernelMemory kernel;
  kernel.refuse_reserving_more_than(5u << 20);
  Entries entries;
  memory::UnsharedHeap heap;
  Index index(kSeed, entries.pool.base(), heap, kernel);
  constexpr int kManyKeys = 600'000;
  entries.fill(index, kManyKeys);
  EXPECT_EQ(index.bucket_count() * sizeof(Bucket), 2u << 20);
  for (int i = 0; i < kManyKeys; i++) ASSERT_TRUE(index.find(std::to_string(i), index.hash(std::to_string(i))));
  while (index.step(1000)) {
  }
}

// What a table of more than a huge page will grow into is offered once for each piece, and nothing when it is small.
TEST(IndexMemory, IsReadiedAhead) {
  Entries entries;
  memory::UnsharedHeap heap;
  Index index(kSeed, entries.pool.base(), heap);
  size_t pieces = 0;
  for (int i = 0; i < 800'000; i++) {
    const std::string key = std::to_string(i);
    index.insert(index.hash(key), entries.factory.make_integer(key, 1, kNoExpiry), 0);
    const auto ahead = index.memory_ahead();
    if (!ahead) continue;
    EXPECT_GE(index.bucket_count() * sizeof(Bucket), 1u << 20);
    EXPECT_FALSE(index.memory_ahead());
    ahead->populate();
    pieces++;
  }
  EXPECT_EQ(pieces, (index.bucket_count() * sizeof(Bucket) + (1u << 20)) >> 21);
  for (int i = 0; i < 800'000; i++) ASSERT_TRUE(index.find(std::to_string(i), index.hash(std::to_string(i))));
}

// All that is reserved is there before the first key comes, in one call as in several.
TEST(IndexMemory, ReservedPagesArePopulated) {
  for (const size_t first : {3'000'000, 10'000}) {
    Entries entries;
    memory::UnsharedHeap heap;
    Index index(kSeed, entries.pool.base(), heap);
    index.reserve(first);
    index.reserve(3'000'000);
    const size_t bytes = index.bucket_count() * sizeof(Bucket);
    ASSERT_GE(bytes, 30u << 20);
    void* const table = index.insert(0, entries.factory.make_integer("k", 1, kNoExpiry), 0).bucket();
    std::vector<unsigned char> resident(bytes / 4096);
    ASSERT_EQ(::mincore(table, resident.size() * 4096, resident.data()), 0);
    EXPECT_EQ(std::ranges::count(resident, 0), 0);
  }
}

TEST(ExpiryQueueMemory, AChildDoesNotInheritItAndItIsCounted) {
  memory::UnsharedHeap heap;
  ExpiryQueue queue(heap);
  EXPECT_EQ(queue.memory_bytes(), 0u);
  for (int64_t i = 0; i < kKeys; i++) queue.add(i * 7919 % kKeys, 1);
  EXPECT_TRUE(queue.kept_from_child());
  EXPECT_GE(queue.memory_bytes(), kKeys * sizeof(ExpiryQueue::Item));
  EXPECT_LE(queue.memory_bytes(), kKeys * sizeof(ExpiryQueue::Item) * 2);
  for (int64_t i = 0; i < kKeys; i++) queue.remove(i, 1);
  EXPECT_EQ(queue.size(), 0u);
  EXPECT_EQ(queue.memory_bytes(), 0u);
}

}  // namespace
}  // namespace cowslip::store
