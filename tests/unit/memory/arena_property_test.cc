// Random work in several arenas, with real children that read and dismiss what they inherited, against a model that
// knows what every block must hold.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "memory/arena.h"
#include "memory/snapshot_reader.h"
#include "tests/unit/base/seed.h"
#include "tests/unit/memory/arena_inspector.h"

namespace cowslip::memory {
namespace {

struct Block {
  BlockKind kind;
  size_t capacity;
  uint64_t pattern;
  bool of_snapshot;  // it was there at the last fork
};
using Blocks = std::map<const char*, Block>;

// One word per 4 KiB, the first and the last: enough to tell overlaps, and fast with large blocks.
template <typename Visit>
void for_each_mark(const char* at, const Block& block, Visit&& visit) {
  for (size_t offset = 0; offset < block.capacity; offset += kPageBytes) visit(at + offset);
  visit(at + block.capacity - sizeof(uint64_t));
}

bool intact(const char* at, const Block& block) {
  bool same = true;
  for_each_mark(at, block, [&](const char* mark) { same &= std::memcmp(mark, &block.pattern, 8) == 0; });
  return same;
}

struct Database {
  explicit Database(ChunkPool& pool) : arena(std::make_unique<Arena>(pool)) {}
  std::unique_ptr<Arena> arena;
  Blocks blocks;
};

class ArenaProperty : public testing::TestWithParam<bool> {
 protected:
  static constexpr int kDatabases = 3;
  static constexpr int kSteps = 24'000;
  static constexpr int kTurn = 8'000;  // of growing and shrinking

  ArenaProperty() : pool_({.address_space_bytes = uint64_t{8} << 30, .keeper = GetParam()}) {
    for (int i = 0; i < kDatabases; i++) databases_.emplace_back(pool_);
  }
  ~ArenaProperty() override {
    if (child_ > 0) end_snapshot();
    for (std::thread& destroyer : destroyers_) destroyer.join();
  }

  Database& any_database() { return databases_[random_.below(kDatabases)]; }

