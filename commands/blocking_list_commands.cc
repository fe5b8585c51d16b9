// The commands that take elements off lists and wait for one: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP. What they share
// with those that do not wait is in list_ops.h, and what waiting is, in blocking.h.
#include "commands/blocking.h"
#include "commands/families.h"
#include "commands/list_ops.h"

namespace cowslip::commands {
namespace {

using store::ListEnd;
using store::ObjectType;

void pop_or_wait(CommandContext& c, ListEnd end) {
  const size_t keys = c.args.size() - 2;
  const auto deadline_ms = wait_deadline_argument(c, c.args.size() - 1);
  if (!deadline_ms) return;
  if (op_pop_first(c, c.args.subspan(1, keys), end)) return;
  if (!wait_for_keys(c, ObjectType::kList, 1, keys, *deadline_ms)) c.reply.null_array();
}

void cmd_blpop(CommandContext& c) {
  pop_or_wait(c, ListEnd::kHead);
}

void cmd_brpop(CommandContext& c) {
  pop_or_wait(c, ListEnd::kTail);
}

void move_or_wait(CommandContext& c, ListEnd from, ListEnd to) {
  const auto deadline_ms = wait_deadline_argument(c, c.args.size() - 1);
  if (!deadline_ms) return;
  if (op_move(c, {.source = c.args[1], .from = from, .destination = c.args[2], .to = to})) return;
  if (!wait_for_keys(c, ObjectType::kList, 1, 1, *deadline_ms)) c.reply.null();
}

void cmd_blmove(CommandContext& c) {
  const auto from = list_end_argument(c, 3);
  if (!from) return;
  const auto to = list_end_argument(c, 4);
  if (to) move_or_wait(c, *from, *to);
}

void cmd_brpoplpush(CommandContext& c) {
  move_or_wait(c, ListEnd::kTail, ListEnd::kHead);
}

void cmd_blmpop(CommandContext& c) {
  const auto pop = list_multi_pop_arguments(c, 2);
  if (!pop) return;
  const auto deadline_ms = wait_deadline_argument(c, 1);
  if (!deadline_ms || op_multi_pop(c, *pop)) return;
  if (!wait_for_keys(c, ObjectType::kList, 3, pop->keys.size(), *deadline_ms)) c.reply.null_array();
}

constexpr KeySpec kMoveKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete},
    {.range = {2, 2, 1}, .flags = kKeyRW | kKeyInsert},
};

constexpr KeySpec kMultiPopKeys[] = {
    {.range = {2, 0, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete, .search = KeySearch::kCounted},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "blpop",
     .arity = -3,
     .flags = kWrite | kBlocking,
     .keys = {1, -2, 1},
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "list",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of provided keys.",
     .summary = "Takes the first element off the first list that has one, or waits for it.",
     .syntax = "key ... timeout:double",
     .handler = cmd_blpop,
     .categories = "@list"},
    {.name = "brpop",
     .arity = -3,
     .flags = kWrite | kBlocking,
     .keys = {1, -2, 1},
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "list",
     .since = "2.0.0",
     .complexity = "O(N) where N is the number of provided keys.",
     .summary = "Takes the last element off the first list that has one, or waits for it.",
     .syntax = "key ... timeout:double",
     .handler = cmd_brpop,
     .categories = "@list"},
    {.name = "blmove",
     .arity = 6,
     .flags = kWrite | kDenyOom | kBlocking,
     .keys = {1, 2, 1},
     .group = "list",
     .since = "6.2.0",
     .complexity = "O(1)",
     .summary = "Moves an element from one list to another and replies with it, or waits for it.",
     .syntax = "source:key destination:key <wherefrom= LEFT | RIGHT> <whereto= LEFT | RIGHT> timeout:double",
     .handler = cmd_blmove,
     .categories = "@list",
     .key_specs = kMoveKeys},
    {.name = "brpoplpush",
     .arity = 4,
     .flags = kWrite | kDenyOom | kBlocking,
     .keys = {1, 2, 1},
     .group = "list",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Moves the last element of one list to the front of another and replies with it, or waits for it.",
     .syntax = "source:key destination:key timeout:double",
     .handler = cmd_brpoplpush,
     .categories = "@list",
     .key_specs = kMoveKeys,
     .deprecated_since = "6.2.0",
     .replaced_by = "`BLMOVE` with the `RIGHT` and `LEFT` arguments"},
    {.name = "blmpop",
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .group = "list",
     .since = "7.0.0",
     .complexity = "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
     .summary = "Takes elements off the first list that has any, or waits for them.",
     .syntax = "timeout:double numkeys:integer key ... <where= LEFT | RIGHT> [COUNT count:integer]",
     .handler = cmd_blmpop,
     .categories = "@list",
     .key_specs = kMultiPopKeys},
};

}  // namespace

std::span<const CommandSpec> blocking_list_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
