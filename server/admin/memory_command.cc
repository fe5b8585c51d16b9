// MEMORY: usage, stats, doctor, malloc-stats, purge, help.
#include <fmt/format.h>

#include <utility>

#include "commands/arguments.h"
#include "memory/heap.h"
#include "server/admin/admin_families.h"
#include "server/admin/memory_advice.h"
#include "server/client_registry.h"
#include "server/info_memory.h"
#include "server/server.h"
#include "server/system_report.h"

namespace cowslip::server {
namespace {

using namespace commands;

// What a key costs besides its entry: its share of an index bucket, and its place in the expiry queue.
constexpr size_t kIndexBytesPerKey = store::Index::kUsualBytesPerKey;
constexpr size_t kExpiryBytesPerKey = sizeof(store::ExpiryQueue::Item);

void cmd_memory_usage(CommandContext& c) {
  for (size_t i = 3; i < c.args.size(); i += 2) {
    if (!is_option(c.args[i], "samples") || i + 1 == c.args.size()) return c.reply.error(kSyntaxError);
    // What a value takes is known exactly, without looking at any of its elements: the number makes no difference.
    const auto samples = integer_argument(c, i + 1);
    if (!samples) return;
    if (*samples < 0) return c.reply.error(kSyntaxError);
  }
  const store::Entry* entry = c.db().find(c.args[2], store::Lookup::kPeek);
  if (entry == nullptr) return c.reply.null();
  const size_t expiry = entry->has_expiry() ? kExpiryBytesPerKey : 0;
  c.reply.integer(static_cast<int64_t>(entry->memory_bytes(c.keyspace.chunks()) + kIndexBytesPerKey + expiry));
}

// A map under construction: its length is the number of fields written.
class StatsMap {
 public:
  explicit StatsMap(protocol::ReplyWriter& reply) : reply_(reply), mark_(reply.begin_aggregate()) {}
  void integer(std::string_view name, uint64_t value) {
    reply_.bulk(name);
    reply_.integer(static_cast<int64_t>(value));
    ++pairs_;
  }
  void real(std::string_view name, double value) {
    reply_.bulk(name);
    reply_.real(value);
    ++pairs_;
  }
  void database(int number, const store::Database& db) {
    // The index cannot be told from the expiry queue here, so the whole stands under "main".
    reply_.bulk(fmt::format("db.{}", number));
    reply_.map(3);
    reply_.bulk("overhead.hashtable.main");
    reply_.integer(static_cast<int64_t>(db.memory_overhead_bytes()));
    reply_.bulk("overhead.hashtable.expires");
    reply_.integer(0);
    reply_.bulk("overhead.hashtable.slot-to-keys");
    reply_.integer(0);
    ++pairs_;
  }
  void end() { reply_.end_map(mark_, pairs_); }

