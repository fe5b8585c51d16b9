// Commands of the group "sorted-set". Small sets and big ones, near the limits of the compact encoding.
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

std::string zset_key(Pool& pool) {
  return pool.key_of("zset");
}

// What commands write to is nearly always a sorted set, or nothing yet.
std::string written_key(Pool& pool) {
  return pool.chance(3) ? pool.key() : "zset:" + std::to_string(pool.between(0, 4));
}

// Sets whose scores are all equal, for ranges of members; among them a big one.
std::string lex_key(Pool& pool) {
  return "lex:" + std::to_string(pool.between(1, 4));
}

std::string member(Pool& pool) {
  switch (pool.random().below(16)) {
    case 0:
      return pool.one_of(
          {"", " ", "-0", "007", "9223372036854775807", "9223372036854775808", "1e3", "nan", "4294967296"});
    case 1:
      return pool.bytes(static_cast<size_t>(pool.between(0, 8)));
    case 2:
      return std::string(static_cast<size_t>(pool.chance(10) ? pool.between(60, 68) : pool.between(1, 60)), 'm');
    case 3:
    case 4:
    case 5:
      return std::to_string(pool.between(-5, 40));
    default:
      return "m" + std::to_string(pool.between(0, 60));
  }
}

std::string score(Pool& pool) {
  switch (pool.random().below(12)) {
    case 0:
      return pool.real();
    case 1:
      return pool.one_of({"inf", "-inf", "+inf", "1e300", "-1e300", "0.1", "-0", "3.0", "1e17", "9007199254740993",
                          "4611686018427387904", "-4611686018427387905", "1e-9", "12345.6789012", "5e-324"});
    case 2:
      return std::to_string(pool.between(-100, 100)) + "." + std::to_string(pool.between(0, 99));
    default:
      return std::to_string(pool.between(-10, 30));
  }
}

// The reply, then what the key has become.
Steps looked_at(Step step, const std::string& key) {
  return {std::move(step),
          {{"ZRANGE", key, "0", "-1", "WITHSCORES"}, Compare::kScores},
          {{"OBJECT", "ENCODING", key}, Compare::kEncoding}};
}

// ---- limits: near them in all ways ----

constexpr size_t kSmallestLimit = 8;  // but for 0

Steps with_limits(Pool& pool, Steps steps) {
  if (!pool.chance(3)) return steps;
  steps.insert(steps.begin(),
               {{"CONFIG", "SET", "zset-max-listpack-entries", pool.one_of({"0", "8", "32", "128", "128"})}});
  steps.insert(steps.begin(),
               {{"CONFIG", "SET", "zset-max-listpack-value", pool.one_of({"0", "8", "64", "64", "64"})}});
  return steps;
}

// 7.2 takes the number of pairs in a ZADD for the size that the set will have, 7.0 waits until it has so many members.
// So members come once each where there are many; and none is -0, which only big sets know from 0.
Arguments many_members(Pool& pool, const std::string& key) {
  Arguments arguments = {"ZADD", key};
  const int64_t count = pool.chance(50) ? pool.between(120, 136) : pool.between(100, 400);
  for (int64_t i = 0; i < count; i++) {
    arguments.push_back(pool.chance(80) ? std::to_string(pool.between(0, 500)) : score(pool));
    if (arguments.back().starts_with("-0")) arguments.back() = "0";
    arguments.push_back("many:" + std::to_string(i));
  }
  return arguments;
}

