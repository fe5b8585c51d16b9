// Sorted sets: small ones a listpack of members and scores in turn, in order; big ones two trees of all members, by
// hash (to find a member's score) and by score (to find what lies between two).
//
//     element by hash: member | score, 8 bytes         by score: member (the score is its key)
//
// The order is by score, then by the bytes of the member. Scores are never NaN. A view is valid until the database is
// next changed, as are the strings that it hands out.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "store/entry.h"
#include "store/hash_tree.h"
#include "store/listpack.h"
#include "store/value_editor.h"

namespace cowslip::store {

struct ScoredMember {
  StringView member{std::string_view()};
  double score = 0;
};

struct RankAndScore {
  uint64_t rank = 0;
  double score = 0;
};

// Scores between two, both of them included unless it says otherwise. Never NaN.
struct ScoreRange {
  double min = -HUGE_VAL;
  double max = HUGE_VAL;
  bool min_excluded = false;
  bool max_excluded = false;

  bool above_min(double score) const { return min_excluded ? score > min : score >= min; }
  bool below_max(double score) const { return max_excluded ? score < max : score <= max; }
};

// An end of a range of members, which are ordered by their bytes.
struct LexBound {
  enum class Kind : uint8_t { kLowest, kMember, kHighest } kind = Kind::kLowest;
  std::string_view member = {};
  bool excluded = false;

  bool is_below(std::string_view other) const {
    return kind == Kind::kMember ? (excluded ? member < other : member <= other) : kind == Kind::kLowest;
  }
  bool is_above(std::string_view other) const {
    return kind == Kind::kMember ? (excluded ? member > other : member >= other) : kind == Kind::kHighest;
  }
};

struct LexRange {
  LexBound min = {};
  LexBound max = {LexBound::Kind::kHighest};
};

// Members that follow each other, by the rank of the first.
struct SortedSetRun {
  uint64_t first = 0;
  uint64_t count = 0;

  // What LIMIT leaves of it: `offset` are passed over, from the end that a walk begins at; the next `limit` stay.
  SortedSetRun limited(uint64_t offset, uint64_t limit, bool upwards) const;
};

// Reads a sorted set. A forked child may.
class SortedSetView {
 public:
  // REQUIRES: entry.type() == kSortedSet. `seed`: the keyspace's; of no meaning for who only walks.
  explicit SortedSetView(const Entry& entry, uint64_t seed = 0);

  uint64_t size() const { return small_ ? small_->count() / 2 : root_.elements(); }
  std::optional<double> score(std::string_view member) const;
  // The rank is how many come before the member.
  std::optional<RankAndScore> rank(std::string_view member) const;
  ScoredMember at(uint64_t rank) const;  // REQUIRES: rank < size()
  SortedSetRun run_of(const ScoreRange& range) const;
  // By the members' bytes, in a set whose scores are all equal. Where they are not, a small set has those that a walk
  // finds, from the lowest or the highest member on; a big one some.
  SortedSetRun run_of(const LexRange& range, bool upwards = true) const;
  // Calls visit(ScoredMember) for the members of a run, upwards or downwards. REQUIRES: the set has them.
  template <typename Visit>
  void for_each_in(const SortedSetRun& run, bool upwards, Visit&& visit) const;
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for_each_in({.first = 0, .count = size()}, true, visit);
  }
  // Calls visit(ScoredMember) for the members from `rank` on, upwards or downwards, until it returns false.
  template <typename Visit>
  void for_each_from(uint64_t rank, bool upwards, Visit&& visit) const;
  // Calls visit(ScoredMember) for the members in the range, upwards, until it returns false. How many there are it does
  // not find out first, as run_of() would.
  template <typename Visit>
  void for_each_of(const ScoreRange& range, Visit&& visit) const;
  // As HashView::scan(), with visit(ScoredMember).
  template <typename Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

 private:
  friend class SortedSetEditor;
  PackedTreeView by_hash() const { return {root_.first, NodeKey::kHash}; }
  PackedTreeView by_score() const { return {root_.second, NodeKey::kScore}; }
  ScoredMember small_at(ListpackPlace place) const;
  ListpackPlace small_place(uint64_t rank) const;
  ListpackPlace next_small(ListpackPlace place) const { return small_->next(small_->next(place)); }
  ListpackPlace previous_small(ListpackPlace place) const { return small_->previous(small_->previous(place)); }
  // The members of a small one between the first of which in_min(ScoredMember) holds and the first behind it of which
  // in_max() does not; or downwards, from the last one of which in_max() holds.
  template <typename InMin, typename InMax>
  SortedSetRun small_run(bool upwards, InMin&& in_min, InMax&& in_max) const;
  // How many come before the first one with that score, or with a greater one; `beyond`: with a greater one.
  uint64_t big_rank_of_score(double score, bool beyond) const;
  // How many members are below a bound, or, for a range's upper one, not above it.
  uint64_t big_rank_of_bound(const LexBound& bound, bool upper) const;

  uint64_t seed_;
  std::optional<Listpack> small_;
  AggregateRoot root_;
};

// Changes the sorted set that a key holds, or is to hold. Looks the key up once.
class SortedSetEditor {
 public:
  enum class Set : uint8_t { kAdded, kMoved, kSame };

