// DEBUG. One command without subcommands for COMMAND's purposes, as in Redis; its first argument chooses from the table
// below.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <optional>
#include <thread>

#include "commands/arguments.h"
#include "persistence/dump_payload.h"
#include "server/admin/admin_arguments.h"
#include "server/admin/admin_families.h"
#include "server/admin/dataset_digest.h"
#include "server/admin/debug_policy.h"
#include "server/admin/debug_protocol.h"
#include "server/cron.h"
#include "server/loading.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;

// Bytes of a DUMP payload that are not the value: the type before it, version and checksum after.
constexpr size_t kDumpFrameBytes = 1 + 2 + 8;
constexpr int64_t kLruClockMask = (1 << 24) - 1;

// What strtod makes of the front of the text: 0 when that is no number.
double leading_number(std::string_view text) {
  return std::strtod(std::string(text).c_str(), nullptr);
}

void debug_sleep(CommandContext& c) {
  const double seconds = std::clamp(leading_number(c.args[2]), 0.0, 1e9);
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  c.reply.ok();
}

void debug_reload(CommandContext& c) {
  bool save = true;
  bool flush = true;
  for (const std::string_view option : c.args.subspan(2)) {
    if (is_option(option, "nosave")) {
      save = false;
    } else if (is_option(option, "noflush")) {
      flush = false;
    } else if (!is_option(option, "merge")) {
      return c.reply.error("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
    }
  }
  Server& server = server_of(c);
  // Clients are served in the middle of a load, and a second one would find the keys of the first.
  if (server.loading().active()) return c.reply.error(commands::kDatasetLoading);
  if (const Status reloaded = server.reload_dataset(save, flush); !reloaded) {
    server.log().warning("DEBUG RELOAD failed: {}", reloaded.error().message);
    return c.reply.error("ERR " + reloaded.error().message);
  }
  server.log().warning("DB reloaded by DEBUG RELOAD");
  c.reply.ok();
}

std::optional<int64_t> count_argument(CommandContext& c, size_t index) {
  constexpr std::string_view kError = "ERR value is out of range, must be positive";
  const auto count = integer_argument(c, index, kError);
  if (count && *count < 0) return c.reply.error(kError), std::nullopt;
  return count;
}

void debug_populate(CommandContext& c) {
  if (server_of(c).loading().active()) return c.reply.error(commands::kDatasetLoading);
  const auto count = count_argument(c, 2);
  if (!count) return;
  const std::string_view prefix = c.args.size() > 3 ? c.args[3] : "key";
  const auto size = c.args.size() > 4 ? count_argument(c, 4) : std::optional<int64_t>(0);
  if (!size) return;
  for (int64_t i = 0; i < *count; i++) {
    const std::string key = fmt::format("{}:{}", prefix, i);
    if (c.db().find(key, store::Lookup::kPeek) != nullptr) continue;
    std::string value = fmt::format("value:{}", i);
    if (*size != 0) value.resize(static_cast<size_t>(*size));
    c.db().set_string(key, value);
  }
  c.reply.ok();
}

// What Redis adds for a big list: its nodes, here the leaves of its tree, none of them compressed.
std::string nodes_of_list(CommandContext& c, const store::Entry& entry) {
  if (entry.encoding() != store::Encoding::kQuicklist) return {};
  const store::AggregateRoot root = entry.aggregate();
  size_t nodes = 0, bytes = 0;
  store::PackedTreeView(root.first, store::NodeKey::kNone).for_each_leaf([&](const store::PackedNode& leaf) {
    nodes++;
    for (size_t i = 0; i < leaf.count(); i++) bytes += leaf.bytes(i).size();
  });
  return fmt::format(" ql_nodes:{} ql_avg_node:{:.2f} ql_listpack_max:{} ql_compressed:0 ql_uncompressed_size:{}",
                     nodes, static_cast<double>(root.elements()) / static_cast<double>(nodes),
                     c.keyspace.encoding_limits().list_max_listpack_size, bytes);
}

void debug_object(CommandContext& c) {
  const store::Entry* entry = c.db().find(c.args[2], store::Lookup::kPeek);
  if (entry == nullptr) return c.reply.error(kNoSuchKey);
  const std::string place = fmt::format("{}", static_cast<const void*>(entry));
  const std::string_view encoding = store::encoding_name(entry->encoding());
  const size_t serialized =
      persistence::encode_dump(*entry, server_of(c).config().rdbcompression).size() - kDumpFrameBytes;
  const std::string nodes = nodes_of_list(c, *entry);
  // The access stamp last: asking for it looks the key up again.
  const auto idle = static_cast<int64_t>(c.db().idle_seconds(c.args[2]));
  c.reply.simple(fmt::format("Value at:{} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{}",
                             place, encoding, serialized, (c.keyspace.now_ms() / 1000 - idle) & kLruClockMask, idle,
                             nodes));
}

void debug_digest(CommandContext& c) {
  c.reply.simple(digest_text(dataset_digest(c.keyspace)));
}

void debug_digest_value(CommandContext& c) {
  c.reply.array(c.args.size() - 2);
  for (const std::string_view key : c.args.subspan(2)) {
    const store::Entry* entry = c.db().find(key, store::Lookup::kPeek);
    c.reply.simple(digest_text(entry == nullptr ? Digest{} : value_digest(*entry)));
  }
}

void debug_set_active_expire(CommandContext& c) {
  server_of(c).cron().set_active_expire(leading_number(c.args[2]) != 0);
  c.reply.ok();
}

void debug_htstats(CommandContext& c) {
  const auto number = integer_argument(c, 2);
  if (!number) return;
  if (*number < 0 || *number >= c.keyspace.count()) return c.reply.error("ERR Out of range database");
  const store::Database& db = c.keyspace.database(static_cast<int>(*number));
  c.reply.verbatim(
      fmt::format("[Dictionary HT]\n number of elements: {}\n memory with expiries: {}\n[Expires HT]\n"
                  " number of elements: {}\n",
                  db.size(), db.memory_overhead_bytes(), db.expires()));
}

void debug_log(CommandContext& c) {
  server_of(c).log().warning("DEBUG LOG: {}", c.args[2]);
  c.reply.ok();
}

void debug_error(CommandContext& c) {
  c.reply.error(c.args[2]);
}

void debug_protocol(CommandContext& c) {
  if (!reply_protocol_example(c.reply, c.args[2])) c.reply.error(protocol_example_error());
}

void debug_help(CommandContext& c);

struct Debug {
  std::string_view name;
  size_t min_args;  // with "debug" and the name
  size_t max_args;
  void (*run)(CommandContext& c);
};

constexpr size_t kAny = std::numeric_limits<size_t>::max();
constexpr Debug kDebugs[] = {
    {"help", 2, 2, debug_help},
    {"sleep", 3, 3, debug_sleep},
    {"reload", 2, kAny, debug_reload},
    {"populate", 3, 5, debug_populate},
    {"object", 3, 4, debug_object},
    {"digest", 2, 2, debug_digest},
    {"digest-value", 2, kAny, debug_digest_value},
    {"set-active-expire", 3, 3, debug_set_active_expire},
    {"snapshot-policy", 2, 4, debug_snapshot_policy},
    {"htstats", 3, 4, debug_htstats},
    {"log", 3, 3, debug_log},
    {"error", 3, 3, debug_error},
    {"protocol", 3, 3, debug_protocol},
};

void debug_help(CommandContext& c) {
  constexpr std::string_view kLines[] = {
      "DIGEST",
      "    Show a signature of the whole dataset.",
      "DIGEST-VALUE <key> [<key> ...]",
      "    Show signatures of the values of keys.",
      "ERROR <string>",
      "    Reply with this error.",
      "HTSTATS <dbid>",
      "    Show figures of a database's index.",
      "LOG <message>",
      "    Write a line to the log.",
      "OBJECT <key>",
      "    Show how a key's value is held.",
      "POPULATE <count> [<prefix>] [<size>]",
      "    Make <count> string keys, named key:<number> unless <prefix> says otherwise.",
      "PROTOCOL <type>",
      "    Reply with an example of a type of reply.",
      "RELOAD [NOSAVE] [NOFLUSH] [MERGE]",
      "    Save the dataset (not with NOSAVE), empty it (not with NOFLUSH), and load",
      "    the file.",
      "SET-ACTIVE-EXPIRE <0|1>",
      "    Whether expired keys are looked for in the background.",
      "SLEEP <seconds>",
      "    Do nothing at all for this long.",
      "SNAPSHOT-POLICY [<policy> [<0|1>]]",
      "    Switch one of the things that make a snapshot cheap off or on, or show it:",
      "    huge-pages, fresh-writes, dismissal, unshared-index. Not during a save.",
  };
  reply_help(c, "DEBUG", kLines);
}

void cmd_debug(CommandContext& c) {
  const auto chosen = std::ranges::find_if(kDebugs, [&](const Debug& debug) {
    return is_option(c.args[1], debug.name) && c.args.size() >= debug.min_args && c.args.size() <= debug.max_args;
  });
  if (chosen != std::end(kDebugs)) return chosen->run(c);
  c.reply.error(bad_subcommand(c.args[1], "DEBUG"));
}

constexpr CommandSpec kSpecs[] = {
    {.name = "debug",
     .arity = -2,
     .flags = kAdmin | kNoScript | kLoading | kStale | kProtected | kSystemCommand,
     .group = "server",
     .since = "1.0.0",
     .complexity = "Depends on subcommand.",
     .summary = "What tests and people looking for faults need.",
     .handler = cmd_debug},
};

}  // namespace

std::span<const CommandSpec> debug_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