Steps make_zadd(Pool& pool) {
  const std::string key = written_key(pool);
  if (pool.chance(4)) return looked_at({many_members(pool, key)}, key);
  if (pool.chance(6)) return {{{"DEL", key}}};
  Arguments arguments = {pool.word("ZADD"), key};
  if (pool.chance(30)) arguments.push_back(pool.word(pool.one_of({"NX", "XX"})));
  if (pool.chance(30)) arguments.push_back(pool.word(pool.one_of({"GT", "LT"})));
  if (pool.chance(30)) arguments.push_back(pool.word("CH"));
  const bool increments = pool.chance(15);
  if (increments) arguments.push_back(pool.word("INCR"));
  if (pool.chance(3)) arguments.push_back(pool.one_of({"NX", "XX", "GT", "LT", "HUH"}));
  size_t pairs = 0;
  do {
    arguments.push_back(score(pool));
    arguments.push_back(member(pool));
  } while (++pairs < kSmallestLimit && pool.chance(increments ? 5 : 60));
  if (pool.chance(2)) arguments.push_back("1");
  return with_limits(pool, looked_at({arguments, Compare::kScores}, arguments[1]));
}

Steps make_zincrby(Pool& pool) {
  const std::string key = written_key(pool);
  return looked_at({{pool.word("ZINCRBY"), key, score(pool), member(pool)}, Compare::kScores}, key);
}

// From one infinity to the other there is no way.
Steps make_infinite_increment(Pool& pool) {
  const std::string key = written_key(pool);
  const std::string name = member(pool);
  Steps steps = {{{"ZADD", key, "inf", name}}};
  if (pool.chance(50)) {
    steps.push_back({{"ZINCRBY", key, "-inf", name}});
  } else {
    steps.push_back({{"ZADD", key, "INCR", "-inf", name}});
  }
  steps.push_back({{"ZSCORE", key, name}, Compare::kScores});
  return steps;
}

Steps make_with_members(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name), zset_key(pool)};
  do arguments.push_back(member(pool));
  while (pool.chance(40));
  return {{arguments, Compare::kScores}};
}

Steps make_zrem(Pool& pool) {
  Steps steps = make_with_members(pool, "ZREM");
  return looked_at(steps[0], steps[0].arguments[1]);
}

// WITHSCORE came with 7.2: tests/unit/commands/sorted_set_commands_test.cc. To 7.0 it is an argument too many.
Steps make_rank(Pool& pool, std::string_view name) {
  return {{{pool.word(name), zset_key(pool), member(pool)}}};
}

// A key of another type.
Steps make_wrong_type(Pool& pool) {
  const std::string key = "zset:not";
  const std::string other = written_key(pool);
  Steps steps = {{{"SET", key, "a string"}}};
  switch (pool.random().below(6)) {
    case 0:
      steps.push_back({{"ZADD", key, score(pool), "a"}});
      break;
    case 1:
      steps.push_back({{"ZINCRBY", key, "1", "a"}});
      break;
    case 2:
      steps.push_back({{"ZMPOP", "2", other, key, "MIN"}, Compare::kScores});
      break;
    case 3:
      steps.push_back({{"ZREMRANGEBYRANK", key, "0", "1"}});
      break;
    case 4:
      steps.push_back({{"ZUNION", "2", other, key, "HUH"}});
      break;
    default:
      steps.push_back({{"ZRANGESTORE", key, other, "0", "-1"}});
      steps.push_back({{"TYPE", key}});
  }
  return steps;
}

// ---- ranges ----

std::string score_bound(Pool& pool) {
  if (pool.chance(8))
    return pool.one_of(
        {"-inf", "+inf", "inf", "(inf", "(-inf", "", "(", "((1", "[1", "abc", " 5", "nan", "1e400", "5 "});
  return (pool.chance(25) ? "(" : "") + (pool.chance(85) ? std::to_string(pool.between(-12, 32)) : score(pool));
}

std::string lex_bound(Pool& pool) {
  if (pool.chance(25)) return pool.one_of({"-", "+"});
  if (pool.chance(5)) return pool.one_of({"", "-a", "+a", "a", "(", "[", "((", "[["});
  return pool.one_of({"[", "("}) + (pool.chance(70) ? "l" + std::to_string(pool.between(0, 60)) : member(pool));
}

std::string rank_bound(Pool& pool) {
  return pool.chance(5) ? pool.integer() : std::to_string(pool.between(-12, 14));
}

