#include "store/sorted_set.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <string>

#include "base/numbers.h"
#include "store/name_hash.h"

namespace cowslip::store {
namespace {

NamePlace find_member(const PackedTreeView& tree, uint32_t hash, std::string_view member) {
  return place_by_hash(tree, hash, member,
                       [](std::string_view element) { return element.substr(0, element.size() - sizeof(double)); });
}

void put_member(char* out, std::string_view member, double score) {
  member.copy(out, member.size());
  std::memcpy(out + member.size(), &score, sizeof score);
}

// A score as an element of a listpack: the integer, where it is one that is not too large, otherwise its text. Like
// Redis's, small sets do not know -0 from 0.
class ScoreText {
 public:
  explicit ScoreText(double score) {
    constexpr double kLargest = static_cast<double>(INT64_MAX / 2);
    if (score >= -kLargest && score <= kLargest && std::trunc(score) == score) {
      integer_ = static_cast<int64_t>(score);
    } else {
      text_ = format_double(score);
    }
  }
  StringView view() const { return text_.empty() ? StringView(integer_) : StringView(std::string_view(text_)); }

 private:
  int64_t integer_ = 0;
  std::string text_;
};

double score_of(const StringView& element) {
  if (element.is_integer()) return static_cast<double>(element.integer());
  return parse_double(element.bytes()).value_or(0);  // checked where it came in
}

bool comes_before(const ScoredMember& a, double score, std::string_view member) {
  if (a.score != score) return a.score < score;
  StringView::Scratch scratch;
  return a.member.text(scratch) < member;
}

}  // namespace

ScoredMember internal::split_member(std::string_view element) {
  const size_t length = element.size() - sizeof(double);
  ScoredMember member{StringView(element.substr(0, length))};
  std::memcpy(&member.score, element.data() + length, sizeof member.score);
  return member;
}

void internal::append_score(ListpackBuilder& listpack, double score) {
  listpack.append(ScoreText(score).view());
}

// ---- reading ----

SortedSetRun SortedSetRun::limited(uint64_t offset, uint64_t limit, bool upwards) const {
  if (offset >= count) return {.first = first, .count = 0};
  const uint64_t left = std::min(count - offset, limit);
  return {.first = upwards ? first + offset : first + count - offset - left, .count = left};
}

SortedSetView::SortedSetView(const Entry& entry, uint64_t seed) : seed_(seed) {
  if (entry.encoding() == Encoding::kListpack) {
    small_.emplace(entry.blob());
  } else {
    root_ = entry.aggregate();
  }
}

ScoredMember SortedSetView::small_at(ListpackPlace place) const {
  return {small_->get(place), score_of(small_->get(small_->next(place)))};
}

// From the end that is nearer.
ListpackPlace SortedSetView::small_place(uint64_t rank) const {
  const auto index = static_cast<int64_t>(2 * rank), count = static_cast<int64_t>(small_->count());
  return small_->at(2 * index <= count ? index : index - count);
}

std::optional<double> SortedSetView::score(std::string_view member) const {
  if (small_) {
    const ListpackPlace place = small_->find(StringView(member), small_->begin(), 2);
    if (place == small_->end()) return {};
    return small_at(place).score;
  }
  const NamePlace found = find_member(by_hash(), name_hash(member, seed_), member);
  if (!found.found) return {};
  return internal::split_member(found.place.bytes()).score;
}

std::optional<RankAndScore> SortedSetView::rank(std::string_view member) const {
  if (small_) {
    const ListpackPlace found = small_->find(StringView(member), small_->begin(), 2);
    if (found == small_->end()) return {};
    RankAndScore result{.score = small_at(found).score};
    for (ListpackPlace place = small_->begin(); place != found; place = next_small(place)) result.rank++;
    return result;
  }
  const auto score = this->score(member);
  if (!score) return {};
  const PackedTreeView members = by_score();
  return RankAndScore{members.rank(members.lower_bound(*score, member)), *score};
}

ScoredMember SortedSetView::at(uint64_t rank) const {
  if (small_) return small_at(small_place(rank));
  const auto place = by_score().at(rank);
  return {StringView(place.bytes()), place.key()};
}

// ---- ranges ----

template <typename InMin, typename InMax>
SortedSetRun SortedSetView::small_run(bool upwards, InMin&& in_min, InMax&& in_max) const {
  SortedSetRun run;
  if (upwards) {
    ListpackPlace place = small_->begin();
    for (; place != small_->end() && !in_min(small_at(place)); place = next_small(place)) run.first++;
    for (; place != small_->end() && in_max(small_at(place)); place = next_small(place)) run.count++;
    return run;
  }
  run.first = size();
  ListpackPlace place = small_->end();
  const auto before = [&] { return previous_small(place); };
  for (; place != small_->begin() && !in_max(small_at(before())); place = before()) run.first--;
  for (; place != small_->begin() && in_min(small_at(before())); place = before()) run.count++;
  run.first -= run.count;
  return run;
}

SortedSetRun SortedSetView::run_of(const ScoreRange& range) const {
  if (small_) {
    return small_run(
        true, [&](const ScoredMember& scored) { return range.above_min(scored.score); },
        [&](const ScoredMember& scored) { return range.below_max(scored.score); });
  }
  const uint64_t first = big_rank_of_score(range.min, range.min_excluded);
  const uint64_t end = big_rank_of_score(range.max, !range.max_excluded);
  return {.first = first, .count = end > first ? end - first : 0};
}

SortedSetRun SortedSetView::run_of(const LexRange& range, bool upwards) const {
  if (small_) {
    StringView::Scratch scratch;
    const auto in_min = [&](const ScoredMember& scored) { return range.min.is_below(scored.member.text(scratch)); };
    const auto in_max = [&](const ScoredMember& scored) { return range.max.is_above(scored.member.text(scratch)); };
    // Redis looks at both ends first, which matters only where scores are not equal.
    if (!in_max(at(0)) || !in_min(at(size() - 1))) return {};
    return small_run(upwards, in_min, in_max);
  }
  const uint64_t first = big_rank_of_bound(range.min, false);
  const uint64_t end = big_rank_of_bound(range.max, true);
  return {.first = first, .count = end > first ? end - first : 0};
}

uint64_t SortedSetView::big_rank_of_score(double score, bool beyond) const {
  if (beyond && score == HUGE_VAL) return size();
  const PackedTreeView members = by_score();
  return members.rank(members.lower_bound(beyond ? std::nextafter(score, HUGE_VAL) : score));
}

uint64_t SortedSetView::big_rank_of_bound(const LexBound& bound, bool upper) const {
  if (bound.kind != LexBound::Kind::kMember) return bound.kind == LexBound::Kind::kLowest ? 0 : size();
  const PackedTreeView members = by_score();
  auto place = members.lower_bound(members.at(0).key(), bound.member);
  const bool beyond = bound.excluded != upper;
  if (beyond && !members.is_end(place) && place.bytes() == bound.member) members.next(place);
  return members.rank(place);
}

// ---- which form ----

void SortedSetEditor::begin() {
  const EncodingLimits& limits = value_.limits();
  EntryFactory& factory = value_.factory();
  if (within(expected_, limits.zset_max_listpack_entries) && within(longest_, limits.zset_max_listpack_value)) {
    ListpackBuilder nothing;
    value_.begin(
        factory.make_blob(value_.key(), ObjectType::kSortedSet, Encoding::kListpack, nothing.finish(), kNoExpiry));
  } else {
    value_.begin(factory.make_aggregate(value_.key(), ObjectType::kSortedSet, Encoding::kSkiplist, kNoExpiry));
  }
}

template <typename Change>
void SortedSetEditor::change_trees(Change&& change) {
  EntryFactory& factory = value_.factory();
  const AggregateRoot before = value_.entry()->aggregate();
  AggregateRoot root = before;
  const auto object = static_cast<uint32_t>(root.object);
  PackedTree by_hash(factory.nodes(), root.first, NodeKey::kHash, object);
  PackedTree by_score(factory.nodes(), root.second, NodeKey::kScore, object);
  change(by_hash, by_score);
  // What was changed in nodes alone is no change of the entry, which a child may be reading.
  value_.replace(root == before ? value_.entry() : factory.with_aggregate(value_.entry(), root));
}

void SortedSetEditor::make_big() {
  EntryFactory& factory = value_.factory();
  const Entry& small = *value_.entry();
  Entry* big = factory.make_aggregate(value_.key(), ObjectType::kSortedSet, Encoding::kSkiplist, small.expire_at_ms());
  AggregateRoot root = big->aggregate();
  const auto object = static_cast<uint32_t>(root.object);
  PackedTree by_hash(factory.nodes(), root.first, NodeKey::kHash, object);
  PackedTree by_score(factory.nodes(), root.second, NodeKey::kScore, object);
  SortedSetView(small).for_each_from(0, true, [&](const ScoredMember& scored) {
    StringView::Scratch scratch;
    const std::string_view name = scored.member.text(scratch);
    put_member(by_hash.insert(name_hash(name, value_.seed()), {}, name.size() + sizeof(double)), name, scored.score);
    name.copy(by_score.insert(scored.score, name, name.size()), name.size());
    return true;
  });
  value_.exchange(factory.with_aggregate(big, root));
}

// ---- setting ----

void SortedSetEditor::find(std::string_view member, Found& found) const {
  if (small()) {
    const Listpack now(value_.entry()->blob());
    found.small = now.find(StringView(member), now.begin(), 2);
    if (found.small != now.end()) found.score = score_of(now.get(now.next(found.small)));
    return;
  }
  const AggregateRoot now = value_.entry()->aggregate();
  found.hash = name_hash(member, value_.seed());
  const NamePlace at = find_member(PackedTreeView(now.first, NodeKey::kHash), found.hash, member);
  found.big = at.place;
  if (at.found) found.score = internal::split_member(at.place.bytes()).score;
}

bool SortedSetEditor::fits_small(std::string_view member) const {
  const EncodingLimits& limits = value_.limits();
  return within(Listpack(value_.entry()->blob()).count() / 2 + 1, limits.zset_max_listpack_entries) &&
         within(expected_, limits.zset_max_listpack_entries) && within(member.size(), limits.zset_max_listpack_value);
}

SortedSetEditor::Set SortedSetEditor::put(std::string_view member, double score, const Found& found) {
  assert(!std::isnan(score));
  const bool searched = exists() && !small();
  if (!exists()) begin();
  if (small() && !found.score && !fits_small(member)) make_big();
  if (!small() && !searched) {
    Found again;
    find(member, again);
    put_big(member, score, again);
  } else if (!small()) {
    put_big(member, score, found);
  } else if (found.score) {
    move_small(member, score, found);
  } else {
    insert_small(member, score);
  }
  return found.score ? Set::kMoved : Set::kAdded;
}

// The first of the places from `from` to `to` whose member does not come before; `to` if there is none.
ListpackPlace SortedSetEditor::small_place_for(std::string_view member, double score, ListpackPlace from,
                                               ListpackPlace to) const {
  const Listpack now(value_.entry()->blob());
  const auto is_before = [&](ListpackPlace place) {
    return comes_before({now.get(place), score_of(now.get(now.next(place)))}, score, member);
  };
  // What is new is often the highest.
  if (from != to && is_before(now.previous(now.previous(to)))) return to;
  while (from != to && is_before(from)) from = now.next(now.next(from));
  return from;
}

void SortedSetEditor::insert_small(std::string_view member, double score) {
  const Listpack now(value_.entry()->blob());
  const StringView name(member);
  const ScoreText text(score);
  const ListpackSplice splice{.offset = small_place_for(member, score, now.begin(), now.end()),
                              .removed = 0,
                              .inserted = listpack_element_bytes(name) + listpack_element_bytes(text.view()),
                              .elements = 2};
  splice_blob(value_, splice);
  put_listpack_element(put_listpack_element(EntryFactory::blob_of(*value_.entry()) + splice.offset, name), text.view());
}

// What lies between the old place and the new one moves by as many bytes as the member and its score take.
void SortedSetEditor::move_small(std::string_view member, double score, const Found& found) {
  const Listpack now(value_.entry()->blob());
  const size_t name_bytes = now.element_bytes(found.small);
  const ListpackPlace behind = now.next(now.next(found.small));
  const ScoreText text(score);
  const size_t before = behind - found.small, after = name_bytes + listpack_element_bytes(text.view());
  const bool upwards = score > *found.score;
  const ListpackPlace place = upwards ? small_place_for(member, score, behind, now.end())
                                      : small_place_for(member, score, now.begin(), found.small);
  const ListpackPlace first = upwards ? found.small : place, end = upwards ? place : behind;
  // 1. Room for what is between them, and for the new score.
  const size_t room = std::max(after, before) - before;
  splice_blob(value_, {.offset = first, .removed = end - first, .inserted = end - first + room});
  char* const bytes = EntryFactory::blob_of(*value_.entry());
  // 2. What is between goes to the other side.
  char* const at = bytes + (upwards ? end - before : place);
  if (upwards) {
    std::memmove(bytes + first, bytes + behind, end - behind);
  } else {
    std::memmove(bytes + place + after, bytes + place, found.small - place);
  }
  put_listpack_element(put_listpack_element(at, StringView(member)), text.view());
  // 3. What is left over goes.
  if (after < before) splice_blob(value_, {.offset = end - (before - after), .removed = before - after});
}

void SortedSetEditor::put_big(std::string_view member, double score, const Found& found) {
  change_trees([&](PackedTree& by_hash, PackedTree& by_score) {
    const size_t bytes = member.size() + sizeof score;
    put_member(found.score ? by_hash.replace(found.big, bytes) : by_hash.insert(found.big, found.hash, bytes), member,
               score);
    if (found.score) by_score.erase(by_score.lower_bound(*found.score, member));
    member.copy(by_score.insert(score, member, member.size()), member.size());
  });
}

// ---- erasing ----

void SortedSetEditor::erase_small(ListpackPlace place, uint64_t count) {
  const Listpack now(value_.entry()->blob());
  if (now.count() == 2 * count) return value_.erase();
  ListpackPlace last = place;
  for (uint64_t i = 0; i < 2 * count; i++) last = now.next(last);
  splice_blob(value_,
              {.offset = place, .removed = last - place, .inserted = 0, .elements = -2 * static_cast<int64_t>(count)});
}

bool SortedSetEditor::erase(std::string_view member) {
  if (!exists()) return false;
  Found found;
  find(member, found);
  if (!found.score) return false;
  if (small()) {
    erase_small(found.small, 1);
    return true;
  }
  change_trees([&](PackedTree& by_hash, PackedTree& by_score) {
    by_hash.erase(found.big);
    by_score.erase(by_score.lower_bound(*found.score, member));
  });
  if (value_.entry()->aggregate().elements() == 0) value_.erase();
  return true;
}

void SortedSetEditor::erase(const SortedSetRun& run) {
  if (run.count == 0) return;
  if (small()) return erase_small(view().small_place(run.first), run.count);
  if (run.count == value_.entry()->aggregate().elements()) return value_.erase();
  change_trees([&](PackedTree& by_hash, PackedTree& by_score) {
    for (uint64_t i = 0; i < run.count; i++) {
      const auto place = by_score.at(run.first);
      const std::string_view member = place.bytes();
      by_hash.erase(find_member(by_hash, name_hash(member, value_.seed()), member).place);
      by_score.erase(place);
    }
  });
}

}  // namespace cowslip::store
