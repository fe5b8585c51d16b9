// All commands by name, and their statistics. Built once at start; the specs are constants of the family files.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "commands/command.h"

namespace cowslip::commands {

struct CommandStatistics {
  uint64_t calls = 0;
  uint64_t usec = 0;
  uint64_t rejected_calls = 0;  // refused before they ran (arity, gates)
  uint64_t failed_calls = 0;    // ran and replied an error
};

// A spec in the table, with what is counted for it.
struct Command {
  const CommandSpec* spec;
  const Command* parent = nullptr;  // of a subcommand: its container
  uint16_t number = 0;              // in the table, from 1; what the ledger of a snapshot's cost knows a command by
  std::string full_name;            // "client|list"
  std::vector<std::unique_ptr<Command>> subcommands;
  mutable CommandStatistics statistics;

  const Command* find_subcommand(std::string_view name) const;  // any case
};

class CommandTable {
 public:
  CommandTable();
  // `specs` must outlive the table. REQUIRES: no name is added twice.
  void add(std::span<const CommandSpec> specs);
  // By name in any case; null when there is none. "config|get" style names are found by find_full().
  const Command* find(std::string_view name) const;
  const Command* find_full(std::string_view full_name) const;
  // The command that a request names, a subcommand where there is one; null when there is none. REQUIRES: args is not
  // empty.
  const Command* resolve(std::span<const std::string_view> args) const;
  // By its number; null when there is none.
  const Command* find_number(uint16_t number) const;
  // In the order of their names.
  const std::vector<std::unique_ptr<Command>>& all() const { return commands_; }
  void reset_statistics();

 private:
  // Open addressing by a fingerprint of the name that ignores case; at most a quarter of the slots is taken.
  struct Slot {
    uint64_t fingerprint = 0;
    const Command* command = nullptr;
  };
  void number(Command& command);
  void index(const Command* command);
  void grow_index();

  std::vector<std::unique_ptr<Command>> commands_;
  std::vector<const Command*> numbered_;  // subcommands too; the first has number 1
  std::vector<Slot> slots_;
};

// The families of this library: strings, generic keys, connection basics, COMMAND. The server adds its own.
void add_data_commands(CommandTable& table);

}  // namespace cowslip::commands
