// Sorted sets: ranges of members, by rank, score or bytes.
#include "commands/families.h"
#include "commands/sorted_set_ops.h"
#include "commands/sorted_set_ranges.h"

namespace cowslip::commands {
namespace {

using store::ObjectType;
using store::ScoredMember;
using store::SortedSetEditor;
using store::SortedSetRun;
using store::SortedSetView;

// ---- replied, stored ----

void reply_run(CommandContext& c, const SortedSetView& set, const RangeRequest& request) {
  const SortedSetRun run = run_of(set, request);
  if (!request.with_scores) {
    c.reply.array(run.count);
    return set.for_each_in(run, request.upwards,
                           [&](const ScoredMember& scored) { reply_string(c.reply, scored.member); });
  }
  const PairForm form = pair_form(c);
  reply_pairs_head(c, run.count, form);
  set.for_each_in(run, request.upwards, [&](const ScoredMember& scored) { reply_pair(c, scored, form); });
}

void reply_range(CommandContext& c, const FixedRange& fixed) {
  const auto request = range_arguments(c, 1, fixed);
  if (!request) return;
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  if (*entry == nullptr) return c.reply.array(0);
  reply_run(c, sorted_set_view(c, **entry), *request);
}

void cmd_zrange(CommandContext& c) {
  reply_range(c, {});
}

void cmd_zrevrange(CommandContext& c) {
  reply_range(c, {.by = RangeBy::kRank, .upwards = false});
}

void cmd_zrangebyscore(CommandContext& c) {
  reply_range(c, {.by = RangeBy::kScore, .upwards = true});
}

void cmd_zrevrangebyscore(CommandContext& c) {
  reply_range(c, {.by = RangeBy::kScore, .upwards = false});
}

void cmd_zrangebylex(CommandContext& c) {
  reply_range(c, {.by = RangeBy::kMember, .upwards = true});
}

void cmd_zrevrangebylex(CommandContext& c) {
  reply_range(c, {.by = RangeBy::kMember, .upwards = false});
}

void cmd_zrangestore(CommandContext& c) {
  const auto request = range_arguments(c, 2, {.stores = true});
  if (!request) return;
  const auto entry = find_of_type(c, c.args[2], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  MembersToStore result;
  if (*entry != nullptr) {
    const SortedSetView set = sorted_set_view(c, **entry);
    const SortedSetRun run = run_of(set, *request);
    result.reserve(run.count);
    set.for_each_in(run, true, [&](const ScoredMember& scored) { result.add(scored.member, scored.score); });
  }
  result.store(c, c.args[1], "zrangestore");
}

// ---- counted ----

void reply_count(CommandContext& c, RangeBy by) {
  RangeRequest request{.by = by};
  if (!parse_range(c, 2, request)) return;
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  c.reply.integer(*entry == nullptr ? 0 : static_cast<int64_t>(run_of(sorted_set_view(c, **entry), request).count));
}

void cmd_zcount(CommandContext& c) {
  reply_count(c, RangeBy::kScore);
}

void cmd_zlexcount(CommandContext& c) {
  reply_count(c, RangeBy::kMember);
}

// ---- removed ----

void remove_range(CommandContext& c, RangeBy by, std::string_view event) {
  const std::string_view key = c.args[1];
  RangeRequest request{.by = by};
  if (!parse_range(c, 2, request)) return;
  uint64_t removed = 0;
  bool gone = false;
  {
    SortedSetEditor editor(c.db(), key);
    if (!editor.exists()) return c.reply.integer(0);
    if (editor.wrong_type()) return c.reply.error(kWrongType);
    const SortedSetRun run = run_of(editor.view(), request);
    editor.erase(run);
    removed = run.count;
    gone = !editor.exists();
  }
  if (removed > 0) {
    c.keyspace.add_dirty(removed);
    c.notify(EventClass::kSortedSet, event, key);
    if (gone) c.notify(EventClass::kGeneric, "del", key);
  }
  c.reply.integer(static_cast<int64_t>(removed));
}

void cmd_zremrangebyrank(CommandContext& c) {
  remove_range(c, RangeBy::kRank, "zremrangebyrank");
}

void cmd_zremrangebyscore(CommandContext& c) {
  remove_range(c, RangeBy::kScore, "zremrangebyscore");
}

void cmd_zremrangebylex(CommandContext& c) {
  remove_range(c, RangeBy::kMember, "zremrangebylex");
}

constexpr std::string_view kRangeComplexity = "O(log N + M) for M of a sorted set's N members";

// An older form, which ZRANGE has taken over.
constexpr CommandSpec old_range(std::string_view name, std::string_view since, std::string_view summary,
                                std::string_view syntax, Handler handler, std::string_view replaced_by) {
  return {.name = name,
          .arity = -4,
          .flags = kReadonly,
          .keys = kOneKey,
          .key_flags = kKeyRO | kKeyAccess,
          .group = "sorted-set",
          .since = since,
          .complexity = kRangeComplexity,
          .summary = summary,
          .syntax = syntax,
          .handler = handler,
          .categories = "@sortedset",
          .deprecated_since = "6.2.0",
          .replaced_by = replaced_by};
}

constexpr CommandSpec range_count(std::string_view name, std::string_view since, std::string_view summary,
                                  std::string_view syntax, Handler handler) {
  return {.name = name,
          .arity = 4,
          .flags = kReadonly | kFast,
          .keys = kOneKey,
          .key_flags = kKeyRO | kKeyAccess,
          .group = "sorted-set",
          .since = since,
          .complexity = "O(log N) in a sorted set of N members",
          .summary = summary,
          .syntax = syntax,
          .handler = handler,
          .categories = "@sortedset"};
}

constexpr CommandSpec range_removal(std::string_view name, std::string_view since, std::string_view summary,
                                    std::string_view syntax, Handler handler) {
  return {.name = name,
          .arity = 4,
          .flags = kWrite,
          .keys = kOneKey,
          .key_flags = kKeyRW | kKeyDelete,
          .group = "sorted-set",
          .since = since,
          .complexity = "O(log N + M log N) for M of a sorted set's N members",
          .summary = summary,
          .syntax = syntax,
          .handler = handler,
          .categories = "@sortedset"};
}

constexpr KeySpec kStoreKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyOW | kKeyUpdate},
    {.range = {2, 2, 1}, .flags = kKeyRO | kKeyAccess},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "zrange",
     .arity = -4,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = kRangeComplexity,
     .summary = "Replies with the members of a sorted set in a range of ranks, of scores or of members.",
     .syntax = "key start stop [sortby= BYSCORE | BYLEX] [REV] [LIMIT <offset_count= offset:integer count:integer>] "
               "[WITHSCORES]",
     .handler = cmd_zrange,
     .categories = "@sortedset"},
    {.name = "zrangestore",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = {1, 2, 1},
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = kRangeComplexity,
     .summary = "Makes a sorted set of the members of another that are in a range.",
     .syntax =
         "dst:key src:key min max [sortby= BYSCORE | BYLEX] [REV] [LIMIT <offset_count= offset:integer count:integer>]",
     .handler = cmd_zrangestore,
     .categories = "@sortedset",
     .key_specs = kStoreKeys},
    old_range("zrevrange", "1.2.0", "Replies with the members of a sorted set in a range of ranks, the highest first.",
              "key start:integer stop:integer [WITHSCORES]", cmd_zrevrange, "`ZRANGE` with the `REV` argument"),
    old_range("zrangebyscore", "1.0.5", "Replies with the members of a sorted set in a range of scores.",
              "key min:double max:double [WITHSCORES] [LIMIT <offset_count= offset:integer count:integer>]",
              cmd_zrangebyscore, "`ZRANGE` with the `BYSCORE` argument"),
    old_range("zrevrangebyscore", "2.2.0",
              "Replies with the members of a sorted set in a range of scores, the highest first.",
              "key max:double min:double [WITHSCORES] [LIMIT <offset_count= offset:integer count:integer>]",
              cmd_zrevrangebyscore, "`ZRANGE` with the `REV` and `BYSCORE` arguments"),
    old_range("zrangebylex", "2.8.9", "Replies with the members of a sorted set in a range of members.",
              "key min max [LIMIT <offset_count= offset:integer count:integer>]", cmd_zrangebylex,
              "`ZRANGE` with the `BYLEX` argument"),
    old_range("zrevrangebylex", "2.8.9",
              "Replies with the members of a sorted set in a range of members, the highest first.",
              "key max min [LIMIT <offset_count= offset:integer count:integer>]", cmd_zrevrangebylex,
              "`ZRANGE` with the `REV` and `BYLEX` arguments"),
    range_count("zcount", "2.0.0", "Counts the members of a sorted set in a range of scores.",
                "key min:double max:double", cmd_zcount),
    range_count("zlexcount", "2.8.9", "Counts the members of a sorted set in a range of members.", "key min max",
                cmd_zlexcount),
    range_removal("zremrangebyrank", "2.0.0", "Removes the members of a sorted set in a range of ranks.",
                  "key start:integer stop:integer", cmd_zremrangebyrank),
    range_removal("zremrangebyscore", "1.2.0", "Removes the members of a sorted set in a range of scores.",
                  "key min:double max:double", cmd_zremrangebyscore),
    range_removal("zremrangebylex", "2.8.9", "Removes the members of a sorted set in a range of members.",
                  "key min max", cmd_zremrangebylex),
};

}  // namespace

std::span<const CommandSpec> sorted_set_range_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
