// Commands of the group "geo". Results come in the order in which the grid is searched, unless they are to be sorted:
// it has to be the same.
#include <fmt/format.h>

#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

std::string geo_key(Pool& pool) {
  return pool.chance(8) ? pool.key_of("zset") : "geo:" + std::to_string(pool.between(0, 2));
}

std::string place(Pool& pool) {
  return pool.chance(5) ? pool.member() : "p" + std::to_string(pool.between(0, 60));
}

double between(Pool& pool, double low, double high) {
  return low + (high - low) * pool.random().unit();
}

struct Position {
  std::string longitude, latitude;
};

// Around a few cities, anywhere, at the edges of the map, or off it. No two the same: results at equal distances have
// no order.
Position position(Pool& pool) {
  static constexpr double kCities[][2] = {
      {13.361389, 38.115556}, {-73.9857, 40.7484}, {151.2093, -33.8688}, {25.0, 78.2}};
  double longitude = between(pool, -180, 180), latitude = between(pool, -85.05112878, 85.05112878);
  switch (pool.random().below(20)) {
    case 0:
      longitude = pool.chance(50) ? 180 : -180;
      break;
    case 1:
      latitude = pool.chance(50) ? 85.05112878 : -85.05112878;
      break;
    case 2:
      if (pool.chance(80)) break;
      return {pool.one_of({"181", "-180.0001", "nan", "abc", "inf", "0"}),
              pool.one_of({"86", "-85.06", "0", "", "1e400"})};
    case 3:
    case 4:
    case 5:
      break;
    default: {
      const auto& city = kCities[pool.random().below(std::size(kCities))];
      const double reach = pool.chance(50) ? 0.01 : 2;
      longitude = city[0] + between(pool, -reach, reach);
      latitude = city[1] + between(pool, -reach, reach);
    }
  }
  return {fmt::format("{}", longitude), fmt::format("{}", latitude)};
}

std::string unit(Pool& pool) {
  return pool.chance(3) ? pool.one_of({"", "yd", "mm"}) : pool.word(pool.one_of({"m", "km", "ft", "mi", "m", "km"}));
}

// From a few meters to around the world.
std::string length(Pool& pool) {
  if (pool.chance(4)) return pool.one_of({"0", "-1", "abc", "1e10", "inf", ""});
  double meters = between(pool, 1, 10);
  for (int64_t i = pool.between(0, 6); i > 0; i--) meters *= 10;
  return fmt::format("{:.3f}", meters);
}

Steps make_geoadd(Pool& pool) {
  const std::string key = geo_key(pool);
  if (pool.chance(3)) return {{{"DEL", key}}};
  Arguments arguments = {pool.word("GEOADD"), key};
  if (pool.chance(20)) arguments.push_back(pool.word(pool.one_of({"NX", "XX"})));
  if (pool.chance(20)) arguments.push_back(pool.word("CH"));
  if (pool.chance(3)) arguments.push_back(pool.one_of({"NX", "XX", "GT", "INCR"}));
  do {
    const auto [longitude, latitude] = position(pool);
    arguments.insert(arguments.end(), {longitude, latitude, place(pool)});
  } while (arguments.size() < 25 && pool.chance(80));
  if (pool.chance(2)) arguments.push_back("1");
  return {{arguments},
          {{"ZRANGE", key, "0", "-1", "WITHSCORES"}, Compare::kScores},
          {{"OBJECT", "ENCODING", key}, Compare::kEncoding}};
}

// Scores that nobody made of a position.
Steps make_odd_score(Pool& pool) {
  const std::string key = "geo:" + std::to_string(pool.between(0, 2));
  const std::string odd = place(pool);
  return {
      {{"ZADD", key,
        pool.one_of({"0", "-1", "1.5", "inf", "-inf", "4503599627370496", "1e18", "9.3e18", "2e19", "-1e19"}), odd}},
      {{"GEOPOS", key, odd}},
      {{"GEOHASH", key, odd}},
      {{"GEODIST", key, odd, place(pool)}},
      {{"ZREM", key, odd}}};
}

Steps make_of_places(Pool& pool, std::string_view name) {
  if (pool.chance(10)) return make_odd_score(pool);
  Arguments arguments = {pool.word(name), geo_key(pool)};
  while (pool.chance(60)) arguments.push_back(place(pool));
  return {{arguments}};
}

