// Lists as queues: elements are added and taken off at both ends.
#include "commands/families.h"
#include "commands/list_ops.h"

namespace cowslip::commands {
namespace {

using store::ListEditor;
using store::ListEnd;

constexpr std::string_view kMustBePositive = "ERR value is out of range, must be positive";

// ---- LPUSH and its relatives ----

void push(CommandContext& c, ListEnd end, bool only_if_there) {
  const auto elements = c.args.subspan(2);
  uint64_t size = 0;
  {
    ListEditor list(c.db(), c.args[1]);
    if (!is_list_or_none(c, list)) return;
    if (only_if_there && list.entry() == nullptr) return c.reply.integer(0);
    list.push(end, elements);
    size = list.size();
  }
  c.keyspace.add_dirty(elements.size());
  c.notify(EventClass::kList, end == ListEnd::kHead ? "lpush" : "rpush", c.args[1]);
  c.reply.integer(static_cast<int64_t>(size));
}

void cmd_lpush(CommandContext& c) {
  push(c, ListEnd::kHead, false);
}
void cmd_rpush(CommandContext& c) {
  push(c, ListEnd::kTail, false);
}
void cmd_lpushx(CommandContext& c) {
  push(c, ListEnd::kHead, true);
}
void cmd_rpushx(CommandContext& c) {
  push(c, ListEnd::kTail, true);
}

// ---- LPOP and its relatives ----

void pop(CommandContext& c, ListEnd end) {
  if (c.args.size() > 3) return c.reply.error(wrong_arity(c.spec.name));
  if (c.args.size() == 2) {
    if (!op_pop(c, c.args[1], end)) c.reply.null();
    return;
  }
  const auto count = integer_argument(c, 2, kMustBePositive);
  if (!count) return;
  if (*count < 0) return c.reply.error(kMustBePositive);
  if (!op_pop_some(c, c.args[1], end, static_cast<uint64_t>(*count))) c.reply.null_array();
}

void cmd_lpop(CommandContext& c) {
  pop(c, ListEnd::kHead);
}
void cmd_rpop(CommandContext& c) {
  pop(c, ListEnd::kTail);
}

void cmd_lmpop(CommandContext& c) {
  const auto wanted = list_multi_pop_arguments(c, 1);
  if (wanted && !op_multi_pop(c, *wanted)) c.reply.null_array();
}

void move(CommandContext& c, ListEnd from, ListEnd to) {
  if (!op_move(c, {.source = c.args[1], .from = from, .destination = c.args[2], .to = to})) c.reply.null();
}

void cmd_lmove(CommandContext& c) {
  const auto from = list_end_argument(c, 3);
  if (!from) return;
  if (const auto to = list_end_argument(c, 4)) move(c, *from, *to);
}
void cmd_rpoplpush(CommandContext& c) {
  move(c, ListEnd::kTail, ListEnd::kHead);
}

// ---- specifications ----

constexpr KeySpec kMoveKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete},
    {.range = {2, 2, 1}, .flags = kKeyRW | kKeyInsert},
};
constexpr KeySpec kMultiPopKeys[] = {
    {.range = {1, 0, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete, .search = KeySearch::kCounted},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "lpush",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(1) for each element",
     .summary = "Adds elements before the first one of a list, which is created if need be.",
     .syntax = "key element ...",
     .handler = cmd_lpush,
     .categories = "@list"},
    {.name = "rpush",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(1) for each element",
     .summary = "Adds elements behind the last one of a list, which is created if need be.",
     .syntax = "key element ...",
     .handler = cmd_rpush,
     .categories = "@list"},
    {.name = "lpushx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "list",
     .since = "2.2.0",
     .complexity = "O(1) for each element",
     .summary = "Adds elements before the first one of a list, if there is such a list.",
     .syntax = "key element ...",
     .handler = cmd_lpushx,
     .categories = "@list"},
    {.name = "rpushx",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "list",
     .since = "2.2.0",
     .complexity = "O(1) for each element",
     .summary = "Adds elements behind the last one of a list, if there is such a list.",
     .syntax = "key element ...",
     .handler = cmd_rpushx,
     .categories = "@list"},
    {.name = "lpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) for N elements in the reply",
     .summary = "Takes the first elements off a list and replies with them.",
     .syntax = "key [count:integer]",
     .handler = cmd_lpop,
     .categories = "@list"},
    {.name = "rpop",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) for N elements in the reply",
     .summary = "Takes the last elements off a list and replies with them.",
     .syntax = "key [count:integer]",
     .handler = cmd_rpop,
     .categories = "@list"},
    {.name = "lmpop",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .group = "list",
     .since = "7.0.0",
     .complexity = "O(N+M) for N keys and M elements in the reply",
     .summary = "Takes elements off the first of several lists that there is.",
     .syntax = "numkeys:integer key ... <where= LEFT | RIGHT> [COUNT count:integer]",
     .handler = cmd_lmpop,
     .categories = "@list",
     .key_specs = kMultiPopKeys},
    {.name = "lmove",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = {1, 2, 1},
     .group = "list",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Takes an element off one list, adds it to another, and replies with it.",
     .syntax = "source:key destination:key <wherefrom= LEFT | RIGHT> <whereto= LEFT | RIGHT>",
     .handler = cmd_lmove,
     .categories = "@list",
     .key_specs = kMoveKeys},
    {.name = "rpoplpush",
     .arity = 3,
     .flags = kWrite | kDenyOom,
     .keys = {1, 2, 1},
     .group = "list",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Takes the last element off one list, makes it the first of another, and replies with it.",
     .syntax = "source:key destination:key",
     .handler = cmd_rpoplpush,
     .categories = "@list",
     .key_specs = kMoveKeys,
     .deprecated_since = "6.2.0",
     .replaced_by = "`LMOVE` with `RIGHT` and `LEFT`"},
};

}  // namespace

std::span<const CommandSpec> list_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
