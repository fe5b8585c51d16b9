// Arguments that the commands on bits have in common.
#pragma once

#include <cstdint>
#include <optional>

#include "commands/command.h"

namespace cowslip::commands {

// The bit that the argument at `index` names, or an error reply. With a width, "#n" is the n-th field of so many bits.
std::optional<uint64_t> bit_offset_argument(CommandContext& c, size_t index, unsigned field_width = 0);

// The key's string before some of its bytes are written in place: raw, and of at least `bytes` bytes.
struct BitTarget {
  const store::Entry* entry;
  bool grown;  // created, or longer than before: that is a change, even if no bit is
};
// Null entry: the key holds something else than a string, and there is an error reply.
BitTarget prepare_bits(CommandContext& c, size_t bytes);

}  // namespace cowslip::commands
