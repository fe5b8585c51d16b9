// Lists as sequences: what has which index, and changes inside.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "base/numbers.h"
#include "commands/families.h"
#include "commands/list_ops.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ListEditor;
using store::ListEnd;
using store::ListView;
using store::Lookup;
using store::ObjectType;
using store::StringView;

constexpr std::string_view kIndexOutOfRange = "ERR index out of range";
constexpr std::string_view kNoMinimum =
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807";

// For the argument `text`: is an element equal to it?
class Matcher {
 public:
  explicit Matcher(std::string_view text) : text_(text), integer_(parse_int64(text)) {}
  bool operator()(const StringView& element) const {
    return element.is_integer() ? integer_ == element.integer() : element.bytes() == text_;
  }

 private:
  std::string_view text_;
  std::optional<int64_t> integer_;
};

std::optional<const Entry*> find_list(CommandContext& c, Lookup lookup) {
  return find_of_type(c, c.args[1], ObjectType::kList, lookup);
}

// An index, from the end if negative, as one from the start. Nothing when it lies outside.
std::optional<uint64_t> absolute_index(int64_t index, uint64_t size) {
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return std::nullopt;
  return static_cast<uint64_t>(index);
}

// ---- looking ----

void cmd_llen(CommandContext& c) {
  const auto entry = find_list(c, c.read_lookup());
  if (!entry) return;
  c.reply.integer(*entry != nullptr ? static_cast<int64_t>(ListView(**entry).size()) : 0);
}

void cmd_lindex(CommandContext& c) {
  const auto entry = find_list(c, c.read_lookup());
  if (!entry) return;
  if (*entry == nullptr) return c.reply.null();
  const auto index = integer_argument(c, 2);
  if (!index) return;
  const ListView list(**entry);
  const auto at = absolute_index(*index, list.size());
  if (!at) return c.reply.null();
  reply_string(c.reply, list.at(*at));
}

// The elements [first, first + count) that START and STOP at arguments 2 and 3 mean.
struct Range {
  uint64_t first = 0;
  uint64_t count = 0;
};
Range range_of(int64_t start, int64_t stop, uint64_t size) {
  const auto length = static_cast<int64_t>(size);
  if (start < 0) start = std::max<int64_t>(start + length, 0);
  if (stop < 0) stop += length;
  stop = std::min(stop, length - 1);
  if (start > stop) return {};
  return {static_cast<uint64_t>(start), static_cast<uint64_t>(stop - start + 1)};
}

void cmd_lrange(CommandContext& c) {
  const auto start = integer_argument(c, 2);
  if (!start) return;
  const auto stop = integer_argument(c, 3);
  if (!stop) return;
  const auto entry = find_list(c, c.read_lookup());
  if (!entry) return;
  if (*entry == nullptr) return c.reply.array(0);
  const ListView list(**entry);
  auto [first, left] = range_of(*start, *stop, list.size());
  c.reply.array(left);
  if (left == 0) return;
  list.for_each_from(first, ListEnd::kTail, [&c, &left](const StringView& element) {
    reply_string(c.reply, element);
    return --left > 0;
  });
}

// ---- LPOS ----

struct PositionOptions {
  uint64_t skipped = 0;  // matches before the first that counts
  ListEnd towards = ListEnd::kTail;
  std::optional<uint64_t> count = {};  // 0: all
  uint64_t most_looked_at = 0;         // 0: all
};

bool take_rank(CommandContext& c, size_t index, PositionOptions& options) {
  const auto rank = integer_argument(c, index);
  if (!rank) return false;
  if (*rank == 0 || *rank == INT64_MIN) {
    c.reply.error(*rank == 0 ? "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or "
                               "use negative to start from the end of the list"
                             : kNoMinimum);
    return false;
  }
  options.towards = *rank > 0 ? ListEnd::kTail : ListEnd::kHead;
  options.skipped = static_cast<uint64_t>(*rank > 0 ? *rank : -*rank) - 1;
  return true;
}

std::optional<uint64_t> not_negative(CommandContext& c, size_t index, std::string_view error) {
  const auto number = integer_argument(c, index, error);
  if (!number) return std::nullopt;
  if (*number >= 0) return static_cast<uint64_t>(*number);
  c.reply.error(error);
  return std::nullopt;
}

