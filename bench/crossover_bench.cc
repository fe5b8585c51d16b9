// Changing a few bytes of a value that a child still has to save: copy the value, or let the kernel copy the page?
//
// A stretch of huge pages holds values of one size; a child holds them frozen. The parent then writes eight bytes at a
// random place of every value in random order, once in place and once into a fresh copy of the whole value. Printed for
// each size: time per value, growth per value (from /proc, both processes), and what the next fork costs more because
// huge pages were split. docs/decisions/0005-memory-engine.md draws the conclusion.
//
//   crossover_bench [megabytes=512] [rounds=3]
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "memory/process_memory.h"

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kHugePage = 2u << 20;

double us_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Huge pages, every one of them touched when `touched`.
struct Stretch {
  explicit Stretch(size_t wanted) : bytes(wanted) {
    mapping = ::mmap(nullptr, bytes + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapping == MAP_FAILED) std::abort();
    begin = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(mapping) + kHugePage - 1) & ~(kHugePage - 1));
    ::madvise(begin, bytes, MADV_HUGEPAGE);
  }
  ~Stretch() { ::munmap(mapping, bytes + kHugePage); }
  Stretch(const Stretch&) = delete;
  Stretch& operator=(const Stretch&) = delete;

  size_t bytes;
  void* mapping;
  char* begin;
};

class SleepingChild {
 public:
  SleepingChild() {
    const auto start = Clock::now();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::pause();
      ::_exit(0);
    }
    fork_us = us_since(start);
  }
  ~SleepingChild() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  SleepingChild(const SleepingChild&) = delete;
  SleepingChild& operator=(const SleepingChild&) = delete;
  uint64_t private_bytes() const {
    const auto rollup = cowslip::memory::read_memory_rollup(pid_);
    return rollup ? rollup->private_dirty : 0;
  }
  double fork_us = 0;

 private:
  pid_t pid_;
};

uint64_t resident() {
  return cowslip::memory::read_memory_rollup()->resident;
}

struct Cost {
  double us_per_value = 0;
  double growth_per_value = 0;
  double fork_before_us = 0;
  double next_fork_us = 0;
};

// `write(value, offset)` changes the value at `value` at `offset`.
template <typename Write>
Cost measure(Stretch& values, size_t value_bytes, std::mt19937_64& random, Write&& write) {
  const size_t count = values.bytes / value_bytes;
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), 0);
  std::shuffle(order.begin(), order.end(), random);
  order.resize(std::min<size_t>(count, 20'000));
  std::vector<size_t> offsets(order.size());
  for (size_t& offset : offsets) offset = random() % (value_bytes - 8);

  Cost cost;
  {
    const SleepingChild child;
    cost.fork_before_us = child.fork_us;
    const auto before = static_cast<double>(resident() + child.private_bytes());
    const auto start = Clock::now();
    for (size_t i = 0; i < order.size(); i++) write(values.begin + order[i] * value_bytes, offsets[i]);
    cost.us_per_value = us_since(start) / static_cast<double>(order.size());
    cost.growth_per_value =
        (static_cast<double>(resident() + child.private_bytes()) - before) / static_cast<double>(order.size());
  }
  cost.next_fork_us = SleepingChild().fork_us;
  return cost;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

Cost median(std::span<const Cost> costs) {
  Cost result;
  for (double Cost::* field :
       {&Cost::us_per_value, &Cost::growth_per_value, &Cost::fork_before_us, &Cost::next_fork_us}) {
    std::vector<double> values;
    for (const Cost& cost : costs) values.push_back(cost.*field);
    result.*field = median(std::move(values));
  }
  return result;
}

Cost in_place(size_t bytes, size_t value_bytes, std::mt19937_64& random) {
  Stretch values(bytes);
  std::memset(values.begin, 'x', bytes);
  return measure(values, value_bytes, random, [](char* value, size_t offset) { std::memset(value + offset, 'y', 8); });
}

Cost copied(size_t bytes, size_t value_bytes, std::mt19937_64& random) {
  Stretch values(bytes), fresh(bytes);
  std::memset(values.begin, 'x', bytes);
  char* next = fresh.begin;
  return measure(values, value_bytes, random, [&](char* value, size_t offset) {
    std::memcpy(next, value, value_bytes);
    std::memset(next + offset, 'y', 8);
    next += value_bytes;
  });
}

}  // namespace

int main(int argc, char** argv) {
  const size_t bytes = (argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 512) << 20;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
  std::mt19937_64 random(7);
  fmt::print("{} MiB of values, one write of 8 bytes each (at most 20,000), median of {} rounds\n", bytes >> 20,
             rounds);
  fmt::print("{:>9} | {:^43} | {:^43}\n", "", "in place: the kernel copies pages", "a copy of the value");
  fmt::print("{:>9} | {:>10} {:>12} {:>19} | {:>10} {:>12} {:>19}\n", "value", "us/value", "growth B", "fork, next ms",
             "us/value", "growth B", "fork, next ms");
  for (size_t value_bytes = 1024; value_bytes <= (1u << 20); value_bytes *= 2) {
    std::vector<Cost> kernel, ours;
    for (int round = 0; round < rounds; round++) {
      kernel.push_back(in_place(bytes, value_bytes, random));
      ours.push_back(copied(bytes, value_bytes, random));
    }
    const Cost a = median(kernel), b = median(ours);
    fmt::print("{:>9} | {:>10.2f} {:>12.0f} {:>8.2f} -> {:>7.2f} | {:>10.2f} {:>12.0f} {:>8.2f} -> {:>7.2f}\n",
               value_bytes, a.us_per_value, a.growth_per_value, a.fork_before_us / 1000, a.next_fork_us / 1000,
               b.us_per_value, b.growth_per_value, b.fork_before_us / 1000, b.next_fork_us / 1000);
  }
}
