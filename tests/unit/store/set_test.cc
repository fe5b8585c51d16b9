// Sets against std::set: integers and other members, thresholds, snapshots, scans.
#include "store/set.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "store/keyspace.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

using Model = std::set<std::string>;

std::string text(const StringView& value) {
  StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

class SetTest : public ::testing::Test {
 protected:
  const Entry* entry() { return db_.find("key", Lookup::kPeek); }
  Encoding encoding() { return entry()->encoding(); }
  bool add(const std::string& member, size_t expected = 1) {
    SetEditor editor(db_, "key");
    if (expected > 1) editor.expect(expected);
    return editor.add(member);
  }
  bool erase(const std::string& member) { return SetEditor(db_, "key").erase(member); }

  Model all(const Entry& of) {
    Model found;
    size_t members = 0;
    SetView(of).for_each([&](StringView member) {
      found.insert(text(member));
      members++;
    });
    EXPECT_EQ(members, found.size()) << "a member twice";
    return found;
  }

  void expect_equal(const Model& model) {
    if (model.empty()) {
      EXPECT_EQ(entry(), nullptr);
      return;
    }
    ASSERT_NE(entry(), nullptr);
    EXPECT_TRUE(all(*entry()) == model);
    const SetView set(*entry(), keyspace_.hash_seed());
    EXPECT_EQ(set.size(), model.size());
    Model by_rank;
    for (uint64_t rank = 0; rank < set.size(); rank++) by_rank.insert(text(set.at(rank)));
    EXPECT_TRUE(by_rank == model);
    for (const std::string& member : model) EXPECT_TRUE(set.contains(member));
    EXPECT_FALSE(set.contains("nobody"));
    EXPECT_FALSE(set.contains("987654321987"));
  }

  // Without a keeper, who gives back what only a child needs.
  Keyspace keyspace_{2, 42, {.address_space_bytes = 1ull << 34, .keeper = false}};
  Database& db_ = keyspace_.database(0);
};

TEST_F(SetTest, TakesTheFormsThatRedisHasForItsMembers) {
  for (int i = 0; i < 512; i++) EXPECT_TRUE(add(std::to_string(i)));
  EXPECT_EQ(encoding(), Encoding::kIntset);
  EXPECT_FALSE(add("77"));
  EXPECT_TRUE(add("512"));
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  db_.erase("key");

  for (int i = 0; i < 10; i++) add(std::to_string(i));
  EXPECT_TRUE(add("text"));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_TRUE(add("99"));
  EXPECT_FALSE(add("99"));
  for (int i = 12; i < 128; i++) EXPECT_TRUE(add(fmt::format("m{}", i)));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  EXPECT_TRUE(add("one more"));
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  db_.erase("key");

  add(std::string(64, 'x'));
  EXPECT_EQ(encoding(), Encoding::kListpack);
  add(std::string(65, 'x'));
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  db_.erase("key");

  for (int i = 0; i < 128; i++) add(std::to_string(i));
  add("text");
  EXPECT_EQ(encoding(), Encoding::kHashtable) << "one too many for a listpack";
  db_.erase("key");

  add("1", 513);
  EXPECT_EQ(encoding(), Encoding::kHashtable);
}

TEST_F(SetTest, IsWhatAStdSetIs) {
  Random random(test_seed());
  for (const auto& [members, integers_only] : {std::pair{100u, true}, {3000u, true}, {60u, false}, {4000u, false}}) {
    Model model;
    for (int round = 0; round < 10; round++) {
      const bool snapshot = round % 3 == 1;
      const Model before = model;
      if (snapshot) keyspace_.chunks().begin_snapshot();
      const Entry* const frozen = snapshot ? entry() : nullptr;
      for (int i = 0; i < 500; i++) {
        const uint64_t number = random.below(members) * (random.below(50) == 0 ? 1'000'003 : 1);
        const bool text_member = !integers_only && number % 3 != 0;
        const size_t length = number % 997 == 0 ? 30'000 : number % 40;
        const std::string member =
            text_member ? fmt::format("m{}", number) + std::string(length, 'x') : std::to_string(number);
        if (random.below(100) < (round % 4 == 3 ? 80u : 35u)) {
          EXPECT_EQ(erase(member), model.erase(member) == 1);
        } else {
          EXPECT_EQ(add(member), model.insert(member).second);
        }
      }
      if (snapshot) {
        // What was let go may be read by a child only, which a sanitizer does not know of.
        if (frozen != nullptr && !kSanitized) {
          EXPECT_TRUE(all(*frozen) == before) << "what a child reads was written";
        }
        keyspace_.chunks().end_snapshot();
      }
      expect_equal(model);
      if (HasFailure()) return;
    }
    db_.erase("key");
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kEntry), 0u);
}

TEST_F(SetTest, TellsOfEachChangeOnce) {
  struct Listener : KeyObserver {
    void key_changed(const KeyEvent& event) override { changes.push_back(event.change); }
    void before_flush(int) override {}
    void before_swap(int, int) override {}
    std::vector<KeyChange> changes;
  } listener;
  keyspace_.observers().add(listener);
  {
    SetEditor editor(db_, "key");
    for (int i = 0; i < 200; i++) editor.add(fmt::format("m{}", i));
  }
  add("m5");
  add("another");
  erase("nobody");
  {
    SetEditor editor(db_, "key");
    for (int i = 0; i < 200; i++) editor.erase(fmt::format("m{}", i));
    editor.erase("another");
  }
  keyspace_.observers().remove(listener);
  EXPECT_EQ(listener.changes, (std::vector{KeyChange::kCreated, KeyChange::kWritten, KeyChange::kDeleted}));
}

