// What SCAN, HSCAN, SSCAN and ZSCAN have in common: a cursor, options, and a reply of the next cursor and what was
// found.
//
//     const auto scan = member_scan(c, store::ObjectType::kHash);
//     if (!scan) return;
//     ScanReply reply(c);
//     const uint64_t next = HashView(*scan->entry).scan(scan->cursor, scan->options.count, [&](field, value) {...});
//     reply.end(next);
//
// A function that returns nothing has written the reply.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/text.h"
#include "commands/command.h"

namespace cowslip::commands {

// The views are of the arguments.
struct ScanOptions {
  std::string_view pattern = "*";
  std::optional<std::string_view> type = {};
  uint64_t count = 10;  // at least 1: about how many to look at in one call

  bool matches(std::string_view name) const { return pattern == "*" || glob_match(pattern, name); }
  bool matches(const store::StringView& name) const {
    store::StringView::Scratch scratch;
    return pattern == "*" || glob_match(pattern, name.text(scratch));
  }
};

std::optional<uint64_t> cursor_argument(CommandContext& c, size_t index);
// MATCH and COUNT, and for keys TYPE, from the argument `first` on.
std::optional<ScanOptions> scan_options(CommandContext& c, size_t first, bool of_keys = false);

// The arguments of a scan through the members of one key.
struct MemberScan {
  const store::Entry* entry;  // valid until the database is next changed
  uint64_t cursor;
  ScanOptions options;
};
// Reads "key cursor [MATCH pattern] [COUNT count]". A key that is not there has been replied to, too.
std::optional<MemberScan> member_scan(CommandContext& c, store::ObjectType type);

// Gathers what a scan finds, then replies: the cursor stands in front, and is known last.
class ScanReply {
 public:
  explicit ScanReply(CommandContext& c) : reply_(c.reply), found_(bytes_, c.reply.resp_version()) {}

  void add(std::string_view found) {
    found_.bulk(found);
    count_++;
  }
  void add(const store::StringView& found) {
    found.is_integer() ? found_.bulk_integer(found.integer()) : found_.bulk(found.bytes());
    count_++;
  }
  void end(uint64_t next_cursor);

 private:
  protocol::ReplyWriter& reply_;
  std::string bytes_;
  protocol::ReplyWriter found_;
  size_t count_ = 0;
};

}  // namespace cowslip::commands
