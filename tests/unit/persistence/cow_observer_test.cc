// The copy-on-write figures against what /proc says to an outside observer.
#include "persistence/cow_observer.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "memory/arena.h"
#include "memory/process_memory.h"
#include "persistence/background_save.h"
#include "tests/support/harness.h"
#include "tests/unit/persistence/keyspace_fixture.h"

namespace cowslip::persistence {
namespace {

constexpr size_t kMegabyte = 1024 * 1024;

// Memory of the parent that a child shares until somebody writes. Small pages, so that one write copies 4 KiB.
class Pages {
 public:
  explicit Pages(size_t bytes)
      : bytes_(bytes),
        memory_(
            static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
    ::madvise(memory_, bytes_, MADV_NOHUGEPAGE);
    write(0, bytes_);
  }
  ~Pages() { ::munmap(memory_, bytes_); }
  void write(size_t from, size_t to) {
    for (size_t at = from; at < to; at += 4096) memory_[at]++;
  }
  void give_back(size_t from, size_t to) { ::madvise(memory_ + from, to - from, MADV_DONTNEED); }

 private:
  const size_t bytes_;
  char* const memory_;
};

// A forked process that gives pages back when told to, as a save's child does with what it has written.
class DismissingChild {
 public:
  DismissingChild(Pages& pages, size_t from, size_t to) {
    EXPECT_EQ(::pipe(order_), 0);
    EXPECT_EQ(::pipe(done_), 0);
    pid_ = ::fork();
    if (pid_ != 0) return;
    char told = 0;
    if (::read(order_[0], &told, 1) == 1) pages.give_back(from, to);
    if (::write(done_[1], &told, 1) != 1) ::_exit(1);
    for (;;) ::pause();
  }
  ~DismissingChild() {
    ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    for (const int fd : {order_[0], order_[1], done_[0], done_[1]}) ::close(fd);
  }
  void dismiss() {
    char word = 'x';
    ASSERT_EQ(::write(order_[1], &word, 1), 1);
    ASSERT_EQ(::read(done_[0], &word, 1), 1);
  }
  pid_t pid() const { return pid_; }

 private:
  int order_[2] = {};
  int done_[2] = {};
  pid_t pid_ = 0;
};

// A forked process that does nothing.
class IdleChild {
 public:
  IdleChild() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  ~IdleChild() { end(); }
  void end() {
    if (pid_ > 0) ::kill(pid_, SIGKILL), ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

memory::ProcessCounters counters() {
  return memory::read_process_counters().value();
}
double outside_private(pid_t pid) {
  return static_cast<double>(memory::read_memory_rollup(pid)->private_dirty);
}

// A sanitizer's shadow memory is read before it is written: faults that copy nothing, which only an exact reading tells
// from those that do. There the figures may be further off between two exact readings.
double allowance(double usual, double sanitized) {
  return testing::sanitized() ? sanitized : usual;
}

void expect_within_5_percent(double seen, double truth) {
  EXPECT_NEAR(seen, truth, truth * allowance(0.05, 0.25));
}

// Until the observer has begun and ended a look after this call: two more, for one may be under way.
template <typename Summary>
void wait_for_sample(Summary summary) {
  const auto readings = [&] { return summary().cheap_readings + summary().exact_readings; };
  const uint64_t before = readings();
  EXPECT_TRUE(testing::eventually([&] { return readings() >= before + 2; }));
}
void wait_for_sample(const CowObserver& observer) {
  wait_for_sample([&] { return observer.summary(); });
}

TEST(CowObserver, CopiedBytesAreWhatProcSays) {
  Pages pages(128 * kMegabyte);
  const auto at_fork = counters();
  IdleChild child;
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1000);
  for (size_t step = 1; step <= 4; step++) {
    pages.write((step - 1) * 16 * kMegabyte, step * 16 * kMegabyte);
    wait_for_sample(observer);
    // An exact reading that is interrupted in the midst of our writes does not know which of them it saw; what was
    // added to it is then off until the next one. Nothing is written meanwhile, so that one has to agree.
    EXPECT_TRUE(testing::eventually([&] {
      const auto seen = static_cast<double>(observer.summary().last.copied_bytes);
      const double truth = outside_private(child.pid());
      return std::abs(seen - truth) <= truth * allowance(0.05, 0.25);
    }));
  }
  // Between exact readings the figure is an estimate; the next exact one has to count every page that was written.
  const uint64_t exact_before = observer.summary().exact_readings;
  ASSERT_TRUE(testing::eventually([&] { return observer.summary().exact_readings > exact_before + 1; }));
  const CowFigures last = observer.summary().last;
  EXPECT_GT(last.copied_bytes, 64 * kMegabyte);
  EXPECT_LT(static_cast<double>(last.copied_bytes), allowance(70, 90) * kMegabyte);
  EXPECT_GE(last.parent_minor_faults, 64 * kMegabyte / 4096);
  EXPECT_NEAR(static_cast<double>(last.growth_bytes), 64.0 * kMegabyte, allowance(4, 20) * kMegabyte);
  EXPECT_GT(last.parent_page_tables, 0u);
  EXPECT_GT(last.child_page_tables, 0u);
  EXPECT_GT(last.child_resident, 128 * kMegabyte);
}

TEST(CowObserver, MemoryTheParentGivesBackIsNotGrowth) {
  Pages pages(64 * kMegabyte);
  const auto at_fork = counters();
  IdleChild child;
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1000);
  pages.give_back(0, 32 * kMegabyte);
  wait_for_sample(observer);
  const CowFigures last = observer.summary().last;
  expect_within_5_percent(static_cast<double>(last.copied_bytes), outside_private(child.pid()));
  EXPECT_NEAR(static_cast<double>(last.growth_bytes), 0, allowance(3, 20) * kMegabyte)
      << "what one lost the other keeps";
}

// No exact reading comes to help here: a fork of a second puts the first one minutes away.
TEST(CowObserver, WritesToPagesThatTheChildGaveBackAreNoCopies) {
  Pages pages(192 * kMegabyte);
  const auto at_fork = counters();
  DismissingChild child(pages, 64 * kMegabyte, 192 * kMegabyte);
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1'000'000);
  wait_for_sample(observer);
  pages.write(0, 24 * kMegabyte);
  wait_for_sample(observer);
  expect_within_5_percent(static_cast<double>(observer.summary().last.copied_bytes), outside_private(child.pid()));
  child.dismiss();
  wait_for_sample(observer);
  pages.write(64 * kMegabyte, 160 * kMegabyte);
  wait_for_sample(observer);
  EXPECT_EQ(observer.summary().exact_readings, 0u);
  EXPECT_GT(outside_private(child.pid()), 24.0 * kMegabyte);
  expect_within_5_percent(static_cast<double>(observer.summary().last.copied_bytes), outside_private(child.pid()));
}

TEST(CowObserver, NewMemoryOfTheParentIsGrowthButNoCopy) {
  const auto at_fork = counters();
  IdleChild child;
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1000);
  Pages pages(64 * kMegabyte);
  wait_for_sample(observer);
  const CowFigures last = observer.summary().last;
  EXPECT_LT(static_cast<double>(last.copied_bytes), allowance(4, 20) * kMegabyte);
  EXPECT_NEAR(static_cast<double>(last.growth_bytes), 64.0 * kMegabyte, allowance(4, 20) * kMegabyte);
}

