#include "store/sorted_set.h"

#include <cassert>
#include <cmath>
#include <cstring>
#include <string>

#include "base/numbers.h"
#include "store/name_hash.h"

namespace cowslip::store {
namespace {

PackedTreeView::Place find_member(const PackedTreeView& tree, uint32_t hash, std::string_view member) {
  return find_by_hash(tree, hash, member,
                      [](std::string_view element) { return element.substr(0, element.size() - sizeof(double)); });
}

void put_member(char* out, std::string_view member, double score) {
  member.copy(out, member.size());
  std::memcpy(out + member.size(), &score, sizeof score);
}

// A score as an element of a listpack: the integer, where it is one that is not too large, otherwise its text.
class ScoreText {
 public:
  explicit ScoreText(double score) {
    constexpr double kLargest = static_cast<double>(INT64_MAX / 2);
    const bool minus_zero = score == 0 && std::signbit(score);
    if (score >= -kLargest && score <= kLargest && std::trunc(score) == score && !minus_zero) {
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

std::optional<double> SortedSetView::score(std::string_view member) const {
  if (small_) {
    const ListpackPlace place = small_->find(StringView(member), small_->begin(), 2);
    if (place == small_->end()) return {};
    return small_at(place).score;
  }
  const PackedTreeView members = by_hash();
  const auto place = find_member(members, name_hash(member, seed_), member);
  if (members.is_end(place)) return {};
  return internal::split_member(place.bytes()).score;
}

template <typename Before>
uint64_t SortedSetView::count_small_while(Before&& before) const {
  uint64_t count = 0;
  for (ListpackPlace place = small_->begin(); place != small_->end() && before(small_at(place)); count++) {
    place = small_->next(small_->next(place));
  }
  return count;
}

std::optional<uint64_t> SortedSetView::rank(std::string_view member) const {
  const auto score = this->score(member);
  if (!score) return {};
  if (small_) {
    return count_small_while([&](const ScoredMember& other) { return comes_before(other, *score, member); });
  }
  const PackedTreeView members = by_score();
  return members.rank(members.lower_bound(*score, member));
}

ScoredMember SortedSetView::at(uint64_t rank) const {
  if (small_) return small_at(small_->at(static_cast<int64_t>(2 * rank)));
  const auto place = by_score().at(rank);
  return {StringView(place.bytes()), place.key()};
}

uint64_t SortedSetView::rank_of_score(double score, bool beyond) const {
  if (small_) {
    return count_small_while(
        [&](const ScoredMember& other) { return beyond ? other.score <= score : other.score < score; });
  }
  const PackedTreeView members = by_score();
  if (!beyond) return members.rank(members.lower_bound(score));
  if (score == HUGE_VAL) return size();
  return members.rank(members.lower_bound(std::nextafter(score, HUGE_VAL)));
}

uint64_t SortedSetView::rank_of_lex(std::string_view member, bool beyond) const {
  const auto before = [&](std::string_view other) { return beyond ? other <= member : other < member; };
  if (small_) {
    return count_small_while([&](const ScoredMember& other) {
      StringView::Scratch scratch;
      return before(other.member.text(scratch));
    });
  }
  const PackedTreeView members = by_score();
  auto place = members.lower_bound(members.at(0).key(), member);
  if (!members.is_end(place) && before(place.bytes())) members.next(place);
  return members.rank(place);
}

// ---- which form ----

void SortedSetEditor::begin() {
  const EncodingLimits& limits = value_.limits();
  EntryFactory& factory = value_.factory();
  if (within(expected_, limits.zset_max_listpack_entries) && within(longest_, limits.zset_max_listpack_value)) {
    ListpackBuilder nothing;
    value_.create(
        factory.make_blob(value_.key(), ObjectType::kSortedSet, Encoding::kListpack, nothing.finish(), kNoExpiry));
  } else {
    value_.create(factory.make_aggregate(value_.key(), ObjectType::kSortedSet, Encoding::kSkiplist, kNoExpiry));
  }
}

template <typename Change>
void SortedSetEditor::change_trees(Change&& change) {
  EntryFactory& factory = value_.factory();
  AggregateRoot root = value_.entry()->aggregate();
  const auto object = static_cast<uint32_t>(root.object);
  PackedTree by_hash(factory.nodes(), root.first, NodeKey::kHash, object);
  PackedTree by_score(factory.nodes(), root.second, NodeKey::kScore, object);
  change(by_hash, by_score);
  value_.replace(factory.with_aggregate(value_.entry(), root));
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

SortedSetEditor::Set SortedSetEditor::set(std::string_view member, double score) {
  assert(!std::isnan(score));
  if (value_.entry() == nullptr) begin();
  return value_.entry()->encoding() == Encoding::kListpack ? set_small(member, score) : set_big(member, score);
}

SortedSetEditor::Set SortedSetEditor::set_small(std::string_view member, double score) {
  const Listpack now(value_.entry()->blob());
  const ListpackPlace place = now.find(StringView(member), now.begin(), 2);
  if (place == now.end()) {
    const EncodingLimits& limits = value_.limits();
    const bool fits = within(now.count() / 2 + 1, limits.zset_max_listpack_entries) &&
                      within(member.size(), limits.zset_max_listpack_value);
    if (!fits) {
      make_big();
      return set_big(member, score);
    }
    insert_small(member, score);
    return Set::kAdded;
  }
  if (score_of(now.get(now.next(place))) == score) return Set::kSame;
  // The last member is not erased: the set would go with it.
  insert_small(member, score);
  const Listpack both(value_.entry()->blob());
  ListpackPlace old = both.find(StringView(member), both.begin(), 2);
  if (score_of(both.get(both.next(old))) == score) old = both.find(StringView(member), both.next(both.next(old)), 2);
  erase_small(old, 1);
  return Set::kMoved;
}

void SortedSetEditor::insert_small(std::string_view member, double score) {
  const SortedSetView before(*value_.entry());
  const uint64_t rank =
      before.count_small_while([&](const ScoredMember& other) { return comes_before(other, score, member); });
  const Listpack now(value_.entry()->blob());
  const StringView name(member);
  const ScoreText text(score);
  const ListpackSplice splice{.offset = now.at(static_cast<int64_t>(2 * rank)),
                              .removed = 0,
                              .inserted = listpack_element_bytes(name) + listpack_element_bytes(text.view()),
                              .elements = 2};
  splice_blob(value_, splice);
  put_listpack_element(put_listpack_element(EntryFactory::blob_of(*value_.entry()) + splice.offset, name), text.view());
}

SortedSetEditor::Set SortedSetEditor::set_big(std::string_view member, double score) {
  const uint32_t hash = name_hash(member, value_.seed());
  const AggregateRoot now = value_.entry()->aggregate();
  const PackedTreeView members(now.first, NodeKey::kHash);
  const auto found = find_member(members, hash, member);
  const bool added = members.is_end(found);
  const double before = added ? 0 : internal::split_member(found.bytes()).score;
  if (!added && before == score) return Set::kSame;
  change_trees([&](PackedTree& by_hash, PackedTree& by_score) {
    const size_t bytes = member.size() + sizeof score;
    put_member(added ? by_hash.insert(hash, {}, bytes) : by_hash.replace(found, bytes), member, score);
    if (!added) by_score.erase(by_score.lower_bound(before, member));
    member.copy(by_score.insert(score, member, member.size()), member.size());
  });
  return added ? Set::kAdded : Set::kMoved;
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
  if (value_.entry() == nullptr) return false;
  if (value_.entry()->encoding() == Encoding::kListpack) {
    const Listpack now(value_.entry()->blob());
    const ListpackPlace place = now.find(StringView(member), now.begin(), 2);
    if (place == now.end()) return false;
    erase_small(place, 1);
    return true;
  }
  const AggregateRoot now = value_.entry()->aggregate();
  const PackedTreeView members(now.first, NodeKey::kHash);
  const auto found = find_member(members, name_hash(member, value_.seed()), member);
  if (members.is_end(found)) return false;
  const double score = internal::split_member(found.bytes()).score;
  change_trees([&](PackedTree& by_hash, PackedTree& by_score) {
    by_hash.erase(found);
    by_score.erase(by_score.lower_bound(score, member));
  });
  if (value_.entry()->aggregate().elements() == 0) value_.erase();
  return true;
}

void SortedSetEditor::erase_ranks(uint64_t rank, uint64_t count) {
  if (count == 0) return;
  if (value_.entry()->encoding() == Encoding::kListpack) {
    return erase_small(Listpack(value_.entry()->blob()).at(static_cast<int64_t>(2 * rank)), count);
  }
  if (count == value_.entry()->aggregate().elements()) return value_.erase();
  change_trees([&](PackedTree& by_hash, PackedTree& by_score) {
    for (uint64_t i = 0; i < count; i++) {
      const auto place = by_score.at(rank);
      const std::string_view member = place.bytes();
      by_hash.erase(find_member(by_hash, name_hash(member, value_.seed()), member));
      by_score.erase(place);
    }
  });
}

}  // namespace cowslip::store
