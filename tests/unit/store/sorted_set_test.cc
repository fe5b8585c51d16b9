// Sorted sets against a std::set of (score, member) and a map: scores, ranks, bounds, thresholds, snapshots.
#include "store/sorted_set.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "store/keyspace.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

using Model = std::map<std::string, double>;
using Ordered = std::vector<std::pair<double, std::string>>;

Ordered ordered(const Model& model) {
  Ordered all;
  for (const auto& [member, score] : model) all.emplace_back(score, member);
  std::ranges::sort(all);
  return all;
}

class SortedSetTest : public ::testing::Test {
 protected:
  const Entry* entry() { return db_.find("key", Lookup::kPeek); }
  Encoding encoding() { return entry()->encoding(); }
  SortedSetView view() { return SortedSetView(*entry(), keyspace_.hash_seed()); }

  static Ordered all(const Entry& of, bool upwards = true) {
    Ordered found;
    const SortedSetView set(of);
    set.for_each_from(upwards ? 0 : set.size() - 1, upwards, [&](const ScoredMember& scored) {
      StringView::Scratch scratch;
      found.emplace_back(scored.score, std::string(scored.member.text(scratch)));
      return true;
    });
    if (!upwards) std::ranges::reverse(found);
    return found;
  }

  void expect_equal(const Model& model, Random& random) {
    if (model.empty()) {
      EXPECT_EQ(entry(), nullptr);
      return;
    }
    ASSERT_NE(entry(), nullptr);
    const Ordered expected = ordered(model);
    EXPECT_TRUE(all(*entry()) == expected);
    EXPECT_TRUE(all(*entry(), false) == expected);
    const SortedSetView set = view();
    ASSERT_EQ(set.size(), model.size());
    for (uint64_t rank = 0; rank < expected.size(); rank += 1 + expected.size() / 40) {
      const auto& [score, member] = expected[rank];
      EXPECT_EQ(set.score(member), score);
      EXPECT_EQ(set.rank(member)->rank, rank);
      StringView::Scratch scratch;
      EXPECT_EQ(set.at(rank).member.text(scratch), member);
    }
    EXPECT_FALSE(set.score("nobody").has_value());
    EXPECT_FALSE(set.rank("nobody").has_value());
    for (int i = 0; i < 20; i++) {
      const double bound = i == 0 ? -HUGE_VAL : i == 1 ? HUGE_VAL : made_up_score(random.below(1000));
      const auto least = std::ranges::count_if(expected, [&](const auto& e) { return e.first < bound; });
      const auto most = std::ranges::count_if(expected, [&](const auto& e) { return e.first <= bound; });
      const auto all = expected.size();
      const SortedSetRun from = set.run_of(ScoreRange{.min = bound}), to = set.run_of(ScoreRange{.max = bound});
      EXPECT_EQ(from.first, static_cast<uint64_t>(least));
      EXPECT_EQ(from.count, all - static_cast<uint64_t>(least));
      EXPECT_EQ(to.first, 0u);
      EXPECT_EQ(to.count, static_cast<uint64_t>(most));
      EXPECT_EQ(set.run_of(ScoreRange{.min = bound, .min_excluded = true}).count, all - static_cast<uint64_t>(most));
      EXPECT_EQ(set.run_of(ScoreRange{.max = bound, .max_excluded = true}).count, static_cast<uint64_t>(least));
      EXPECT_EQ(set.run_of(ScoreRange{.min = bound, .max = bound, .max_excluded = true}).count, 0u);
      const double other = made_up_score(random.below(1000));
      for (const bool excluded : {false, true}) {
        expect_walk(set, expected, {.min = bound, .min_excluded = excluded});
        expect_walk(set, expected, {.min = bound, .max = other, .min_excluded = excluded, .max_excluded = !excluded});
      }
    }
  }

