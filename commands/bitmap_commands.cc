// Strings as rows of bits: single ones set, read, counted and searched for; whole rows combined.
#include <algorithm>
#include <vector>

#include "commands/arguments.h"
#include "commands/bit_arguments.h"
#include "commands/families.h"
#include "store/bitmap.h"

namespace cowslip::commands {
namespace {

using store::BitOperation;
using store::BitRange;
using store::Entry;
using store::Lookup;
using store::StringView;

// ---- single bits ----

// The bit before. Only a change is written, and only the byte that has it.
bool op_setbit(CommandContext& c, const BitTarget& target, uint64_t offset, bool bit) {
  const size_t at = offset / 8;
  const auto mask = static_cast<uint8_t>(0x80 >> offset % 8);
  const auto old = static_cast<uint8_t>(target.entry->string().bytes()[at]);
  const bool before = (old & mask) != 0;
  if (before != bit) c.db().writable_range(c.args[1], at, 1)[0] = static_cast<char>(old ^ mask);
  if (target.grown || before != bit) {
    c.keyspace.add_dirty(1);
    c.notify(EventClass::kString, "setbit", c.args[1]);
  }
  return before;
}

void cmd_setbit(CommandContext& c) {
  constexpr std::string_view kNotABit = "ERR bit is not an integer or out of range";
  const auto offset = bit_offset_argument(c, 2);
  if (!offset) return;
  const auto bit = integer_argument(c, 3, kNotABit);
  if (!bit) return;
  if (*bit != 0 && *bit != 1) return c.reply.error(kNotABit);
  const BitTarget target = prepare_bits(c, *offset / 8 + 1);
  if (target.entry != nullptr) c.reply.integer(op_setbit(c, target, *offset, *bit == 1));
}

void cmd_getbit(CommandContext& c) {
  const auto offset = bit_offset_argument(c, 2);
  if (!offset) return;
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.integer(0);
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  StringView::Scratch scratch;
  const std::string_view text = entry->string().text(scratch);
  const size_t at = *offset / 8;
  const bool bit = at < text.size() && (static_cast<uint8_t>(text[at]) & 0x80 >> *offset % 8) != 0;
  c.reply.integer(bit);
}

// ---- ranges ----

// START END [BYTE | BIT], from argument `first` on: negative numbers count from the end.
struct RangeArguments {
  int64_t start = 0;
  int64_t end = -1;
  bool end_given = false;
  bool in_bits = false;

  // What they are of a string; nothing if that is empty. Both ends are moved inside.
  std::optional<BitRange> of(size_t bytes) const {
    const auto total = static_cast<int64_t>(in_bits ? bytes * 8 : bytes);
    const auto absolute = [total](int64_t position) {
      return std::max<int64_t>(position < 0 ? total + position : position, 0);
    };
    const int64_t from = absolute(start);
    const int64_t to = std::min(absolute(end), total - 1);
    if (from > to) return std::nullopt;
    const auto first = static_cast<uint64_t>(from);
    const auto last = static_cast<uint64_t>(to);
    return in_bits ? BitRange{first, last} : BitRange{first * 8, last * 8 + 7};
  }
};

// Each command reads them in an order of its own, which tells where several are wrong.
class RangeParser {
 public:
  // START is argument `first`.
  RangeParser(CommandContext& c, size_t first) : c_(c), first_(first) {}

  // These return false after an error reply. What is not there is as it is.
  bool start() {
    if (c_.args.size() <= first_) return true;
    const auto start = integer_argument(c_, first_);
    if (start) range_.start = *start;
    return start.has_value();
  }
  bool end() {
    if (c_.args.size() <= first_ + 1) return true;
    const auto end = integer_argument(c_, first_ + 1);
    if (end) range_.end = *end;
    range_.end_given = true;
    return end.has_value();
  }
  bool unit() {
    if (c_.args.size() <= first_ + 2) return true;
    range_.in_bits = is_option(c_.args[first_ + 2], "BIT");
    if (range_.in_bits || is_option(c_.args[first_ + 2], "BYTE")) return true;
    c_.reply.error(kSyntaxError);
    return false;
  }
  const RangeArguments& range() const { return range_; }

 private:
  CommandContext& c_;
  size_t first_;
  RangeArguments range_;
};

void cmd_bitcount(CommandContext& c) {
  if (c.args.size() == 3 || c.args.size() > 5) return c.reply.error(kSyntaxError);
  RangeParser parser(c, 2);
  if (!parser.start() || !parser.end() || !parser.unit()) return;
  const RangeArguments& range = parser.range();
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.integer(0);
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  StringView::Scratch scratch;
  const std::string_view text = entry->string().text(scratch);
  const bool backwards = range.start < 0 && range.end < 0 && range.start > range.end;
  const auto bits = backwards ? std::nullopt : range.of(text.size());
  c.reply.integer(bits ? static_cast<int64_t>(count_ones(text, *bits)) : 0);
}

// An open end is followed by zeros: a search for one then succeeds behind the last byte.
int64_t op_bitpos(std::string_view text, bool bit, const RangeArguments& range) {
  const auto bits = range.of(text.size());
  if (!bits) return -1;
  if (const auto found = find_bit(text, bit, *bits)) return static_cast<int64_t>(*found);
  return bit || range.end_given ? -1 : static_cast<int64_t>(bits->last + 1);
}

void cmd_bitpos(CommandContext& c) {
  const auto bit = integer_argument(c, 2);
  if (!bit) return;
  if (*bit != 0 && *bit != 1) return c.reply.error("ERR The bit argument must be 1 or 0.");
  if (c.args.size() > 6) return c.reply.error(kSyntaxError);
  RangeParser parser(c, 3);
  if (!parser.start() || !parser.unit() || !parser.end()) return;
  const RangeArguments& range = parser.range();
  const Entry* entry = c.db().find(c.args[1], c.read_lookup());
  if (entry == nullptr) return c.reply.integer(*bit == 1 ? -1 : 0);  // like zeros without end
  if (!is_string(*entry)) return c.reply.error(kWrongType);
  StringView::Scratch scratch;
  c.reply.integer(op_bitpos(entry->string().text(scratch), *bit == 1, range));
}

// ---- BITOP ----

std::optional<BitOperation> operation_of(std::string_view word) {
  if (is_option(word, "AND")) return BitOperation::kAnd;
  if (is_option(word, "OR")) return BitOperation::kOr;
  if (is_option(word, "XOR")) return BitOperation::kXor;
  if (is_option(word, "NOT")) return BitOperation::kNot;
  return std::nullopt;
}

// The strings of the keys from argument `first` on, empty for those that are not there.
class BitSources {
 public:
  BitSources(CommandContext& c, size_t first) : c_(c), first_(first), scratches_(c.args.size() - first) {}

