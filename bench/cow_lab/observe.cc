#include "bench/cow_lab/observe.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace cowslip::bench {
namespace {

// Calls take(name, number) for each "Name:   123 kB" of a file of /proc.
template <typename Take>
void for_each_field(pid_t pid, const char* file, Take take) {
  std::ifstream lines(fmt::format("/proc/{}/{}", pid, file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    uint64_t number = 0;
    if (words >> name >> number) take(std::string_view(name), number);
  }
}

void read_rollup(pid_t pid, ProcessMemory& memory) {
  for_each_field(pid, "smaps_rollup", [&](std::string_view name, uint64_t kib) {
    const uint64_t bytes = kib * 1024;
    if (name == "Rss:") memory.resident = bytes;
    if (name == "Pss:") memory.proportional = bytes;
    if (name == "Shared_Clean:" || name == "Shared_Dirty:") memory.shared += bytes;
    if (name == "Private_Clean:") memory.private_clean = bytes;
    if (name == "Private_Dirty:") memory.private_dirty = bytes;
    if (name == "Anonymous:") memory.anonymous = bytes;
    if (name == "AnonHugePages:") memory.huge = bytes;
  });
}

void read_faults(pid_t pid, ProcessMemory& memory) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::string text;
  std::getline(file, text);
  // The name in parentheses may hold spaces, so fields are counted from its end: 8 more to minflt, 10 to majflt.
  std::istringstream words(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 7; i++) words >> skipped;
  words >> memory.minor_faults >> skipped >> memory.major_faults;
}

}  // namespace

ProcessMemory observe(pid_t pid) {
  ProcessMemory memory;
  // The faults first: reading the rest takes memory, and with it faults, of our own.
  read_faults(pid, memory);
  read_rollup(pid, memory);
  for_each_field(pid, "status", [&](std::string_view name, uint64_t kib) {
    if (name == "VmPTE:") memory.page_tables = kib * 1024;
  });
  if (memory.resident == 0) {
    fmt::print(stderr, "cow_lab: process {} is gone, or its smaps_rollup is not readable\n", pid);
    std::_Exit(1);
  }
  return memory;
}

ProcessMemory observe_self() {
  return observe(getpid());
}

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

Group::Group(std::string usage_file, std::string stat_file, std::string anonymous_field)
    : usage_file_(std::move(usage_file)),
      stat_file_(std::move(stat_file)),
      anonymous_field_(std::move(anonymous_field)) {}

uint64_t Group::usage() const {
  uint64_t bytes = 0;
  std::ifstream(usage_file_) >> bytes;
  return bytes;
}

uint64_t Group::anonymous() const {
  std::ifstream lines(stat_file_);
  uint64_t bytes = 0;
  for (std::string name; lines >> name >> bytes;) {
    if (name == anonymous_field_) return bytes;
  }
  return 0;
}

}  // namespace cowslip::bench