void add_limit(Pool& pool, Arguments& arguments, unsigned percent) {
  if (!pool.chance(percent)) return;
  const std::string offset = pool.chance(5) ? pool.integer() : std::to_string(pool.between(-1, 8));
  const std::string limit = pool.chance(5) ? pool.integer() : std::to_string(pool.between(-2, 10));
  arguments.insert(arguments.end(), {pool.word("LIMIT"), offset, limit});
}

// Members whose scores are all the same, and enough of them to make a big set of some.
Steps make_lex_members(Pool& pool) {
  const std::string key = lex_key(pool);
  Arguments arguments = {"ZADD", key};
  const int64_t count = key == "lex:1" ? pool.between(100, 140) : pool.between(1, 5);
  for (int64_t i = 0; i < count; i++) {
    arguments.push_back("0");
    arguments.push_back(key == "lex:1" ? "l" + std::to_string(i) : "l" + std::to_string(pool.between(0, 60)));
  }
  return {{arguments, Compare::kScores}};
}

enum class Form { kRank, kScore, kLex };

std::string bound(Pool& pool, Form form) {
  return form == Form::kRank ? rank_bound(pool) : form == Form::kScore ? score_bound(pool) : lex_bound(pool);
}

Steps make_older_range(Pool& pool, std::string_view name, Form form) {
  Arguments arguments = {pool.word(name), form == Form::kLex ? lex_key(pool) : zset_key(pool), bound(pool, form),
                         bound(pool, form)};
  if (pool.chance(form == Form::kLex ? 4 : 50)) arguments.push_back(pool.word("WITHSCORES"));
  add_limit(pool, arguments, form == Form::kRank ? 3 : 30);
  if (pool.chance(3)) arguments.push_back(pool.one_of({"REV", "LIMIT", "BYSCORE", "BYLEX", "HUH"}));
  return {{arguments, Compare::kScores}};
}

// Source, range and options of ZRANGE and ZRANGESTORE.
void add_range(Pool& pool, Arguments& arguments, bool stores) {
  const auto form = static_cast<Form>(pool.between(0, 2));
  arguments.push_back(form == Form::kLex ? lex_key(pool) : zset_key(pool));
  arguments.push_back(bound(pool, form));
  arguments.push_back(bound(pool, form));
  if (form == Form::kScore) arguments.push_back(pool.word("BYSCORE"));
  if (form == Form::kLex) arguments.push_back(pool.word("BYLEX"));
  if (pool.chance(40)) arguments.push_back(pool.word("REV"));
  add_limit(pool, arguments, form == Form::kRank ? 3 : 40);
  if (pool.chance(stores ? 2 : form == Form::kLex ? 4 : 40)) arguments.push_back(pool.word("WITHSCORES"));
  if (pool.chance(3)) arguments.push_back(pool.one_of({"REV", "LIMIT", "BYSCORE", "BYLEX", "HUH"}));
}

Steps make_zrange(Pool& pool) {
  if (pool.chance(20)) return make_lex_members(pool);
  Arguments arguments = {pool.word("ZRANGE")};
  add_range(pool, arguments, false);
  return {{arguments, Compare::kScores}};
}

Steps make_zrangestore(Pool& pool) {
  Arguments arguments = {pool.word("ZRANGESTORE"), written_key(pool)};
  add_range(pool, arguments, true);
  return looked_at({arguments}, arguments[1]);
}

Steps make_count(Pool& pool, std::string_view name, Form form) {
  const std::string key = form == Form::kLex ? lex_key(pool) : zset_key(pool);
  return {{{pool.word(name), key, bound(pool, form), bound(pool, form)}}};
}

Steps make_removal(Pool& pool, std::string_view name, Form form) {
  const std::string key = form == Form::kLex ? lex_key(pool) : zset_key(pool);
  return looked_at({{pool.word(name), key, bound(pool, form), bound(pool, form)}}, key);
}

