// Trees that are filled from their first element to their last: the same as others, in every way.
#include "store/packed_tree_append.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "memory/chunk_pool.h"
#include "tests/unit/base/seed.h"

namespace cowslip::store {
namespace {

using Elements = std::vector<std::pair<KeyValue, std::string>>;

class PackedTreeAppendTest : public ::testing::TestWithParam<NodeKey> {
 protected:
  ~PackedTreeAppendTest() override {
    tree().clear();
    EXPECT_EQ(arena_.blocks(memory::BlockKind::kNode), 0u);
  }

  PackedTree tree() { return PackedTree(space_, root_, GetParam(), 7); }

  Elements made_up(Random& random, size_t count) {
    Elements elements;
    for (size_t i = 0; i < count; i++) {
      const KeyValue key = GetParam() == NodeKey::kNone   ? 0
                           : GetParam() == NodeKey::kHash ? static_cast<double>(random.below(5 * count))
                                                          : static_cast<double>(random.below(20)) / 3;
      std::string bytes = fmt::format("{}:{}", std::string(random.below(30), 'e'), i);
      if (random.below(200) == 0) bytes += std::string(random.below(40'000), 'l');
      elements.emplace_back(key, std::move(bytes));
    }
    if (GetParam() != NodeKey::kNone) std::ranges::sort(elements);
    return elements;
  }

  void append(const Elements& elements) {
    PackedTree filled = tree();
    PackedTreeAppender appender(filled);
    for (const auto& [key, bytes] : elements) appender.append(key, bytes);
  }

  Elements all() {
    Elements found;
    tree().for_each(0, [&](KeyValue key, std::string_view bytes) {
      found.emplace_back(key, bytes);
      return true;
    });
    return found;
  }

  memory::ChunkPool pool_{{.address_space_bytes = 1ull << 32, .keeper = false}};
  memory::Arena arena_{pool_};
  NodeSpace space_{arena_};
  TreeRoot root_;
};

TEST_P(PackedTreeAppendTest, HoldsWhatWasAppended) {
  Random random(test_seed());
  for (const size_t count : {0, 1, 2, 40, 1000, 1 + static_cast<int>(random.below(60'000)), 60'000}) {
    const Elements elements = made_up(random, count);
    append(elements);
    EXPECT_EQ(tree().check().value_or("nothing"), "nothing") << count;
    ASSERT_TRUE(all() == elements) << count;
    tree().clear();
  }
}

TEST_P(PackedTreeAppendTest, CanBeChangedLikeAnyOther) {
  Random random(test_seed());
  append(made_up(random, 5000));
  PackedTree changed = tree();
  for (int i = 0; i < 20'000; i++) {
    if (changed.size() > 0 && random.below(2) == 0) {
      changed.erase(changed.at(random.below(changed.size())));
    } else {
      const std::string bytes = fmt::format("more {}", random.below(10'000));
      char* const at = GetParam() == NodeKey::kNone
                           ? changed.insert(changed.end(), bytes.size())
                           : changed.insert(static_cast<double>(random.below(20'000)), bytes, bytes.size());
      bytes.copy(at, bytes.size());
    }
    if (i % 1000 == 0) {
      ASSERT_EQ(changed.check().value_or("nothing"), "nothing") << i;
    }
  }
}

// Elements with one hash must not be parted, however many there are.
TEST_P(PackedTreeAppendTest, EqualKeysStayInOrder) {
  Elements elements;
  for (int i = 0; i < 1500; i++) elements.emplace_back(1.0, fmt::format("{:06}", i));
  if (GetParam() == NodeKey::kNone) {
    for (auto& [key, bytes] : elements) key = 0;
  }
  append(elements);
  EXPECT_EQ(tree().check().value_or("nothing"), "nothing");
  EXPECT_TRUE(all() == elements);
}

// Nodes are full, so there are few: what loading takes in memory.
TEST_P(PackedTreeAppendTest, NodesAreFull) {
  Elements elements;
  size_t bytes = 0;
  for (int i = 0; i < 50'000; i++) {
    elements.emplace_back(GetParam() == NodeKey::kNone ? 0 : i, fmt::format("element {:06}", i));
    bytes += elements.back().second.size();
  }
  append(elements);
  const size_t per_element = 2 + key_bytes(GetParam());
  EXPECT_LT(root_.node_bytes * 10, (bytes + elements.size() * per_element) * 11);
}

INSTANTIATE_TEST_SUITE_P(Keys, PackedTreeAppendTest,
                         ::testing::Values(NodeKey::kNone, NodeKey::kHash, NodeKey::kScore));

}  // namespace
}  // namespace cowslip::store
