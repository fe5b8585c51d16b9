#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "bench/cow_lab/experiments.h"
#include "bench/cow_lab/lab.h"

namespace cowslip::bench {
namespace {

// What a child becomes: the smallest program that every system has.
constexpr const char* kProgram = "/bin/true";
// The pages whose first write after a child is timed.
constexpr size_t kTouchedBytes = size_t{64} << 20;

std::array<char*, 2> arguments() {
  return {const_cast<char*>(kProgram), nullptr};
}

pid_t start_by_fork() {
  const auto argv = arguments();
  const pid_t pid = fork();
  if (pid == 0) {
    execv(kProgram, argv.data());
    _exit(127);
  }
  return pid;
}

// Nothing but this may stand in the function: until exec the child runs on the parent's stack.
pid_t start_by_vfork() {
  const auto argv = arguments();
  const pid_t pid = vfork();  // NOLINT(bugprone-unsafe-functions): it is what is measured
  if (pid == 0) {
    execv(kProgram, argv.data());
    _exit(127);
  }
  return pid;
}

pid_t start_by_spawn() {
  const auto argv = arguments();
  pid_t pid = -1;
  return posix_spawn(&pid, kProgram, nullptr, nullptr, argv.data(), environ) == 0 ? pid : -1;
}

// fork() alone, of a child that does nothing.
pid_t fork_only() {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  return pid;
}

struct Times {
  std::vector<double> call_us, whole_us;
};

// What it takes when nobody else is in the way.
double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}

Times time_starts(pid_t (*start)(), uint64_t repeat) {
  Times times;
  for (uint64_t i = 0; i < repeat; i++) {
    const int64_t begun_ns = now_ns();
    const pid_t pid = start();
    const int64_t returned_ns = now_ns();
    require(pid > 0, "starting a child");
    int status = 0;
    require(waitpid(pid, &status, 0) == pid && status == 0, "the child");
    times.call_us.push_back(static_cast<double>(returned_ns - begun_ns) / 1e3);
    times.whole_us.push_back(static_cast<double>(now_ns() - begun_ns) / 1e3);
  }
  return times;
}

// The first writes to pages that were shared with a child which is gone: no copy is needed any more, but the kernel
// finds that out page by page, at a fault each.
void print_touch(std::string_view way, const Mapping& memory, pid_t (*start)(), Line& line) {
  waitpid(start(), nullptr, 0);
  const ProcessMemory before = observe_self();
  const int64_t begun_ns = now_ns();
  for (size_t at = 0; at < std::min(kTouchedBytes, memory.size()); at += kPage) memory.data()[at]++;
  const double took_us = static_cast<double>(now_ns() - begun_ns) / 1e3;
  const ProcessMemory after = observe_self();
  line.count(std::string(way) + "_touch_faults", after.minor_faults - before.minor_faults);
  line.change(std::string(way) + "_touch_split", before.huge, after.huge);
  line.number(std::string(way) + "_touch_us", took_us);
}

void print_times(std::string_view way, const Times& times, Line& line) {
  line.number(std::string(way) + "_call_us", least(times.call_us));
  line.number(std::string(way) + "_whole_us", least(times.whole_us));
}

// Two looks at a child: forked and asleep, and after it has become another program.
void print_child(Line& line) {
  int ready[2];
  require(pipe2(ready, O_CLOEXEC) == 0, "pipe2");
  Child child = fork_child([&](Turn turn) {
    if (!turn.wait()) return;
    turn.done();
    if (!turn.wait()) return;
    dup2(ready[1], STDOUT_FILENO);
    execl("/proc/self/exe", "cow_lab", "wait", nullptr);
  });
  child.next_turn();
  const ProcessMemory forked = observe(child.pid());
  line.count("child_resident", forked.resident).count("child_private_dirty", forked.private_dirty);
  line.count("child_page_tables", forked.page_tables);
  child.go_on();
  char byte = 0;
  require(read(ready[0], &byte, 1) == 1, "read from the program");
  const ProcessMemory program = observe(child.pid());
  line.count("program_resident", program.resident).count("program_page_tables", program.page_tables);
  close(ready[0]);
  close(ready[1]);
}

void measure(uint64_t bytes, Pages pages, uint64_t repeat) {
  const Mapping memory = Mapping::anonymous(bytes, pages);
  memory.touch();
  const ProcessMemory self = observe_self();
  Line line("spawning");
  line.text("pages", name_of(pages)).count("bytes", bytes).count("resident", self.resident);
  line.count("huge", self.huge).count("page_tables", self.page_tables);
  print_times("fork", time_starts(fork_only, repeat), line);
  print_times("fork_exec", time_starts(start_by_fork, repeat), line);
  print_times("vfork_exec", time_starts(start_by_vfork, repeat), line);
  print_times("spawn", time_starts(start_by_spawn, repeat), line);
  print_child(line);
  print_touch("fork", memory, start_by_fork, line);
  print_touch("vfork", memory, start_by_vfork, line);
  print_touch("spawn", memory, start_by_spawn, line);
}

}  // namespace

void run_spawning(const LabOptions& options) {
  for (const uint64_t bytes : options.sizes) {
    measure(bytes, Pages::kSmall, options.repeat);
    measure(bytes, Pages::kHuge, options.repeat);
  }
}

void run_waiting_child() {
  const char byte = 0;
  require(write(STDOUT_FILENO, &byte, 1) == 1, "write to the parent");
  for (;;) pause();
}

}  // namespace cowslip::bench
