// Unions, intersections and differences of sorted sets, and of sets, whose members all have the score 1.
//
// What is found are views into the sources: valid until the database is next changed. Event loop only.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "store/set.h"
#include "store/sorted_set.h"

namespace cowslip::commands {

// One of the sets; without an entry, an empty one.
class AlgebraSource {
 public:
  AlgebraSource() = default;
  // REQUIRES: a set or a sorted set.
  AlgebraSource(const store::Entry& entry, uint64_t seed);

  uint64_t size() const { return scored_ ? scored_->size() : set_ ? set_->size() : 0; }
  // The weighted score of a member: NaN where infinity is multiplied by 0.
  std::optional<double> score(std::string_view member) const;
  // Calls visit(StringView member, double weighted score) for all, until it returns false. The score is 0 in place of
  // NaN.
  template <typename Visit>
  void for_each(Visit&& visit) const;

  double weight = 1;

 private:
  std::optional<store::SortedSetView> scored_;
  std::optional<store::SetView> set_;
};

enum class Aggregate : uint8_t { kSum, kMin, kMax };

// Members with their scores, in a sorted set's order once sort() has been called.
class AlgebraResult {
 public:
  struct Item {
    std::string_view member;
    double score;
  };

  // The member's bytes, valid as long as this is: an integer has none of its own.
  std::string_view text(const store::StringView& member);
  void add(std::string_view member, double score) { items_.push_back({member, score}); }
  void sort();
  std::vector<Item>& items() { return items_; }
  const std::vector<Item>& items() const { return items_; }

 private:
  std::vector<Item> items_;
  std::deque<store::StringView::Scratch> digits_;
};

// REQUIRES of each: at least one source. The order of the sources is changed, as Redis does, for the smallest first:
// sums of floating-point numbers depend on it.
AlgebraResult union_of(std::span<AlgebraSource> sources, Aggregate aggregate, uint64_t seed);
AlgebraResult intersection_of(std::span<AlgebraSource> sources, Aggregate aggregate);
// How many members an intersection has, or `limit` if there are more; 0: no limit.
uint64_t intersection_size(std::span<AlgebraSource> sources, uint64_t limit);
// The members of the first that are in no other, with its scores.
AlgebraResult difference_of(std::span<AlgebraSource> sources);

// ---- templates ----

template <typename Visit>
void AlgebraSource::for_each(Visit&& visit) const {
  bool more = true;
  const auto weighted = [this](double score) { return std::isnan(weight * score) ? 0 : weight * score; };
  if (scored_) {
    scored_->for_each_from(0, true, [&](const store::ScoredMember& scored) {
      return more = visit(scored.member, weighted(scored.score));
    });
  } else if (set_) {
    set_->for_each([&](const store::StringView& member) {
      if (more) more = visit(member, weighted(1));
    });
  }
}

}  // namespace cowslip::commands
