#include "commands/sorted_set_ranges.h"

#include <cmath>
#include <cstdlib>
#include <string>

#include "base/numbers.h"
#include "commands/arguments.h"

namespace cowslip::commands {
namespace {

using store::LexBound;
using store::SortedSetRun;

// As strtod() reads a C string, unlike other numbers: spaces in front, nothing at all and out of range are fine.
std::optional<double> parse_bound(std::string_view text) {
  if (const auto usual = parse_double(text)) return usual;
  const std::string terminated(text);
  char* end = nullptr;
  const double value = std::strtod(terminated.c_str(), &end);
  if (*end != '\0' || std::isnan(value)) return std::nullopt;
  return value;
}

bool parse_score_bound(std::string_view text, double& score, bool& excluded) {
  excluded = text.starts_with('(');
  const auto value = parse_bound(text.substr(excluded ? 1 : 0));
  if (value) score = *value;
  return value.has_value();
}

bool parse_lex_bound(std::string_view text, LexBound& bound) {
  // Redis looks at one byte and the end of a C string.
  const bool infinite = text.size() == 1 || (text.size() > 1 && text[1] == '\0');
  if (text.starts_with('(') || text.starts_with('[')) {
    bound = {LexBound::Kind::kMember, text.substr(1), text.starts_with('(')};
  } else if (infinite && text.starts_with('-')) {
    bound = {LexBound::Kind::kLowest};
  } else if (infinite && text.starts_with('+')) {
    bound = {LexBound::Kind::kHighest};
  } else {
    return false;
  }
  return true;
}

// Options from `first` on. What has been decided may not be decided again.
bool parse_options(CommandContext& c, size_t first, const FixedRange& fixed, RangeRequest& request) {
  std::optional<RangeBy> by = fixed.by;
  std::optional<bool> upwards = fixed.upwards;
  for (size_t i = first; i < c.args.size(); i++) {
    const std::string_view word = c.args[i];
    if (!fixed.stores && is_option(word, "WITHSCORES")) {
      request.with_scores = true;
    } else if (is_option(word, "LIMIT") && i + 2 < c.args.size()) {
      const auto offset = integer_argument(c, i + 1);
      if (!offset) return false;
      const auto limit = integer_argument(c, i + 2);
      if (!limit) return false;
      request.offset = *offset;
      request.limit = *limit;
      i += 2;
    } else if (!upwards && is_option(word, "REV")) {
      upwards = false;
    } else if (!by && is_option(word, "BYLEX")) {
      by = RangeBy::kMember;
    } else if (!by && is_option(word, "BYSCORE")) {
      by = RangeBy::kScore;
    } else {
      c.reply.error(kSyntaxError);
      return false;
    }
  }
  request.by = by.value_or(RangeBy::kRank);
  request.upwards = upwards.value_or(true);
  return true;
}

SortedSetRun run_of_ranks(uint64_t size, const RankRange& ranks, bool upwards) {
  const auto count = static_cast<int64_t>(size);
  const int64_t first = std::max<int64_t>(ranks.first < 0 ? ranks.first + count : ranks.first, 0);
  const int64_t last = std::min(ranks.last < 0 ? ranks.last + count : ranks.last, count - 1);
  if (first > last) return {};
  const auto from = static_cast<uint64_t>(upwards ? first : count - 1 - last);
  return {.first = from, .count = static_cast<uint64_t>(last - first + 1)};
}

}  // namespace

bool parse_range(CommandContext& c, size_t min_at, RangeRequest& request) {
  const bool swapped = !request.upwards && request.by != RangeBy::kRank;
  const std::string_view min = c.args[min_at + (swapped ? 1 : 0)], max = c.args[min_at + (swapped ? 0 : 1)];
  switch (request.by) {
    case RangeBy::kRank: {
      const auto first = integer_argument(c, min_at);
      if (!first) return false;
      const auto last = integer_argument(c, min_at + 1);
      if (!last) return false;
      request.ranks = {*first, *last};
      return true;
    }
    case RangeBy::kScore: {
      auto& scores = request.scores;
      const bool valid = parse_score_bound(min, scores.min, scores.min_excluded) &&
                         parse_score_bound(max, scores.max, scores.max_excluded);
      if (!valid) c.reply.error("ERR min or max is not a float");
      return valid;
    }
    case RangeBy::kMember: {
      const bool valid = parse_lex_bound(min, request.members.min) && parse_lex_bound(max, request.members.max);
      if (!valid) c.reply.error("ERR min or max not valid string range item");
      return valid;
    }
  }
  return false;
}

std::optional<RangeRequest> range_arguments(CommandContext& c, size_t key_at, const FixedRange& fixed) {
  RangeRequest request;
  if (!parse_options(c, key_at + 3, fixed, request)) return std::nullopt;
  if (request.limit != -1 && request.by == RangeBy::kRank) {
    c.reply.error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX");
    return std::nullopt;
  }
  if (request.with_scores && request.by == RangeBy::kMember) {
    c.reply.error("ERR syntax error, WITHSCORES not supported in combination with BYLEX");
    return std::nullopt;
  }
  if (!parse_range(c, key_at + 1, request)) return std::nullopt;
  return request;
}

SortedSetRun run_of(const store::SortedSetView& set, const RangeRequest& request) {
  if (request.by == RangeBy::kRank) return run_of_ranks(set.size(), request.ranks, request.upwards);
  if (request.offset < 0) return {};
  const SortedSetRun run =
      request.by == RangeBy::kScore ? set.run_of(request.scores) : set.run_of(request.members, request.upwards);
  const uint64_t limit = request.limit < 0 ? UINT64_MAX : static_cast<uint64_t>(request.limit);
  return run.limited(static_cast<uint64_t>(request.offset), limit, request.upwards);
}

}  // namespace cowslip::commands
