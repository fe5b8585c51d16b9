// DUMP and RESTORE.
#include <limits>
#include <optional>

#include "commands/arguments.h"
#include "persistence/dump_payload.h"
#include "server/admin/admin_families.h"
#include "server/server.h"

namespace cowslip::server {
namespace {

using namespace commands;

void cmd_dump(CommandContext& c) {
  const store::Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.null();
  c.reply.bulk(persistence::encode_dump(*entry, server_of(c).config().rdbcompression));
}

struct RestoreOptions {
  bool replace = false;
  bool absolute_ttl = false;
  std::optional<uint64_t> idle_seconds;
  std::optional<uint8_t> frequency;
};

// Nothing when an error has been replied.
std::optional<RestoreOptions> parse_restore_options(CommandContext& c) {
  RestoreOptions options;
  for (size_t i = 4; i < c.args.size(); i++) {
    const bool has_value = i + 1 < c.args.size();
    if (is_option(c.args[i], "replace")) {
      options.replace = true;
    } else if (is_option(c.args[i], "absttl")) {
      options.absolute_ttl = true;
    } else if (is_option(c.args[i], "idletime") && has_value && !options.frequency) {
      const auto idle = integer_argument(c, ++i);
      if (!idle) return std::nullopt;
      if (*idle < 0) return c.reply.error("ERR Invalid IDLETIME value, must be >= 0"), std::nullopt;
      options.idle_seconds = static_cast<uint64_t>(*idle);
    } else if (is_option(c.args[i], "freq") && has_value && !options.idle_seconds) {
      const auto frequency = integer_argument(c, ++i);
      if (!frequency) return std::nullopt;
      if (*frequency < 0 || *frequency > std::numeric_limits<uint8_t>::max()) {
        return c.reply.error("ERR Invalid FREQ value, must be >= 0 and <= 255"), std::nullopt;
      }
      options.frequency = static_cast<uint8_t>(*frequency);
    } else {
      return c.reply.error(kSyntaxError), std::nullopt;
    }
  }
  return options;
}

// The deadline, kNoExpiry for none, or nothing when an error has been replied.
std::optional<int64_t> restore_deadline(CommandContext& c, bool absolute) {
  const auto ttl_ms = integer_argument(c, 2);
  if (!ttl_ms) return std::nullopt;
  if (*ttl_ms < 0) return c.reply.error("ERR Invalid TTL value, must be >= 0"), std::nullopt;
  if (*ttl_ms == 0) return store::kNoExpiry;
  if (absolute) return *ttl_ms;
  int64_t deadline = 0;
  if (__builtin_add_overflow(*ttl_ms, c.keyspace.now_ms(), &deadline)) return std::numeric_limits<int64_t>::max();
  return deadline;
}

void cmd_restore(CommandContext& c) {
  const auto options = parse_restore_options(c);
  if (!options) return;
  const std::string_view key = c.args[1];
  if (!options->replace && c.db().find(key, store::Lookup::kWrite) != nullptr) {
    return c.reply.error("BUSYKEY Target key name already exists.");
  }
  const auto deadline = restore_deadline(c, options->absolute_ttl);
  if (!deadline) return;
  auto value = persistence::decode_dump(c.args[3], c.keyspace, c.db(), key, *deadline);
  if (!value && value.error().code == ErrorCode::kInvalidArgument) {
    return c.reply.error("ERR DUMP payload version or checksum are wrong");
  }
  if (!value) return c.reply.error("ERR Bad data format");
  if (*deadline != store::kNoExpiry && *deadline <= c.keyspace.now_ms()) {
    // Its time has passed already: what it was to replace goes, and it does not come.
    if (options->replace && c.db().erase(key)) {
      c.keyspace.add_dirty(1);
      c.notify(EventClass::kGeneric, "del", key);
    }
    return c.reply.ok();
  }
  c.db().load(std::move(*value), {.key = key, .idle_seconds = options->idle_seconds, .frequency = options->frequency});
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kNew, "new", key);
  c.notify(EventClass::kGeneric, "restore", key);
  c.reply.ok();
}

constexpr CommandSpec kSpecs[] = {
    {.name = "dump",
     .arity = 2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(N) for a value of N bytes",
     .summary = "Replies with a key's value in the form of a snapshot file.",
     .syntax = "key",
     .handler = cmd_dump,
     .categories = "@keyspace",
     .tips = "nondeterministic_output"},
    {.name = "restore",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyOW | kKeyUpdate,
     .group = "generic",
     .since = "2.6.0",
     .complexity = "O(N) for a value of N bytes",
     .summary = "Makes a key of what DUMP replied.",
     .syntax =
         "key ttl:integer serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds:integer] [FREQ frequency:integer]",
     .handler = cmd_restore,
     .categories = "@keyspace @dangerous"},
};

}  // namespace

std::span<const CommandSpec> dump_commands() {
  return kSpecs;
}

}  // namespace cowslip::server
