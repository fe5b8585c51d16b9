// Puts load on a server, and prints what came of it as one line of JSON.
//
//   load_generator --port 6379 --kind set --keys 1000000 [--connections 50] [--pipeline 16] [--rate 20000]
//                  [--count 1000000] [--duration 10] [--seed 1] [--value-bytes 100] [--first-new N]
//                  [--latencies FILE] [--wait] [--realtime]
//
// Without --rate each connection keeps --pipeline requests under way. With it, request i is due at i / rate seconds,
// and goes out then whether or not earlier ones were answered; its latency counts from when it was due, so that a
// server that stands still is charged for every request that it keeps waiting.
// It ends after --count requests or --duration seconds or at SIGTERM, and when all replies are there.
//
// --wait       prints "ready" when everything is prepared, and begins with the first line on standard input
// --realtime   runs before everything else on its core, where the kernel allows it: for a few requests at exact times
// --latencies  writes, for each request, two native 32-bit integers: when it was due, in microseconds since the
//              beginning, and its latency in microseconds
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/numbers.h"
#include "bench/load/connection.h"
#include "bench/load/workload.h"

namespace cowslip::bench {
namespace {

// The timeline says how many requests were complete after each of these.
constexpr int64_t kTimelineStepUs = 10'000;

volatile sig_atomic_t g_stop = 0;

struct Options {
  WorkloadOptions workload;
  int port = 6379;
  uint64_t connections = 50;
  uint64_t pipeline = 16;
  uint64_t rate = 0;        // requests per second; 0: as fast as the replies come
  uint64_t count = 0;       // 0: no end
  uint64_t duration_s = 0;  // 0: no end
  std::string latencies;    // a file, or empty
  bool wait = false;
  bool realtime = false;
};

struct Latency {
  uint32_t due_us;
  uint32_t latency_us;
};

[[noreturn]] void usage(std::string_view problem) {
  fmt::print(stderr, "load_generator: {}; the options stand at the top of its source\n", problem);
  std::exit(2);
}

uint64_t number(std::string_view text) {
  const auto value = parse_uint64(text);
  if (!value) usage(fmt::format("'{}' is not a number", text));
  return *value;
}

void set_number(Options& options, std::string_view name, uint64_t value) {
  if (name == "--port")
    options.port = static_cast<int>(value);
  else if (name == "--keys")
    options.workload.keys = value;
  else if (name == "--first-new")
    options.workload.first_new = value;
  else if (name == "--value-bytes")
    options.workload.value_bytes = static_cast<uint32_t>(value);
  else if (name == "--seed")
    options.workload.seed = value;
  else if (name == "--connections")
    options.connections = value;
  else if (name == "--pipeline")
    options.pipeline = value;
  else if (name == "--rate")
    options.rate = value;
  else if (name == "--count")
    options.count = value;
  else if (name == "--duration")
    options.duration_s = value;
  else
    usage(fmt::format("no option {}", name));
}

void set_kind(WorkloadOptions& workload, std::string_view name) {
  if (const auto kind = kind_from(name)) {
    workload.kind = *kind;
  } else if (const auto aggregate = aggregate_load_from(name)) {
    workload.kind = Kind::kAggregate;
    workload.aggregate = *aggregate;
  } else {
    usage(fmt::format("no kind '{}'", name));
  }
}

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i++) {
    const std::string_view name = argv[i];
    if (name == "--wait") {
      options.wait = true;
    } else if (name == "--realtime") {
      options.realtime = true;
    } else if (i + 1 == argc) {
      usage(fmt::format("{} takes a value", name));
    } else if (name == "--latencies") {
      options.latencies = argv[++i];
    } else if (name == "--kind") {
      set_kind(options.workload, argv[++i]);
    } else {
      set_number(options, name, number(argv[++i]));
    }
  }
  if (options.workload.keys == 0 || options.connections == 0 || options.pipeline == 0) usage("nothing to do");
  return options;
}

// One run. Not thread-safe.
class Generator {
 public:
  explicit Generator(const Options& options) : options_(options), workload_(options.workload) {
    for (uint64_t i = 0; i < options.connections; i++) connections_.emplace_back(options.port);
    for (const auto& connection : connections_) polled_.push_back({connection.descriptor(), POLLIN, 0});
  }

  void run();
  bool print() const;

 private:
  int64_t now_us() const { return clock_.monotonic_us() - started_us_; }
  bool all_sent() const;
  bool finished() const { return all_sent() && done_ == sent_; }
  void send(Connection& connection, int64_t due_us);
  void send_due();
  void refill(Connection& connection);
  void wait_and_receive();
  timespec time_to_wait() const;
  void receive(Connection& connection);
  void complete(int64_t due_us, int64_t at_us);
  void write_latencies() const;

  const Options options_;
  const SystemClock clock_;
  Workload workload_;
  std::vector<Connection> connections_;
  std::vector<pollfd> polled_;
  int64_t started_us_ = 0;
  int64_t ended_us_ = 0;
  uint64_t sent_ = 0;
  uint64_t done_ = 0;
  std::vector<uint64_t> timeline_;
  std::vector<Latency> latencies_;
};

