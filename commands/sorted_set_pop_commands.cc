// Sorted sets: members that are taken out from an end, or chosen by chance.
#include "commands/families.h"
#include "commands/random_picks.h"
#include "commands/sorted_set_ops.h"

namespace cowslip::commands {
namespace {

using store::ObjectType;
using store::ScoredMember;
using store::SortedSetView;

// ---- ZPOPMIN, ZPOPMAX, ZMPOP ----

void reply_popped(CommandContext& c, PopEnd end) {
  if (c.args.size() > 3) return c.reply.error(kSyntaxError);
  Pop pop{.end = end};
  if (c.args.size() == 3) {
    const auto count = integer_argument(c, 2, "ERR value is out of range, must be positive");
    if (!count) return;
    if (*count < 0) return c.reply.error("ERR value is out of range, must be positive");
    pop.count = static_cast<uint64_t>(*count);
    pop.form = pair_form(c);
  }
  if (!pop_members(c, c.args.subspan(1, 1), pop)) c.reply.array(0);
}

void cmd_zpopmin(CommandContext& c) {
  reply_popped(c, PopEnd::kMin);
}

void cmd_zpopmax(CommandContext& c) {
  reply_popped(c, PopEnd::kMax);
}

void cmd_zmpop(CommandContext& c) {
  const auto multi = multi_pop_arguments(c, 1);
  if (multi && !pop_members(c, multi->keys, multi->pop)) c.reply.null_array();
}

// ---- ZRANDMEMBER ----

void reply_random_members(CommandContext& c, const SortedSetView& set, int64_t wanted, bool with_scores) {
  Random& random = c.host.random();
  const auto reply = [&](const ScoredMember& scored) {
    with_scores ? reply_pair(c, scored, pair_form(c)) : reply_string(c.reply, scored.member);
  };
  const uint64_t count = wanted < 0 ? uint64_t{0} - static_cast<uint64_t>(wanted) : static_cast<uint64_t>(wanted);
  const uint64_t replied = wanted < 0 ? count : std::min(count, set.size());
  with_scores ? reply_pairs_head(c, replied, pair_form(c)) : c.reply.array(replied);
  wanted < 0 ? for_random_repeated(set, random, count, reply) : for_random_distinct(set, random, count, reply);
}

void cmd_zrandmember(CommandContext& c) {
  const bool with_scores = c.args.size() == 4;
  int64_t count = 0;
  if (c.args.size() >= 3) {
    const auto given = integer_argument(c, 2);
    if (!given) return;
    count = *given;
    if (count == INT64_MIN) {
      return c.reply.error(
          "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807");
    }
    if (c.args.size() > 4 || (with_scores && !is_option(c.args[3], "WITHSCORES"))) return c.reply.error(kSyntaxError);
    constexpr int64_t kMost = INT64_MAX / 2;
    if (with_scores && (count < -kMost || count > kMost)) return c.reply.error("ERR value is out of range");
  }
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  const bool one = c.args.size() == 2;
  if (*entry == nullptr) return one ? c.reply.null() : c.reply.array(0);
  const SortedSetView set = sorted_set_view(c, **entry);
  if (one) return reply_string(c.reply, set.at(c.host.random().below(set.size())).member);
  reply_random_members(c, set, count, with_scores);
}

constexpr KeySpec kPoppedKeys[] = {
    {.range = {1, 0, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete, .search = KeySearch::kCounted},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "zpopmin",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "sorted-set",
     .since = "5.0.0",
     .complexity = "O(M log N) for M members of a sorted set of N",
     .summary = "Takes the members with the lowest scores out of a sorted set, and replies with them.",
     .syntax = "key [count:integer]",
     .handler = cmd_zpopmin,
     .categories = "@sortedset"},
    {.name = "zpopmax",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "sorted-set",
     .since = "5.0.0",
     .complexity = "O(M log N) for M members of a sorted set of N",
     .summary = "Takes the members with the highest scores out of a sorted set, and replies with them.",
     .syntax = "key [count:integer]",
     .handler = cmd_zpopmax,
     .categories = "@sortedset"},
    {.name = "zmpop",
     .arity = -4,
     .flags = kWrite | kMovableKeys,
     .group = "sorted-set",
     .since = "7.0.0",
     .complexity = "O(K) + O(M log N) for K keys, and M members of a sorted set of N",
     .summary = "Takes members with the lowest or highest scores out of the first sorted set that there is.",
     .syntax = "numkeys:integer key ... <where= MIN | MAX> [COUNT count:integer]",
     .handler = cmd_zmpop,
     .categories = "@sortedset",
     .key_specs = kPoppedKeys},
    {.name = "zrandmember",
     .arity = -2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(M log N) for M members of a sorted set of N",
     .summary = "Replies with any members of a sorted set; with a negative count, with some more than once.",
     .syntax = "key [options= count:integer [withscores= WITHSCORES]]",
     .handler = cmd_zrandmember,
     .categories = "@sortedset",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> sorted_set_pop_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
