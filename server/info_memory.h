// Where the memory is: the figures behind INFO memory, MEMORY STATS and MEMORY DOCTOR. Bytes. Event loop only.
#pragma once

#include <cstdint>

#include "memory/heap.h"
#include "memory/process_memory.h"

namespace cowslip::server {

class Server;

struct MemoryFigures {
  // Of the allocator and of the memory engine together: what they handed out, what that lies in (pages, chunks), and
  // what is resident because of it (free pages, chunks kept ready).
  memory::HeapStatistics heap;
  uint64_t resident = 0;  // of the process
  uint64_t used = 0;      // Server::used_memory()
  uint64_t peak = 0;
  uint64_t startup = 0;
  uint64_t clients_normal = 0;
  uint64_t clients_replica = 0;
  uint64_t databases = 0;  // indexes, expiry queues, and what chunks and blocks are known by
  uint64_t tracking = 0;   // what client-side caching remembers
  uint64_t keys = 0;

  // What is not data: the empty server, its clients, the databases' own structures.
  uint64_t overhead() const { return startup + clients_normal + clients_replica + databases + tracking; }
  uint64_t dataset() const { return used > overhead() ? used - overhead() : 0; }
  // Percent of what was added since the start.
  double dataset_percent() const;
  double peak_percent() const { return peak == 0 ? 0 : 100.0 * static_cast<double>(used) / static_cast<double>(peak); }

  // Each of these compares two views of the memory, the wider one first.
  double allocator_fragmentation_ratio() const { return ratio(heap.active, heap.allocated); }
  double allocator_resident_ratio() const { return ratio(heap.resident, heap.active); }
  double resident_overhead_ratio() const { return ratio(resident, heap.resident); }
  double fragmentation_ratio() const { return ratio(resident, used); }
  int64_t allocator_fragmentation_bytes() const { return difference(heap.active, heap.allocated); }
  int64_t allocator_resident_bytes() const { return difference(heap.resident, heap.active); }
  int64_t resident_overhead_bytes() const { return difference(resident, heap.resident); }
  int64_t fragmentation_bytes() const { return difference(resident, used); }

 private:
  static double ratio(uint64_t wide, uint64_t narrow) {
    return narrow == 0 ? 0 : static_cast<double>(wide) / static_cast<double>(narrow);
  }
  static int64_t difference(uint64_t wide, uint64_t narrow) { return static_cast<int64_t>(wide - narrow); }
};

// Asks allocator and kernel anew: some tens of microseconds, and more with many clients.
MemoryFigures gather_memory_figures(Server& server);

}  // namespace cowslip::server
