// Hashes as a whole: all fields, some at a time, or any.
#include <cstdlib>
#include <limits>

#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/random_picks.h"
#include "commands/scan_arguments.h"
#include "store/hash.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::HashView;
using store::ObjectType;
using store::StringView;

std::optional<const Entry*> find_hash(CommandContext& c) {
  return find_of_type(c, c.args[1], ObjectType::kHash, c.read_lookup());
}

// ---- all ----

void cmd_hgetall(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  if (*entry == nullptr) return c.reply.map(0);
  const HashView hash(**entry);
  c.reply.map(hash.size());
  hash.for_each([&](const StringView& field, const StringView& value) {
    reply_string(c.reply, field);
    reply_string(c.reply, value);
  });
}

// `visit` replies with one of the two.
template <typename Visit>
void reply_halves(CommandContext& c, Visit&& visit) {
  const auto entry = find_hash(c);
  if (!entry) return;
  if (*entry == nullptr) return c.reply.array(0);
  const HashView hash(**entry);
  c.reply.array(hash.size());
  hash.for_each(visit);
}

void cmd_hkeys(CommandContext& c) {
  reply_halves(c, [&](const StringView& field, const StringView&) { reply_string(c.reply, field); });
}

void cmd_hvals(CommandContext& c) {
  reply_halves(c, [&](const StringView&, const StringView& value) { reply_string(c.reply, value); });
}

// ---- any ----

void cmd_one_random_field(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  if (*entry == nullptr) return c.reply.null();
  const HashView hash(**entry);
  reply_string(c.reply, hash.at(c.host.random().below(hash.size())).first);
}

void op_random_fields(CommandContext& c, const HashView& hash, int64_t count, bool with_values) {
  const uint64_t wanted = count < 0 ? static_cast<uint64_t>(-count) : std::min<uint64_t>(count, hash.size());
  const bool nested = with_values && c.reply.resp3();
  c.reply.array(with_values && !nested ? 2 * wanted : wanted);
  const auto reply_field = [&](const StringView& field, const StringView& value) {
    if (nested) c.reply.array(2);
    reply_string(c.reply, field);
    if (with_values) reply_string(c.reply, value);
  };
  if (count < 0) {
    for_random_repeated(hash, c.host.random(), wanted, reply_field);
  } else {
    for_random_distinct(hash, c.host.random(), wanted, reply_field);
  }
}

void cmd_hrandfield(CommandContext& c) {
  if (c.args.size() == 2) return cmd_one_random_field(c);
  const auto count = random_count_argument(c, 2);
  if (!count) return;
  const bool with_values = c.args.size() == 4 && is_option(c.args[3], "WITHVALUES");
  if (c.args.size() > 3 && !with_values) return c.reply.error(kSyntaxError);
  constexpr int64_t kMostPairs = std::numeric_limits<int64_t>::max() / 2;
  if (with_values && (*count < -kMostPairs || *count > kMostPairs)) {
    return c.reply.error("ERR value is out of range");
  }
  const auto entry = find_hash(c);
  if (!entry) return;
  if (*entry == nullptr) return c.reply.array(0);
  op_random_fields(c, HashView(**entry), *count, with_values);
}

// ---- some at a time ----

void cmd_hscan(CommandContext& c) {
  const auto scan = member_scan(c, ObjectType::kHash);
  if (!scan) return;
  ScanReply reply(c);
  reply.end(HashView(*scan->entry)
                .scan(scan->cursor, scan->options.count, [&](const StringView& field, const StringView& value) {
                  if (!scan->options.matches(field)) return;
                  reply.add(field);
                  reply.add(value);
                }));
}

constexpr uint16_t kReadKey = kKeyRO | kKeyAccess;

constexpr CommandSpec kSpecs[] = {
    {.name = "hgetall",
     .arity = 2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) for N fields",
     .summary = "Replies with all fields of a hash and their values.",
     .syntax = "key",
     .handler = cmd_hgetall,
     .categories = "@hash",
     .tips = "nondeterministic_output_order"},
    {.name = "hkeys",
     .arity = 2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) for N fields",
     .summary = "Replies with the names of all fields of a hash.",
     .syntax = "key",
     .handler = cmd_hkeys,
     .categories = "@hash",
     .tips = "nondeterministic_output_order"},
    {.name = "hvals",
     .arity = 2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(N) for N fields",
     .summary = "Replies with the values of all fields of a hash.",
     .syntax = "key",
     .handler = cmd_hvals,
     .categories = "@hash",
     .tips = "nondeterministic_output_order"},
    {.name = "hrandfield",
     .arity = -2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "hash",
     .since = "6.2.0",
     .complexity = "O(log N) for each of the fields that are returned, of N",
     .summary = "Replies with fields chosen at random: different ones, or with a negative count any.",
     .syntax = "key [<options= count:integer [WITHVALUES]>]",
     .handler = cmd_hrandfield,
     .categories = "@hash",
     .tips = "nondeterministic_output"},
    {.name = "hscan",
     .arity = -3,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "hash",
     .since = "2.8.0",
     .complexity = "O(1) for a call, O(N) for a whole round over N fields",
     .summary = "Lists some fields, and the cursor to go on with. A round sees every field that is there all the time.",
     .syntax = "key cursor:integer [MATCH pattern] [COUNT count:integer]",
     .handler = cmd_hscan,
     .categories = "@hash",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> hash_walk_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