// ---- unions, intersections, differences ----

// Weights, aggregate and what does not belong there.
void add_merge_options(Pool& pool, Arguments& arguments, int64_t keys, std::string_view name) {
  const bool merges = name.find("DIFF") == std::string_view::npos && name != "ZINTERCARD";
  if (pool.chance(merges ? 40 : 3)) {
    arguments.push_back(pool.word("WEIGHTS"));
    for (int64_t i = 0; i < keys; i++) {
      arguments.push_back(pool.chance(70) ? std::to_string(pool.between(-2, 3)) : score(pool));
    }
    if (pool.chance(3)) arguments.pop_back();
  }
  if (pool.chance(merges ? 40 : 3)) {
    arguments.push_back(pool.word("AGGREGATE"));
    arguments.push_back(pool.word(pool.one_of({"SUM", "MIN", "MAX", "SUM", "MIN", "MAX", "AVG"})));
  }
  if (pool.chance(name.ends_with("STORE") || name == "ZINTERCARD" ? 3 : 60)) {
    arguments.push_back(pool.word("WITHSCORES"));
  }
  if (pool.chance(name == "ZINTERCARD" ? 50 : 2)) {
    arguments.push_back(pool.word("LIMIT"));
    arguments.push_back(pool.chance(85) ? std::to_string(pool.between(0, 6)) : pool.integer());
  }
  if (pool.chance(3)) arguments.push_back(pool.one_of({"WEIGHTS", "AGGREGATE", "LIMIT", "HUH"}));
}

std::string algebra_key(Pool& pool) {
  return pool.key_of(pool.chance(25) && pool.usable("sadd") ? "set" : "zset");
}

Steps make_algebra(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name)};
  const bool stores = name.ends_with("STORE");
  const std::string target = written_key(pool);
  if (stores) arguments.push_back(target);
  const int64_t keys = pool.between(1, 4);
  arguments.push_back(pool.chance(96) ? std::to_string(keys) : pool.integer());
  for (int64_t i = 0; i < keys; i++) arguments.push_back(algebra_key(pool));
  add_merge_options(pool, arguments, keys, name);
  if (!stores) return {{arguments, Compare::kScores}};
  return with_limits(pool, looked_at({arguments}, target));
}

// ---- popped, chosen, walked through ----

Steps make_pop(Pool& pool, std::string_view name) {
  const std::string key = zset_key(pool);
  Arguments arguments = {pool.word(name), key};
  if (pool.chance(50)) arguments.push_back(pool.chance(85) ? std::to_string(pool.between(0, 5)) : pool.integer());
  return looked_at({arguments, Compare::kScores}, key);
}

Steps make_zmpop(Pool& pool) {
  const int64_t keys = pool.between(1, 3);
  Arguments arguments = {pool.word("ZMPOP"), pool.chance(95) ? std::to_string(keys) : pool.integer()};
  for (int64_t i = 0; i < keys; i++) arguments.push_back(zset_key(pool));
  arguments.push_back(pool.word(pool.one_of({"MIN", "MAX"})));
  if (pool.chance(50)) {
    arguments.push_back(pool.word("COUNT"));
    arguments.push_back(pool.chance(85) ? std::to_string(pool.between(0, 5)) : pool.integer());
  }
  if (pool.chance(3)) arguments.push_back(pool.one_of({"COUNT", "MIN", "1"}));
  return looked_at({arguments, Compare::kScores}, arguments[2]);
}

Steps make_zrandmember(Pool& pool) {
  Arguments arguments = {pool.word("ZRANDMEMBER"), zset_key(pool)};
  if (pool.chance(80)) {
    arguments.push_back(pool.chance(40)   ? "100000"
                        : pool.chance(90) ? std::to_string(pool.between(-12, 12))
                                          : pool.one_of({"abc", "", "9223372036854775808", "-9223372036854775808"}));
    if (pool.chance(50)) arguments.push_back(pool.word(pool.chance(95) ? "WITHSCORES" : "HUH"));
    if (pool.chance(3)) arguments.push_back("HUH");
  }
  return {{arguments, Compare::kExact, Action::kRandomPick}};
}