  // `expected`, `longest`: members that are about to be added, and the bytes of the longest, of which a new one's first
  // form depends; more than a small one may have make it a big one at once.
  SortedSetEditor(Database& db, std::string_view key, size_t expected = 1, size_t longest = 0)
      : value_(db, key), expected_(expected), longest_(longest) {}

  bool exists() const { return value_.entry() != nullptr; }
  bool wrong_type() const { return exists() && value_.entry()->type() != ObjectType::kSortedSet; }
  // REQUIRES of all that follow: the key is absent or a sorted set. A view: that it exists.
  SortedSetView view() const { return SortedSetView(*value_.entry(), value_.seed()); }

  // Gives a member the score that decide(the one it has, or nothing) returns; nothing leaves all as it is. A sorted set
  // that is not there begins with its first member. REQUIRES: not NaN.
  template <typename Decide>
  Set change(std::string_view member, Decide&& decide);
  Set set(std::string_view member, double score) {
    return change(member, [score](const std::optional<double>&) { return std::optional(score); });
  }
  // False when it was not there. The set goes with its last member.
  bool erase(std::string_view member);
  // REQUIRES: the set has them.
  void erase(const SortedSetRun& run);
  // A new one takes the place of whatever the key holds, of any type, and of its expiry. REQUIRES: a member follows.
  void begin_anew() { begin(); }

 private:
  // Where a member is, or is not.
  struct Found {
    std::optional<double> score;
    ListpackPlace small = 0;  // in a small set
    uint32_t hash = 0;        // in a big one
    PackedTreeView::Place big = {};
  };

  void find(std::string_view member, Found& found) const;
  Set put(std::string_view member, double score, const Found& found);
  void begin();
  void make_big();
  bool small() const { return value_.entry()->encoding() == Encoding::kListpack; }
  bool fits_small(std::string_view member) const;
  ListpackPlace small_place_for(std::string_view member, double score, ListpackPlace from, ListpackPlace to) const;
  void insert_small(std::string_view member, double score);
  void move_small(std::string_view member, double score, const Found& found);
  void put_big(std::string_view member, double score, const Found& found);
  void erase_small(ListpackPlace place, uint64_t count);
  template <typename Change>
  void change_trees(Change&& change);

  ValueEditor value_;
  size_t expected_, longest_;
};

namespace internal {

// An element of the tree by hash.
ScoredMember split_member(std::string_view element);
// A score as small sorted sets hold it.
void append_score(ListpackBuilder& listpack, double score);

}  // namespace internal

// ---- templates ----

template <typename Visit>
void SortedSetView::for_each_in(const SortedSetRun& run, bool upwards, Visit&& visit) const {
  uint64_t left = run.count;
  for_each_from(upwards ? run.first : run.first + run.count - 1, upwards, [&](const ScoredMember& member) {
    if (left-- == 0) return false;
    visit(member);
    return left > 0;
  });
}

template <typename Visit>
void SortedSetView::for_each_from(uint64_t rank, bool upwards, Visit&& visit) const {
  if (rank >= size()) return;
  uint64_t left = upwards ? size() - rank : rank + 1;
  if (small_) {
    ListpackPlace place = small_place(rank);
    for (; left > 0 && visit(small_at(place)); left--) {
      if (left > 1) place = upwards ? next_small(place) : previous_small(place);
    }
    return;
  }
  const PackedTreeView members = by_score();
  for (auto place = members.at(rank); left > 0; left--) {
    if (!visit(ScoredMember{StringView(place.bytes()), place.key()})) return;
    if (left > 1) upwards ? members.next(place) : members.previous(place);
  }
}

template <typename Visit>
void SortedSetView::for_each_of(const ScoreRange& range, Visit&& visit) const {
  if (small_) {
    const SortedSetRun run = run_of(range);
    uint64_t left = run.count;
    if (left > 0)
      for_each_from(run.first, true, [&](const ScoredMember& member) { return visit(member) && --left > 0; });
    return;
  }
  const PackedTreeView members = by_score();
  auto place = members.lower_bound(range.min_excluded ? std::nextafter(range.min, HUGE_VAL) : range.min);
  for (; !members.is_end(place) && range.below_max(place.key()); members.next(place)) {
    if (!range.above_min(place.key())) continue;  // beyond infinity there is nothing
    if (!visit(ScoredMember{StringView(place.bytes()), place.key()})) return;
  }
}

template <typename Visit>
uint64_t SortedSetView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (!small_) {
    return scan_by_hash(by_hash(), cursor, count,
                        [&](std::string_view element) { visit(internal::split_member(element)); });
  }
  for_each_from(0, true, [&](const ScoredMember& member) {
    visit(member);
    return true;
  });
  return 0;
}

template <typename Decide>
SortedSetEditor::Set SortedSetEditor::change(std::string_view member, Decide&& decide) {
  Found found;
  if (exists()) find(member, found);
  const std::optional<double> score = decide(std::as_const(found.score));
  if (!score || (found.score && *found.score == *score)) return Set::kSame;
  return put(member, *score, found);
}

}  // namespace cowslip::store
