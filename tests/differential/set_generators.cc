// Commands of the group "set".
#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments, Compare compare = Compare::kExact, Action action = Action::kSend) {
  return {{std::move(arguments), compare, action}};
}

std::string set_key(Pool& pool) {
  return pool.key_of("set");
}

std::string member(Pool& pool) {
  return pool.chance(40) ? std::to_string(pool.between(-30, 100)) : pool.member();
}

// After a change, how the set looks like.
void look(Pool& pool, const std::string& key, Steps& steps) {
  if (pool.chance(15)) steps.push_back({{"SMEMBERS", key}, Compare::kUnordered});
  if (pool.chance(15)) steps.push_back({{"OBJECT", "ENCODING", key}, Compare::kEncoding});
  if (pool.chance(10)) steps.push_back({{"SCARD", key}});
}

// As many as decide about the encoding, all different: with repeated ones, Redis 7.2 changes it earlier than 7.0.
void add_many(Pool& pool, Arguments& arguments) {
  const int64_t count = pool.chance(50) ? pool.between(120, 135) : pool.between(500, 520);
  const int64_t first = pool.between(0, 300);
  const std::string prefix = pool.one_of({"", "", "many:"});
  for (int64_t i = first; i < first + count; ++i) arguments.push_back(prefix + std::to_string(i));
}

Steps make_sadd(Pool& pool) {
  const std::string key = set_key(pool);
  Arguments arguments = {pool.word("SADD"), key};
  if (pool.chance(3)) {
    add_many(pool, arguments);
  } else {
    const bool integers = pool.chance(40);  // a set of them alone has an encoding of its own
    do arguments.push_back(integers ? std::to_string(pool.between(-30, 100)) : member(pool));
    while (pool.chance(50));
  }
  Steps steps = one(arguments);
  if (pool.chance(8)) steps.insert(steps.begin(), {{"DEL", key}});
  if (pool.chance(2)) {
    const std::string limit = pool.one_of({"0", "3", "16", "512", "512", "512"});
    steps.insert(steps.begin(), {{"CONFIG", "SET", "set-max-intset-entries", limit}});
  }
  look(pool, key, steps);
  return steps;
}

Steps make_members(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name), set_key(pool)};
  do arguments.push_back(pool.chance(10) ? "many:" + std::to_string(pool.between(0, 600)) : member(pool));
  while (pool.chance(60));
  return one(arguments);
}

Steps make_srem(Pool& pool) {
  Steps steps = make_members(pool, "SREM");
  const std::string key = steps[0].arguments[1];
  if (pool.chance(5)) {  // most of a big one
    const std::string prefix = pool.one_of({"", "many:"});
    for (int64_t i = pool.between(0, 300); i < 600; ++i) steps[0].arguments.push_back(prefix + std::to_string(i));
  }
  look(pool, key, steps);
  return steps;
}

Steps make_smove(Pool& pool) {
  const std::string from = set_key(pool), to = set_key(pool);
  Steps steps = one({pool.word("SMOVE"), from, to, member(pool)});
  look(pool, from, steps);
  look(pool, to, steps);
  return steps;
}

std::string count(Pool& pool, bool may_be_negative) {
  if (pool.chance(8)) {
    return pool.one_of({"", "abc", "1.5", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "+1"});
  }
  if (!may_be_negative && pool.chance(3)) return "-1";
  const int64_t most = pool.chance(15) ? 700 : 10;
  return std::to_string(pool.between(may_be_negative ? -most : 0, most));
}

Steps make_srandmember(Pool& pool) {
  Arguments arguments = {pool.word("SRANDMEMBER"), set_key(pool)};
  if (pool.chance(80)) arguments.push_back(count(pool, true));
  if (arguments.size() > 2 && pool.chance(2)) arguments.emplace_back("1");
  return one(arguments, Compare::kExact, Action::kRandomPick);
}

Steps make_spop(Pool& pool) {
  const std::string key = set_key(pool);
  Arguments arguments = {pool.word("SPOP"), key};
  if (pool.chance(50)) arguments.push_back(count(pool, false));
  if (arguments.size() > 2 && pool.chance(2)) arguments.emplace_back("1");
  Steps steps = one(arguments, Compare::kExact, Action::kPop);
  look(pool, key, steps);
  return steps;
}

void add_keys(Pool& pool, Arguments& arguments) {
  do arguments.push_back(pool.chance(3) ? pool.key() : set_key(pool));
  while (pool.chance(50));
}

Steps make_algebra(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name)};
  add_keys(pool, arguments);
  return one(arguments, Compare::kUnordered);
}

Steps make_store(Pool& pool, std::string_view name) {
  const std::string key = pool.chance(10) ? pool.key() : set_key(pool);
  Arguments arguments = {pool.word(name), key};
  add_keys(pool, arguments);
  Steps steps = one(arguments);
  if (pool.chance(5)) steps.insert(steps.begin(), {{"EXPIRE", key, "1000000"}});
  if (pool.chance(5)) steps.push_back({{"TTL", key}, Compare::kClock});
  look(pool, key, steps);
  return steps;
}

Steps make_sintercard(Pool& pool) {
  Arguments keys;
  add_keys(pool, keys);
  std::string number = std::to_string(keys.size());
  if (pool.chance(8)) number = pool.one_of({"0", "-1", "abc", "", "1.5", "1", "9", "9223372036854775808"});
  Arguments arguments = {pool.word("SINTERCARD"), number};
  arguments.insert(arguments.end(), keys.begin(), keys.end());
  if (pool.chance(50)) arguments.insert(arguments.end(), {pool.word("LIMIT"), count(pool, false)});
  if (pool.chance(4)) arguments.push_back(pool.one_of({"LIMIT", "LIMITS", "1"}));
  return one(arguments);
}

Steps make_sscan(Pool& pool) {
  Arguments arguments = {"SSCAN", set_key(pool), "0"};
  pool.add_scan_options(arguments);
  if (pool.chance(8)) {
    // What a cursor means that nobody gave out is each server's own business.
    arguments[2] = pool.one_of({"abc", "", "1.5", "-1", "+7", "+"});
    return one(arguments, Compare::kAnswer);
  }
  return one(arguments, Compare::kExact, Action::kWholeScan);
}

const Generator kGenerators[] = {
    {"sadd", 36, make_sadd},
    {"srem", 12, make_srem},
    {"sismember", 5, [](Pool& p) { return one({p.word("SISMEMBER"), set_key(p), member(p)}); }},
    {"smismember", 5, [](Pool& p) { return make_members(p, "SMISMEMBER"); }},
    {"scard", 3, [](Pool& p) { return one({"SCARD", set_key(p)}); }},
    {"smembers", 5, [](Pool& p) { return one({"SMEMBERS", set_key(p)}, Compare::kUnordered); }},
    {"spop", 8, make_spop},
    {"srandmember", 8, make_srandmember},
    {"smove", 8, make_smove},
    {"sinter", 8, [](Pool& p) { return make_algebra(p, "SINTER"); }},
    {"sintercard", 8, make_sintercard},
    {"sinterstore", 8, [](Pool& p) { return make_store(p, "SINTERSTORE"); }},
    {"sunion", 8, [](Pool& p) { return make_algebra(p, "SUNION"); }},
    {"sunionstore", 6, [](Pool& p) { return make_store(p, "SUNIONSTORE"); }},
    {"sdiff", 8, [](Pool& p) { return make_algebra(p, "SDIFF"); }},
    {"sdiffstore", 8, [](Pool& p) { return make_store(p, "SDIFFSTORE"); }},
    {"sscan", 5, make_sscan},
};

}  // namespace

std::span<const Generator> set_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
