// A snapshot is the dataset of one moment, key for key, whatever is written while it is made.
//
// One connection writes at random and keeps a model of what the server holds. Its commands are executed in order, so
// the model at the BGSAVE it sends is what the file has to hold: that is kept aside, and writing goes on at full speed
// until the save ends. The save is slowed down until enough was written while the child was at work. Beside the writer,
// another client waits for keys that the writer makes.
//
// COWSLIP_SEED repeats a run's choices (how many of its commands fall into a save is up to the machine);
// COWSLIP_EXACTNESS_ROUNDS makes runs longer.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <iostream>
#include <string_view>
#include <vector>

#include "tests/exactness/writer.h"
#include "tests/support/rdb_tools.h"

namespace cowslip::testing {
namespace {

constexpr size_t kLeastWritesDuringSave = 5000;
constexpr int kMostAttempts = 8;

// What happens in a round, besides writing.
enum class Round {
  kSave,         // BGSAVE
  kChildHeld,    // the child is stopped in the middle of its work, while much is written
  kSaveAfter,    // then SAVE
  kReloadAfter,  // then DEBUG RELOAD
  kChildKilled,  // the save is ended from outside ...
  kCancelled,    // ... or by BGSAVE CANCEL ...
  kFlushedAll,   // ... or by FLUSHALL; and a new one follows at once
};
constexpr Round kRounds[] = {Round::kSave,      Round::kChildHeld,   Round::kChildKilled, Round::kSaveAfter,
                             Round::kCancelled, Round::kReloadAfter, Round::kFlushedAll};

// How many there are, and what the greatest is.
std::string describe_aggregates(const Contents& contents) {
  size_t count = 0, most = 0;
  for (const Keys& keys : contents) {
    for (const auto& [key, value] : keys) {
      if (!value.elements) continue;
      count++;
      most = std::max({most, value.elements->list.size(), value.elements->pairs.size()});
    }
  }
  return fmt::format("{} aggregates of up to {} elements", count, most);
}

void expect_same(const Frozen& expected, const Contents& found) {
  const std::string text = difference(expected, found);
  EXPECT_TRUE(text.empty()) << text;
}

class Exactness {
 public:
  Exactness(uint64_t seed, size_t keys) : random_(seed), writer_(server_, random_.next(), keys), keys_(keys) {}

  // Without one of the policies that make a snapshot cheap: it must be exact all the same.
  void switch_off(std::string_view policy);
  void run(Round round);
  // The file of the last round, as redis-server and redis-check-rdb see it.
  void expect_redis_agrees();
  void expect_live_data();
  void expect_waits();

 private:
  void prepare();
  void save_under_writes(bool hold_child);
  void save_again_after(Round interruption);
  Frozen start_save();
  size_t write_until_end(bool hold_child);
  size_t write_while_held();
  void interrupt(Round interruption);
  void expect_file(const Frozen& frozen);
  // The child waits a microsecond, which the kernel makes about sixty, so many times in all.
  void slow_down(size_t waits);
  void set_key_delay(int64_t delay_us);
  Reply ask(const Arguments& command) { return server_.client().command(command); }

