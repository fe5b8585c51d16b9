#include "commands/scan_arguments.h"

#include <charconv>

#include "base/numbers.h"
#include "commands/arguments.h"

namespace cowslip::commands {
namespace {

// What strtoul takes, which is more than what scans hand out: nothing at all, a sign, leading zeros.
std::optional<uint64_t> parse_cursor(std::string_view text) {
  const bool negative = text.starts_with('-');
  const bool has_sign = negative || text.starts_with('+');
  const std::string_view digits = text.substr(has_sign ? 1 : 0);
  if (digits.empty()) return has_sign ? std::nullopt : std::optional<uint64_t>(0);
  uint64_t cursor = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), cursor);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return negative ? 0 - cursor : cursor;
}

}  // namespace

std::optional<uint64_t> cursor_argument(CommandContext& c, size_t index) {
  const auto cursor = parse_cursor(c.args[index]);
  if (!cursor) c.reply.error("ERR invalid cursor");
  return cursor;
}

std::optional<ScanOptions> scan_options(CommandContext& c, size_t first, bool of_keys) {
  ScanOptions options;
  for (size_t i = first; i < c.args.size(); i += 2) {
    bool valid = i + 1 < c.args.size();
    if (valid && is_option(c.args[i], "COUNT")) {
      const auto count = integer_argument(c, i + 1);
      if (!count) return std::nullopt;
      valid = *count >= 1;
      options.count = static_cast<uint64_t>(*count);
    } else if (valid && is_option(c.args[i], "MATCH")) {
      options.pattern = c.args[i + 1];
    } else if (valid && of_keys && is_option(c.args[i], "TYPE")) {
      options.type = c.args[i + 1];
    } else {
      valid = false;
    }
    if (valid) continue;
    c.reply.error(kSyntaxError);
    return std::nullopt;
  }
  return options;
}

std::optional<MemberScan> member_scan(CommandContext& c, store::ObjectType type) {
  const auto cursor = cursor_argument(c, 2);
  if (!cursor) return std::nullopt;
  const store::Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) {
    ScanReply(c).end(0);
    return std::nullopt;
  }
  if (entry->type() != type) {
    c.reply.error(kWrongType);
    return std::nullopt;
  }
  const auto options = scan_options(c, 3);
  if (!options) return std::nullopt;
  return MemberScan{entry, *cursor, *options};
}

void ScanReply::end(uint64_t next_cursor) {
  char digits[kInt64Digits];
  const char* end = std::to_chars(digits, digits + sizeof digits, next_cursor).ptr;
  reply_.array(2);
  reply_.bulk({digits, end});
  reply_.array(count_);
  reply_.raw(bytes_);
}

}  // namespace cowslip::commands
