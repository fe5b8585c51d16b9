// Places on the earth: those around one, replied or stored.
#include <fmt/format.h>

#include "base/numbers.h"
#include "commands/families.h"
#include "commands/geo_arguments.h"
#include "commands/geo_search.h"
#include "commands/sorted_set_ops.h"

namespace cowslip::commands {
namespace {

using store::Entry;
using store::ObjectType;

// What the commands differ in.
struct SearchForm {
  enum class Center : uint8_t { kPosition, kMember, kOption } center;
  size_t source_at;  // the key
  size_t options_at;
  bool may_store = false;  // STORE key, STOREDIST key
  bool stores = false;     // GEOSEARCHSTORE
};

// Reads a request, option by option, as far as it is sound.
class SearchParser {
 public:
  SearchParser(CommandContext& c, const SearchForm& form, const Entry* source) : c_(c), form_(form), source_(source) {
    if (form.stores) target_ = c.args[1];
  }

  // False after an error reply.
  bool parse();

  const GeoSearch& search() const { return search_; }
  const std::optional<std::string_view>& target() const { return target_; }
  bool stores_distance() const { return stores_distance_; }
  bool with_distance() const { return with_distance_; }
  bool with_hash() const { return with_hash_; }
  bool with_position() const { return with_position_; }

 private:
  bool is_search() const { return form_.center == SearchForm::Center::kOption; }
  bool fail(std::string_view error) {
    c_.reply.error(error);
    return false;
  }
  bool parse_fixed();
  bool parse_option(size_t& i);
  bool parse_plain_option(std::string_view word);
  bool parse_count(size_t at);
  bool parse_member(size_t at);
  bool parse_position(size_t at);
  bool parse_radius(size_t at);
  bool parse_box(size_t at);
  bool check();

