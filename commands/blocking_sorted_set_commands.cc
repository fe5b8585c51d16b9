// The commands that pop members of sorted sets and wait for one: BZPOPMIN, BZPOPMAX, BZMPOP. What they share with those
// that do not wait is in sorted_set_ops.h, and what waiting is, in blocking.h.
#include "commands/blocking.h"
#include "commands/families.h"
#include "commands/sorted_set_ops.h"

namespace cowslip::commands {
namespace {

using store::ObjectType;

void pop_or_wait(CommandContext& c, PopEnd end) {
  const size_t keys = c.args.size() - 2;
  const auto deadline_ms = wait_deadline_argument(c, c.args.size() - 1);
  if (!deadline_ms) return;
  if (pop_members(c, c.args.subspan(1, keys), {.end = end, .with_key = true})) return;
  if (!wait_for_keys(c, ObjectType::kSortedSet, 1, keys, *deadline_ms)) c.reply.null_array();
}

void cmd_bzpopmin(CommandContext& c) {
  pop_or_wait(c, PopEnd::kMin);
}

void cmd_bzpopmax(CommandContext& c) {
  pop_or_wait(c, PopEnd::kMax);
}

void cmd_bzmpop(CommandContext& c) {
  const auto multi = multi_pop_arguments(c, 2);
  if (!multi) return;
  const auto deadline_ms = wait_deadline_argument(c, 1);
  if (!deadline_ms || pop_members(c, multi->keys, multi->pop)) return;
  if (!wait_for_keys(c, ObjectType::kSortedSet, 3, multi->keys.size(), *deadline_ms)) c.reply.null_array();
}

constexpr KeySpec kMultiPopKeys[] = {
    {.range = {2, 0, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete, .search = KeySearch::kCounted},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "bzpopmin",
     .arity = -3,
     .flags = kWrite | kBlocking | kFast,
     .keys = {1, -2, 1},
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "sorted-set",
     .since = "5.0.0",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
     .summary = "Pops the member with the lowest score of the first sorted set that has one, or waits for it.",
     .syntax = "key ... timeout:double",
     .handler = cmd_bzpopmin,
     .categories = "@sortedset"},
    {.name = "bzpopmax",
     .arity = -3,
     .flags = kWrite | kBlocking | kFast,
     .keys = {1, -2, 1},
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "sorted-set",
     .since = "5.0.0",
     .complexity = "O(log(N)) with N being the number of elements in the sorted set.",
     .summary = "Pops the member with the highest score of the first sorted set that has one, or waits for it.",
     .syntax = "key ... timeout:double",
     .handler = cmd_bzpopmax,
     .categories = "@sortedset"},
    {.name = "bzmpop",
     .arity = -5,
     .flags = kWrite | kBlocking | kMovableKeys,
     .group = "sorted-set",
     .since = "7.0.0",
     .complexity = "O(K) + O(M*log(N)) where K is the number of provided keys, N being the number of elements in the "
                   "sorted set, and M being the number of elements popped.",
     .summary = "Pops members of the first sorted set that has any, or waits for them.",
     .syntax = "timeout:double numkeys:integer key ... <where= MIN | MAX> [COUNT count:integer]",
     .handler = cmd_bzmpop,
     .categories = "@sortedset",
     .key_specs = kMultiPopKeys},
};

}  // namespace

std::span<const CommandSpec> blocking_sorted_set_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