  // for_each_of() finds what run_of() counts, and stops when it is told to.
  static void expect_walk(const SortedSetView& set, const Ordered& expected, const ScoreRange& range) {
    const SortedSetRun run = set.run_of(range);
    for (const uint64_t most : {run.count + 1, uint64_t{3}}) {
      uint64_t found = 0;
      set.for_each_of(range, [&](const ScoredMember& member) {
        StringView::Scratch scratch;
        EXPECT_EQ(member.member.text(scratch), expected[run.first + found].second);
        return ++found < most;
      });
      EXPECT_EQ(found, std::min(run.count, most));
    }
  }

  static double made_up_score(uint64_t number) {
    if (number % 50 == 0) return number % 100 == 0 ? HUGE_VAL : -HUGE_VAL;
    if (number % 3 == 0) return static_cast<double>(number) / 7 - 30;
    return static_cast<double>(number % 40) - 20;
  }

  // Without a keeper, who gives back what only a child needs.
  Keyspace keyspace_{2, 42, {.address_space_bytes = 1ull << 34, .keeper = false}};
  Database& db_ = keyspace_.database(0);
};

TEST_F(SortedSetTest, BecomesBigAtItsThresholds) {
  using enum SortedSetEditor::Set;
  for (int i = 0; i < 128; i++) EXPECT_EQ(SortedSetEditor(db_, "key").set(fmt::format("m{}", i), i), kAdded);
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_EQ(SortedSetEditor(db_, "key").set("m7", 7), kSame);
  EXPECT_EQ(SortedSetEditor(db_, "key").set("m7", 1000), kMoved);
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_EQ(view().rank("m7")->rank, 127u);
  EXPECT_EQ(SortedSetEditor(db_, "key").set("one more", 0.5), kAdded);
  EXPECT_EQ(encoding(), Encoding::kSkiplist);
  db_.erase("key");
  SortedSetEditor(db_, "key").set(std::string(65, 'm'), 1);
  EXPECT_EQ(encoding(), Encoding::kSkiplist);
  db_.erase("key");
  SortedSetEditor(db_, "key", 129).set("m", 1);
  EXPECT_EQ(encoding(), Encoding::kSkiplist);
}

