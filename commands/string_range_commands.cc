// Parts of strings: their length, pieces of them, bytes added and overwritten.
#include <algorithm>

#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::Lookup;
using store::StringView;

// Whether a string of `size` bytes may be `extra` bytes longer; otherwise there is an error reply.
bool check_length(CommandContext& c, uint64_t size, uint64_t extra) {
  uint64_t total = 0;
  const bool overflows = __builtin_add_overflow(size, extra, &total);
  if (c.session.internal || (!overflows && total <= c.host.limits().proto_max_bulk_len)) return true;
  c.reply.error(kStringTooLong);
  return false;
}

// Overwrites the bytes of the string from `offset` on, which becomes as long as that takes. `event` tells of it.
size_t op_overwrite(CommandContext& c, std::string_view event, size_t old_size, size_t offset, std::string_view bytes) {
  const std::string_view key = c.args[1];
  std::ranges::copy(bytes, c.db().writable_range(key, offset, bytes.size()).begin());
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kString, event, key);
  return std::max(old_size, offset + bytes.size());
}

void cmd_append(CommandContext& c) {
  const std::string_view key = c.args[1];
  const std::string_view suffix = c.args[2];
  const Entry* entry = c.db().find(key, Lookup::kWrite);
  if (entry == nullptr) {
    c.db().set_string(key, suffix);
    c.keyspace.add_dirty(1);
    c.notify(EventClass::kString, "append", key);
    return c.reply.integer(static_cast<int64_t>(suffix.size()));
  }
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  const size_t size = entry->string().length();
  if (!check_length(c, size, suffix.size())) return;
  c.reply.integer(static_cast<int64_t>(op_overwrite(c, "append", size, size, suffix)));
}

void cmd_strlen(CommandContext& c) {
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.integer(0);
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  c.reply.integer(static_cast<int64_t>(entry->string().length()));
}

void cmd_setrange(CommandContext& c) {
  const auto offset = integer_argument(c, 2);
  if (!offset) return;
  if (*offset < 0) return c.reply.error("ERR offset is out of range");
  const std::string_view bytes = c.args[3];
  const Entry* entry = c.db().find(c.args[1], Lookup::kWrite);
  if (entry != nullptr && !is_string(*entry)) return c.reply.error(kWrongType);
  const size_t size = entry != nullptr ? entry->string().length() : 0;
  if (bytes.empty()) return c.reply.integer(static_cast<int64_t>(size));  // not even an absent key is created
  const auto from = static_cast<size_t>(*offset);
  if (!check_length(c, from, bytes.size())) return;
  c.reply.integer(static_cast<int64_t>(op_overwrite(c, "setrange", size, from, bytes)));
}

// The bytes from `start` to `end`, both included; negative numbers count from the end, and both are moved inside.
std::string_view slice(std::string_view text, int64_t start, int64_t end) {
  const auto size = static_cast<int64_t>(text.size());
  if (start < 0 && end < 0 && start > end) return {};
  const auto absolute = [size](int64_t position) {
    return std::max<int64_t>(position < 0 ? size + position : position, 0);
  };
  start = absolute(start);
  end = std::min(absolute(end), size - 1);
  if (start > end) return {};
  return text.substr(static_cast<size_t>(start), static_cast<size_t>(end - start + 1));
}

void cmd_getrange(CommandContext& c) {
  const auto start = integer_argument(c, 2);
  if (!start) return;
  const auto end = integer_argument(c, 3);
  if (!end) return;
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.bulk({});
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  StringView::Scratch scratch;
  c.reply.bulk(slice(entry->string().text(scratch), *start, *end));
}

constexpr CommandSpec kSpecs[] = {
    {.name = "append",
     .arity = 3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "string",
     .since = "2.0.0",
     .complexity = "O(1) on average, as room is taken ahead",
     .summary = "Adds bytes at the end of a key's string, which starts empty.",
     .syntax = "key value",
     .handler = cmd_append,
     .categories = "@string"},
    {.name = "strlen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "string",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Replies with the number of bytes of a key's string.",
     .syntax = "key",
     .handler = cmd_strlen,
     .categories = "@string"},
    {.name = "setrange",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "string",
     .since = "2.2.0",
     .complexity = "O(M) for M bytes written",
     .summary = "Overwrites a part of a key's string, which is made longer with zero bytes where it is too short.",
     .syntax = "key offset:integer value",
     .handler = cmd_setrange,
     .categories = "@string"},
    {.name = "getrange",
     .arity = 4,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "string",
     .since = "2.4.0",
     .complexity = "O(N) for N bytes in the reply",
     .summary = "Replies with a part of a key's string.",
     .syntax = "key start:integer end:integer",
     .handler = cmd_getrange,
     .categories = "@string"},
    {.name = "substr",
     .arity = 4,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "string",
     .since = "1.0.0",
     .complexity = "O(N) for N bytes in the reply",
     .summary = "The old name of GETRANGE.",
     .syntax = "key start:integer end:integer",
     .handler = cmd_getrange,
     .categories = "@string",
     .deprecated_since = "2.0.0",
     .replaced_by = "`GETRANGE`"},
};

}  // namespace

std::span<const CommandSpec> string_range_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