  Random random_;
  const ServerProcess server_;
  Writer writer_;
  size_t keys_;
  size_t waits_ = 3000;
  size_t waits_during_saves_ = 0;
  Frozen last_saved_;
};

void Exactness::set_key_delay(int64_t delay_us) {
  ASSERT_TRUE(ask({"CONFIG", "SET", "rdb-key-save-delay", std::to_string(delay_us)}).is_ok());
}

void Exactness::switch_off(std::string_view policy) {
  ASSERT_TRUE(ask({"DEBUG", "SNAPSHOT-POLICY", std::string(policy), "0"}).is_ok());
}

void Exactness::slow_down(size_t waits) {
  const auto waits_per_key = static_cast<int64_t>(waits / keys_);
  // More than one wait for each key is one long wait.
  set_key_delay(waits_per_key > 0 ? 60 * waits_per_key : -static_cast<int64_t>(keys_ / waits));
}

void Exactness::prepare() {
  if (random_.below(4) == 0) writer_.send({"FLUSHALL", random_.below(2) == 0 ? "SYNC" : "ASYNC"});
  writer_.fill();
  writer_.write(random_.below(3000));
}

// Of an ended save the server may still have to be told.
Frozen Exactness::start_save() {
  std::optional<Frozen> frozen;
  if (!eventually([&] { return (frozen = writer_.start_save()).has_value(); })) {
    throw HarnessFailure("the save before does not end");
  }
  return std::move(*frozen);
}

// Returns how many writes the child was alive for.
size_t Exactness::write_while_held() {
  const pid_t child = server_.child();
  if (child == 0 || ::kill(child, SIGSTOP) != 0) return 0;
  writer_.write(2 * kLeastWritesDuringSave);
  const bool alive = info_number(server_.info("persistence"), "rdb_bgsave_in_progress") == 1;
  ::kill(child, SIGCONT);
  return alive ? 2 * kLeastWritesDuringSave : 0;
}

// Returns how many writes were done before the child had gone through all keys, as far as it had reported.
size_t Exactness::write_until_end(bool hold_child) {
  const size_t hold_after = random_.below(1000);
  size_t written = 0;
  size_t overlapping = 0, served = 0;
  const size_t served_before = writer_.waits_served();
  for (;;) {
    writer_.write(100);
    written += 100;
    const std::string info = server_.info("persistence");
    if (info_number(info, "rdb_bgsave_in_progress") == 0) break;
    const bool at_work =
        info_number(info, "current_save_keys_processed") < info_number(info, "current_save_keys_total");
    if (at_work) {
      overlapping = written;
      served = writer_.waits_served() - served_before;
    }
    if (hold_child && written >= hold_after) {
      written += write_while_held();
      hold_child = false;
    }
  }
  EXPECT_EQ(info_field(server_.info("persistence"), "rdb_last_bgsave_status"), "ok");
  waits_during_saves_ += served;
  return overlapping;
}

void Exactness::expect_file(const Frozen& frozen) {
  expect_same(frozen, read_snapshot(read_file(server_.snapshot_path())));
  last_saved_ = frozen;
}

void Exactness::save_under_writes(bool hold_child) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt, waits_ *= 2) {
    prepare();
    slow_down(waits_);
    const Frozen frozen = start_save();
    const size_t overlapping = write_until_end(hold_child);
    expect_file(frozen);
    std::cout << fmt::format("{} keys saved ({}), {} perhaps expired before; {} writes during the save{}\n",
                             key_count(frozen.contents), describe_aggregates(frozen.contents), undecided_keys(frozen),
                             overlapping, overlapping < kLeastWritesDuringSave ? ": too few, does not count" : "");
    if (overlapping >= kLeastWritesDuringSave || ::testing::Test::HasFailure()) return;
  }
  FAIL() << "the child is always done before much is written";
}

void Exactness::interrupt(Round interruption) {
  if (interruption == Round::kCancelled) {
    ASSERT_EQ(ask({"BGSAVE", "CANCEL"}), Reply::simple("Background saving cancelled"));
  } else if (interruption == Round::kFlushedAll) {
    writer_.send({"FLUSHALL", random_.below(2) == 0 ? "SYNC" : "ASYNC"});
  } else {
    const pid_t child = server_.child();
    ASSERT_NE(child, 0);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
  }
}

void Exactness::save_again_after(Round interruption) {
  prepare();
  set_key_delay(1'000'000);
  const std::string old_file = read_file(server_.snapshot_path());
  start_save();
  writer_.write(1000 + random_.below(2000));
  slow_down(waits_);
  interrupt(interruption);
  if (random_.below(2) == 0) {
    wait_for_save(server_);
    EXPECT_TRUE(read_file(server_.snapshot_path()) == old_file) << "the ended save has touched the file";
  }
  if (random_.below(2) == 0) writer_.fill();  // after a FLUSHALL there is little to save
  const Frozen frozen = start_save();
  write_until_end(false);
  expect_file(frozen);
  std::cout << fmt::format("{} keys saved after a save that was ended\n", key_count(frozen.contents));
}

