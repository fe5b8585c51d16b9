// Values made of elements in any order, beside the same values made by the editors.
#include "store/aggregate_builder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "store/hash.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

using Source = AggregateBuilder::Source;
// Elements of a list or set; fields and values; members and their scores.
using Elements = std::vector<std::pair<std::string, std::string>>;

constexpr ObjectType kTypes[] = {ObjectType::kList, ObjectType::kSet, ObjectType::kHash, ObjectType::kSortedSet};

std::string text_of(const StringView& value) {
  StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

Elements elements_of(const Entry& entry) {
  Elements found;
  switch (entry.type()) {
    case ObjectType::kList:
      ListView(entry).for_each_from(0, ListEnd::kTail, [&](StringView element) {
        found.emplace_back(text_of(element), "");
        return true;
      });
      return found;
    case ObjectType::kSet:
      SetView(entry).for_each([&](StringView member) { found.emplace_back(text_of(member), ""); });
      break;
    case ObjectType::kHash:
      HashView(entry).for_each(
          [&](StringView field, StringView value) { found.emplace_back(text_of(field), text_of(value)); });
      break;
    default:
      SortedSetView(entry).for_each_from(0, true, [&](const ScoredMember& scored) {
        found.emplace_back(text_of(scored.member), fmt::format("{}", scored.score));
        return true;
      });
      return found;
  }
  std::ranges::sort(found);
  return found;
}

class AggregateBuilderTest : public ::testing::Test {
 protected:
  bool add(AggregateBuilder& builder, ObjectType type, const std::string& first, const std::string& second) {
    const StringView name{std::string_view(first)}, value{std::string_view(second)};
    switch (type) {
      case ObjectType::kList:
        return builder.element(name), true;
      case ObjectType::kSet:
        return builder.member(name);
      case ObjectType::kHash:
        return builder.field(name, value);
      default:
        return builder.scored(name, std::stod(second));
    }
  }

  // Empty when an element has come twice.
  std::optional<PreparedEntry> build(ObjectType type, const Elements& elements, size_t batch_bytes = 32 << 20,
                                     Source source = Source::kElements) {
    AggregateBuilder builder(keyspace_, batch_bytes);
    builder.begin(db_, type, source, false);
    for (const auto& [first, second] : elements) {
      if (!add(builder, type, first, second)) return {};
    }
    return builder.finish("built", kNoExpiry);
  }

  const Entry& load(PreparedEntry entry) {
    db_.load(std::move(entry), {.key = "built"});
    return *db_.find("built");
  }

  const Entry& edit(ObjectType type, const Elements& elements) {
    db_.erase("edited");
    for (const auto& [first, second] : elements) {
      if (type == ObjectType::kList) ListEditor(db_, "edited").push(ListEnd::kTail, first);
      if (type == ObjectType::kSet) SetEditor(db_, "edited").add(first);
      if (type == ObjectType::kHash) HashEditor(db_, "edited").set(first, second);
      if (type == ObjectType::kSortedSet) SortedSetEditor(db_, "edited").set(first, std::stod(second));
    }
    return *db_.find("edited");
  }

  Elements made_up(Random& random, ObjectType type, size_t count) {
    std::map<std::string, std::string> elements;
    const bool integers = random.below(3) == 0;
    while (elements.size() < count) {
      const std::string number = std::to_string(static_cast<int64_t>(random.next()) >> random.below(60));
      std::string name = integers ? number : "member " + number;
      if (!integers && random.below(100) == 0) name += std::string(random.below(20'000), 'l');
      elements[name] =
          type == ObjectType::kSortedSet ? std::to_string(random.below(50)) : std::string(random.below(20), 'v');
    }
    Elements shuffled(elements.begin(), elements.end());
    for (size_t i = shuffled.size(); i > 1; i--) std::swap(shuffled[i - 1], shuffled[random.below(i)]);
    return shuffled;
  }

  Keyspace keyspace_{2, 42, {.address_space_bytes = 1ull << 34, .keeper = false}};
  Database& db_ = keyspace_.database(0);
};

TEST_F(AggregateBuilderTest, MakesWhatTheEditorsMake) {
  Random random(test_seed());
  for (int round = 0; round < 60; round++) {
    const ObjectType type = kTypes[round % 4];
    const size_t count = round % 3 == 0 ? 1 + random.below(30) : round % 3 == 1 ? 100 + random.below(450) : 4000;
    const Elements elements = made_up(random, type, count);
    auto made = build(type, elements, random.below(2) == 0 ? 4096 : 1 << 20);
    ASSERT_TRUE(made.has_value());
    const Entry& built = load(std::move(*made));
    const Elements found = elements_of(built);
    EXPECT_EQ(built.type(), type);
    const Entry& edited = edit(type, elements);
    ASSERT_TRUE(found == elements_of(edited)) << type_name(type) << " of " << count;
    const Entry& again = *db_.find("built");
    if (type != ObjectType::kList) {
      EXPECT_EQ(encoding_name(again.encoding()), encoding_name(edited.encoding())) << type_name(type) << count;
    }
  }
}

TEST_F(AggregateBuilderTest, WhatWasBuiltCanBeChanged) {
  Random random(test_seed());
  for (const ObjectType type : kTypes) {
    const Elements elements = made_up(random, type, 5000);
    load(std::move(*build(type, elements, 50'000)));
    for (const auto& [first, second] : elements) {
      if (type == ObjectType::kSet) {
        ASSERT_TRUE(SetEditor(db_, "built").erase(first));
      } else if (type == ObjectType::kHash) {
        ASSERT_TRUE(HashEditor(db_, "built").erase(first));
      } else if (type == ObjectType::kSortedSet) {
        ASSERT_TRUE(SortedSetEditor(db_, "built").erase(first));
      } else {
        ListEditor(db_, "built").erase(0);
      }
    }
    EXPECT_EQ(db_.find("built"), nullptr);
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
}

// In the same batch, in another one, and in a small value.
TEST_F(AggregateBuilderTest, TwiceIsFoundOutWhereverItIs) {
  Random random(test_seed());
  for (const ObjectType type : {ObjectType::kSet, ObjectType::kHash, ObjectType::kSortedSet}) {
    for (const size_t count : {2, 100, 3000}) {
      for (const size_t batch_bytes : {8192, 32 << 20}) {
        Elements elements = made_up(random, type, count);
        std::string second = elements[random.below(count)].first;
        elements.emplace_back(std::move(second), "1");
        std::swap(elements.back(), elements[random.below(elements.size())]);
        EXPECT_FALSE(build(type, elements, batch_bytes).has_value()) << type_name(type) << count;
      }
    }
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kEntry), 0u);
}

TEST_F(AggregateBuilderTest, WhatIsNotFinishedOrNotStoredLeavesNothing) {
  Random random(test_seed());
  for (const ObjectType type : kTypes) {
    AggregateBuilder builder(keyspace_, 4096);
    for (int round = 0; round < 3; round++) {
      builder.begin(db_, type, Source::kElements, true);
      for (const auto& [first, second] : made_up(random, type, 2000)) add(builder, type, first, second);
    }
    EXPECT_GT(db_.arena().blocks(memory::BlockKind::kNode), 0u);
    (void)builder.finish("k", kNoExpiry);
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kEntry), 0u);
  EXPECT_EQ(db_.size(), 0u);
}

Elements numbered(size_t count, const char* form = "m{}") {
  Elements elements;
  for (size_t i = 0; i < count; i++) elements.emplace_back(fmt::format(fmt::runtime(form), i), "1");
  return elements;
}

std::string_view encoding_of(const std::optional<PreparedEntry>& made) {
  return encoding_name(made->entry().encoding());
}

TEST_F(AggregateBuilderTest, FormsAtTheThresholds) {
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(512, "{}"))), "intset");
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(513, "{}"))), "hashtable");
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(128))), "listpack");
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(129))), "hashtable");
  EXPECT_EQ(encoding_of(build(ObjectType::kHash, numbered(512))), "listpack");
  EXPECT_EQ(encoding_of(build(ObjectType::kHash, numbered(513))), "hashtable");
  EXPECT_EQ(encoding_of(build(ObjectType::kSortedSet, numbered(128))), "listpack");
  EXPECT_EQ(encoding_of(build(ObjectType::kSortedSet, numbered(129))), "skiplist");
  EXPECT_EQ(encoding_of(build(ObjectType::kList, numbered(1000))), "listpack");
  EXPECT_EQ(encoding_of(build(ObjectType::kList, numbered(3000))), "quicklist");
  for (const auto& [length, encoding] : {std::pair(64, "listpack"), std::pair(65, "hashtable")}) {
    const Elements elements = {{std::string(static_cast<size_t>(length), 'x'), "v"}};
    EXPECT_EQ(encoding_of(build(ObjectType::kSet, elements)), encoding);
    EXPECT_EQ(encoding_of(build(ObjectType::kHash, elements)), encoding);
    EXPECT_EQ(encoding_of(build(ObjectType::kHash, {{"f", elements[0].first}})), encoding);
  }
}