// A chunk that was born after the fork and is given back makes the parent smaller, but no child has it. No exact
// reading comes to help.
TEST(CowObserver, NewChunksThatTheParentGivesBackAreNoCopies) {
  constexpr size_t kChunks = 16;
  Pages pages(64 * kMegabyte);
  memory::ChunkPool chunks({.ready_chunks = 0, .keeper = false});
  memory::Arena arena(chunks, 0);
  const auto make = [&] {
    void* const block = arena.allocate(memory::BlockKind::kLargeValue, memory::kChunkBytes);
    return std::memset(block, 1, memory::kChunkBytes);
  };
  const auto give_back = [&](const std::vector<void*>& blocks) {
    for (void* block : blocks) arena.release(block);
    chunks.purge();
  };
  chunks.begin_snapshot();
  IdleChild child;
  std::vector<void*> before, after;
  while (before.size() < kChunks) before.push_back(make());
  CowObserver observer(chunks);
  observer.watch(child.pid(), counters(), 1'000'000);  // as exact as any reading, with these chunks there
  const double at_first = outside_private(child.pid());
  const auto expect_truth = [&] {
    wait_for_sample(observer);
    EXPECT_NEAR(static_cast<double>(observer.summary().last.copied_bytes), outside_private(child.pid()) - at_first,
                allowance(2, 20) * kMegabyte);
  };
  wait_for_sample(observer);
  give_back(before);
  expect_truth();
  pages.write(0, 24 * kMegabyte);
  expect_truth();
  // Huge pages hide copies, until they are gone.
  while (after.size() < kChunks) after.push_back(make());
  wait_for_sample(observer);
  give_back(after);
  expect_truth();
  EXPECT_EQ(observer.summary().exact_readings, 0u);
  chunks.end_snapshot();
}

TEST(CowObserver, ChildKilledWithoutAWord) {
  Pages pages(64 * kMegabyte);
  const auto at_fork = counters();
  IdleChild child;
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1000);
  pages.write(0, 40 * kMegabyte);
  wait_for_sample(observer);
  const double truth = outside_private(child.pid());
  child.end();
  pages.write(40 * kMegabyte, 64 * kMegabyte);  // nobody shares these any more
  testing::sleep_ms(50);
  const CowSummary summary = observer.finish();
  expect_within_5_percent(static_cast<double>(summary.last.copied_bytes), truth);
  expect_within_5_percent(static_cast<double>(summary.peak_bytes), truth);
}

