#include "commands/bit_arguments.h"

#include <algorithm>

#include "base/numbers.h"
#include "commands/arguments.h"

namespace cowslip::commands {

using store::Encoding;
using store::Entry;
using store::Lookup;

std::optional<uint64_t> bit_offset_argument(CommandContext& c, size_t index, unsigned field_width) {
  std::string_view text = c.args[index];
  const bool counts_fields = field_width > 0 && text.starts_with('#');
  if (counts_fields) text.remove_prefix(1);
  const auto number = parse_int64(text);
  uint64_t offset = 0;
  if (number && *number >= 0 && !__builtin_mul_overflow(*number, counts_fields ? field_width : 1, &offset) &&
      offset <= INT64_MAX && (c.session.internal || offset / 8 < c.host.limits().proto_max_bulk_len)) {
    return offset;
  }
  c.reply.error("ERR bit offset is not an integer or out of range");
  return std::nullopt;
}

BitTarget prepare_bits(CommandContext& c, size_t bytes) {
  const std::string_view key = c.args[1];
  const Entry* entry = c.db().find(key, Lookup::kWrite);
  if (entry != nullptr && !is_string(*entry)) {
    c.reply.error(kWrongType);
    return {nullptr, false};
  }
  const size_t before = entry != nullptr ? entry->string().length() : 0;
  const bool grown = entry == nullptr || before < bytes;
  if (!grown) return {entry->encoding() == Encoding::kRaw ? entry : c.db().make_raw(key), false};
  c.db().writable_range(key, bytes, 0);
  return {c.db().find(key, Lookup::kPeek), true};
}

}  // namespace cowslip::commands
