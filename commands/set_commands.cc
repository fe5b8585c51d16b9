// Sets, member by member. What combines several of them is in set_algebra_commands.cc.
#include "commands/arguments.h"
#include "commands/families.h"
#include "commands/random_picks.h"
#include "commands/scan_arguments.h"
#include "store/set.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ObjectType;
using store::SetEditor;
using store::SetView;
using store::StringView;

// The entry of the set that argument 1 names, as find_of_type().
std::optional<const Entry*> find_set(CommandContext& c) {
  return find_of_type(c, c.args[1], ObjectType::kSet, c.read_lookup());
}

SetView view_of(CommandContext& c, const Entry& entry) {
  return SetView(entry, c.keyspace.hash_seed());
}

// ---- reading ----

void cmd_sismember(CommandContext& c) {
  const auto entry = find_set(c);
  if (!entry) return;
  c.reply.integer(*entry != nullptr && view_of(c, **entry).contains(c.args[2]));
}

void cmd_smismember(CommandContext& c) {
  const auto entry = find_set(c);
  if (!entry) return;
  const auto members = c.args.subspan(2);
  c.reply.array(members.size());
  if (*entry == nullptr) {
    for (size_t i = 0; i < members.size(); i++) c.reply.integer(0);
    return;
  }
  const SetView set = view_of(c, **entry);
  for (const std::string_view member : members) c.reply.integer(set.contains(member));
}

void cmd_scard(CommandContext& c) {
  const auto entry = find_set(c);
  if (!entry) return;
  c.reply.integer(*entry != nullptr ? static_cast<int64_t>(SetView(**entry).size()) : 0);
}

void cmd_smembers(CommandContext& c) {
  const auto entry = find_set(c);
  if (!entry) return;
  if (*entry == nullptr) return c.reply.set(0);
  const SetView set(**entry);
  c.reply.set(set.size());
  set.for_each([&](const StringView& member) { reply_string(c.reply, member); });
}

void cmd_sscan(CommandContext& c) {
  const auto scan = member_scan(c, ObjectType::kSet);
  if (!scan) return;
  ScanReply reply(c);
  reply.end(SetView(*scan->entry).scan(scan->cursor, scan->options.count, [&](const StringView& member) {
    if (scan->options.matches(member)) reply.add(member);
  }));
}

// ---- writing ----

void cmd_sadd(CommandContext& c) {
  const auto members = c.args.subspan(2);
  size_t added = 0;
  {
    SetEditor set(c.db(), c.args[1]);
    if (set.wrong_type()) return c.reply.error(kWrongType);
    set.expect(members.size());
    for (const std::string_view member : members) added += set.add(member);
  }
  if (added > 0) c.notify(EventClass::kSet, "sadd", c.args[1]);
  c.keyspace.add_dirty(added);
  c.reply.integer(static_cast<int64_t>(added));
}

void cmd_srem(CommandContext& c) {
  size_t erased = 0;
  bool gone = false;
  {
    SetEditor set(c.db(), c.args[1]);
    if (set.wrong_type()) return c.reply.error(kWrongType);
    for (size_t i = 2; i < c.args.size() && set.exists(); i++) erased += set.erase(c.args[i]);
    gone = erased > 0 && !set.exists();
  }
  if (erased > 0) c.notify(EventClass::kSet, "srem", c.args[1]);
  if (gone) c.notify(EventClass::kGeneric, "del", c.args[1]);
  c.keyspace.add_dirty(erased);
  c.reply.integer(static_cast<int64_t>(erased));
}

// ---- moving ----

// Takes the member out of the source. False when it was not there.
bool op_take(CommandContext& c, std::string_view source, std::string_view member) {
  bool gone = false;
  {
    SetEditor set(c.db(), source);
    if (!set.erase(member)) return false;
    gone = !set.exists();
  }
  c.notify(EventClass::kSet, "srem", source);
  if (gone) c.notify(EventClass::kGeneric, "del", source);
  c.keyspace.add_dirty(1);
  return true;
}

void op_put(CommandContext& c, std::string_view destination, std::string_view member) {
  if (!SetEditor(c.db(), destination).add(member)) return;
  c.keyspace.add_dirty(1);
  c.notify(EventClass::kSet, "sadd", destination);
}

