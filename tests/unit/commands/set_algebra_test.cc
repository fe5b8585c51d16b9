// Unions, intersections and differences against those of std::set, over all encodings.
#include "commands/set_algebra.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "base/random.h"
#include "store/keyspace.h"
#include "tests/unit/base/seed.h"

namespace cowslip::commands {
namespace {

using store::SetView;
using store::StringView;
using Model = std::set<std::string>;

std::string text(const StringView& value) {
  StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

class SetAlgebraTest : public ::testing::Test {
 protected:
  // Integers alone, few of any kind, or many.
  Model make(const std::string& key) {
    const uint64_t kind = random_.below(4), count = 1 + random_.below(kind == 3 ? 2000 : 60);
    const uint64_t range = 1 + random_.below(2 * count + 10);
    Model model;
    store::SetEditor editor(db_, key);
    for (uint64_t i = 0; i < count; i++) {
      const uint64_t number = random_.below(range);
      const std::string member = kind == 0 || number % 3 == 0 ? std::to_string(number) : fmt::format("m{}", number);
      editor.add(member);
      model.insert(member);
    }
    return model;
  }

  SetView view(const std::string& key) { return SetView(*db_.find(key, store::Lookup::kPeek), keyspace_.hash_seed()); }

  Random random_{test_seed()};
  store::Keyspace keyspace_{1, 42, {.address_space_bytes = 1ull << 34, .keeper = false}};
  store::Database& db_ = keyspace_.database(0);
};

TEST_F(SetAlgebraTest, IsWhatStdSetsGive) {
  for (int round = 0; round < 300; round++) {
    const size_t count = 1 + random_.below(4);
    std::vector<Model> models;
    std::vector<SetView> views;
    models.reserve(count);
    views.reserve(count);
    for (size_t i = 0; i < count; i++) models.push_back(make(std::to_string(i)));
    for (size_t i = 0; i < count; i++) views.push_back(view(std::to_string(i)));
    Model all = models[0], common = models[0], rest = models[0];
    for (size_t i = 1; i < count; i++) {
      all.insert(models[i].begin(), models[i].end());
      std::erase_if(common, [&](const std::string& member) { return !models[i].contains(member); });
      std::erase_if(rest, [&](const std::string& member) { return models[i].contains(member); });
    }
    std::vector<std::string> found;
    const auto collect = [&](const StringView& member) {
      found.push_back(text(member));
      return true;
    };
    const auto expect = [&](const Model& model) {
      EXPECT_EQ(found.size(), model.size());
      EXPECT_TRUE(Model(found.begin(), found.end()) == model);
      found.clear();
    };
    intersect(views, collect);
    expect(common);
    unite(views, keyspace_.hash_seed(), collect);
    expect(all);
    Model considered;
    subtract(views[0], std::vector<SetView>(views.begin() + 1, views.end()), keyspace_.hash_seed(), collect,
             [&](const StringView& member) { considered.insert(text(member)); });
    EXPECT_TRUE(std::ranges::includes(considered, Model(found.begin(), found.end())));
    expect(rest);
    for (size_t i = 0; i < count; i++) db_.erase(std::to_string(i));
    if (HasFailure()) return;
  }
}

TEST_F(SetAlgebraTest, TheDifferenceGoesTheShorterWay) {
  const auto fill = [&](const std::string& key, int count) {
    store::SetEditor editor(db_, key);
    for (int i = 0; i < count; i++) editor.add(key + std::to_string(i));
  };
  fill("small", 10);
  fill("middle", 100);
  fill("large", 1000);
  const std::vector large = {view("large")}, small = {view("small"), view("small"), view("small")};
  EXPECT_TRUE(looking_up_is_less(view("small"), large)) << "1000 members need not be looked at";
  EXPECT_FALSE(looking_up_is_less(view("large"), small)) << "30 members are less than 3000 lookups";
  EXPECT_TRUE(looking_up_is_less(view("middle"), {}));
}

TEST(MemberTable, ForgetsAndRemembers) {
  MemberTable table(7);
  EXPECT_TRUE(table.add(StringView(int64_t{5})));
  EXPECT_FALSE(table.add(StringView("5"))) << "the same, in another form";
  EXPECT_TRUE(table.add(StringView("05")));
  table.erase(StringView("5"));
  table.erase(StringView("5"));
  table.erase(StringView("6"));
  EXPECT_EQ(table.size(), 1u);
  EXPECT_TRUE(table.add(StringView("5")));
  for (int64_t i = 0; i < 1000; i++) table.add(StringView(i));
  EXPECT_EQ(table.size(), 1001u);
  size_t visited = 0;
  table.for_each([&](const StringView&) { visited++; });
  EXPECT_EQ(visited, 1001u);
}

}  // namespace
}  // namespace cowslip::commands
