// The general heap: what it holds, and the blocks that entries are made of.
//
// Entries live in blocks handed out here and nowhere else, so that the number of bytes they take is known exactly.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cowslip::memory {

// What the process's allocator says of itself; bytes. Zero where the allocator does not tell.
struct HeapStatistics {
  uint64_t allocated = 0;  // handed out and not yet freed
  uint64_t active = 0;     // pages holding at least one allocation
  uint64_t resident = 0;   // mapped and backed, metadata and dirty pages included
  uint64_t retained = 0;   // address space kept for reuse, not backed
};

HeapStatistics heap_statistics();
// "jemalloc-5.3.0" or "libc".
std::string_view heap_name();
// The allocator's own report, for MEMORY MALLOC-STATS. Empty when it has none.
std::string heap_report();
// Gives free pages back to the system (MEMORY PURGE).
void purge_heap();

// Blocks for entries and their values. Thread-safe: the event loop allocates, the lazy-free thread frees as well.
class BlockHeap {
 public:
  // At least `bytes`, aligned to 16. Never fails: running out of memory ends the process, as everywhere in the field.
  void* allocate(size_t bytes);
  void release(void* block);
  // Moves the block to one of at least `bytes`, keeping min(old, new) bytes.
  void* resize(void* block, size_t bytes);
  // Usable bytes of a block: what was asked for, rounded up to the allocator's size class.
  static size_t capacity(const void* block);

  uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  uint64_t blocks() const { return blocks_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> used_bytes_ = 0;
  std::atomic<uint64_t> blocks_ = 0;
};

}  // namespace cowslip::memory
