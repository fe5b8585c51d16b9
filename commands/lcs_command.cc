// LCS: the longest common subsequence of two strings, by the classic table of prefix lengths.
#include <algorithm>
#include <memory>
#include <new>
#include <vector>

#include "commands/arguments.h"
#include "commands/families.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::Lookup;
using store::StringView;

struct Options {
  bool length_only = false;        // LEN
  bool matches = false;            // IDX
  bool with_match_length = false;  // WITHMATCHLEN
  int64_t min_match_length = 0;    // MINMATCHLEN
};

// A run of bytes that both strings have, and the subsequence goes through.
struct Match {
  size_t a;
  size_t b;
  size_t length;
};

// The lengths of the longest common subsequences of all pairs of prefixes. Four bytes for each pair.
class LengthTable {
 public:
  // Null when there is not so much memory.
  static std::unique_ptr<LengthTable> make(std::string_view a, std::string_view b) {
    std::unique_ptr<uint32_t[]> cells(new (std::nothrow) uint32_t[cell_count(a, b)]);
    if (!cells) return nullptr;
    return std::unique_ptr<LengthTable>(new LengthTable(a, b, std::move(cells)));
  }
  static uint64_t cell_count(std::string_view a, std::string_view b) {
    return (uint64_t{a.size()} + 1) * (uint64_t{b.size()} + 1);
  }

  // Of the first `i` bytes of a and the first `j` bytes of b.
  uint32_t at(size_t i, size_t j) const { return cells_[i * width_ + j]; }
  uint32_t total() const { return at(a_.size(), b_.size()); }
  // The runs of one longest subsequence, last first. Where there are several, it is the one that Redis finds.
  std::vector<Match> matches() const;

 private:
  LengthTable(std::string_view a, std::string_view b, std::unique_ptr<uint32_t[]> cells)
      : a_(a), b_(b), width_(b.size() + 1), cells_(std::move(cells)) {
    std::fill_n(&cells_[0], width_, 0);
    for (size_t i = 1; i <= a.size(); i++) fill_row(i);
  }
  void fill_row(size_t i) {
    const uint32_t* above = &cells_[(i - 1) * width_];
    uint32_t* row = &cells_[i * width_];
    row[0] = 0;
    for (size_t j = 1; j < width_; j++) {
      row[j] = a_[i - 1] == b_[j - 1] ? above[j - 1] + 1 : std::max(above[j], row[j - 1]);
    }
  }

  std::string_view a_;
  std::string_view b_;
  size_t width_;
  std::unique_ptr<uint32_t[]> cells_;
};

std::vector<Match> LengthTable::matches() const {
  std::vector<Match> found;
  size_t i = a_.size();
  size_t j = b_.size();
  bool in_run = false;
  while (i > 0 && j > 0) {
    if (a_[i - 1] == b_[j - 1]) {
      i--, j--;
      if (!in_run) found.push_back({i, j, 0});
      in_run = true;
      found.back() = {i, j, found.back().length + 1};
    } else {
      in_run = false;
      at(i - 1, j) > at(i, j - 1) ? i-- : j--;
    }
  }
  return found;
}

std::optional<Options> parse_options(CommandContext& c) {
  Options options;
  for (size_t i = 3; i < c.args.size(); i++) {
    if (is_option(c.args[i], "IDX")) {
      options.matches = true;
    } else if (is_option(c.args[i], "LEN")) {
      options.length_only = true;
    } else if (is_option(c.args[i], "WITHMATCHLEN")) {
      options.with_match_length = true;
    } else if (is_option(c.args[i], "MINMATCHLEN") && i + 1 < c.args.size()) {
      const auto length = integer_argument(c, ++i);
      if (!length) return std::nullopt;
      options.min_match_length = std::max<int64_t>(*length, 0);
    } else {
      c.reply.error(kSyntaxError);
      return std::nullopt;
    }
  }
  if (!options.matches || !options.length_only) return options;
  c.reply.error("ERR If you want both the length and indexes, please just use IDX.");
  return std::nullopt;
}

void reply_range(CommandContext& c, size_t start, size_t length) {
  c.reply.array(2);
  c.reply.integer(static_cast<int64_t>(start));
  c.reply.integer(static_cast<int64_t>(start + length - 1));
}

void reply_matches(CommandContext& c, const LengthTable& table, const Options& options) {
  std::vector<Match> matches = table.matches();
  std::erase_if(matches, [&](const Match& m) { return m.length < static_cast<uint64_t>(options.min_match_length); });
  c.reply.map(2);
  c.reply.bulk("matches");
  c.reply.array(matches.size());
  for (const Match& match : matches) {
    c.reply.array(options.with_match_length ? 3 : 2);
    reply_range(c, match.a, match.length);
    reply_range(c, match.b, match.length);
    if (options.with_match_length) c.reply.integer(static_cast<int64_t>(match.length));
  }
  c.reply.bulk("len");
  c.reply.integer(table.total());
}

void reply_subsequence(CommandContext& c, const LengthTable& table, std::string_view a) {
  std::string text;
  text.reserve(table.total());
  const std::vector<Match> matches = table.matches();
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) text += a.substr(match->a, match->length);
  c.reply.bulk(text);
}

void reply_lcs(CommandContext& c, std::string_view a, std::string_view b, const Options& options) {
  constexpr size_t kLongest = UINT32_MAX - 1;
  if (a.size() >= kLongest || b.size() >= kLongest) return c.reply.error("ERR String too long for LCS");
  uint64_t table_bytes = 0;
  const bool overflows = __builtin_mul_overflow(LengthTable::cell_count(a, b), sizeof(uint32_t), &table_bytes);
  if (!overflows && table_bytes > c.host.limits().proto_max_bulk_len) {
    return c.reply.error("ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
  }
  const auto table = overflows ? nullptr : LengthTable::make(a, b);
  if (!table) return c.reply.error("ERR Insufficient memory, failed allocating transient memory for LCS");
  if (options.matches) {
    reply_matches(c, *table, options);
  } else if (options.length_only) {
    c.reply.integer(table->total());
  } else {
    reply_subsequence(c, *table, a);
  }
}

void cmd_lcs(CommandContext& c) {
  c.db().find(c.args[1], c.read_lookup());
  c.db().find(c.args[2], c.read_lookup());
  // A second look, because finding the second key expired may have moved the first.
  const Entry* a = c.db().find(c.args[1], Lookup::kPeek);
  const Entry* b = c.db().find(c.args[2], Lookup::kPeek);
  if ((a != nullptr && !is_string(*a)) || (b != nullptr && !is_string(*b))) {
    return c.reply.error("ERR The specified keys must contain string values");
  }
  const auto options = parse_options(c);
  if (!options) return;
  StringView::Scratch a_scratch;
  StringView::Scratch b_scratch;
  reply_lcs(c, a != nullptr ? a->string().text(a_scratch) : "", b != nullptr ? b->string().text(b_scratch) : "",
            *options);
}

constexpr CommandSpec kSpecs[] = {
    {.name = "lcs",
     .arity = -3,
     .flags = kReadonly,
     .keys = {1, 2, 1},
     .key_flags = kKeyRO | kKeyAccess,
     .group = "string",
     .since = "7.0.0",
     .complexity = "O(N*M) for strings of N and M bytes",
     .summary = "Finds the longest subsequence that two strings have in common.",
     .syntax = "key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]",
     .handler = cmd_lcs,
     .categories = "@string"},
};

}  // namespace

std::span<const CommandSpec> lcs_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
