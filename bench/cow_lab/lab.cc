#include "bench/cow_lab/lab.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/numbers.h"

namespace cowslip::bench {

std::string_view name_of(Pages pages) {
  return pages == Pages::kHuge ? "2 MiB" : "4 KiB";
}

void require(bool ok, std::string_view what) {
  if (ok) return;
  fmt::print(stderr, "cow_lab: {}: {}\n", what, std::strerror(errno));
  std::_Exit(1);
}

Mapping Mapping::anonymous(size_t bytes, Pages pages) {
  const size_t mapped = round_up(bytes, kHugePage) + kHugePage;
  void* base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  require(base != MAP_FAILED, "mmap");
  auto* data = reinterpret_cast<uint8_t*>(round_up(reinterpret_cast<size_t>(base), kHugePage));
  // A refusal shows in the figures: AnonHugePages stays at zero.
  madvise(base, mapped, pages == Pages::kHuge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  return {base, mapped, data, bytes};
}

Mapping Mapping::file(int fd, size_t bytes, bool shared) {
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
  require(base != MAP_FAILED, "mmap of a file");
  return {base, bytes, static_cast<uint8_t*>(base), bytes};
}

Mapping::Mapping(Mapping&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)), mapped_(other.mapped_), data_(other.data_), size_(other.size_) {}

Mapping::~Mapping() {
  if (base_ != nullptr) munmap(base_, mapped_);
}

void Mapping::touch() const {
  for (size_t at = 0; at < size_; at += kPage) data_[at] = 1;
}

Child::~Child() {
  if (!to_child_) return;  // moved away
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void Child::go_on() {
  const char byte = 0;
  require(write(to_child_.get(), &byte, 1) == 1, "write to the child");
}

void Child::next_turn() {
  go_on();
  char byte = 0;
  require(read(from_child_.get(), &byte, 1) == 1, "read from the child");
}

bool Turn::wait() const {
  char byte = 0;
  return read(from_parent_, &byte, 1) == 1;
}

void Turn::done() const {
  const char byte = 0;
  require(write(to_parent_, &byte, 1) == 1, "write to the parent");
}

Line::Line(std::string_view experiment) : out_(fmt::format(R"({{"experiment": "{}")", experiment)) {}

Line::~Line() {
  fmt::print("{}}}\n", out_);
  std::fflush(stdout);
}

Line& Line::text(std::string_view name, std::string_view value) {
  out_ += fmt::format(R"(, "{}": "{}")", name, value);
  return *this;
}

Line& Line::number(std::string_view name, double value) {
  out_ += fmt::format(R"(, "{}": {:.12g})", name, value);
  return *this;
}

Line& Line::count(std::string_view name, uint64_t value) {
  out_ += fmt::format(R"(, "{}": {})", name, value);
  return *this;
}

Line& Line::change(std::string_view name, uint64_t now, uint64_t before) {
  out_ += fmt::format(R"(, "{}": {})", name, static_cast<int64_t>(now - before));
  return *this;
}

Line& Line::memory(const ProcessMemory& memory, const ProcessMemory& since) {
  count("resident", memory.resident).count("proportional", memory.proportional).count("shared", memory.shared);
  count("private_clean", memory.private_clean).count("private_dirty", memory.private_dirty);
  count("anonymous", memory.anonymous).count("huge", memory.huge).count("page_tables", memory.page_tables);
  count("minor_faults", memory.minor_faults - since.minor_faults);
  return count("major_faults", memory.major_faults - since.major_faults);
}

namespace detail {

TurnPipes make_turn_pipes() {
  int down[2], up[2];
  require(pipe2(down, O_CLOEXEC) == 0 && pipe2(up, O_CLOEXEC) == 0, "pipe2");
  return {UniqueFd(up[0]), UniqueFd(down[1]), UniqueFd(down[0]), UniqueFd(up[1])};
}

pid_t timed_fork(int64_t* fork_ns) {
  const int64_t begun_ns = now_ns();
  const pid_t pid = fork();
  if (pid != 0 && fork_ns != nullptr) *fork_ns = now_ns() - begun_ns;
  require(pid >= 0, "fork");
  return pid;
}

void leave_child() {
  // Not exit(): what the parent has in its buffers is not the child's to print.
  _exit(0);
}

}  // namespace detail
}  // namespace cowslip::bench
