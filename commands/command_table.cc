#include "commands/command_table.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace cowslip::commands {
namespace {

constexpr size_t kLongestName = 64;

char folded(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool same_name(std::string_view lower, std::string_view name) {
  if (lower.size() != name.size()) return false;
  for (size_t i = 0; i < name.size(); i++) {
    if (lower[i] != folded(name[i])) return false;
  }
  return true;
}

template <typename Word>
uint64_t load(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Three loads at most, whatever the length. Setting bit 5 makes the two cases of a letter equal; that it makes a few
// other characters equal too does not matter, because a match is compared in full.
uint64_t fingerprint_of(std::string_view name) {
  constexpr uint64_t kCaseBits = 0x2020202020202020;
  const char* bytes = name.data();
  const size_t size = name.size();
  uint64_t head = 0;
  uint64_t tail = 0;
  if (size >= 8) {
    head = load<uint64_t>(bytes);
    tail = load<uint64_t>(bytes + size - 8) | kCaseBits;
  } else if (size >= 4) {
    head = load<uint32_t>(bytes) | load<uint32_t>(bytes + size - 4) << 32;
  } else if (size > 0) {
    head = load<uint8_t>(bytes) | load<uint8_t>(bytes + size / 2) << 8 | load<uint8_t>(bytes + size - 1) << 16;
  }
  uint64_t mixed = ((head | kCaseBits) ^ (tail * 0x9e3779b97f4a7c15) ^ size) * 0xd6e8feb86659fd93;
  return mixed ^ mixed >> 32;
}

std::unique_ptr<Command> make_command(const CommandSpec& spec, const Command* parent) {
  auto command = std::make_unique<Command>();
  command->spec = &spec;
  command->parent = parent;
  command->full_name = parent == nullptr ? std::string(spec.name) : parent->full_name + "|" + std::string(spec.name);
  for (const CommandSpec& subcommand : spec.subcommands) {
    command->subcommands.push_back(make_command(subcommand, command.get()));
  }
  return command;
}

}  // namespace

const Command* Command::find_subcommand(std::string_view name) const {
  for (const auto& subcommand : subcommands) {
    if (same_name(subcommand->spec->name, name)) return subcommand.get();
  }
  return nullptr;
}

CommandTable::CommandTable() : slots_(64) {}

void CommandTable::add(std::span<const CommandSpec> specs) {
  for (const CommandSpec& spec : specs) {
    assert(find(spec.name) == nullptr);
    auto command = make_command(spec, nullptr);
    if ((commands_.size() + 1) * 4 > slots_.size()) grow_index();
    index(command.get());
    number(*command);
    auto place = std::ranges::lower_bound(commands_, spec.name, {}, [](const auto& c) { return c->spec->name; });
    commands_.insert(place, std::move(command));
  }
}

void CommandTable::number(Command& command) {
  numbered_.push_back(&command);
  command.number = static_cast<uint16_t>(numbered_.size());
  for (const auto& subcommand : command.subcommands) number(*subcommand);
}

const Command* CommandTable::find_number(uint16_t number) const {
  return number == 0 || number > numbered_.size() ? nullptr : numbered_[number - 1];
}

void CommandTable::index(const Command* command) {
  const uint64_t fingerprint = fingerprint_of(command->spec->name);
  size_t i = fingerprint & (slots_.size() - 1);
  while (slots_[i].command != nullptr) i = (i + 1) & (slots_.size() - 1);
  slots_[i] = {fingerprint, command};
}

void CommandTable::grow_index() {
  slots_.assign(slots_.size() * 2, Slot());
  for (const auto& command : commands_) index(command.get());
}

const Command* CommandTable::find(std::string_view name) const {
  if (name.size() > kLongestName) return nullptr;
  const uint64_t fingerprint = fingerprint_of(name);
  const size_t mask = slots_.size() - 1;
  for (size_t i = fingerprint & mask; slots_[i].command != nullptr; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.fingerprint == fingerprint && same_name(slot.command->spec->name, name)) return slot.command;
  }
  return nullptr;
}

const Command* CommandTable::find_full(std::string_view full_name) const {
  const size_t bar = full_name.find('|');
  const Command* command = find(full_name.substr(0, bar));
  if (bar == std::string_view::npos || command == nullptr) return command;
  return command->find_subcommand(full_name.substr(bar + 1));
}

const Command* CommandTable::resolve(std::span<const std::string_view> args) const {
  const Command* command = find(args[0]);
  if (command == nullptr || command->subcommands.empty() || args.size() == 1) return command;
  return command->find_subcommand(args[1]);
}

void CommandTable::reset_statistics() {
  for (const auto& command : commands_) {
    command->statistics = {};
    for (const auto& subcommand : command->subcommands) subcommand->statistics = {};
  }
}

}  // namespace cowslip::commands