void cmd_smove(CommandContext& c) {
  const std::string_view from = c.args[1], to = c.args[2], member = c.args[3];
  const bool exists = c.db().find(from, store::Lookup::kWrite) != nullptr;
  const Entry* const target = c.db().find(to, store::Lookup::kWrite);
  if (!exists) return c.reply.integer(0);
  const Entry* const source = c.db().peek(from);  // again: the second key may have expired, and so changed the database
  const bool wrong_target = target != nullptr && target->type() != ObjectType::kSet;
  if (source->type() != ObjectType::kSet || wrong_target) return c.reply.error(kWrongType);
  if (from == to) return c.reply.integer(view_of(c, *source).contains(member));
  if (!op_take(c, from, member)) return c.reply.integer(0);
  op_put(c, to, member);
  c.reply.integer(1);
}

// ---- any ----

void cmd_srandmember(CommandContext& c) {
  const bool has_count = c.args.size() == 3;
  if (c.args.size() > 3) return c.reply.error(kSyntaxError);
  const auto count = has_count ? random_count_argument(c, 2) : std::optional<int64_t>(1);
  if (!count) return;
  const auto entry = find_set(c);
  if (!entry) return;
  if (*entry == nullptr) return has_count ? c.reply.array(0) : c.reply.null();
  const SetView set(**entry);
  const auto reply_member = [&](const StringView& member) { reply_string(c.reply, member); };
  Random& random = c.host.random();
  if (!has_count) return reply_member(set.at(random.below(set.size())));
  const uint64_t wanted = *count < 0 ? static_cast<uint64_t>(-*count) : std::min<uint64_t>(*count, set.size());
  c.reply.array(wanted);
  if (*count < 0) {
    for_random_repeated(set, random, wanted, reply_member);
  } else {
    for_random_distinct(set, random, wanted, reply_member);
  }
}

// Takes out those with these ranks, which are ascending.
void op_erase_ranks(SetEditor& set, std::span<const uint64_t> ranks) {
  const uint64_t size = set.view().size();
  if (ranks.size() == size) return set.erase_all();
  // Where little is left, that is quicker to carry over than the rest to take out.
  constexpr uint64_t kMuchMore = 5;
  if ((size - ranks.size()) * kMuchMore >= ranks.size()) {
    for (size_t i = ranks.size(); i-- > 0;) set.erase_at(ranks[i]);
    return;
  }
  std::vector<uint64_t> kept;
  auto popped = ranks.begin();
  for (uint64_t rank = 0; rank < size; rank++) {
    if (popped != ranks.end() && *popped == rank) {
      popped++;
    } else {
      kept.push_back(rank);
    }
  }
  set.keep_only(kept);
}

std::vector<uint64_t> ranks_to_pop(Random& random, uint64_t size, uint64_t count) {
  if (count <= size / 8) return random_ranks(random, size, count);
  RandomSelection selection(random, size, count);
  std::vector<uint64_t> ranks;
  ranks.reserve(count);
  for (uint64_t rank = 0; rank < size; rank++) {
    if (selection.next()) ranks.push_back(rank);
  }
  return ranks;
}

// Calls visit(StringView) for the members with these ranks, which are ascending.
template <typename Visit>
void for_each_at(const SetView& set, std::span<const uint64_t> ranks, Visit&& visit) {
  if (ranks.size() < set.size() / 8) {
    for (const uint64_t rank : ranks) visit(set.at(rank));
    return;
  }
  uint64_t rank = 0;
  auto wanted = ranks.begin();
  set.for_each_while([&](const StringView& member) {
    if (rank++ == *wanted) {
      visit(member);
      wanted++;
    }
    return wanted != ranks.end();
  });
}

// Replies with `count` members and takes them out. REQUIRES: 0 < count <= the set's size.
void op_pop(CommandContext& c, SetEditor& set, uint64_t count, bool as_set) {
  const SetView view = set.view();
  c.notify(EventClass::kSet, "spop", c.args[1]);
  if (as_set) c.reply.set(count);
  if (count == view.size()) {
    view.for_each([&](const StringView& member) { reply_string(c.reply, member); });
    return set.erase_all();
  }
  const auto ranks = ranks_to_pop(c.host.random(), view.size(), count);
  for_each_at(view, ranks, [&](const StringView& member) { reply_string(c.reply, member); });
  op_erase_ranks(set, ranks);
}