 private:
  protocol::ReplyWriter& reply_;
  protocol::ReplyWriter::Mark mark_;
  size_t pairs_ = 0;
};

void reply_allocator(StatsMap& map, const MemoryFigures& figures) {
  map.integer("allocator.allocated", figures.heap.allocated);
  map.integer("allocator.active", figures.heap.active);
  map.integer("allocator.resident", figures.heap.resident);
  map.real("allocator-fragmentation.ratio", figures.allocator_fragmentation_ratio());
  map.integer("allocator-fragmentation.bytes", static_cast<uint64_t>(figures.allocator_fragmentation_bytes()));
  map.real("allocator-rss.ratio", figures.allocator_resident_ratio());
  map.integer("allocator-rss.bytes", static_cast<uint64_t>(figures.allocator_resident_bytes()));
  map.real("rss-overhead.ratio", figures.resident_overhead_ratio());
  map.integer("rss-overhead.bytes", static_cast<uint64_t>(figures.resident_overhead_bytes()));
  map.real("fragmentation", figures.fragmentation_ratio());
  map.integer("fragmentation.bytes", static_cast<uint64_t>(figures.fragmentation_bytes()));
}

// Our own fields: the engine's blocks by kind, and what they lie in.
void reply_engine(StatsMap& map, const memory::ChunkPool& chunks) {
  using memory::BlockKind;
  constexpr std::pair<std::string_view, BlockKind> kKinds[] = {
      {"entries", BlockKind::kEntry}, {"large-values", BlockKind::kLargeValue}, {"nodes", BlockKind::kNode}};
  for (const auto& [name, kind] : kKinds) {
    map.integer(fmt::format("engine.{}.count", name), chunks.blocks(kind));
    map.integer(fmt::format("engine.{}.bytes", name), chunks.used_bytes(kind));
  }
  const memory::PoolStatistics pool = chunks.statistics();
  map.integer("engine.chunks.bytes", pool.chunk_bytes);
  map.integer("engine.ready.bytes", pool.ready_bytes);
  map.integer("engine.metadata.bytes", pool.metadata_bytes);
}

void cmd_memory_stats(CommandContext& c) {
  const MemoryFigures figures = gather_memory_figures(server_of(c));
  StatsMap map(c.reply);
  map.integer("peak.allocated", figures.peak);
  map.integer("total.allocated", figures.used);
  map.integer("startup.allocated", figures.startup);
  map.integer("replication.backlog", 0);
  map.integer("clients.slaves", figures.clients_replica);
  map.integer("clients.normal", figures.clients_normal);
  for (const std::string_view absent : {"cluster.links", "aof.buffer", "lua.caches", "functions.caches"}) {
    map.integer(absent, 0);
  }
  for (int number = 0; number < c.keyspace.count(); number++) {
    const store::Database& db = c.keyspace.database(number);
    if (db.size() != 0) map.database(number, db);
  }
  map.integer("overhead.total", figures.overhead());
  map.integer("keys.count", figures.keys);
  const uint64_t added = figures.used > figures.startup ? figures.used - figures.startup : 0;
  map.integer("keys.bytes-per-key", figures.keys == 0 ? 0 : added / figures.keys);
  map.integer("dataset.bytes", figures.dataset());
  map.real("dataset.percentage", figures.dataset_percent());
  map.real("peak.percentage", figures.peak_percent());
  reply_allocator(map, figures);
  reply_engine(map, c.keyspace.chunks());
  map.integer("clients.tracking", figures.tracking);  // our own as well
  map.end();
}

void cmd_memory_doctor(CommandContext& c) {
  Server& server = server_of(c);
  const auto findings = check_system(gather_system_facts(), dataset_of(server));
  c.reply.verbatim(memory_advice(gather_memory_figures(server), server.clients().size(), findings));
}

void cmd_memory_malloc_stats(CommandContext& c) {
  const std::string report = memory::heap_report();
  if (report.empty()) return c.reply.bulk("Stats not supported for the current allocator");
  c.reply.verbatim(report);
}

void cmd_memory_purge(CommandContext& c) {
  memory::purge_heap();
  c.keyspace.chunks().purge();
  c.reply.ok();
}

void cmd_memory_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    Look for trouble with memory and say what to do about it.",
      "MALLOC-STATS",
      "    Show the allocator's own report.",
      "PURGE",
      "    Give free pages back to the system.",
      "STATS",
      "    Show where the memory is.",
      "USAGE <key> [SAMPLES <count>]",
      "    Tell the bytes that <key> and its value take.",
  };
  reply_help(c, "MEMORY", kLines);
}

constexpr std::string_view kShardTips = "nondeterministic_output request_policy:all_shards response_policy:special";

constexpr CommandSpec kSubcommands[] = {
    {.name = "usage",
     .arity = -3,
     .flags = kReadonly,
     .keys = {2, 2, 1},
     .key_flags = kKeyRO,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Tells the bytes that a key and its value take.",
     .syntax = "key [SAMPLES count:integer]",
     .handler = cmd_memory_usage},
    {.name = "stats",
     .arity = 2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(N) for N clients",
     .summary = "Shows where the memory is.",
     .handler = cmd_memory_stats,
     .tips = kShardTips},
    {.name = "doctor",
     .arity = 2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(N) for N clients",
     .summary = "Looks for trouble with memory.",
     .handler = cmd_memory_doctor,
     .tips = kShardTips},
    {.name = "malloc-stats",
     .arity = 2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "Depends on the allocator's state, could be slow",
     .summary = "Shows the allocator's own report.",
     .handler = cmd_memory_malloc_stats,
     .tips = kShardTips},
    {.name = "purge",
     .arity = 2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "Depends on the allocator's state, could be slow",
     .summary = "Gives free pages back to the system.",
     .handler = cmd_memory_purge,
     .tips = "request_policy:all_shards response_policy:all_succeeded"},
    {.name = "help",
     .arity = 2,
     .flags = kLoading | kStale,
     .group = "server",
     .since = "4.0.0",
     .complexity = "O(1)",
     .summary = "Explains the subcommands.",
     .handler = cmd_memory_help},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "memory",
     .arity = -2,
     .group = "server",
     .since = "4.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "Shows what takes memory.",
     .subcommands = kSubcommands},
};

}  // namespace

std::span<const CommandSpec> memory_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
