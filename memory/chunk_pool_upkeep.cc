// What the keeper does, in this order: give back what is free and not wanted, touch chunks ahead, heal split huge
// pages. Each task is chosen and finished under the pool's mutex and performed without it, so the event loop waits for
// the bookkeeping only.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "memory/chunk_pool.h"

namespace cowslip::memory {
namespace {

// After each healing it rests so many times as long as that took: at most 6 % of one core.
constexpr int64_t kRestsPerHealing = 15;

// A huge page for a chunk that is mostly empty would take more memory than it had.
constexpr size_t kWorthHealing = kChunkBytes / 2;

constexpr size_t kLookedAtOnce = 64;

// What is written does not matter, the chunk is free; and so it is poisoned.
__attribute__((no_sanitize("address"))) void write_every_page(char* chunk) {
  for (size_t at = 0; at < kChunkBytes; at += kPageBytes) *static_cast<volatile char*>(chunk + at) = 0;
}

}  // namespace

// Few chunks ahead for a server that holds little: its resident memory is to be that of its data. During a snapshot,
// when every overwrite takes new memory, more.
size_t ChunkPool::wanted_ready() const {
  const size_t for_each =
      epoch_.child_alive() ? std::min<size_t>(options_.chunks_per_ready, 2) : options_.chunks_per_ready;
  return std::min(options_.ready_chunks, in_use() / for_each);
}

// REQUIRES: the mutex is held.
void ChunkPool::wake_keeper() {
  if (!options_.keeper) return;
  const bool surplus = free_.resident() > options_.ready_chunks || free_.ready() < free_.resident();
  const bool wanting = !fork_is_due_ && free_.ready() < wanted_ready();
  if (surplus || wanting || to_heal_) keeper_.wake();
}

std::optional<int64_t> ChunkPool::keep(bool paced) {
  std::unique_lock lock(mutex_);
  if (const auto task = next_task(paced)) {
    run(*task, lock);
    return 0;
  }
  if (!to_heal_) return std::nullopt;
  return std::max<int64_t>(heal_not_before_us_ - clock_.monotonic_us(), 0);
}

void ChunkPool::run_keeper() {
  while (keep(/*paced=*/false)) {
  }
}

void ChunkPool::purge() {
  collect_empty_chunks();
  std::unique_lock lock(mutex_);
  while (const auto chunk = free_.take_surplus(0)) {
    busy_++;
    run({Task::Kind::kReturn, *chunk}, lock);
  }
}

std::optional<ChunkPool::Task> ChunkPool::next_task(bool paced) {
  if (const auto chunk = free_.take_surplus(options_.ready_chunks)) {
    busy_++;
    return Task{Task::Kind::kReturn, *chunk};
  }
  if (!fork_is_due_ && free_.ready() < wanted_ready()) {
    const ChunkNumber chunk = free_.take_clean();
    busy_++;
    commit_frontier();
    info(chunk).born = epoch_.current();  // before the touch: a fork in the midst of it shares the chunk
    return Task{Task::Kind::kReady, chunk};
  }
  if (paced && clock_.monotonic_us() < heal_not_before_us_) return std::nullopt;
  if (const auto chunk = next_to_heal()) return Task{Task::Kind::kHeal, *chunk};
  return std::nullopt;
}

// A bounded part of the pass, since the mutex is held: nothing may be found although the pass goes on.
std::optional<ChunkNumber> ChunkPool::next_to_heal() {
  for (size_t looked_at = 0; to_heal_ && looked_at < kLookedAtOnce; looked_at++) {
    const ChunkNumber chunk = (*to_heal_)++;
    if (chunk >= free_.frontier()) {
      to_heal_.reset();
    } else if (!free_.contains(chunk) && info(chunk).used_bytes() >= kWorthHealing) {
      return chunk;
    }
  }
  return std::nullopt;
}

void ChunkPool::run(const Task& task, std::unique_lock<std::mutex>& lock) {
  const bool asked = task.kind == Task::Kind::kReturn && epoch_.child_alive();
  lock.unlock();
  const size_t resident_bytes = asked ? kernel_.resident_pages(begin_of(task.chunk), kPagesPerChunk) * kPageBytes : 0;
  const int64_t started_us = clock_.monotonic_us();
  const int os_errno = perform(task);
  const int64_t took_us = clock_.monotonic_us() - started_us;
  lock.lock();
  finish(task, os_errno, took_us, resident_bytes);
}

// Returns errno, or 0.
int ChunkPool::perform(const Task& task) {
  char* const chunk = begin_of(task.chunk);
  switch (task.kind) {
    case Task::Kind::kReturn:
      return kernel_.advise(chunk, kChunkBytes, MADV_DONTNEED) ? 0 : errno;
    case Task::Kind::kReady:
      if (!kernel_.advise(chunk, kChunkBytes, kMadvisePopulateWrite)) write_every_page(chunk);
      return 0;
    case Task::Kind::kHeal:
      return kernel_.advise(chunk, kChunkBytes, kMadviseCollapse) ? 0 : errno;
  }
  return 0;
}

void ChunkPool::finish(const Task& task, int os_errno, int64_t took_us, size_t resident_bytes) {
  switch (task.kind) {
    case Task::Kind::kReturn:
      busy_--;
      free_.give_clean(task.chunk);
      statistics_.chunks_returned++;
      if (os_errno == 0) ledger_.chunk_returned(task.chunk, resident_bytes);
      break;
    case Task::Kind::kReady:
      busy_--;
      free_.give_resident(task.chunk);
      ledger_.chunk_readied(task.chunk);
      break;
    case Task::Kind::kHeal:
      finish_healing(os_errno, took_us);
      break;
  }
}

// EINVAL is said of a range that has nothing to collapse, too; only when it is the first answer of all is it taken for
// the kernel's last word, until the next snapshot has ended.
void ChunkPool::finish_healing(int os_errno, int64_t took_us) {
  heal_not_before_us_ = clock_.monotonic_us() + kRestsPerHealing * took_us;
  if (os_errno == 0) {
    healing_works_ = true;
    statistics_.chunks_found_huge++;
  } else {
    statistics_.heal_failures++;
  }
  if (os_errno != EINVAL || statistics_.chunks_found_huge > 0) return;
  healing_works_ = false;
  to_heal_.reset();
}

}  // namespace cowslip::memory
