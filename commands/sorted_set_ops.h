// What commands on sorted sets have in common with each other, with those that wait for one (BZPOPMIN) and with those
// on places on the earth, which lie in sorted sets.
//
// Functions that take a CommandContext and fail have written the error reply. Event loop only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/arguments.h"
#include "store/sorted_set.h"

namespace cowslip::commands {

inline store::SortedSetView sorted_set_view(const CommandContext& c, const store::Entry& entry) {
  return store::SortedSetView(entry, c.keyspace.hash_seed());
}

// ---- replies ----

// How a member with its score is replied: one after the other in one array (RESP2), or an array of the two in the array
// (RESP3; ZMPOP in both).
enum class PairForm : uint8_t { kFlat, kNested };
inline PairForm pair_form(const CommandContext& c) {
  return c.reply.resp3() ? PairForm::kNested : PairForm::kFlat;
}
// The head of an array of `count` members with their scores, and one of them.
inline void reply_pairs_head(CommandContext& c, uint64_t count, PairForm form) {
  c.reply.array(form == PairForm::kFlat ? 2 * count : count);
}
inline void reply_pair(CommandContext& c, const store::ScoredMember& scored, PairForm form) {
  if (form == PairForm::kNested) c.reply.array(2);
  reply_string(c.reply, scored.member);
  c.reply.real(scored.score);
}

// ---- adding ----

struct AddOptions {
  bool only_new = false;       // NX
  bool only_existing = false;  // XX
  bool only_greater = false;   // GT
  bool only_less = false;      // LT
  bool count_changed = false;  // CH
  bool increment = false;      // INCR
};

// Gives members their scores, and replies as ZADD does. The members are the arguments from `first` on, `step` apart,
// one for each score.
void add_members(CommandContext& c, const AddOptions& options, std::span<const double> scores, size_t first,
                 size_t step);

// ---- storing ----

// Members with scores that are to become a key's value. Copies: some may come from what they replace.
class MembersToStore {
 public:
  void reserve(size_t members) { ends_.reserve(members); }
  void add(const store::StringView& member, double score);
  size_t size() const { return ends_.size(); }

  // Replaces whatever `key` holds, which goes where there are no members; tells of the event, and replies with the
  // number of members. All of it counts as one change, or each member as one.
  enum class Changes : uint8_t { kOne, kEach };
  void store(CommandContext& c, std::string_view key, std::string_view event, Changes changes = Changes::kOne) const;

 private:
  struct End {
    size_t at;  // in bytes_
    double score;
  };
  std::string bytes_;
  std::vector<End> ends_;
  size_t longest_ = 0;
};

// ---- popping ----

enum class PopEnd : uint8_t { kMin, kMax };

// What is popped, and how the reply looks: key and members in one array where there is a key and the form is flat
// (BZPOPMIN); otherwise the key and an array (ZMPOP), or just that.
struct Pop {
  PopEnd end = PopEnd::kMin;
  uint64_t count = 1;
  bool with_key = false;
  PairForm form = PairForm::kFlat;
};

// Pops from the first of the keys that there is, with events and reply. False when there is none of them: then nothing
// is replied. An error reply, for a key of another type before it, is a reply.
bool pop_members(CommandContext& c, std::span<const std::string_view> keys, const Pop& pop);

// What ZMPOP's arguments from the number of keys on say, and BZMPOP's.
struct MultiPop {
  std::span<const std::string_view> keys;
  Pop pop;
};
std::optional<MultiPop> multi_pop_arguments(CommandContext& c, size_t numkeys_at);

}  // namespace cowslip::commands
