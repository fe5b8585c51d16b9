// Which members of a sorted set a request asks for: by rank, by score or by the member's bytes.
//
//     ZRANGE key 5 10 | key (1 +inf BYSCORE REV LIMIT 2 10 | key [a (b BYLEX
//
// Functions that take a CommandContext and return nothing have written the error reply.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "commands/command.h"
#include "store/sorted_set.h"

namespace cowslip::commands {

enum class RangeBy : uint8_t { kRank, kScore, kMember };

struct RankRange {
  int64_t first = 0;
  int64_t last = 0;  // included; negative: from the end
};

// What is asked for; of the three ranges, the one that `by` names counts. Views of the arguments.
struct RangeRequest {
  RangeBy by = RangeBy::kRank;
  bool upwards = true;
  bool with_scores = false;
  RankRange ranks = {};
  store::ScoreRange scores = {};
  store::LexRange members = {};
  int64_t offset = 0;
  int64_t limit = -1;  // negative: none
};

// What an older command of a request's form has decided by its name.
struct FixedRange {
  std::optional<RangeBy> by = {};
  std::optional<bool> upwards = {};
  bool stores = false;  // WITHSCORES is no option
};

// Reads "key from to [options]", where the key is the argument at `key_at`.
std::optional<RangeRequest> range_arguments(CommandContext& c, size_t key_at, const FixedRange& fixed);

// Reads only the range, from the two arguments at `min_at` and behind it.
bool parse_range(CommandContext& c, size_t min_at, RangeRequest& request);

// The members of the set that are in the range, and within the limit.
store::SortedSetRun run_of(const store::SortedSetView& set, const RangeRequest& request);

}  // namespace cowslip::commands
