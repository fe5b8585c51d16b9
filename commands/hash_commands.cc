// Hashes, field by field. What walks through them is in hash_walk_commands.cc.
#include <cmath>

#include "base/numbers.h"
#include "commands/arguments.h"
#include "commands/families.h"
#include "store/hash.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::HashEditor;
using store::HashView;
using store::ObjectType;
using store::StringView;

// The entry of the hash that argument 1 names, as find_of_type().
std::optional<const Entry*> find_hash(CommandContext& c) {
  return find_of_type(c, c.args[1], ObjectType::kHash, c.read_lookup());
}

HashView view_of(CommandContext& c, const Entry& entry) {
  return HashView(entry, c.keyspace.hash_seed());
}

void reply_value(CommandContext& c, const std::optional<StringView>& value) {
  value ? reply_string(c.reply, *value) : c.reply.null();
}

// ---- reading ----

void cmd_hget(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  if (*entry == nullptr) return c.reply.null();
  reply_value(c, view_of(c, **entry).get(c.args[2]));
}

void cmd_hmget(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  const auto fields = c.args.subspan(2);
  c.reply.array(fields.size());
  if (*entry == nullptr) {
    for (size_t i = 0; i < fields.size(); i++) c.reply.null();
    return;
  }
  const HashView hash = view_of(c, **entry);
  for (const std::string_view field : fields) reply_value(c, hash.get(field));
}

void cmd_hlen(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  c.reply.integer(*entry != nullptr ? static_cast<int64_t>(HashView(**entry).size()) : 0);
}

void cmd_hstrlen(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  const auto value = *entry != nullptr ? view_of(c, **entry).get(c.args[2]) : std::nullopt;
  c.reply.integer(value ? static_cast<int64_t>(value->length()) : 0);
}

void cmd_hexists(CommandContext& c) {
  const auto entry = find_hash(c);
  if (!entry) return;
  c.reply.integer(*entry != nullptr && view_of(c, **entry).contains(c.args[2]));
}

// ---- setting ----

// Nothing after an error reply, otherwise how many fields are new.
std::optional<size_t> op_set_all(CommandContext& c) {
  if (c.args.size() % 2 != 0) {
    c.reply.error(wrong_arity(c.spec.name));
    return std::nullopt;
  }
  const auto fields_and_values = c.args.subspan(2);
  size_t created = 0;
  {
    HashEditor hash(c.db(), c.args[1]);
    if (hash.wrong_type()) {
      c.reply.error(kWrongType);
      return std::nullopt;
    }
    created = hash.set_all(fields_and_values);
  }
  c.keyspace.add_dirty(fields_and_values.size() / 2);
  c.notify(EventClass::kHash, "hset", c.args[1]);
  return created;
}

void cmd_hset(CommandContext& c) {
  if (const auto created = op_set_all(c)) c.reply.integer(static_cast<int64_t>(*created));
}

void cmd_hmset(CommandContext& c) {
  if (op_set_all(c)) c.reply.ok();
}

void cmd_hsetnx(CommandContext& c) {
  {
    HashEditor hash(c.db(), c.args[1]);
    if (hash.wrong_type()) return c.reply.error(kWrongType);
    const auto found = hash.find(c.args[2]);
    if (found.value()) return c.reply.integer(0);
    hash.set(found, c.args[2], c.args[3]);
  }
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kHash, "hset", c.args[1]);
  c.reply.integer(1);
}

void cmd_hdel(CommandContext& c) {
  size_t erased = 0;
  bool gone = false;
  {
    HashEditor hash(c.db(), c.args[1]);
    if (hash.wrong_type()) return c.reply.error(kWrongType);
    for (size_t i = 2; i < c.args.size() && hash.exists(); i++) erased += hash.erase(c.args[i]);
    gone = erased > 0 && !hash.exists();
  }
  if (erased > 0) c.notify(EventClass::kHash, "hdel", c.args[1]);
  if (gone) c.notify(EventClass::kGeneric, "del", c.args[1]);
  c.keyspace.add_dirty(erased);
  c.reply.integer(static_cast<int64_t>(erased));
}

// ---- counting ----