  // False, with an error reply, when one of them is no string.
  bool read() {
    const size_t keys = c_.db().size();
    if (!look(c_.read_lookup())) return false;
    // A key that was found expired and deleted may have moved those before it.
    return c_.db().size() == keys || look(Lookup::kPeek);
  }
  std::span<const std::string_view> texts() const { return texts_; }

 private:
  struct Digits {
    StringView::Scratch scratch;
  };

  bool look(Lookup lookup) {
    texts_.clear();
    texts_.reserve(scratches_.size());
    for (size_t i = 0; i < scratches_.size(); i++) {
      const Entry* entry = c_.db().find(c_.args[first_ + i], lookup);
      if (entry != nullptr && !is_string(*entry)) {
        c_.reply.error(kWrongType);
        return false;
      }
      texts_.push_back(entry != nullptr ? entry->string().text(scratches_[i].scratch) : "");
    }
    return true;
  }

  CommandContext& c_;
  size_t first_;
  std::vector<Digits> scratches_;
  std::vector<std::string_view> texts_;
};

size_t op_bitop(CommandContext& c, BitOperation operation, std::string_view key,
                std::span<const std::string_view> sources) {
  const size_t length = std::ranges::max(sources, {}, &std::string_view::size).size();
  if (length > 0) {
    c.db().find(key, Lookup::kWrite);  // a use of the key
    c.db().set_raw(key, length, [&](std::span<char> result) { combine_bits(operation, sources, result); });
    c.keyspace.add_dirty(1);
    c.notify(EventClass::kString, "set", key);
  } else {
    c.store_nothing(key);
  }
  return length;
}

void cmd_bitop(CommandContext& c) {
  const auto operation = operation_of(c.args[1]);
  if (!operation) return c.reply.error(kSyntaxError);
  if (*operation == BitOperation::kNot && c.args.size() != 4) {
    return c.reply.error("ERR BITOP NOT must be called with a single source key.");
  }
  BitSources sources(c, 3);
  if (sources.read()) c.reply.integer(static_cast<int64_t>(op_bitop(c, *operation, c.args[2], sources.texts())));
}

constexpr KeySpec kBitopKeys[] = {
    {.range = {2, 2, 1}, .flags = kKeyOW | kKeyUpdate},
    {.range = {3, -1, 1}, .flags = kKeyRO | kKeyAccess},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "setbit",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyUpdate,
     .group = "bitmap",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Sets or clears one bit of a key's string, which is made longer where it is too short; replies with "
                "what the bit was.",
     .syntax = "key offset:integer value:integer",
     .handler = cmd_setbit,
     .categories = "@bitmap"},
    {.name = "getbit",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "bitmap",
     .since = "2.2.0",
     .complexity = "O(1)",
     .summary = "Replies with one bit of a key's string.",
     .syntax = "key offset:integer",
     .handler = cmd_getbit,
     .categories = "@bitmap"},
    {.name = "bitcount",
     .arity = -2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "bitmap",
     .since = "2.6.0",
     .complexity = "O(N) for N bytes looked at",
     .summary = "Counts the bits that are set in a key's string, or in a part of it.",
     .syntax = "key [range= start:integer end:integer [unit= BYTE | BIT]]",
     .handler = cmd_bitcount,
     .categories = "@bitmap"},
    {.name = "bitpos",
     .arity = -3,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "bitmap",
     .since = "2.8.7",
     .complexity = "O(N) for N bytes looked at",
     .summary = "Finds the first bit that is set, or the first that is clear, in a key's string or in a part of it.",
     .syntax = "key bit:integer [range= start:integer [end-unit-block= end:integer [unit= BYTE | BIT]]]",
     .handler = cmd_bitpos,
     .categories = "@bitmap"},
    {.name = "bitop",
     .arity = -4,
     .flags = kWrite | kDenyOom,
     .keys = {2, -1, 1},
     .group = "bitmap",
     .since = "2.6.0",
     .complexity = "O(N) for N bytes of all sources together",
     .summary = "Combines the strings of several keys bit by bit and stores the result under a key.",
     .syntax = "<operation= AND | OR | XOR | NOT> destkey:key key ...",
     .handler = cmd_bitop,
     .categories = "@bitmap",
     .key_specs = kBitopKeys},
};

}  // namespace

std::span<const CommandSpec> bitmap_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
