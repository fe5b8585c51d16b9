// Saving and loading, and what it costs to watch a save. The dataset has COWSLIP_BENCH_KEYS keys (default 1 M) with
// values of 100 random bytes.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/random.h"
#include "memory/process_memory.h"
#include "persistence/background_save.h"
#include "persistence/rdb_loader.h"
#include "persistence/rdb_saver.h"
#include "persistence/snapshot_file.h"

namespace cowslip::persistence {
namespace {

uint64_t key_count() {
  const char* text = std::getenv("COWSLIP_BENCH_KEYS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 1'000'000;
}

void overwrite(store::Keyspace& keyspace, Random& random, uint64_t number) {
  char key[32], value[100];
  const int length = std::snprintf(key, sizeof key, "key:%012llu", static_cast<unsigned long long>(number));
  for (char& c : value) c = static_cast<char>(random.next());
  keyspace.database(0).set_string({key, static_cast<size_t>(length)}, {value, sizeof value});
}

store::Keyspace& dataset() {
  static const auto keyspace = [] {
    auto made = std::make_unique<store::Keyspace>(1, 1);
    Random random(1);
    made->set_now_ms(SystemClock().unix_ms());
    for (uint64_t i = 0; i < key_count(); i++) overwrite(*made, random, i);
    return made;
  }();
  return *keyspace;
}

class NullSink final : public ByteSink {
 public:
  Status append(std::string_view) override { return {}; }
};

void save(benchmark::State& state) {
  const store::Keyspace& keyspace = dataset();
  uint64_t bytes = 0;
  for (auto _ : state) {
    NullSink sink;
    bytes += save_rdb(keyspace, sink, {.compression = state.range(0) != 0}).value().bytes;
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations() * keyspace.total_keys()));
}
BENCHMARK(save)->ArgName("compression")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// Bytes that the whole machine has still to write.
uint64_t dirty_bytes() {
  std::ifstream file("/proc/meminfo");
  uint64_t kib = 0;
  for (std::string name; file >> name;) {
    uint64_t value = 0;
    if ((name == "Dirty:" || name == "Writeback:") && file >> value) kib += value;
  }
  return kib * 1024;
}

// A file that is looked at as it grows.
class ObservedSink final : public ByteSink {
 public:
  explicit ObservedSink(SnapshotFile& file) : file_(file) {}
  Status append(std::string_view data) override {
    constexpr uint64_t kLookEveryBytes = 16 * 1024 * 1024;
    if (file_.bytes() >= next_look_) {
      dirty_peak = std::max(dirty_peak, dirty_bytes());
      next_look_ += kLookEveryBytes;
    }
    return file_.append(data);
  }
  uint64_t dirty_peak = 0;

