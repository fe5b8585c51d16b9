// The commands that a client has sent since MULTI, kept until EXEC runs them. Part of the session; event loop only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cowslip::commands {

struct Command;

class Transaction {
 public:
  bool open() const { return open_; }
  // A command was refused while queueing: EXEC will not run the others.
  bool aborted() const { return aborted_; }

  // REQUIRES: !open().
  void begin() { open_ = true; }
  void abort() { aborted_ = true; }
  // Back to the state before MULTI, and gives its memory back (an assignment would keep the string's).
  void discard() {
    Transaction fresh;
    std::swap(*this, fresh);
  }

  // Copies the arguments. REQUIRES: open(); the command outlives the transaction.
  void queue(const Command& command, std::span<const std::string_view> args);

  size_t size() const { return queued_.size(); }
  const Command& command(size_t index) const { return *queued_[index].command; }
  // Views into the transaction. Sets `args`, whose memory is used again that way.
  void arguments(size_t index, std::vector<std::string_view>& args) const;

  // The flags of EXEC as far as gates look at them: what one of the queued commands must not do now, EXEC must not.
  uint32_t gate_flags(uint32_t flags_of_exec) const;
  size_t memory_bytes() const;

 private:
  struct Queued {
    const Command* command;
    size_t first_length;  // in lengths_
    size_t first_byte;    // in bytes_
  };

  bool open_ = false;
  bool aborted_ = false;
  uint32_t flags_of_any_ = 0;
  uint32_t flags_of_all_ = ~uint32_t{0};
  std::vector<Queued> queued_;
  std::vector<size_t> lengths_;  // of all arguments of all commands
  std::string bytes_;            // the arguments, one behind the other
};

}  // namespace cowslip::commands
