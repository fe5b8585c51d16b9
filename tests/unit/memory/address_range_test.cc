#include "memory/address_range.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "memory/snapshot_epoch.h"
#include "memory/unshared_heap.h"
#include "tests/support/faulty_kernel_memory.h"

namespace cowslip::memory {
namespace {

constexpr size_t kMiB = 1u << 20;

// What the child's exit status says.
template <typename Work>
int in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool mapped(const void* at) {
  unsigned char resident;
  return ::mincore(const_cast<void*>(at), 4096, &resident) == 0 || errno != ENOMEM;
}

TEST(AddressRange, GrowsInPlaceAndReadsAsZero) {
  AddressRange range(real_kernel_memory(), {.bytes = 1024 * kMiB, .least_bytes = kMiB, .alignment = 2 * kMiB});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(range.begin()) % (2 * kMiB), 0u);
  EXPECT_EQ(range.committed(), 0u);
  range.commit(1);
  range.begin()[0] = 'x';
  range.commit(100 * kMiB);
  EXPECT_EQ(range.begin()[0], 'x');
  EXPECT_EQ(range.begin()[100 * kMiB - 1], 0);
  range.begin()[50 * kMiB] = 'y';
  range.give_back(20 * kMiB);
  EXPECT_EQ(range.begin()[0], 'x');
  EXPECT_EQ(range.begin()[50 * kMiB], 0);
}

TEST(AddressRange, ReadsAsZeroAgainAlsoWhereGivingBackIsRefused) {
  FaultyKernelMemory kernel;
  kernel.refuse_advice(MADV_DONTNEED);
  AddressRange range(kernel, {.bytes = 64 * kMiB, .least_bytes = kMiB});
  range.commit(8 * kMiB);
  std::memset(range.begin(), 'x', 8 * kMiB);
  range.give_back(kMiB);
  EXPECT_EQ(range.begin()[kMiB - 1], 'x');
  EXPECT_EQ(range.begin()[kMiB], 0);
  EXPECT_EQ(range.begin()[8 * kMiB - 1], 0);
}

TEST(AddressRange, TakesLessWhereTheSystemRefuses) {
  FaultyKernelMemory kernel;
  kernel.refuse_reserving_more_than(100 * kMiB);
  AddressRange range(kernel, {.bytes = 1024 * kMiB, .least_bytes = kMiB});
  EXPECT_LE(range.bytes(), 100 * kMiB);
  EXPECT_GE(range.bytes(), 10 * kMiB);
}

TEST(AddressRange, AChildDoesNotInheritWhatIsNotForked) {
  AddressRange kept(real_kernel_memory(), {.bytes = 64 * kMiB, .least_bytes = kMiB, .forked = false});
  AddressRange inherited(real_kernel_memory(), {.bytes = 64 * kMiB, .least_bytes = kMiB});
  for (AddressRange* range : {&kept, &inherited}) {
    range->commit(kMiB);
    std::memset(range->begin(), 'x', kMiB);
  }
  ASSERT_TRUE(kept.kept_from_child());
  const int seen = in_child([&] { return (mapped(kept.begin()) ? 1 : 0) + (mapped(inherited.begin()) ? 2 : 0); });
  EXPECT_EQ(seen, 2);
}

TEST(AddressRange, SaysWhatTheKernelRefused) {
  FaultyKernelMemory kernel;
  kernel.refuse_advice(MADV_DONTFORK);
  kernel.refuse_advice(MADV_HUGEPAGE);
  AddressRange range(kernel, {.bytes = 64 * kMiB, .least_bytes = kMiB, .forked = false});
  EXPECT_FALSE(range.kept_from_child());
  EXPECT_FALSE(range.huge_pages());
  range.commit(kMiB);
  range.begin()[kMiB - 1] = 'x';
  EXPECT_EQ(in_child([&] { return range.begin()[kMiB - 1]; }), 'x');
}

size_t resident_pages(const char* from, size_t bytes) {
  std::vector<unsigned char> resident(bytes / 4096);
  EXPECT_EQ(::mincore(const_cast<char*>(from), bytes, resident.data()), 0);
  return static_cast<size_t>(std::ranges::count_if(resident, [](unsigned char page) { return (page & 1) != 0; }));
}

// Enough for several threads; the same where the kernel does not know how.
TEST(AddressRange, PopulatesWhatItIsToldTo) {
  FaultyKernelMemory old;
  old.refuse_advice(kMadvisePopulateWrite);
  for (KernelMemory* kernel : {&real_kernel_memory(), static_cast<KernelMemory*>(&old)}) {
    AddressRange range(*kernel, {.bytes = 64 * kMiB, .least_bytes = kMiB, .huge_pages_after = SIZE_MAX});
    range.commit(64 * kMiB);
    range.populate(kMiB, 34 * kMiB + 4096);
    EXPECT_EQ(resident_pages(range.begin(), kMiB), 0u);
    EXPECT_EQ(resident_pages(range.begin() + kMiB, 33 * kMiB + 4096), 33 * kMiB / 4096 + 1);
    EXPECT_EQ(resident_pages(range.begin() + 34 * kMiB + 4096, 29 * kMiB), 0u);
  }
}

TEST(AddressRange, MovesAsAWhole) {
  AddressRange range(real_kernel_memory(), {.bytes = 64 * kMiB, .least_bytes = kMiB});
  range.commit(kMiB);
  range.begin()[7] = 'x';
  AddressRange moved = std::move(range);
  EXPECT_FALSE(range);
  EXPECT_EQ(moved.begin()[7], 'x');
}

TEST(SnapshotEpoch, FreezesWhatIsOlderThanTheForkUntilTheChildIsDoneWithIt) {
  SnapshotEpoch epoch(real_kernel_memory(), 100);
  const uint32_t born = epoch.current();
  EXPECT_FALSE(epoch.frozen(5, born));
  epoch.begin(10);
  EXPECT_TRUE(epoch.frozen(5, born));
  EXPECT_FALSE(epoch.frozen(5, epoch.current()));
  EXPECT_EQ(in_child([&] {
              epoch.mark_done(5);
              return 0;
            }),
            0);
  EXPECT_FALSE(epoch.frozen(5, born)) << "the child said so through shared memory";
  EXPECT_TRUE(epoch.frozen(6, born));
  epoch.end();
  EXPECT_FALSE(epoch.frozen(6, born));
  epoch.begin(10);
  EXPECT_TRUE(epoch.frozen(5, born)) << "what the last child reported is forgotten";
}

TEST(SnapshotEpoch, WithoutSharedMemoryEverythingStaysFrozenToTheEnd) {
  FaultyKernelMemory kernel;
  kernel.refuse_shared_memory();
  SnapshotEpoch epoch(kernel, 100);
  EXPECT_FALSE(epoch.progress_shared());
  const uint32_t born = epoch.current();
  epoch.begin(10);
  epoch.mark_done(5);
  EXPECT_TRUE(epoch.frozen(5, born));
  epoch.end();
  EXPECT_FALSE(epoch.frozen(5, born));
}

TEST(UnsharedHeap, ReusesBlocksOfTheSameSizeAndAlignsThem) {
  UnsharedHeap heap;
  void* small = heap.allocate(40);
  void* line = heap.allocate(64);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(line) % 64, 0u);
  EXPECT_EQ(heap.used_bytes(), 128u);
  heap.release(line, 64);
  EXPECT_EQ(heap.allocate(50), line);
  void* odd = heap.allocate(96);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(odd) % 32, 0u);
  void* next = heap.allocate(128);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(next) % 64, 0u);
  for (auto [block, bytes] : {std::pair{small, 40}, {line, 50}, {odd, 96}, {next, 128}}) {
    heap.release(block, static_cast<size_t>(bytes));
  }
  EXPECT_EQ(heap.used_bytes(), 0u);
}

TEST(UnsharedHeap, GivesItsMemoryBackWhenAllBlocksAreGone) {
  UnsharedHeap heap;
  std::vector<void*> blocks;
  for (int round = 0; round < 2; round++) {
    for (int i = 0; i < 100'000; i++) blocks.push_back(heap.allocate(128));
    void* const first = blocks.front();
    std::memset(first, 'x', 128);
    for (void* block : blocks) heap.release(block, 128);
    EXPECT_EQ(heap.used_bytes(), 0u);
    EXPECT_EQ(*static_cast<char*>(first), 0) << "the kernel's zeroes";
    blocks.clear();
  }
}

TEST(UnsharedHeap, IsNotInherited) {
  UnsharedHeap heap;
  void* block = heap.allocate(64);
  ASSERT_TRUE(heap.kept_from_child());
  EXPECT_EQ(in_child([&] { return mapped(block) ? 1 : 0; }), 0);
}

}  // namespace
}  // namespace cowslip::memory
