// Packed trees against a vector: random changes, snapshots in between, whose nodes nobody may write.
#include "store/packed_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "memory/chunk_pool.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

struct Element {
  KeyValue key = 0;
  std::string bytes;
  friend bool operator==(const Element&, const Element&) = default;
};

// In a tree by hash the elements of one hash are in no order: by bytes here, for comparing.
bool comes_before(const Element& a, const Element& b) {
  return a.key != b.key ? a.key < b.key : a.bytes < b.bytes;
}

class Fixture {
 public:
  explicit Fixture(NodeKey key, TreeLimits limits = {}) : key_(key), limits_(limits) {}
  ~Fixture() {
    tree().clear();
    EXPECT_EQ(arena.blocks(memory::BlockKind::kNode), 0u);
    if (pool.snapshot_running()) pool.end_snapshot();
  }

  PackedTree tree() { return PackedTree(space, root, key_, 7, limits_); }

  std::vector<Element> all(TreeRoot of) {
    const PackedTree tree(space, of, key_, 7, limits_);
    std::vector<Element> elements;
    tree.for_each(0, [&](KeyValue key, std::string_view bytes) {
      elements.push_back({key, std::string(bytes)});
      return true;
    });
    if (key_ == NodeKey::kHash) std::ranges::sort(elements, comes_before);
    return elements;
  }

  memory::ChunkPool pool{{.address_space_bytes = 1ull << 32, .keeper = false}};
  memory::Arena arena{pool};
  NodeSpace space{arena};
  TreeRoot root;

 private:
  NodeKey key_;
  TreeLimits limits_;
};

// A tree and what should be in it.
class Model {
 public:
  Model(NodeKey key, uint64_t seed, TreeLimits limits = {}) : key_(key), random_(seed), fixture(key, limits) {}

  void insert() {
    Element element = made_up();
    PackedTree tree = fixture.tree();
    if (key_ == NodeKey::kNone) {
      const size_t rank = random_.below(elements.size() + 1);
      char* const at = tree.insert(rank == elements.size() ? tree.end() : tree.at(rank), element.bytes.size());
      element.bytes.copy(at, element.bytes.size());
      elements.insert(elements.begin() + static_cast<ptrdiff_t>(rank), element);
      return;
    }
    const auto place = std::ranges::lower_bound(elements, element, comes_before);
    if (place != elements.end() && *place == element) return;
    element.bytes.copy(tree.insert(element.key, element.bytes, element.bytes.size()), element.bytes.size());
    elements.insert(place, element);
  }

  void erase() {
    if (elements.empty()) return;
    const size_t rank = random_.below(elements.size());
    fixture.tree().erase(place_of(rank));
    elements.erase(elements.begin() + static_cast<ptrdiff_t>(rank));
  }

  // Of a list, other bytes; elsewhere the same ones written again, with a tail behind what orders them.
  void replace() {
    if (elements.empty() || key_ == NodeKey::kScore) return;
    const size_t rank = random_.below(elements.size());
    Element& element = elements[rank];
    const std::string bytes = key_ == NodeKey::kNone ? made_up().bytes : element.bytes + "+";
    bytes.copy(fixture.tree().replace(place_of(rank), bytes.size()), bytes.size());
    element.bytes = bytes;
    if (key_ == NodeKey::kHash) std::ranges::sort(elements, comes_before);
  }

  // Ranks are those of the model; equal hashes are looked for.
  PackedTree::Place place_of(size_t rank) {
    PackedTree tree = fixture.tree();
    if (key_ != NodeKey::kHash) return tree.at(rank);
    PackedTree::Place place = tree.lower_bound(elements[rank].key);
    while (place.bytes() != elements[rank].bytes) tree.next(place);
    return place;
  }

  void expect_equal() {
    PackedTree tree = fixture.tree();
    EXPECT_EQ(tree.check().value_or("nothing"), "nothing");
    ASSERT_EQ(tree.size(), elements.size());
    EXPECT_TRUE(fixture.all(fixture.root) == elements);
    if (elements.empty()) return;
    for (int i = 0; i < 5; i++) {
      const size_t rank = random_.below(elements.size());
      const PackedTree::Place place = tree.at(rank);
      EXPECT_EQ(tree.rank(place), rank);
      if (key_ != NodeKey::kHash) {
        EXPECT_EQ(place.bytes(), elements[rank].bytes);
      }
      PackedTree::Place other = place;
      tree.next(other);
      if (rank + 1 == elements.size()) {
        EXPECT_TRUE(tree.is_end(other));
      } else {
        EXPECT_EQ(tree.rank(other), rank + 1);
        tree.previous(other);
        EXPECT_EQ(other.bytes(), place.bytes());
      }
    }
    if (key_ == NodeKey::kScore) expect_bounds();
  }

