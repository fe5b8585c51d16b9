// What handlers do with most arguments: read numbers, recognize options, reply values. A function that fails has
// written the error reply, and its caller returns.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/text.h"
#include "commands/command.h"
#include "commands/errors.h"

namespace cowslip::commands {

inline bool is_option(std::string_view argument, std::string_view option) {
  return equals_ignore_case(argument, option);
}

// The integer at `index`, or an error reply.
std::optional<int64_t> integer_argument(CommandContext& c, size_t index, std::string_view error = kNotAnInteger);
// The same for a 32-bit integer. Without `error`, a number that is too large is told apart from what is no number.
std::optional<int> int_argument(CommandContext& c, size_t index, std::string_view error = {});
// The number of an existing database, or an error reply.
std::optional<int> database_argument(CommandContext& c, size_t index);

// The keys behind the argument at `index`, which says how many; or an error reply, `too_few` when that is not a number
// from 1 on, `too_many` when there are not so many arguments.
std::optional<std::span<const std::string_view>> counted_keys(CommandContext& c, size_t index,
                                                              std::string_view too_few = kNoKeyCount,
                                                              std::string_view too_many = kSyntaxError);

// How an expiry is given.
enum class TimeForm { kSeconds, kMilliseconds, kUnixSeconds, kUnixMilliseconds };
inline bool is_relative(TimeForm form) {
  return form == TimeForm::kSeconds || form == TimeForm::kMilliseconds;
}

// The moment (Unix milliseconds) that the argument at `index` stands for, or an error reply. deadline_argument() wants
// a positive amount; moment_argument() takes any, past ones too.
std::optional<int64_t> moment_argument(CommandContext& c, size_t index, TimeForm form);
std::optional<int64_t> deadline_argument(CommandContext& c, size_t index, TimeForm form);

inline bool is_string(const store::Entry& entry) {
  return entry.type() == store::ObjectType::kString;
}

// The entry of a key of that type, or null when the key is not there. Nothing after an error reply, when the key holds
// something else.
inline std::optional<const store::Entry*> find_of_type(CommandContext& c, std::string_view key, store::ObjectType type,
                                                       store::Lookup lookup) {
  const store::Entry* entry = c.db().find(key, lookup);
  if (entry == nullptr || entry->type() == type) return entry;
  c.reply.error(kWrongType);
  return std::nullopt;
}

// Of several keys that were looked up one after the other: a look at one that has expired changes the database, so what
// was found before it is found anew.
inline void peek_again(CommandContext& c, std::span<const std::string_view> keys,
                       std::span<const store::Entry*> entries) {
  for (size_t i = 0; i < keys.size(); i++) {
    if (entries[i] != nullptr) entries[i] = c.db().peek(keys[i]);
  }
}

// A string value as a bulk string.
inline void reply_string(protocol::ReplyWriter& reply, const store::StringView& value) {
  if (value.is_integer()) {
    reply.bulk_integer(value.integer());
  } else {
    reply.bulk(value.bytes());
  }
}

// Replies with the lines of a HELP subcommand: a title that names `command`, `lines`, and how to see this again.
void reply_help(CommandContext& c, std::string_view command, std::span<const std::string_view> lines);

}  // namespace cowslip::commands