void Exactness::run(Round round) {
  switch (round) {
    case Round::kSave:
      return save_under_writes(false);
    case Round::kChildHeld:
      return save_under_writes(true);
    case Round::kSaveAfter:
      save_under_writes(false);
      writer_.write(random_.below(1000));
      set_key_delay(0);
      EXPECT_TRUE(ask({"SAVE"}).is_ok());
      return expect_file(writer_.now());
    case Round::kReloadAfter:
      save_under_writes(true);
      writer_.write(random_.below(1000));
      set_key_delay(0);
      EXPECT_TRUE(ask({"DEBUG", "RELOAD"}).is_ok());
      return expect_file(writer_.now());
    default:
      return save_again_after(round);
  }
}

void Exactness::expect_redis_agrees() {
  const std::string bytes = read_file(server_.snapshot_path());
  EXPECT_EQ(check_rdb(server_.snapshot_path()), "");
  const ServerProcess redis({.binary = kRedisBinary, .snapshot = bytes});
  const Contents found = read_server(redis);
  last_saved_.passed_ms = unix_ms();  // it leaves out what has expired since
  expect_same(last_saved_, found);
}

void Exactness::expect_live_data() {
  const Contents found = read_server(server_);
  expect_same(writer_.now(), found);
}

void Exactness::expect_waits() {
  std::cout << fmt::format("{} waits were served, {} during saves\n", writer_.waits_served(), waits_during_saves_);
  EXPECT_GT(waits_during_saves_, 0u);
}

// ---- the tests ----

void run_rounds(size_t keys, int64_t usual_rounds, const std::vector<std::string_view>& without = {}) {
  const uint64_t seed = announced_seed("Exactness");
  const int64_t rounds = environment_integer("COWSLIP_EXACTNESS_ROUNDS", usual_rounds);
  Exactness exactness(seed, keys);
  for (const std::string_view policy : without) exactness.switch_off(policy);
  for (int64_t i = 0; i < rounds; ++i) {
    exactness.run(kRounds[static_cast<size_t>(i) % std::size(kRounds)]);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "in round " << i << " of COWSLIP_SEED=" << seed;
  }
  exactness.expect_redis_agrees();
  exactness.expect_live_data();
  exactness.expect_waits();
}

TEST(Exactness, ThousandsOfKeys) {
  run_rounds(4000, std::size(kRounds));
}

TEST(Exactness, TensOfThousandsOfKeys) {
  run_rounds(25'000, std::size(kRounds));
}

TEST(Exactness, AHundredThousandKeys) {
  run_rounds(100'000, 3);
}

// ---- where the policies of the memory engine are switched off ----

TEST(Exactness, WithoutHugePages) {
  run_rounds(10'000, 3, {"huge-pages"});
}

TEST(Exactness, WithoutFreshWrites) {
  run_rounds(10'000, std::size(kRounds), {"fresh-writes"});
}

TEST(Exactness, WithoutDismissal) {
  run_rounds(10'000, 3, {"dismissal"});
}

TEST(Exactness, WithAnIndexThatTheChildInherits) {
  run_rounds(10'000, 3, {"unshared-index"});
}

TEST(Exactness, WithoutAnyOfThem) {
  run_rounds(10'000, std::size(kRounds), {"huge-pages", "fresh-writes", "dismissal", "unshared-index"});
}

// What nobody has found to be expired is in memory, so it is in the file.
TEST(Exactness, ExpiredKeysThatNobodyFoundAreSaved) {
  const ServerProcess server;
  Client client = server.client();
  ASSERT_TRUE(client("DEBUG", "SET-ACTIVE-EXPIRE", "0").is_ok());
  Frozen frozen;
  for (int i = 0; i < 500; ++i) {
    const std::string key = "key:" + std::to_string(i);
    const int64_t expire_at_ms = unix_ms() + i % 50;
    ASSERT_TRUE(client("SET", key, "v", "PXAT", std::to_string(expire_at_ms)).is_ok());
    frozen.contents[0][key] = {.text = "v", .expire_at_ms = expire_at_ms};
  }
  sleep_ms(100);
  ASSERT_EQ(background_save(server), "ok");
  expect_same(frozen, read_snapshot(read_file(server.snapshot_path())));
}

}  // namespace
}  // namespace cowslip::testing
