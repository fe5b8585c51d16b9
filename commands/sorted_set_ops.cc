#include "commands/sorted_set_ops.h"

#include <algorithm>
#include <cmath>

#include "base/numbers.h"

namespace cowslip::commands {

using store::SortedSetEditor;
using store::StringView;

// ---- adding ----

namespace {

struct Added {
  uint64_t added = 0;
  uint64_t updated = 0;
  std::optional<double> score;  // the last member's, unless it was left alone
  bool nan = false;
};

// The score that a member gets; nothing when it is left alone.
std::optional<double> score_to_set(const AddOptions& options, std::optional<double> now, double given, Added& result) {
  if (!now) return options.only_existing ? std::nullopt : (result.score = given);
  if (options.only_new) return std::nullopt;
  const double score = options.increment ? *now + given : given;
  result.nan = std::isnan(score);
  if (result.nan || (options.only_less && score >= *now) || (options.only_greater && score <= *now)) {
    return std::nullopt;
  }
  return result.score = score;
}

}  // namespace

void add_members(CommandContext& c, const AddOptions& options, std::span<const double> scores, size_t first,
                 size_t step) {
  const std::string_view key = c.args[1];
  Added result;
  {
    SortedSetEditor editor(c.db(), key, scores.size(), c.args[first].size());
    if (editor.wrong_type()) return c.reply.error(kWrongType);
    if (editor.exists() || !options.only_existing) {
      for (size_t i = 0; i < scores.size() && !result.nan; i++) {
        const auto set = editor.change(c.args[first + i * step], [&](const std::optional<double>& now) {
          return score_to_set(options, now, scores[i], result);
        });
        result.added += set == SortedSetEditor::Set::kAdded;
        result.updated += set == SortedSetEditor::Set::kMoved;
      }
    }
  }
  const uint64_t changed = result.added + result.updated;
  c.keyspace.add_dirty(changed);
  if (changed > 0) c.notify(EventClass::kSortedSet, options.increment ? "zincr" : "zadd", key);
  if (result.nan) return c.reply.error("ERR resulting score is not a number (NaN)");
  if (!options.increment) return c.reply.integer(static_cast<int64_t>(options.count_changed ? changed : result.added));
  result.score ? c.reply.real(*result.score) : c.reply.null();
}

// ---- storing ----

void MembersToStore::add(const StringView& member, double score) {
  StringView::Scratch scratch;
  const std::string_view text = member.text(scratch);
  bytes_.append(text);
  ends_.push_back({bytes_.size(), score});
  longest_ = std::max(longest_, text.size());
}

void MembersToStore::store(CommandContext& c, std::string_view key, std::string_view event, Changes changes) const {
  if (ends_.empty()) {
    c.store_nothing(key);
    return c.reply.integer(0);
  }
  {
    SortedSetEditor editor(c.db(), key, ends_.size(), longest_);
    editor.begin_anew();
    size_t begin = 0;
    for (const auto& [end, score] : ends_) {
      editor.set(std::string_view(bytes_).substr(begin, end - begin), score);
      begin = end;
    }
  }
  c.keyspace.add_dirty(changes == Changes::kOne ? 1 : ends_.size());
  c.notify(EventClass::kSortedSet, event, key);
  c.reply.integer(static_cast<int64_t>(ends_.size()));
}

// ---- popping ----

namespace {

// The members, then what they were popped from: replies are made of views.
uint64_t op_pop(CommandContext& c, SortedSetEditor& editor, std::string_view key, const Pop& pop) {
  const store::SortedSetView set = editor.view();
  const uint64_t count = std::min(pop.count, set.size());
  if (pop.with_key && pop.form == PairForm::kFlat) {
    c.reply.array(2 * count + 1);
    c.reply.bulk(key);
  } else {
    if (pop.with_key) {
      c.reply.array(2);
      c.reply.bulk(key);
    }
    reply_pairs_head(c, count, pop.form);
  }
  const bool lowest = pop.end == PopEnd::kMin;
  const store::SortedSetRun run{.first = lowest ? 0 : set.size() - count, .count = count};
  set.for_each_in(run, lowest, [&](const store::ScoredMember& scored) { reply_pair(c, scored, pop.form); });
  editor.erase(run);
  return count;
}

}  // namespace

bool pop_members(CommandContext& c, std::span<const std::string_view> keys, const Pop& pop) {
  for (const std::string_view key : keys) {
    bool gone = false;
    uint64_t popped = 0;
    {
      SortedSetEditor editor(c.db(), key);
      if (!editor.exists()) continue;
      if (editor.wrong_type()) {
        c.reply.error(kWrongType);
        return true;
      }
      popped = op_pop(c, editor, key, pop);
      gone = !editor.exists();
    }
    c.keyspace.add_dirty(popped);
    if (popped > 0) c.notify(EventClass::kSortedSet, pop.end == PopEnd::kMin ? "zpopmin" : "zpopmax", key);
    if (gone) c.notify(EventClass::kGeneric, "del", key);
    return true;
  }
  return false;
}

std::optional<MultiPop> multi_pop_arguments(CommandContext& c, size_t numkeys_at) {
  const auto keys = counted_keys(c, numkeys_at);
  if (!keys) return std::nullopt;
  MultiPop multi{*keys, {.with_key = true, .form = PairForm::kNested}};
  const auto rest = c.args.subspan(numkeys_at + 1 + keys->size());
  const bool max = !rest.empty() && is_option(rest[0], "MAX");
  if (rest.empty() || (!max && !is_option(rest[0], "MIN"))) {
    c.reply.error(kSyntaxError);
    return std::nullopt;
  }
  multi.pop.end = max ? PopEnd::kMax : PopEnd::kMin;
  for (size_t i = numkeys_at + keys->size() + 2; i < c.args.size(); i += 2) {
    const bool again = i > numkeys_at + keys->size() + 2;
    if (again || !is_option(c.args[i], "COUNT") || i + 1 == c.args.size()) {
      c.reply.error(kSyntaxError);
      return std::nullopt;
    }
    const auto count = parse_int64(c.args[i + 1]);
    if (!count || *count < 1) {
      c.reply.error("ERR count should be greater than 0");
      return std::nullopt;
    }
    multi.pop.count = static_cast<uint64_t>(*count);
  }
  return multi;
}

}  // namespace cowslip::commands
