// Places on the earth, as members of sorted sets: one by one.
#include <vector>

#include "commands/families.h"
#include "commands/geo_arguments.h"
#include "commands/sorted_set_ops.h"

namespace cowslip::commands {
namespace {

using store::ObjectType;

// ---- GEOADD ----

size_t parse_add_options(CommandContext& c, AddOptions& options) {
  size_t i = 2;
  for (; i < c.args.size(); i++) {
    if (is_option(c.args[i], "NX")) {
      options.only_new = true;
    } else if (is_option(c.args[i], "XX")) {
      options.only_existing = true;
    } else if (is_option(c.args[i], "CH")) {
      options.count_changed = true;
    } else {
      break;
    }
  }
  return i;
}

void cmd_geoadd(CommandContext& c) {
  AddOptions options;
  const size_t first = parse_add_options(c, options);
  const size_t left = c.args.size() - first;
  if (left == 0 || left % 3 != 0 || (options.only_new && options.only_existing)) return c.reply.error(kSyntaxError);
  std::vector<double> scores(left / 3);
  for (size_t i = 0; i < scores.size(); i++) {
    const auto at = position_argument(c, first + 3 * i);
    if (!at) return;
    scores[i] = geo_score(*at);
  }
  add_members(c, options, scores, first + 2, 3);
}

// ---- what is there ----

// Calls reply(position or nothing) for each of the members from argument 2 on.
template <typename Reply>
void for_each_place(CommandContext& c, Reply&& reply) {
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  c.reply.array(c.args.size() - 2);
  for (const std::string_view member : c.args.subspan(2)) {
    std::optional<double> score;
    if (*entry != nullptr) score = sorted_set_view(c, **entry).score(member);
    reply(score ? std::optional(geo_position(*score)) : std::nullopt);
  }
}

void cmd_geopos(CommandContext& c) {
  for_each_place(c, [&](const std::optional<GeoPosition>& at) { at ? reply_position(c, *at) : c.reply.null_array(); });
}

void cmd_geohash(CommandContext& c) {
  for_each_place(c, [&](const std::optional<GeoPosition>& at) {
    if (!at) return c.reply.null();
    const GeoText text = geo_text(*at);
    c.reply.bulk({text.data(), text.size()});
  });
}

void cmd_geodist(CommandContext& c) {
  double unit = 1;
  if (c.args.size() == 5) {
    const auto given = unit_argument(c, 4);
    if (!given) return;
    unit = *given;
  } else if (c.args.size() > 5) {
    return c.reply.error(kSyntaxError);
  }
  const auto entry = find_of_type(c, c.args[1], ObjectType::kSortedSet, c.read_lookup());
  if (!entry) return;
  if (*entry == nullptr) return c.reply.null();
  const store::SortedSetView set = sorted_set_view(c, **entry);
  const auto from = set.score(c.args[2]), to = set.score(c.args[3]);
  if (!from || !to) return c.reply.null();
  reply_distance(c, geo_distance(geo_position(*from), geo_position(*to)) / unit);
}

constexpr CommandSpec kSpecs[] = {
    {.name = "geoadd",
     .arity = -5,
     .flags = kWrite | kDenyOom,
     .keys = kOneKey,
     .key_flags = kKeyRW | kKeyUpdate,
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log N) for each place, in a sorted set of N",
     .summary = "Adds places to a sorted set, which is created if need be, or moves them.",
     .syntax = "key [condition= NX | XX] [CH change:pure-token] <longitude_latitude_member= longitude:double "
               "latitude:double member> ...",
     .handler = cmd_geoadd,
     .categories = "@geo"},
    {.name = "geopos",
     .arity = -2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log N) for each member, in a sorted set of N",
     .summary = "Replies with the longitude and latitude of places.",
     .syntax = "key [member ...]",
     .handler = cmd_geopos,
     .categories = "@geo"},
    {.name = "geodist",
     .arity = -4,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log N) in a sorted set of N places",
     .summary = "Replies with the distance of two places.",
     .syntax = "key member1 member2 [unit= M | KM | FT | MI]",
     .handler = cmd_geodist,
     .categories = "@geo"},
    {.name = "geohash",
     .arity = -2,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "geo",
     .since = "3.2.0",
     .complexity = "O(log N) for each member, in a sorted set of N",
     .summary = "Replies with the geohashes of places, as texts that others read, too.",
     .syntax = "key [member ...]",
     .handler = cmd_geohash,
     .categories = "@geo"},
};

}  // namespace

std::span<const CommandSpec> geo_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
