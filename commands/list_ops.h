// What takes elements off lists, for the commands that reply at once and for those that wait for an element.
//
// Each function changes the keys, tells of it (events, the count of changes), and writes the reply; the error reply for
// a key of another type counts as one. Those that return a bool have written none when it is false: there was nothing
// to take, and the caller says what becomes of that.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "commands/arguments.h"
#include "commands/command.h"
#include "store/list.h"

namespace cowslip::commands {

// The end that LEFT or RIGHT at `index` names, or an error reply.
std::optional<store::ListEnd> list_end_argument(CommandContext& c, size_t index);

// Whether the key holds a list or nothing; otherwise there is an error reply. For a look before a change, with the
// lookup that the change makes.
bool is_list_or_none(CommandContext& c, const store::ListEditor& editor);

// ---- one key ----

// Takes an element off and replies with it.
bool op_pop(CommandContext& c, std::string_view key, store::ListEnd end);
// Takes up to `count` elements off, one after the other, and replies with an array of them.
bool op_pop_some(CommandContext& c, std::string_view key, store::ListEnd end, uint64_t count);

// Takes an element off `source`, adds it to `destination`, which may be the same key or none yet, and replies with it.
// False when there is no source.
struct ListMove {
  std::string_view source;
  store::ListEnd from;
  std::string_view destination;
  store::ListEnd to;
};
bool op_move(CommandContext& c, const ListMove& move);

// ---- the first of several keys that is there ----

// BLPOP and BRPOP: the key and one element of it.
bool op_pop_first(CommandContext& c, std::span<const std::string_view> keys, store::ListEnd end);

// LMPOP and BLMPOP: the key and an array of elements.
struct ListMultiPop {
  std::span<const std::string_view> keys;
  store::ListEnd end;
  uint64_t count;
};
// What the arguments from the number of keys on say, or an error reply.
std::optional<ListMultiPop> list_multi_pop_arguments(CommandContext& c, size_t index);
bool op_multi_pop(CommandContext& c, const ListMultiPop& pop);

}  // namespace cowslip::commands
