// The experiments that need no server. Each prints its Lines and returns; docs/OBSERVING_COW.md explains them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/cow_lab/observe.h"

namespace cowslip::bench {

struct LabOptions {
  std::string folder = ".";     // for the file of the first experiment
  uint64_t bytes = 1 << 28;     // size of the memory, or of the file
  std::vector<uint64_t> sizes;  // of the second experiment
  uint64_t repeat = 5;
  uint64_t objects = 1 << 20;
  uint64_t object_bytes = 128;
  uint64_t writes = 10'000;
  uint64_t seed = 1;
};

// 1: a file mapped MAP_PRIVATE is read, changed in one place, changed everywhere; with and without the original mapped
// beside it. `bytes`, `folder`.
void run_private_file(const LabOptions& options, const Group& group);
// 2: what fork, vfork, posix_spawn and exec cost a process of each of `sizes`, with small and with huge pages.
// `repeat` times each.
void run_spawning(const LabOptions& options);
// 3: growth of a forked pair by random writes to `bytes` of memory. `seed`.
void run_share_written(const LabOptions& options, const Group& group);
// 4a: a child that only reads objects, with reference counts in them, beside them, and without. `objects` of
// `object_bytes`, `seed`.
void run_reading_with_refcounts(const LabOptions& options);
// 4b: one write into each of `writes` buffers that are shared by a fork, or by a reference count. `bytes` of buffers of
// several sizes, `seed`; the least times of `repeat`.
void run_buffer_or_page(const LabOptions& options);

// What the children of the second experiment run after exec: says that it is there, and waits for its end.
void run_waiting_child();

}  // namespace cowslip::bench
