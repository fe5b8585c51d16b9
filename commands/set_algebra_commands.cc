// Intersections, unions and differences of sets, as a reply or stored.
#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/set_algebra.h"

namespace cowslip::commands {
namespace {

using store::Encoding;
using store::Entry;
using store::ObjectType;
using store::SetEditor;
using store::SetForm;
using store::SetView;
using store::StringView;

using Keys = std::span<const std::string_view>;

// ---- the sets ----

// The entries of the keys, null where there is none. Nothing after an error reply.
std::optional<std::vector<const Entry*>> find_sets(CommandContext& c, Keys keys) {
  std::vector<const Entry*> entries;
  entries.reserve(keys.size());
  const size_t size = c.db().size();
  for (const std::string_view key : keys) {
    const auto entry = find_of_type(c, key, ObjectType::kSet, c.read_lookup());
    if (!entry) return std::nullopt;
    entries.push_back(*entry);
  }
  if (c.db().size() != size) peek_again(c, keys, entries);
  return entries;
}

std::vector<SetView> views_of_existing(CommandContext& c, std::span<const Entry* const> entries) {
  std::vector<SetView> views;
  views.reserve(entries.size());
  for (const Entry* entry : entries) {
    if (entry != nullptr) views.emplace_back(*entry, c.keyspace.hash_seed());
  }
  return views;
}

// ---- what becomes of the result ----

// Replies with what produce(emit) emits.
template <typename Produce>
void reply_members(CommandContext& c, Produce&& produce) {
  const auto mark = c.reply.begin_aggregate();
  size_t count = 0;
  produce([&](const StringView& member) {
    reply_string(c.reply, member);
    count++;
    return true;
  });
  c.reply.end_set(mark, count);
}

// Stores the members under the key of argument 1 and replies with their number.
void store_members(CommandContext& c, std::span<const StringView> members, Encoding encoding, std::string_view event) {
  const std::string_view key = c.args[1];
  if (members.empty()) {
    c.store_nothing(key);
    return c.reply.integer(0);
  }
  SetEditor(c.db(), key).assign(members, encoding);
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kSet, event, key);
  c.reply.integer(static_cast<int64_t>(members.size()));
}

// ---- intersection ----

// The sets of an intersection; none where one of them is empty.
std::optional<std::vector<SetView>> sets_to_intersect(CommandContext& c, Keys keys) {
  const auto entries = find_sets(c, keys);
  if (!entries) return std::nullopt;
  if (std::ranges::find(*entries, nullptr) != entries->end()) return std::vector<SetView>();
  return views_of_existing(c, *entries);
}

void cmd_sinter(CommandContext& c) {
  const auto sets = sets_to_intersect(c, c.args.subspan(1));
  if (!sets) return;
  if (sets->empty()) return c.reply.set(0);
  reply_members(c, [&](auto emit) { intersect(*sets, emit); });
}

void cmd_sinterstore(CommandContext& c) {
  const auto sets = sets_to_intersect(c, c.args.subspan(2));
  if (!sets) return;
  std::vector<StringView> members;
  SetForm form(c.keyspace.encoding_limits());
  if (!sets->empty()) {
    intersect(*sets, [&](const StringView& member) {
      members.push_back(member);
      form.add(member);
      return true;
    });
  }
  store_members(c, members, form.least(), "sinterstore");
}

// LIMIT, 0 when there is none. Nothing after an error reply.
std::optional<uint64_t> limit_option(CommandContext& c, size_t first) {
  uint64_t limit = 0;
  for (size_t i = first; i < c.args.size(); i += 2) {
    if (!is_option(c.args[i], "LIMIT") || i + 1 == c.args.size()) {
      c.reply.error(kSyntaxError);
      return std::nullopt;
    }
    constexpr std::string_view kNegative = "ERR LIMIT can't be negative";
    const auto number = integer_argument(c, i + 1, kNegative);
    if (!number) return std::nullopt;
    if (*number < 0) {
      c.reply.error(kNegative);
      return std::nullopt;
    }
    limit = static_cast<uint64_t>(*number);
  }
  return limit;
}

void cmd_sintercard(CommandContext& c) {
  const auto keys = counted_keys(c, 1, kNoKeyCount, "ERR Number of keys can't be greater than number of args");
  if (!keys) return;
  const auto limit = limit_option(c, 2 + keys->size());
  if (!limit) return;
  const auto sets = sets_to_intersect(c, *keys);
  if (!sets) return;
  uint64_t count = 0;
  if (!sets->empty()) intersect(*sets, [&](const StringView&) { return ++count != *limit; });
  c.reply.integer(static_cast<int64_t>(count));
}

// ---- union ----

void cmd_sunion(CommandContext& c) {
  const auto entries = find_sets(c, c.args.subspan(1));
  if (!entries) return;
  reply_members(c, [&](auto emit) { unite(views_of_existing(c, *entries), c.keyspace.hash_seed(), emit); });
}

void cmd_sunionstore(CommandContext& c) {
  const auto entries = find_sets(c, c.args.subspan(2));
  if (!entries) return;
  std::vector<StringView> members;
  SetForm form(c.keyspace.encoding_limits());
  unite(views_of_existing(c, *entries), c.keyspace.hash_seed(), [&](const StringView& member) {
    members.push_back(member);
    form.add(member);
  });
  store_members(c, members, form.encoding(), "sunionstore");
}

// ---- difference ----

// As subtract(). Nothing is in the difference of a set and itself.
template <typename Emit, typename Consider>
void op_subtract(CommandContext& c, std::span<const Entry* const> entries, Emit&& emit, Consider&& consider) {
  const auto others = entries.subspan(1);
  if (entries[0] == nullptr || std::ranges::find(others, entries[0]) != others.end()) return;
  const uint64_t seed = c.keyspace.hash_seed();
  subtract(SetView(*entries[0], seed), views_of_existing(c, others), seed, emit, consider);
}

void cmd_sdiff(CommandContext& c) {
  const auto entries = find_sets(c, c.args.subspan(1));
  if (!entries) return;
  reply_members(c, [&](auto emit) { op_subtract(c, *entries, emit, [](const StringView&) {}); });
}

void cmd_sdiffstore(CommandContext& c) {
  const auto entries = find_sets(c, c.args.subspan(2));
  if (!entries) return;
  std::vector<StringView> members;
  SetForm form(c.keyspace.encoding_limits());
  op_subtract(
      c, *entries, [&](const StringView& member) { members.push_back(member); },
      [&](const StringView& member) { form.add(member); });
  store_members(c, members, form.encoding(), "sdiffstore");
}

constexpr uint16_t kReadKey = kKeyRO | kKeyAccess;

constexpr KeySpec kInterStoreKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRW | kKeyUpdate},
    {.range = {2, -1, 1}, .flags = kReadKey},
};
constexpr KeySpec kStoreKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyOW | kKeyUpdate},
    {.range = {2, -1, 1}, .flags = kReadKey},
};
constexpr KeySpec kCountedKeys[] = {
    {.range = {1, 0, 1}, .flags = kReadKey, .search = KeySearch::kCounted},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "sinter",
     .arity = -2,
     .flags = kReadonly,
     .keys = kAllKeys,
     .key_flags = kReadKey,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N*M) for M sets, the smallest of which has N members",
     .summary = "Replies with the members that all of several sets have.",
     .syntax = "key ...",
     .handler = cmd_sinter,
     .categories = "@set",
     .tips = "nondeterministic_output_order"},
    {.name = "sintercard",
     .arity = -3,
     .flags = kReadonly | kMovableKeys,
     .group = "set",
     .since = "7.0.0",
     .complexity = "O(N*M) for M sets, the smallest of which has N members",
     .summary = "Counts the members that all of several sets have.",
     .syntax = "numkeys:integer key ... [LIMIT limit:integer]",
     .handler = cmd_sintercard,
     .categories = "@set",
     .key_specs = kCountedKeys},
    {.name = "sinterstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kAllKeys,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N*M) for M sets, the smallest of which has N members",
     .summary = "Stores the members that all of several sets have, and replies with their number.",
     .syntax = "destination:key key ...",
     .handler = cmd_sinterstore,
     .categories = "@set",
     .key_specs = kInterStoreKeys},
    {.name = "sunion",
     .arity = -2,
     .flags = kReadonly,
     .keys = kAllKeys,
     .key_flags = kReadKey,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N) for N members of all sets together",
     .summary = "Replies with the members that any of several sets has.",
     .syntax = "key ...",
     .handler = cmd_sunion,
     .categories = "@set",
     .tips = "nondeterministic_output_order"},
    {.name = "sunionstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kAllKeys,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N) for N members of all sets together",
     .summary = "Stores the members that any of several sets has, and replies with their number.",
     .syntax = "destination:key key ...",
     .handler = cmd_sunionstore,
     .categories = "@set",
     .key_specs = kStoreKeys},
    {.name = "sdiff",
     .arity = -2,
     .flags = kReadonly,
     .keys = kAllKeys,
     .key_flags = kReadKey,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N) for N members of all sets together",
     .summary = "Replies with the members of the first set that none of the others has.",
     .syntax = "key ...",
     .handler = cmd_sdiff,
     .categories = "@set",
     .tips = "nondeterministic_output_order"},
    {.name = "sdiffstore",
     .arity = -3,
     .flags = kWrite | kDenyOom,
     .keys = kAllKeys,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N) for N members of all sets together",
     .summary = "Stores the members of the first set that none of the others has, and replies with their number.",
     .syntax = "destination:key key ...",
     .handler = cmd_sdiffstore,
     .categories = "@set",
     .key_specs = kStoreKeys},
};

}  // namespace

std::span<const CommandSpec> set_algebra_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
