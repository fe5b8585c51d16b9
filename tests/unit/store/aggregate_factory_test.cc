// Entries of aggregates: blobs that change under snapshots, trees that move, are copied and go with their entries.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "store/database.h"
#include "store/listpack.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/store/frozen_bytes.h"

namespace cowslip::store {
namespace {

constexpr uint64_t kSeed = 42;

class AggregateFactoryTest : public ::testing::Test {
 protected:
  memory::ChunkPool pool_{{.address_space_bytes = 1ull << 33, .keeper = false}};
  DatabaseContents contents_{pool_, kSeed, 0, false};
  EntryFactory& factory_ = contents_.factory;

  void index(Entry* entry) { contents_.index.insert(contents_.index.hash(entry->key()), entry, 0); }
  Entry* find(std::string_view key) { return contents_.index.find(key, contents_.index.hash(key)).entry(); }

  // As an editor of a set would do it.
  Entry* add(Entry* entry, const std::string& member) {
    AggregateRoot root = entry->aggregate();
    PackedTree tree(factory_.nodes(), root.first, EntryFactory::tree_key(entry->type()),
                    static_cast<uint32_t>(root.object));
    const double hash = static_cast<uint32_t>(contents_.index.hash(member));
    char* const at = entry->type() == ObjectType::kList ? tree.insert(tree.end(), member.size())
                                                        : tree.insert(hash, member, member.size());
    member.copy(at, member.size());
    if (entry->type() == ObjectType::kSortedSet) {
      PackedTree by_score(factory_.nodes(), root.second, NodeKey::kScore, static_cast<uint32_t>(root.object));
      member.copy(by_score.insert(static_cast<double>(member.size()), member, member.size()), member.size());
    }
    return factory_.with_aggregate(entry, root);
  }
  Entry* make(const std::string& key, ObjectType type, int members) {
    const Encoding encoding = type == ObjectType::kList        ? Encoding::kQuicklist
                              : type == ObjectType::kSortedSet ? Encoding::kSkiplist
                                                               : Encoding::kHashtable;
    Entry* entry = factory_.make_aggregate(key, type, encoding, kNoExpiry);
    for (int i = 0; i < members; i++) entry = add(entry, fmt::format("{}:{:06}:{}", key, i, std::string(i % 30, 'x')));
    return entry;
  }
  uint64_t sum(const Entry& entry) {
    AggregateRoot root = entry.aggregate();
    const auto key = EntryFactory::tree_key(entry.type());
    const PackedTree tree(factory_.nodes(), root.first, key, static_cast<uint32_t>(root.object));
    EXPECT_EQ(tree.check().value_or("nothing"), "nothing");
    if (entry.type() == ObjectType::kSortedSet) {
      const PackedTree second(factory_.nodes(), root.second, NodeKey::kScore, static_cast<uint32_t>(root.object));
      EXPECT_EQ(second.check().value_or("nothing"), "nothing");
      EXPECT_EQ(second.size(), tree.size());
    }
    uint64_t total = 0;
    tree.for_each(0, [&](KeyValue, std::string_view bytes) {
      total += contents_.index.hash(bytes);
      return true;
    });
    return total;
  }
};

TEST_F(AggregateFactoryTest, BlobsChangeAndSnapshotsKeepWhatTheyHad) {
  Random random(test_seed());
  ListpackBuilder builder;
  builder.append(StringView("first"));
  Entry* entry = factory_.make_blob("key", ObjectType::kList, Encoding::kListpack, builder.finish(), kNoExpiry);
  for (int round = 0; round < 2000; round++) {
    const Listpack now(entry->blob());
    const std::string value(random.below(30), 'v');
    const StringView element(value);
    const bool erase = now.count() > 1 && random.below(3) == 0;
    const ListpackPlace place = now.at(static_cast<int64_t>(random.below(now.count())));
    const ListpackSplice splice =
        erase ? ListpackSplice{.offset = place, .removed = now.element_bytes(place), .elements = -1}
              : ListpackSplice{.offset = place, .inserted = listpack_element_bytes(element), .elements = 1};
    const std::string before(entry->blob());
    const char* const old = entry->blob().data();
    const bool snapshot = round % 10 == 0;
    if (snapshot) pool_.begin_snapshot();
    const size_t length = before.size();
    entry = factory_.writable_blob(entry, splice.length_after(length));
    if (snapshot) {
      EXPECT_NE(entry->blob().data(), old);
    }
    splice_listpack(EntryFactory::blob_of(*entry), length, splice);
    if (!erase) put_listpack_element(EntryFactory::blob_of(*entry) + splice.offset, element);
    factory_.resize_blob(*entry, splice.length_after(length), splice.offset);
    if (snapshot) {
      if (!kSanitized) {
        EXPECT_EQ(std::string_view(old, length), before);
      }
      pool_.end_snapshot();
    }
    ASSERT_TRUE(valid_listpack(entry->blob()));
  }
  EXPECT_EQ(entry->key(), "key");
  EXPECT_GT(Listpack(entry->blob()).count(), 100u);
  EXPECT_TRUE(entry->value_block() != nullptr || entry->blob().size() <= kInlineValueBytes);
  factory_.free(entry);
  EXPECT_EQ(contents_.arena.blocks(memory::BlockKind::kEntry), 0u);
  EXPECT_EQ(contents_.arena.blocks(memory::BlockKind::kLargeValue), 0u);
}

TEST_F(AggregateFactoryTest, TreesAreCopiedRenamedAndFreedWithTheirEntries) {
  for (const ObjectType type : {ObjectType::kList, ObjectType::kHash, ObjectType::kSet, ObjectType::kSortedSet}) {
    Entry* entry = make("key", type, 3000);
    const uint64_t expected = sum(*entry);
    EXPECT_EQ(entry->aggregate().elements(), 3000u);
    EXPECT_GT(entry->memory_bytes(pool_), 3000u * 15);
    Entry* twin = factory_.copy(*entry, "twin", 99);
    EXPECT_NE(twin->aggregate().object, entry->aggregate().object);
    EXPECT_EQ(sum(*twin), expected);
    entry = factory_.with_key(entry, std::string(300, 'k'));
    entry = factory_.with_expiry(entry, 1234);
    entry = add(entry, "one more");
    EXPECT_EQ(sum(*twin), expected);
    EXPECT_EQ(twin->expire_at_ms(), 99);
    factory_.free(entry);
    EXPECT_EQ(sum(*twin), expected);
    factory_.free(twin);
    EXPECT_EQ(contents_.arena.blocks(memory::BlockKind::kNode), 0u);
    EXPECT_EQ(contents_.arena.blocks(memory::BlockKind::kEntry), 0u);
  }
}

TEST_F(AggregateFactoryTest, NodesLeaveSparseChunks) {
  constexpr int kAggregates = 400;
  const auto type_of = [](int i) {
    return i % 3 == 0 ? ObjectType::kList : i % 3 == 1 ? ObjectType::kHash : ObjectType::kSortedSet;
  };
  std::vector<uint64_t> expected(kAggregates);
  for (int i = 0; i < kAggregates; i++) {
    Entry* entry = make(fmt::format("key:{}", i), type_of(i), 800);
    expected[static_cast<size_t>(i)] = sum(*entry);
    index(entry);
  }
  for (int i = 0; i < kAggregates; i++) {
    if (i % 10 == 0) continue;
    const std::string key = fmt::format("key:{}", i);
    const uint64_t hash = contents_.index.hash(key);
    factory_.free(contents_.index.erase(contents_.index.find(key, hash), hash));
  }
  const uint64_t before = contents_.arena.chunk_bytes();
  const EvacuationLimits limits{.tolerated_share = 0.05, .tolerated_bytes = 1 << 20};
  for (int slices = 0; slices < 10'000 && contents_.evacuation.wanted(limits); slices++) {
    contents_.evacuation.step(limits, SystemClock().monotonic_us() + 500);
  }
  EXPECT_GT(contents_.evacuation.statistics().nodes_moved, 100u);
  EXPECT_LT(contents_.arena.chunk_bytes(), before / 3 * 2) << "what is left is mostly slabs that nodes of a size need";
  for (int i = 0; i < kAggregates; i += 10) {
    EXPECT_EQ(sum(*find(fmt::format("key:{}", i))), expected[static_cast<size_t>(i)]);
  }
}

}  // namespace
}  // namespace cowslip::store