  size_t any_size() {
    const uint64_t dice = random_.below(1000);
    if (dice == 0) return random_.below(5 * kChunkBytes);
    if (dice < 20) return random_.below(300'000);
    return random_.below(dice < 100 ? 20'000 : 400);
  }

  void allocate_some(Database& database) {
    for (uint64_t count = random_.below(20); count > 0; count--) {
      const auto kind = static_cast<BlockKind>(random_.below(kBlockKinds));
      ASSERT_NO_FATAL_FAILURE(allocate(database, kind, any_size()));
    }
  }

  void allocate(Database& database, BlockKind kind, size_t bytes) {
    auto* at = static_cast<char*>(database.arena->allocate(kind, bytes));
    const Block block{kind, pool_.capacity(at), random_.next(), false};
    ASSERT_GE(block.capacity, bytes);
    ASSERT_FALSE(pool_.frozen(at)) << "a new block must not be where the child still reads";
    ASSERT_FALSE(database.blocks.contains(at));
    for_each_mark(at, block, [&](const char* mark) { std::memcpy(const_cast<char*>(mark), &block.pattern, 8); });
    database.blocks[at] = block;
  }

  // The bytes stay until somebody else uses them, so overlaps show in both.
  void release(Database& database, Blocks::iterator at) {
    ASSERT_TRUE(intact(at->first, at->second));
    database.arena->release(const_cast<char*>(at->first));
    database.blocks.erase(at);
  }

  void release_some(Database& database) {
    if (database.blocks.empty()) return;
    auto at = database.blocks.lower_bound(pool_.base() + random_.below(highest() - pool_.base() + 1));
    // A few in a row, so that slabs and chunks become empty.
    for (uint64_t count = random_.below(40); count > 0 && at != database.blocks.end(); count--) {
      ASSERT_NO_FATAL_FAILURE(release(database, at++));
    }
  }

  const char* highest() const {
    const char* highest = pool_.base();
    for (const Database& database : databases_) {
      if (!database.blocks.empty()) highest = std::max(highest, database.blocks.rbegin()->first);
    }
    return highest;
  }

  // FLUSHALL, here or on another thread.
  void replace_arena(Database& database) {
    auto arena = std::exchange(database.arena, std::make_unique<Arena>(pool_));
    database.blocks.clear();
    if (random_.below(2) == 0) return;
    arena->retire();
    destroyers_.emplace_back([arena = std::move(arena)]() mutable { arena.reset(); });
  }

  void evacuate(Database& database) {
    const auto kind = static_cast<BlockKind>(random_.below(kBlockKinds));
    const auto chunk = database.arena->begin_evacuation(kind, 0.9);
    if (!chunk) return;
    const uint64_t before = database.arena->chunk_bytes();
    std::vector<void*> some;
    for (database.arena->blocks_of(*chunk, 50, some); !some.empty(); database.arena->blocks_of(*chunk, 50, some)) {
      for (void* block : some) {
        const auto at = database.blocks.find(static_cast<const char*>(block));
        ASSERT_NE(at, database.blocks.end());
        ASSERT_NO_FATAL_FAILURE(allocate(database, kind, at->second.capacity));
        ASSERT_NO_FATAL_FAILURE(release(database, at));
      }
      some.clear();
    }
    ASSERT_EQ(database.arena->chunk_bytes(), before - kChunkBytes) << "everything fitted into the others";
    database.arena->end_evacuation(*chunk);
    evacuations_++;
  }

  // ---- snapshots ----

  void begin_snapshot() {
    pool_.begin_snapshot();
    for (Database& database : databases_) {
      for (auto& [at, block] : database.blocks) block.of_snapshot = true;
    }
    const uint64_t dismiss_share = random_.below(3);  // nothing, half, everything
    child_ = ::fork();
    ASSERT_GE(child_, 0);
    if (child_ == 0) ::_exit(read_snapshot(dismiss_share));
  }

  // In the child: 0 when everything is as the model says.
  int read_snapshot(uint64_t dismiss_share) {
    Dismisser dismisser(pool_);
    for (Database& database : databases_) {
      size_t found = 0;
      for (int kind = 0; kind < kBlockKinds; kind++) {
        for (ChunkWalk walk(*database.arena, static_cast<BlockKind>(kind)); walk.next();) {
          bool same = true;
          walk.for_each_block([&](const void* block) {
            const auto at = database.blocks.find(static_cast<const char*>(block));
            same &= at != database.blocks.end() && intact(at->first, at->second);
            found++;
            // Values are read when their entries are, so one by one.
            if (dismiss_share == 2 && kind != 0 && same) dismisser.block_done(block);
          });
          if (!same) return 1;
          if (kind == 0 && random_.below(2) < dismiss_share) dismisser.chunk_done(walk.chunk());
        }
      }
      if (found != database.blocks.size()) return 2;
    }
    return 0;
  }

  void end_snapshot() {
    int status = 0;
    ::waitpid(child_, &status, 0);
    child_ = -1;
    snapshots_++;
    ASSERT_TRUE(WIFEXITED(status));
    ASSERT_EQ(WEXITSTATUS(status), 0) << "1: other contents, 2: blocks missing";
    pool_.end_snapshot();
    for (Database& database : databases_) {
      for (auto& [at, block] : database.blocks) {
        ASSERT_FALSE(pool_.frozen(at));
        block.of_snapshot = false;
      }
    }
  }

  // ---- what must hold at any time ----

  void check() {
    uint64_t used = 0;
    for (Database& database : databases_) {
      ASSERT_NO_FATAL_FAILURE(check(database));
      used += database.arena->used_bytes();
    }
    ASSERT_EQ(pool_.used_bytes(), used);
    if (child_ <= 0) return;
    for (const Database& database : databases_) {
      for (const auto& [at, block] : database.blocks) {
        ASSERT_FALSE(!block.of_snapshot && pool_.frozen(at));
      }
    }
  }

  void check(Database& database) {
    std::map<BlockKind, uint64_t> bytes, count;
    const char* end = nullptr;
    most_blocks_ = std::max(most_blocks_, database.blocks.size());
    for (const auto& [at, block] : database.blocks) {
      ASSERT_GE(at, end) << "blocks overlap";
      ASSERT_TRUE(intact(at, block));
      end = at + block.capacity;
      bytes[block.kind] += block.capacity;
      count[block.kind]++;
    }
    for (int i = 0; i < kBlockKinds; i++) {
      const auto kind = static_cast<BlockKind>(i);
      ASSERT_EQ(database.arena->used_bytes(kind), bytes[kind]);
      ASSERT_EQ(database.arena->blocks(kind), count[kind]);
    }
    if (child_ <= 0) ArenaInspector(*database.arena).expect_consistent();
  }

  void step() {
    Database& database = any_database();
    const uint64_t dice = random_.below(1000);
    if (dice == 0) return child_ > 0 ? end_snapshot() : begin_snapshot();
    if (dice == 1 && random_.below(10) == 0) return replace_arena(database);
    if (dice < 10 && child_ <= 0) return evacuate(database);
    if (dice < 12 && !GetParam()) return pool_.run_keeper();
    if (dice < 14) return check();
    // Grows and shrinks by turns.
    const bool growing = steps_ % kTurn < kTurn / 2;
    if (random_.below(10) < (growing ? 8 : 3)) return allocate_some(database);
    release_some(database);
  }

  ChunkPool pool_;
  std::vector<Database> databases_;
  std::vector<std::thread> destroyers_;
  Random random_{test_seed()};
  int steps_ = 0;
  // What the random steps came to: a test that never gets far tests nothing.
  int snapshots_ = 0;
  int evacuations_ = 0;
  size_t most_blocks_ = 0;
  pid_t child_ = -1;
};

TEST_P(ArenaProperty, AgreesWithAModel) {
  for (; steps_ < kSteps; steps_++) {
    ASSERT_NO_FATAL_FAILURE(step()) << "in step " << steps_;
  }
  if (child_ > 0) {
    ASSERT_NO_FATAL_FAILURE(end_snapshot());
  }
  ASSERT_NO_FATAL_FAILURE(check());
  EXPECT_GT(snapshots_, 1);
  EXPECT_GT(evacuations_, 0);
  EXPECT_GT(most_blocks_, 2000u);
  for (std::thread& destroyer : destroyers_) destroyer.join();
  destroyers_.clear();
  for (Database& database : databases_) {
    while (!database.blocks.empty()) release(database, database.blocks.begin());
  }
  EXPECT_EQ(pool_.used_bytes(), 0u);
  pool_.collect_empty_chunks();
  EXPECT_EQ(pool_.statistics().chunk_bytes, 0u) << "every chunk comes back";
}

INSTANTIATE_TEST_SUITE_P(WithAndWithoutThread, ArenaProperty, testing::Bool(),
                         [](const auto& with) { return with.param ? "keeper" : "by_hand"; });

}  // namespace
}  // namespace cowslip::memory