Steps make_geodist(Pool& pool) {
  Arguments arguments = {pool.word("GEODIST"), geo_key(pool), place(pool), place(pool)};
  if (pool.chance(50)) arguments.push_back(unit(pool));
  if (pool.chance(3)) arguments.push_back("x");
  return {{arguments}};
}

// ---- searches ----

void add_shape(Pool& pool, Arguments& arguments) {
  if (pool.chance(50)) {
    arguments.insert(arguments.end(), {pool.word("FROMMEMBER"), place(pool)});
  } else {
    const auto [longitude, latitude] = position(pool);
    arguments.insert(arguments.end(), {pool.word("FROMLONLAT"), longitude, latitude});
  }
  if (pool.chance(50)) {
    arguments.insert(arguments.end(), {pool.word("BYRADIUS"), length(pool), unit(pool)});
  } else {
    arguments.insert(arguments.end(), {pool.word("BYBOX"), length(pool), length(pool), unit(pool)});
  }
}

void add_options(Pool& pool, Arguments& arguments, bool details) {
  if (pool.chance(40)) arguments.push_back(pool.word(pool.one_of({"ASC", "DESC"})));
  if (pool.chance(40)) {
    arguments.insert(arguments.end(),
                     {pool.word("COUNT"), pool.chance(92) ? std::to_string(pool.between(1, 12)) : pool.integer()});
    if (pool.chance(30)) arguments.push_back(pool.word("ANY"));
  }
  for (const char* detail : {"WITHCOORD", "WITHDIST", "WITHHASH"}) {
    if (pool.chance(details ? 30 : 1)) arguments.push_back(pool.word(detail));
  }
  if (pool.chance(2))
    arguments.push_back(pool.one_of({"ANY", "COUNT", "STORE", "STOREDIST", "BYBOX", "FROMMEMBER", "HUH"}));
}

Steps looked_at(Arguments arguments, const std::string& key) {
  return {{std::move(arguments)},
          {{"ZRANGE", key, "0", "-1", "WITHSCORES"}, Compare::kScores},
          {{"OBJECT", "ENCODING", key}, Compare::kEncoding}};
}

Steps make_geosearch(Pool& pool) {
  Arguments arguments = {pool.word("GEOSEARCH"), geo_key(pool)};
  add_shape(pool, arguments);
  add_options(pool, arguments, true);
  if (pool.chance(3)) add_shape(pool, arguments);
  return {{arguments}};
}

Steps make_geosearchstore(Pool& pool) {
  const std::string target = "geo:stored";
  Arguments arguments = {pool.word("GEOSEARCHSTORE"), target, geo_key(pool)};
  add_shape(pool, arguments);
  add_options(pool, arguments, false);
  if (pool.chance(40)) arguments.push_back(pool.word("STOREDIST"));
  return looked_at(arguments, target);
}

Steps make_georadius(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name), geo_key(pool)};
  if (name.find("MEMBER") != std::string_view::npos) {
    arguments.push_back(place(pool));
  } else {
    const auto [longitude, latitude] = position(pool);
    arguments.insert(arguments.end(), {longitude, latitude});
  }
  arguments.insert(arguments.end(), {length(pool), unit(pool)});
  const bool stores = pool.chance(name.ends_with("_RO") ? 2 : 30);
  add_options(pool, arguments, !stores);
  if (!stores) return {{arguments}};
  arguments.insert(arguments.end(), {pool.word(pool.one_of({"STORE", "STOREDIST"})), "geo:stored"});
  return looked_at(arguments, "geo:stored");
}

using P = Pool;

const Generator kGenerators[] = {
    {"geoadd", 10, make_geoadd},
    {"geopos", 3, [](P& p) { return make_of_places(p, "GEOPOS"); }},
    {"geohash", 3, [](P& p) { return make_of_places(p, "GEOHASH"); }},
    {"geodist", 4, make_geodist},
    {"geosearch", 10, make_geosearch},
    {"geosearchstore", 4, make_geosearchstore},
    {"georadius", 4, [](P& p) { return make_georadius(p, "GEORADIUS"); }},
    {"georadius_ro", 2, [](P& p) { return make_georadius(p, "GEORADIUS_RO"); }},
    {"georadiusbymember", 4, [](P& p) { return make_georadius(p, "GEORADIUSBYMEMBER"); }},
    {"georadiusbymember_ro", 2, [](P& p) { return make_georadius(p, "GEORADIUSBYMEMBER_RO"); }},
};

}  // namespace

std::span<const Generator> geo_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