bool take_position_option(CommandContext& c, size_t index, PositionOptions& options) {
  const std::string_view option = c.args[index];
  if (index + 1 < c.args.size()) {
    if (is_option(option, "RANK")) return take_rank(c, index + 1, options);
    if (is_option(option, "COUNT")) {
      options.count = not_negative(c, index + 1, "ERR COUNT can't be negative");
      return options.count.has_value();
    }
    if (is_option(option, "MAXLEN")) {
      const auto most = not_negative(c, index + 1, "ERR MAXLEN can't be negative");
      options.most_looked_at = most.value_or(0);
      return most.has_value();
    }
  }
  c.reply.error(kSyntaxError);
  return false;
}

// Calls found(index) for the matches that count, until it returns false.
template <typename Found>
void for_each_match(const ListView& list, std::string_view element, const PositionOptions& options, Found&& found) {
  const Matcher matches(element);
  const bool upwards = options.towards == ListEnd::kTail;
  uint64_t index = upwards ? 0 : list.size() - 1, skip = options.skipped, looked_at = 0;
  list.for_each_from(index, options.towards, [&](const StringView& candidate) {
    if (matches(candidate)) {
      if (skip > 0) {
        skip--;
      } else if (!found(index)) {
        return false;
      }
    }
    index += upwards ? 1 : UINT64_MAX;
    return ++looked_at != options.most_looked_at;
  });
}

void reply_positions(CommandContext& c, const ListView& list, const PositionOptions& options) {
  const auto mark = c.reply.begin_aggregate();
  uint64_t found = 0;
  for_each_match(list, c.args[2], options, [&](uint64_t index) {
    c.reply.integer(static_cast<int64_t>(index));
    return ++found != *options.count;
  });
  c.reply.end_array(mark, found);
}

void cmd_lpos(CommandContext& c) {
  PositionOptions options;
  for (size_t i = 3; i < c.args.size(); i += 2) {
    if (!take_position_option(c, i, options)) return;
  }
  const auto entry = find_list(c, c.read_lookup());
  if (!entry) return;
  if (*entry == nullptr) return options.count ? c.reply.array(0) : c.reply.null();
  const ListView list(**entry);
  if (options.count) return reply_positions(c, list, options);
  std::optional<uint64_t> found;
  for_each_match(list, c.args[2], options, [&](uint64_t index) {
    found = index;
    return false;
  });
  found ? c.reply.integer(static_cast<int64_t>(*found)) : c.reply.null();
}

// ---- changes inside ----

// Reports what was done to the key, which is gone with its last element.
void told_of(CommandContext& c, std::string_view event, uint64_t changes, bool gone) {
  c.keyspace.add_dirty(changes);
  c.notify(EventClass::kList, event, c.args[1]);
  if (gone) c.notify(EventClass::kGeneric, "del", c.args[1]);
}

void cmd_lset(CommandContext& c) {
  ListEditor list(c.db(), c.args[1]);
  if (list.entry() == nullptr) return c.reply.error(kNoSuchKey);
  if (!is_list_or_none(c, list)) return;
  const auto index = integer_argument(c, 2);
  if (!index) return;
  const auto at = absolute_index(*index, list.size());
  if (!at) return c.reply.error(kIndexOutOfRange);
  list.set(*at, c.args[3]);
  list.shrink();
  told_of(c, "lset", 1, false);
  c.reply.ok();
}

void cmd_linsert(CommandContext& c) {
  const bool after = is_option(c.args[2], "AFTER");
  if (!after && !is_option(c.args[2], "BEFORE")) return c.reply.error(kSyntaxError);
  ListEditor list(c.db(), c.args[1]);
  if (list.entry() == nullptr) return c.reply.integer(0);
  if (!is_list_or_none(c, list)) return;
  std::optional<uint64_t> pivot;
  for_each_match(ListView(*list.entry()), c.args[3], {}, [&](uint64_t index) {
    pivot = index;
    return false;
  });
  if (!pivot) return c.reply.integer(-1);
  list.insert(*pivot + (after ? 1 : 0), c.args[4]);
  told_of(c, "linsert", 1, false);
  c.reply.integer(static_cast<int64_t>(list.size()));
}

