// The general heap (jemalloc): what it says of itself. Connections, buffers and configuration live there; keys, values
// and indexes do not (chunk_pool.h, unshared_heap.h).
#pragma once

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

}  // namespace cowslip::memory