void cmd_spop(CommandContext& c) {
  const bool has_count = c.args.size() == 3;
  if (c.args.size() > 3) return c.reply.error(kSyntaxError);
  int64_t count = 1;
  if (has_count) {
    const auto wanted = integer_argument(c, 2, "ERR value is out of range, must be positive");
    if (!wanted) return;
    if (*wanted < 0) return c.reply.error("ERR value is out of range, must be positive");
    count = *wanted;
  }
  uint64_t popped = 0;
  bool gone = false;
  {
    SetEditor set(c.db(), c.args[1]);
    if (set.wrong_type()) return c.reply.error(kWrongType);
    if (!set.exists()) return has_count ? c.reply.set(0) : c.reply.null();
    if (count == 0) return c.reply.set(0);
    popped = std::min<uint64_t>(count, set.view().size());
    op_pop(c, set, popped, has_count);
    gone = !set.exists();
  }
  if (gone) c.notify(EventClass::kGeneric, "del", c.args[1]);
  c.keyspace.add_dirty(popped);
}

constexpr uint16_t kReadKey = kKeyRO | kKeyAccess;

constexpr KeySpec kMoveKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRW | kKeyAccess | kKeyDelete},
    {.range = {2, 2, 1}, .flags = kKeyRW | kKeyInsert},
};

constexpr CommandSpec kSpecs[] = {
    {.name = "sadd",
     .arity = -3,
     .flags = kWrite | kDenyOom | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyInsert,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(1) for each member",
     .summary = "Adds members to a set, which is created if need be. Replies with how many are new.",
     .syntax = "key member ...",
     .handler = cmd_sadd,
     .categories = "@set"},
    {.name = "srem",
     .arity = -3,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyDelete,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(1) for each member",
     .summary = "Takes members out of a set; with its last one, the set goes. Replies with how many were there.",
     .syntax = "key member ...",
     .handler = cmd_srem,
     .categories = "@set"},
    {.name = "smove",
     .arity = 4,
     .flags = kWrite | kFast,
     .keys = {1, 2, 1},
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Takes a member out of one set and adds it to another.",
     .syntax = "source:key destination:key member",
     .handler = cmd_smove,
     .categories = "@set",
     .key_specs = kMoveKeys},
    {.name = "sismember",
     .arity = 3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Tells whether something is a member of a set.",
     .syntax = "key member",
     .handler = cmd_sismember,
     .categories = "@set"},
    {.name = "smismember",
     .arity = -3,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "set",
     .since = "6.2.0",
     .complexity = "O(1) for each member",
     .summary = "Tells of several things whether they are members of a set.",
     .syntax = "key member ...",
     .handler = cmd_smismember,
     .categories = "@set"},
    {.name = "scard",
     .arity = 2,
     .flags = kReadonly | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRO,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(1)",
     .summary = "Counts the members of a set.",
     .syntax = "key",
     .handler = cmd_scard,
     .categories = "@set"},
    {.name = "smembers",
     .arity = 2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(N) for N members",
     .summary = "Replies with all members of a set.",
     .syntax = "key",
     .handler = cmd_smembers,
     .categories = "@set",
     .tips = "nondeterministic_output_order"},
    {.name = "spop",
     .arity = -2,
     .flags = kWrite | kFast,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyAccess | kKeyDelete,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(log N) for each of the members that are popped, of N",
     .summary = "Takes members chosen at random out of a set and replies with them.",
     .syntax = "key [count:integer]",
     .handler = cmd_spop,
     .categories = "@set",
     .tips = "nondeterministic_output"},
    {.name = "srandmember",
     .arity = -2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "set",
     .since = "1.0.0",
     .complexity = "O(log N) for each of the members that are returned, of N",
     .summary = "Replies with members chosen at random: different ones, or with a negative count any.",
     .syntax = "key [count:integer]",
     .handler = cmd_srandmember,
     .categories = "@set",
     .tips = "nondeterministic_output"},
    {.name = "sscan",
     .arity = -3,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kReadKey,
     .group = "set",
     .since = "2.8.0",
     .complexity = "O(1) for a call, O(N) for a whole round over N members",
     .summary = "Lists some members, and the cursor to go on with. A round sees every one that is there all the time.",
     .syntax = "key cursor:integer [MATCH pattern] [COUNT count:integer]",
     .handler = cmd_sscan,
     .categories = "@set",
     .tips = "nondeterministic_output"},
};

}  // namespace

std::span<const CommandSpec> set_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
