// Sorted sets: small ones a listpack of members and scores in turn, in order; big ones two trees of all members, by
// hash (to find a member's score) and by score (to find what lies between two).
//
//     element by hash: member | score, 8 bytes         by score: member (the score is its key)
//
// The order is by score, then by the bytes of the member. Scores are never NaN. A view is valid until the database is
// next changed, as are the strings that it hands out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "store/entry.h"
#include "store/hash_tree.h"
#include "store/listpack.h"
#include "store/value_editor.h"

namespace cowslip::store {

struct ScoredMember {
  StringView member{std::string_view()};
  double score = 0;
};

// Reads a sorted set. A forked child may.
class SortedSetView {
 public:
  // REQUIRES: entry.type() == kSortedSet. `seed`: the keyspace's; of no meaning for who only walks.
  explicit SortedSetView(const Entry& entry, uint64_t seed = 0);

  uint64_t size() const { return small_ ? small_->count() / 2 : root_.elements(); }
  std::optional<double> score(std::string_view member) const;
  // How many come before the member.
  std::optional<uint64_t> rank(std::string_view member) const;
  ScoredMember at(uint64_t rank) const;  // REQUIRES: rank < size()
  // How many come before the first one that is not less than (score, member): the rank of the first one with that
  // score, or behind it. `beyond`: before the first one that is greater than all with that score.
  uint64_t rank_of_score(double score, bool beyond = false) const;
  // The same by member alone, in a set whose scores are all equal. `beyond`: behind that member.
  uint64_t rank_of_lex(std::string_view member, bool beyond = false) const;
  // Calls visit(ScoredMember) for the members from `rank` on, upwards or downwards, until it returns false.
  template <typename Visit>
  void for_each_from(uint64_t rank, bool upwards, Visit&& visit) const;
  // As HashView::scan(), with visit(ScoredMember).
  template <typename Visit>
  uint64_t scan(uint64_t cursor, size_t count, Visit&& visit) const;

 private:
  friend class SortedSetEditor;
  PackedTreeView by_hash() const { return {root_.first, NodeKey::kHash}; }
  PackedTreeView by_score() const { return {root_.second, NodeKey::kScore}; }
  ScoredMember small_at(ListpackPlace place) const;
  // Counts members of a small one, from the first on, as long as before(ScoredMember) holds.
  template <typename Before>
  uint64_t count_small_while(Before&& before) const;

  uint64_t seed_;
  std::optional<Listpack> small_;
  AggregateRoot root_;
};

// Changes the sorted set that a key holds, or is to hold.
class SortedSetEditor {
 public:
  enum class Set : uint8_t { kAdded, kMoved, kSame };

  // REQUIRES: the key is absent or a sorted set. `expected`, `longest`: members that are about to be added to a new
  // one, and the bytes of the longest, of which its first form depends.
  SortedSetEditor(Database& db, std::string_view key, size_t expected = 1, size_t longest = 0)
      : value_(db, key), expected_(expected), longest_(longest) {}

  // Gives a member that score. A sorted set that is not there begins with it. REQUIRES: not NaN.
  Set set(std::string_view member, double score);
  // False when it was not there. The set goes with its last member.
  bool erase(std::string_view member);
  // REQUIRES: rank + count <= the set's size.
  void erase_ranks(uint64_t rank, uint64_t count);

 private:
  void begin();
  void make_big();
  Set set_small(std::string_view member, double score);
  Set set_big(std::string_view member, double score);
  void insert_small(std::string_view member, double score);
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
void SortedSetView::for_each_from(uint64_t rank, bool upwards, Visit&& visit) const {
  if (rank >= size()) return;
  uint64_t left = upwards ? size() - rank : rank + 1;
  if (small_) {
    ListpackPlace place = small_->at(static_cast<int64_t>(2 * rank));
    for (; left > 0 && visit(small_at(place)); left--) {
      if (left > 1) place = upwards ? small_->next(small_->next(place)) : small_->previous(small_->previous(place));
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
uint64_t SortedSetView::scan(uint64_t cursor, size_t count, Visit&& visit) const {
  if (!small_) {
    return scan_by_hash(by_hash(), cursor, count,
                        [&](std::string_view element) { visit(internal::split_member(element)); });
  }
  if (cursor == 0) {
    for_each_from(0, true, [&](const ScoredMember& member) {
      visit(member);
      return true;
    });
  }
  return 0;
}

}  // namespace cowslip::store