void Generator::run() {
  started_us_ = clock_.monotonic_us();
  while (!finished()) {
    if (options_.rate) {
      send_due();
    } else {
      for (auto& connection : connections_) refill(connection);
    }
    wait_and_receive();
  }
  ended_us_ = now_us();
  timeline_.push_back(done_);
  write_latencies();
}

bool Generator::all_sent() const {
  if (g_stop || (options_.count && sent_ >= options_.count)) return true;
  return options_.duration_s && now_us() >= static_cast<int64_t>(options_.duration_s) * 1'000'000;
}

void Generator::send(Connection& connection, int64_t due_us) {
  connection.sent(workload_.append_request(connection.out()), due_us);
  sent_++;
}

void Generator::send_due() {
  const auto due = static_cast<uint64_t>(now_us()) * options_.rate / 1'000'000;
  while (sent_ <= due && !all_sent()) {
    auto& connection = connections_[sent_ % connections_.size()];
    send(connection, static_cast<int64_t>(sent_ * 1'000'000 / options_.rate));
    connection.flush();
  }
}

// As redis-benchmark does it: the next batch when the last one is answered.
void Generator::refill(Connection& connection) {
  if (connection.waiting() > 0 || all_sent()) return;
  const int64_t now = now_us();
  const uint64_t left = options_.count ? options_.count - sent_ : options_.pipeline;
  for (uint64_t i = 0; i < std::min(options_.pipeline, left); i++) send(connection, now);
  connection.flush();
}

timespec Generator::time_to_wait() const {
  if (!options_.rate || all_sent()) return {0, 50'000'000};
  const auto due_us = static_cast<int64_t>(sent_ * 1'000'000 / options_.rate);
  return {0, std::clamp<int64_t>(due_us - now_us(), 0, 50'000) * 1000};
}

void Generator::wait_and_receive() {
  for (size_t i = 0; i < connections_.size(); i++) {
    polled_[i].events = static_cast<int16_t>(POLLIN | (connections_[i].wants_to_write() ? POLLOUT : 0));
  }
  const timespec timeout = time_to_wait();
  if (::ppoll(polled_.data(), polled_.size(), &timeout, nullptr) <= 0) return;
  for (size_t i = 0; i < connections_.size(); i++) {
    if (polled_[i].revents & POLLOUT) connections_[i].flush();
    if (polled_[i].revents & ~POLLOUT) receive(connections_[i]);
  }
}

void Generator::receive(Connection& connection) {
  const int64_t at_us = now_us();
  connection.receive([&](int64_t due_us) { complete(due_us, at_us); });
}

void Generator::complete(int64_t due_us, int64_t at_us) {
  while (static_cast<int64_t>(timeline_.size() + 1) * kTimelineStepUs <= at_us) timeline_.push_back(done_);
  done_++;
  if (!options_.latencies.empty()) {
    latencies_.push_back({static_cast<uint32_t>(due_us), static_cast<uint32_t>(std::max<int64_t>(0, at_us - due_us))});
  }
}

void Generator::write_latencies() const {
  if (options_.latencies.empty()) return;
  std::FILE* file = std::fopen(options_.latencies.c_str(), "wb");
  if (!file || std::fwrite(latencies_.data(), sizeof(Latency), latencies_.size(), file) != latencies_.size()) {
    std::perror(options_.latencies.c_str());
    std::exit(1);
  }
  std::fclose(file);
}

bool Generator::print() const {
  uint64_t errors = 0;
  for (const auto& connection : connections_) {
    errors += connection.replies().errors();
    if (connection.replies().errors()) {
      fmt::print(stderr, "load_generator: the server says: {}\n", connection.replies().first_error());
    }
  }
  fmt::print(R"({{"started_s": {:.6f}, "seconds": {:.6f}, "requests": {}, "written_bytes": {}, "errors": {}, )",
             double(started_us_) / 1e6, double(ended_us_) / 1e6, done_, workload_.written_bytes(), errors);
  fmt::print(R"("timeline_step_s": {}, "timeline": [{}]}})"
             "\n",
             double(kTimelineStepUs) / 1e6, fmt::join(timeline_, ","));
  return errors == 0;
}

// Sleeps shall end when they are due, not up to 50 us later.
void prepare_process(const Options& options) {
  ::signal(SIGTERM, [](int) { g_stop = 1; });
  ::prctl(PR_SET_TIMERSLACK, 1);
  const sched_param lowest{.sched_priority = 1};
  if (options.realtime) ::sched_setscheduler(0, SCHED_FIFO, &lowest);  // not allowed: then without
}

}  // namespace
}  // namespace cowslip::bench

int main(int argc, char** argv) {
  using namespace cowslip::bench;
  const Options options = parse_options(argc, argv);
  prepare_process(options);
  Generator generator(options);
  if (options.wait) {
    fmt::print("ready\n");
    std::fflush(stdout);
    std::string line;
    std::getline(std::cin, line);
  }
  generator.run();
  return generator.print() ? 0 : 1;
}
