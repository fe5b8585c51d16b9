// Aggregates of every form in a file of ours, as Debian's redis-server finds them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/numbers.h"
#include "persistence/rdb_saver.h"
#include "store/hash.h"
#include "store/list.h"
#include "store/set.h"
#include "store/sorted_set.h"
#include "tests/support/harness.h"
#include "tests/support/rdb_tools.h"
#include "tests/support/server_process.h"
#include "tests/unit/persistence/keyspace_fixture.h"

namespace cowslip::persistence {
namespace {

using store::StringView;
using testing::Reply;

std::string text(const StringView& value) {
  StringView::Scratch scratch;
  return std::string(value.text(scratch));
}

std::string made_up(Random& random) {
  const uint64_t number = random.below(100'000);
  switch (random.below(8)) {
    case 0:
      return std::to_string(number);
    case 1:
      return std::to_string(-static_cast<int64_t>(random.next() >> 1));
    case 2:
      return "";
    case 3:
      return std::string(random.below(200), static_cast<char>(random.below(256)));
    case 4:
      return random.below(30) == 0 ? std::string(20'000 + number, 'l') : "l";
    default:
      return fmt::format("element {}", number);
  }
}

double made_up_score(Random& random) {
  switch (random.below(6)) {
    case 0:
      return HUGE_VAL;
    case 1:
      return -HUGE_VAL;
    case 2:
      return static_cast<double>(random.below(1000)) / 7;
    case 3:
      return 1e300 * random.unit();
    default:
      return static_cast<double>(random.below(100));
  }
}

// What the key holds, element by element; of what has no order, sorted.
using Elements = std::vector<std::string>;

Elements pairs_sorted(Elements flat) {
  Elements pairs;
  for (size_t i = 0; i + 1 < flat.size(); i += 2) pairs.push_back(flat[i] + '\0' + flat[i + 1]);
  std::ranges::sort(pairs);
  return pairs;
}

Elements ours(const store::Entry& entry) {
  Elements found;
  switch (entry.type()) {
    case store::ObjectType::kList:
      store::ListView(entry).for_each_from(0, store::ListEnd::kTail, [&](const StringView& element) {
        found.push_back(text(element));
        return true;
      });
      return found;
    case store::ObjectType::kSet:
      store::SetView(entry).for_each([&](const StringView& member) { found.push_back(text(member)); });
      std::ranges::sort(found);
      return found;
    case store::ObjectType::kHash:
      store::HashView(entry).for_each([&](const StringView& field, const StringView& value) {
        found.push_back(text(field));
        found.push_back(text(value));
      });
      return pairs_sorted(found);
    default:
      store::SortedSetView(entry).for_each_from(0, true, [&](const store::ScoredMember& scored) {
        found.push_back(text(scored.member));
        found.push_back(format_double(scored.score));
        return true;
      });
      return found;
  }
}

Elements theirs(testing::Client& client, const std::string& key, store::ObjectType type) {
  const Reply reply = type == store::ObjectType::kList   ? client("LRANGE", key, "0", "-1")
                      : type == store::ObjectType::kSet  ? client("SMEMBERS", key)
                      : type == store::ObjectType::kHash ? client("HGETALL", key)
                                                         : client("ZRANGE", key, "0", "-1", "WITHSCORES");
  Elements found;
  for (const Reply& element : reply.elements) found.push_back(element.text);
  if (type == store::ObjectType::kSet) std::ranges::sort(found);
  if (type == store::ObjectType::kHash) return pairs_sorted(found);
  if (type == store::ObjectType::kSortedSet) {
    for (size_t i = 1; i < found.size(); i += 2) found[i] = format_double(parse_double(found[i]).value_or(NAN));
  }
  return found;
}

void add_one(store::Database& db, const std::string& key, store::ObjectType type, Random& random) {
  const std::string element =
      type == store::ObjectType::kSet && key.ends_with('0') ? std::to_string(random.below(99'999)) : made_up(random);
  switch (type) {
    case store::ObjectType::kList:
      return store::ListEditor(db, key).push(random.below(2) == 0 ? store::ListEnd::kHead : store::ListEnd::kTail,
                                             element);
    case store::ObjectType::kSet:
      return (void)store::SetEditor(db, key).add(element);
    case store::ObjectType::kHash:
      return (void)store::HashEditor(db, key).set(element, made_up(random));
    default:
      return (void)store::SortedSetEditor(db, key).set(element, made_up_score(random));
  }
}

TEST(AggregateInterop, RedisFindsWhatWeSaved) {
  Random random(testing::announced_seed("AggregateInterop.RedisFindsWhatWeSaved"));
  auto keyspace = make_keyspace();
  keyspace->set_now_ms(SystemClock().unix_ms());
  store::Database& db = keyspace->database(0);
  constexpr store::ObjectType kTypes[] = {store::ObjectType::kList, store::ObjectType::kSet, store::ObjectType::kHash,
                                          store::ObjectType::kSortedSet};
  const auto type_of = [&](size_t i) { return kTypes[i % 4]; };
  constexpr size_t kKeys = 160;
  for (size_t i = 0; i < kKeys; i++) {
    const std::string key = fmt::format("key:{}", i);
    const uint64_t elements = i % 3 == 0 ? 1 + random.below(20) : i % 3 == 1 ? 100 + random.below(100) : 3000;
    for (uint64_t e = 0; e < elements; e++) add_one(db, key, type_of(i), random);
    if (i % 5 == 0) db.set_expiry(key, keyspace->now_ms() + 1'000'000);
  }
  testing::ServerProcess redis({.binary = testing::kRedisBinary});
  redis.kill_hard();
  auto saved = save_rdb_file(*keyspace, real_file_system(), redis.snapshot_path(), {.now_ms = keyspace->now_ms()});
  ASSERT_TRUE(saved.has_value()) << saved.error().message;
  EXPECT_EQ(testing::check_rdb(redis.snapshot_path()), "");
  redis.start_again();
  testing::Client client = redis.client();
  EXPECT_EQ(client("DBSIZE"), Reply::of_integer(kKeys));
  for (size_t i = 0; i < kKeys; i++) {
    const std::string key = fmt::format("key:{}", i);
    const store::Entry& entry = *db.find(key);
    EXPECT_TRUE(theirs(client, key, type_of(i)) == ours(entry)) << key;
    EXPECT_EQ(client("PTTL", key).integer > 0, entry.has_expiry());
  }
}

}  // namespace
}  // namespace cowslip::persistence
