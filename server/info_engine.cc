// INFO's section of our own about the memory engine: which of its policies hold on this machine, and its figures.
#include "persistence/child_scheduling.h"
#include "server/info.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using memory::BlockKind;

void write_policies(const store::Keyspace& keyspace, InfoText& text) {
  const memory::MemoryPolicies policies = keyspace.chunks().policies();
  const auto yes_no = [](bool yes) { return yes ? "yes" : "no"; };
  text.field("engine_huge_pages", policies.huge_pages_text);
  text.field("engine_heals_huge_pages", yes_no(policies.healing));
  text.field("engine_sees_child_progress", yes_no(policies.progress_shared));
  text.field("engine_index_kept_from_child", yes_no(keyspace.index_kept_from_child()));
  text.field("engine_child_runs", persistence::may_leave_idle_scheduling() ? "where nobody else does" : "at nice 15");
}

void write_blocks(const memory::ChunkPool& chunks, InfoText& text) {
  text.field("engine_entries", chunks.blocks(BlockKind::kEntry));
  text.field("engine_entries_bytes", chunks.used_bytes(BlockKind::kEntry));
  text.field("engine_large_values", chunks.blocks(BlockKind::kLargeValue));
  text.field("engine_large_values_bytes", chunks.used_bytes(BlockKind::kLargeValue));
}

void write_chunks(const memory::PoolStatistics& pool, InfoText& text) {
  text.field("engine_chunks_bytes", pool.chunk_bytes);
  text.field("engine_ready_bytes", pool.ready_bytes);
  text.field("engine_metadata_bytes", pool.metadata_bytes);
  text.field("engine_chunks_returned", pool.chunks_returned);
  text.field("engine_chunks_found_huge", pool.chunks_found_huge);
  text.field("engine_heal_failures", pool.heal_failures);
}

}  // namespace

void info::write_engine(Server& server, InfoText& text) {
  const store::Keyspace& keyspace = server.keyspace();
  text.section("Engine");
  write_policies(keyspace, text);
  write_blocks(keyspace.chunks(), text);
  write_chunks(keyspace.chunks().statistics(), text);
}

}  // namespace cowslip::server