TEST_F(SetTest, AsManyAsAreExpectedDecideAboutAnExistingOneToo) {
  add("text");
  SetEditor(db_, "key").expect(128);
  EXPECT_EQ(encoding(), Encoding::kListpack);
  SetEditor(db_, "key").expect(129);
  EXPECT_EQ(encoding(), Encoding::kHashtable);
  db_.erase("key");
  add("1");
  SetEditor(db_, "key").expect(512);
  EXPECT_EQ(encoding(), Encoding::kIntset);
  SetEditor(db_, "key").expect(513);
  EXPECT_EQ(encoding(), Encoding::kHashtable);
}

TEST_F(SetTest, LosesMembersByTheirNumber) {
  Random random(test_seed());
  for (const auto& [members, integers] : {std::pair{100, true}, {100, false}, {3000, true}, {3000, false}}) {
    Model model;
    for (int i = 0; i < members; i++) {
      const std::string member = integers ? std::to_string(i) : fmt::format("m{}", i);
      add(member);
      model.insert(member);
    }
    db_.set_expiry("key", 1'000'000'000'000'000);
    while (model.size() > 1) {
      SetEditor editor(db_, "key");
      const uint64_t rank = random.below(model.size());
      model.erase(text(editor.view().at(rank)));
      editor.erase_at(rank);
      if (random.below(100) == 0) break;
    }
    expect_equal(model);
    std::vector<uint64_t> ranks;
    Model kept;
    for (uint64_t rank = 0; rank < model.size(); rank += 2) {
      ranks.push_back(rank);
      kept.insert(text(SetView(*entry()).at(rank)));
    }
    SetEditor(db_, "key").keep_only(ranks);
    expect_equal(kept);
    EXPECT_TRUE(entry()->has_expiry());
    SetEditor(db_, "key").erase_all();
    EXPECT_EQ(entry(), nullptr);
  }
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
}

TEST_F(SetTest, TakesThePlaceOfWhatTheKeyHolds) {
  for (int i = 0; i < 1000; i++) add(fmt::format("m{}", i));
  std::vector<StringView> members;
  Model model;
  SetView(*entry()).for_each([&](StringView member) {
    if (members.size() == 300) return;
    members.push_back(member);
    model.insert(text(member));
  });
  for (const Encoding form : {Encoding::kListpack, Encoding::kHashtable}) {
    db_.set_string("other", "a string", ExpiryChange::set(1'000'000'000'000'000));
    SetEditor(db_, "other").assign(members, form);
    const Entry* other = db_.find("other", Lookup::kPeek);
    EXPECT_EQ(other->encoding(), form);
    EXPECT_FALSE(other->has_expiry());
    EXPECT_TRUE(all(*other) == model);
  }
  EXPECT_EQ(db_.expires(), 0u);
  SetEditor(db_, "key").assign(members, Encoding::kHashtable);  // views of itself
  expect_equal(model);
  const std::vector integers = {StringView(int64_t{5}), StringView("-70000"), StringView(INT64_MAX), StringView("3")};
  SetEditor(db_, "key").assign(integers, Encoding::kIntset);
  EXPECT_EQ(encoding(), Encoding::kIntset);
  expect_equal({"-70000", "3", "5", "9223372036854775807"});
  db_.erase("key");
  db_.erase("other");
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kNode), 0u);
}

// The form that a set would have, without making it.
TEST_F(SetTest, FormsAreForeseen) {
  Random random(test_seed());
  for (int round = 0; round < 200; round++) {
    SetForm form(keyspace_.encoding_limits());
    const uint64_t texts_percent = random.below(3), count = 1 + random.below(round % 2 == 0 ? 140 : 600);
    for (uint64_t i = 0; i < count; i++) {
      const bool is_text = random.below(100) < texts_percent;
      const std::string member =
          is_text ? std::string(random.below(500) == 0 ? 65 : 5, 't') + std::to_string(i) : std::to_string(i * 1000);
      add(member);
      form.add(StringView(member));
    }
    EXPECT_EQ(form.encoding(), encoding()) << count << " members";
    db_.erase("key");
  }
}

TEST_F(SetTest, AScanShowsWhatIsThereAllTheTime) {
  Random random(test_seed());
  for (int i = 0; i < 2000; i++) add(fmt::format("stays:{}", i));
  std::map<std::string, int> seen;
  uint64_t cursor = 0;
  do {
    cursor = SetView(*entry()).scan(cursor, 10, [&](StringView member) { seen[text(member)]++; });
    for (int i = 0; i < 20; i++) {
      const std::string member = fmt::format("comes and goes:{}", random.below(3000));
      random.below(2) == 0 ? add(member) : erase(member);
    }
  } while (cursor != 0);
  for (int i = 0; i < 2000; i++) EXPECT_EQ(seen[fmt::format("stays:{}", i)], 1);
}

}  // namespace
}  // namespace cowslip::store