  void expect_bounds() {
    PackedTree tree = fixture.tree();
    for (int i = 0; i < 5; i++) {
      const Element bound = made_up();
      const auto expected = std::ranges::lower_bound(elements, bound, comes_before) - elements.begin();
      const PackedTree::Place place = tree.lower_bound(bound.key, bound.bytes);
      EXPECT_EQ(tree.rank(place), static_cast<uint64_t>(expected));
      EXPECT_EQ(tree.is_end(place), static_cast<size_t>(expected) == elements.size());
    }
  }

  void step(int growing) {
    const uint64_t dice = random_.below(100);
    if (dice < 5) {
      replace();
    } else if (dice < 50 + static_cast<uint64_t>(growing)) {
      insert();
    } else {
      erase();
    }
  }

 private:
  Element made_up() {
    const uint64_t dice = random_.below(1000);
    const size_t length = dice < 2 ? random_.below(3 * PackedTree::kLongestInside) : random_.below(40);
    Element element;
    const uint64_t number = random_.below(100'000);
    element.bytes = fmt::format("{}", number) + std::string(length, static_cast<char>('a' + number % 3));
    if (key_ == NodeKey::kHash) element.key = static_cast<double>(number % 7'000);
    if (key_ == NodeKey::kScore) element.key = number % 3 == 0 ? 0 : static_cast<double>(number % 500) - 250.5;
    return element;
  }

  NodeKey key_;
  Random random_;

 public:
  Fixture fixture;
  std::vector<Element> elements;
};

class PackedTreeTest : public ::testing::TestWithParam<NodeKey> {};
INSTANTIATE_TEST_SUITE_P(
    Keys, PackedTreeTest, ::testing::Values(NodeKey::kNone, NodeKey::kHash, NodeKey::kScore), [](const auto& test) {
      return std::string(test.param == NodeKey::kNone ? "Position" : test.param == NodeKey::kHash ? "Hash" : "Score");
    });

TEST_P(PackedTreeTest, IsWhatAVectorIs) {
  Model model(GetParam(), test_seed(), {.leaf_bytes = 256, .inner_bytes = 300});
  for (int round = 0; round < 60; round++) {
    // Up, down to nothing, up again.
    const int growing = round % 20 < 12 ? 20 : -40;
    for (int i = 0; i < 200; i++) model.step(growing);
    model.expect_equal();
    if (HasFailure()) return;
  }
}

TEST_P(PackedTreeTest, ASnapshotKeepsWhatItHad) {
  Model model(GetParam(), test_seed(), {.leaf_bytes = 300, .inner_bytes = 300});
  for (int round = 0; round < 20; round++) {
    for (int i = 0; i < 300; i++) model.step(20);
    const TreeRoot frozen = model.fixture.root;
    const std::vector<Element> before = model.fixture.all(frozen);
    model.fixture.pool.begin_snapshot();
    for (int i = 0; i < 400; i++) model.step(round % 3 == 0 ? -40 : 5);
    // What was let go may be read by a child only, which a sanitizer does not know of.
    if (!kSanitized) {
      EXPECT_TRUE(model.fixture.all(frozen) == before) << "what a child reads was written";
    }
    model.expect_equal();
    model.fixture.pool.end_snapshot();
    if (HasFailure()) return;
  }
}

TEST_P(PackedTreeTest, GrowsAtItsEndWithFullLeaves) {
  Fixture fixture(GetParam());
  PackedTree tree = fixture.tree();
  uint64_t bytes = 0;
  for (int i = 0; i < 20'000; i++) {
    const std::string name = fmt::format("{:010}", i);
    char* const at =
        GetParam() == NodeKey::kNone ? tree.insert(tree.end(), name.size()) : tree.insert(i, name, name.size());
    name.copy(at, name.size());
    bytes += name.size();
  }
  EXPECT_EQ(tree.check().value_or("nothing"), "nothing");
  const double overhead = static_cast<double>(fixture.root.node_bytes - bytes) / 20'000;
  EXPECT_LT(overhead, static_cast<double>(key_bytes(GetParam())) + 2 + 2.5);
}

TEST(PackedTreeHash, EqualHashesStayTogether) {
  Fixture fixture(NodeKey::kHash);
  PackedTree tree = fixture.tree();
  const auto insert = [&](double hash, const std::string& name) {
    name.copy(tree.insert(hash, name, name.size()), name.size());
  };
  for (int i = 0; i < 100; i++) insert(i, std::string(50, 'x'));
  for (int i = 0; i < 200; i++) insert(50, fmt::format("{:040}", i));
  EXPECT_EQ(tree.check().value_or("nothing"), "nothing");
  std::vector<std::string> found;
  for (PackedTree::Place place = tree.lower_bound(50); place.key() == 50; tree.next(place)) {
    found.emplace_back(place.bytes());
  }
  EXPECT_EQ(found.size(), 201u);
}

}  // namespace
}  // namespace cowslip::store
