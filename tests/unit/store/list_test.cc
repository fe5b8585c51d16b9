// Lists against std::deque: both ends, the middle, thresholds there and back, snapshots.
#include "store/list.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <string>
#include <utility>

#include "base/random.h"
#include "store/keyspace.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

using Model = std::deque<std::string>;

class ListTest : public ::testing::Test {
 protected:
  const Entry* entry() { return db_.find("key", Lookup::kPeek); }
  Encoding encoding() { return entry()->encoding(); }

  Model all(const Entry& of, ListEnd towards = ListEnd::kTail) {
    Model found;
    const ListView list(of);
    list.for_each_from(towards == ListEnd::kTail ? 0 : list.size() - 1, towards, [&](StringView element) {
      StringView::Scratch scratch;
      std::string text(element.text(scratch));
      towards == ListEnd::kTail ? found.push_back(std::move(text)) : found.push_front(std::move(text));
      return true;
    });
    return found;
  }

  void expect_equal(const Model& model) {
    if (model.empty()) {
      EXPECT_EQ(entry(), nullptr);
      return;
    }
    ASSERT_NE(entry(), nullptr);
    EXPECT_TRUE(all(*entry()) == model);
    EXPECT_TRUE(all(*entry(), ListEnd::kHead) == model);
    const ListView list(*entry());
    for (uint64_t index = 0; index < model.size(); index += 1 + model.size() / 50) {
      StringView::Scratch scratch;
      EXPECT_EQ(list.at(index).text(scratch), model[index]);
    }
  }

  // Without a keeper, who gives back what only a child needs.
  Keyspace keyspace_{2, 42, {.address_space_bytes = 1ull << 34, .keeper = false}};
  Database& db_ = keyspace_.database(0);
};

TEST_F(ListTest, BecomesBigAtEightKilobytesAndSmallAtFour) {
  int pushed = 0;
  while (entry() == nullptr || encoding() == Encoding::kListpack) {
    ListEditor(db_, "key").push(ListEnd::kTail, fmt::format("{:098}", pushed++));
  }
  EXPECT_EQ(encoding(), Encoding::kQuicklist);
  EXPECT_NEAR(pushed, 8192 / 102, 2);
  while (encoding() == Encoding::kQuicklist) {
    ListEditor editor(db_, "key");
    editor.erase(0);
    editor.shrink();
    pushed--;
  }
  EXPECT_NEAR(pushed, 4096 / 101, 1);
}

TEST_F(ListTest, TheLimitMayBeOneOfElements) {
  keyspace_.set_encoding_limits({.list_max_listpack_size = 5});
  for (int i = 0; i < 5; i++) ListEditor(db_, "key").push(ListEnd::kHead, "v");
  EXPECT_EQ(encoding(), Encoding::kListpack);
  ListEditor(db_, "key").push(ListEnd::kHead, "v");
  EXPECT_EQ(encoding(), Encoding::kQuicklist);
  ListEditor editor(db_, "key");
  editor.erase(0, 4);
  editor.shrink();
  EXPECT_EQ(encoding(), Encoding::kListpack);
}

TEST_F(ListTest, KeepsEveryLengthAndTheLimitsOfEveryInteger) {
  Model model;
  for (const size_t length : {0, 1, 238, 239, 240, 241, 255, 256, 1000, 5000, 15'359, 15'360, 15'361, 40'000}) {
    model.push_back(std::string(length, 'x'));
  }
  for (const unsigned bits : {7u, 8u, 15u, 16u, 23u, 24u, 31u, 32u, 39u, 63u}) {
    const auto below = static_cast<int64_t>((uint64_t{1} << bits) - 1);
    for (const int64_t value : {below, -below, bits < 63 ? below + 1 : 0, -below - 1}) {
      model.push_back(std::to_string(value));
    }
  }
  for (const std::string_view odd : {"-0", "007", "+1", "9223372036854775808", "-9223372036854775809", "1.0"}) {
    model.emplace_back(odd);
  }
  for (const std::string& element : model) ListEditor(db_, "key").push(ListEnd::kTail, element);
  EXPECT_EQ(encoding(), Encoding::kQuicklist);
  expect_equal(model);
  // Each in the place of each.
  for (size_t shift = 1; shift < model.size(); shift += 7) {
    std::ranges::rotate(model, model.begin() + static_cast<ptrdiff_t>(shift));
    for (size_t i = 0; i < model.size(); i++) ListEditor(db_, "key").set(i, model[i]);
    expect_equal(model);
  }
}

TEST_F(ListTest, IsWhatADequeIs) {
  Random random(test_seed());
  for (const int growing : {0, 15}) {
    Model model;
    for (int round = 0; round < 24; round++) {
      const bool snapshot = round % 3 == 1;
      const Model before = model;
      if (snapshot) keyspace_.chunks().begin_snapshot();
      const Entry* const frozen = snapshot ? entry() : nullptr;
      for (int i = 0; i < 300; i++) {
        ListEditor editor(db_, "key");
        const uint64_t dice = random.below(100), number = random.below(100'000);
        std::string element =
            number % 3 == 0 ? std::to_string(number) : fmt::format("{}:{}", number, std::string(number % 50, 'x'));
        if (number % 1000 == 1) element.resize(20'000, 'y');
        if (number % 20 == 2) element.resize(230 + number % 20, 'z');
        if (dice < 40) {
          const ListEnd end = dice % 2 == 0 ? ListEnd::kHead : ListEnd::kTail;
          editor.push(end, element);
          end == ListEnd::kHead ? model.push_front(element) : model.push_back(element);
        } else if (dice < 60) {
          const size_t index = random.below(model.size() + 1);
          editor.insert(index, element);
          model.insert(model.begin() + static_cast<ptrdiff_t>(index), element);
        } else if (model.empty()) {
          continue;
        } else if (dice < 70 + static_cast<uint64_t>(growing)) {
          const size_t index = random.below(model.size());
          editor.set(index, element);
          model[index] = element;
        } else {
          const size_t index = random.below(model.size());
          const size_t count = std::min<size_t>(1 + random.below(3), model.size() - index);
          editor.erase(index, count);
          editor.shrink();
          model.erase(model.begin() + static_cast<ptrdiff_t>(index),
                      model.begin() + static_cast<ptrdiff_t>(index + count));
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
  EXPECT_EQ(db_.arena().blocks(memory::BlockKind::kLargeValue), 0u);
}

}  // namespace
}  // namespace cowslip::store