Steps make_zscan(Pool& pool) {
  Arguments arguments = {pool.word("ZSCAN"), zset_key(pool), pool.chance(97) ? "0" : pool.one_of({"", "abc", "1.5"})};
  pool.add_scan_options(arguments);
  return {{arguments, Compare::kExact, Action::kWholeScan}};
}

using P = Pool;

const Generator kGenerators[] = {
    {"zadd", 30, make_zadd},
    {"zincrby", 8, make_zincrby},
    {"", 2, make_infinite_increment},
    {"", 3, make_wrong_type},
    {"zrem", 8, make_zrem},
    {"zcard", 2, [](P& p) { return Steps{{{p.word("ZCARD"), zset_key(p)}}}; }},
    {"zscore", 4, [](P& p) { return Steps{{{p.word("ZSCORE"), zset_key(p), member(p)}, Compare::kScores}}; }},
    {"zmscore", 3, [](P& p) { return make_with_members(p, "ZMSCORE"); }},
    {"zrank", 3, [](P& p) { return make_rank(p, "ZRANK"); }, false},
    {"zrevrank", 3, [](P& p) { return make_rank(p, "ZREVRANK"); }, false},
    {"zrange", 12, make_zrange},
    {"zrangestore", 4, make_zrangestore},
    {"zrevrange", 3, [](P& p) { return make_older_range(p, "ZREVRANGE", Form::kRank); }},
    {"zrangebyscore", 5, [](P& p) { return make_older_range(p, "ZRANGEBYSCORE", Form::kScore); }},
    {"zrevrangebyscore", 5, [](P& p) { return make_older_range(p, "ZREVRANGEBYSCORE", Form::kScore); }},
    {"zrangebylex", 4, [](P& p) { return make_older_range(p, "ZRANGEBYLEX", Form::kLex); }},
    {"zrevrangebylex", 4, [](P& p) { return make_older_range(p, "ZREVRANGEBYLEX", Form::kLex); }},
    {"zcount", 4, [](P& p) { return make_count(p, "ZCOUNT", Form::kScore); }},
    {"zlexcount", 4, [](P& p) { return make_count(p, "ZLEXCOUNT", Form::kLex); }},
    {"zremrangebyrank", 2, [](P& p) { return make_removal(p, "ZREMRANGEBYRANK", Form::kRank); }},
    {"zremrangebyscore", 2, [](P& p) { return make_removal(p, "ZREMRANGEBYSCORE", Form::kScore); }},
    {"zremrangebylex", 2, [](P& p) { return make_removal(p, "ZREMRANGEBYLEX", Form::kLex); }},
    {"zunion", 5, [](P& p) { return make_algebra(p, "ZUNION"); }},
    {"zinter", 5, [](P& p) { return make_algebra(p, "ZINTER"); }},
    {"zdiff", 5, [](P& p) { return make_algebra(p, "ZDIFF"); }},
    {"zintercard", 4, [](P& p) { return make_algebra(p, "ZINTERCARD"); }},
    {"zunionstore", 4, [](P& p) { return make_algebra(p, "ZUNIONSTORE"); }},
    {"zinterstore", 4, [](P& p) { return make_algebra(p, "ZINTERSTORE"); }},
    {"zdiffstore", 4, [](P& p) { return make_algebra(p, "ZDIFFSTORE"); }},
    {"zpopmin", 4, [](P& p) { return make_pop(p, "ZPOPMIN"); }},
    {"zpopmax", 4, [](P& p) { return make_pop(p, "ZPOPMAX"); }},
    {"zmpop", 4, make_zmpop},
    {"zrandmember", 4, make_zrandmember},
    {"zscan", 3, make_zscan},
};

}  // namespace

std::span<const Generator> sorted_set_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