  CommandContext& c_;
  const SearchForm& form_;
  const Entry* const source_;
  GeoSearch search_;
  std::optional<std::string_view> target_;
  bool stores_distance_ = false;
  bool with_distance_ = false, with_hash_ = false, with_position_ = false;
  bool from_member_ = false, from_position_ = false, by_radius_ = false, by_box_ = false;
};

bool SearchParser::parse() {
  if (!parse_fixed()) return false;
  for (size_t i = form_.options_at; i < c_.args.size(); i++) {
    if (!parse_option(i)) return false;
  }
  return check();
}

bool SearchParser::parse_fixed() {
  switch (form_.center) {
    case SearchForm::Center::kPosition:
      return parse_position(2) && parse_radius(4);
    case SearchForm::Center::kMember:
      // Without a source nothing of it is looked at.
      return source_ == nullptr || (parse_member(2) && parse_radius(3));
    case SearchForm::Center::kOption:
      break;
  }
  return true;
}

bool SearchParser::parse_plain_option(std::string_view word) {
  if (is_option(word, "WITHDIST")) return with_distance_ = true;
  if (is_option(word, "WITHHASH")) return with_hash_ = true;
  if (is_option(word, "WITHCOORD")) return with_position_ = true;
  if (is_option(word, "ANY")) return search_.any = true;
  const bool ascending = is_option(word, "ASC");
  if (!ascending && !is_option(word, "DESC")) return false;
  search_.order = ascending ? GeoOrder::kNearestFirst : GeoOrder::kFarthestFirst;
  return true;
}

// Moves `i` to the option's last argument.
bool SearchParser::parse_option(size_t& i) {
  const std::string_view word = c_.args[i];
  const size_t left = c_.args.size() - i - 1, at = i + 1;
  if (parse_plain_option(word)) return true;
  if (left >= 1 && is_option(word, "COUNT")) {
    i += 1;
    return parse_count(at);
  }
  const bool store = form_.may_store && left >= 1 && is_option(word, "STORE");
  if (store || (form_.may_store && left >= 1 && is_option(word, "STOREDIST"))) {
    target_ = c_.args[at];
    stores_distance_ = !store;
    i += 1;
    return true;
  }
  if (is_search() && left >= 1 && !from_position_ && is_option(word, "FROMMEMBER")) {
    i += 1;
    from_member_ = true;
    return source_ == nullptr || parse_member(at);
  }
  if (is_search() && left >= 2 && !from_member_ && is_option(word, "FROMLONLAT")) {
    i += 2;
    return from_position_ = parse_position(at);
  }
  if (is_search() && left >= 2 && !by_box_ && is_option(word, "BYRADIUS")) {
    i += 2;
    return by_radius_ = parse_radius(at);
  }
  if (is_search() && left >= 3 && !by_radius_ && is_option(word, "BYBOX")) {
    i += 3;
    return by_box_ = parse_box(at);
  }
  if (form_.stores && is_option(word, "STOREDIST")) return stores_distance_ = true;
  return fail(kSyntaxError);
}

bool SearchParser::parse_count(size_t at) {
  const auto count = integer_argument(c_, at);
  if (!count) return false;
  if (*count <= 0) return fail("ERR COUNT must be > 0");
  search_.count = static_cast<uint64_t>(*count);
  return true;
}

bool SearchParser::parse_member(size_t at) {
  const auto score = sorted_set_view(c_, *source_).score(c_.args[at]);
  if (!score) return fail("ERR could not decode requested zset member");
  search_.shape.center = geo_position(*score);
  return true;
}

bool SearchParser::parse_position(size_t at) {
  const auto position = position_argument(c_, at);
  if (position) search_.shape.center = *position;
  return position.has_value();
}

bool SearchParser::parse_radius(size_t at) {
  const auto radius = parse_double(c_.args[at]);
  if (!radius) return fail("ERR need numeric radius");
  if (*radius < 0) return fail("ERR radius cannot be negative");
  const auto unit = unit_argument(c_, at + 1);
  if (!unit) return false;
  search_.unit = *unit;
  search_.shape.radius = *radius * *unit;
  return true;
}

bool SearchParser::parse_box(size_t at) {
  const auto width = parse_double(c_.args[at]);
  if (!width) return fail("ERR need numeric width");
  const auto height = parse_double(c_.args[at + 1]);
  if (!height) return fail("ERR need numeric height");
  if (*width < 0 || *height < 0) return fail("ERR height or width cannot be negative");
  const auto unit = unit_argument(c_, at + 2);
  if (!unit) return false;
  search_.unit = *unit;
  search_.shape.box = true;
  search_.shape.width = *width * *unit;
  search_.shape.height = *height * *unit;
  return true;
}

bool SearchParser::check() {
  if (target_ && (with_distance_ || with_hash_ || with_position_)) {
    return fail(fmt::format("ERR {} is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                            form_.stores ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS"));
  }
  if (is_search() && !from_member_ && !from_position_) {
    return fail(fmt::format("ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {}", c_.args[0]));
  }
  if (is_search() && !by_radius_ && !by_box_) {
    return fail(fmt::format("ERR exactly one of BYRADIUS and BYBOX can be specified for {}", c_.args[0]));
  }
  if (search_.any && search_.count == 0) return fail("ERR the ANY argument requires COUNT argument");
  return true;
}

void reply_found(CommandContext& c, const std::vector<GeoFound>& found, const SearchParser& request) {
  const size_t details =
      size_t{request.with_distance()} + size_t{request.with_hash()} + size_t{request.with_position()};
  c.reply.array(found.size());
  for (const GeoFound& place : found) {
    if (details > 0) c.reply.array(1 + details);
    reply_string(c.reply, place.scored.member);
    if (request.with_distance()) reply_distance(c, place.distance / request.search().unit);
    if (request.with_hash()) c.reply.integer(static_cast<int64_t>(place.scored.score));
    if (request.with_position()) reply_position(c, place.position);
  }
}

void search_around(CommandContext& c, const SearchForm& form) {
  const auto source = find_of_type(c, c.args[form.source_at], ObjectType::kSortedSet, c.read_lookup());
  if (!source) return;
  SearchParser request(c, form, *source);
  if (!request.parse()) return;
  std::vector<GeoFound> found;
  if (*source != nullptr) found = geo_search(sorted_set_view(c, **source), request.search());
  if (!request.target()) return reply_found(c, found, request);
  MembersToStore members;
  members.reserve(found.size());
  for (const GeoFound& place : found) {
    members.add(place.scored.member,
                request.stores_distance() ? place.distance / request.search().unit : place.scored.score);
  }
  const bool is_search = form.center == SearchForm::Center::kOption;
  members.store(c, *request.target(), is_search ? "geosearchstore" : "georadiusstore", MembersToStore::Changes::kEach);
}

void cmd_geosearch(CommandContext& c) {
  search_around(c, {.center = SearchForm::Center::kOption, .source_at = 1, .options_at = 2});
}

void cmd_geosearchstore(CommandContext& c) {
  search_around(c, {.center = SearchForm::Center::kOption, .source_at = 2, .options_at = 3, .stores = true});
}

void cmd_georadius(CommandContext& c) {
  search_around(c, {.center = SearchForm::Center::kPosition, .source_at = 1, .options_at = 6, .may_store = true});
}

void cmd_georadius_ro(CommandContext& c) {
  search_around(c, {.center = SearchForm::Center::kPosition, .source_at = 1, .options_at = 6});
}

void cmd_georadiusbymember(CommandContext& c) {
  search_around(c, {.center = SearchForm::Center::kMember, .source_at = 1, .options_at = 5, .may_store = true});
}

void cmd_georadiusbymember_ro(CommandContext& c) {
  search_around(c, {.center = SearchForm::Center::kMember, .source_at = 1, .options_at = 5});
}

constexpr std::string_view kSearchComplexity =
    "O(N + log M) for N places in the squares of the grid around the center, in a sorted set of M";

constexpr KeySpec kStoreKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyOW | kKeyUpdate},
    {.range = {2, 2, 1}, .flags = kKeyRO | kKeyAccess},
};
constexpr KeySpec kRadiusKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRO | kKeyAccess},
    {.range = {6, 0, 1}, .flags = kKeyOW | kKeyUpdate, .search = KeySearch::kKeyword, .keyword = "STORE"},
    {.range = {6, 0, 1}, .flags = kKeyOW | kKeyUpdate, .search = KeySearch::kKeyword, .keyword = "STOREDIST"},
};
constexpr KeySpec kMemberKeys[] = {
    {.range = {1, 1, 1}, .flags = kKeyRO | kKeyAccess},
    {.range = {5, 0, 1}, .flags = kKeyOW | kKeyUpdate, .search = KeySearch::kKeyword, .keyword = "STORE"},
    {.range = {5, 0, 1}, .flags = kKeyOW | kKeyUpdate, .search = KeySearch::kKeyword, .keyword = "STOREDIST"},
};

