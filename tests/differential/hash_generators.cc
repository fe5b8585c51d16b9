// Commands of the group "hash".
#include <set>

#include "tests/differential/generator.h"

namespace cowslip::testing {

namespace {

Steps one(Arguments arguments, Compare compare = Compare::kExact, Action action = Action::kSend) {
  return {{std::move(arguments), compare, action}};
}

std::string hash_key(Pool& pool) {
  return pool.key_of("hash");
}

// Of hash-max-listpack-entries, besides 0.
constexpr int64_t kSmallestLimit = 3;

// After a change, how the hash looks like.
void look(Pool& pool, const std::string& key, Steps& steps) {
  if (pool.chance(15)) steps.push_back({{"HGETALL", key}, Compare::kPairs});
  if (pool.chance(15)) steps.push_back({{"OBJECT", "ENCODING", key}, Compare::kEncoding});
  if (pool.chance(10)) steps.push_back({{"HLEN", key}});
}

// As many as decide about the encoding, all different. Redis 7.2 looks at the number of arguments, and 7.0 at the
// number of fields that come of them: unit/store/hash_test.cc covers repeated ones.
void add_many(Pool& pool, Arguments& arguments) {
  const int64_t count = pool.chance(50) ? pool.between(20, 60) : pool.between(500, 520);
  const int64_t first = pool.between(0, 300);
  for (int64_t i = first; i < first + count; ++i) {
    arguments.insert(arguments.end(), {"many:" + std::to_string(i), std::to_string(i)});
  }
}

// Repeated fields only where they are too few for any limit that make_hset() sets; see add_many().
void add_few(Pool& pool, Arguments& arguments) {
  const int64_t count = pool.between(1, 4);
  std::set<std::string> fields;
  for (int64_t i = 0; i < count; i++) {
    std::string field = pool.member();
    while (!fields.insert(field).second && count > kSmallestLimit) field = pool.member();
    arguments.push_back(field);
    if (!pool.chance(1)) arguments.push_back(pool.chance(50) ? pool.member() : pool.value());
  }
}

Steps make_hset(Pool& pool, std::string_view name) {
  const std::string key = hash_key(pool);
  Arguments arguments = {pool.word(name), key};
  if (pool.chance(3)) {
    add_many(pool, arguments);
  } else {
    add_few(pool, arguments);
  }
  Steps steps = one(arguments);
  if (pool.chance(4)) steps.insert(steps.begin(), {{"DEL", key}});
  if (pool.chance(2)) {
    const std::string limit = pool.one_of({"0", "3", "16", "512", "512", "512"});
    steps.insert(steps.begin(), {{"CONFIG", "SET", "hash-max-listpack-entries", limit}});
  }
  if (pool.chance(2)) {
    const std::string limit = pool.one_of({"0", "10", "64", "64", "64"});
    steps.insert(steps.begin(), {{"CONFIG", "SET", "hash-max-listpack-value", limit}});
  }
  look(pool, key, steps);
  return steps;
}

Steps make_hsetnx(Pool& pool) {
  const std::string key = hash_key(pool);
  Steps steps = one({pool.word("HSETNX"), key, pool.member(), pool.value()});
  look(pool, key, steps);
  return steps;
}

Steps make_fields(Pool& pool, std::string_view name) {
  Arguments arguments = {pool.word(name), hash_key(pool)};
  do arguments.push_back(pool.chance(10) ? "many:" + std::to_string(pool.between(0, 600)) : pool.member());
  while (pool.chance(60));
  return one(arguments);
}

Steps make_hdel(Pool& pool) {
  Steps steps = make_fields(pool, "HDEL");
  const std::string key = steps[0].arguments[1];
  if (pool.chance(5)) {  // most of a big one
    for (int64_t i = pool.between(0, 300); i < 600; ++i) steps[0].arguments.push_back("many:" + std::to_string(i));
  }
  look(pool, key, steps);
  return steps;
}

// Mostly of fields that hold numbers.
Steps make_increment(Pool& pool, std::string_view name, const std::string& by) {
  const std::string key = hash_key(pool);
  const std::string field = pool.chance(70) ? "n" + std::to_string(pool.between(0, 5)) : pool.member();
  Steps steps = one({pool.word(name), key, field, by});
  if (pool.chance(20)) steps.push_back({{"HGET", key, field}});
  if (pool.chance(5)) steps.insert(steps.begin(), {{"HSET", key, field, pool.real()}});
  look(pool, key, steps);
  return steps;
}

std::string count(Pool& pool) {
  if (pool.chance(8)) {
    return pool.one_of({"", "abc", "1.5", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "+1"});
  }
  return std::to_string(pool.chance(10) ? pool.between(-700, 700) : pool.between(-12, 12));
}

Steps make_hrandfield(Pool& pool) {
  Arguments arguments = {pool.word("HRANDFIELD"), hash_key(pool)};
  if (pool.chance(80)) arguments.push_back(count(pool));
  if (arguments.size() == 3 && pool.chance(50)) arguments.push_back(pool.word("WITHVALUES"));
  if (arguments.size() > 2 && pool.chance(3)) return one({arguments[0], arguments[1], arguments[2], "WITHSCORES"});
  if (arguments.size() > 2 && pool.chance(2)) arguments.emplace_back("WITHVALUES");
  return one(arguments, Compare::kExact, Action::kRandomPick);
}

Steps make_hscan(Pool& pool) {
  Arguments arguments = {"HSCAN", hash_key(pool), "0"};
  pool.add_scan_options(arguments);
  if (pool.chance(8)) {
    // What a cursor means that nobody gave out is each server's own business.
    arguments[2] = pool.one_of({"abc", "", "1.5", "-1", "+7", "+"});
    return one(arguments, Compare::kAnswer);
  }
  return one(arguments, Compare::kExact, Action::kWholeScan);
}

const Generator kGenerators[] = {
    {"hset", 30, [](Pool& p) { return make_hset(p, "HSET"); }},
    {"hmset", 6, [](Pool& p) { return make_hset(p, "HMSET"); }},
    {"hsetnx", 6, make_hsetnx},
    {"hget", 10, [](Pool& p) { return one({p.word("HGET"), hash_key(p), p.member()}); }},
    {"hmget", 6, [](Pool& p) { return make_fields(p, "HMGET"); }},
    {"hgetall", 6, [](Pool& p) { return one({"HGETALL", hash_key(p)}, Compare::kPairs); }},
    {"hkeys", 3, [](Pool& p) { return one({"HKEYS", hash_key(p)}, Compare::kUnordered); }},
    {"hvals", 3, [](Pool& p) { return one({"HVALS", hash_key(p)}, Compare::kUnordered); }},
    {"hdel", 12, make_hdel},
    {"hlen", 3, [](Pool& p) { return one({"HLEN", hash_key(p)}); }},
    {"hstrlen", 4, [](Pool& p) { return one({"HSTRLEN", hash_key(p), p.member()}); }},
    {"hexists", 4, [](Pool& p) { return one({"HEXISTS", hash_key(p), p.member()}); }},
    {"hincrby", 10, [](Pool& p) { return make_increment(p, "HINCRBY", p.integer()); }},
    {"hincrbyfloat", 10, [](Pool& p) { return make_increment(p, "HINCRBYFLOAT", p.real()); }},
    {"hrandfield", 8, make_hrandfield},
    {"hscan", 5, make_hscan},
};

}  // namespace

std::span<const Generator> hash_generators() {
  return kGenerators;
}

}  // namespace cowslip::testing