 private:
  SnapshotFile& file_;
  uint64_t next_look_ = 0;
};

// Into a file in the working directory, in windows of so many MiB, so many of them in flight.
void save_to_file(benchmark::State& state) {
  const SystemClock clock;
  SnapshotFileOptions options{.window_bytes = static_cast<uint64_t>(state.range(0)) << 20,
                              .windows_in_flight = static_cast<uint64_t>(state.range(1))};
  uint64_t dirty_peak = 0, bytes = 0;
  int64_t publish_us = 0;
  for (auto _ : state) {
    auto file = SnapshotFile::create(real_file_system(), "persistence_bench.rdb", options).value();
    ObservedSink sink(*file);
    bytes += save_rdb(dataset(), sink, {}).value().bytes;
    const int64_t before_us = clock.monotonic_us();
    if (!file->publish()) state.SkipWithError("cannot publish");
    publish_us += clock.monotonic_us() - before_us;
    dirty_peak = std::max(dirty_peak, sink.dirty_peak);
  }
  (void)real_file_system().remove("persistence_bench.rdb");
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
  state.counters["publish_ms"] = static_cast<double>(publish_us) / 1000 / static_cast<double>(state.iterations());
  state.counters["dirty_peak_MB"] = static_cast<double>(dirty_peak >> 20);
}
constexpr int64_t kNeverWaits = 1'000'000;
BENCHMARK(save_to_file)
    ->ArgNames({"window", "in_flight"})
    ->ArgsProduct({{4, 8, 16}, {2, 4, 8}})
    ->Args({4, kNeverWaits})
    ->Args({0, 0})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void load(benchmark::State& state) {
  StringSink file;
  (void)save_rdb(dataset(), file, {});
  uint64_t keys = 0;
  for (auto _ : state) {
    auto keyspace = std::make_unique<store::Keyspace>(1, 1);
    MemorySource source(file.bytes);
    keys += load_rdb(*keyspace, source, file.bytes.size(), {}).value().keys_loaded;
    state.PauseTiming();
    keyspace.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(static_cast<int64_t>(keys));
}
BENCHMARK(load)->Unit(benchmark::kMillisecond);

// Overwrites random keys for eight seconds while a child that never ends holds a snapshot, looks now and then from
// outside, and tells what share of the time the observer spent and how far its figure was from the kernel's.
void watch_a_save(benchmark::State& state) {
  store::Keyspace& keyspace = dataset();
  const SystemClock clock;
  Logger log;
  log.set_level(LogLevel::kNothing);
  Random random(2);
  for (auto _ : state) {
    BackgroundSave save({keyspace, keyspace.chunks(), real_file_system(), clock, log});
    // The child sleeps: only the parent's writes and the observer are to be seen.
    (void)save.start({.target = FileTarget{"/tmp/persistence_bench.rdb"},
                      .options = {.key_save_delay_us = 1'000'000'000},
                      .reason = "bench"});
    double worst_percent = 0, exact_us = 0;
    int looks = 0;
    const int64_t end_us = clock.monotonic_us() + 8'000'000;
    int64_t look_us = clock.monotonic_us() + 1'000'000;
    uint64_t writes = 0;
    while (clock.monotonic_us() < end_us) {
      for (int i = 0; i < 500; i++, writes++) overwrite(keyspace, random, random.below(key_count()));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      if (clock.monotonic_us() < look_us) continue;
      look_us += 1'000'000;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const auto seen = static_cast<double>(save.state().current_cow_size);
      const int64_t before_us = clock.monotonic_us();
      const auto truth = static_cast<double>(memory::read_memory_rollup(save.child_pid())->private_dirty);
      exact_us += static_cast<double>(clock.monotonic_us() - before_us);
      worst_percent = std::max(worst_percent, 100 * std::abs(seen - truth) / truth);
      looks++;
    }
    const CowSummary cow = save.state().cow;
    state.counters["resident_MB"] = static_cast<double>(cow.last.parent_resident >> 20);
    state.counters["copied_MB"] = static_cast<double>(cow.last.copied_bytes >> 20);
    state.counters["sampling_percent"] =
        100.0 * static_cast<double>(cow.sampling_us) / static_cast<double>(cow.watched_us);
    state.counters["exact"] = static_cast<double>(cow.exact_readings);
    state.counters["cheap"] = static_cast<double>(cow.cheap_readings);
    state.counters["rollup_ms"] = exact_us / looks / 1000;
    state.counters["worst_percent"] = worst_percent;
    state.counters["fork_ms"] = static_cast<double>(save.state().latest_fork_us) / 1000;
    (void)save.cancel_and_wait();
  }
}
BENCHMARK(watch_a_save)->Iterations(1)->Unit(benchmark::kMillisecond);

// What one cheap look takes.
void read_counters(benchmark::State& state) {
  for (auto _ : state) {
    memory::ProcessCounters counters;
    benchmark::DoNotOptimize(memory::read_process_counters_signal_safe(0, counters));
  }
}
BENCHMARK(read_counters);

}  // namespace
}  // namespace cowslip::persistence