TEST_F(SortedSetTest, EqualScoresAreOrderedByMember) {
  for (const size_t members : {20u, 2000u}) {
    Model model;
    for (size_t i = 0; i < members; i++) {
      const std::string member = fmt::format("{}", i * 7919 % 100'003);
      SortedSetEditor(db_, "key").set(member, 0);
      model[member] = 0;
    }
    const Ordered expected = ordered(model);
    EXPECT_TRUE(all(*entry()) == expected);
    for (const std::string bound : {"", "1", "5", "5000", "99999999", "zz", "42"}) {
      const auto less = std::ranges::count_if(expected, [&](const auto& e) { return e.second < bound; });
      const auto most = std::ranges::count_if(expected, [&](const auto& e) { return e.second <= bound; });
      const LexBound included{LexBound::Kind::kMember, bound}, excluded{LexBound::Kind::kMember, bound, true};
      for (const bool upwards : {true, false}) {
        EXPECT_EQ(view().run_of(LexRange{.min = included}, upwards).count, members - static_cast<uint64_t>(less));
        EXPECT_EQ(view().run_of(LexRange{.min = excluded}, upwards).count, members - static_cast<uint64_t>(most));
        const SortedSetRun up_to = view().run_of(LexRange{.max = included}, upwards);
        EXPECT_TRUE(up_to.count == 0 || up_to.first == 0);
        EXPECT_EQ(up_to.count, static_cast<uint64_t>(most));
        EXPECT_EQ(view().run_of(LexRange{.max = excluded}, upwards).count, static_cast<uint64_t>(less));
      }
    }
    db_.erase("key");
  }
}

TEST_F(SortedSetTest, AMemberMovesPastOthersOfAnySize) {
  Random random(test_seed());
  Model model;
  for (int i = 0; i < 4000; i++) {
    const std::string member(1 + random.below(12), static_cast<char>('a' + random.below(4)));
    const double score = random.below(3) == 0 ? static_cast<double>(random.below(1000)) / 7
                                              : static_cast<double>(random.below(1'000'000) >> random.below(20));
    SortedSetEditor(db_, "key").set(member, score);
    model[member] = score;
    if (model.size() > 40) {
      SortedSetEditor(db_, "key").erase(model.begin()->first);
      model.erase(model.begin());
    }
  }
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_TRUE(valid_listpack(entry()->blob()));
  expect_equal(model, random);
}

TEST_F(SortedSetTest, BeginsAnewInPlaceOfAnything) {
  db_.set_string("key", "a string", ExpiryChange::set(1'000'000));
  for (const size_t members : {3u, 300u, 3u}) {
    {
      SortedSetEditor editor(db_, "key", members);
      editor.begin_anew();
      for (size_t i = 0; i < members; i++) editor.set(std::to_string(i), static_cast<double>(i));
    }
    EXPECT_EQ(view().size(), members);
    EXPECT_EQ(encoding(), members < 100 ? Encoding::kListpack : Encoding::kSkiplist);
    EXPECT_FALSE(entry()->has_expiry());
    EXPECT_EQ(db_.expires(), 0u);
    db_.set_expiry("key", 1'000'000);
  }
  EXPECT_EQ(db_.size(), 1u);
}

TEST_F(SortedSetTest, LimitsARun) {
  const SortedSetRun run{.first = 10, .count = 5};
  const auto limited = [&](uint64_t offset, uint64_t limit, bool upwards) {
    const SortedSetRun left = run.limited(offset, limit, upwards);
    return std::pair(left.first, left.count);
  };
  EXPECT_EQ(limited(0, UINT64_MAX, true), std::pair(10ul, 5ul));
  EXPECT_EQ(limited(1, 2, true), std::pair(11ul, 2ul));
  EXPECT_EQ(limited(1, 2, false), std::pair(12ul, 2ul));
  EXPECT_EQ(limited(4, 9, false), std::pair(10ul, 1ul));
  EXPECT_EQ(limited(5, 9, false).second, 0ul);
  EXPECT_EQ(limited(UINT64_MAX, 9, true).second, 0ul);
}

TEST_F(SortedSetTest, IsWhatTheModelIs) {
  Random random(test_seed());
  for (const uint64_t members : {60u, 3000u}) {
    Model model;
    for (int round = 0; round < 16; round++) {
      const bool snapshot = round % 3 == 1;
      const Model before = model;
      if (snapshot) keyspace_.chunks().begin_snapshot();
      const Entry* const frozen = snapshot ? entry() : nullptr;
      for (int i = 0; i < 400; i++) {
        const uint64_t number = random.below(members), dice = random.below(100);
        std::string member = number % 3 == 0 ? std::to_string(number) : fmt::format("member:{}", number);
        if (number % 500 == 1) member.resize(20'000, 'y');
        if (dice < (round % 4 == 3 ? 50u : 20u)) {
          EXPECT_EQ(SortedSetEditor(db_, "key").erase(member), model.erase(member) == 1);
        } else if (dice == 99 && !model.empty()) {
          const Ordered now = ordered(model);
          const uint64_t rank = random.below(now.size()),
                         count = std::min<uint64_t>(random.below(4), now.size() - rank);
          SortedSetEditor(db_, "key").erase({.first = rank, .count = count});
          for (uint64_t j = 0; j < count; j++) model.erase(now[rank + j].second);
        } else {
          const double score = made_up_score(random.below(1000));
          const auto found = model.find(member);
          const auto expected = found == model.end()     ? SortedSetEditor::Set::kAdded
                                : found->second == score ? SortedSetEditor::Set::kSame
                                                         : SortedSetEditor::Set::kMoved;
          EXPECT_EQ(SortedSetEditor(db_, "key").set(member, score), expected);
          model[member] = score;
        }
      }
      if (snapshot) {
        // What was let go may be read by a child only, which a sanitizer does not know of.
        if (frozen != nullptr && !kSanitized) {
          EXPECT_TRUE(all(*frozen) == ordered(before)) << "what a child reads was written";
        }
        keyspace_.chunks().end_snapshot();
      }
      expect_equal(model, random);
      if (HasFailure()) return;
    }
    db_.erase("key");
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kEntry), 0u);
}

}  // namespace
}  // namespace cowslip::store