TEST(CowObserver, TheChildsOwnReportIsTheLastWord) {
  const auto at_fork = counters();
  IdleChild child;
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1000);
  observer.add_final_report({.private_dirty = 12 * kMegabyte, .resident = 20 * kMegabyte, .page_tables = 4096});
  testing::sleep_ms(30);
  const CowSummary summary = observer.finish();
  EXPECT_EQ(summary.last.copied_bytes, 12 * kMegabyte);
  EXPECT_EQ(summary.peak_bytes, 12 * kMegabyte);
  EXPECT_EQ(summary.average_bytes, 12 * kMegabyte);
  EXPECT_EQ(summary.last.child_page_tables, 4096u);
}

TEST(CowObserver, SamplingCostsAtMostOnePercent) {
  Pages pages(256 * kMegabyte);
  const auto at_fork = counters();
  IdleChild child;
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  observer.watch(child.pid(), at_fork, 1000);
  for (size_t i = 0; i < 64; i++) {
    pages.write(i * 4 * kMegabyte, (i + 1) * 4 * kMegabyte);
    testing::sleep_ms(40);
  }
  const CowSummary summary = observer.finish();
  EXPECT_GT(summary.cheap_readings, 10u);
  // A reading may be cut off by the scheduler on a busy machine; that is waited out afterwards, not before.
  const double share = static_cast<double>(summary.sampling_us) / static_cast<double>(summary.watched_us);
  RecordProperty("sampling_share", std::to_string(share));
  EXPECT_LT(share, allowance(0.03, 0.1));
}

TEST(CowObserver, OneAfterTheOther) {
  const memory::ChunkPool chunks({.keeper = false});
  CowObserver observer(chunks);
  for (int i = 0; i < 20; i++) {
    const auto at_fork = counters();
    IdleChild child;
    observer.watch(child.pid(), at_fork, 1000);
    if (i % 3 == 0) testing::sleep_ms(15);
    child.end();
    const CowSummary summary = observer.finish();
    EXPECT_LT(summary.last.copied_bytes, 64 * kMegabyte);
  }
}

// ---- through a real save ----

struct SaveUnderTest {
  SaveUnderTest() { EXPECT_TRUE(log.set_file("/dev/null").has_value()); }
  testing::TempDir folder;
  std::unique_ptr<store::Keyspace> keyspace = make_keyspace();
  SystemClock clock;
  Logger log;
  BackgroundSave save{{*keyspace, keyspace->chunks(), real_file_system(), clock, log}};

  SaveRequest request(int64_t delay_us) {
    return {.target = FileTarget{folder.file("dump.rdb")},
            .options = {.compression = false, .key_save_delay_us = delay_us},
            .reason = "test"};
  }
};

// Fresh writes take new memory, huge page by huge page: only an exact reading tells what was copied beside it.
TEST(CowReport, OverwritesDuringASave) {
  SaveUnderTest under;
  for (int i = 0; i < 200'000; i++) set(*under.keyspace, 0, "key:" + std::to_string(i), std::string(100, 'a'));
  ASSERT_TRUE(under.save.start(under.request(-1)).has_value());
  for (int i = 0; i < 200'000; i += 2) set(*under.keyspace, 0, "key:" + std::to_string(i), std::string(100, 'b'));
  const uint64_t before = under.save.state().cow.exact_readings;
  EXPECT_TRUE(testing::eventually([&] { return under.save.state().cow.exact_readings >= before + 2; }));
  ASSERT_TRUE(under.save.running()) << "the save must be slow enough to be observed";
  under.save.on_report();
  expect_within_5_percent(static_cast<double>(under.save.state().current_cow_size),
                          outside_private(under.save.child_pid()));
  EXPECT_GE(under.save.state().current_cow_peak, under.save.state().current_cow_size);
  const double before_the_end = outside_private(under.save.child_pid());
  auto outcome = under.save.cancel_and_wait();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_GE(static_cast<double>(under.save.state().last_cow_size), before_the_end * 0.95);
}

TEST(CowReport, OneHugeKeyDoesNotBlindUs) {
  SaveUnderTest under;
  store::Database& database = under.keyspace->database(0);
  database.writable_range("huge", 0, 100 * kMegabyte);
  // Held up in the midst of its only key, the child can say nothing itself.
  ASSERT_TRUE(under.save.start(under.request(100'000'000)).has_value());
  ASSERT_EQ(::kill(under.save.child_pid(), SIGSTOP), 0);
  for (size_t at = 52 * kMegabyte; at < 100 * kMegabyte; at += 4096) database.writable_range("huge", at, 1)[0] = 'x';
  wait_for_sample([&] { return under.save.state().cow; });
  under.save.on_report();
  expect_within_5_percent(static_cast<double>(under.save.state().current_cow_size),
                          outside_private(under.save.child_pid()));
  ::kill(under.save.child_pid(), SIGKILL);
  ASSERT_TRUE(testing::eventually([&] { return under.save.poll().has_value(); }));
  EXPECT_GE(under.save.state().last_cow_size, 48 * kMegabyte);
  EXPECT_LE(under.save.state().cow_age_us, 1'000'000);
}

}  // namespace
}  // namespace cowslip::persistence
