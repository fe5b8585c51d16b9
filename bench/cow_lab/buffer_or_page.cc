#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "bench/cow_lab/experiments.h"
#include "bench/cow_lab/lab.h"

namespace cowslip::bench {
namespace {

constexpr uint64_t kBufferBytes[] = {128, 512, 1024, 4096, 8192, 16384, 65536};

// The buffers of one size, a reference count at the head of each, and the table of who is where.
class Buffers {
 public:
  Buffers(uint64_t bytes, uint64_t buffer_bytes) : buffer_bytes_(buffer_bytes) {
    memory_.push_back(Mapping::anonymous(bytes / buffer_bytes * buffer_bytes, Pages::kSmall));
    memory_.front().touch();
    places_.resize(bytes / buffer_bytes);
    for (uint64_t i = 0; i < places_.size(); i++) places_[i] = memory_.front().data() + i * buffer_bytes;
    for (uint8_t* place : places_) count(place) = 1;
  }

  // Shares all buffers with someone else: a reference more on each, and a table of them.
  std::vector<uint8_t*> share_all() {
    for (uint8_t* place : places_) ++count(place);
    return places_;
  }

  // Changes 8 bytes where the buffer is.
  void write_in_place(uint64_t i) { std::memcpy(places_[i] + buffer_bytes_ / 2, &i, sizeof i); }

  // The same for a buffer that may be shared: then the writer first gets one of its own.
  void write_own(uint64_t i) {
    if (count(places_[i]) > 1) {
      uint8_t* own = room();
      std::memcpy(own, places_[i], buffer_bytes_);
      count(own) = 1;
      --count(places_[i]);
      places_[i] = own;
    }
    write_in_place(i);
  }

  // Makes room for `copies` buffers of one's own: an address range, no memory yet.
  void expect_copies(uint64_t copies) { memory_.push_back(Mapping::anonymous(copies * buffer_bytes_, Pages::kSmall)); }

 private:
  static uint32_t& count(uint8_t* place) { return *reinterpret_cast<uint32_t*>(place); }
  uint8_t* room() { return memory_.back().data() + copies_++ * buffer_bytes_; }

  const uint64_t buffer_bytes_;
  std::vector<Mapping> memory_;
  std::vector<uint8_t*> places_;
  uint64_t copies_ = 0;
};

std::vector<uint64_t> random_buffers(uint64_t number, uint64_t wanted, uint64_t seed) {
  std::vector<uint64_t> all(number);
  std::iota(all.begin(), all.end(), 0);
  std::shuffle(all.begin(), all.end(), Random(seed));
  all.resize(std::min(number, wanted));
  return all;
}

struct Cost {
  double share_us = 0, us_per_write = 0;
  uint64_t share_bytes = 0;        // what sharing itself takes
  uint64_t before = 0, after = 0;  // the memory that grows by the writes
};

void print(uint64_t buffer_bytes, uint64_t buffers, uint64_t writes, std::string_view owner, const Cost& cost) {
  Line line("owner");
  line.count("buffer_bytes", buffer_bytes).count("buffers", buffers).count("writes", writes);
  line.text("owner", owner).number("share_us", cost.share_us).count("share_bytes", cost.share_bytes);
  line.change("copied", cost.after, cost.before).number("us_per_write", cost.us_per_write);
}

Cost share_by_fork(Buffers& buffers, const std::vector<uint64_t>& chosen) {
  Cost cost;
  int64_t fork_ns = 0;
  const Child child = fork_child([](Turn turn) { turn.wait(); }, &fork_ns);
  cost.before = observe(child.pid()).private_dirty;
  const int64_t begun_ns = now_ns();
  for (const uint64_t i : chosen) buffers.write_in_place(i);
  cost.us_per_write = static_cast<double>(now_ns() - begun_ns) / 1e3 / static_cast<double>(chosen.size());
  cost.share_us = static_cast<double>(fork_ns) / 1e3;
  const ProcessMemory after = observe(child.pid());
  cost.share_bytes = after.page_tables;
  cost.after = after.private_dirty;
  return cost;
}

Cost share_by_count(Buffers& buffers, const std::vector<uint64_t>& chosen) {
  Cost cost;
  buffers.expect_copies(chosen.size());
  int64_t begun_ns = now_ns();
  const std::vector<uint8_t*> snapshot = buffers.share_all();
  cost.share_us = static_cast<double>(now_ns() - begun_ns) / 1e3;
  cost.before = observe_self().resident;
  begun_ns = now_ns();
  for (const uint64_t i : chosen) buffers.write_own(i);
  cost.us_per_write = static_cast<double>(now_ns() - begun_ns) / 1e3 / static_cast<double>(chosen.size());
  cost.share_bytes = snapshot.size() * sizeof(snapshot[0]);
  cost.after = observe_self().resident;
  return cost;
}

// Buffers of its own for each time: after a fork the kernel takes a fault for every page, the child gone or not.
void measure(const LabOptions& options, uint64_t buffer_bytes, const std::vector<uint64_t>& chosen,
             std::string_view owner, Cost (*share)(Buffers&, const std::vector<uint64_t>&)) {
  Cost best;
  for (uint64_t i = 0; i < options.repeat; i++) {
    Buffers buffers(options.bytes, buffer_bytes);
    Cost cost = share(buffers, chosen);
    if (i > 0) cost.share_us = std::min(cost.share_us, best.share_us);
    if (i > 0) cost.us_per_write = std::min(cost.us_per_write, best.us_per_write);
    best = cost;
  }
  print(buffer_bytes, options.bytes / buffer_bytes, chosen.size(), owner, best);
}

}  // namespace

void run_buffer_or_page(const LabOptions& options) {
  for (const uint64_t buffer_bytes : kBufferBytes) {
    const auto chosen = random_buffers(options.bytes / buffer_bytes, options.writes, options.seed);
    measure(options, buffer_bytes, chosen, "the page", share_by_fork);
    measure(options, buffer_bytes, chosen, "the buffer", share_by_count);
  }
}

}  // namespace cowslip::bench
