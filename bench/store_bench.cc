// What single operations of the store cost, without a server around them.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <utility>
#include <vector>

#include "store/entry_factory.h"
#include "store/keyspace.h"

namespace cowslip::store {
namespace {

std::string key_name(uint64_t number) {
  char name[32];
  const int length = std::snprintf(name, sizeof name, "key:%012llu", static_cast<unsigned long long>(number));
  return {name, static_cast<size_t>(length)};
}

std::vector<std::string> random_keys(uint64_t range, int count = 100'000) {
  Random random(7);
  std::vector<std::string> keys;
  for (int i = 0; i < count; i++) keys.push_back(key_name(random.below(range)));
  return keys;
}

void hash_of_16_bytes(benchmark::State& state) {
  memory::UnsharedHeap heap;
  const Index index(42, nullptr, heap);
  const auto keys = random_keys(1'000'000);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index.hash(keys[i++ % keys.size()]));
}
BENCHMARK(hash_of_16_bytes);

void find(benchmark::State& state) {
  Keyspace keyspace(1, 42);
  Database& db = keyspace.database(0);
  const auto range = static_cast<uint64_t>(state.range(0));
  for (uint64_t i = 0; i < range; i++) db.set_string(key_name(i), std::string(100, 'v'));
  const auto keys = random_keys(range);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(db.find(keys[i++ % keys.size()]));
}
BENCHMARK(find)->Arg(10'000)->Arg(1'000'000);

void overwrite(benchmark::State& state) {
  Keyspace keyspace(1, 42);
  Database& db = keyspace.database(0);
  const auto range = static_cast<uint64_t>(state.range(0));
  const std::string value(100, 'v');
  for (uint64_t i = 0; i < range; i++) db.set_string(key_name(i), value);
  const auto keys = random_keys(range);
  size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(db.set_string(keys[i++ % keys.size()], value));
}
BENCHMARK(overwrite)->Arg(10'000)->Arg(1'000'000);

// The same while a child could be alive (there is none, so nothing is really copied), with the ledger of what that
// costs and without it: second argument. Processor time.
void overwrite_during_snapshot(benchmark::State& state) {
  Keyspace keyspace(1, 42, {.ledger = state.range(1) != 0});
  Database& db = keyspace.database(0);
  const auto range = static_cast<uint64_t>(state.range(0));
  const std::string value(100, 'v');
  for (uint64_t i = 0; i < range; i++) db.set_string(key_name(i), value);
  const auto keys = random_keys(range);
  keyspace.chunks().begin_snapshot();
  size_t i = 0;
  for (auto _ : state) {
    keyspace.chunks().ledger().set_cause(static_cast<uint16_t>(i % 2));
    benchmark::DoNotOptimize(db.set_string(keys[i++ % keys.size()], value));
  }
  keyspace.chunks().end_snapshot();
}
BENCHMARK(overwrite_during_snapshot)->ArgsProduct({{10'000, 1'000'000}, {0, 1}});

// One string grows by ten bytes at a time, from nothing to state.range(0).
void append(benchmark::State& state) {
  memory::ChunkPool pool;
  memory::Arena arena(pool);
  EntryFactory factory(arena);
  for (auto _ : state) {
    Entry* entry = factory.make_raw("k", 0, kNoExpiry);
    for (size_t length = 10; length <= static_cast<size_t>(state.range(0)); length += 10) {
      entry = factory.resize_string(entry, length);
    }
    factory.free(entry);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) / 10);
}
BENCHMARK(append)->Arg(100)->Arg(1000)->Arg(10'000)->Arg(100'000);

void insert(benchmark::State& state) {
  const std::string value(100, 'v');
  for (auto _ : state) {
    state.PauseTiming();
    auto keyspace = std::make_unique<Keyspace>(1, 42);
    state.ResumeTiming();
    for (int64_t i = 0; i < state.range(0); i++) keyspace->database(0).set_string(key_name(uint64_t(i)), value);
    state.PauseTiming();
    keyspace.reset();
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(insert)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

// Processor time of this thread: what other processes take is not counted.
int64_t thread_cpu_ns() {
  timespec now;
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// The index alone, growing to twice its size: bytes per key over the cycle between two powers of two, and the slowest
// of the inserts (each of which may split a bucket) with memory readied ahead as the server does.
void index_growth(benchmark::State& state) {
  const auto last = static_cast<uint64_t>(state.range(0));
  for (auto _ : state) {
    memory::ChunkPool pool;
    memory::Arena arena(pool);
    EntryFactory factory(arena);
    memory::UnsharedHeap heap;
    Index index(42, pool.base(), heap);
    double bytes_sum = 0, bytes_most = 0;
    std::vector<int64_t> insert_ns;
    insert_ns.reserve(last);
    for (uint64_t i = 0; i < last; i++) {
      const std::string key = key_name(i);
      const Entry* entry = factory.make_integer(key, 1, kNoExpiry);
      const int64_t start_ns = thread_cpu_ns();
      index.insert(index.hash(key), entry, 0);
      insert_ns.push_back(thread_cpu_ns() - start_ns);
      if (const auto pages = index.memory_ahead()) pages->populate();
      if (const auto pages = heap.memory_ahead()) pages->populate();
      if (i < last / 2) continue;
      const double bytes = double(index.memory_bytes()) / double(i + 1);
      bytes_sum += bytes;
      bytes_most = std::max(bytes_most, bytes);
    }
    const auto nth = [&](uint64_t from_the_end) {
      const auto place = insert_ns.end() - 1 - int64_t(from_the_end);
      std::ranges::nth_element(insert_ns, place);
      return double(*place);
    };
    int64_t clock_worst_ns = 0;  // what this machine adds to the slowest insert
    for (int i = 0; i < 1'000'000; i++) {
      const int64_t start_ns = thread_cpu_ns();
      clock_worst_ns = std::max(clock_worst_ns, thread_cpu_ns() - start_ns);
    }
    state.counters["clock_worst_ns"] = double(clock_worst_ns);
    state.counters["bytes_per_key"] = bytes_sum / double(last - last / 2);
    state.counters["bytes_per_key_most"] = bytes_most;
    state.counters["insert_p50_ns"] = nth(last / 2);
    state.counters["insert_p99_99_ns"] = nth(last / 10'000);
    state.counters["insert_worst_ns"] = nth(0);
  }
}
BENCHMARK(index_growth)->Arg(10'000'000)->Iterations(1)->Unit(benchmark::kMillisecond);

// Finding keys one after the other, and sixteen at a time with both stages of prefetching.
void index_find(benchmark::State& state) {
  memory::ChunkPool pool;
  memory::Arena arena(pool);
  EntryFactory factory(arena);
  memory::UnsharedHeap heap;
  Index index(42, pool.base(), heap);
  const auto range = static_cast<uint64_t>(state.range(0));
  for (uint64_t i = 0; i < range; i++) {
    const std::string key = key_name(i);
    index.insert(index.hash(key), factory.make_text(key, std::string(100, 'v'), kNoExpiry), 0);
  }
  const auto keys = random_keys(range, 2'000'000);
  const auto together = static_cast<size_t>(state.range(1));
  std::vector<uint64_t> hashes(together);
  size_t next = 0;
  for (auto _ : state) {
    const size_t first = std::exchange(next, (next + together) % (keys.size() - together));
    for (size_t i = 0; i < together; i++) hashes[i] = index.hash(keys[first + i]);
    if (together > 1) {
      for (const uint64_t hash : hashes) index.prefetch(hash);
      for (const uint64_t hash : hashes) index.prefetch_entry(hash);
    }
    for (size_t i = 0; i < together; i++) benchmark::DoNotOptimize(index.find(keys[first + i], hashes[i]));
  }
  state.SetItemsProcessed(state.iterations() * int64_t(together));
}
BENCHMARK(index_find)->Args({100'000, 1})->Args({10'000'000, 1})->Args({10'000'000, 16});

// One change of a deadline in the queue: remove the old pair, add the new one.
void change_expiry(benchmark::State& state) {
  Random random(7);
  memory::UnsharedHeap heap;
  ExpiryQueue queue(heap);
  std::vector<ExpiryQueue::Item> items;
  for (int64_t i = 0; i < state.range(0); i++) items.push_back({int64_t(random.below(1u << 30)), random.next()});
  for (const auto& item : items) queue.add(item.expire_at_ms, item.hash);
  const size_t bytes = queue.memory_bytes();
  for (auto _ : state) {
    auto& item = items[random.below(items.size())];
    queue.remove(item.expire_at_ms, item.hash);
    item.expire_at_ms = int64_t(random.below(1u << 30));
    queue.add(item.expire_at_ms, item.hash);
  }
  state.counters["bytes_per_item"] = double(bytes) / double(state.range(0));
}
BENCHMARK(change_expiry)->Arg(1'000'000);

}  // namespace
}  // namespace cowslip::store
