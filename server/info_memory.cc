#include "server/info_memory.h"

#include <algorithm>

#include "base/numbers.h"
#include "server/client_registry.h"
#include "server/config_store.h"
#include "server/defragmenter.h"
#include "server/eviction_control.h"
#include "server/info.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

void with_human(InfoText& text, std::string_view name, std::string_view human_name, uint64_t bytes) {
  text.field(name, bytes);
  text.field(human_name, format_memory_human(bytes));
}

// Scripts and functions, which this version does not have: Redis's fields, all of them zero.
void write_scripts(InfoText& text) {
  text.field("used_memory_lua", 0);
  text.field("used_memory_vm_eval", 0);
  text.field("used_memory_lua_human", "0B");
  for (const std::string_view name : {"used_memory_scripts_eval", "number_of_cached_scripts", "number_of_functions",
                                      "number_of_libraries", "used_memory_vm_functions", "used_memory_vm_total"}) {
    text.field(name, 0);
  }
  text.field("used_memory_vm_total_human", "0B");
  text.field("used_memory_functions", 0);
  text.field("used_memory_scripts", 0);
  text.field("used_memory_scripts_human", "0B");
}

void write_fragmentation(const MemoryFigures& figures, InfoText& text) {
  text.ratio("allocator_frag_ratio", figures.allocator_fragmentation_ratio());
  text.field("allocator_frag_bytes", figures.allocator_fragmentation_bytes());
  text.ratio("allocator_rss_ratio", figures.allocator_resident_ratio());
  text.field("allocator_rss_bytes", figures.allocator_resident_bytes());
  text.ratio("rss_overhead_ratio", figures.resident_overhead_ratio());
  text.field("rss_overhead_bytes", figures.resident_overhead_bytes());
  text.ratio("mem_fragmentation_ratio", figures.fragmentation_ratio());
  text.field("mem_fragmentation_bytes", figures.fragmentation_bytes());
}

// The engine's memory comes straight from the kernel: the allocator knows nothing of it.
void add_engine(const memory::ChunkPool& chunks, MemoryFigures& figures) {
  const memory::PoolStatistics pool = chunks.statistics();
  figures.heap.allocated += chunks.used_bytes() + figures.databases;
  figures.heap.active += pool.chunk_bytes + figures.databases;
  figures.heap.resident += pool.chunk_bytes + pool.ready_bytes + figures.databases;
}

}  // namespace

double MemoryFigures::dataset_percent() const {
  if (used <= startup) return 0;
  return 100.0 * static_cast<double>(dataset()) / static_cast<double>(used - startup);
}

MemoryFigures gather_memory_figures(Server& server) {
  server.sample_memory();
  MemoryFigures figures;
  figures.heap = memory::heap_statistics();
  if (const auto counters = memory::read_process_counters()) figures.resident = counters->resident;
  figures.used = server.used_memory();
  figures.peak = std::max(server.memory_peaks().used_peak, figures.used);
  figures.startup = server.memory_peaks().used_at_startup;
  figures.clients_normal =
      server.clients().memory_of(ClientClass::kNormal) + server.clients().memory_of(ClientClass::kPubSub);
  figures.clients_replica = server.clients().memory_of(ClientClass::kReplica);
  figures.databases = server.keyspace().overhead_bytes();
  if (server.tracking().active()) figures.tracking = server.tracking().memory_bytes();
  add_engine(server.keyspace().chunks(), figures);
  figures.keys = server.keyspace().total_keys();
  return figures;
}

void info::write_memory(Server& server, InfoText& text) {
  const MemoryFigures figures = gather_memory_figures(server);
  const uint64_t system = memory::total_system_memory();
  text.section("Memory");
  with_human(text, "used_memory", "used_memory_human", figures.used);
  with_human(text, "used_memory_rss", "used_memory_rss_human", figures.resident);
  with_human(text, "used_memory_peak", "used_memory_peak_human", figures.peak);
  text.percent("used_memory_peak_perc", figures.peak_percent());
  text.field("used_memory_overhead", figures.overhead());
  text.field("used_memory_startup", figures.startup);
  text.field("used_memory_dataset", figures.dataset());
  text.percent("used_memory_dataset_perc", figures.dataset_percent());
  text.field("allocator_allocated", figures.heap.allocated);
  text.field("allocator_active", figures.heap.active);
  text.field("allocator_resident", figures.heap.resident);
  with_human(text, "total_system_memory", "total_system_memory_human", system);
  write_scripts(text);
  with_human(text, "maxmemory", "maxmemory_human", server.config().maxmemory);
  text.field("maxmemory_policy", server.settings().get("maxmemory-policy"));
  write_fragmentation(figures, text);
  text.field("mem_not_counted_for_evict", server.eviction().not_counted_bytes());
  for (const std::string_view name : {"mem_replication_backlog", "mem_total_replication_buffers"}) text.field(name, 0);
  text.field("mem_clients_slaves", figures.clients_replica);
  text.field("mem_clients_normal", figures.clients_normal);
  text.field("mem_cluster_links", 0);
  text.field("mem_aof_buffer", 0);
  text.field("mem_allocator", memory::heap_name());
  text.field("active_defrag_running", server.defragmenter().running_percent());
  text.field("lazyfree_pending_objects", server.keyspace().to_be_freed());
  text.field("lazyfreed_objects", server.keyspace().lazy_free().freed());
}

}  // namespace cowslip::server