void cmd_hincrby(CommandContext& c) {
  const auto increment = integer_argument(c, 3);
  if (!increment) return;
  int64_t number = 0;
  {
    HashEditor hash(c.db(), c.args[1]);
    if (hash.wrong_type()) return c.reply.error(kWrongType);
    const auto found = hash.find(c.args[2]);
    if (const auto& value = found.value()) {
      const auto before = value->is_integer() ? value->integer() : parse_int64(value->bytes());
      if (!before) return c.reply.error("ERR hash value is not an integer");
      number = *before;
    }
    if (__builtin_add_overflow(number, *increment, &number)) {
      return c.reply.error("ERR increment or decrement would overflow");
    }
    char digits[kInt64Digits];
    hash.set(found, c.args[2], {digits, format_int64(number, digits)});
  }
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kHash, "hincrby", c.args[1]);
  c.reply.integer(number);
}

void cmd_hincrbyfloat(CommandContext& c) {
  const auto increment = parse_long_double(c.args[3]);
  if (!increment) return c.reply.error(kNotAFloat);
  if (!std::isfinite(*increment)) return c.reply.error("ERR value is NaN or Infinity");
  std::string text;
  {
    HashEditor hash(c.db(), c.args[1]);
    if (hash.wrong_type()) return c.reply.error(kWrongType);
    const auto found = hash.find(c.args[2]);
    long double number = 0;
    if (const auto& value = found.value()) {
      const auto before = value->is_integer() ? value->integer() : parse_long_double(value->bytes());
      if (!before) return c.reply.error("ERR hash value is not a float");
      number = *before;
    }
    number += *increment;
    if (!std::isfinite(number)) return c.reply.error("ERR increment would produce NaN or Infinity");
    text = format_long_double(number);
    hash.set(found, c.args[2], text);
  }
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kHash, "hincrbyfloat", c.args[1]);
  c.reply.bulk(text);
}

constexpr uint16_t kCounterKey = kKeyRW | kKeyAccess | kKeyUpdate;

constexpr CommandSpec kSpecs[] = {
    {.name = "hset",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .summary = "Sets fields of a hash, which is created if need be. Replies with how many are new.",
     .syntax = "key <data= field value> ...",
     .handler = cmd_hset,
     .categories = "@hash"},
    {.name = "hsetnx",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Sets a field of a hash unless it is there already.",
     .syntax = "key field value",
     .handler = cmd_hsetnx,
     .categories = "@hash"},
    {.name = "hmset",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .summary = "Sets fields of a hash, which is created if need be.",
     .syntax = "key <data= field value> ...",
     .handler = cmd_hmset,
     .categories = "@hash",
     .deprecated_since = "4.0.0",
     .replaced_by = "`HSET` with several fields"},
    {.name = "hget",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Replies with the value of a field, or null when it is not there.",
     .syntax = "key field",
     .handler = cmd_hget,
     .categories = "@hash"},
    {.name = "hmget",
     .arity = -3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .summary = "Replies with the values of several fields, null for those that are not there.",
     .syntax = "key field ...",
     .handler = cmd_hmget,
     .categories = "@hash"},
    {.name = "hdel",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyDelete,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1) for each field",
     .summary = "Deletes fields; with its last one, the hash goes. Replies with how many were there.",
     .syntax = "key field ...",
     .handler = cmd_hdel,
     .categories = "@hash"},
    {.name = "hlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Counts the fields of a hash.",
     .syntax = "key",
     .handler = cmd_hlen,
     .categories = "@hash"},
    {.name = "hstrlen",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "hash",
     .since = "3.2.0",
     .complexity = "O(1)",
     .summary = "Replies with the number of bytes of a field's value, 0 when it is not there.",
     .syntax = "key field",
     .handler = cmd_hstrlen,
     .categories = "@hash"},
    {.name = "hexists",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether a hash has a field.",
     .syntax = "key field",
     .handler = cmd_hexists,
     .categories = "@hash"},
    {.name = "hincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "hash",
     .since = "2.0.0",
     .complexity = "O(1)",
     .summary = "Adds to the integer that a field holds, 0 if it is not there, and replies with the sum.",
     .syntax = "key field increment:integer",
     .handler = cmd_hincrby,
     .categories = "@hash"},
    {.name = "hincrbyfloat",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kCounterKey,
     .group = "hash",
     .since = "2.6.0",
     .complexity = "O(1)",
     .summary = "Adds to the number that a field holds, 0 if it is not there, and replies with the sum.",
     .syntax = "key field increment:double",
     .handler = cmd_hincrbyfloat,
     .categories = "@hash"},
};

}  // namespace

std::span<const CommandSpec> hash_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