void cmd_ltrim(CommandContext& c) {
  const auto start = integer_argument(c, 2);
  if (!start) return;
  const auto stop = integer_argument(c, 3);
  if (!stop) return;
  ListEditor list(c.db(), c.args[1]);
  if (list.entry() == nullptr) return c.reply.ok();
  if (!is_list_or_none(c, list)) return;
  const uint64_t size = list.size();
  const Range kept = range_of(*start, *stop, size);
  list.touch();  // told even when all is kept
  if (kept.count == 0) {
    list.erase(0, size);
  } else {
    list.erase(kept.first + kept.count, size - kept.first - kept.count);
    list.erase(0, kept.first);
    list.shrink();
  }
  told_of(c, "ltrim", size - kept.count, kept.count == 0);
  c.reply.ok();
}

// The indexes of what LREM is to remove, ascending.
std::vector<uint64_t> to_remove(CommandContext& c, const ListView& list, int64_t count) {
  std::vector<uint64_t> indexes;
  const PositionOptions options{.towards = count < 0 ? ListEnd::kHead : ListEnd::kTail};
  // More than any list has, of which Redis makes the same; and 0: all.
  const auto most = count == INT64_MIN ? 0 : static_cast<uint64_t>(std::abs(count));
  for_each_match(list, c.args[3], options, [&](uint64_t index) {
    indexes.push_back(index);
    return indexes.size() != most;
  });
  if (count < 0) std::ranges::reverse(indexes);
  return indexes;
}

void cmd_lrem(CommandContext& c) {
  const auto count = integer_argument(c, 2);
  if (!count) return;
  ListEditor list(c.db(), c.args[1]);
  if (list.entry() == nullptr) return c.reply.integer(0);
  if (!is_list_or_none(c, list)) return;
  const auto indexes = to_remove(c, ListView(*list.entry()), *count);
  if (!indexes.empty()) {
    const bool all = indexes.size() == list.size();
    list.erase(indexes);
    list.shrink();
    told_of(c, "lrem", indexes.size(), all);
  }
  c.reply.integer(static_cast<int64_t>(indexes.size()));
}

constexpr CommandSpec kSpecs[] = {
    {.name = "llen",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells how many elements a list has.",
     .syntax = "key",
     .handler = cmd_llen,
     .categories = "@list"},
    {.name = "lindex",
     .arity = 3,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(log(N)) for a list of N elements",
     .summary = "Replies with the element of a list that has an index, from the end if negative.",
     .syntax = "key index:integer",
     .handler = cmd_lindex,
     .categories = "@list"},
    {.name = "lrange",
     .arity = 4,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(log(N)+M) for a list of N elements and M in the reply",
     .summary = "Replies with the elements of a list from one index to another.",
     .syntax = "key start:integer stop:integer",
     .handler = cmd_lrange,
     .categories = "@list"},
    {.name = "lpos",
     .arity = -3,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "list",
     .since = "6.0.6",
     .complexity = "O(N) for N elements that are looked at",
     .summary = "Finds where in a list an element is.",
     .syntax = "key element [RANK rank:integer] [COUNT num-matches:integer] [MAXLEN len:integer]",
     .handler = cmd_lpos,
     .categories = "@list"},
    {.name = "lset",
     .arity = 4,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(log(N)) for a list of N elements",
     .summary = "Replaces the element of a list that has an index.",
     .syntax = "key index:integer element",
     .handler = cmd_lset,
     .categories = "@list"},
    {.name = "linsert",
     .arity = 5,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "list",
     .since = "2.2.0",
     .complexity = "O(N) for N elements up to the one that is looked for",
     .summary = "Adds an element before or behind another one.",
     .syntax = "key <where= BEFORE | AFTER> pivot element",
     .handler = cmd_linsert,
     .categories = "@list"},
    {.name = "ltrim",
     .arity = 4,
     .flags = kWrite,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyDelete,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N) for N elements that are removed",
     .summary = "Removes the elements of a list before one index and behind another.",
     .syntax = "key start:integer stop:integer",
     .handler = cmd_ltrim,
     .categories = "@list"},
    {.name = "lrem",
     .arity = 4,
     .flags = kWrite,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyDelete,
     .group = "list",
     .since = "1.0.0",
     .complexity = "O(N+M*log(N)) for a list of N elements of which M are removed",
     .summary = "Removes the elements of a list that are equal to a given one, all of them or some from one end.",
     .syntax = "key count:integer element",
     .handler = cmd_lrem,
     .categories = "@list"},
};

}  // namespace

std::span<const CommandSpec> list_element_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
