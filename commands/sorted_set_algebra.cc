#include "commands/sorted_set_algebra.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "store/name_hash.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ObjectType;
using store::StringView;

double aggregated(double a, double b, Aggregate aggregate) {
  switch (aggregate) {
    case Aggregate::kSum: {
      const double sum = a + b;
      return std::isnan(sum) ? 0 : sum;  // of infinities that cancel each other out
    }
    case Aggregate::kMin:
      return std::min(a, b);
    case Aggregate::kMax:
      return std::max(a, b);
  }
  return a;
}

void smallest_first(std::span<AlgebraSource> sources) {
  std::ranges::stable_sort(sources, {}, &AlgebraSource::size);
}

// Finds the items of a result by their members: a table of their numbers, with open addressing.
class ItemTable {
 public:
  ItemTable(AlgebraResult& result, uint64_t most_items, uint64_t seed)
      : result_(result), seed_(seed), slots_(std::bit_ceil(2 * most_items + 1), 0), mask_(slots_.size() - 1) {}

  void add(std::string_view member, double score, Aggregate aggregate) {
    auto& items = result_.items();
    for (size_t at = store::name_hash(member, seed_) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at] == 0) {
        result_.add(member, score);
        slots_[at] = static_cast<uint32_t>(items.size());
        return;
      }
      auto& item = items[slots_[at] - 1];
      if (item.member != member) continue;
      item.score = aggregated(item.score, score, aggregate);
      return;
    }
  }

 private:
  AlgebraResult& result_;
  const uint64_t seed_;
  std::vector<uint32_t> slots_;  // number of the item + 1; 0: none
  const size_t mask_;
};

// Calls visit(member, score) for the members that all sources have, until it returns false.
template <typename Visit>
void for_each_common(std::span<AlgebraSource> sources, Aggregate aggregate, Visit&& visit) {
  smallest_first(sources);
  sources[0].for_each([&](const StringView& member, double score) {
    StringView::Scratch scratch;
    const std::string_view text = member.text(scratch);
    for (const AlgebraSource& other : sources.subspan(1)) {
      const auto found = other.score(text);
      if (!found) return true;
      score = aggregated(score, *found, aggregate);
    }
    return visit(member, score);
  });
}

}  // namespace

// ---- one of the sets ----

AlgebraSource::AlgebraSource(const Entry& entry, uint64_t seed) {
  if (entry.type() == ObjectType::kSortedSet) {
    scored_.emplace(entry, seed);
  } else {
    set_.emplace(entry, seed);
  }
}

std::optional<double> AlgebraSource::score(std::string_view member) const {
  if (!scored_) return set_ && set_->contains(member) ? std::optional(weight) : std::nullopt;
  const auto found = scored_->score(member);
  return found ? std::optional(weight * *found) : std::nullopt;
}

// ---- results ----

std::string_view AlgebraResult::text(const StringView& member) {
  return member.is_integer() ? member.text(digits_.emplace_back()) : member.bytes();
}

void AlgebraResult::sort() {
  std::ranges::sort(items_, [](const Item& a, const Item& b) {
    return a.score != b.score ? a.score < b.score : a.member < b.member;
  });
}

AlgebraResult union_of(std::span<AlgebraSource> sources, Aggregate aggregate, uint64_t seed) {
  smallest_first(sources);
  AlgebraResult result;
  uint64_t most = 0;
  for (const AlgebraSource& source : sources) most += source.size();
  result.items().reserve(sources.back().size());
  if (most == sources.back().size()) {  // the others are empty
    sources.back().for_each([&](const StringView& member, double score) {
      result.add(result.text(member), score);
      return true;
    });
  } else {
    ItemTable table(result, most, seed);
    for (const AlgebraSource& source : sources) {
      source.for_each([&](const StringView& member, double score) {
        table.add(result.text(member), score, aggregate);
        return true;
      });
    }
  }
  result.sort();
  return result;
}

AlgebraResult intersection_of(std::span<AlgebraSource> sources, Aggregate aggregate) {
  AlgebraResult result;
  for_each_common(sources, aggregate, [&](const StringView& member, double score) {
    result.add(result.text(member), score);
    return true;
  });
  result.sort();
  return result;
}

uint64_t intersection_size(std::span<AlgebraSource> sources, uint64_t limit) {
  uint64_t size = 0;
  for_each_common(sources, Aggregate::kSum, [&](const StringView&, double) { return ++size != limit; });
  return size;
}

AlgebraResult difference_of(std::span<AlgebraSource> sources) {
  AlgebraResult result;
  sources[0].for_each([&](const StringView& member, double score) {
    StringView::Scratch scratch;
    const std::string_view text = member.text(scratch);
    const bool elsewhere = std::ranges::any_of(
        sources.subspan(1), [&](const AlgebraSource& other) { return other.score(text).has_value(); });
    if (!elsewhere) result.add(result.text(member), score);
    return true;
  });
  result.sort();
  return result;
}

}  // namespace cowslip::commands
