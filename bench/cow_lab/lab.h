// What the experiments of the lab share: mappings, children, the lines they print.
//
// cow_lab measures and prints one JSON object per line; bench/cow_lab.py starts it, foretells what it should print,
// and makes tables and pictures. A system call that fails here ends the program with its name: an experiment without
// memory or without a child has nothing to say.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "bench/cow_lab/observe.h"

namespace cowslip::bench {

inline constexpr size_t kPage = 4096;
inline constexpr size_t kHugePage = size_t{2} << 20;

enum class Pages { kSmall, kHuge };
std::string_view name_of(Pages pages);

// Ends the program with "cow_lab: <what>: <errno>" when `ok` is false.
void require(bool ok, std::string_view what);

// Owner of a mapping; unmaps it when it goes.
class Mapping {
 public:
  // Anonymous private memory that begins at a 2 MiB boundary. Nothing is touched yet.
  static Mapping anonymous(size_t bytes, Pages pages);
  // A whole file, MAP_PRIVATE or MAP_SHARED, readable and writable.
  static Mapping file(int fd, size_t bytes, bool shared);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&&) = delete;
  ~Mapping();

  uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<uint64_t> words() const { return {reinterpret_cast<uint64_t*>(data_), size_ / sizeof(uint64_t)}; }
  // Writes a byte into every page, so that each has memory of its own.
  void touch() const;

 private:
  Mapping(void* base, size_t mapped, uint8_t* data, size_t size)
      : base_(base), mapped_(mapped), data_(data), size_(size) {}

  void* base_;
  size_t mapped_;
  uint8_t* data_;
  size_t size_;
};

// A forked child and two pipes for taking turns. The parent makes one with fork_child(); the destructor ends the child
// and waits for it.
class Child {
 public:
  Child(pid_t pid, UniqueFd to_child, UniqueFd from_child)
      : pid_(pid), to_child_(std::move(to_child)), from_child_(std::move(from_child)) {}
  Child(Child&&) = default;
  Child& operator=(Child&&) = delete;
  ~Child();

  pid_t pid() const { return pid_; }
  // Lets the child go on, and returns when it says that it has come to its next turn.
  void next_turn();
  // Lets it go on without waiting for an answer.
  void go_on();

 private:
  pid_t pid_;
  UniqueFd to_child_, from_child_;
};

// The child's side of taking turns.
class Turn {
 public:
  Turn(int from_parent, int to_parent) : from_parent_(from_parent), to_parent_(to_parent) {}
  // Waits for the parent; false when it is gone or wants no more.
  bool wait() const;
  void done() const;

 private:
  int from_parent_, to_parent_;
};

// Forks; the child runs body(Turn) and exits. It sleeps from the start until the first next_turn().
// Returns the child and, in `fork_ns`, how long fork() held the parent.
template <typename Body>
Child fork_child(Body body, int64_t* fork_ns = nullptr);

// One line of output, printed by the destructor. Names and texts must need no escaping in JSON.
class Line {
 public:
  explicit Line(std::string_view experiment);
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line();

  Line& text(std::string_view name, std::string_view value);
  Line& number(std::string_view name, double value);
  Line& count(std::string_view name, uint64_t value);
  // What it is now less what it was; either may be the larger one.
  Line& change(std::string_view name, uint64_t now, uint64_t before);
  // All of `memory`, the faults as those since `since`.
  Line& memory(const ProcessMemory& memory, const ProcessMemory& since);

 private:
  std::string out_;
};

namespace detail {
struct TurnPipes {
  UniqueFd parent_read, parent_write, child_read, child_write;
};
TurnPipes make_turn_pipes();
pid_t timed_fork(int64_t* fork_ns);
[[noreturn]] void leave_child();
}  // namespace detail

template <typename Body>
Child fork_child(Body body, int64_t* fork_ns) {
  detail::TurnPipes pipes = detail::make_turn_pipes();
  const pid_t pid = detail::timed_fork(fork_ns);
  if (pid == 0) {
    pipes.parent_read.reset();
    pipes.parent_write.reset();
    body(Turn(pipes.child_read.get(), pipes.child_write.get()));
    detail::leave_child();
  }
  return Child(pid, std::move(pipes.parent_write), std::move(pipes.parent_read));
}

}  // namespace cowslip::bench
