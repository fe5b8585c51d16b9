// Sorted sets: their members one by one.
#include <array>
#include <vector>

#include "base/numbers.h"
#include "commands/families.h"
#include "commands/scan_arguments.h"
#include "commands/sorted_set_ops.h"

namespace cowslip::commands {
namespace {

using store::ObjectType;
using store::ScoredMember;
using store::SortedSetEditor;

// ---- ZADD, ZINCRBY ----

// The scores of a request. All have to be sound before the first one is used.
class Scores {
 public:
  // False after an error reply.
  bool parse(CommandContext& c, size_t first, size_t count) {
    if (count > few_.size()) many_.resize(count);
    scores_ = {count > few_.size() ? many_.data() : few_.data(), count};
    for (size_t i = 0; i < count; i++) {
      const auto score = parse_double(c.args[first + 2 * i]);
      if (!score) {
        c.reply.error(kNotAFloat);
        return false;
      }
      scores_[i] = *score;
    }
    return true;
  }
  std::span<const double> get() const { return scores_; }

 private:
  std::array<double, 8> few_;
  std::vector<double> many_;
  std::span<double> scores_;
};

// Reads options from argument 2 on, and returns where they end.
size_t parse_add_options(CommandContext& c, AddOptions& options) {
  size_t i = 2;
  for (; i < c.args.size(); i++) {
    const std::string_view word = c.args[i];
    // Most of what comes here is a score.
    if (word.size() < 2 || word.size() > 4) break;
    if (is_option(word, "NX")) {
      options.only_new = true;
    } else if (is_option(word, "XX")) {
      options.only_existing = true;
    } else if (is_option(word, "GT")) {
      options.only_greater = true;
    } else if (is_option(word, "LT")) {
      options.only_less = true;
    } else if (is_option(word, "CH")) {
      options.count_changed = true;
    } else if (is_option(word, "INCR")) {
      options.increment = true;
    } else {
      break;
    }
  }
  return i;
}

// What is wrong with the options; empty when nothing is.
std::string_view add_options_error(const AddOptions& options, size_t arguments) {
  if (arguments == 0 || arguments % 2 != 0) return kSyntaxError;
  if (options.only_new && options.only_existing) {
    return "ERR XX and NX options at the same time are not compatible";
  }
  if (options.only_greater + options.only_less + options.only_new > 1) {
    return "ERR GT, LT, and/or NX options at the same time are not compatible";
  }
  if (options.increment && arguments > 2) return "ERR INCR option supports a single increment-element pair";
  return {};
}

void cmd_zadd(CommandContext& c) {
  AddOptions options;
  const size_t first = parse_add_options(c, options);
  const std::string_view error = add_options_error(options, c.args.size() - first);
  if (!error.empty()) return c.reply.error(error);
  Scores scores;
  if (scores.parse(c, first, (c.args.size() - first) / 2)) add_members(c, options, scores.get(), first + 1, 2);
}

void cmd_zincrby(CommandContext& c) {
  const auto increment = parse_double(c.args[2]);
  if (!increment) return c.reply.error(kNotAFloat);
  add_members(c, {.increment = true}, {&*increment, 1}, 3, 1);
}

// ---- ZREM ----

void cmd_zrem(CommandContext& c) {
  const std::string_view key = c.args[1];
  int64_t erased = 0;
  bool gone = false;
  {
    SortedSetEditor editor(c.db(), key);
    if (!editor.exists()) return c.reply.integer(0);
    if (editor.wrong_type()) return c.reply.error(kWrongType);
    for (size_t i = 2; i < c.args.size() && !gone; i++) {
      erased += editor.erase(c.args[i]);
      gone = !editor.exists();
    }
  }
  if (erased > 0) {
    c.keyspace.add_dirty(static_cast<uint64_t>(erased));
    c.notify(EventClass::kSortedSet, "zrem", key);
    if (gone) c.notify(EventClass::kGeneric, "del", key);
  }
  c.reply.integer(erased);
}

// ---- what is there ----

void cmd_zcard(CommandContext& c) {
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  c.reply.integer(*entry == nullptr ? 0 : static_cast<int64_t>(sorted_set_view(c, **entry).size()));
}

void reply_score(CommandContext& c, const std::optional<double>& score) {
  score ? c.reply.real(*score) : c.reply.null();
}

void cmd_zscore(CommandContext& c) {
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  if (*entry == nullptr) return c.reply.null();
  reply_score(c, sorted_set_view(c, **entry).score(c.args[2]));
}

void cmd_zmscore(CommandContext& c) {
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  c.reply.array(c.args.size() - 2);
  for (const std::string_view member : c.args.subspan(2)) {
    reply_score(c, *entry == nullptr ? std::nullopt : sorted_set_view(c, **entry).score(member));
  }
}

void reply_rank(CommandContext& c, bool upwards) {
  if (c.args.size() > 4) return c.reply.error(wrong_arity(c.spec.name));
  const bool with_score = c.args.size() == 4;
  if (with_score && !is_option(c.args[3], "WITHSCORE")) return c.reply.error(kSyntaxError);
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  std::optional<store::RankAndScore> found;
  uint64_t size = 0;
  if (*entry != nullptr) {
    const store::SortedSetView set = sorted_set_view(c, **entry);
    found = set.rank(c.args[2]);
    size = set.size();
  }
  if (!found) return with_score ? c.reply.null_array() : c.reply.null();
  if (with_score) c.reply.array(2);
  c.reply.integer(static_cast<int64_t>(upwards ? found->rank : size - 1 - found->rank));
  if (with_score) c.reply.real(found->score);
}

void cmd_zrank(CommandContext& c) {
  reply_rank(c, true);
}

void cmd_zrevrank(CommandContext& c) {
  reply_rank(c, false);
}

void cmd_zscan(CommandContext& c) {
  const auto scan = member_scan(c, ObjectType::kSortedSet);
  if (!scan) return;
  ScanReply reply(c);
  const auto add = [&](const ScoredMember& scored) {
    if (!scan->options.matches(scored.member)) return;
    reply.add(scored.member);
    reply.add(format_double(scored.score));
  };
  reply.end(sorted_set_view(c, *scan->entry).scan(scan->cursor, scan->options.count, add));
}

constexpr CommandSpec kSpecs[] = {
    {.name = "zadd",
     .arity = -4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = "O(log N) for each member, in a sorted set of N",
     .summary = "Adds members to a sorted set, which is created if need be, or changes their scores.",
     .syntax = "key [condition= NX | XX] [comparison= GT | LT] [CH change:pure-token] [INCR increment:pure-token] "
               "<score_member= score:double member> ...",
     .handler = cmd_zadd,
     .categories = "@sortedset"},
    {.name = "zincrby",
     .arity = 4,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate,
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = "O(log N) in a sorted set of N members",
     .summary = "Adds to the score of a member of a sorted set, both of which are created if need be.",
     .syntax = "key increment:integer member",
     .handler = cmd_zincrby,
     .categories = "@sortedset"},
    {.name = "zrem",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyDelete,
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = "O(log N) for each member, in a sorted set of N",
     .summary = "Removes members from a sorted set, which goes with the last of them.",
     .syntax = "key member ...",
     .handler = cmd_zrem,
     .categories = "@sortedset"},
    {.name = "zcard",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = "O(1)",
     .summary = "Counts the members of a sorted set.",
     .syntax = "key",
     .handler = cmd_zcard,
     .categories = "@sortedset"},
    {.name = "zscore",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "1.2.0",
     .complexity = "O(log N) in a sorted set of N members",
     .summary = "Replies with the score of a member of a sorted set.",
     .syntax = "key member",
     .handler = cmd_zscore,
     .categories = "@sortedset"},
    {.name = "zmscore",
     .arity = -3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "6.2.0",
     .complexity = "O(log N) for each member, in a sorted set of N",
     .summary = "Replies with the scores of members of a sorted set.",
     .syntax = "key member ...",
     .handler = cmd_zmscore,
     .categories = "@sortedset"},
    {.name = "zrank",
     .arity = -3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "2.0.0",
     .complexity = "O(log N) in a sorted set of N members",
     .summary = "Replies with how many members of a sorted set come before one of them.",
     .syntax = "key member [withscore= WITHSCORE]",
     .handler = cmd_zrank,
     .categories = "@sortedset"},
    {.name = "zrevrank",
     .arity = -3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "2.0.0",
     .complexity = "O(log N) in a sorted set of N members",
     .summary = "Replies with how many members of a sorted set come after one of them.",
     .syntax = "key member [withscore= WITHSCORE]",
     .handler = cmd_zrevrank,
     .categories = "@sortedset"},
    {.name = "zscan",
     .arity = -3,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "sorted-set",
     .since = "2.8.0",
     .complexity = "O(1) for a call, O(N) for a whole round over N members",
     .summary = "Lists some members of a sorted set with their scores, and the cursor to go on with.",
     .syntax = "key cursor:integer [MATCH pattern] [COUNT count:integer]",
     .handler = cmd_zscan,
     .categories = "@sortedset",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> sorted_set_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