// An older form, which GEOSEARCH and GEOSEARCHSTORE have taken over: one that may store, or one that only reads.
constexpr CommandSpec old_search(std::string_view name, int arity, std::string_view since, std::string_view summary,
                                 std::string_view syntax, Handler handler, std::span<const KeySpec> key_specs,
                                 std::string_view replaced_by) {
  const bool writes = !key_specs.empty();
  return {.name = name,
          .arity = arity,
          .flags = writes ? kWrite | kDenyOom | kMovableKeys : uint32_t{kReadonly},
          .keys = kOneKey,
          .key_flags = kKeyRO | kKeyAccess,
          .group = "geo",
          .since = since,
          .complexity = kSearchComplexity,
          .summary = summary,
          .syntax = syntax,
          .handler = handler,
          .categories = "@geo",
          .key_specs = key_specs,
          .deprecated_since = "6.2.0",
          .replaced_by = replaced_by};
}

constexpr CommandSpec kSpecs[] = {
    {.name = "geosearch",
     .arity = -7,
     .flags = kReadonly,
     .keys = kOneKey,
     .key_flags = kKeyRO | kKeyAccess,
     .group = "geo",
     .since = "6.2.0",
     .complexity = kSearchComplexity,
     .summary = "Replies with the places in a circle or box.",
     .syntax = "key <from= FROMMEMBER member | FROMLONLAT <longitude_latitude= longitude:double latitude:double>> "
               "<by= <circle= BYRADIUS radius:double <unit= M | KM | FT | MI>> | "
               "<box= BYBOX width:double height:double <unit= M | KM | FT | MI>>> "
               "[order= ASC | DESC] [COUNT count:integer [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
     .handler = cmd_geosearch,
     .categories = "@geo"},
    {.name = "geosearchstore",
     .arity = -8,
     .flags = kWrite | kDenyOom,
     .keys = {1, 2, 1},
     .group = "geo",
     .since = "6.2.0",
     .complexity = kSearchComplexity,
     .summary = "Makes a sorted set of the places in a circle or box.",
     .syntax = "destination:key source:key "
               "<from= FROMMEMBER member | FROMLONLAT <longitude_latitude= longitude:double latitude:double>> "
               "<by= <circle= BYRADIUS radius:double <unit= M | KM | FT | MI>> | "
               "<box= BYBOX width:double height:double <unit= M | KM | FT | MI>>> "
               "[order= ASC | DESC] [COUNT count:integer [ANY]] [STOREDIST]",
     .handler = cmd_geosearchstore,
     .categories = "@geo",
     .key_specs = kStoreKeys},
    old_search("georadius", -6, "3.2.0", "Replies with the places in a circle, or stores them.",
               "key longitude:double latitude:double radius:double <unit= M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
               "[WITHHASH] [COUNT count:integer [ANY]] [order= ASC | DESC] [STORE key] [STOREDIST key]",
               cmd_georadius, kRadiusKeys, "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"),
    old_search("georadius_ro", -6, "3.2.10", "Replies with the places in a circle.",
               "key longitude:double latitude:double radius:double <unit= M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
               "[WITHHASH] [COUNT count:integer [ANY]] [order= ASC | DESC]",
               cmd_georadius_ro, {}, "`GEOSEARCH` with the `BYRADIUS` argument"),
    old_search("georadiusbymember", -5, "3.2.0", "Replies with the places in a circle around one, or stores them.",
               "key member radius:double <unit= M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
               "[COUNT count:integer [ANY]] [order= ASC | DESC] [STORE key] [STOREDIST key]",
               cmd_georadiusbymember, kMemberKeys,
               "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"),
    old_search("georadiusbymember_ro", -5, "3.2.10", "Replies with the places in a circle around one.",
               "key member radius:double <unit= M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] "
               "[COUNT count:integer [ANY]] [order= ASC | DESC]",
               cmd_georadiusbymember_ro, {}, "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"),
};

}  // namespace

std::span<const CommandSpec> geo_search_commands() {
  return kSpecs;
}

}  // namespace cowslip::commands
