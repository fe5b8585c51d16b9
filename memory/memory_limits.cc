#include "memory/memory_limits.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "memory/kernel_text.h"

namespace cowslip::memory {
namespace {

// "Max address space   4294967296   unlimited   bytes": the soft limit comes first.
uint64_t soft_limit(std::string_view text, std::string_view name) {
  const size_t at = text.find(name);
  if (at == std::string_view::npos) return kUnlimited;
  return leading_number(text.substr(at + name.size())).value_or(kUnlimited);
}

Overcommit overcommit_mode(const std::string& root) {
  const auto text = read_kernel_file(root + "/proc/sys/vm/overcommit_memory");
  const uint64_t mode = text ? leading_number(*text).value_or(0) : 0;
  return mode > 2 ? Overcommit::kHeuristic : static_cast<Overcommit>(mode);
}

uint64_t difference_or_0(uint64_t a, uint64_t b) {
  return a - std::min(a, b);
}

Headroom of_group(const CgroupReading& group) {
  const bool v1 = group.version == CgroupVersion::kV1;
  return {.bytes = group.room(), .total = group.limit, .limit = v1 ? "cgroup v1 limit" : "cgroup v2 limit"};
}

Headroom of_machine(const MemoryLimits& limits) {
  if (limits.machine_total == 0) return {};
  return {.bytes = limits.machine_available,
          .total = limits.machine_total,
          .limit = "free memory of the machine",
          .of_machine = true};
}

Headroom of_commit_limit(const MemoryLimits& limits) {
  if (limits.overcommit != Overcommit::kNever || limits.commit_limit == 0) return {};
  return {.bytes = difference_or_0(limits.commit_limit, limits.committed),
          .total = limits.commit_limit,
          .limit = "commit limit (vm.overcommit_memory=2)",
          .of_machine = true};
}

Headroom of_data_limit(const MemoryLimits& limits) {
  if (limits.data_limit == kUnlimited) return {};
  return {.bytes = difference_or_0(limits.data_limit, limits.data_used),
          .total = limits.data_limit,
          .limit = "data limit (RLIMIT_DATA)"};
}

}  // namespace

Headroom headroom(const MemoryLimits& limits) {
  const std::array all = {of_group(limits.cgroup), of_machine(limits), of_commit_limit(limits), of_data_limit(limits)};
  const Headroom least = *std::ranges::min_element(all, {}, &Headroom::bytes);
  return least.bytes == kUnlimited ? Headroom() : least;
}

MemoryLimitReader::MemoryLimitReader(std::string root)
    : root_(std::move(root)),
      cgroup_(root_),
      meminfo_(::open((root_ + "/proc/meminfo").c_str(), O_RDONLY | O_CLOEXEC)) {
  refresh();
}

const MemoryLimits& MemoryLimitReader::refresh() {
  cgroup_.find();
  limits_ = {};
  limits_.overcommit = overcommit_mode(root_);
  const std::string own = read_kernel_file(root_ + "/proc/self/limits").value_or("");
  limits_.address_space_limit = soft_limit(own, "Max address space");
  limits_.data_limit = soft_limit(own, "Max data size");
  return update();
}

const MemoryLimits& MemoryLimitReader::update() {
  limits_.cgroup = cgroup_.read();
  read_meminfo();
  // A fork has to commit as much again when nothing is handed out beyond the limit.
  if (limits_.data_limit != kUnlimited || limits_.overcommit == Overcommit::kNever) {
    const std::string status = read_kernel_file(root_ + "/proc/self/status").value_or("");
    limits_.data_used = number_in_line(status, "VmData").value_or(0) * 1024;
  }
  return limits_;
}

void MemoryLimitReader::read_meminfo() {
  char buffer[4096];
  const ssize_t length = meminfo_ ? ::pread(meminfo_.get(), buffer, sizeof buffer, 0) : 0;
  const std::string_view text(buffer, length > 0 ? static_cast<size_t>(length) : 0);
  const auto bytes = [text](std::string_view name) { return number_in_line(text, name).value_or(0) * 1024; };
  const bool tells_available = number_in_line(text, "MemAvailable").has_value();  // since Linux 3.14
  limits_.machine_total = bytes("MemTotal");
  limits_.machine_available = bytes(tells_available ? "MemAvailable" : "MemFree");
  limits_.swap_total = bytes("SwapTotal");
  limits_.swap_free = bytes("SwapFree");
  limits_.commit_limit = bytes("CommitLimit");
  limits_.committed = bytes("Committed_AS");
}

MemoryLimits read_memory_limits(const std::string& root) {
  return MemoryLimitReader(root).limits();
}

}  // namespace cowslip::memory