// As Redis loads them: what lay in a listpack goes by its number alone, an intset never becomes a listpack.
TEST_F(AggregateBuilderTest, FormsBySource) {
  const Elements long_one = {{std::string(100, 'x'), "1"}};
  for (const ObjectType type : {ObjectType::kSet, ObjectType::kHash, ObjectType::kSortedSet}) {
    EXPECT_EQ(encoding_of(build(type, long_one, 1 << 20, Source::kPacked)), "listpack");
  }
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(3, "{}"), 1 << 20, Source::kPacked)), "listpack");
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(512, "{}"), 1 << 20, Source::kIntset)), "intset");
  EncodingLimits limits;
  limits.set_max_intset_entries = 2;
  keyspace_.set_encoding_limits(limits);
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(3, "{}"), 1 << 20, Source::kIntset)), "hashtable");
  EXPECT_EQ(encoding_of(build(ObjectType::kSet, numbered(3, "{}"))), "listpack");
}

// A number written as text becomes the integer that find() looks for.
TEST_F(AggregateBuilderTest, NumbersAreFoundAgain) {
  const Entry& hash = load(std::move(*build(ObjectType::kHash, {{"12", "x"}, {"012", "y"}})));
  EXPECT_EQ(text_of(*HashView(hash, keyspace_.hash_seed()).get("12")), "x");
  EXPECT_EQ(text_of(*HashView(hash, keyspace_.hash_seed()).get("012")), "y");
}

}  // namespace
}  // namespace cowslip::store
