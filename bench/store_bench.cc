// What single operations of the store cost, without a server around them.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "memory/heap.h"
#include "store/keyspace.h"

namespace cowslip::store {
namespace {

std::string key_name(uint64_t number) {
  char name[32];
  const int length = std::snprintf(name, sizeof name, "key:%012llu", static_cast<unsigned long long>(number));
  return {name, static_cast<size_t>(length)};
}

std::vector<std::string> random_keys(uint64_t range) {
  Random random(7);
  std::vector<std::string> keys;
  for (int i = 0; i < 100'000; i++) keys.push_back(key_name(random.below(range)));
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
